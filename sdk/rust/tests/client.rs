//! The reqwest client: where credentials follow a redirect, and where not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use mandate_session::{Client, Session};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// Answers each request by its path: `/to?ADDRESS` redirects, all else is well. Keeps what it was asked.
fn server(status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0; 1024];
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                let n = stream.read(&mut byte).unwrap_or(0);
                if n == 0 {
                    break;
                }
                head.extend(&byte[..n]);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let target = head.split(' ').nth(1).unwrap_or("").to_owned();
            kept.lock().unwrap().push(head);
            let answer = match target.split_once("/to?") {
                Some((_, "")) => format!("HTTP/1.1 {status}\r\nLocation: /to?\r\n"),
                Some((_, place)) => format!("HTTP/1.1 {status}\r\nLocation: {place}\r\n"),
                None => "HTTP/1.1 200 OK\r\n".to_owned(),
            };
            let _gone = stream
                .write_all(format!("{answer}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
        }
    });
    (address, asked)
}

fn client() -> Client {
    let keys = Session::api_key([
        ("apca-api-key-id", "pk-1".into()),
        ("apca-api-secret-key", "k3y-of-program".into()),
    ]);
    Client::from_builder(&keys.build().unwrap(), reqwest::Client::builder().no_proxy()).unwrap()
}

#[tokio::test]
async fn redirects_to_another_origin_lose_the_credential() {
    let (elsewhere, asked_elsewhere) = server("200 OK");
    let (api, asked) = server("302 Found");
    let answer = client().get(format!("{api}/to?{elsewhere}/data")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(asked.lock().unwrap()[0].contains("apca-api-secret-key: k3y-of-program"));
    let there = asked_elsewhere.lock().unwrap();
    assert_eq!(there.len(), 1);
    assert!(there[0].starts_with("get /data ") && !there[0].contains("k3y-of-program"), "{}", there[0]);
}

#[tokio::test]
async fn redirects_within_the_api_keep_it() {
    let (api, asked) = server("307 Temporary Redirect");
    let client = client();
    let request = client.request(reqwest::Method::POST, format!("{api}/to?/data")).body("order=1");
    assert_eq!(client.send(request).await.unwrap().status(), 200);
    let asked = asked.lock().unwrap();
    assert!(
        asked[1].starts_with("post /data ") && asked[1].contains("apca-api-secret-key: k3y-of-program"),
        "{}",
        asked[1]
    );
}

#[tokio::test]
async fn a_redirect_that_turns_for_ever_is_returned() {
    let (api, asked) = server("302 Found");
    // Each leads to the same one again.
    let answer = client().get(format!("{api}/to?")).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(asked.lock().unwrap().len(), 11);
}
