//! `/stream`: what happens to an account's orders. JSON, in text or binary frames; the answer comes in the kind of
//! frame that the client used.

use super::{action, credential_of, json, unreadable};
use crate::stream::{
    After, Before, Conversation, FirstWord, Frame, Message, Opening, Stage, StreamDialect, Terms, Told,
};
use mandate_core::Cause;
use mandate_core::refusal::{Decision, Refusal};
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Trade;

const TERMS: Terms = Terms {
    subprotocols: &[],
    login_within: Duration::from_secs(10),
    largest_login: 16 * 1024,
    header_credentials: false,
    connections: Some(1),
    first_word: FirstWord::Clients,
};

impl StreamDialect for Trade {
    fn word(&self) -> &'static str {
        "trade"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, _: Opening<'_>) -> Box<dyn Conversation> {
        Box::new(Talk { binary: false, action: "authenticate" })
    }
}

#[derive(Debug)]
struct Talk {
    binary: bool,
    /// What the client calls its login.
    action: &'static str,
}

impl Talk {
    fn say(&self, stream: &str, data: &Map<String, Value>) -> Vec<Message> {
        let text = json!({"stream": stream, "data": data}).to_string();
        vec![if self.binary { Message::Binary(text.into_bytes()) } else { Message::Text(text) }]
    }

    fn read(&mut self, frame: Frame<'_>) -> Result<Map<String, Value>, Box<Refusal>> {
        self.binary = matches!(frame, Frame::Binary(_));
        json(frame)
    }
}

impl Conversation for Talk {
    fn before(&mut self, frame: Frame<'_>) -> Before {
        let map = match self.read(frame) {
            Ok(map) => map,
            Err(refusal) => return Before::Refuse(refusal),
        };
        self.action = match action(&map) {
            Some("authenticate") => "authenticate",
            Some("auth") => "auth",
            _ => return Before::Refuse(Box::new(Refusal::anonymous(Cause::StreamNotLoggedIn))),
        };
        credential_of(&map).map_or_else(Before::Refuse, Before::Login)
    }

    fn after(&mut self, frame: Frame<'_>) -> After {
        let map = match self.read(frame) {
            Ok(map) => map,
            Err(refusal) => return After::Refuse(refusal),
        };
        match action(&map) {
            Some("authenticate" | "auth") => {
                After::Refuse(Box::new(Refusal::anonymous(Cause::StreamLoggedIn)))
            }
            Some("listen") => {
                let streams = map.get("data").and_then(|d| d.get("streams")).and_then(Value::as_array);
                let names =
                    streams.map(|s| s.iter().map(|n| n.as_str().map(Into::into)).collect::<Option<Vec<_>>>());
                match names.flatten() {
                    Some(names) => After::Subscribe(names),
                    None => After::Refuse(unreadable("data.streams is not a list of names")),
                }
            }
            _ => After::Refuse(unreadable("the action is not listen")),
        }
    }

    fn admitted(&mut self, _: bool) -> Vec<Message> {
        let mut data = Map::new();
        data.insert("status".into(), "authorized".into());
        data.insert("action".into(), self.action.into());
        self.say("authorization", &data)
    }

    fn refused(&mut self, stage: Stage, decision: &Decision, issuer: &str) -> Vec<Message> {
        let told = Told::of(decision, issuer);
        let mut data = Map::new();
        let stream = match stage {
            Stage::Login | Stage::LoginAgain | Stage::End => {
                data.insert("status".into(), "unauthorized".into());
                data.insert("action".into(), self.action.into());
                "authorization"
            }
            Stage::Message => {
                data.insert("streams".into(), json!([]));
                data.insert("error".into(), told.message.as_str().into());
                "listening"
            }
        };
        data.insert("message".into(), told.message.as_str().into());
        told.into_object(&mut data);
        self.say(stream, &data)
    }
}
