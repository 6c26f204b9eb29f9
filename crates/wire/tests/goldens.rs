//! Every cause on every surface, byte for byte: status, headers, body, as an anonymous caller and as the holder of
//! a genuine credential get them. A client in the field parses these bytes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use mandate_core::disclosure::{FactName, PossessionProof, Tier, Value};
use mandate_core::model::{ApiKey, Credential, KeyFacts, KeyHolder};
use mandate_core::platform::Surface;
use mandate_core::policy::{Check, Identified, identify_key};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, Digest, Offset, Timestamp};
use mandate_wire::dialect::{Dialect, Dialects, rfc};
use std::fmt::Write as _;
use std::sync::Arc;

const AT: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// The only way to a proof is to show a genuine credential.
fn proof() -> PossessionProof {
    let key = ApiKey {
        platform: "alpaca".into(),
        id: "PK".into(),
        holder: KeyHolder::Account("A".into()),
        environment: None,
        digest: Digest::of(b"secret"),
        label: "".into(),
        created_at: AT,
        offset: Offset(0),
        ended: None,
        last_used: None,
    };
    let found = Credential::Key(Arc::new(KeyFacts { key, account: None }));
    match identify_key(&Digest::of(b"secret"), Some(&found), AT) {
        Identified::Proven(_, proof) => proof,
        Identified::Refused(_) => panic!("the secret is right"),
    }
}

fn sample(name: FactName) -> Value {
    use FactName as F;
    match name {
        F::HostEnvironments => vec!["paper"].into(),
        F::CredentialEnvironments => vec!["live"].into(),
        F::ScopesHeld => vec!["trading"].into(),
        F::RightHosts => vec!["http://127.0.0.1:7112"].into(),
        F::ScopesNeeded => "data".into(),
        F::Limit | F::RetryAfter | F::RequestsPerMinute => Value::Number(7),
        F::ServerTime | F::IssuedAt | F::EndedAt | F::ExpiredAt | F::Since | F::LastUsed => Value::Time(AT),
        F::CodeUsable => Value::Flag(false),
        other => format!("<{}>", other.as_str()).into(),
    }
}

fn decision(cause: Cause, proven: bool) -> Decision {
    let mut refusal = Refusal::anonymous(cause);
    for fact in cause.entry().facts {
        if proven || fact.tier() == Tier::Public {
            refusal = refusal.with(*fact, sample(*fact));
        }
    }
    if proven {
        refusal.passed = vec![Check::Possession];
        refusal = refusal.to_holder(proof());
    }
    Decision {
        id: "ID".into(),
        platform: "alpaca".into(),
        at: AT,
        surface: "rest".into(),
        host: "paper".into(),
        route: "GET /v2/account".into(),
        refusal,
    }
}

fn golden(dialect: &dyn Dialect, surface: Surface) -> String {
    let mut out = String::new();
    for cause in Cause::all().filter(|c| !c.is_record_only()) {
        for proven in [false, true] {
            let response = dialect.refusal(surface, &decision(cause, proven), "http://issuer.test");
            let who = if proven { "holder" } else { "anonymous" };
            writeln!(out, "## {} ({who}): {}", cause.id(), response.status().as_u16()).unwrap();
            for (name, value) in response.headers() {
                writeln!(out, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
            writeln!(out, "{}\n", std::str::from_utf8(response.body()).unwrap()).unwrap();
        }
    }
    out
}

/// Every dialect that ships, with each of its surfaces.
fn surfaces() -> Vec<(&'static dyn Dialect, Surface)> {
    let each = |d: &'static dyn Dialect| d.dialect().data().surfaces.iter().map(move |s| (d, *s));
    Dialects::shipped().iter().flat_map(each).collect()
}

#[test]
fn every_surface() {
    for (dialect, surface) in surfaces() {
        let name = format!("{}_{}", dialect.dialect().as_str(), surface.as_str());
        insta::assert_snapshot!(name, golden(dialect, surface));
    }
}

/// The text for people in an error body, where the clients of this family look for it; and that the rest is what they
/// can parse.
fn text_of<'b>(dialect: &str, surface: Surface, body: &'b serde_json::Value) -> &'b str {
    match dialect {
        "alpaca" => {
            assert!(body["code"].is_u64(), "{body}");
            body["message"].as_str().unwrap()
        }
        // RFC 6749 section 5.2
        "rfc" => {
            let (error, text) = (&body["error"], body["error_description"].as_str().unwrap());
            assert!(error.as_str().unwrap().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            let allowed = |b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(text.bytes().all(allowed), "{text}");
            text
        }
        other => panic!("{other} {surface:?}: say here what its clients parse"),
    }
}

/// What every client of the family parses: integer `code`, text `message`; and what every refusal can be looked up by.
#[test]
fn every_error_body_can_be_parsed_and_looked_up() {
    for (dialect, surface) in surfaces() {
        for cause in Cause::all() {
            for proven in [false, true] {
                let response = dialect.refusal(surface, &decision(cause, proven), "http://issuer.test");
                let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
                let text = text_of(dialect.dialect().as_str(), surface, &body);
                assert_eq!(body["cause"], cause.id());
                assert_eq!(body["decision_id"], "ID");
                assert_eq!(body["error_uri"], "http://issuer.test/explain/ID");
                assert_eq!(response.headers()["mandate-cause"], cause.id());
                assert_eq!(response.headers()["mandate-decision"], "ID");
                assert_eq!(response.headers()["cache-control"], "no-store");
                let challenged = response.headers().contains_key("www-authenticate");
                let needed =
                    response.status() == 401 || surface == rfc::API && body["error"] == "insufficient_scope";
                assert_eq!(challenged, needed, "{} {surface:?}", cause.id());
                assert!(!text.contains("(not shown)") || !proven, "{body}");
                assert!(!response.status().is_redirection());
            }
        }
    }
}

/// SECURITY R6: whatever facts a refusal has, no owner's fact stands in a body.
#[test]
fn r06_no_owner_fact_in_any_body() {
    for (dialect, surface) in surfaces() {
        for cause in Cause::all() {
            let mut decision = decision(cause, true);
            for fact in FactName::ALL.iter().filter(|f| f.tier() == Tier::Owner) {
                decision.refusal = decision.refusal.with(*fact, format!("OWNERS-{}", fact.as_str()));
            }
            let response = dialect.refusal(surface, &decision, "http://issuer.test");
            let body = std::str::from_utf8(response.body()).unwrap();
            assert!(!body.contains("OWNERS-"), "{body}");
        }
    }
}
