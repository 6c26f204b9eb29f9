//! What a client's assertion must claim to authenticate the client (RFC 7523 section 3, FAPI 2.0 SP 5.3.2.1).

use super::claims::{ClaimFault, OneOrMany};
use super::jwt::Verified;
use super::{LEEWAY_S, LONGEST_JTI};
use mandate_core::{Digest, Timestamp, must};

/// What `typ` may say where an assertion has one.
const KINDS: &[&str] = &["JWT", "client-authentication+jwt"];

/// For whom an assertion must be meant.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// `aud` is this issuer as one text, not a list (FAPI 2.0 SP 5.3.2.1): an assertion that is good elsewhere too can
    /// be used elsewhere.
    Only(&'a str),
    /// `aud` is one of these texts or a list with one of them (RFC 7523 section 3, check 3).
    AnyOf(&'a [&'a str]),
}

/// What is wanted of an assertion.
#[derive(Debug, Clone, Copy)]
pub struct AssertionRule<'a> {
    /// The client whose key verified it.
    pub client: &'a str,
    /// For whom it must be meant.
    pub audience: Audience<'a>,
    /// Whether it must have a `jti`. One that is there is always looked at.
    pub needs_jti: bool,
    /// The longest time that it may be good for, in seconds.
    pub max_lifetime_s: i64,
    /// The time.
    pub now: Timestamp,
}

/// An assertion that authenticates the client, once its `jti` was marked as used (SECURITY R16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedAssertion {
    /// What to mark, if it has a `jti`.
    pub jti_digest: Option<Digest>,
    /// Until when it would be accepted again if there were no mark.
    pub ends_at: Timestamp,
}

/// What is wrong with an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    /// `typ` says that it is something else, such as a proof or a request (RFC 8725 section 3.11).
    #[error("its `typ` is that of another kind of token")]
    Type,
    /// A claim has the wrong type.
    #[error("{0}")]
    Claim(#[from] ClaimFault),
    /// `iss` is missing or not the client.
    #[error("`iss` is not the client's id")]
    Issuer,
    /// `sub` is missing or not the client.
    #[error("`sub` is not the client's id")]
    Subject,
    /// There is no `aud`.
    #[error("`aud` is missing")]
    AudienceMissing,
    /// `aud` is a list where one text is wanted.
    #[error("`aud` must be one text, the issuer, and not a list")]
    AudienceList,
    /// `aud` is somebody else.
    #[error("`aud` is not this server")]
    Audience,
    /// There is no `exp`.
    #[error("`exp` is missing")]
    ExpiryMissing,
    /// `exp` has passed.
    #[error("`exp` has passed")]
    Expired,
    /// `exp` is too far away.
    #[error("it is good for longer than is allowed here")]
    TooLong,
    /// `nbf` is in the future.
    #[error("`nbf` is in the future")]
    NotYet,
    /// `iat` is in the future.
    #[error("`iat` is in the future")]
    IssuedLater,
    /// `jti` is needed and missing, or empty.
    #[error("`jti` is missing or empty")]
    JtiMissing,
    /// `jti` is too long.
    #[error("`jti` is longer than 256 bytes")]
    JtiTooLong,
}

