//! A day's work: making things, changing them, ending them, and what is left in the record.

use super::document::assert_shape;
use super::*;
use crate::admin::shapes::Shape;
use mandate_core::disclosure::{FactName, Facts};
use mandate_core::grant::GrantSpec;
use mandate_core::model::{Credential, GrantedBy};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, KeyId, ScopeSet};
use mandate_store::{IssueToken, NewToken};

async fn account(scene: &Scene, environment: &str) -> String {
    scene.post("write", "/platforms/sun/users", json!({"name": "alice", "password": "correct horse"})).await;
    let made = scene
        .post("write", "/platforms/sun/accounts", json!({"user": "alice", "environment": environment}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_shape(&made.json, Shape::Account);
    made.text("id")
}

#[tokio::test]
async fn users_are_made_once_and_their_passwords_are_told_once_if_at_all() {
    let scene = Scene::new().await;
    let path = "/platforms/sun/users";
    let with = scene.post("write", path, json!({"name": "alice", "password": "correct horse"})).await;
    assert_eq!(with.status, 201);
    assert!(with.json.get("password").is_none());
    assert_shape(&with.json, Shape::User);
    assert_eq!(scene.last_act().await.0, "admin:write");
    let again = scene.post("write", path, json!({"name": "alice"})).await;
    assert_eq!((again.status, again.json["field"].as_str()), (409, Some("name")));
    let without = scene.post("write", path, json!({"name": "bob"})).await;
    assert_eq!(without.text("password").len(), 18);
    let by_name = scene.post("write", "/platforms/sun/users/alice/password", json!({})).await;
    assert_eq!((by_name.status, by_name.text("id")), (200, with.text("id")));
    assert_eq!(scene.last_act().await.1, "user.password");
    let list = scene.get("read", path).await;
    assert_eq!(list.json["items"].as_array().unwrap().len(), 2);
    assert!(!list.text.contains("password") && !list.text.contains("argon2"), "{}", list.text);
}

#[tokio::test]
async fn machines_are_made_with_their_quota() {
    let scene = Scene::new().await;
    let path = "/platforms/sun/users";
    let person = scene.post("write", path, json!({"name": "alice"})).await;
    assert_eq!((person.text("kind"), &person.json["sessions"]), ("person".into(), &Json::Null));
    let one = scene.post("write", path, json!({"name": "GE-A-1", "kind": "machine"})).await;
    assert_eq!((one.status, one.text("kind"), &one.json["sessions"]), (201, "machine".into(), &json!(1)));
    assert_shape(&one.json, Shape::User);
    let five = scene.post("write", path, json!({"name": "GE-A-5", "kind": "machine", "sessions": 5})).await;
    assert_eq!(five.json["sessions"], 5);
    for (body, field) in [
        (json!({"name": "x", "kind": "robot"}), "kind"),
        (json!({"name": "x", "sessions": 2}), "sessions"),
        (json!({"name": "x", "kind": "machine", "sessions": 0}), "sessions"),
        (json!({"name": "x", "kind": "machine", "sessions": 1001}), "sessions"),
    ] {
        let wrong = scene.post("write", path, body).await;
        assert_eq!((wrong.status, wrong.json["field"].as_str()), (422, Some(field)), "{}", wrong.text);
    }
    let changed = scene.patch("/platforms/sun/users/GE-A-1", json!({"sessions": 3})).await;
    assert_eq!((changed.status, &changed.json["sessions"]), (200, &json!(3)), "{}", changed.text);
    assert_shape(&changed.json, Shape::User);
    assert_eq!(scene.last_act().await.1, "user.change");
    let list = scene.get("read", path).await;
    assert_eq!(list.json["items"][1]["sessions"], 3);
    let of_person = scene.patch("/platforms/sun/users/alice", json!({"sessions": 3})).await;
    assert_eq!(of_person.status, 409, "{}", of_person.text);
    let none = scene.get("read", "/platforms/sun/users/GE-A-1/sign-ons").await;
    assert_eq!((none.status, &none.json["items"]), (200, &json!([])));
}

#[tokio::test]
async fn a_key_is_made_replaced_and_revoked() {
    let scene = Scene::new().await;
    let account = account(&scene, "paper").await;
    let keys = "/platforms/sun/keys";
    let first = scene.post("write", keys, json!({"account": account, "label": "bot"})).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_shape(&first.json, Shape::Key);
    assert!(first.text("id").starts_with("PK") && first.text("secret").len() == 40);
    let stored = scene.admin.issuer.store.credential(&"sun".into(), &first.text("id")).await.unwrap().value;
    let Some(Credential::Key(facts)) = stored else { panic!("a key") };
    assert_eq!(facts.key.digest, Secret::new(first.text("secret")).digest());

    scene.post("write", keys, json!({"account": account})).await;
    let third = scene.post("write", keys, json!({"account": account})).await;
    assert_eq!(third.status, 409);
    assert!(third.message().contains(&first.text("id")), "{}", third.text);

    let next =
        scene.post("write", &format!("{keys}/{}/replace", first.text("id")), json!({"overlap_s": 60})).await;
    assert_eq!((next.status, next.text("replaces")), (201, first.text("id")), "{}", next.text);
    let list = scene.get("read", &format!("{keys}?account={account}")).await;
    assert_eq!(list.json["items"][0]["status"], "ENDING");
    assert_eq!(list.json["items"][0]["ended"]["successor"], next.json["id"]);
    assert!(!list.text.contains(&first.text("secret")));
    let again = scene.post("write", &format!("{keys}/{}/replace", first.text("id")), json!({})).await;
    assert_eq!((again.status, &again.json["successor"]), (409, &next.json["id"]));

    let ended = scene.post("write", &format!("{keys}/{}/revoke", next.text("id")), json!({})).await;
    assert_eq!((ended.status, ended.json["status"].as_str()), (200, Some("ENDED")), "{}", ended.text);
    assert_eq!(scene.last_act().await.2, format!("key:{}", next.text("id")));
    assert_eq!(
        scene.post("write", &format!("{keys}/{}/revoke", next.text("id")), json!({})).await.status,
        409
    );
    assert_eq!(scene.post("write", &format!("{keys}/PKNOTHING/revoke"), json!({})).await.status, 404);
    assert_eq!(scene.get("read", keys).await.status, 422);
    assert_eq!(scene.get("read", &format!("{keys}?partner=dwan")).await.text("hint"), "did you mean `dawn`?");
}

#[tokio::test]
async fn partners_keys_are_theirs_wherever_they_act() {
    let scene = Scene::new().await;
    let made = scene.post("write", "/platforms/sun/partners/dawn/keys", json!({})).await;
    assert_eq!((made.status, made.json["partner"].as_str()), (201, Some("dawn")), "{}", made.text);
    assert!(made.text("id").starts_with("CK") && made.json["environment"].is_null());
    assert_shape(&scene.get("read", "/platforms/sun/partners").await.json["items"][0], Shape::Partner);
}

#[tokio::test]
async fn paper_accounts_are_reset_and_others_are_not() {
    let scene = Scene::new().await;
    let (paper, live) = (account(&scene, "paper").await, account(&scene, "live").await);
    let key = scene.post("write", "/platforms/sun/keys", json!({"account": paper})).await;
    let reset = scene.post("write", &format!("/platforms/sun/accounts/{paper}/reset"), json!({})).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    assert_shape(&reset.json, Shape::Reset);
    assert_shape(&reset.json["key"], Shape::Key);
    assert_eq!(
        (&reset.json["ended_keys"], &reset.json["account"]["resets"]),
        (&json!([key.text("id")]), &json!(1))
    );
    let refused = scene.post("write", &format!("/platforms/sun/accounts/{live}/reset"), json!({})).await;
    assert_eq!((refused.status, refused.text("hint")), (409, "accounts in paper can be reset".into()));
    for (act, status) in [("disable", "DISABLED"), ("disable", "DISABLED"), ("enable", "ACTIVE")] {
        let said = scene.post("write", &format!("/platforms/sun/accounts/{live}/{act}"), json!({})).await;
        assert_eq!((said.status, said.json["status"].as_str()), (200, Some(status)));
    }
    let wrong =
        scene.post("write", "/platforms/sun/accounts", json!({"user": "alice", "environment": "papr"})).await;
    assert_eq!((wrong.status, wrong.text("hint")), (422, "did you mean `paper`?".into()));
}

#[tokio::test]
async fn a_client_is_registered_changed_and_switched() {
    let scene = Scene::new().await;
    let clients = "/platforms/sun/clients";
    let body = json!({
        "name": "Chart App", "redirect_uris": ["https://app.example/cb", "http://localhost"],
        "scopes": ["trading", "data"], "visible_to": ["dawn"],
    });
    let made = scene.post("write", clients, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_shape(&made.json, Shape::Client);
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let one = format!("{clients}/{id}");
    for (act, member, value) in [
        ("approve-live", "live_trading_approved", json!(true)),
        ("withdraw-live", "live_trading_approved", json!(false)),
        ("disable", "status", json!("DISABLED")),
        ("enable", "status", json!("ACTIVE")),
    ] {
        let said = scene.post("write", &format!("{one}/{act}"), json!({})).await;
        assert_eq!((said.status, &said.json[member]), (200, &value), "{act}");
        assert_eq!(scene.last_act().await.2, format!("client:{id}"));
    }
    let changed =
        scene.bytes("write", "PATCH", &one, json!({"scopes": ["data"], "name": "Charts"}).to_string()).await;
    assert_eq!((&changed.json["scopes"], &changed.json["name"]), (&json!(["data"]), &json!("Charts")));
    assert_eq!(scene.bytes("write", "PATCH", &one, "{}").await.status, 400);
    let second = scene.post("write", &format!("{one}/secrets"), json!({})).await;
    assert_eq!(
        (second.status, second.json["secrets"].as_array().unwrap().len()),
        (201, 2),
        "{}",
        second.text
    );
    let third = scene.post("write", &format!("{one}/secrets"), json!({})).await;
    assert_eq!((third.status, third.json["field"].as_str()), (409, Some("end_older_in_s")));
    assert_eq!(
        scene.post("write", &format!("{one}/secrets"), json!({"end_older_in_s": 0})).await.status,
        201
    );
    let shown = scene.get("read", &one).await;
    assert!(!shown.text.contains(&secret), "secrets are shown once");
    assert_eq!(scene.get("read", &format!("{clients}/nobody")).await.status, 404);
    let wrong = json!({"name": "x", "redirect_uris": ["https://app.example/cb"], "scopes": ["tradng"]});
    assert_eq!(scene.post("write", clients, wrong).await.text("hint"), "did you mean `trading`?");
}

#[tokio::test]
async fn apps_register_where_codes_go() {
    let scene = Scene::new().await;
    let nowhere = json!({"name": "Chart App", "scopes": ["data"]});
    let said = scene.post("write", "/platforms/sun/clients", nowhere).await;
    assert_eq!((said.status, said.json["field"].as_str()), (422, Some("redirect_uris")), "{}", said.text);
}

#[test]
fn redirect_uris_are_exact_and_safe() {
    for fine in [
        "https://app.example/cb",
        "https://app.example/cb?x=1",
        "http://localhost",
        "http://127.0.0.1:8080/cb",
        "com.example.app:/cb",
    ] {
        assert_eq!(clients::redirect_defect(fine), None, "{fine}");
    }
    for bad in [
        "",
        "/cb",
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://u:p@app.example/",
        "https://*.example/",
        "javascript:alert(1)",
        "app:/cb",
        "https://app.example/a b",
        "data:text/html,x",
    ] {
        assert!(clients::redirect_defect(bad).is_some(), "{bad}");
    }
}

#[tokio::test]
async fn a_platform_file_is_planned_applied_and_given_back() {
    let scene = Scene::new().await;
    let document =
        samples::document("sun", 8000).replace("requests_per_minute = 200", "requests_per_minute = 400");
    let plan = scene.post("read", "/platforms/plan", json!({"document": document})).await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    assert_shape(&plan.json, Shape::Plan);
    assert_eq!(plan.text("summary"), "the platform `sun` changes from revision 1: 1 changed");
    assert_eq!(
        plan.json["changes"],
        json!([{"kind": "changed", "section": "plans", "name": "basic",
            "fields": [{"field": "requests_per_minute", "before": "200", "after": "400"}]}])
    );
    let watch = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.served.reload().await;
    };
    let apply =
        scene.post("write", "/platforms/apply", json!({"document": document, "expected_revision": 1}));
    let (applied, ()) = tokio::join!(apply, watch);
    assert_eq!((applied.status, applied.json["revision"].as_u64()), (200, Some(2)), "{}", applied.text);
    assert_shape(&applied.json, Shape::Applied);
    assert_eq!((&applied.json["live"], &applied.json["changed"]), (&json!(true), &json!(true)));
    let file = scene.get("read", "/platforms/sun/file").await;
    assert_eq!(
        (file.text.as_str(), file.headers["mandate-revision"].to_str().unwrap()),
        (document.as_str(), "2")
    );

    let late =
        scene.post("sun-write", "/platforms/apply", json!({"document": "x", "expected_revision": 1})).await;
    assert_eq!(late.status, 422);
    let other = samples::document("sun", 8000);
    let late =
        scene.post("sun-write", "/platforms/apply", json!({"document": other, "expected_revision": 1})).await;
    assert_eq!(late.status, 409);
    assert!(late.message().contains("admin:write applied a file at 2026-"), "{}", late.text);
    let same = scene.post("write", "/platforms/apply", json!({"document": document})).await;
    assert_eq!((&same.json["changed"], &same.json["revision"]), (&json!(false), &json!(2)));
    assert_shape(&scene.get("read", "/platforms/sun").await.json, Shape::Platform);
    assert_shape(&scene.get("read", "/platforms").await.json["items"][0], Shape::PlatformBrief);
    assert_shape(&scene.get("read", "/platforms/sun/counts").await.json, Shape::Counts);
}

#[tokio::test]
async fn a_file_that_is_wrong_or_takes_anothers_address_changes_nothing() {
    let scene = Scene::new().await;
    let misspelt = samples::document("sun", 8000).replace("key_prefix = \"AK\"", "key_prefx = \"AK\"");
    let line = misspelt.lines().position(|l| l.contains("key_prefx")).unwrap() + 1;
    let said = scene.post("write", "/platforms/plan", json!({"document": misspelt})).await;
    assert_eq!(
        (said.status, said.json["problems"][0]["line"].as_u64()),
        (422, Some(line as u64)),
        "{}",
        said.text
    );
    let taken = samples::document("star", 8000);
    let said = scene.post("write", "/platforms/apply", json!({"document": taken})).await;
    assert_eq!(said.status, 422);
    let problems: Vec<&str> =
        said.json["problems"].as_array().unwrap().iter().filter_map(|p| p["message"].as_str()).collect();
    assert!(problems.contains(&"`127.0.0.1:8001` belongs to the platform `sun` already"), "{problems:?}");
    assert_eq!(scene.get("write", "/platforms/star").await.status, 404);
}

#[tokio::test]
async fn grants_are_listed_and_ended() {
    let scene = Scene::new().await;
    let account = account(&scene, "paper").await;
    let user =
        scene.get("read", "/platforms/sun/users").await.json["items"][0]["id"].as_str().unwrap().to_owned();
    let client = json!({"name": "App", "redirect_uris": ["https://app.example/cb"], "scopes": ["data"]});
    let client = scene.post("write", "/platforms/sun/clients", client).await.text("client_id");
    let digest = Secret::new("token").digest();
    let scopes = ScopeSet::parse("data").unwrap();
    let issue = IssueToken {
        grant: GrantSpec {
            platform: "sun".into(),
            new_id: "g1".into(),
            client: client.as_str().into(),
            user: Some(user.as_str().into()),
            accounts: vec![account.as_str().into()],
            scopes: scopes.clone(),
            granted_by: GrantedBy::Owner,
        },
        known_grant: None,
        scopes,
        partner: None,
        token: NewToken {
            digest,
            handle: mandate_store::token_handle(&digest),
            issued_at: scene.admin.issuer.clock.now(),
            expires_at: None,
            offset: scene.admin.issuer.cache.feed().applied(),
            chain: None,
        },
        stored: true,
        chain: None,
        marks: vec![],
    };
    scene.admin.issuer.store.issue_token(&issue).await.unwrap();
    let all = scene.get("read", "/platforms/sun/grants").await;
    assert_shape(&all.json["items"][0], Shape::Grant);
    assert_eq!(
        (&all.json["items"][0]["id"], &all.json["items"][0]["status"]),
        (&json!("g1"), &json!("ACTIVE"))
    );
    let of_alice = scene.get("read", "/platforms/sun/grants?user=alice").await;
    assert_shape(&of_alice.json["items"][0], Shape::Grant);
    assert_eq!(&of_alice.json["items"][0]["client_name"], &json!("App"));
    let counts = scene.get("read", "/platforms/sun/counts").await;
    assert_eq!(counts.json, json!({"codes": 0, "tokens": 1, "grants": 1}));
    let ended = scene.post("write", "/platforms/sun/grants/g1/revoke", json!({})).await;
    assert_eq!((ended.status, &ended.json["ended"]["reason"]), (200, &json!("operator")), "{}", ended.text);
    assert_eq!(scene.post("write", "/platforms/sun/grants/g1/revoke", json!({})).await.status, 409);
    assert_eq!(scene.post("write", "/platforms/sun/grants/g2/revoke", json!({})).await.status, 404);
}

#[tokio::test]
async fn an_operator_is_told_what_callers_are_not() {
    let scene = Scene::new().await;
    let tenant = scene.served.get(&"sun".into()).unwrap();
    let place =
        mandate_wire::Place { surface: "rest", host: "paper", host_index: 0, route: "GET /v2/account" };
    let refusal = Refusal::anonymous(Cause::CredentialRejected).because(Cause::CredentialUnknown);
    let id = tenant.recorder.name(place, refusal).id;
    let said = scene.get("read", &format!("/decisions/{id}")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_shape(&said.json, Shape::Explanation);
    assert_eq!((said.text("cause"), said.text("told")), ("credential.rejected".into(), "owner".into()));
    assert_eq!(said.json["true_cause"]["cause"], "credential.unknown");
    assert_eq!(scene.get("sun-write", &format!("/platforms/sun/decisions/{id}")).await.json, said.json);
    for path in
        [format!("/platforms/moon/decisions/{id}"), format!("/decisions/{id}x"), "/decisions/d0".into()]
    {
        assert_eq!(scene.get("read", &path).await.status, 404, "{path}");
    }
    assert_eq!(
        scene.get("moon-write", &format!("/decisions/{id}")).await.text,
        scene.get("moon-write", "/decisions/d0").await.text
    );
}

#[tokio::test]
async fn a_recorded_decision_is_found_before_and_after_it_is_written() {
    let mut scene = Scene::new().await;
    let decision = Decision {
        id: "dproven".into(),
        platform: "sun".into(),
        at: scene.admin.issuer.clock.now(),
        surface: "rest".into(),
        host: "paper".into(),
        route: "GET /v2/account".into(),
        refusal: Refusal {
            facts: Facts::none().with(FactName::KeyIdShown, KeyId::from("PK1").as_str()),
            ..Refusal::anonymous(Cause::CredentialRevoked)
        },
    };
    let waiting = decision.clone();
    scene.admin.pending = Arc::new(move |platform, id| {
        (*platform == waiting.platform && *id == waiting.id).then(|| waiting.clone())
    });
    let before = scene.get("read", "/decisions/dproven").await;
    assert_eq!((before.status, before.text("cause")), (200, "credential.revoked".into()));
    assert_eq!(before.json["facts"][0]["value"], "PK1");
    scene.admin.pending = Arc::new(|_, _| None);
    assert_eq!(scene.get("read", "/decisions/dproven").await.status, 404);
    let row = mandate_store::DecisionRow {
        id: decision.id.clone(),
        platform: decision.platform.clone(),
        at: decision.at,
        cause: "credential.revoked".into(),
        document: mandate_wire::decision::encode(&decision),
    };
    scene.admin.issuer.store.record_decisions(&[row]).await.unwrap();
    assert_eq!(scene.get("read", "/decisions/dproven").await.json, before.json);
}

#[tokio::test]
async fn the_record_says_who_did_what_and_no_secret() {
    let scene = Scene::new().await;
    let account = account(&scene, "paper").await;
    let key = scene.post("sun-write", "/platforms/sun/keys", json!({"account": account})).await;
    let audit = scene.get("read", "/audit").await;
    let items = audit.json["items"].as_array().unwrap();
    for item in items {
        assert_shape(item, Shape::Audit);
    }
    let acts: Vec<String> = items
        .iter()
        .filter(|i| i["actor"] != "system")
        .map(|i| format!("{} {}", i["actor"].as_str().unwrap(), i["action"].as_str().unwrap()))
        .collect();
    assert_eq!(acts, ["admin:write user.create", "admin:write account.create", "admin:sun-write key.create"]);
    for secret in [key.text("secret"), "correct horse".to_owned()] {
        assert!(!audit.text.contains(&secret));
    }
    let last = items.last().unwrap()["number"].as_u64().unwrap();
    assert_eq!(scene.get("read", &format!("/audit?after={last}")).await.json["items"], json!([]));
    let two = scene.get("read", "/audit?limit=2").await;
    assert_eq!(two.json["items"].as_array().unwrap().len(), 2);
    assert_eq!(scene.get("read", "/audit?limit=0").await.status, 422);
    assert_shape(&scene.get("read", "/me").await.json, Shape::Admin);
}

#[tokio::test]
async fn a_platform_whose_dialect_signs_nothing_has_no_signing_keys() {
    let scene = Scene::new().await;
    let keys = "/platforms/sun/signing-keys";
    assert_eq!(scene.get("read", keys).await.status, 409);
    for path in ["rotate", "k1/retire"] {
        let said = scene.post("write", &format!("{keys}/{path}"), json!({})).await;
        assert_eq!(said.status, 409, "{}", said.text);
        assert_eq!(scene.post("read", &format!("{keys}/{path}"), json!({})).await.status, 403);
        assert_eq!(scene.post("moon-write", &format!("{keys}/{path}"), json!({})).await.status, 404);
    }
}
