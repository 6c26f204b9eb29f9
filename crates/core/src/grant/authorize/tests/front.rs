//! How the answer is to travel, and claims that are asked for one by one.

use super::*;
use crate::grant::{ACR, Carrier};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn rfc() -> Snapshot {
    let mut platform = snapshot().platform.clone();
    platform.dialect = crate::platform::samples::FULL;
    for word in ["openid", "profile", "email"] {
        platform.scopes.push(ScopeDefinition {
            scope: Scope::new(word).unwrap(),
            title: word.into(),
            expands_to: ScopeSet::default(),
        });
    }
    Snapshot::compile(platform, 1).unwrap()
}

fn app() -> Client {
    Client { scopes: ScopeSet::parse("openid profile trading").unwrap(), ..client() }
}

fn asked() -> AuthorizeRequest<'static> {
    AuthorizeRequest {
        scope: Some("openid"),
        code_challenge: Some(CHALLENGE),
        code_challenge_method: Some("S256"),
        ..request()
    }
}

fn told(request: AuthorizeRequest<'_>) -> Result<Authorizable, Cause> {
    request.check(Some(&app()), &rfc(), NOW).map_err(|fault| fault.refusal().cause)
}

#[test]
fn the_mode_is_the_one_asked_for_and_fragments_are_none() {
    let mode = |word| told(AuthorizeRequest { response_mode: word, ..asked() }).map(|wish| wish.mode);
    assert_eq!(mode(None).unwrap(), ResponseMode::default());
    assert_eq!(
        mode(Some("form_post.jwt")).unwrap(),
        ResponseMode { carrier: Carrier::FormPost, signed: true }
    );
    assert_eq!(mode(Some("fragment")), Err(Cause::ParameterInvalid));
    let elsewhere = AuthorizeRequest { response_mode: Some("fragment"), ..request() };
    assert!(check(elsewhere, Some(&client())).is_ok(), "a dialect without modes looks at none");
}

#[test]
fn oidc_core_5_5_claims_widen_to_scopes_of_the_app_and_to_no_others() {
    let wish = ClaimsWish { userinfo: vec!["email"], id_token: vec!["name"], ..ClaimsWish::default() };
    let found = told(AuthorizeRequest { claims: Some(Ok(&wish)), ..asked() }).unwrap();
    assert_eq!(found.scopes, ScopeSet::parse("openid profile").unwrap(), "the app may not have `email`");
    let plain = AuthorizeRequest { scope: Some("trading"), claims: Some(Ok(&wish)), ..asked() };
    assert_eq!(told(plain).unwrap().scopes, ScopeSet::parse("trading").unwrap(), "no OpenID request");
    let broken = AuthorizeRequest { claims: Some(Err("it is no object")), ..asked() };
    assert_eq!(told(broken), Err(Cause::ParameterInvalid));
}

#[test]
fn oidc_core_5_5_1_1_an_essential_acr_that_cannot_be_fails_the_request() {
    let ask = |values: &[&str]| {
        let wish = ClaimsWish {
            essential_acr: Some(values.iter().map(|v| Box::from(*v)).collect()),
            ..ClaimsWish::default()
        };
        told(AuthorizeRequest { claims: Some(Ok(&wish)), ..asked() }).map(|_| ())
    };
    assert_eq!(ask(&["urn:other"]), Err(Cause::AcrUnmet));
    assert_eq!(ask(&["urn:other", ACR]), Ok(()));
}