impl AssertionRule<'_> {
    /// RFC 7523 section 3, its list in its order. Pure: no store, no clock.
    ///
    /// # Errors
    /// As [`AssertionFault`] says.
    pub fn check(&self, assertion: Verified<'_>) -> Result<AcceptedAssertion, AssertionFault> {
        if must!("rfc8725-3.12-assertion", !assertion.may_be(KINDS)) {
            return Err(AssertionFault::Type);
        }
        let claims = assertion.claims();
        // 1, 2B: "iss" and "sub" are the client.
        if must!("rfc7523-3-iss", claims.text("iss")? != Some(self.client)) {
            return Err(AssertionFault::Issuer);
        }
        if must!("rfc7523-3-sub", claims.text("sub")? != Some(self.client)) {
            return Err(AssertionFault::Subject);
        }
        // 3: "aud" "identifies the authorization server as an intended audience".
        let audience = claims.texts_or_text("aud")?;
        if must!("rfc7523-3-aud-present", audience.is_none()) {
            return Err(AssertionFault::AudienceMissing);
        }
        if let Some(audience) = audience {
            self.check_audience(&audience)?;
        }
        // How far ahead of ours the client's clock may be.
        let leeway = if must!("fapi2-5.3.2.1-clock") { LEEWAY_S } else { 0 };
        let latest = self.now.plus_seconds(leeway);
        // 4: "exp"; ours is the clock that counts, so without leeway.
        let expires_at = claims.seconds("exp")?;
        if must!("rfc7523-3-exp-present", expires_at.is_none()) {
            return Err(AssertionFault::ExpiryMissing);
        }
        let ends_at = expires_at.unwrap_or(latest);
        if must!("rfc7523-3-exp", self.now >= ends_at) {
            return Err(AssertionFault::Expired);
        }
        // 5, 6: "nbf" and "iat" "that are not in the future".
        if must!("rfc7523-3-nbf", claims.seconds("nbf")?.is_some_and(|nbf| nbf > latest)) {
            return Err(AssertionFault::NotYet);
        }
        let issued_at = claims.seconds("iat")?;
        if must!("fapi2-5.3.2.1-iat", issued_at.is_some_and(|iat| iat > latest)) {
            return Err(AssertionFault::IssuedLater);
        }
        // 4: "may reject JWTs with an "exp" … unreasonably far in the future": marks of use must end some time. What
        // is left counts, and what was promised: a long one does not become good when most of it is over.
        let bound = |from: Timestamp| from.plus_seconds(self.max_lifetime_s);
        if ends_at > bound(latest) || issued_at.is_some_and(|iat| ends_at > bound(iat)) {
            return Err(AssertionFault::TooLong);
        }
        // 7: "jti".
        let jti_digest = match claims.text("jti")? {
            Some("") => return Err(AssertionFault::JtiMissing),
            Some(jti) if jti.len() > LONGEST_JTI => return Err(AssertionFault::JtiTooLong),
            None if must!("oidc-9-jti", self.needs_jti) => return Err(AssertionFault::JtiMissing),
            jti => jti.map(|jti| Digest::of(jti.as_bytes())),
        };
        Ok(AcceptedAssertion { jti_digest, ends_at })
    }

    fn check_audience(&self, claimed: &OneOrMany<'_>) -> Result<(), AssertionFault> {
        let is_list = matches!((self.audience, claimed), (Audience::Only(_), OneOrMany::Many(_)));
        if must!("fapi2-5.3.2.1-aud-text", is_list) {
            return Err(AssertionFault::AudienceList);
        }
        let ours = match self.audience {
            Audience::Only(issuer) => claimed.contains(issuer),
            Audience::AnyOf(accepted) => accepted.iter().any(|text| claimed.contains(text)),
        };
        if must!("rfc7523-3-aud", !ours) {
            return Err(AssertionFault::Audience);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::samples::{change, verified, verified_as};
    use AssertionFault as F;
    use serde_json::{Value, json};

    const NOW: i64 = 1_790_000_000;
    const ISSUER: &str = "https://as.example";
    const TOKEN: &str = "https://as.example/token";

    fn valid() -> Value {
        json!({"iss": "c1", "sub": "c1", "aud": ISSUER, "jti": "j1", "iat": NOW, "nbf": NOW, "exp": NOW + 60})
    }

    fn check(changes: &Value, audience: Audience<'_>, needs_jti: bool) -> Result<AcceptedAssertion, F> {
        let rule = AssertionRule {
            client: "c1",
            audience,
            needs_jti,
            max_lifetime_s: 300,
            now: Timestamp::from_seconds(NOW),
        };
        verified(&change(&valid(), changes), |assertion| rule.check(assertion))
    }

    fn wrong(name: &'static str, wanted: &'static str) -> F {
        F::Claim(ClaimFault { name, wanted })
    }

    #[test]
    fn rfc7523_3_one_change_and_its_fault() {
        let accepted = check(&json!({}), Audience::Only(ISSUER), true).unwrap();
        assert_eq!(accepted.ends_at, Timestamp::from_seconds(NOW + 60));
        assert_eq!(accepted.jti_digest, Some(Digest::of(b"j1")));
        let (time, text) = ("a time in seconds", "a text");
        let table = [
            // (null takes the claim out; [null] and the like are wrong types)
            (json!({"iss": null}), F::Issuer),
            (json!({"iss": "c2"}), F::Issuer),
            (json!({"iss": "C1"}), F::Issuer),
            (json!({"iss": ["c1"]}), wrong("iss", text)),
            (json!({"sub": null}), F::Subject),
            (json!({"sub": "c2"}), F::Subject),
            (json!({"sub": "c1 "}), F::Subject),
            (json!({"sub": 1}), wrong("sub", text)),
            (json!({"aud": null}), F::AudienceMissing),
            (json!({"aud": "https://other.example"}), F::Audience),
            (json!({"aud": "https://as.example/"}), F::Audience),
            (json!({"aud": TOKEN}), F::Audience),
            (json!({"aud": ""}), F::Audience),
            (json!({"aud": [ISSUER]}), F::AudienceList),
            (json!({"aud": [ISSUER, "https://other.example"]}), F::AudienceList),
            (json!({"aud": []}), F::AudienceList),
            (json!({"aud": {"a": 1}}), wrong("aud", "a text or a list of texts")),
            (json!({"aud": [ISSUER, 1]}), wrong("aud", "a text or a list of texts")),
            (json!({"exp": null}), F::ExpiryMissing),
            (json!({"exp": NOW}), F::Expired),
            (json!({"exp": NOW - 1}), F::Expired),
            (json!({"exp": 0}), F::Expired),
            (json!({"exp": (NOW + 60).to_string()}), wrong("exp", time)),
            (json!({"exp": [null]}), wrong("exp", time)),
            (json!({"exp": true}), wrong("exp", time)),
            (json!({"exp": 1e300}), wrong("exp", time)),
            (json!({"exp": NOW + 301}), F::TooLong),
            (json!({"exp": NOW + 311, "iat": null}), F::TooLong),
            (json!({"iat": NOW - 300}), F::TooLong),
            (json!({"nbf": NOW + 11}), F::NotYet),
            (json!({"nbf": NOW + 60}), F::NotYet),
            (json!({"nbf": "soon"}), wrong("nbf", time)),
            (json!({"iat": NOW + 11}), F::IssuedLater),
            (json!({"iat": NOW + 60}), F::IssuedLater),
            (json!({"iat": {}}), wrong("iat", time)),
            (json!({"jti": null}), F::JtiMissing),
            (json!({"jti": ""}), F::JtiMissing),
            (json!({"jti": "j".repeat(257)}), F::JtiTooLong),
            (json!({"jti": 1}), wrong("jti", text)),
        ];
        for (changes, fault) in table {
            assert_eq!(check(&changes, Audience::Only(ISSUER), true), Err(fault), "{changes}");
        }
    }

    #[test]
    fn rfc8725_3_11_only_assertions() {
        let rule = AssertionRule {
            client: "c1",
            audience: Audience::Only(ISSUER),
            needs_jti: true,
            max_lifetime_s: 300,
            now: Timestamp::from_seconds(NOW),
        };
        let check = |typ: &str| verified_as(typ, &valid(), |assertion| rule.check(assertion)).map(|_| ());
        assert_eq!(check("client-authentication+jwt"), Ok(()));
        for typ in ["dpop+jwt", "at+jwt", "oauth-authz-req+jwt", "logout+jwt"] {
            assert_eq!(check(typ), Err(F::Type), "{typ}");
        }
    }

    #[test]
    fn rfc7523_3_what_is_allowed() {
        for changes in [
            json!({"nbf": NOW + 10, "iat": NOW + 10}),
            json!({"nbf": null, "iat": null}),
            json!({"nbf": null, "iat": null, "exp": NOW + 310}),
            json!({"exp": NOW + 300}),
            json!({"exp": f64::from(1_790_000_000) + 0.5}),
            json!({"jti": "j".repeat(256)}),
            json!({"unknown": [1]}),
        ] {
            assert!(check(&changes, Audience::Only(ISSUER), true).is_ok(), "{changes}");
        }
        let none = check(&json!({"jti": null}), Audience::Only(ISSUER), false).unwrap();
        assert_eq!(none.jti_digest, None);
        assert_eq!(check(&json!({"jti": ""}), Audience::Only(ISSUER), false), Err(F::JtiMissing));
    }

    #[test]
    fn rfc7523_3_3_exact_audiences_of_looser_profiles() {
        let any = Audience::AnyOf(&[ISSUER, TOKEN]);
        for aud in [json!(ISSUER), json!(TOKEN), json!([TOKEN]), json!(["https://other.example", ISSUER])] {
            assert!(check(&json!({ "aud": aud }), any, true).is_ok(), "{aud}");
        }
        for aud in [json!("https://as.example/token/"), json!(["https://other.example"]), json!([])] {
            assert_eq!(check(&json!({ "aud": aud }), any, true), Err(F::Audience), "{aud}");
        }
    }
}
