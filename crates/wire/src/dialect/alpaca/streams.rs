//! The two websockets: trade updates of an account, and market data of a feed. Facts: docs/dialects/alpaca.md.

mod data;
mod trade;

use crate::credential::{self, Presented};
use crate::jose::strict;
use crate::stream::{Frame, StreamDialect};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};
use serde_json::{Map, Value};

/// Both.
pub const ALL: &[&dyn StreamDialect] = &[&trade::Trade, &data::Data];

/// A message as an object: JSON, whatever kind of frame it comes in.
fn json(frame: Frame<'_>) -> Result<Map<String, Value>, Box<Refusal>> {
    match strict::value(frame.bytes()) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(unreadable("the message is not an object"))
        }
        Err(strict::JsonFault::Repeated) => Err(unreadable("a name stands twice in the message")),
        Err(_) => Err(unreadable("the message is not JSON")),
    }
}

fn unreadable(defect: &str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::RequestMalformed).with(FactName::Defect, defect))
}

fn text<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    map.get(name).and_then(Value::as_str)
}

fn action(map: &Map<String, Value>) -> Option<&str> {
    text(map, "action")
}

/// The one credential of a login. Its names differ between the two streams, and both are taken on either.
fn credential_of(map: &Map<String, Value>) -> Result<Presented, Box<Refusal>> {
    let empty = Map::new();
    let data = map.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let carried = |inner: &[&str], outer: &[&str]| {
        inner.iter().any(|n| data.contains_key(*n)) || outer.iter().any(|n| map.contains_key(*n))
    };
    let inside = carried(&["key_id", "secret_key"], &[]);
    let beside = carried(&[], &["key", "secret"]);
    let token = carried(&["oauth_token"], &["oauth_token"]);
    match (inside, beside, token) {
        (true, false, false) => credential::key_in_message(
            ["data.key_id", "data.secret_key"],
            text(data, "key_id"),
            text(data, "secret_key"),
        ),
        (false, true, false) => {
            credential::key_in_message(["key", "secret"], text(map, "key"), text(map, "secret"))
        }
        (false, false, true) => match (data.get("oauth_token"), map.get("oauth_token")) {
            (Some(Value::String(token)), None) => credential::token_in_message("data.oauth_token", token),
            (None, Some(Value::String(token))) => credential::token_in_message("oauth_token", token),
            (Some(_), Some(_)) => Err(credential::several_in_message("oauth_token, data.oauth_token")),
            _ => credential::token_in_message("oauth_token", ""),
        },
        (false, false, false) => {
            Err(credential::missing("key and secret, or an oauth_token, in the login message"))
        }
        _ => Err(credential::several_in_message("a key and another credential in one message")),
    }
}

#[cfg(test)]
mod tests;
