//! What the owner sees and takes back: apps, keys, sessions, the password.

use super::{Browser, PASSWORD, World, authorize};
use http::StatusCode;
use mandate_core::grant::GrantSpec;
use mandate_core::model::{GrantedBy, KeyHolder};
use mandate_core::{Digest, ScopeSet};
use mandate_store::{IssueToken, NewToken, token_handle};

async fn grant(world: &World, id: &str, user: &str, account: &str, by: GrantedBy) {
    let digest = Digest::of(id.as_bytes());
    let scopes = ScopeSet::parse("trading").unwrap();
    let new = IssueToken {
        grant: GrantSpec {
            platform: "alpaca".into(),
            new_id: id.into(),
            client: "app".into(),
            user: Some(user.into()),
            accounts: vec![account.into()],
            scopes: scopes.clone(),
            granted_by: by,
        },
        known_grant: None,
        scopes,
        partner: None,
        token: NewToken {
            digest,
            handle: token_handle(&digest),
            issued_at: world.now(),
            expires_at: None,
            offset: world.store().head().await.unwrap(),
            chain: None,
        },
        stored: true,
        chain: None,
        marks: vec![],
    };
    world.store().issue_token(&new).await.unwrap();
}

async fn last_audit(world: &World) -> (String, String, String) {
    let records = world.store().audit_after(0, 1000).await.unwrap();
    let last = records.last().unwrap();
    (last.actor.clone(), last.action.clone(), last.subject.clone())
}

#[tokio::test]
async fn connected_apps_are_shown_and_taken_back() {
    let world = World::new().await;
    grant(&world, "g-own", "u-alice", "a-paper", GrantedBy::Owner).await;
    grant(&world, "g-partner", "u-alice", "a-live", GrantedBy::Partner("sunrise".into())).await;
    grant(&world, "g-bob", "u-bob", "b-live", GrantedBy::Owner).await;
    let mut alice = Browser::signed_in(&world, "alice").await;
    let page = alice.get("/apps").await;
    for text in [
        "Chart &lt;b&gt;Maker",
        "Place, change and cancel orders",
        "a-paper",
        "Sunrise Brokerage, a partner",
        ">you<",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("g-bob"));

    let revoke = |grant: &str| vec![("form_token", page.field("form_token")), ("grant", grant.to_owned())];
    assert!(alice.post("/apps/revoke", &revoke("g-bob")).await.is_error("form.rejected"), "somebody else's");
    assert!(alice.post("/apps/revoke", &revoke("no such")).await.is_error("form.rejected"));
    let after = alice.post("/apps/revoke", &revoke("g-own")).await;
    assert_eq!((after.path.as_str(), after.body.contains("removed by you")), ("/apps", true));
    assert_eq!(
        last_audit(&world).await,
        ("user:u-alice".into(), "grant.revoke".into(), "grant:g-own".into())
    );
    assert_eq!(alice.post("/apps/revoke", &revoke("g-own")).await.status, StatusCode::OK, "twice is fine");
    let bobs = world.store().grant(&"alpaca".into(), &"g-bob".into()).await.unwrap().unwrap();
    assert!(bobs.ended.is_none());
    // what a partner gave is the owner's to take back too (SECURITY R23)
    alice.post("/apps/revoke", &revoke("g-partner")).await;
    let partners = world.store().grant(&"alpaca".into(), &"g-partner".into()).await.unwrap().unwrap();
    assert!(partners.ended.is_some());
}

