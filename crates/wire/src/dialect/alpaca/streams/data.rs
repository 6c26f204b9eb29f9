//! `/v2/{feed}`: market data. JSON, or `MessagePack` if the opening request's `Content-Type` says so.

use super::{action, credential_of, unreadable};
use crate::msgpack;
use crate::stream::{
    After, Before, Conversation, FirstWord, Frame, Message, Opening, Stage, StreamDialect, Terms, Told,
};
use http::header::CONTENT_TYPE;
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, Class};
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Data;

const TERMS: Terms = Terms {
    subprotocols: &[],
    login_within: Duration::from_secs(10),
    largest_login: 16 * 1024,
    header_credentials: true,
    connections: Some(1),
    first_word: FirstWord::Clients,
};

impl StreamDialect for Data {
    fn word(&self) -> &'static str {
        "data"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, opening: Opening<'_>) -> Box<dyn Conversation> {
        let sent = opening.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let essence = sent.split(|b| *b == b';').next().unwrap_or(sent).trim_ascii();
        Box::new(Talk { packed: essence.eq_ignore_ascii_case(b"application/msgpack") })
    }
}

#[derive(Debug)]
struct Talk {
    packed: bool,
}

impl Talk {
    fn say(&self, object: Value) -> Vec<Message> {
        let list = Value::Array(vec![object]);
        vec![if self.packed {
            let mut bytes = Vec::new();
            msgpack::write(&mut bytes, &list);
            Message::Binary(bytes)
        } else {
            Message::Text(list.to_string())
        }]
    }

    fn read(&self, frame: Frame<'_>) -> Result<Map<String, Value>, Box<Refusal>> {
        if !self.packed {
            return super::json(frame);
        }
        match msgpack::read(frame.bytes()) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Err(unreadable("the message is not a map"))
            }
            Err(msgpack::Fault::Repeated) => Err(unreadable("a name stands twice in the message")),
            Err(msgpack::Fault::NotMessagePack) => Err(unreadable("the message is not MessagePack")),
        }
    }
}

impl Conversation for Talk {
    fn greeting(&mut self) -> Vec<Message> {
        self.say(json!({"T": "success", "msg": "connected"}))
    }

    fn before(&mut self, frame: Frame<'_>) -> Before {
        match self.read(frame) {
            Err(refusal) => Before::Refuse(refusal),
            Ok(map) if matches!(action(&map), Some("auth" | "authenticate")) => {
                credential_of(&map).map_or_else(Before::Refuse, Before::Login)
            }
            Ok(_) => Before::Refuse(Box::new(Refusal::anonymous(Cause::StreamNotLoggedIn))),
        }
    }

    fn after(&mut self, frame: Frame<'_>) -> After {
        let map = match self.read(frame) {
            Ok(map) => map,
            Err(refusal) => return After::Refuse(refusal),
        };
        match action(&map) {
            Some("auth" | "authenticate") => {
                After::Refuse(Box::new(Refusal::anonymous(Cause::StreamLoggedIn)))
            }
            Some("subscribe") => {
                let names = map.keys().filter(|name| *name != "action");
                After::Subscribe(names.map(|name| name.as_str().into()).collect())
            }
            Some("unsubscribe") => After::Forward,
            _ => After::Refuse(unreadable("the action is neither subscribe nor unsubscribe")),
        }
    }

    fn admitted(&mut self, _: bool) -> Vec<Message> {
        self.say(json!({"T": "success", "msg": "authenticated"}))
    }

    fn refused(&mut self, _: Stage, decision: &Decision, issuer: &str) -> Vec<Message> {
        let (code, words) = row(decision.refusal.cause);
        let told = Told::of(decision, issuer);
        let mut object = Map::new();
        object.insert("T".into(), "error".into());
        object.insert("code".into(), code.into());
        // clients compare this text, so it is the vendor's own and the sentence stands beside it
        object.insert("msg".into(), words.into());
        object.insert("message".into(), told.message.as_str().into());
        told.into_object(&mut object);
        self.say(Value::Object(object))
    }
}

const SYNTAX: (u16, &str) = (400, "invalid syntax");
const UNKNOWN: (u16, &str) = (401, "not authenticated");
const FAILED: (u16, &str) = (402, "auth failed");
const LIMIT: (u16, &str) = (406, "connection limit exceeded");
const PLAN: (u16, &str) = (409, "insufficient subscription");
const SCOPE: (u16, &str) = (411, "insufficient scope");
const INTERNAL: (u16, &str) = (500, "internal error");

/// Code and text for a cause: its class's, unless the cause has its own.
pub(super) fn row(cause: Cause) -> (u16, &'static str) {
    match cause {
        Cause::StreamLoggedIn => (403, "already authenticated"),
        Cause::StreamLoginTimeout => (404, "auth timeout"),
        Cause::StreamSlowClient => (407, "slow client"),
        // for a client this is another failed login, and no word about its connections
        Cause::AttemptsThrottled => FAILED,
        other => class_row(other.class()),
    }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
fn class_row(class: Class) -> (u16, &'static str) {
    match class {
        Class::CredentialMissing => UNKNOWN,
        Class::CredentialMalformed => FAILED,
        Class::CredentialRejected => FAILED,
        Class::CredentialWrongKind => FAILED,
        Class::CredentialEnded => FAILED,
        Class::EnvironmentMismatch => FAILED,
        Class::ClientNotActive => FAILED,
        Class::ClientNotApproved => FAILED,
        Class::ClientRejected => FAILED,
        Class::GrantTypeNotAllowed => FAILED,
        Class::GrantEnded => FAILED,
        Class::AccountNotActive => FAILED,
        Class::AccountNotCovered => FAILED,
        Class::CodeInvalid => FAILED,
        Class::RefreshInvalid => FAILED,
        Class::ProofRejected => FAILED,
        Class::RedirectInvalid => SYNTAX,
        Class::ScopeInvalid => SCOPE,
        Class::ScopeMissing => SCOPE,
        Class::LicenceForbids => PLAN,
        Class::PlanLacks => PLAN,
        Class::RateLimited => LIMIT,
        Class::RequestMalformed => SYNTAX,
        Class::ContentTypeWrong => SYNTAX,
        Class::RequestTooLarge => SYNTAX,
        Class::NotFound => SYNTAX,
        Class::MethodNotAllowed => SYNTAX,
        Class::HostUnknown => SYNTAX,
        Class::AccessDenied => FAILED,
        Class::SignInRejected => FAILED,
        Class::FormRejected => SYNTAX,
        Class::UpstreamUnavailable => INTERNAL,
        Class::ServerFault => INTERNAL,
    }
}
