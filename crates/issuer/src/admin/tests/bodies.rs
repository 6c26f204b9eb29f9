//! Bodies and queries are strict, and what is wrong is said with the field and the nearest right thing.

use super::*;

#[tokio::test]
async fn r22_bodies_are_strict() {
    let scene = Scene::new().await;
    let say = async |body: &str| {
        let said = scene.bytes("write", "POST", "/platforms/sun/users", body.to_owned()).await;
        let hint = said.json["hint"].as_str().unwrap_or("").to_owned();
        format!("{} {} {} | {} | {hint}", said.status, said.error(), said.json["cause"].as_str().unwrap_or(""), said.message())
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
        "\u{7f}",
        "",
    ] {
        all += &format!("{body}\n    {}\n", say(body).await);
    }
    insta::assert_snapshot!(all, @"");
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
    for path in ["/", "", "/platforms/", "/platforms//users", "/platforms/sun/users/", "/platforms/%zz", "/%"] {
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
