//! The rule as tables.

mod front;

use super::*;
use crate::Offset;
use crate::model::{ClientOwner, Status};
use crate::platform::{Environment, Plan, Platform, ScopeDefinition, Tokens};
use crate::{Scope, policy::Check};

const NOW: Timestamp = Timestamp::from_seconds(1000);

fn snapshot() -> Snapshot {
    snapshot_of(crate::platform::samples::PLAIN)
}

fn snapshot_of(dialect: crate::platform::Dialect) -> Snapshot {
    let environment = |id: &str| Environment {
        id: id.into(),
        key_prefix: "K".into(),
        resettable: false,
        needs_approval: id == "live",
    };
    let scope = |word: &str| ScopeDefinition {
        scope: Scope::new(word).unwrap(),
        title: word.into(),
        expands_to: ScopeSet::default(),
    };
    let platform = Platform {
        id: "alpaca".into(),
        name: "Alpaca".into(),
        dialect,
        issuer: "http://issuer".into(),
        contact: "help@example.test".into(),
        legacy: crate::platform::Legacy::default(),
        tokens: Tokens {
            code_lifetime_s: 600,
            access_lifetime_s: None,
            session_lifetime_s: 3600,
            id_token_lifetime_s: 600,
            refresh_idle_s: None,
            refresh_lifetime_s: None,
        },
        environments: vec![environment("paper"), environment("live")],
        hosts: Vec::new(),
        upstreams: Vec::new(),
        scopes: vec![scope("trading"), scope("data"), scope("account:write")],
        licences: Vec::new(),
        products: Vec::new(),
        plans: vec![Plan { id: "basic".into(), requests_per_minute: 200 }],
        default_plan: "basic".into(),
        routes: Vec::new(),
        partners: Vec::new(),
    };
    Snapshot::compile(platform, 1).unwrap()
}

