//! What an authorized call costs while the token is live, in nanoseconds, as JSON: `authorize` alone, and what the reqwest
//! client adds to a plain request. `cargo run --release -p mandate-session --example overhead`.
#![expect(clippy::print_stdout, reason = "that is its answer")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use mandate_session::{BoxFuture, Client, Session, Transport, TransportError};
use std::error::Error;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An issuer in this very process.
struct Issuer;

impl Transport for Issuer {
    fn send(
        &self,
        _: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, TransportError>> {
        let body = br#"{"access_token": "0123456789abcdef0123456789abcdef", "token_type": "Bearer", "expires_in": 86400}"#;
        Box::pin(async move { Ok(http::Response::new(body.to_vec())) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let session = Session::client_credentials("app", "secret")
        .token_endpoint("https://issuer.example/token")
        .transport(Issuer)
        .build()?;
    let url = "https://api.example/v2/orders?symbol=A".parse()?;
    session.authorize(&http::Method::GET, &url).await?;

    let mut authorize = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        for _ in 0..2_000 {
            std::hint::black_box(session.authorize(&http::Method::GET, &url).await?);
        }
        authorize.push(began.elapsed().as_secs_f64() * 1e9 / 2_000.0);
    }

    let api = api().await?;
    let client = Client::from_builder(&session, reqwest::Client::builder().no_proxy())?;
    let plain = reqwest::Client::builder().no_proxy().build()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..60 {
        let began = Instant::now();
        for _ in 0..100 {
            client.get(&api).await?.bytes().await?;
        }
        let between = Instant::now();
        for _ in 0..100 {
            plain
                .get(&api)
                .header("authorization", "Bearer 0123456789abcdef0123456789abcdef")
                .send()
                .await?
                .bytes()
                .await?;
        }
        if round >= 10 {
            with.push((between - began).as_secs_f64() * 1e9 / 100.0);
            without.push(between.elapsed().as_secs_f64() * 1e9 / 100.0);
        }
    }
    let (with, without) = (median(with), median(without));
    println!(
        "{}",
        serde_json::json!({
            "language": "rust", "authorize_ns": median(authorize).round(), "client_ns": with.round(),
            "plain_ns": without.round(), "added_ns": (with - without).round(),
        })
    );
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// An API that says yes to everything.
async fn api() -> Result<String, Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/data", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                }
            });
        }
    });
    Ok(address)
}
