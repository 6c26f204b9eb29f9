//! Prices of the past, news, valuations and discovery.

use super::{ACCOUNT, Bench, NOON};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const VIEWS: &str = "/data/historical-pricing/v1/views";

fn column(body: &Value, name: &str) -> Vec<Value> {
    let headers = body[0]["headers"].as_array().unwrap();
    let place = headers.iter().position(|h| h["name"] == name).unwrap_or_else(|| panic!("no {name}: {body}"));
    body[0]["data"].as_array().unwrap().iter().map(|row| row[place].clone()).collect()
}

#[tokio::test]
async fn days_come_latest_first_with_the_fields_that_were_asked_for() {
    let bench = Bench::new().await;
    let target = format!("{VIEWS}/interday-summaries/IBM.N?interval=P1D&count=3&fields=BID,ASK,DATE");
    let body = bench.get(&target).await.ok();
    assert_eq!(column(&body, "DATE"), ["2024-05-08", "2024-05-07", "2024-05-06"]);
    let names: Vec<&Value> = body[0]["headers"].as_array().unwrap().iter().map(|h| &h["name"]).collect();
    assert_eq!(names, ["DATE", "BID", "ASK"]);
    for (bid, ask) in column(&body, "BID").iter().zip(column(&body, "ASK")) {
        assert!(bid.as_f64() < ask.as_f64(), "{body}");
    }
    assert_eq!((&body[0]["universe"]["ric"], &body[0]["interval"]), (&json!("IBM.N"), &json!("P1D")));
}

#[tokio::test]
async fn a_stretch_is_read_to_its_start_page_by_page() {
    let bench = Bench::new().await;
    let stretch = "interval=PT1H&start=2024-05-07T00:00:00.000000000Z";
    let whole =
        bench.get(&format!("{VIEWS}/intraday-summaries/EUR=?{stretch}&end=2024-05-08T00:00:00Z")).await.ok();
    assert_eq!(column(&whole, "DATE_TIME").len(), 24);
    let last = column(&whole, "DATE_TIME")[9].as_str().unwrap().to_owned();
    let rest = bench.get(&format!("{VIEWS}/intraday-summaries/EUR%3D?{stretch}&end={last}")).await.ok();
    assert_eq!(column(&rest, "DATE_TIME"), column(&whole, "DATE_TIME")[10..]);
}

#[tokio::test]
async fn what_does_not_exist_is_said_with_200_and_what_cannot_be_read_with_400() {
    let bench = Bench::new().await;
    for (target, code) in [
        (format!("{VIEWS}/interday-summaries/%20"), "TS.Interday.UserRequestError.90001"),
        (format!("{VIEWS}/interday-summaries/IBM.N?fields=NOPE"), "TS.Interday.UserRequestError.70005"),
    ] {
        let body = bench.get(&target).await.ok();
        assert_eq!(body[0]["status"]["code"], code, "{target}");
        assert!(body[0].get("data").is_none(), "{target}");
    }
    for target in ["interday-summaries/IBM.N?interval=PT1M", "events/IBM.N?count=0", "events/IBM.N?start=x"] {
        let got = bench.get(&format!("{VIEWS}/{target}")).await;
        let body: Value = serde_json::from_slice(&got.raw).unwrap();
        assert_eq!(got.status, 400, "{target}");
        assert_eq!(body["error"]["message"], "Validation error", "{target}");
        assert!(body["error"]["errors"][0]["key"].is_string(), "{target}");
    }
}

#[tokio::test]
async fn headlines_have_pages_and_each_has_a_story() {
    let bench = Bench::new().await;
    let first = bench.get("/data/news/v1/headlines?query=IBM&limit=2").await.ok();
    assert_eq!(first["meta"]["count"], 2);
    let next = first["meta"]["next"].as_str().unwrap().replace('|', "%7C");
    let second = bench.get(&format!("/data/news/v1/headlines?cursor={next}&limit=2")).await.ok();
    let ids = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|i| i["storyId"].as_str().unwrap().to_owned()).collect()
    };
    let whole = bench.get("/data/news/v1/headlines?query=IBM&limit=4").await.ok();
    assert_eq!([ids(&first), ids(&second)].concat(), ids(&whole));

    let story = bench.get(&format!("/data/news/v1/stories/{}", ids(&first)[0])).await.ok();
    let title = &first["data"][0]["newsItem"]["itemMeta"]["title"][0]["$"];
    assert_eq!(&story["newsItem"]["contentMeta"]["headline"][0]["$"], title);
    for id in ["x", "urn:newsml:sample.example:20240508", "urn:newsml:sample.example:2024é08:nX", "%FF"] {
        assert_eq!(bench.get(&format!("/data/news/v1/stories/{id}")).await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn each_contract_of_a_batch_gets_its_row() {
    let bench = Bench::new().await;
    let contract = |tag: &str| json!({"instrumentType": "FxCross", "instrumentDefinition": {"instrumentTag": tag, "fxCrossCode": "USDJPY"}});
    let path = "/data/quantitative-analytics/v1/financial-contracts";
    let batch =
        json!({"universe": [contract("1"), contract("2")], "fields": ["InstrumentTag", "FxSpot_BidMidAsk"]});
    let body = bench.call("POST", path, batch).await.ok();
    assert_eq!((&body["data"][0][0], &body["data"][1][0]), (&json!("1"), &json!("2")));
    assert!(body["data"][0][1].as_f64().unwrap() > 0.0);
    for wrong in [json!({}), json!({"universe": []}), json!([])] {
        assert_eq!(bench.call("POST", path, wrong).await.status, 400);
    }
}

#[tokio::test]
async fn discovery_names_the_platforms_streams() {
    let bench = Bench::new().await;
    let target = "/streaming/pricing/v1/?transport=websocket";
    assert_eq!(bench.get(target).await.ok(), json!({"services": []}));
    bench.sample.streams_at(vec![("127.0.0.1".to_owned(), 7132)]);
    bench.clock.0.store(NOON, Ordering::Relaxed);
    let service = &bench.get(target).await.ok()["services"][0];
    assert_eq!((&service["endpoint"], &service["port"]), (&json!("127.0.0.1"), &json!(7132)));
    assert_eq!((&service["transport"], &service["dataFormat"]), (&json!("websocket"), &json!(["tr_json2"])));
    let got = bench.call_as("client", ACCOUNT, "GET", "/streaming/pricing/v1/?transport=tcp", "").await;
    assert_eq!(got.ok(), json!({"services": []}));
}
