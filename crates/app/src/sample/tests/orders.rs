//! Orders and positions.

use super::{ACCOUNT, Bench};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn order(changes: &Value) -> Value {
    let mut order = json!({"symbol": "MSFT", "qty": "2", "side": "buy", "type": "limit", "limit_price": 1.5, "time_in_force": "gtc"});
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

fn market(qty: &str, side: &str) -> Value {
    json!({"symbol": "AAPL", "qty": qty, "side": side, "type": "market", "time_in_force": "day"})
}

impl Bench {
    async fn place(&self, changes: Value) -> Value {
        self.call("POST", "/v2/orders", order(&changes)).await.ok()
    }
}

#[tokio::test]
async fn an_order_rests_and_is_canceled() {
    let bench = Bench::new().await;
    let placed = bench.place(json!({"client_order_id": "mine"})).await;
    assert_eq!(placed["status"], "new");
    assert_eq!(placed["qty"], "2");
    assert_eq!(placed["limit_price"], "1.5");
    assert_eq!(placed["submitted_at"], "2024-05-08T15:00:00Z");
    let id = placed["id"].as_str().unwrap();
    assert_eq!(bench.get(&format!("/v2/orders/{id}")).await.ok(), placed);
    assert_eq!(bench.get("/v2/orders:by_client_order_id?client_order_id=mine").await.ok(), placed);
    assert_eq!(bench.get("/v2/account").await.ok()["buying_power"], "999997");

    bench.clock.0.fetch_add(60, Ordering::Relaxed);
    let gone = bench.call("DELETE", &format!("/v2/orders/{id}"), json!({})).await;
    assert_eq!((gone.status, gone.raw.len()), (StatusCode::NO_CONTENT, 0));
    let canceled = bench.get(&format!("/v2/orders/{id}")).await.ok();
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(canceled["canceled_at"], "2024-05-08T15:01:00Z");
    assert_eq!(bench.get("/v2/account").await.ok()["buying_power"], "1000000");
    bench.call("DELETE", &format!("/v2/orders/{id}"), json!({})).await.refused(422, 42_210_000);
}

#[tokio::test]
async fn orders_are_listed_by_status() {
    let bench = Bench::new().await;
    let first = bench.place(json!({})).await;
    let second = bench.place(json!({"symbol": "TSLA"})).await;
    let filled = bench.call("POST", "/v2/orders", market("1", "buy")).await.ok();
    for (query, wanted) in [
        ("", vec![&second, &first]),
        ("?status=open&direction=asc", vec![&first, &second]),
        ("?status=closed", vec![&filled]),
        ("?status=all", vec![&filled, &second, &first]),
        ("?status=all&limit=1", vec![&filled]),
        ("?symbols=TSLA,AAPL", vec![&second]),
        ("?status=all&side=sell", vec![]),
        ("?after=2024-05-08T14:00:00Z&until=2024-05-08T16:00:00-04:00", vec![&second, &first]),
        ("?after=2024-05-08T15:00:00Z", vec![]),
    ] {
        let listed = bench.get(&format!("/v2/orders{query}")).await.ok();
        assert_eq!(listed.as_array().unwrap().iter().collect::<Vec<_>>(), wanted, "{query}");
    }
    bench.get("/v2/orders?status=some").await.refused(422, 42_210_000);

    let canceled = bench.call("DELETE", "/v2/orders", json!({})).await;
    assert_eq!(canceled.status, StatusCode::MULTI_STATUS);
    let rows: Value = serde_json::from_slice(&canceled.raw).unwrap();
    assert_eq!(rows[0]["id"], first["id"]);
    assert_eq!(rows[1]["status"], 200);
    assert_eq!(rows[1]["body"]["status"], "canceled");
    assert_eq!(bench.get("/v2/orders").await.ok(), json!([]));
}

#[tokio::test]
async fn bad_orders_are_refused() {
    let bench = Bench::new().await;
    for changes in [
        json!({"symbol": null}),
        json!({"symbol": "NOSUCH"}),
        json!({"qty": null}),
        json!({"qty": 0}),
        json!({"qty": "-1"}),
        json!({"qty": "many"}),
        json!({"notional": 5}),
        json!({"side": "hold"}),
        json!({"side": null}),
        json!({"type": "magic"}),
        json!({"time_in_force": null}),
        json!({"limit_price": null}),
        json!({"stop_price": 3}),
        json!({"type": "market"}),
        json!({"type": "stop_limit"}),
        json!({"trail_price": 1}),
        json!({"type": "trailing_stop", "limit_price": null}),
        json!({"extended_hours": "yes"}),
        json!({"client_order_id": "x".repeat(129)}),
        json!({"order_class": "bracket"}),
    ] {
        bench.call("POST", "/v2/orders", order(&changes)).await.refused(422, 42_210_000);
    }
    bench.place(json!({"client_order_id": "once"})).await;
    let message = bench
        .call("POST", "/v2/orders", order(&json!({"client_order_id": "once"})))
        .await
        .refused(422, 40_010_001);
    assert_eq!(message, "client_order_id must be unique");
    bench.call("POST", "/v2/orders", order(&json!({"qty": 1_000_000}))).await.refused(403, 40_310_000);
    bench.call("POST", "/v2/orders", order(&json!({"side": "sell"}))).await.refused(403, 40_310_000);
    bench.get("/v2/orders/none").await.refused(404, 40_410_000);
    assert_eq!(bench.get("/v2/orders?status=all").await.ok().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_is_replaced() {
    let bench = Bench::new().await;
    let old = bench.place(json!({"qty": "600000"})).await;
    let path = format!("/v2/orders/{}", old["id"].as_str().unwrap());
    bench.call("PATCH", &path, json!({"qty": 700_000})).await.refused(403, 40_310_000);
    assert_eq!(bench.get(&path).await.ok(), old, "a replacement that cannot be leaves the order alone");
    let new = bench.call("PATCH", &path, json!({"qty": "650000", "time_in_force": "day"})).await.ok();
    assert_eq!(
        (&new["replaces"], &new["limit_price"], &new["qty"]),
        (&old["id"], &json!("1.5"), &json!("650000"))
    );
    let replaced = bench.get(&path).await.ok();
    assert_eq!((&replaced["status"], &replaced["replaced_by"]), (&json!("replaced"), &new["id"]));
    bench.call("PATCH", &path, json!({"qty": 1})).await.refused(422, 42_210_000);
    let open = bench.get("/v2/orders").await.ok();
    assert_eq!(open, json!([new]));
}

#[tokio::test]
async fn market_orders_make_positions() {
    let bench = Bench::new().await;
    let bought = bench.call("POST", "/v2/orders", market("3", "buy")).await.ok();
    assert_eq!((&bought["status"], &bought["filled_qty"]), (&json!("filled"), &json!("3")));
    let position = bench.get("/v2/positions/AAPL").await.ok();
    assert_eq!(position["qty"], "3");
    assert_eq!(position["avg_entry_price"], bought["filled_avg_price"]);
    assert_eq!(bench.get("/v2/positions").await.ok(), json!([position]));
    let account = bench.get("/v2/account").await.ok();
    assert_eq!(account["equity"], "1000000");
    assert_eq!(account["long_market_value"], position["market_value"]);

    let resting = json!({"side": "sell", "symbol": "AAPL", "limit_price": 9999});
    bench.place(resting).await;
    bench.call("POST", "/v2/orders", market("2", "sell")).await.refused(403, 40_310_000);
    bench.call("POST", "/v2/orders", market("1", "sell")).await.ok();
    assert_eq!(bench.get("/v2/positions/AAPL").await.ok()["qty_available"], "0");

    let closed = bench.call("DELETE", "/v2/positions?cancel_orders=True", json!({})).await;
    assert_eq!(closed.status, StatusCode::MULTI_STATUS);
    assert_eq!(bench.get("/v2/positions").await.ok(), json!([]));
    bench.get("/v2/positions/AAPL").await.refused(404, 40_410_000);
    let activities = bench.get("/v2/account/activities/FILL").await.ok();
    assert_eq!(activities.as_array().unwrap().len(), 3);
    assert_eq!(bench.get("/v2/account").await.ok()["cash"], "1000000");

    let notional = json!({"symbol": "BTC/USD", "notional": "100", "side": "buy", "type": "market", "time_in_force": "gtc"});
    assert_eq!(bench.call("POST", "/v2/orders", notional).await.ok()["qty"], Value::Null);
}

#[tokio::test]
async fn orders_of_an_account_are_its_own_and_bounded() {
    let bench = Bench::new().await;
    let first = bench.call("POST", "/v2/orders", market("1", "buy")).await.ok();
    let path = format!("/v2/orders/{}", first["id"].as_str().unwrap());
    bench.call_as("key", "another", "GET", &path, "").await.refused(404, 40_410_000);
    bench.call_as("key", "another", "DELETE", &path, "").await.refused(404, 40_410_000);
    for _ in 0..1_000 {
        bench.place(json!({"qty": 1})).await;
    }
    bench.get(&path).await.refused(404, 40_410_000);
    bench.call("POST", "/v2/orders", order(&json!({}))).await.refused(403, 40_310_000);
    bench.call_as("key", ACCOUNT, "DELETE", "/v2/orders", "").await;
    bench.place(json!({})).await;
}
