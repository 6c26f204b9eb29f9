//! Valuation of contracts, many in one request: what batches of trades are sent to.

use super::super::answer::{Answer, Reply};
use super::super::calls::Call;
use super::super::intake::Fields;
use super::super::prices::{Market, dollars};
use super::invalid;
use serde_json::{Value, json};

/// Most contracts of a request.
const MOST: usize = 1000;
const USUAL: [&str; 3] = ["InstrumentTag", "InstrumentDescription", "MarketValueInDealCcy"];

/// `POST /data/quantitative-analytics/v1/financial-contracts`
pub(super) fn contracts(call: &Call<'_>) -> Reply {
    let fields = Fields::read(&call.body).map_err(|_| invalid(call, "body", "is no JSON object"))?;
    let contracts = match fields.get("universe") {
        Some(Value::Array(contracts)) if (1..=MOST).contains(&contracts.len()) => contracts,
        _ => return Err(invalid(call, "universe", "between 1 and 1000 contracts are expected")),
    };
    let wanted: Vec<&str> = match fields.get("fields") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => USUAL.to_vec(),
    };
    let now = call.seconds();
    let data: Vec<Value> =
        contracts.iter().map(|c| wanted.iter().map(|name| cell(name, c, now)).collect()).collect();
    let headers = wanted.iter().map(|name| {
        let text = matches!(*name, "InstrumentTag" | "InstrumentDescription" | "ErrorCode" | "ErrorMessage");
        json!({"name": name, "type": if text { "String" } else { "Float" }})
    });
    Ok(Answer::ok(json!({"headers": headers.collect::<Vec<_>>(), "data": data})))
}

fn cell(name: &str, contract: &Value, now: i64) -> Value {
    let definition = &contract["instrumentDefinition"];
    let code = ["fxCrossCode", "instrumentCode", "underlyingInstrument"]
        .iter()
        .find_map(|key| definition[*key].as_str())
        .unwrap_or("SAMPLE");
    match name {
        "InstrumentTag" => definition["instrumentTag"].clone(),
        "InstrumentDescription" => json!(code),
        "ErrorCode" | "ErrorMessage" => json!(""),
        _ => json!(dollars(Market::of(code).price(now))),
    }
}
