//! Signed authorization requests (RFC 9101, FAPI 2.0 Message Signing section 5.3): verified claims to the parameters
//! of the request.

use super::LEEWAY_S;
use super::claims::{ClaimFault, Claims};
use super::jwt::Verified;
use crate::form::{LONGEST_VALUE, MOST_PARAMETERS};
use mandate_core::{Timestamp, must};
use serde_json::Value;

/// What `typ` may say where a request object has one.
const KINDS: &[&str] = &["JWT", "oauth-authz-req+jwt"];

/// Longest time between `nbf` and `exp`, and longest time since `nbf`, in seconds.
const LONGEST_S: i64 = 3600;

/// Claims of the token itself (RFC 7519 section 4.1), which are no parameters of the request.
const OF_THE_TOKEN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What is wanted of a request object.
#[derive(Debug, Clone, Copy)]
pub struct RequestRule<'a> {
    /// The client whose key verified it, as named by `client_id` beside the object.
    pub client: &'a str,
    /// Our issuer string.
    pub issuer: &'a str,
    /// Whether `exp` and `nbf` must be there (FAPI 2.0 Message Signing section 5.3). Those that are there always count.
    pub needs_times: bool,
    /// The time.
    pub now: Timestamp,
}

/// What is wrong with a request object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// `typ` says that it is something else, such as a proof or an assertion (RFC 8725 section 3.11).
    #[error("its `typ` is that of another kind of token")]
    Type,
    /// A claim has the wrong type.
    #[error("{0}")]
    Claim(#[from] ClaimFault),
    /// A claim that has to be there is missing.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// `iss` is not the client.
    #[error("`iss` is not the client's id")]
    Issuer,
    /// `aud` is not us.
    #[error("`aud` is not this server")]
    Audience,
    /// `client_id` is another client.
    #[error("`client_id` in it is not the one beside it")]
    Client,
    /// `sub` is the client, as in an assertion (RFC 9101 section 10.8).
    #[error("`sub` is the client, which makes it a client assertion")]
    Assertion,
    /// `exp` has passed.
    #[error("`exp` has passed")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("`{0}` is in the future")]
    Future(&'static str),
    /// `nbf` is more than 60 minutes ago.
    #[error("`nbf` is more than 60 minutes ago")]
    TooOld,
    /// `exp` is more than 60 minutes after `nbf`, or after now where there is none.
    #[error("it is good for more than 60 minutes")]
    TooLong,
    /// `request` or `request_uri` stands in it (RFC 9101 section 4).
    #[error("`{0}` must not stand in a request object")]
    Nested(&'static str),
    /// A parameter is no text, number, object or list of those.
    #[error("a parameter in it is neither text nor number nor object")]
    Value,
    /// There are too many parameters, or one is too long.
    #[error("it has too many parameters, or one is too long")]
    TooLarge,
}

impl RequestRule<'_> {
    /// The parameters of the request, for the parser of plain ones. Pure: no store, no clock.
    ///
    /// # Errors
    /// As [`RequestFault`] says.
    pub fn check(&self, object: Verified<'_>) -> Result<Vec<(String, String)>, RequestFault> {
        if must!("rfc8725-3.12-request", !object.may_be(KINDS)) {
            return Err(RequestFault::Type);
        }
        let claims = object.claims();
        for name in ["request", "request_uri"] {
            if must!("rfc9101-4-nested", claims.has(name)) {
                return Err(RequestFault::Nested(name));
            }
        }
        if must!(
            "rfc8725-3.8-request",
            claims.text("iss")?.ok_or(RequestFault::Missing("iss"))? != self.client
        ) {
            return Err(RequestFault::Issuer);
        }
        let named = claims.text("client_id")?.ok_or(RequestFault::Missing("client_id"))?;
        if must!("rfc9101-5-client-id", named != self.client) {
            return Err(RequestFault::Client);
        }
        if must!("rfc8725-3.12-request-sub", claims.text("sub")? == Some(self.client)) {
            return Err(RequestFault::Assertion);
        }
        let audience = claims.texts_or_text("aud")?.ok_or(RequestFault::Missing("aud"))?;
        if must!("rfc7519-4.1.3-request", !audience.contains(self.issuer)) {
            return Err(RequestFault::Audience);
        }
        self.check_times(claims)?;
        parameters(claims)
    }

    fn check_times(&self, claims: &Claims) -> Result<(), RequestFault> {
        let (exp, nbf) = (claims.seconds("exp")?, claims.seconds("nbf")?);
        if must!("fapi2ms-5.3.1-exp-present", self.needs_times && exp.is_none()) {
            return Err(RequestFault::Missing("exp"));
        }
        if must!("fapi2ms-5.3.1-nbf-present", self.needs_times && nbf.is_none()) {
            return Err(RequestFault::Missing("nbf"));
        }
        let latest = self.now.plus_seconds(LEEWAY_S);
        for (name, time) in [("nbf", nbf), ("iat", claims.seconds("iat")?)] {
            if must!("rfc7519-4.1.5-request", time.is_some_and(|time| time > latest)) {
                return Err(RequestFault::Future(name));
            }
        }
        if must!("rfc7519-4.1.4-request", exp.is_some_and(|exp| self.now >= exp)) {
            return Err(RequestFault::Expired);
        }
        if must!("fapi2ms-5.3.1-nbf-old", nbf.is_some_and(|nbf| self.now > nbf.plus_seconds(LONGEST_S))) {
            return Err(RequestFault::TooOld);
        }
        let furthest = nbf.unwrap_or(latest).plus_seconds(LONGEST_S);
        if must!("fapi2ms-5.3.1-exp-far", exp.is_some_and(|exp| exp > furthest)) {
            return Err(RequestFault::TooLong);
        }
        Ok(())
    }
}

fn parameters(claims: &Claims) -> Result<Vec<(String, String)>, RequestFault> {
    let mut out = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(name)) {
        match value {
            // RFC 8707 section 2: one parameter several times, as `resource`, is a list of texts here.
            Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_string) => {
                out.extend(
                    list.iter().filter_map(Value::as_str).map(|text| (name.to_owned(), text.to_owned())),
                );
            }
            _ => out.push((name.to_owned(), text(value)?)),
        }
    }
    let long = |(name, value): &(String, String)| name.len() > 128 || value.len() > LONGEST_VALUE;
    if out.len() > MOST_PARAMETERS || out.iter().any(long) {
        return Err(RequestFault::TooLarge);
    }
    // RFC 6749 section 3.1: without a value is left out.
    out.retain(|(_, value)| !value.is_empty());
    Ok(out)
}

