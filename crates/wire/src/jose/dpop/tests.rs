use super::*;
use crate::jose::samples::{self, change};
use crate::jose::{JsonFault, LEEWAY_S, SigningKey};
use DpopFault as F;
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;
const URL: &str = "https://as.example/token";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn nonces() -> Nonces {
    Nonces::new(&[3; 32])
}

fn valid() -> Value {
    json!({
        "jti": "j1", "htm": "POST", "htu": URL, "iat": NOW,
        "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
        "nonce": nonces().current(Timestamp::from_seconds(NOW)),
    })
}

fn rule<'a>(nonces: Option<&'a Nonces>, access_token: Option<&'a str>) -> DpopRule<'a> {
    DpopRule {
        method: "POST",
        url: URL,
        access_token,
        nonces,
        algs: Alg::FAPI,
        now: Timestamp::from_seconds(NOW),
        max_age_s: 60,
        leeway_s: LEEWAY_S,
    }
}

/// Signs with a header of the test's choice.
fn proof(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let full =
        change(&json!({"alg": key.alg().as_str(), "typ": TYPE, "jwk": key.public().to_json()}), header);
    key.sign_under(&full, claims)
}

fn check(changes: &Value) -> Result<AcceptedProof, F> {
    let (key, nonces) = (samples::key(Alg::Es256), nonces());
    let accepted =
        rule(Some(&nonces), Some(TOKEN)).check(&proof(&key, &json!({}), &change(&valid(), changes)))?;
    assert_eq!(accepted.thumbprint, key.public().thumbprint());
    Ok(accepted)
}

fn wrong(name: &'static str, wanted: &'static str) -> F {
    F::Claim(ClaimFault { name, wanted })
}

#[test]
fn rfc9449_4_2_and_7_1_published_proofs() {
    let vectors = samples::vectors("dpop");
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str();
        let made = vector["iat"].as_i64().unwrap();
        let rule = DpopRule {
            method: text("htm").unwrap(),
            url: text("htu").unwrap(),
            access_token: text("access_token"),
            now: Timestamp::from_seconds(made),
            ..rule(None, None)
        };
        let proof = text("proof").unwrap();
        let accepted = rule.check(proof).unwrap();
        assert_eq!(accepted.thumbprint, text("jkt").unwrap());
        assert_eq!(accepted.ends_at, Timestamp::from_seconds(made + 60));
        if let (Some(token), Some(expected)) = (text("access_token"), text("ath")) {
            assert_eq!(ath(token), expected);
            let other = DpopRule { access_token: Some("other"), ..rule };
            assert_eq!(other.check(proof), Err(F::Token));
        } else {
            let bound = DpopRule { access_token: Some("any"), ..rule };
            assert_eq!(bound.check(proof), Err(F::Missing("ath")));
        }
    }
}

#[test]
fn rfc9449_4_3_one_changed_claim_and_its_fault() {
    let accepted = check(&json!({})).unwrap();
    assert_eq!(
        (accepted.jti_digest, accepted.ends_at),
        (Digest::of(b"j1"), Timestamp::from_seconds(NOW + 60))
    );
    let (time, text) = ("a time in seconds", "a text");
    let old = nonces().current(Timestamp::from_seconds(NOW - 240));
    let table = [
        (json!({"jti": null}), F::Missing("jti")),
        (json!({"jti": ""}), F::Missing("jti")),
        (json!({"jti": 1}), wrong("jti", text)),
        (json!({"jti": "j".repeat(257)}), F::JtiTooLong),
        (json!({"htm": null}), F::Missing("htm")),
        (json!({"htm": "GET"}), F::Method),
        (json!({"htm": "post"}), F::Method),
        (json!({"htm": ["POST"]}), wrong("htm", text)),
        (json!({"htu": null}), F::Missing("htu")),
        (json!({"htu": "https://as.example/other"}), F::Target),
        (json!({"htu": "https://other.example/token"}), F::Target),
        (json!({"htu": "http://as.example/token"}), F::Target),
        (json!({"htu": "/token"}), F::Target),
        (json!({"htu": {}}), wrong("htu", text)),
        (json!({"iat": null}), F::Missing("iat")),
        (json!({"iat": NOW - 60}), F::TooOld),
        (json!({"iat": NOW - 3600}), F::TooOld),
        (json!({"iat": NOW + 11}), F::IssuedLater),
        (json!({"iat": NOW + 60}), F::IssuedLater),
        (json!({"iat": NOW.to_string()}), wrong("iat", time)),
        (json!({"iat": [null]}), wrong("iat", time)),
        (json!({"exp": NOW}), F::Expired),
        (json!({"exp": "never"}), wrong("exp", time)),
        (json!({"nbf": NOW + 11}), F::NotYet),
        (json!({"nonce": null}), F::NonceMissing),
        (json!({"nonce": ""}), F::NonceUnknown),
        (json!({"nonce": "made up"}), F::NonceUnknown),
        (json!({"nonce": old}), F::NonceUnknown),
        (json!({"nonce": 1}), wrong("nonce", text)),
        (json!({"ath": null}), F::Missing("ath")),
        (json!({"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp"}), F::Token),
        (json!({"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo="}), F::Token),
        (json!({"ath": TOKEN}), F::Token),
        (json!({"ath": 1}), wrong("ath", text)),
    ];
    for (changes, fault) in table {
        assert_eq!(check(&changes), Err(fault), "{changes}");
        assert_eq!(fault.wants_nonce(), matches!(fault, F::NonceMissing | F::NonceUnknown));
    }
}