fn client() -> Client {
    Client {
        platform: "alpaca".into(),
        id: "app".into(),
        name: "App".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::User("dev".into()),
        status: Status::Active,
        status_since: Timestamp::from_seconds(1),
        live_trading_approved: false,
        redirect_uris: vec!["https://rp.example.test/cb".into(), "http://localhost".into()],
        scopes: ScopeSet::parse("trading data gone").unwrap(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: crate::ClientSettings::default(),
        secrets: Vec::new(),
        created_at: Timestamp::from_seconds(1),
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

fn request() -> AuthorizeRequest<'static> {
    AuthorizeRequest {
        client_id: Some("app"),
        redirect_uri: Some("https://rp.example.test/cb"),
        response_type: Some("code"),
        scope: Some("data trading"),
        env: None,
        ..AuthorizeRequest::default()
    }
}

fn check(request: AuthorizeRequest<'_>, client: Option<&Client>) -> Result<Authorizable, (bool, Cause)> {
    request.check(client, &snapshot(), NOW).map_err(|fault| {
        assert_eq!(fault.refusal().passed, Vec::<Check>::new());
        (matches!(fault, AuthorizeFault::InPlace(_)), fault.refusal().cause)
    })
}

#[test]
fn what_is_right_is_offered() {
    let fine = check(request(), Some(&client())).unwrap();
    assert_eq!(fine.scopes.to_string(), "data trading");
    assert_eq!(fine.environments.iter().map(EnvironmentId::as_str).collect::<Vec<_>>(), ["paper", "live"]);
    let live =
        check(AuthorizeRequest { env: Some("live"), scope: None, ..request() }, Some(&client())).unwrap();
    assert_eq!((live.environments.len(), live.scopes.is_empty()), (1, true));
}

#[test]
fn rfc6749_4_1_2_1_in_place_until_the_redirect_is_known() {
    let (fine, off) = (client(), Client { status: Status::Disabled, ..client() });
    let pending = Client { active_from: Some(NOW.plus_seconds(1)), ..client() };
    let expired = Client { expires_at: Some(NOW), ..client() };
    let elsewhere = AuthorizeRequest { redirect_uri: Some("https://evil.example.test/"), ..request() };
    // everything wrong at once: the first in the order is told
    let all_wrong =
        AuthorizeRequest { response_type: Some("token"), scope: Some("x"), env: Some("y"), ..elsewhere };
    for (name, request, client, cause) in [
        ("no client_id", AuthorizeRequest { client_id: None, ..request() }, None, Cause::ParameterMissing),
        ("unknown client", request(), None, Cause::ClientRejected),
        ("disabled", all_wrong, Some(&off), Cause::ClientDisabled),
        ("pending", request(), Some(&pending), Cause::ClientPending),
        ("expired", request(), Some(&expired), Cause::ClientExpired),
        (
            "no redirect_uri",
            AuthorizeRequest { redirect_uri: None, ..request() },
            Some(&fine),
            Cause::ParameterMissing,
        ),
        ("elsewhere", all_wrong, Some(&fine), Cause::RedirectMismatch),
    ] {
        assert_eq!(check(request, client), Err((true, cause)), "{name}");
    }
}

#[test]
fn rfc6749_4_1_2_1_the_rest_is_told_to_the_client() {
    for (name, request, cause) in [
        ("no type", AuthorizeRequest { response_type: None, ..request() }, Cause::ParameterMissing),
        (
            "token",
            AuthorizeRequest { response_type: Some("token"), ..request() },
            Cause::ResponseTypeUnsupported,
        ),
        (
            "not the client's",
            AuthorizeRequest { scope: Some("account:write"), ..request() },
            Cause::ScopeInvalid,
        ),
        ("no longer known", AuthorizeRequest { scope: Some("gone"), ..request() }, Cause::ScopeInvalid),
        ("no scope words", AuthorizeRequest { scope: Some("a\"b"), ..request() }, Cause::ScopeInvalid),
        ("environment", AuthorizeRequest { env: Some("sandbox"), ..request() }, Cause::ParameterInvalid),
    ] {
        assert_eq!(check(request, Some(&client())), Err((false, cause)), "{name}");
    }
}

#[test]
fn rfc6749_3_1_2_3_and_rfc8252_7_3_redirects() {
    let registered: Vec<Box<str>> =
        ["https://rp.example.test/cb", "http://localhost", "http://127.0.0.1/cb?a=b", "https://frag.test/#x"]
            .map(Box::from)
            .to_vec();
    for (presented, expected) in [
        ("https://rp.example.test/cb", true),
        ("https://rp.example.test/cb/", false),
        ("https://rp.example.test/CB", false),
        ("https://rp.example.test/cb?a=b", false),
        ("https://rp.example.test:443/cb", false),
        ("https://rp.example.test/cb#", false),
        ("https://frag.test/#x", false),
        ("http://localhost", true),
        ("http://localhost:1", true),
        ("http://localhost:65535", true),
        ("http://localhost:65536", false),
        ("http://localhost:080", false),
        ("http://localhost:", false),
        ("http://localhost:8080/", false),
        ("http://localhost:8080/callback", false),
        ("http://localhost:8080@evil.test", false),
        ("http://localhost:8080:1", false),
        ("http://localhost.evil.test", false),
        ("https://localhost:8080", false),
        ("http://127.0.0.1:8080", false),
        ("http://127.0.0.1:8080/cb?a=b", true),
        ("http://127.0.0.1:8080/cb", false),
        ("http://127.0.0.1.evil.test:8080/cb?a=b", false),
        ("http://[::1]:8080/cb?a=b", false),
        ("HTTP://localhost:8080", false),
        ("http://localhost:80\t", false),
        ("http://localhost:8\u{660}", false),
        ("", false),
    ] {
        assert_eq!(redirect_is_registered(&registered, presented), expected, "{presented}");
    }
    // a port that was registered is the only one
    assert!(!redirect_is_registered(&["http://localhost:3000".into()], "http://localhost:3001"));
}

#[test]
fn r06_registered_redirects_are_the_developers_fact() {
    let request = AuthorizeRequest { redirect_uri: Some("https://evil.example.test/"), ..request() };
    let fault = request.check(Some(&client()), &snapshot(), NOW).unwrap_err();
    let refusal = fault.refusal();
    assert!(refusal.facts.public().get(FactName::RegisteredRedirects).is_none());
    assert_eq!(refusal.subjects.client_developer, Some("dev".into()));
    assert!(refusal.proof.is_none(), "nothing was proven, so nothing is recorded");
}

#[test]
fn r22_only_s256_challenges_are_taken() {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let ask = |challenge, method| AuthorizeRequest {
        code_challenge: challenge,
        code_challenge_method: method,
        ..AuthorizeRequest::default()
    };
    assert_eq!(
        ask(Some(challenge), Some("S256"))
            .challenge(&client(), crate::platform::samples::PLAIN)
            .unwrap()
            .as_deref(),
        Some(challenge)
    );
    assert_eq!(ask(None, None).challenge(&client(), crate::platform::samples::PLAIN).unwrap(), None);
    for (challenge, method, cause) in [
        (Some(challenge), None, Cause::ParameterInvalid),
        (Some(challenge), Some("plain"), Cause::ParameterInvalid),
        (Some("short"), Some("S256"), Cause::ParameterInvalid),
        (None, Some("S256"), Cause::ParameterMissing),
    ] {
        assert_eq!(
            ask(challenge, method).challenge(&client(), crate::platform::samples::PLAIN).unwrap_err().cause,
            cause,
            "{challenge:?} {method:?}"
        );
    }
}

#[test]
fn r22_who_once_used_pkce_may_not_come_without() {
    let bound = Client {
        settings: crate::ClientSettings { requires_pkce: true, ..crate::ClientSettings::default() },
        ..client()
    };
    assert_eq!(check(request(), Some(&bound)), Err((false, Cause::ParameterMissing)));
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let with = AuthorizeRequest {
        code_challenge: Some(challenge),
        code_challenge_method: Some("S256"),
        ..request()
    };
    assert_eq!(check(with, Some(&bound)).unwrap().challenge.as_deref(), Some(challenge));
}

/// On a platform of the `rfc` dialect, by a client with these settings, with a challenge.
fn check_rfc(
    request: AuthorizeRequest<'_>,
    settings: crate::ClientSettings,
) -> Result<Authorizable, Option<Cause>> {
    let request = AuthorizeRequest {
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        code_challenge_method: Some("S256"),
        ..request
    };
    let snapshot = snapshot_of(crate::platform::samples::FULL);
    let checked = request.check(Some(&Client { settings, ..client() }), &snapshot, NOW);
    checked.map_err(|fault| Some(fault.refusal().cause))
}

#[test]
fn rfc9126_6_who_must_push_comes_no_other_way() {
    let settings = || crate::ClientSettings { requires_par: true, ..crate::ClientSettings::default() };
    let pushed = AuthorizeRequest { pushed: true, ..request() };
    assert_eq!(check_rfc(request(), settings()), Err(Some(Cause::RequestMustBePushed)));
    assert!(check_rfc(pushed, settings()).is_ok());
    assert!(check_rfc(request(), crate::ClientSettings::default()).is_ok());
}

#[test]
fn fapi2_5_3_2_2_clients_of_the_profile_push() {
    let settings =
        || crate::ClientSettings { profile: crate::settings::Profile::Fapi2, ..Default::default() };
    let pushed = AuthorizeRequest { pushed: true, ..request() };
    assert_eq!(check_rfc(request(), settings()), Err(Some(Cause::RequestMustBePushed)));
    assert!(check_rfc(pushed, settings()).is_ok());
}

#[test]
fn fapi2_5_3_2_2_a_strict_profile_knows_no_exception_from_pkce() {
    let strict = Client {
        settings: crate::ClientSettings {
            profile: crate::settings::Profile::Fapi2,
            may_omit_pkce: true,
            ..Default::default()
        },
        ..client()
    };
    let refusal = request().challenge(&strict, crate::platform::samples::FULL).unwrap_err();
    assert_eq!(refusal.cause, Cause::ParameterMissing);
}

#[test]
fn rfc9101_10_5_who_must_sign_is_not_taken_unsigned() {
    let settings =
        || crate::ClientSettings { requires_signed_request: true, ..crate::ClientSettings::default() };
    let signed = AuthorizeRequest { signed: true, ..request() };
    assert_eq!(check_rfc(request(), settings()), Err(Some(Cause::RequestObjectInvalid)));
    assert!(check_rfc(signed, settings()).is_ok());
}

#[test]
fn oidc_core_3_1_2_1_prompts() {
    let ask = |prompt| {
        let request = AuthorizeRequest { prompt: Some(prompt), ..request() };
        check_rfc(request, crate::ClientSettings::default()).map(|fine| fine.prompt)
    };
    let none = Prompt { none: true, ..Prompt::default() };
    assert_eq!(ask("none"), Ok(none));
    assert_eq!(ask("login consent"), Ok(Prompt { login: true, consent: true, none: false }));
    for wrong in ["none login", "consent none", "none select_account", "create"] {
        assert_eq!(ask(wrong), Err(Some(Cause::ParameterInvalid)), "{wrong}");
    }
}
