use super::*;
use http::HeaderValue;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}

#[test]
fn headers_precede_the_challenge_and_the_challenge_the_body() {
    let all = headers(&[
        ("mandate-cause", "token.expired"),
        ("www-authenticate", r#"Bearer error="invalid_token", cause="token.revoked""#),
    ]);
    let body = br#"{"cause": "grant.revoked", "error": "other", "remedy": "Its own words."}"#;
    let refusal = Refusal::read(401, &all, body);
    assert_eq!(refusal.cause, Some(Cause::TOKEN_EXPIRED));
    assert_eq!(refusal.error.as_deref(), Some("invalid_token"));
    assert_eq!(refusal.remedy.as_deref(), Some("Its own words."));
    let refusal = Refusal::read(401, &headers(&[("www-authenticate", "Bearer cause=token.revoked")]), body);
    assert_eq!(refusal.cause, Some(Cause::TOKEN_REVOKED));
    assert_eq!(Refusal::read(401, &HeaderMap::new(), body).cause, Some(Cause::GRANT_REVOKED));
}

#[test]
fn scopes_are_texts_or_lists() {
    for held in [r#""a b""#, r#"["a", "b"]"#] {
        let body = format!(
            r#"{{"cause": "scope.missing", "facts": {{"scopes_needed": "b c", "scopes_held": {held}}}}}"#
        );
        let refused = Refusal::read(403, &HeaderMap::new(), body.as_bytes()).into_error();
        assert_eq!(refused.kind, RefusedKind::ScopeMissing);
        assert_eq!(refused.refusal.scopes_missing, ["c"]);
        assert!(refused.to_string().contains("missing: c"));
    }
}

#[test]
fn what_is_unknown_is_kept_and_what_is_absent_is_none() {
    let refusal = Refusal::read(401, &headers(&[("mandate-cause", "token.tired")]), b"");
    assert_eq!(refusal.cause.as_ref().map(Cause::as_str), Some("token.tired"));
    assert_eq!(refusal.title, None);
    assert!(refusal.renewal_may_help());
    assert_eq!(
        Refusal::read(404, &HeaderMap::new(), b"<html>"),
        Refusal { status: 404, ..Refusal::default() }
    );
}

#[test]
fn each_status_has_its_kind() {
    let kind = |status| Refusal::read(status, &HeaderMap::new(), b"").kind();
    assert_eq!(kind(401), RefusedKind::CredentialRefused);
    assert_eq!(kind(429), RefusedKind::RateLimited);
    assert_eq!(kind(503), RefusedKind::IssuerUnavailable);
    assert_eq!(kind(403), RefusedKind::Refused);
    let licence = headers(&[("mandate-cause", "licence.delegated_access")]);
    assert_eq!(Refusal::read(401, &licence, b"").kind(), RefusedKind::LicenceRefused);
}
