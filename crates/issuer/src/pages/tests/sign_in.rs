//! Signing in: one answer, one cost, limits, and what the cookie is like.

use super::{Browser, PASSWORD, Shown, World};
use http::StatusCode;

fn masked(shown: &Shown, name: &str) -> (StatusCode, String) {
    let mut body = shown
        .body
        .replace(&shown.field("form_token"), "<token>")
        .replace(&format!("value=\"{name}\""), "<name>");
    body = body.replace(shown.header("mandate-decision"), "<id>");
    (shown.status, body)
}

#[tokio::test]
async fn r07_unknown_user_and_wrong_password_are_one_answer_at_one_cost() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for name in ["alice", "nemo", "with\u{1}control"] {
        let mut browser = Browser::new(&world);
        let login = browser.get("/login").await;
        let (reads, digests) = (world.store().reads(), world.digests());
        let refused = browser.sign_in(&login, name, "wrong password").await;
        assert!(refused.is_error("sign_in.rejected"), "{}", refused.body);
        let lengths = (refused.header("mandate-decision").len(), refused.field("form_token").len());
        seen.push((
            masked(&refused, name),
            lengths,
            world.store().reads() - reads,
            world.digests() - digests,
        ));
    }
    assert_eq!(seen[0].0.0, StatusCode::UNAUTHORIZED);
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[2].2, seen[2].3), (1, 1));
    assert_eq!((seen[0].2, seen[0].3), (1, 1), "one look-up, one digest");
    assert!(world.recorded.lock().unwrap().is_empty(), "nothing was proven, so nothing is written");
}

#[tokio::test]
async fn r05_attempts_are_limited_alike_for_known_and_unknown_names() {
    let world = World::new().await;
    let mut counts = Vec::new();
    for name in ["alice", "nemo"] {
        let mut browser = Browser::new(&world);
        let mut tried = 0;
        let refused = loop {
            let login = browser.get("/login").await;
            let refused = browser.sign_in(&login, name, "wrong password").await;
            if refused.status == StatusCode::TOO_MANY_REQUESTS {
                break refused;
            }
            tried += 1;
            assert!(tried < 100);
        };
        assert!(refused.is_error("sign_in.throttled"));
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait));
        world.advance(wait + 6);
        counts.push((tried, masked(&refused, name)));
    }
    assert_eq!(counts[0], counts[1]);
    // two nodes count apart, so one more attempt is free on each of them by now
    Browser::signed_in(&world, "alice").await;
}

#[tokio::test]
async fn r19_the_cookie_names_the_platform_and_is_closed_to_others() {
    for (issuer, name, secure) in [
        ("http://127.0.0.1:7110", "mandate_alpaca_session", false),
        ("https://id.example.test", "__Host-mandate_alpaca_session", true),
    ] {
        let world = World::at(issuer).await;
        let mut browser = Browser::new(&world);
        let login = browser.get("/login").await;
        let request = http::Request::post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(
                format!(
                    "form_token={}&next=/apps&username=alice&password={PASSWORD}",
                    login.field("form_token")
                )
                .into(),
            )
            .unwrap();
        let answer = world.call(request).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let mut parts = cookie.split("; ");
        let (key, value) = parts.next().unwrap().split_once('=').unwrap();
        assert_eq!((key, value.len()), (name, 22));
        let mut attributes: Vec<_> = parts.collect();
        assert_eq!(attributes.pop_if(|a| *a == "Secure").is_some(), secure);
        assert_eq!(attributes, ["Path=/", "HttpOnly", "SameSite=Lax"]);
    }
}

#[tokio::test]
async fn r25_the_session_changes_at_sign_in_and_the_old_one_ends() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "alice").await;
    let before = browser.cookie.clone();
    // a second sign-in in the same browser, from a form that was loaded before the first
    let login = Browser::new(&world).get("/login").await;
    browser.sign_in(&login, "bob", PASSWORD).await;
    assert_ne!(browser.cookie, before);
    let mut old = Browser { cookie: before, ..Browser::new(&world) };
    assert_eq!(old.get("/apps").await.path, "/login");
    // a cookie that the server did not give opens nothing and is not taken over
    let mut planted =
        Browser { cookie: Some("mandate_alpaca_session=planted".into()), ..Browser::new(&world) };
    let login = planted.get("/login").await;
    planted.sign_in(&login, "alice", PASSWORD).await;
    assert_ne!(planted.cookie.as_deref(), Some("mandate_alpaca_session=planted"));
}

#[tokio::test]
async fn pages_want_a_session_and_lead_back() {
    let world = World::new().await;
    for path in ["/apps", "/keys", "/sessions", "/password"] {
        let mut browser = Browser::new(&world);
        let login = browser.get(path).await;
        assert_eq!((login.path.as_str(), login.field("next").as_str()), ("/login", path));
        assert_eq!(browser.sign_in(&login, "alice", PASSWORD).await.path, path);
        assert_eq!(browser.get("/login").await.path, "/apps", "signed in already");
    }
}

#[tokio::test]
async fn r25_form_tokens_bind_page_session_user_and_time() {
    let world = World::new().await;
    let (mut alice, mut bob) =
        (Browser::signed_in(&world, "alice").await, Browser::signed_in(&world, "bob").await);
    let mut again = Browser::signed_in(&world, "alice").await;
    let token = alice.get("/sessions").await.field("form_token");
    let keys = alice.get("/keys").await.field("form_token");
    let end_all = |token: &str| vec![("form_token", token.to_owned())];
    for (who, token, what) in [
        (1, token.as_str(), "another user's"),
        (2, token.as_str(), "another session's"),
        (0, keys.as_str(), "another page's"),
        (0, "", "none"),
        (0, "forged", "forged"),
    ] {
        let browser = match who {
            0 => &mut alice,
            1 => &mut bob,
            _ => &mut again,
        };
        let refused = browser.post("/sessions/end-all", &end_all(token)).await;
        assert!(refused.is_error("form.rejected"), "{what}: {}", refused.body);
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    world.advance(3601);
    assert!(alice.post("/sessions/end-all", &end_all(&token)).await.is_error("form.rejected"), "too old");
    let token = alice.get("/sessions").await.field("form_token");
    assert_eq!(alice.post("/sessions/end-all", &end_all(&token)).await.path, "/login");
}

#[tokio::test]
async fn r19_posts_from_elsewhere_are_refused_and_silence_is_not() {
    let world = World::new().await;
    for (header, value, fine) in [
        ("origin", "https://evil.example.test", false),
        ("origin", "null", false),
        ("origin", "http://127.0.0.1:7110", true),
        ("origin", "http://localhost:7110", true),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
    ] {
        let mut browser = Browser::new(&world);
        let login = browser.get("/login").await;
        browser.headers.push((header, value.into()));
        let done = browser.sign_in(&login, "alice", PASSWORD).await;
        assert_eq!(done.path == "/apps", fine, "{header}: {value}");
        assert_eq!(done.is_error("form.rejected"), !fine, "{header}: {value}");
    }
}

#[tokio::test]
async fn names_are_echoed_as_text() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let login = browser.get("/login").await;
    let refused = browser.sign_in(&login, "\"><script>x", "wrong password").await;
    assert!(refused.body.contains("&quot;&gt;&lt;script&gt;x") && !refused.body.contains("<script"));
}
