//! Who may do what: a walk through the whole table.

use super::*;
use crate::admin::table::{ENDPOINTS, Endpoint, NodeOp, Op, Right};

/// A path of the endpoint on the platform `sun`.
fn path(endpoint: &Endpoint) -> String {
    endpoint
        .path
        .split('/')
        .map(|part| match part {
            "{platform}" => "sun",
            part if part.starts_with('{') => "x",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// A body that has everything that is required.
fn body(endpoint: &Endpoint) -> String {
    let Some(members) = endpoint.body else { return String::new() };
    let object: serde_json::Map<String, Json> = members
        .iter()
        .filter(|m| m.required)
        .map(|m| {
            let value = match (m.name, m.kind) {
                ("document", _) => json!(samples::document("sun", 8000)),
                ("rights", _) => json!("read"),
                (_, table::Kind::Texts) => json!([]),
                (_, table::Kind::Object) => json!({}),
                _ => json!("x"),
            };
            (m.name.to_owned(), value)
        })
        .collect();
    Json::Object(object).to_string()
}

async fn answer_to(scene: &Scene, who: &str, endpoint: &Endpoint) -> Said {
    scene.bytes(who, endpoint.method, &path(endpoint), body(endpoint)).await
}

#[tokio::test]
async fn r25_nothing_works_without_an_administrators_bearer_token() {
    let scene = Scene::new().await;
    for endpoint in ENDPOINTS {
        let said = answer_to(&scene, "nobody", endpoint).await;
        assert_eq!((said.status, said.error()), (401, "invalid_token"), "{endpoint:?}");
        assert!(said.headers.contains_key("www-authenticate"));
    }
    let token = scene.tokens["write"].expose();
    for (name, value) in [
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("Bearer {token} x")),
        ("authorization", format!("Bearer {token}x")),
        ("cookie", format!("token={token}")),
    ] {
        let request = Request::builder().uri("/admin/v1/platforms").header(name, value);
        let said = scene.raw(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(said.status, 401, "{name}");
    }
    let twice = Request::builder()
        .uri("/admin/v1/platforms")
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", format!("Bearer {token}"));
    assert_eq!(scene.raw(twice.body(Bytes::new()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn r25_a_bootstrap_token_makes_one_administrator_and_nothing_else() {
    let scene = Scene::new().await;
    for endpoint in ENDPOINTS.iter().filter(|e| e.op != Op::Node(NodeOp::CreateAdmin)) {
        let said = answer_to(&scene, "bootstrap", endpoint).await;
        assert_eq!((said.status, said.error()), (403, "bootstrap_only"), "{endpoint:?}");
    }
    assert_eq!(scene.get("bootstrap", "/no/such/path").await.status, 403);
    let first = scene.post("bootstrap", "/admins", json!({"name": "first", "rights": "write"})).await;
    assert_eq!((first.status, first.json["rights"].as_str()), (201, Some("write")), "{}", first.text);
    assert_eq!(
        scene.post("bootstrap", "/admins", json!({"name": "second", "rights": "write"})).await.status,
        401
    );
}

#[tokio::test]
async fn one_that_may_only_look_changes_nothing() {
    let scene = Scene::new().await;
    for endpoint in ENDPOINTS {
        let said = answer_to(&scene, "read", endpoint).await;
        let refused = (said.status, said.error()) == (403, "insufficient_scope");
        assert_eq!(refused, endpoint.right == Right::Write, "{endpoint:?}: {}", said.text);
        let changes = endpoint.method != "GET" && endpoint.op != Op::Node(NodeOp::Plan);
        assert_eq!(changes, endpoint.right == Right::Write, "{endpoint:?}");
    }
}

#[tokio::test]
async fn r18_a_token_for_one_platform_sees_no_other() {
    let scene = Scene::new().await;
    for endpoint in ENDPOINTS.iter().filter(|e| matches!(e.op, Op::Platform(_))) {
        let foreign = answer_to(&scene, "moon-write", endpoint).await;
        let unknown_path = path(endpoint).replacen("sun", "nowhere", 1);
        let unknown = scene.bytes("moon-write", endpoint.method, &unknown_path, body(endpoint)).await;
        assert_eq!((foreign.status, unknown.status), (404, 404), "{endpoint:?}");
        assert_eq!(foreign.text.replace("sun", "nowhere"), unknown.text, "{endpoint:?}");
    }
    let list = scene.get("moon-write", "/platforms").await;
    let ids: Vec<&str> =
        list.json["items"].as_array().unwrap().iter().filter_map(|p| p["id"].as_str()).collect();
    assert_eq!(ids, ["moon"]);
    let document = samples::document("sun", 8000);
    for path in ["/platforms/plan", "/platforms/apply"] {
        assert_eq!(scene.post("moon-write", path, json!({"document": document})).await.status, 403);
    }
    assert_eq!(scene.get("moon-write", "/audit").await.json["items"], json!([]));
    scene.post("sun-write", "/platforms/sun/users", json!({"name": "alice"})).await;
    assert_eq!(scene.get("moon-write", "/audit").await.json["items"], json!([]));
    assert_eq!(scene.get("sun-write", "/audit").await.json["items"][0]["action"], "user.create");
}

#[tokio::test]
async fn r18_a_token_for_one_platform_makes_and_ends_its_like_only() {
    let scene = Scene::new().await;
    let create = async |body: Json| scene.post("sun-write", "/admins", body).await;
    let own = create(json!({"name": "a", "rights": "read"})).await;
    assert_eq!((own.status, own.json["platform"].as_str()), (201, Some("sun")));
    assert_eq!(create(json!({"name": "b", "rights": "read", "platform": "moon"})).await.status, 403);
    let names = scene.get("sun-write", "/admins").await;
    let names: Vec<&str> =
        names.json["items"].as_array().unwrap().iter().filter_map(|a| a["name"].as_str()).collect();
    assert_eq!(names, ["sun-write", "a"]);
    assert_eq!(scene.bytes("sun-write", "DELETE", "/admins/write", "").await.status, 404);
    assert_eq!(scene.bytes("sun-write", "DELETE", "/admins/a", "").await.status, 200);
    let last = scene.bytes("write", "DELETE", "/admins/write", "").await;
    assert_eq!((last.status, last.error()), (409, "conflict"), "the last one that rules stays");
}
