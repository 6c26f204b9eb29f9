// An issuer and an API of a few lines, for the examples of the front page: `issuer()` starts one in a thread and gives
// its address. It says yes to everything that has the right form.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// The address of a new one.
fn issuer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let base = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let base = base.clone();
            std::thread::spawn(move || serve(stream, &base));
        }
    });
    address
}

fn serve(mut stream: TcpStream, base: &str) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let Some(n) = stream.read(&mut part).ok().filter(|n| *n > 0) else { return };
        request.extend(&part[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
            rest.lines().next().and_then(|n| n.trim().parse().ok()).unwrap_or(0)
        });
        if body.len() < length {
            continue;
        }
        let answer = answer(head, body, base);
        let _gone = stream.write_all(answer.as_bytes());
        request.clear();
    }
}

fn answer(head: &str, body: &str, base: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (status, extra, json) = match path {
        "/.well-known/oauth-authorization-server" => ("200 OK", String::new(), format!(
            r#"{{"issuer":"{base}","token_endpoint":"{base}/token","authorization_endpoint":"{base}/authorize","device_authorization_endpoint":"{base}/device","revocation_endpoint":"{base}/revoke"}}"#
        )),
        "/token" if body.contains("grant_type=") => ("200 OK", String::new(),
            r#"{"access_token":"an-access-token","token_type":"Bearer","expires_in":"600","refresh_token":"a-refresh-token"}"#.to_owned()),
        "/device" => ("200 OK", String::new(), format!(
            r#"{{"device_code":"d","user_code":"BDWP-HQPK","verification_uri":"{base}/go","expires_in":600,"interval":1}}"#
        )),
        "/authorize" => {
            let field = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)).unwrap_or("").to_owned();
            let back = field("redirect_uri=").replace("%3A", ":").replace("%2F", "/");
            ("302 Found", format!("Location: {back}?code=c&state={}\r\n", field("state=")), String::new())
        }
        "/orders" => ("403 Forbidden", String::new(),
            r#"{"cause":"scope.missing","facts":{"scopes_needed":["trading"],"scopes_held":["data"]}}"#.to_owned()),
        "/revoke" => ("200 OK", String::new(), "{}".to_owned()),
        _ if head.to_lowercase().contains("authorization: bearer an-access-token")
            || head.to_lowercase().contains("apca-api-key-id: ") => ("200 OK", String::new(), r#"{"data":[]}"#.to_owned()),
        _ => ("401 Unauthorized", String::new(), "{}".to_owned()),
    };
    format!("HTTP/1.1 {status}\r\n{extra}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}", json.len())
}
