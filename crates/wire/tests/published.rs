//! The published examples in `vectors/`: none is left out, and the one of PKCE.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use mandate_core::grant::{CodeFault, CodeRule};
use mandate_core::model::Code;
use mandate_core::{Offset, ScopeSet, Secret, Timestamp};
use serde_json::Value;

fn examples() -> Value {
    serde_json::from_str(include_str!("vectors/rfc-examples.json")).unwrap()
}

/// Whoever adds a list or an entry finds the tests that have to know it: `jws`, `thumbprints` and `dpop` beside the code
/// in `wire::jose`, `basic` in `issuer::rfc::client`, `pkce` here.
#[test]
fn every_list_has_a_test_that_counts_it() {
    let examples = examples();
    let mut lists: Vec<(&str, usize)> = examples
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, list)| Some((name.as_str(), list.as_array()?.len())))
        .collect();
    lists.sort_unstable();
    assert_eq!(lists, [("basic", 2), ("dpop", 2), ("jws", 11), ("pkce", 1), ("thumbprints", 3)]);
}

#[test]
fn rfc7636_b_published_verifier_and_challenge() {
    for example in examples()["pkce"].as_array().unwrap() {
        let text = |name: &str| example[name].as_str().map(Box::from);
        let code = Code {
            digest: Secret::new("code").digest(),
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            challenge: text("challenge"),
            grant: "g".into(),
            scopes: ScopeSet::default(),
            partner: None,
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(600),
            offset: Offset(0),
            redeemed: None,
            binding: None,
            context: "".into(),
            redeemed_chain: None,
        };
        let rule = CodeRule {
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            verifier: text("verifier"),
            requires_pkce: true,
            binding: None,
            secret_of: None,
            own_secret_serves: None,
            resource: None,
        };
        let at = Timestamp::from_seconds(1);
        assert_eq!(rule.check(&code, at), Ok(()));
        // `plain`, which nobody may use, would take this one.
        let plain = CodeRule { verifier: text("challenge"), ..rule };
        assert_eq!(plain.check(&code, at), Err(CodeFault::VerifierMismatch));
    }
}
