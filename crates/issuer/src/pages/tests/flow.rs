//! The consent flow, step by step, on nodes that take turns.

use super::{Browser, CALLBACK, Shown, World, authorize};
use http::StatusCode;
use mandate_core::grant::CodeRule;
use mandate_core::model::GrantedBy;
use mandate_core::{Digest, Secret};
use mandate_store::{ClientChange, Minted, NewToken, Redeemed, token_handle};

fn decision(consent: &Shown, choice: &str) -> Vec<(&'static str, String)> {
    vec![
        ("form_token", consent.field("form_token")),
        ("request", consent.field("request")),
        ("account_paper", "a-paper".into()),
        ("account_live", "a-live".into()),
        ("decision", choice.into()),
    ]
}

async fn redeem(world: &World, code: &str) -> Redeemed {
    let rule = CodeRule {
        client: "app".into(),
        redirect_uri: CALLBACK.into(),
        verifier: None,
        requires_pkce: false,
        binding: None,
        secret_of: None,
        own_secret_serves: None,
        resource: None,
    };
    let digest = Digest::of(b"token");
    let token = NewToken {
        digest,
        handle: token_handle(&digest),
        issued_at: world.now(),
        expires_at: None,
        offset: world.store().head().await.unwrap(),
        chain: None,
    };
    let minted = Minted::stored(token);
    world.store().redeem_code(&"alpaca".into(), &Secret::new(code).digest(), &rule, &minted).await.unwrap()
}

#[tokio::test]
async fn allow_gives_a_code_for_what_was_shown() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let login = browser.get(&authorize("")).await;
    assert_eq!(login.path, "/login");
    let consent = browser.sign_in(&login, "alice", super::PASSWORD).await;
    assert_eq!((consent.path.as_str(), consent.status), ("/consent", StatusCode::OK));
    for text in [
        "Chart &lt;b&gt;Maker&lt;/b&gt;",
        "Place, change and cancel orders",
        "Change account settings",
        "a-paper",
        "has not approved this app for live accounts",
        "id=\"consent-allow\"",
        "id=\"consent-deny\"",
        "https://charts.example.test/privacy",
    ] {
        assert!(consent.body.contains(text), "{text}: {}", consent.body);
    }
    assert!(!consent.body.contains("javascript:") && !consent.body.contains("<script"));
    assert!(
        consent.header("content-security-policy").contains("form-action 'self' https://rp.example.test;")
    );

    let done = browser.post("/consent", &decision(&consent, "allow")).await;
    assert_eq!(done.status, StatusCode::FOUND);
    assert!(done.header("location").starts_with(&format!("{CALLBACK}?code=")));
    assert_eq!(done.parameter("state").as_deref(), Some("s&t"));
    assert_eq!(done.parameter("iss").as_deref(), Some("http://127.0.0.1:7110"));

    let Redeemed::Fresh { grant, scopes, .. } = redeem(&world, &done.parameter("code").unwrap()).await else {
        panic!()
    };
    assert_eq!(scopes.to_string(), "data trading");
    let grant = world.store().grant(&"alpaca".into(), &grant).await.unwrap().unwrap();
    assert_eq!(grant.accounts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a-live", "a-paper"]);
    assert_eq!((grant.user, grant.granted_by), (Some("u-alice".into()), GrantedBy::Owner));

    // the next time no sign-in is needed
    assert_eq!(browser.get(&authorize("")).await.path, "/consent");
}

#[tokio::test]
async fn deny_goes_back_with_what_explains_it() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "alice").await;
    let consent = browser.get(&authorize("&env=paper")).await;
    assert!(!consent.body.contains("a-live"), "not asked for");
    let done = browser.post("/consent", &decision(&consent, "deny")).await;
    assert_eq!(done.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(done.parameter("cause").as_deref(), Some("access.denied"));
    let (id, uri) = (done.parameter("decision_id").unwrap(), done.parameter("error_uri").unwrap());
    assert_eq!(uri, format!("http://127.0.0.1:7110/explain/{id}"));
    assert!(done.parameter("error_description").is_some() && done.parameter("code").is_none());
    assert_eq!(world.store().counts(&"alpaca".into()).await.unwrap(), (0, 0, 0));
    let explained = browser.get(&format!("/explain/{id}")).await;
    assert!(explained.body.contains("The owner said no"));
}

