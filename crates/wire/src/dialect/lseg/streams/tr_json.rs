//! `tr_json2`. Messages are objects, or lists of them. The login stays at the gate; everything about items goes to the
//! API. A client logs in again with each new token, and the stream's time is then the new token's.

use super::{objects, say, state_code, token, unreadable};
use crate::stream::{
    After, Before, Conversation, FirstWord, Frame, Message, Opening, Stage, StreamDialect, Terms, Told,
};
use mandate_core::Cause;
use mandate_core::refusal::{Decision, Refusal};
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct TrJson;

const TERMS: Terms = Terms {
    subprotocols: &["tr_json2"],
    login_within: Duration::from_secs(30),
    largest_login: 32 * 1024,
    header_credentials: false,
    connections: None,
    first_word: FirstWord::Clients,
};

impl StreamDialect for TrJson {
    fn word(&self) -> &'static str {
        "tr_json2"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, _: Opening<'_>) -> Box<dyn Conversation> {
        Box::new(Talk { id: 1, wants_refresh: true })
    }
}

#[derive(Debug)]
struct Talk {
    /// The stream id that the client gave its login.
    id: i64,
    /// The client wants an answer to its latest login.
    wants_refresh: bool,
}

fn text<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    map.get(name).and_then(Value::as_str)
}

fn is_login(map: &Map<String, Value>) -> bool {
    text(map, "Domain") == Some("Login")
}

fn pong() -> Vec<Message> {
    say(&json!({"Type": "Pong"}))
}

impl Talk {
    fn login(&mut self, map: &Map<String, Value>) -> Result<crate::credential::Presented, Box<Refusal>> {
        self.id = map.get("ID").and_then(Value::as_i64).unwrap_or(1);
        self.wants_refresh = map.get("Refresh").and_then(Value::as_bool).unwrap_or(true);
        let elements = map.get("Key").and_then(|key| key.get("Elements"));
        token("Key.Elements.AuthenticationToken", elements.and_then(|e| e.get("AuthenticationToken")))
    }

    fn state(&self, kind: &str, state: Value, extra: Map<String, Value>) -> Vec<Message> {
        let mut object = Map::new();
        object.insert("ID".into(), self.id.into());
        object.insert("Type".into(), kind.into());
        object.insert("Domain".into(), "Login".into());
        object.insert("State".into(), state);
        object.extend(extra);
        say(&Value::Array(vec![Value::Object(object)]))
    }
}

impl Conversation for Talk {
    fn before(&mut self, frame: Frame<'_>) -> Before {
        let list = match objects(frame) {
            Ok(list) => list,
            Err(refusal) => return Before::Refuse(refusal),
        };
        match &list[..] {
            [one] if text(one, "Type") == Some("Ping") => Before::Answer(pong()),
            [one] if text(one, "Type") == Some("Pong") => Before::Answer(Vec::new()),
            [one] if is_login(one) && text(one, "Type").is_none_or(|t| t == "Request") => {
                self.login(one).map_or_else(Before::Refuse, Before::Login)
            }
            _ => Before::Refuse(Box::new(Refusal::anonymous(Cause::StreamNotLoggedIn))),
        }
    }

    fn after(&mut self, frame: Frame<'_>) -> After {
        let list = match objects(frame) {
            Ok(list) => list,
            Err(refusal) => return After::Refuse(refusal),
        };
        if let [one] = &list[..]
            && is_login(one)
        {
            return match text(one, "Type") {
                Some("Close") => After::Leave,
                None | Some("Request") => self.login(one).map_or_else(After::Refuse, After::Login),
                Some(_) => After::Refuse(unreadable("a login message is a request or a close")),
            };
        }
        if list.iter().any(is_login) {
            return After::Refuse(unreadable("a login stands alone in its message"));
        }
        if list.iter().all(|map| matches!(text(map, "Type"), Some("Ping" | "Pong"))) {
            let pings = list.iter().any(|map| text(map, "Type") == Some("Ping"));
            return After::Sign(if pings { pong() } else { Vec::new() });
        }
        let asks = |map: &&Map<String, Value>| !matches!(text(map, "Type"), Some("Ping" | "Pong" | "Close"));
        let service = |map: &Map<String, Value>| {
            map.get("Key").and_then(|key| key.get("Service")).and_then(Value::as_str).unwrap_or("").into()
        };
        let services: Vec<Box<str>> = list.iter().filter(asks).map(service).collect();
        if services.is_empty() { After::Forward } else { After::Subscribe(services) }
    }

    fn admitted(&mut self, _: bool) -> Vec<Message> {
        if !self.wants_refresh {
            return Vec::new();
        }
        let mut extra = Map::new();
        extra.insert(
            "Key".into(),
            json!({"NameType": "AuthnToken", "Elements": {"AuthenticationErrorCode": 0, "SingleOpen": 1}}),
        );
        extra.insert("Elements".into(), json!({"PingTimeout": 30, "MaxMsgSize": 61_426}));
        self.state("Refresh", json!({"Stream": "Open", "Data": "Ok", "Text": "Login accepted."}), extra)
    }

    fn refused(&mut self, stage: Stage, decision: &Decision, issuer: &str) -> Vec<Message> {
        let told = Told::of(decision, issuer);
        let mut extra = Map::new();
        let text = told.message.clone();
        told.into_object(&mut extra);
        let code = state_code(decision.refusal.cause);
        let closed =
            |text: String| json!({"Stream": "Closed", "Data": "Suspect", "Code": code, "Text": text});
        match stage {
            Stage::Login => self.state("Status", closed(format!("Login Rejected. {text}")), extra),
            Stage::LoginAgain | Stage::End => self.state("Status", closed(text), extra),
            Stage::Message => {
                extra.insert("ID".into(), self.id.into());
                extra.insert("Type".into(), "Error".into());
                extra.insert("Text".into(), text.into());
                say(&Value::Array(vec![Value::Object(extra)]))
            }
        }
    }
}
