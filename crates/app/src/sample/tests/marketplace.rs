//! The marketplace: adverts of a person, and what they are sorted by.

use super::{ACCOUNT, Bench, Got};
use serde_json::{Value, json};

fn advert(title: &str) -> Value {
    json!({
        "title": title,
        "description": "As good as new.",
        "category_id": "2",
        "advertiser_type": "private",
        "contact": {"name": "Alice"},
        "location": {"city_id": 1},
        "attributes": [{"code": "state", "value": "used"}],
        "price": {"value": 100, "currency": "PLN"},
    })
}

#[track_caller]
fn refused(got: &Got, status: u16) -> Value {
    let body: Value = serde_json::from_slice(&got.raw).unwrap();
    assert_eq!(
        (got.status.as_u16(), body["error"]["status"].as_u64()),
        (status, Some(status.into())),
        "{body}"
    );
    body["error"].clone()
}

#[tokio::test]
async fn an_advert_from_first_to_last() {
    let bench = Bench::new().await;
    let made = bench.call("POST", "/api/partner/adverts", advert("A telephone")).await.ok();
    assert_eq!(made["data"]["id"], made["id"]);
    let path = format!("/api/partner/adverts/{}", made["id"]);
    assert_eq!(bench.get(&path).await.ok(), made);
    assert_eq!((&made["status"], &made["price"]["trade"]), (&json!("active"), &json!(false)));
    assert_eq!(made["valid_to"], "2024-06-07 15:00:00");

    let changed = bench.call("PUT", &path, advert("A better telephone")).await.ok();
    assert_eq!((&changed["data"]["title"], &changed["id"]), (&json!("A better telephone"), &made["id"]));
    refused(&bench.call("DELETE", &path, json!({})).await, 400);
    let done = bench.call("POST", &format!("{path}/commands"), json!({"command": "deactivate"})).await;
    assert_eq!(done.status, 204);
    assert_eq!(bench.call("DELETE", &path, json!({})).await.status, 204);
    refused(&bench.get(&path).await, 404);
}

#[tokio::test]
async fn a_list_comes_in_pages_and_holds_ones_own() {
    let bench = Bench::new().await;
    for title in ["First", "Second", "Third"] {
        bench.call("POST", "/api/partner/adverts", advert(title)).await.ok();
    }
    let titles = |list: Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|a| a["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(bench.get("/api/partner/adverts?offset=1&limit=1").await.ok()), ["Second"]);
    assert_eq!(titles(bench.get("/api/partner/adverts?offset=2").await.ok()), ["Third"]);
    assert_eq!(titles(bench.get("/api/partner/adverts?category_ids=2,3").await.ok()).len(), 3);
    assert!(titles(bench.get("/api/partner/adverts?category_ids=3").await.ok()).is_empty());
    let of_another = bench.call_as("token", "somebody else", "GET", "/api/partner/adverts", "").await.ok();
    assert!(titles(of_another).is_empty());
    for bad in ["limit=0", "limit=1001", "offset=-1"] {
        refused(&bench.get(&format!("/api/partner/adverts?{bad}")).await, 400);
    }
}

#[tokio::test]
async fn a_bad_advert_is_told_which_field() {
    let bench = Bench::new().await;
    for (field, value) in [
        ("title", json!("x")),
        ("category_id", json!(1)),
        ("location", json!({"city_id": 99})),
        ("contact", json!("Alice")),
        ("attributes", Value::Null),
    ] {
        let mut body = advert("A telephone");
        body[field] = value;
        let error = refused(&bench.call("POST", "/api/partner/adverts", body).await, 400);
        assert!(error["validation"][0]["field"].as_str().unwrap().starts_with(field), "{error}");
    }
}

#[tokio::test]
async fn reference_data_needs_no_owner_and_people_do() {
    let bench = Bench::new().await;
    for path in [
        "categories",
        "categories/2",
        "categories/2/attributes",
        "regions",
        "cities?limit=2",
        "cities/1/districts",
        "districts/1",
        "locations?latitude=52&longitude=21",
        "languages",
        "currencies",
        "categories/suggestion?q=new%20phone",
    ] {
        let got = bench.call_as("client", "200001", "GET", &format!("/api/partner/{path}"), "").await.ok();
        assert!(!got["data"].is_null(), "{path}: {got}");
    }
    for path in ["users/me", "users/me/account-balance", "adverts"] {
        let got = bench.call_as("client", "200001", "GET", &format!("/api/partner/{path}"), "").await;
        assert_eq!(refused(&got, 400)["detail"], "Invalid owner in token");
    }
    let me = bench.call_as("token", ACCOUNT, "GET", "/api/partner/users/me", "").await.ok();
    assert!(me["data"]["id"].is_u64() && me["data"]["phone_login"].is_null());
    assert_eq!(me["data"]["last_login_at"], "2024-05-08 15:00:00");
}
