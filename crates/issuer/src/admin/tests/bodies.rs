//! Bodies and queries are strict, and what is wrong is said with the field and the nearest right thing.

use super::*;
use std::fmt::Write as _;

#[tokio::test]
async fn r22_bodies_are_strict() {
    let scene = Scene::new().await;
    let say = async |body: &str| {
        let said = scene.bytes("write", "POST", "/platforms/sun/users", body.to_owned()).await;
        let words = [
            Some(said.error()),
            said.json["cause"].as_str(),
            Some(said.message()),
            said.json["hint"].as_str(),
        ];
        format!("{} {}", said.status, words.into_iter().flatten().collect::<Vec<_>>().join(" | "))
    };
    let mut all = String::new();
    for body in [
        r#"{"nmae":"a"}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":7}"#,
        r#"{"name":null}"#,
        r#"{"name":" a"}"#,
        r#"{"name":"a","password":"short"}"#,
        "[]",
        "{",
        r#"{"name":"a"} x"#,
        "",
    ] {
        writeln!(all, "{body}\n    {}", say(body).await).unwrap();
    }
    insta::assert_snapshot!(all, @r#"
    {"nmae":"a"}
        400 invalid_request | request.parameter_unknown | `nmae` is no member of this body; it takes name, email, kind, sessions and password | did you mean `name`?
    {"name":"a","name":"b"}
        400 invalid_request | request.parameter_repeated | `name` stands twice in the body
    {"name":7}
        400 invalid_request | request.parameter_invalid | `name` has to be a text
    {"name":null}
        400 invalid_request | request.parameter_missing | `name` is missing: the name typed at sign-in
    {"name":" a"}
        422 invalid_value | `name` may be neither empty nor have white space around it
    {"name":"a","password":"short"}
        422 invalid_value | a password has at least 8 characters
    []
        400 invalid_request | request.body_malformed | the body has to be one JSON object
    {
        400 invalid_request | request.body_malformed | the body is not JSON: line 1, column 1
    {"name":"a"} x
        400 invalid_request | request.body_malformed | the body is not JSON: line 1, column 14

        400 invalid_request | request.parameter_missing | `name` is missing: the name typed at sign-in
    "#);
    assert_eq!(scene.get("read", "/platforms/sun/users").await.json["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn size_type_and_method_are_checked() {
    let scene = Scene::new().await;
    let large = json!({"name": "x".repeat(70_000)}).to_string();
    assert_eq!(scene.bytes("write", "POST", "/platforms/sun/users", large).await.status, 413);
    let larger = json!({"document": "x".repeat(1_100_000)}).to_string();
    assert_eq!(scene.bytes("write", "POST", "/platforms/plan", larger).await.status, 413);
    let form = Request::builder()
        .method("POST")
        .uri("/admin/v1/platforms/sun/users")
        .header("authorization", format!("Bearer {}", scene.tokens["write"].expose()))
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(scene.raw(form.body(Bytes::from_static(b"name=a")).unwrap()).await.status, 415);
    let put = scene.bytes("write", "PUT", "/platforms/sun/users", "").await;
    assert_eq!((put.status, put.headers["allow"].to_str().unwrap()), (405, "GET, POST"));
    for path in ["/", "", "/platforms/", "/platforms//users", "/platforms/sun/users/", "/platforms/%zz", "/%"]
    {
        assert_eq!(scene.get("write", path).await.status, 404, "{path}");
    }
    let query = scene.get("write", "/platforms/sun/accounts?usr=a").await;
    assert_eq!((query.status, query.text("hint")), (400, "did you mean `user`?".into()));
    assert_eq!(scene.get("write", "/platforms/sun/accounts?user=a&user=b").await.status, 400);
}

#[tokio::test]
async fn r04_every_answer_is_kept_by_nobody() {
    let scene = Scene::new().await;
    for path in ["/platforms", "/nothing", "/platforms/sun/file", "/openapi.json"] {
        let said = scene.get("write", path).await;
        assert_eq!(said.headers["cache-control"], "no-store", "{path}");
        assert_eq!(said.headers["x-content-type-options"], "nosniff", "{path}");
    }
}
