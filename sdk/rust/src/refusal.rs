//! Explains an answer that says no.

mod challenge;
mod check;

pub use check::{Refused, RefusedKind};

use crate::causes::Cause;
use crate::core::state::WhoCanAct;
use crate::encoding::tame;
use http::HeaderMap;
use serde_json::{Map, Value as Json};

/// What an answer of status 400 or above says about itself, from its headers and its body (BEHAVIOUR section 6).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// What happened, by the catalogue; unknown ones are kept as they were sent.
    pub cause: Option<Cause>,
    /// The catalogue's title.
    pub title: Option<String>,
    /// What to do about it: the answer's own words, else the catalogue's.
    pub remedy: Option<String>,
    /// Who can.
    pub who_can_act: Option<WhoCanAct>,
    /// The id under which the server can explain this very refusal.
    pub decision_id: Option<String>,
    /// A page that explains it.
    pub error_uri: Option<String>,
    /// `error` of RFC 6749 section 5.2 or RFC 6750 section 3.1.
    pub error: Option<String>,
    /// `error_description` of a token endpoint, without what was sent to it.
    pub(crate) description: Option<String>,
    /// `Retry-After` in seconds, if it is a number.
    pub retry_after: Option<u64>,
    /// Typed facts as the server gave them.
    pub facts: Map<String, Json>,
    /// Scopes that the request needs.
    pub scopes_needed: Vec<String>,
    /// Scopes that the credential has.
    pub scopes_held: Vec<String>,
    /// Needed and not held.
    pub scopes_missing: Vec<String>,
}

impl Eq for Refusal {}

impl Refusal {
    /// Reads an answer. One that says nothing about itself gives its status alone.
    pub fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let challenges: Vec<(String, String)> = headers
            .get_all(http::header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(challenge::parameters)
            .collect();
        let in_challenge = |name: &str| challenges.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let json: Map<String, Json> = serde_json::from_slice(body).unwrap_or_default();
        let said = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let first = |texts: [Option<String>; 3]| {
            texts.into_iter().flatten().map(|t| tame(&t, 2_000)).find(|t| !t.is_empty())
        };

        let cause = first([header("mandate-cause"), in_challenge("cause"), said("cause")]);
        let cause = cause.map(|id| Cause::from_id(&id));
        let known = cause.as_ref().and_then(Cause::known);
        let facts = json.get("facts").and_then(Json::as_object).cloned().unwrap_or_default();
        let scopes_needed = {
            let named = scopes(facts.get("scopes_needed"));
            let asked = in_challenge("scope").map(Json::String);
            if named.is_empty() { scopes(asked.as_ref()) } else { named }
        };
        let scopes_held = scopes(facts.get("scopes_held"));
        let scopes_missing = scopes_needed.iter().filter(|s| !scopes_held.contains(s)).cloned().collect();
        Self {
            status,
            title: known.map(|k| k.title.to_owned()),
            remedy: first([said("remedy"), known.map(|k| k.remedy.to_owned()), None]),
            who_can_act: said("who_can_act")
                .and_then(|who| WhoCanAct::parse(&who))
                .or_else(|| known.map(|k| k.who_can_act)),
            decision_id: first([
                header("mandate-decision"),
                in_challenge("decision_id"),
                said("decision_id"),
            ]),
            error_uri: first([in_challenge("error_uri"), said("error_uri"), None]),
            error: first([in_challenge("error"), said("error"), None]),
            description: None,
            retry_after: header("retry-after").and_then(|t| t.trim().parse().ok()),
            facts,
            scopes_needed,
            scopes_held,
            scopes_missing,
            cause,
        }
    }

    /// An issuer that is content with no nonce, not even its own.
    pub(crate) fn nonces() -> Self {
        Self { status: 400, error: Some("use_dpop_nonce".to_owned()), ..Self::default() }
    }

    /// Whether a new token may help: the catalogue's word, or true if it has none.
    pub(crate) fn renewal_may_help(&self) -> bool {
        let by_cause = self.cause.as_ref().and_then(Cause::known).is_none_or(|known| known.renew);
        by_cause && self.error.as_deref() != Some("insufficient_scope")
    }

    /// Whether another program took the account.
    pub(crate) fn is_displaced(&self) -> bool {
        self.cause.as_ref() == Some(&Cause::SESSION_DISPLACED)
    }

    /// The issuer's own word for it: title or error, and its description where that was freed of secrets.
    pub(crate) fn in_words(&self) -> String {
        let plain = |e: &String| e.len() <= 64 && e.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let word = match (&self.title, self.error.as_ref().filter(|e| plain(e))) {
            (Some(title), _) => title.clone(),
            (None, Some(error)) => error.clone(),
            (None, None) => format!("it answered {}", self.status),
        };
        match &self.description {
            Some(description) => format!("{word}: {description}"),
            None => word,
        }
    }
}

/// Scopes as a text or as a list.
fn scopes(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::String(text)) => {
            text.split([' ', ',']).filter(|s| !s.is_empty()).map(str::to_owned).collect()
        }
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
