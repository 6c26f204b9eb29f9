//! A dialect that does not ship, made up here, on a server that was given its list with it: what a further dialect needs
//! is in this folder, and nothing in `wire`, `core`, `issuer` or `gate` knows of it. If a test here needs a change there,
//! the engine's shape is wrong.

mod harbour;
mod port;
mod radio;
mod signals;

use harbour::{HARBOUR, PASS};
use http::{Method, StatusCode};
use port::{Port, SECRET, SHIP};
use radio::Radio;
use serde_json::{Value, json};

/// Every error of this dialect: what its clients parse, and what every refusal can be looked up by.
#[track_caller]
fn trouble(body: &Value, cause: &str) {
    assert!(body["trouble"]["nr"].is_u64(), "{body}");
    assert!(body["trouble"]["what"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert_eq!(body["cause"], cause, "{body}");
    let id = body["decision_id"].as_str().unwrap();
    assert!(body["error_uri"].as_str().unwrap().ends_with(id), "{body}");
}

#[tokio::test]
async fn it_gives_a_token_that_opens_what_its_scopes_cover() {
    let port = Port::open().await;
    let pass = port.sign_on("accounts").await;
    let got = port.get("/accounts", &[(PASS, &pass)]).await;
    assert_eq!((got.status, got.body), (StatusCode::OK, json!({"accounts": []})));
    let refused = port.get("/quotes/AAPL", &[(PASS, &pass)]).await;
    assert_eq!(refused.status, StatusCode::IM_A_TEAPOT);
    trouble(&refused.body, "scope.missing");
    assert_eq!(refused.body["facts"]["scopes_needed"], "quotes", "{}", refused.body);
}

#[tokio::test]
async fn its_token_endpoint_takes_and_says_what_it_alone_does() {
    let port = Port::open().await;
    let asked = json!({
        "grant_type": "client_credentials", "client_id": SHIP, "client_secret": SECRET, "scope": "quotes accounts",
    });
    let got = port.post("/harbour/sign-on", &asked).await;
    assert_eq!(got.status, StatusCode::CREATED);
    assert_eq!((&got.body["good_for"], &got.body["may"]), (&json!("PT900S"), &json!(["accounts", "quotes"])));
    assert_eq!(got.body["pass"].as_str().map(str::len), Some(40));

    let wrong = json!({"grant_type": "client_credentials", "client_id": SHIP, "client_secret": "another"});
    let unknown = json!({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": SECRET});
    for (asked, cause) in [
        (wrong, "client.rejected"),
        (unknown, "client.rejected"),
        (json!({"client_id": SHIP, "client_secret": SECRET}), "request.parameter_missing"),
        (
            json!({"grant_type": "refresh_token", "client_id": SHIP, "client_secret": SECRET}),
            "grant_type.unsupported",
        ),
    ] {
        let got = port.post("/harbour/sign-on", &asked).await;
        assert!(got.status.is_client_error(), "{} {}", got.status, got.body);
        trouble(&got.body, cause);
    }
}

/// Every route of its platform, every path of its endpoints and some that are none: by every method, without a
/// credential, with a wrong one and with two. No answer is a redirect, none is in another dialect's words.
#[tokio::test]
async fn a_sweep_over_all_routes_finds_its_words_everywhere() {
    let port = Port::open().await;
    let routes = port.routes();
    let endpoints =
        HARBOUR.data().surfaces.iter().flat_map(|s| s.data().endpoints).map(|e| e.path.to_owned());
    let strange = ["/", "/nothing", "/oauth/token", "/token", "/harbour/", "/login", "/consent", "/apps"];
    let paths = routes.iter().map(|(_, path)| path.replace("{symbol}", "AAPL"));
    let paths: Vec<String> = paths.chain(endpoints).chain(strange.map(str::to_owned)).collect();
    let pass = port.sign_on("accounts").await;
    let mut judged = 0;
    for path in &paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            for headers in [
                &[][..],
                &[(PASS, "0123456789012345678901234567890123456789")],
                &[(PASS, &*pass), ("authorization", "Bearer x")],
            ] {
                let got = port.send(&method, path, headers, None).await;
                let is_public = method == Method::GET && path == "/health";
                if is_public || got.status == StatusCode::OK {
                    assert!(is_public, "{method} {path}: {}", got.status);
                    continue;
                }
                assert!(!got.status.is_redirection(), "{method} {path}: {}", got.status);
                assert!(got.body["trouble"]["nr"].is_u64(), "{method} {path}: {} {}", got.status, got.body);
                judged += 1;
            }
        }
    }
    assert_eq!(judged + 3, paths.len() * 15);
}

#[tokio::test]
async fn its_refusals_are_explained_where_no_one_signs_in() {
    let port = Port::open().await;
    let refused = port.get("/accounts", &[]).await;
    trouble(&refused.body, "credential.missing");
    let uri = refused.body["error_uri"].as_str().unwrap();
    let path = &uri[uri.rfind("/explain/").unwrap()..];
    let page = port.send(&Method::GET, path, &[("accept", "application/json")], None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(page.body["cause"]["id"].as_str().or(page.body["cause"].as_str()), Some("credential.missing"));
    assert!(page.headers.get("set-cookie").is_none());
    let shown = port.send(&Method::GET, path, &[("accept", "text/html")], None).await;
    assert!(shown.text.contains("ask harbour master") && !shown.text.contains("/login"), "{}", shown.text);
}

/// A close that says why, in the dialect's own words and in the close frame.
#[track_caller]
fn overboard(said: &str, closed: &str, cause: &str) {
    let (start, id) = said.rsplit_once(' ').unwrap();
    assert_eq!(start, format!("overboard {cause}"));
    assert_eq!(closed, format!("close 1008 {cause} {id}"));
}

#[tokio::test]
async fn its_streams_close_when_what_they_hang_from_ends() {
    let port = Port::open().await;
    let pass = port.sign_on("accounts").await;
    let mut radio = Radio::on(&port).await;
    radio.say(&format!("pass {pass}")).await;
    assert_eq!(radio.hear().await, "aboard");
    radio.say(r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#).await;
    assert!(radio.hear().await.contains("listening"));
    port.take_back(&pass).await;
    overboard(&radio.hear().await, &radio.hear().await, "token.revoked");
}

#[tokio::test]
async fn its_streams_refuse_in_its_words() {
    let port = Port::open().await;
    let quotes = port.sign_on("quotes").await;
    for (first, cause) in [
        ("ahoy", "stream.not_logged_in"),
        ("pass 0123456789012345678901234567890123456789", "credential.rejected"),
        (&*format!("pass {quotes}"), "scope.missing"),
    ] {
        let mut radio = Radio::on(&port).await;
        radio.say(first).await;
        overboard(&radio.hear().await, &radio.hear().await, cause);
    }
}
