//! The two websocket protocols: `tr_json2`, whose login is a message of the domain Login and is repeated with each new
//! token, and `rdp_streaming`, whose login is the method Auth.

mod rdp;
mod tr_json;

use crate::credential::{self, Presented};
use crate::jose::strict;
use crate::stream::{Frame, Message, StreamDialect};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Class, disclosure::FactName};
use serde_json::{Map, Value};

/// Both.
pub const ALL: &[&dyn StreamDialect] = &[&tr_json::TrJson, &rdp::Rdp];

/// A message as objects: one, or several in a list.
fn objects(frame: Frame<'_>) -> Result<Vec<Map<String, Value>>, Box<Refusal>> {
    let Frame::Text(text) = frame else { return Err(unreadable("the message is not text")) };
    let value = strict::value(text.as_bytes()).map_err(|fault| {
        unreadable(match fault {
            strict::JsonFault::Repeated => "a name stands twice in the message",
            strict::JsonFault::NotJson | strict::JsonFault::NotAnObject => "the message is not JSON",
        })
    })?;
    let list = if let Value::Array(list) = value { list } else { vec![value] };
    let object = |value| if let Value::Object(map) = value { Some(map) } else { None };
    list.into_iter()
        .map(object)
        .collect::<Option<Vec<_>>>()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| unreadable("the message holds no objects"))
}

fn unreadable(defect: &str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::RequestMalformed).with(FactName::Defect, defect))
}

fn token(name: &'static str, value: Option<&Value>) -> Result<Presented, Box<Refusal>> {
    match value {
        Some(Value::String(token)) => credential::token_in_message(name, token),
        Some(_) => credential::token_in_message(name, ""),
        None => Err(credential::missing("an access token in the login message")),
    }
}

fn say(value: &Value) -> Vec<Message> {
    vec![Message::Text(value.to_string())]
}

/// The vendor's word for why a login is not open.
fn state_code(cause: Cause) -> &'static str {
    match cause.class() {
        Class::ScopeMissing | Class::LicenceForbids | Class::PlanLacks | Class::AccountNotCovered => {
            "NotEntitled"
        }
        Class::RateLimited => "TooManyItems",
        Class::RequestMalformed
        | Class::ContentTypeWrong
        | Class::RequestTooLarge
        | Class::CredentialMissing => "UsageError",
        Class::UpstreamUnavailable | Class::ServerFault => "Error",
        Class::CredentialMalformed
        | Class::CredentialRejected
        | Class::CredentialWrongKind
        | Class::CredentialEnded
        | Class::EnvironmentMismatch
        | Class::ClientNotActive
        | Class::ClientNotApproved
        | Class::ClientRejected
        | Class::GrantTypeNotAllowed
        | Class::GrantEnded
        | Class::AccountNotActive
        | Class::CodeInvalid
        | Class::RefreshInvalid
        | Class::ProofRejected
        | Class::RedirectInvalid
        | Class::ScopeInvalid
        | Class::NotFound
        | Class::MethodNotAllowed
        | Class::HostUnknown
        | Class::AccessDenied
        | Class::SignInRejected
        | Class::FormRejected => "UserUnknownToPermSys",
    }
}

#[cfg(test)]
mod tests;
