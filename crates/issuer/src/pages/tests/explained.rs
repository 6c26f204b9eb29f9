//! Explanations by tier, the catalogue, and paths that do not exist.

use super::{Browser, World};
use bytes::Bytes;
use http::{Request, StatusCode};
use mandate_core::disclosure::{FactName, Subjects};
use mandate_core::model::{ApiKey, KeyHolder};
use mandate_core::policy::Check;
use mandate_core::refusal::{Link, Refusal};
use mandate_core::{Cause, Digest};
use mandate_store::DecisionRow;
use mandate_wire::{Place, decision};

const PLACE: Place<'static> = Place { surface: "rest", host: "api", host_index: 1, route: "GET /v2/account" };

/// A recorded refusal about alice's key, an account of a partner's.
async fn recorded(world: &World) -> String {
    let mut refusal = Refusal::anonymous(Cause::CredentialSuperseded)
        .with(FactName::CredentialKind, "an API key of an account")
        .with(FactName::EndedAt, world.now())
        .with(FactName::EndReason, "the account was reset")
        .with(FactName::Successor, "PKSUCCESSOR")
        .with(FactName::Partner, "sunrise")
        .about(Subjects {
            account_owner: Some("u-alice".into()),
            partner: Some("sunrise".into()),
            ..Subjects::default()
        });
    refusal.passed = vec![Check::Possession];
    refusal.failed = Some(Check::NotEnded);
    refusal.next = vec![Cause::EnvironmentMismatch];
    refusal.links =
        vec![Link { relation: "replaced_by".into(), subject: "key:PKSUCCESSOR".into(), at: None }];
    let mut named = world.tenant().recorder.name(PLACE, refusal);
    named.id = "dRecorded".into();
    let row = DecisionRow {
        id: named.id.clone(),
        platform: named.platform.clone(),
        at: named.at,
        cause: named.refusal.cause.id().into(),
        document: decision::encode(&named),
    };
    world.store().record_decisions(&[row]).await.unwrap();
    named.id.to_string()
}

