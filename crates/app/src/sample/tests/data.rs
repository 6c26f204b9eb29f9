//! Market data.

use super::{Bench, NOON};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

impl Bench {
    async fn bars(&self, query: &str) -> Value {
        self.get(&format!("/v2/stocks/bars?{query}")).await.ok()
    }
}

fn times(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["t"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn bars_have_the_shape_of_bars() {
    let bench = Bench::new().await;
    let body = bench.bars("symbols=MSFT,AAPL&timeframe=1Day&start=2024-01-02T00:00:00%2B00:00&limit=5").await;
    assert_eq!(times(&body["bars"]["AAPL"])[..2], ["2024-01-02T05:00:00Z", "2024-01-03T05:00:00Z"]);
    assert!(body["next_page_token"].is_string());
    for bar in body["bars"]["AAPL"].as_array().unwrap() {
        let price = |name: &str| bar[name].as_f64().unwrap();
        assert!(price("l") <= price("o").min(price("c")) && price("h") >= price("o").max(price("c")));
        assert!((price("l")..=price("h")).contains(&price("vw")));
        assert!(bar["v"].as_u64().unwrap() > 0 && bar["n"].as_u64().unwrap() > 0);
    }
    let alone = bench.get("/v2/stocks/AAPL/bars?timeframe=1Day&start=2024-01-02&end=2024-01-08").await.ok();
    assert_eq!(alone["bars"], body["bars"]["AAPL"]);
    assert_eq!((&alone["symbol"], &alone["next_page_token"]), (&json!("AAPL"), &Value::Null));
}

#[tokio::test]
async fn pages_are_the_whole() {
    let bench = Bench::new().await;
    let query = "symbols=AAPL,TSLA&timeframe=1Hour&start=2024-05-01&end=2024-05-03";
    for sort in ["asc", "desc"] {
        let whole = bench.bars(&format!("{query}&sort={sort}")).await;
        assert_eq!(whole["bars"]["AAPL"].as_array().unwrap().len(), 21);
        let mut pages = json!({});
        let mut token = String::new();
        loop {
            let page = bench.bars(&format!("{query}&sort={sort}&limit=5&page_token={token}")).await;
            for (symbol, rows) in page["bars"].as_object().unwrap() {
                let mut all = pages[symbol].as_array().cloned().unwrap_or_default();
                all.extend(rows.as_array().unwrap().clone());
                pages[symbol] = Value::Array(all);
            }
            match page["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        assert_eq!(pages, whole["bars"], "{sort}");
    }
}

#[tokio::test]
async fn bars_end_now_and_begin_with_the_last_session() {
    let bench = Bench::new().await;
    let today = bench.bars("symbols=AAPL&timeframe=1Min").await;
    assert_eq!(times(&today["bars"]["AAPL"]).len(), 90);
    let future = bench.bars("symbols=AAPL&timeframe=1Day&start=2024-06-01").await;
    assert_eq!(future["bars"], json!({}));
    bench.clock.0.store(NOON + 3 * 86_400, Ordering::Relaxed);
    let weekend = bench.bars("symbols=AAPL&timeframe=1Day").await;
    assert_eq!(times(&weekend["bars"]["AAPL"]), ["2024-05-10T04:00:00Z"]);
}

#[tokio::test]
async fn what_was_stays_as_it_was() {
    let (bench, other) = (Bench::new().await, Bench::new().await);
    let query = "symbols=AAPL&timeframe=15Min&start=2024-05-01&end=2024-05-02";
    let then = bench.bars(query).await;
    other.clock.0.store(NOON + 500 * 86_400, Ordering::Relaxed);
    assert_eq!(other.bars(query).await, then);
    assert_ne!(then["bars"]["AAPL"], bench.bars(&query.replace("AAPL", "TSLA")).await["bars"]["TSLA"]);
}

#[tokio::test]
async fn quotes_trades_and_the_latest() {
    let bench = Bench::new().await;
    let quotes = bench.get("/v2/stocks/quotes?symbols=AAPL&start=2024-05-07T14:00:00Z&limit=3").await.ok();
    let quote = &quotes["quotes"]["AAPL"][2];
    assert!(quote["bp"].as_f64() < quote["ap"].as_f64());
    let trades = bench.get("/v2/stocks/AAPL/trades?start=2024-05-07T14:00:00Z&limit=3").await.ok();
    assert_eq!(times(&trades["trades"])[0], "2024-05-07T14:00:00Z");
    for (series, field) in [("bars", "c"), ("quotes", "ap"), ("trades", "p")] {
        let latest = bench.get(&format!("/v2/stocks/{series}/latest?symbols=AAPL,SPY")).await.ok();
        assert!(latest[series]["SPY"][field].is_number(), "{latest}");
        let one = bench.get(&format!("/v2/stocks/AAPL/{series}/latest")).await.ok();
        assert_eq!(one[&series[..series.len() - 1]], latest[series]["AAPL"]);
        assert_eq!(&one["bar"]["t"].as_str().unwrap_or("2024-05-08T14:59:00Z"), &"2024-05-08T14:59:00Z");
    }
    let snapshots = bench.get("/v2/stocks/snapshots?symbols=AAPL").await.ok();
    assert_eq!(snapshots["AAPL"]["prevDailyBar"]["t"], "2024-05-07T04:00:00Z");
    assert_eq!(snapshots["AAPL"]["dailyBar"]["t"], "2024-05-08T04:00:00Z");
    let one = bench.get("/v2/stocks/AAPL/snapshot").await.ok();
    assert_eq!(one["latestTrade"], snapshots["AAPL"]["latestTrade"]);

    bench.clock.0.store(NOON - 2 * 3600, Ordering::Relaxed);
    let early = bench.get("/v2/stocks/AAPL/snapshot").await.ok();
    assert_eq!(early["dailyBar"]["t"], "2024-05-07T04:00:00Z", "today has no bar before the exchange opens");
    assert_eq!(early["minuteBar"]["t"], "2024-05-07T19:59:00Z");
}

#[tokio::test]
async fn other_markets() {
    let bench = Bench::new().await;
    let bars = bench
        .get("/v1beta3/crypto/us/bars?symbols=BTC%2FUSD&timeframe=1Hour&start=2024-05-04&end=2024-05-04")
        .await
        .ok();
    assert_eq!(bars["bars"]["BTC/USD"].as_array().unwrap().len(), 24);
    bench.get("/v1beta3/crypto/us/latest/quotes?symbols=ETH/USD").await.ok();
    bench.get("/v1beta3/crypto/us/snapshots?symbols=ETH/USD").await.ok();
    assert_eq!(bench.get("/v1beta1/options/bars?symbols=X").await.ok()["bars"], json!({}));
    assert_eq!(bench.get("/v2/options/contracts").await.ok()["option_contracts"], json!([]));
    let news = bench.get("/v1beta1/news?symbols=AAPL&limit=3").await.ok();
    assert_eq!(news["news"].as_array().unwrap().len(), 3);
    assert_eq!(news["news"][0]["symbols"], json!(["AAPL"]));
}

#[tokio::test]
async fn bad_questions_are_refused() {
    let bench = Bench::new().await;
    for query in [
        "timeframe=1Day",
        "symbols=&timeframe=1Day",
        "symbols=,&timeframe=1Day",
        "symbols=aapl&timeframe=1Day",
        "symbols=AAPL",
        "symbols=AAPL&timeframe=2Day",
        "symbols=AAPL&timeframe=1Day&start=soon",
        "symbols=AAPL&timeframe=1Day&limit=0",
        "symbols=AAPL&timeframe=1Day&limit=10001",
        "symbols=AAPL&timeframe=1Day&sort=up",
        "symbols=AAPL&timeframe=1Day&page_token=%21",
        "symbols=AAPL&timeframe=1Day&page_token=QUFQTHw5OTk5OTk5OTk5OTk5OTk5OTk",
    ] {
        bench.get(&format!("/v2/stocks/bars?{query}")).await.refused(400, 40_010_000);
    }
    let far =
        bench.bars("symbols=AAPL&timeframe=1Min&start=0000-01-01&end=9999-12-31&sort=desc&limit=10000").await;
    assert_eq!(far["bars"]["AAPL"].as_array().unwrap().len(), 10_000);
}
