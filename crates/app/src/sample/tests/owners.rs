//! Accounts, watchlists, the calendar, and what partners call.

use super::{ACCOUNT, Bench, NOON};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn the_account_reads_as_clients_expect() {
    let bench = Bench::new().await;
    let account = bench.get("/v2/account").await.ok();
    assert_eq!(account["id"], ACCOUNT);
    assert_eq!((&account["status"], &account["currency"]), (&json!("ACTIVE"), &json!("USD")));
    assert!(account["account_number"].as_str().unwrap().starts_with("PA3"));
    for amount in [
        "cash",
        "buying_power",
        "equity",
        "last_equity",
        "portfolio_value",
        "multiplier",
        "initial_margin",
        "sma",
    ] {
        assert!(account[amount].as_str().unwrap().parse::<f64>().is_ok(), "{amount}");
    }
    for flag in
        ["pattern_day_trader", "trading_blocked", "account_blocked", "transfers_blocked", "shorting_enabled"]
    {
        assert!(account[flag].is_boolean(), "{flag}");
    }
    assert_eq!(account, bench.get("/v2/account").await.ok());
}

#[tokio::test]
async fn settings_change() {
    let bench = Bench::new().await;
    let usual = bench.get("/v2/account/configurations").await.ok();
    assert_eq!(usual["suspend_trade"], false);
    let change = json!({"suspend_trade": true, "trade_confirm_email": "none", "pdt_check": null});
    let changed = bench.call("PATCH", "/v2/account/configurations", change).await.ok();
    assert_eq!((&changed["suspend_trade"], &changed["trade_confirm_email"]), (&json!(true), &json!("none")));
    assert_eq!(changed["pdt_check"], usual["pdt_check"]);
    assert_eq!(bench.get("/v2/account/configurations").await.ok(), changed);
    assert_eq!(bench.get("/v2/account").await.ok()["trade_suspended_by_user"], true);
    let order = json!({"symbol": "AAPL", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"});
    bench.call("POST", "/v2/orders", order).await.refused(403, 40_310_000);
    for bad in [
        json!({"x": 1}),
        json!({"suspend_trade": "no"}),
        json!({"trade_confirm_email": "some"}),
        json!({"max_margin_multiplier": 2}),
    ] {
        bench.call("PATCH", "/v2/account/configurations", bad).await.refused(422, 42_210_000);
    }
}

#[tokio::test]
async fn clock_and_calendar() {
    let bench = Bench::new().await;
    let clock = bench.get("/v2/clock").await.ok();
    let expected = json!({
        "timestamp": "2024-05-08T15:00:00Z",
        "is_open": true,
        "next_open": "2024-05-09T13:30:00Z",
        "next_close": "2024-05-08T20:00:00Z",
    });
    assert_eq!(clock, expected);
    bench.clock.0.store(NOON + 3 * 86_400, Ordering::Relaxed);
    let weekend = bench.get("/v2/clock").await.ok();
    assert_eq!(weekend["is_open"], false);
    assert_eq!(
        (&weekend["next_open"], &weekend["next_close"]),
        (&json!("2024-05-13T13:30:00Z"), &json!("2024-05-13T20:00:00Z"))
    );

    let days = bench.get("/v2/calendar?start=2024-05-24&end=2024-05-28").await.ok();
    let dates: Vec<&Value> = days.as_array().unwrap().iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2024-05-24", "2024-05-28"]);
    assert_eq!((&days[0]["open"], &days[0]["close"]), (&json!("09:30"), &json!("16:00")));
    bench.get("/v2/calendar?start=tomorrow").await.refused(422, 42_210_000);
    assert_eq!(bench.get("/v2/calendar").await.ok().as_array().unwrap().len(), 252);
}

#[tokio::test]
async fn history_follows_the_orders() {
    let bench = Bench::new().await;
    let order =
        json!({"symbol": "NVDA", "qty": 1000, "side": "buy", "type": "market", "time_in_force": "day"});
    bench.call("POST", "/v2/orders", order).await.ok();
    bench.clock.0.store(NOON + 14 * 86_400, Ordering::Relaxed);
    let history = bench.get("/v2/account/portfolio/history?period=1M&timeframe=1D").await.ok();
    let lengths: Vec<usize> = ["timestamp", "equity", "profit_loss", "profit_loss_pct"]
        .iter()
        .map(|name| history[name].as_array().unwrap().len())
        .collect();
    assert!(lengths[0] > 15 && lengths.iter().all(|l| *l == lengths[0]), "{lengths:?}");
    assert_eq!(history["equity"][0], 1_000_000.0);
    assert_ne!(history["equity"][lengths[0] - 1], 1_000_000.0);
    bench.clock.0.store(NOON + 17 * 86_400, Ordering::Relaxed);
    let day = bench.get("/v2/account/portfolio/history?period=1D&timeframe=5Min").await.ok();
    assert_eq!(day["timestamp"].as_array().unwrap().len(), 78, "the last session, on a Saturday, too");
    for bad in ["period=0D", "period=x", "period=9999D", "timeframe=1Week", "timeframe=x", "period=%C3%A9A"] {
        bench.get(&format!("/v2/account/portfolio/history?{bad}")).await.refused(422, 42_210_000);
    }
}

#[tokio::test]
async fn watchlists_live() {
    let bench = Bench::new().await;
    let made = bench
        .call("POST", "/v2/watchlists", json!({"name": "Mine", "symbols": ["AAPL", "AAPL", "MSFT"]}))
        .await
        .ok();
    assert_eq!(made["account_id"], ACCOUNT);
    assert_eq!(made["assets"].as_array().unwrap().len(), 2);
    let path = format!("/v2/watchlists/{}", made["id"].as_str().unwrap());
    bench.call("POST", "/v2/watchlists", json!({"name": "Mine"})).await.refused(422, 42_210_000);
    bench.call("POST", "/v2/watchlists", json!({"symbols": []})).await.refused(422, 42_210_000);
    bench
        .call("POST", "/v2/watchlists", json!({"name": "Other", "symbols": ["NOSUCH"]}))
        .await
        .refused(422, 42_210_000);
    assert_eq!(
        bench.call("POST", &path, json!({"symbol": "TSLA"})).await.ok()["assets"][2]["symbol"],
        "TSLA"
    );
    bench.call("POST", &path, json!({"symbol": "TSLA"})).await.refused(422, 42_210_000);
    let left = bench.call("DELETE", &format!("{path}/AAPL"), json!({})).await.ok();
    assert_eq!(left["assets"].as_array().unwrap().len(), 2);
    let renamed = bench.call("PUT", &path, json!({"name": "Ours"})).await.ok();
    assert_eq!((&renamed["name"], renamed["assets"].as_array().unwrap().len()), (&json!("Ours"), 2));
    assert_eq!(bench.get(&path).await.ok(), renamed);
    assert_eq!(bench.get("/v2/watchlists").await.ok()[0]["name"], "Ours");
    assert_eq!(bench.call("DELETE", &path, json!({})).await.status, 204);
    bench.get(&path).await.refused(404, 40_410_000);
}

#[tokio::test]
async fn assets_are_listed() {
    let bench = Bench::new().await;
    let all = bench.get("/v2/assets").await.ok();
    assert_eq!(all.as_array().unwrap().len(), 24);
    let crypto = bench.get("/v2/assets?asset_class=crypto&status=active").await.ok();
    assert_eq!(crypto.as_array().unwrap().len(), 2);
    assert_eq!(bench.get("/v2/assets?status=inactive").await.ok(), json!([]));
    let one = bench.get("/v2/assets/AAPL").await.ok();
    assert_eq!(one["class"], "us_equity");
    assert_eq!(bench.get(&format!("/v2/assets/{}", one["id"].as_str().unwrap())).await.ok(), one);
    bench.get("/v2/assets/NOSUCH").await.refused(404, 40_410_000);
}

#[tokio::test]
async fn partners_trade_for_their_accounts() {
    let bench = Bench::new().await;
    let partner = async |method: &str, target: &str, body: Value| {
        bench.call_as("partner", "sunrise", method, target, body.to_string()).await
    };
    assert_eq!(partner("GET", "/v1/accounts", json!({})).await.ok(), json!([]));
    let account = partner("GET", &format!("/v1/accounts/{ACCOUNT}"), json!({})).await.ok();
    assert_eq!((&account["id"], &account["status"]), (&json!(ACCOUNT), &json!("ACTIVE")));
    assert_eq!(partner("GET", "/v1/accounts", json!({})).await.ok(), json!([account]));
    let elsewhere = bench.call_as("partner", "dusk", "GET", "/v1/accounts", "").await.ok();
    assert_eq!(elsewhere, json!([]));

    let base = format!("/v1/trading/accounts/{ACCOUNT}");
    let order = json!({"symbol": "AAPL", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"});
    let placed = partner("POST", &format!("{base}/orders"), order).await.ok();
    assert_eq!(bench.get("/v2/orders?status=all").await.ok(), json!([placed]), "one book, whoever reads it");
    assert_eq!(partner("GET", &format!("{base}/positions"), json!({})).await.ok()[0]["symbol"], "AAPL");
    let trading = partner("GET", &format!("{base}/account"), json!({})).await.ok();
    assert!(trading["cash_withdrawable"].is_string());
    partner("POST", "/v1/accounts", json!({})).await.refused(422, 42_210_000);
    partner("PATCH", &format!("/v1/accounts/{ACCOUNT}"), json!({})).await.refused(422, 42_210_000);
    partner("GET", &format!("{base}/nothing"), json!({})).await.refused(404, 40_410_000);
}