#[tokio::test]
async fn keys_are_made_replaced_revoked_and_reset() {
    let world = World::new().await;
    let mut alice = Browser::signed_in(&world, "alice").await;
    let token = alice.get("/keys").await.field("form_token");
    let on = |account: &str, key: &str| {
        vec![
            ("form_token", token.clone()),
            ("account", account.to_owned()),
            ("key", key.to_owned()),
            ("label", "my <bot>".into()),
        ]
    };
    let key_id =
        |body: &str| body.split("id=\"key-id\">").nth(1).unwrap().split('<').next().unwrap().to_owned();

    let made = alice.post("/keys/create", &on("a-paper", "")).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::OK, "no-store"));
    let first = key_id(&made.body);
    assert!(first.starts_with("PK") && made.body.contains("http://127.0.0.1:7111"));
    let secret = made.body.split("id=\"key-secret\">").nth(1).unwrap().split('<').next().unwrap();
    let keys = world.store().keys(&"alpaca".into(), &KeyHolder::Account("a-paper".into())).await.unwrap();
    assert_eq!(keys[0].digest, Digest::of(secret.as_bytes()));
    assert!(!alice.get("/keys").await.body.contains(secret), "shown once");

    let replaced = alice.post("/keys/replace", &on("a-paper", &first)).await;
    let second = key_id(&replaced.body);
    assert!(replaced.body.contains(&first) && replaced.body.contains("works until"));
    let page = alice.get("/keys").await;
    assert!(page.body.contains("Works until") && page.body.contains("my &lt;bot&gt;"));
    assert_eq!(alice.post("/keys/revoke", &on("a-paper", &second)).await.path, "/keys");
    assert_eq!(
        last_audit(&world).await,
        ("user:u-alice".into(), "key.revoke".into(), format!("key:{second}"))
    );

    let reset = alice.post("/keys/reset", &on("a-paper", "")).await;
    assert!(reset.body.contains("The account was reset"), "{}", reset.body);
    assert_eq!(last_audit(&world).await.1, "account.reset");
    let page = alice.get("/keys").await;
    assert!(page.body.contains("the account was reset") && page.body.contains(&key_id(&reset.body)));

    assert_eq!(alice.post("/keys/create", &on("a-paper", "")).await.status, StatusCode::OK);
    let third = alice.post("/keys/create", &on("a-paper", "")).await;
    assert_eq!((third.status, third.body.contains("two keys at a time")), (StatusCode::CONFLICT, true));

    for (path, account, key) in [
        ("/keys/create", "b-paper", ""),
        ("/keys/reset", "a-live", ""),
        ("/keys/revoke", "a-live", first.as_str()),
        ("/keys/replace", "a-paper", "nothing"),
    ] {
        assert!(
            alice.post(path, &on(account, key)).await.is_error("form.rejected"),
            "{path} {account} {key}"
        );
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = World::new().await;
    let mut here = Browser::signed_in(&world, "alice").await;
    let mut there = Browser::new(&world);
    there.headers.push(("user-agent", "Mozilla/5.0 (X11; Linux) Firefox/140.0".into()));
    let login = there.get("/login").await;
    there.sign_in(&login, "alice", PASSWORD).await;
    let page = here.get("/sessions").await;
    assert!(page.body.contains("Firefox on Linux") && page.body.contains("192.0.2.0/24"));
    assert!(!page.body.contains("192.0.2.7"), "addresses are shortened");
    assert_eq!(page.body.matches("this browser").count(), 1);
    let end = [("form_token", page.field("form_token")), ("session", page.field("session"))];
    assert_eq!(here.post("/sessions/end", &end).await.path, "/sessions");
    assert_eq!(there.get("/apps").await.path, "/login");
    assert_eq!(here.get("/apps").await.path, "/apps");

    let asked = here.get("/logout").await;
    let done = here.post("/logout", &[("form_token", asked.field("form_token"))]).await;
    assert_eq!((done.status, here.cookie.as_deref()), (StatusCode::OK, None));
    assert_eq!(last_audit(&world).await.1, "session.end");
}

#[tokio::test]
async fn somebody_else_can_sign_in_for_a_request_under_way() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "alice").await;
    let consent = browser.get(&authorize("")).await;
    let logout = browser.get(&format!("/logout?request={}", consent.field("request"))).await;
    let fields = [("form_token", logout.field("form_token")), ("request", logout.field("request"))];
    let login = browser.post("/logout", &fields).await;
    assert_eq!(login.path, "/login");
    let consent = browser.sign_in(&login, "bob", PASSWORD).await;
    assert!(consent.path == "/consent" && consent.body.contains("b-paper"));
}

#[tokio::test]
async fn a_new_password_ends_other_sessions() {
    let world = World::new().await;
    let mut here = Browser::signed_in(&world, "alice").await;
    let mut there = Browser::signed_in(&world, "alice").await;
    let token = here.get("/password").await.field("form_token");
    let change = |old: &str, new: &str, again: &str| {
        let (old, new, again) = (old.to_owned(), new.to_owned(), again.to_owned());
        vec![
            ("form_token", token.clone()),
            ("password", old),
            ("new_password", new),
            ("new_password_again", again),
        ]
    };
    let wrong = here.post("/password", &change("not it", "a long new one", "a long new one")).await;
    assert!(wrong.is_error("sign_in.rejected") && wrong.status == StatusCode::UNAUTHORIZED);
    for (new, again, says) in [
        ("short", "short", "too short"),
        ("a long new one", "another one", "not the same"),
        ("i am alice!", "i am alice!", "your name"),
    ] {
        let refused = here.post("/password", &change(PASSWORD, new, again)).await;
        assert!(refused.status == StatusCode::BAD_REQUEST && refused.body.contains(says), "{says}");
    }
    let done = here.post("/password", &change(PASSWORD, "a long new one", "a long new one")).await;
    assert!(done.status == StatusCode::OK && !done.body.contains("id=\"error\""));
    assert_eq!(last_audit(&world).await.1, "user.password");
    assert_eq!(
        (here.get("/apps").await.path, there.get("/apps").await.path),
        ("/apps".into(), "/login".into())
    );
    let login = there.get("/login").await;
    assert!(there.sign_in(&login, "alice", PASSWORD).await.is_error("sign_in.rejected"));
}

#[tokio::test]
async fn every_page_has_its_headers() {
    let world = World::new().await;
    let mut alice = Browser::signed_in(&world, "alice").await;
    for path in [
        "/",
        "/apps",
        "/keys",
        "/sessions",
        "/password",
        "/logout",
        "/causes",
        "/causes/grant.revoked",
        "/error",
        "/nothing",
    ] {
        let page = alice.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(
            (page.header("cache-control"), page.header("x-content-type-options")),
            ("no-store", "nosniff"),
            "{path}"
        );
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        assert!(page.body.contains("<html lang=\"en\">") && !page.body.contains("<script"), "{path}");
    }
}