async fn json(world: &World, path: &str, headers: &[(&str, String)]) -> (StatusCode, serde_json::Value) {
    let mut request = Request::get(path).header("accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = world.call(request.body(Bytes::new()).unwrap()).await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap())
}

#[tokio::test]
async fn r06_each_reader_is_told_what_is_theirs() {
    let world = World::new().await;
    let path = format!("/explain/{}", recorded(&world).await);
    let anybody = Browser::new(&world).get(&path).await;
    assert!(
        anybody.body.contains("The key was replaced")
            && anybody.body.contains("/login?next=/explain/dRecorded")
    );
    for hidden in ["PKSUCCESSOR", "the account was reset", "sunrise", "What was checked"] {
        assert!(!anybody.body.contains(hidden), "{hidden}");
    }
    let stranger = Browser::signed_in(&world, "bob").await.get(&path).await;
    assert!(!stranger.body.contains("PKSUCCESSOR") && stranger.body.contains("not about your accounts"));
    let owner = Browser::signed_in(&world, "alice").await.get(&path).await;
    for shown in [
        "PKSUCCESSOR",
        "the account was reset",
        "the credential is genuine",
        "would fail next",
        "GET /v2/account",
    ] {
        assert!(owner.body.contains(shown), "{shown}: {}", owner.body);
    }
    assert!(!owner.body.contains("<dt>Partner</dt>"), "the partner's fact");

    let (status, told) = json(&world, &path, &[]).await;
    assert_eq!(
        (status, &told["told"], &told["summary"]),
        (StatusCode::OK, &"public".into(), &"The key was replaced".into())
    );
    let key = ApiKey {
        platform: "alpaca".into(),
        id: "SUN".into(),
        holder: KeyHolder::Partner("sunrise".into()),
        environment: None,
        digest: Digest::of(b"rise"),
        label: "".into(),
        created_at: world.now(),
        offset: world.store().head().await.unwrap(),
        ended: None,
        last_used: None,
    };
    world.store().create_key(&key, &world.audit()).await.unwrap();
    let (_, told) = json(&world, &path, &[("authorization", "Basic U1VOOnJpc2U=".into())]).await;
    assert_eq!(told["told"], "owner");
    assert!(told.to_string().contains("sunrise") && !told["facts"].to_string().contains("PKSUCCESSOR"));
    let (_, told) = json(&world, &path, &[("authorization", "Basic U1VOOndyb25n".into())]).await;
    assert_eq!(told["told"], "public", "a wrong secret proves nothing");
}

#[tokio::test]
async fn r07_merged_causes_have_one_page() {
    let world = World::new().await;
    let mut pages = Vec::new();
    for cause in [Cause::CredentialUnknown, Cause::CredentialSecretMismatch] {
        let refusal = Refusal::anonymous(Cause::CredentialRejected)
            .because(cause)
            .with(FactName::Parameter, cause.id());
        let id = world.tenant().recorder.name(PLACE, refusal).id.to_string();
        let page = Browser::new(&world).get(&format!("/explain/{id}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("credential.rejected") && page.body.contains("paper, live"));
        pages.push(page.body.replace(&id, "<id>"));
        let (_, told) = json(&world, &format!("/explain/{id}"), &[]).await;
        assert!(!told.to_string().contains("credential.unknown"));
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn r07_unknown_ids_are_one_404() {
    let world = World::new().await;
    let known =
        world.tenant().recorder.name(PLACE, Refusal::anonymous(Cause::CredentialMissing)).id.to_string();
    let broken = format!("{}A", &known[..known.len() - 1]);
    let mut answers = Vec::new();
    for id in [broken.as_str(), "dUnknown", "x", "%00"] {
        let (status, body) = json(&world, &format!("/explain/{id}"), &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        answers.push(body.to_string().replace(body["decision_id"].as_str().unwrap(), "<id>"));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn sealed_ids_say_their_one_fact() {
    let world = World::new().await;
    let refusal = Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, "redirect_uri");
    let id = world.tenant().recorder.name(PLACE, refusal).id;
    let page = Browser::new(&world).get(&format!("/explain/{id}")).await;
    assert!(page.body.contains("The parameter redirect_uri is missing or empty."), "{}", page.body);
}

#[tokio::test]
async fn the_catalogue_is_public() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let list = browser.get("/causes").await;
    for cause in Cause::all() {
        let page = browser.get(&format!("/causes/{}", cause.id())).await;
        assert!(page.status == StatusCode::OK && page.body.contains(cause.id()), "{}", cause.id());
        assert_eq!(list.body.contains(&format!("/causes/{}\"", cause.id())), !cause.is_record_only());
    }
    assert_eq!(browser.get("/causes/no.such").await.status, StatusCode::NOT_FOUND);
    let (status, all) = json(&world, "/causes.json", &[]).await;
    assert_eq!((status, all), (StatusCode::OK, mandate_wire::explain::catalogue()));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_readers_form() {
    let world = World::new().await;
    for path in
        ["/nothing", "/oauth", "/explain", "/explain/a/b", "/%ff", "/login/", "/keys/steal", "/static/other"]
    {
        let (status, body) = json(&world, path, &[]).await;
        assert_eq!(
            (status, &body["cause"]),
            (StatusCode::NOT_FOUND, &"request.path_unknown".into()),
            "{path}"
        );
        assert!(Browser::new(&world).get(path).await.is_error("request.path_unknown"), "{path}");
    }
    for (method, path, allow) in
        [("DELETE", "/login", "GET, HEAD, POST"), ("GET", "/keys/create", "POST"), ("BREW", "/", "GET, HEAD")]
    {
        let request = Request::builder().method(method).uri(path).body(Bytes::new()).unwrap();
        let answer = world.call(request).await;
        assert_eq!(
            (answer.status(), answer.headers()["allow"].to_str().unwrap()),
            (StatusCode::METHOD_NOT_ALLOWED, allow)
        );
    }
    let head = Request::builder().method("HEAD").uri("/login").body(Bytes::new()).unwrap();
    assert_eq!(world.call(head).await.status(), StatusCode::OK);
    let (status, _) = json(&world, "/oauth/authorize/", &[]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn fixed_files_can_be_kept() {
    let world = World::new().await;
    for (path, kind) in
        [("/static/style.css", "text/css; charset=utf-8"), ("/static/icon.svg", "image/svg+xml")]
    {
        let first = Browser::new(&world).get(path).await;
        assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, kind));
        let mut again = Browser::new(&world);
        again.headers.push(("if-none-match", first.header("etag").into()));
        let again = again.get(path).await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }
}