#[tokio::test]
async fn r25_consent_is_checked_against_user_request_and_own_accounts() {
    let world = World::new().await;
    let (mut alice, mut bob) =
        (Browser::signed_in(&world, "alice").await, Browser::signed_in(&world, "bob").await);
    let consent = alice.get(&authorize("")).await;
    let other = alice.get(&authorize("&env=paper")).await;
    let with = |name: &'static str, value: &str| {
        let mut fields = decision(&consent, "allow");
        fields.retain(|(n, _)| *n != name);
        fields.push((name, value.into()));
        fields
    };
    for (fields, what) in [
        (with("account_live", "b-live"), "somebody else's account"),
        (with("account_live", "a-paper"), "an account of another environment"),
        (with("request", &other.field("request")), "another request"),
        (with("request", "forged"), "no request of ours"),
        (with("decision", "perhaps"), "no decision"),
    ] {
        let refused = alice.post("/consent", &fields).await;
        assert!(refused.is_error("form.rejected"), "{what}: {} {}", refused.status, refused.body);
    }
    assert!(
        bob.post("/consent", &decision(&consent, "allow")).await.is_error("form.rejected"),
        "another session"
    );
    assert_eq!(world.store().counts(&"alpaca".into()).await.unwrap(), (0, 0, 0));
    let mut none = with("account_live", "none");
    none.retain(|(n, _)| *n != "account_paper");
    let again = alice.post("/consent", &none).await;
    assert_eq!(
        (again.status, again.body.contains("Choose at least one account")),
        (StatusCode::BAD_REQUEST, true)
    );
}

#[tokio::test]
async fn a_request_waits_fifteen_minutes_and_is_judged_anew() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "alice").await;
    let consent = browser.get(&authorize("")).await;
    let change = ClientChange {
        redirect_uris: Some(vec!["https://elsewhere.test/".into()]),
        ..ClientChange::default()
    };
    world.store().change_client(&"alpaca".into(), &"app".into(), &change, &world.audit()).await.unwrap();
    let refused = browser.post("/consent", &decision(&consent, "allow")).await;
    assert!(refused.is_error("redirect.mismatch"), "{}", refused.body);
    world.advance(900);
    let refused = browser.post("/consent", &decision(&consent, "allow")).await;
    assert!(refused.is_error("form.rejected") && refused.body.contains("begin again at the app"));
}

#[tokio::test]
async fn errors_stay_here_until_the_redirect_is_known() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    for (query, cause) in [
        ("", "request.parameter_missing"),
        ("client_id=nobody", "client.rejected"),
        ("client_id=%00", "client.rejected"),
        ("client_id=app&client_id=app", "request.parameter_repeated"),
        ("client_id=%ff", "request.body_malformed"),
        ("client_id=app&redirect_uri=https://evil.example.test/", "redirect.mismatch"),
    ] {
        let refused = browser.get(&format!("/oauth/authorize?{query}")).await;
        assert!(refused.is_error(cause), "{query}: {}", refused.body);
        assert!(refused.status.is_client_error() && refused.header("location").is_empty());
        assert!(refused.body.contains(&format!("/explain/{}", refused.header("mandate-decision"))));
    }
    let refused = browser.get(&authorize("&env=sandbox")).await;
    assert!(refused.header("location").starts_with(CALLBACK));
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(refused.parameter("state").as_deref(), Some("s&t"));
    let refused = browser.get(&authorize("").replace("trading+data", "trading+everything")).await;
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_scope"));
    assert_eq!(
        refused.parameter("error_description").as_deref(),
        Some("A scope that cannot be given: everything")
    );
    let long = browser.get(&authorize(&"x".repeat(3500))).await;
    assert_eq!(long.parameter("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn r06_the_developer_sees_what_is_registered_and_nobody_else_does() {
    let world = World::new().await;
    let path = "/oauth/authorize?client_id=app&redirect_uri=https://evil.example.test/";
    let seen = Browser::new(&world).get(path).await;
    assert!(!seen.body.contains(CALLBACK) && seen.body.contains("https://evil.example.test/"));
    assert!(!Browser::signed_in(&world, "alice").await.get(path).await.body.contains(CALLBACK));
    assert!(Browser::signed_in(&world, "bob").await.get(path).await.body.contains(CALLBACK));
}

#[tokio::test]
async fn without_accounts_there_is_nothing_to_allow() {
    let world = World::new().await;
    let mut carol = Browser::signed_in(&world, "carol").await;
    let consent = carol.get(&authorize("")).await;
    assert!(consent.body.contains("You have no account") && !consent.body.contains("consent-allow"));
    let back = carol.post("/consent", &decision(&consent, "deny")).await;
    assert_eq!(back.parameter("error").as_deref(), Some("access_denied"));
    assert!(carol.get("/keys").await.body.contains("You have no accounts."));
}

#[tokio::test]
async fn rfc8252_loopback_ports_go_through_to_the_code() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "alice").await;
    let path = authorize("").replace(CALLBACK, "http://localhost:41920");
    let consent = browser.get(&path).await;
    assert!(consent.header("content-security-policy").contains("form-action 'self' http://localhost:41920;"));
    let done = browser.post("/consent", &decision(&consent, "allow")).await;
    assert!(
        done.header("location").starts_with("http://localhost:41920?code="),
        "{}",
        done.header("location")
    );
}
