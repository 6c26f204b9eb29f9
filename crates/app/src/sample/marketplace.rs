//! The API of the `olx` sample platform: a person's adverts, and what adverts are sorted by. Its clients' types say which
//! numbers have a fraction and what may be null.

mod adverts;
mod reference;

pub(super) use adverts::Board;

use super::answer::{Answer, Reply};
use super::calls::Call;
use http::{Method, StatusCode};
use mandate_core::{Timestamp, format};
use serde_json::{Map, Value, json};

/// The most rows that one answer holds.
const PAGE: usize = 1_000;

/// Finds the function for a call of this API: `path` is what follows `/api/partner/`.
pub(super) fn answer(call: &Call<'_>, method: &Method, path: &[&str]) -> Option<Reply> {
    let ["api", "partner", path @ ..] = path else { return None };
    if let (&Method::GET, Some(reply)) = (method, reference::answer(call, path)) {
        return Some(reply);
    }
    Some(match (method.as_str(), path) {
        ("GET", ["users", "me"]) => owner(call).map(|me| data(myself(call, me))),
        ("GET", ["users", "me", "account-balance"]) => owner(call).map(|_| {
            data(json!({"sum": 120.5, "wallet": 100.0, "bonus": 20.5, "refund": 0.0, "currency": "PLN"}))
        }),
        ("GET", ["users", "me", "payment-methods"]) => {
            owner(call).map(|_| data(json!(["account", "postpaid"])))
        }
        ("GET", ["users", id]) => {
            number(id).map(|id| data(json!({"id": id, "name": name(id), "avatar": null})))
        }
        (_, ["adverts", rest @ ..]) => owner(call).and_then(|me| adverts::answer(call, me, method, rest)),
        _ => return None,
    })
}

/// The account that the call acts for.
fn owner<'a>(call: &'a Call<'_>) -> Result<&'a str, Answer> {
    let (account, _) = call.about();
    if account.is_empty() {
        Err(error(StatusCode::BAD_REQUEST, "Invalid owner in token"))
    } else {
        Ok(account)
    }
}

fn data(value: Value) -> Answer {
    Answer::ok(Value::Object(Map::from_iter([("data".to_owned(), value)])))
}

/// An error as this API says it.
fn error(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({"error": {"status": status.as_u16(), "title": title, "detail": detail}});
    Answer { status, body: Some(body) }
}

fn not_found(what: &str) -> Answer {
    error(StatusCode::NOT_FOUND, &format!("{what} not found"))
}

/// An error about some fields of the body.
fn invalid(fields: &[(&str, &str)]) -> Answer {
    let rows: Vec<Value> = fields
        .iter()
        .map(|(field, detail)| json!({"field": field, "title": "Validation error", "detail": detail}))
        .collect();
    let error = json!({
        "status": 400, "title": "Bad Request", "detail": "Data validation error occurred", "validation": rows,
    });
    Answer { status: StatusCode::BAD_REQUEST, body: Some(json!({"error": error})) }
}

fn number(text: &str) -> Result<u64, Answer> {
    text.parse().map_err(|_| not_found("Resource"))
}

/// The rows of a page: `offset` and `limit`.
fn page(call: &Call<'_>, rows: Vec<Value>, usual: usize) -> Reply {
    let whole = |name: &str| match call.query.get(name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<usize>().map(Some).map_err(|_| invalid(&[(name, "This value should be a number.")]))
        }
    };
    let offset = whole("offset")?.unwrap_or(0);
    let limit = whole("limit")?.unwrap_or(usual);
    if !(1..=PAGE).contains(&limit) {
        return Err(invalid(&[("limit", "This value should be between 1 and 1000.")]));
    }
    Ok(data(rows.into_iter().skip(offset).take(limit).collect()))
}

/// The number that people go by here, from the account's id.
fn user_id(account: &str) -> u64 {
    let mixed = account.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    100_000 + mixed % 900_000_000
}

fn name(user: u64) -> String {
    format!("Sample seller {user}")
}

fn myself(call: &Call<'_>, account: &str) -> Value {
    let id = user_id(account);
    json!({
        "id": id,
        "email": format!("seller-{id}@people.example.test"),
        "status": "confirmed",
        "name": name(id),
        "phone": "555-0100",
        "phone_login": null,
        "created_at": "2018-01-29 12:12:12",
        "last_login_at": moment(call.now),
        "avatar": null,
        "is_business": false,
    })
}

/// `2024-05-08 15:00:00`
fn moment(at: Timestamp) -> String {
    format::rfc3339(at).replace('T', " ").trim_end_matches('Z').to_owned()
}
