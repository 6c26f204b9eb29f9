//! `rdp_streaming`: one object for each message, with a method.

use super::{objects, say, token, unreadable};
use crate::stream::{
    After, Before, Conversation, FirstWord, Frame, Message, Opening, Stage, StreamDialect, Terms, Told,
};
use mandate_core::Cause;
use mandate_core::refusal::{Decision, Refusal};
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Rdp;

const TERMS: Terms = Terms {
    subprotocols: &["rdp_streaming"],
    login_within: Duration::from_secs(30),
    largest_login: 32 * 1024,
    header_credentials: false,
    connections: None,
    first_word: FirstWord::Clients,
};

impl StreamDialect for Rdp {
    fn word(&self) -> &'static str {
        "rdp_streaming"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, _: Opening<'_>) -> Box<dyn Conversation> {
        Box::new(Talk { id: "1".to_owned() })
    }
}

#[derive(Debug)]
struct Talk {
    id: String,
}

fn only(frame: Frame<'_>) -> Result<Map<String, Value>, Box<Refusal>> {
    let mut list = objects(frame)?;
    match (list.pop(), list.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(unreadable("the message holds more than one object")),
    }
}

fn method(map: &Map<String, Value>) -> Option<&str> {
    map.get("method").and_then(Value::as_str)
}

impl Talk {
    fn login(&mut self, map: &Map<String, Value>) -> Result<crate::credential::Presented, Box<Refusal>> {
        let id = map.get("streamID").and_then(Value::as_str).unwrap_or("1");
        self.id = id.chars().filter(char::is_ascii_digit).take(20).collect();
        token("token", map.get("token"))
    }
}

impl Conversation for Talk {
    fn before(&mut self, frame: Frame<'_>) -> Before {
        match only(frame) {
            Err(refusal) => Before::Refuse(refusal),
            Ok(map) if method(&map) == Some("Auth") => {
                self.login(&map).map_or_else(Before::Refuse, Before::Login)
            }
            Ok(_) => Before::Refuse(Box::new(Refusal::anonymous(Cause::StreamNotLoggedIn))),
        }
    }

    fn after(&mut self, frame: Frame<'_>) -> After {
        match only(frame) {
            Err(refusal) => After::Refuse(refusal),
            Ok(map) if method(&map) == Some("Auth") => {
                self.login(&map).map_or_else(After::Refuse, After::Login)
            }
            Ok(map) => {
                let service = map.get("service").and_then(Value::as_str).unwrap_or("");
                After::Subscribe(vec![service.into()])
            }
        }
    }

    fn admitted(&mut self, _: bool) -> Vec<Message> {
        say(&json!({
            "type": "Ack", "streamID": self.id,
            "state": {"code": 200, "status": "OK", "message": "Access token is valid"},
        }))
    }

    fn refused(&mut self, stage: Stage, decision: &Decision, issuer: &str) -> Vec<Message> {
        let told = Told::of(decision, issuer);
        let mut object = Map::new();
        let status = if stage == Stage::Message { "Error" } else { "Closed" };
        let verdict =
            json!({"code": decision.refusal.cause.entry().status, "status": status, "message": told.message});
        object.insert("type".into(), if stage == Stage::Login { "Ack" } else { "Error" }.into());
        object.insert("streamID".into(), self.id.as_str().into());
        object.insert("state".into(), verdict);
        told.into_object(&mut object);
        say(&Value::Object(object))
    }
}
