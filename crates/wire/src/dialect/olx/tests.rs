//! The vendor's list of authorization errors, word by word, and what else its clients rely on.

use super::*;
use mandate_core::Timestamp;
use serde_json::{Value, json};

fn refused(surface: Surface, refusal: Refusal) -> (u16, Value) {
    read(refusal, |decision| Olx.refusal(surface, decision, "https://market.example"))
}

fn read(refusal: Refusal, say: impl FnOnce(&Decision) -> Response<Bytes>) -> (u16, Value) {
    let decision = Decision {
        id: "ID".into(),
        platform: "olx".into(),
        at: Timestamp::default(),
        surface: "".into(),
        host: "h".into(),
        route: "".into(),
        refusal,
    };
    let response = say(&decision);
    let mut body: Value = serde_json::from_slice(response.body()).unwrap();
    for (ours, value) in [
        ("cause", decision.refusal.cause.id()),
        ("decision_id", "ID"),
        ("error_uri", "https://market.example/explain/ID"),
    ] {
        assert_eq!(body.as_object_mut().unwrap().remove(ours), Some(json!(value)));
    }
    (response.status().as_u16(), body)
}

fn missing(parameter: &str) -> Refusal {
    Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, parameter)
}

#[test]
fn the_eleven_authorization_errors() {
    let bare = Refusal::anonymous;
    let flat = |error: &str, text: &str| json!({"error": error, "error_description": text});
    let titled = |error: &str, text: &str, title: &str| json!({"error": error, "error_description": text, "error_human_title": title});
    let code = flat("invalid_grant", "Authorization code doesn't exist or is invalid for the client");
    let table = [
        (OAUTH, missing("code"), 400, flat("invalid_request", "Missing parameter: \"code\" is required")),
        (OAUTH, bare(Cause::CodeInvalid), 400, code.clone()),
        (OAUTH, bare(Cause::CodeExpired), 400, code.clone()),
        (OAUTH, bare(Cause::CodeReplayedToken), 400, code.clone()),
        (OAUTH, bare(Cause::CodeRedirectMismatch), 400, code),
        (
            OAUTH,
            missing("grant_type"),
            400,
            flat("invalid_request", "The grant type was not specified in the request"),
        ),
        (
            OAUTH,
            bare(Cause::ScopeInvalid),
            400,
            flat("invalid_scope", "The scope requested is invalid for this client"),
        ),
        (OAUTH, bare(Cause::ClientDisabled), 401, flat("invalid_client", "Client is not active")),
        (
            OAUTH,
            bare(Cause::ClientRejected),
            400,
            flat("invalid_client", "The client credentials are invalid"),
        ),
        (
            API,
            bare(Cause::CredentialRejected),
            401,
            flat("invalid_token", "The access token provided is invalid"),
        ),
        (
            API,
            bare(Cause::ScopeMissing),
            401,
            titled(
                "insufficient_scope",
                "The request requires higher privileges than provided by the access token",
                "Insufficient scope.",
            ),
        ),
        (
            API,
            bare(Cause::TokenNoOwner),
            400,
            json!({"error": {"status": 400, "title": "Bad Request", "detail": "Invalid owner in token"}}),
        ),
        (
            OAUTH,
            bare(Cause::ClientGrantNotAllowed),
            400,
            titled(
                "unauthorized_client",
                "The grant type is unauthorized for this client_id",
                "Unauthorized client.",
            ),
        ),
        (
            OAUTH,
            bare(Cause::RefreshInvalid),
            400,
            titled(
                "invalid_grant",
                "Invalid refresh token",
                "Provided authorization credentials are invalid or expired.",
            ),
        ),
    ];
    for (surface, refusal, status, body) in table {
        assert_eq!(refused(surface, refusal), (status, body));
    }
}

#[test]
fn the_token_endpoint_says_the_same_on_the_host_of_the_api() {
    for cause in
        [Cause::ClientRejected, Cause::CodeReplayedToken, Cause::RefreshReplayed, Cause::BodyMalformed]
    {
        let beside =
            read(Refusal::anonymous(cause), |d| Olx.endpoint_refusal(API, d, "https://market.example"));
        assert_eq!(beside, refused(OAUTH, Refusal::anonymous(cause)));
    }
}

#[test]
fn r07_what_ended_and_what_never_was_are_told_the_same() {
    for cause in [Cause::TokenExpired, Cause::TokenRevoked, Cause::GrantRevoked, Cause::CodeReplayedToken] {
        assert_eq!(Olx.merged(API, cause), Some(Cause::CredentialRejected), "{cause:?}");
        assert_eq!(Olx.merged(OAUTH, cause), None);
    }
    for cause in [Cause::ScopeMissing, Cause::TokenNoOwner, Cause::RateLimited, Cause::ClientDisabled] {
        assert_eq!(Olx.merged(API, cause), None, "{cause:?}");
    }
}

#[test]
fn requests_to_the_api_name_the_version() {
    let asked = |values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(VERSION, http::HeaderValue::from_static(value));
        }
        Olx.admits(API, "/api/partner/users/me", &headers).map_err(|refusal| refused(API, *refusal))
    };
    assert_eq!(asked(&["2.0"]), Ok(()));
    let missing = json!({
        "data": {"error": {"status": 400, "title": "Bad Request", "detail": "Missing required 'Version' header!"}}
    });
    for values in [&[][..], &[""]] {
        assert_eq!(asked(values), Err((400, missing.clone())));
    }
    let unsupported = json!({"error": {"type": "NotFoundException", "message": "Unsupported API version"}});
    for values in [&["1.0"][..], &["2"], &["2.0", "2.0"], &["2.0", "1.0"]] {
        assert_eq!(asked(values), Err((404, unsupported.clone())));
    }
}

#[test]
fn tokens_are_answered_as_typed_clients_read_them() {
    let answer = TokenAnswer {
        access_token: "a",
        token_type: Some("Bearer"),
        expires_in: Some(86_400),
        scope: Some("read v2 write".into()),
        refresh_token: Some("r"),
        id_token: None,
    };
    let response = Olx.token_answer(TOKEN_PATHS[1], &answer);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(
        body,
        json!({
            "access_token": "a", "token_type": "bearer", "expires_in": 86_400, "scope": "read v2 write",
            "refresh_token": "r",
        })
    );
}

#[test]
fn r22_two_encodings_and_no_name_twice() {
    let rules = Olx.token_rules(TOKEN_PATHS[0]);
    let read = |kind: &'static str, body: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        rules.form(&headers, body.as_bytes())
    };
    let json = read("application/json; charset=utf-8", r#"{"client_id":200001,"code":"a"}"#).unwrap();
    let form = read("application/x-www-form-urlencoded", "client_id=200001&code=a").unwrap();
    for name in ["client_id", "code"] {
        assert_eq!(json.get(name), form.get(name));
    }
    let twice = read("application/json", r#"{"code":"a","code":"b"}"#).unwrap_err();
    assert_eq!(twice.cause, Cause::ParameterRepeated);
    assert_eq!(read("text/plain", "code=a").unwrap_err().cause, Cause::ContentType);
}
