//! The record of a decision as the store keeps it: JSON with typed facts under fixed names (SECURITY R4).

use mandate_core::disclosure::{Fact, FactName, Subjects, Value};
use mandate_core::policy::Check;
use mandate_core::refusal::{Decision, Link, Refusal};
use mandate_core::{Cause, DecisionId, PartnerId, PlatformId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored {
    surface: String,
    host: String,
    route: String,
    cause: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    true_cause: Option<String>,
    passed: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
    facts: Vec<(String, StoredValue)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    developer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<(String, String, Option<i64>)>,
}

#[derive(Serialize, Deserialize)]
enum StoredValue {
    #[serde(rename = "s")]
    Text(String),
    #[serde(rename = "l")]
    List(Vec<String>),
    #[serde(rename = "n")]
    Number(i64),
    #[serde(rename = "t")]
    Time(i64),
    #[serde(rename = "b")]
    Flag(bool),
}

/// The document to store.
pub fn encode(decision: &Decision) -> String {
    let refusal = &decision.refusal;
    let stored = Stored {
        surface: decision.surface.to_string(),
        host: decision.host.to_string(),
        route: decision.route.to_string(),
        cause: refusal.cause.id().into(),
        true_cause: refusal.true_cause.map(|c| c.id().into()),
        passed: refusal.passed.iter().map(|c| c.as_str().into()).collect(),
        failed: refusal.failed.map(|c| c.as_str().into()),
        next: refusal.next.iter().map(|c| c.id().into()).collect(),
        facts: refusal
            .facts
            .for_record()
            .iter()
            .map(|f| (f.name.as_str().into(), stored_value(&f.value)))
            .collect(),
        owner: refusal.subjects.account_owner.as_ref().map(ToString::to_string),
        developer: refusal.subjects.client_developer.as_ref().map(ToString::to_string),
        partner: refusal.subjects.partner.as_ref().map(ToString::to_string),
        links: refusal
            .links
            .iter()
            .map(|l| (l.relation.to_string(), l.subject.to_string(), l.at.map(Timestamp::millis)))
            .collect(),
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

/// A decision from its stored document. `None` if it was written by a version that knew other causes.
pub fn decode(id: DecisionId, platform: PlatformId, at: Timestamp, document: &str) -> Option<Decision> {
    let stored: Stored = serde_json::from_str(document).ok()?;
    let refusal = Refusal {
        is_bound: false,
        cause: Cause::from_id(&stored.cause)?,
        true_cause: stored.true_cause.as_deref().and_then(Cause::from_id),
        passed: stored.passed.iter().filter_map(|w| Check::from_word(w)).collect(),
        failed: stored.failed.as_deref().and_then(Check::from_word),
        next: stored.next.iter().filter_map(|w| Cause::from_id(w)).collect(),
        facts: stored
            .facts
            .into_iter()
            .filter_map(|(name, value)| {
                Some(Fact { name: FactName::from_word(&name)?, value: value_of(value) })
            })
            .collect(),
        subjects: Subjects {
            account_owner: stored.owner.map(UserId::from),
            client_developer: stored.developer.map(UserId::from),
            partner: stored.partner.map(PartnerId::from),
        },
        proof: None,
        links: stored
            .links
            .into_iter()
            .map(|(relation, subject, at)| Link {
                relation: relation.into(),
                subject: subject.into(),
                at: at.map(Timestamp::from_millis),
            })
            .collect(),
    };
    Some(Decision {
        id,
        platform,
        at,
        surface: stored.surface.into(),
        host: stored.host.into(),
        route: stored.route.into(),
        refusal,
    })
}

fn stored_value(value: &Value) -> StoredValue {
    match value {
        Value::Text(text) => StoredValue::Text(text.to_string()),
        Value::List(list) => StoredValue::List(list.iter().map(ToString::to_string).collect()),
        Value::Number(n) => StoredValue::Number(*n),
        Value::Time(at) => StoredValue::Time(at.millis()),
        Value::Flag(flag) => StoredValue::Flag(*flag),
    }
}

fn value_of(value: StoredValue) -> Value {
    match value {
        StoredValue::Text(text) => Value::Text(text.into()),
        StoredValue::List(list) => Value::List(list.into_iter().map(Into::into).collect()),
        StoredValue::Number(n) => Value::Number(n),
        StoredValue::Time(at) => Value::Time(Timestamp::from_millis(at)),
        StoredValue::Flag(flag) => Value::Flag(flag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::disclosure::Facts;

    #[test]
    fn a_record_reads_back() {
        let decision = Decision {
            id: "d1".into(),
            platform: "alpaca".into(),
            at: Timestamp::from_seconds(5),
            surface: "rest".into(),
            host: "paper".into(),
            route: "GET /v2/account".into(),
            refusal: Refusal {
                is_bound: false,
                cause: Cause::ScopeMissing,
                true_cause: None,
                passed: vec![Check::Possession, Check::NotEnded],
                failed: Some(Check::Scope),
                next: vec![Cause::LicenceDelegated],
                facts: Facts::none()
                    .with(FactName::ScopesNeeded, "data")
                    .with(FactName::ScopesHeld, vec!["trading"])
                    .with(FactName::EndedAt, Timestamp::from_seconds(3))
                    .with(FactName::CodeUsable, false)
                    .with(FactName::Limit, 4),
                subjects: Subjects { account_owner: Some("u".into()), ..Subjects::default() },
                proof: None,
                links: vec![Link { relation: "replaced_by".into(), subject: "key:PK".into(), at: None }],
            },
        };
        let back = decode("d1".into(), "alpaca".into(), decision.at, &encode(&decision)).unwrap();
        assert_eq!(format!("{back:?}"), format!("{decision:?}"));
    }
}