/// RFC 9101 section 4: texts as they are, numbers as JSON writes them; objects and lists of them (`claims`,
/// `authorization_details`) as JSON.
fn text(value: &Value) -> Result<String, RequestFault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Object(_) => Ok(value.to_string()),
        Value::Array(list) if list.iter().all(Value::is_object) => Ok(value.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) => Err(RequestFault::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::samples::{change, verified, verified_as};
    use RequestFault as F;
    use serde_json::json;

    const NOW: i64 = 1_790_000_000;
    const ISSUER: &str = "https://as.example";

    fn valid() -> Value {
        json!({
            "iss": "c1", "aud": ISSUER, "client_id": "c1", "nbf": NOW, "exp": NOW + 300, "iat": NOW, "jti": "j1",
            "response_type": "code", "scope": "a b",
        })
    }

    fn check(changes: &Value, needs_times: bool) -> Result<Vec<(String, String)>, F> {
        let rule =
            RequestRule { client: "c1", issuer: ISSUER, needs_times, now: Timestamp::from_seconds(NOW) };
        verified(&change(&valid(), changes), |object| rule.check(object))
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn rfc9101_4_parameters_without_the_tokens_own_claims() {
        let plain = [("client_id", "c1"), ("response_type", "code"), ("scope", "a b")];
        assert_eq!(check(&json!({}), true), Ok(pairs(&plain)));
        let more = json!({
            "scope": "", "max_age": 600, "claims": {"a": "b"}, "authorization_details": [{"type": "x"}],
            "resource": ["https://a", "https://b"], "sub": "ann",
        });
        let expected = [
            ("authorization_details", r#"[{"type":"x"}]"#),
            ("claims", r#"{"a":"b"}"#),
            ("client_id", "c1"),
            ("max_age", "600"),
            ("resource", "https://a"),
            ("resource", "https://b"),
            ("response_type", "code"),
        ];
        assert_eq!(check(&more, true), Ok(pairs(&expected)));
    }

    #[test]
    fn rfc9101_6_one_change_and_its_fault() {
        let wrong = |name, wanted| F::Claim(ClaimFault { name, wanted });
        let (time, text) = ("a time in seconds", "a text");
        let many = (0..64).map(|i| (format!("p{i}"), json!("x"))).collect::<serde_json::Map<_, _>>();
        for (changes, fault) in [
            (json!({"request": "x"}), F::Nested("request")),
            (json!({"request_uri": [1]}), F::Nested("request_uri")),
            (json!({"iss": null}), F::Missing("iss")),
            (json!({"iss": "c2"}), F::Issuer),
            (json!({"iss": 1}), wrong("iss", text)),
            (json!({"client_id": null}), F::Missing("client_id")),
            (json!({"client_id": "c2"}), F::Client),
            (json!({"client_id": ["c1"]}), wrong("client_id", text)),
            (json!({"sub": "c1"}), F::Assertion),
            (json!({"aud": null}), F::Missing("aud")),
            (json!({"aud": "https://other.example"}), F::Audience),
            (json!({"aud": []}), F::Audience),
            (json!({"aud": 1}), wrong("aud", "a text or a list of texts")),
            (json!({"exp": null}), F::Missing("exp")),
            (json!({"nbf": null}), F::Missing("nbf")),
            (json!({"exp": NOW}), F::Expired),
            (json!({"exp": "1"}), wrong("exp", time)),
            (json!({"exp": NOW + 3601}), F::TooLong),
            (json!({"nbf": NOW + 11}), F::Future("nbf")),
            (json!({"nbf": NOW + 60}), F::Future("nbf")),
            (json!({"nbf": NOW - 3601}), F::TooOld),
            (json!({"nbf": "1"}), wrong("nbf", time)),
            (json!({"iat": NOW + 60}), F::Future("iat")),
            (json!({"scope": true}), F::Value),
            (json!({"scope": [null]}), F::Value),
            (json!({"scope": ["a", 1]}), F::Value),
            (json!({"scope": "x".repeat(4097)}), F::TooLarge),
            (json!({"resource": ["x".repeat(4097), "y"]}), F::TooLarge),
            (json!({"resource": vec!["x"; 65]}), F::TooLarge),
            (Value::Object(many), F::TooLarge),
        ] {
            assert_eq!(check(&changes, true), Err(fault), "{changes}");
        }
    }

    #[test]
    fn rfc8725_3_11_only_request_objects() {
        let rule = RequestRule {
            client: "c1",
            issuer: ISSUER,
            needs_times: true,
            now: Timestamp::from_seconds(NOW),
        };
        let check = |typ: &str| verified_as(typ, &valid(), |object| rule.check(object)).map(|_| ());
        assert_eq!(check("oauth-authz-req+jwt"), Ok(()));
        for typ in ["dpop+jwt", "at+jwt", "client-authentication+jwt"] {
            assert_eq!(check(typ), Err(F::Type), "{typ}");
        }
    }

    #[test]
    fn rfc9101_4_what_is_allowed() {
        for changes in [
            json!({"aud": ["https://other.example", ISSUER]}),
            json!({"nbf": NOW + 10, "iat": NOW + 10}),
            json!({"nbf": NOW - 3000, "exp": NOW + 600}),
            json!({"exp": NOW + 3600}),
            json!({"iat": null, "jti": null}),
        ] {
            assert!(check(&changes, true).is_ok(), "{changes}");
        }
        assert!(check(&json!({"exp": null, "nbf": null}), false).is_ok());
        assert_eq!(check(&json!({"nbf": null, "exp": NOW + 3611}), false), Err(F::TooLong));
    }
}