#[test]
fn rfc9449_4_3_what_is_allowed() {
    for changes in [
        json!({"iat": NOW + 10}),
        json!({"iat": NOW - 59}),
        json!({"iat": f64::from(1_790_000_000) - 0.5}),
        json!({"htu": "https://AS.example:443/token?x=1#f"}),
        json!({"jti": "j".repeat(256)}),
        json!({"exp": NOW + 1, "nbf": NOW}),
        json!({"unknown": {}}),
    ] {
        assert!(check(&changes).is_ok(), "{changes}");
    }
    // Without a token or a wish for nonces, what the proof says of them does not matter.
    let key = samples::key(Alg::Es256);
    let text = proof(&key, &json!({}), &change(&valid(), &json!({"nonce": "x", "ath": "x"})));
    assert!(rule(None, None).check(&text).is_ok());
}

#[test]
fn rfc9449_4_3_one_changed_header_member_and_its_fault() {
    let (key, other) = (samples::key(Alg::Es256), samples::key(Alg::Es256));
    let rule = rule(None, None);
    let check = |header: &Value| rule.check(&proof(&key, header, &valid())).map(|_| ());
    let jwk = key.public().to_json();
    let keyed = |changes: Value| json!({"jwk": change(&jwk, &changes)});
    assert_eq!(check(&json!({})), Ok(()));
    assert_eq!(check(&keyed(json!({"use": null, "kid": null, "alg": null}))), Ok(()));
    for (header, fault) in [
        (json!({"typ": null}), F::Type),
        (json!({"typ": "JWT"}), F::Type),
        (json!({"typ": "DPOP+JWT"}), F::Type),
        (json!({"typ": "application/dpop+jwt"}), F::Type),
        (json!({"typ": 1}), F::Jws(JwsFault::Member("typ"))),
        (json!({"alg": null}), F::Jws(JwsFault::Member("alg"))),
        (json!({"alg": "none"}), F::Jws(JwsFault::Algorithm)),
        (json!({"alg": "HS256"}), F::Jws(JwsFault::Algorithm)),
        (json!({"alg": "RS256"}), F::Jws(JwsFault::Algorithm)),
        (json!({"alg": "PS256"}), F::Jws(JwsFault::NoKey)),
        (json!({"crit": ["jwk"]}), F::Jws(JwsFault::Critical)),
        (json!({"jwk": null}), F::KeyMissing),
        (json!({"jwk": [jwk]}), F::Jws(JwsFault::Member("jwk"))),
        (json!({"jwk": other.public().to_json()}), F::Jws(JwsFault::Signature)),
        (keyed(json!({"d": "AA"})), F::Key(JwkFault::Private)),
        (keyed(json!({"kty": "oct", "k": "AA"})), F::Key(JwkFault::Private)),
        (keyed(json!({"kty": "oct"})), F::Key(JwkFault::KeyType)),
        (keyed(json!({"crv": "P-384"})), F::Key(JwkFault::KeyType)),
        (keyed(json!({"x": jwk["y"]})), F::Key(JwkFault::Point)),
        (keyed(json!({"x": null})), F::Key(JwkFault::Member("x"))),
        (keyed(json!({"use": "enc"})), F::Key(JwkFault::Purpose("use"))),
        (keyed(json!({"alg": "ES384"})), F::Key(JwkFault::Purpose("alg"))),
    ] {
        assert_eq!(check(&header), Err(fault), "{header}");
    }
}

#[test]
fn rfc9449_4_3_2_one_well_formed_jwt() {
    let key = samples::key(Alg::EdDsa);
    let good = proof(&key, &json!({}), &valid());
    let rule = rule(None, None);
    assert!(rule.check(&good).is_ok());
    for bad in
        [String::new(), "a.b".into(), format!("{good},{good}"), format!("{good} {good}"), format!("{good}.x")]
    {
        assert_eq!(rule.check(&bad), Err(F::Jws(JwsFault::Form)));
    }
    let (head, _) = good.split_once('.').unwrap();
    let twice = format!("{head}.{}.AA", URL_SAFE_NO_PAD.encode(r#"{"htm":"GET","htm":"POST"}"#));
    assert_eq!(rule.check(&twice), Err(F::Jws(JwsFault::Claims(JsonFault::Repeated))));
}

#[test]
fn rfc9449_4_3_5_only_allowed_algorithms() {
    for alg in [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256] {
        let text = proof(&samples::key(alg), &json!({}), &valid());
        for allowed in [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256] {
            let rule = DpopRule { algs: &[allowed], ..rule(None, None) };
            let expected = if alg == allowed { Ok(()) } else { Err(F::Jws(JwsFault::Algorithm)) };
            assert_eq!(rule.check(&text).map(|_| ()), expected);
        }
    }
}

#[test]
fn r04_the_access_token_does_not_print() {
    assert!(!format!("{:?}", rule(None, Some(TOKEN))).contains(TOKEN));
}
