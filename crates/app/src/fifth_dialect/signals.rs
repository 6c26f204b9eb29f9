//! The dialect's websocket: one word a message. The login is `pass TOKEN`.

use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, Secret};
use mandate_wire::credential::Presented;
use mandate_wire::stream::{
    After, Before, Conversation, FirstWord, Frame, Message, Opening, Stage, StreamDialect, Terms, Told,
};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Signals;

const TERMS: Terms = Terms {
    subprotocols: &[],
    login_within: Duration::from_secs(10),
    largest_login: 1024,
    header_credentials: false,
    connections: None,
    first_word: FirstWord::Apis,
};

impl StreamDialect for Signals {
    fn word(&self) -> &'static str {
        "signals"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, _: Opening<'_>) -> Box<dyn Conversation> {
        Box::new(Lamp)
    }
}

#[derive(Debug)]
struct Lamp;

impl Conversation for Lamp {
    fn before(&mut self, frame: Frame<'_>) -> Before {
        match frame {
            Frame::Text(text) if text.starts_with("pass ") => {
                Before::Login(Presented::Bearer(Secret::new(&text[5..])))
            }
            _ => Before::Refuse(Box::new(Refusal::anonymous(Cause::StreamNotLoggedIn))),
        }
    }
    fn after(&mut self, _: Frame<'_>) -> After {
        After::Forward
    }
    fn admitted(&mut self, _: bool) -> Vec<Message> {
        vec![Message::Text("aboard".into())]
    }
    fn refused(&mut self, _: Stage, decision: &Decision, issuer: &str) -> Vec<Message> {
        let told = Told::of(decision, issuer);
        vec![Message::Text(format!("overboard {} {}", told.cause, told.decision_id))]
    }
}
