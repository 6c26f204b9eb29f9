//! The API of the `rfc` sample platform: a person's accounts, and quotes.

use super::answer::{Answer, Reply};
use super::calls::Call;
use super::prices::{Market, dollars};
use http::Method;
use serde_json::{Value, json};

/// Finds the function for a call of this API.
pub(super) fn answer(call: &Call<'_>, method: &Method, path: &[&str]) -> Option<Reply> {
    if *method != Method::GET {
        return None;
    }
    Some(match path {
        ["health"] => Ok(Answer::ok(json!({"status": "ok"}))),
        ["accounts"] => Ok(Answer::ok(json!({"accounts": own(call)}))),
        ["accounts", id] => {
            let found = own(call).into_iter().find(|account| account["id"] == **id);
            found.map(Answer::ok).ok_or_else(|| Answer::not_found("there is no such account"))
        }
        ["quotes", symbol] => {
            let cents = Market::of(symbol).price(call.seconds());
            let spread = (cents / 2000).max(1);
            Ok(Answer::ok(json!({
                "symbol": symbol,
                "bid": dollars(cents - spread),
                "ask": dollars(cents + spread),
                "at": mandate_core::format::rfc3339(call.now),
            })))
        }
        _ => return None,
    })
}

/// The account that the gate names; a client that calls for itself has none.
fn own(call: &Call<'_>) -> Vec<Value> {
    let (id, environment) = call.about();
    if id.is_empty() {
        return Vec::new();
    }
    let balance: u64 = id.bytes().map(u64::from).sum::<u64>() * 137;
    vec![json!({
        "id": id,
        "environment": environment,
        "currency": "EUR",
        "balance": format!("{}.{:02}", balance / 100, balance % 100),
    })]
}
