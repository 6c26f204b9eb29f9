//! Flows of the crate openidconnect. Reads a task, one JSON object, from standard input.

mod talk;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreDeviceAuthorizationResponse, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreSubjectIdentifierType, CoreUserInfoClaims,
};
use openidconnect::url::Url;
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, DeviceAuthorizationUrl, IntrospectionUrl, IssuerUrl, Nonce, NonceVerifier,
    OAuth2TokenResponse, PkceCodeChallenge, ProviderMetadata, RedirectUrl, RevocationUrl, Scope,
    TokenIntrospectionResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::error::Error;
use talk::{Http, asked, heard};

type Outcome = Result<Value, Box<dyn Error>>;

/// What the crate does not read of the metadata by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    device_authorization_endpoint: DeviceAuthorizationUrl,
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: RevocationUrl,
}
impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Deserialize)]
struct Task {
    flow: String,
    issuer: String,
    api: String,
    client: Party,
    redirect_uri: String,
    scope: String,
    /// Without it, no challenge is sent.
    pkce: bool,
    /// What `introspection` asks about.
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct Party {
    client_id: String,
    client_secret: String,
    auth_method: String,
}

impl Task {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        // The crate asks for `openid` by itself.
        self.scope.split(' ').filter(|scope| *scope != "openid").map(|scope| Scope::new(scope.to_owned()))
    }

    fn metadata(&self, http: &Http) -> Result<Metadata, Box<dyn Error>> {
        let send = |request| http.send(request);
        Ok(Metadata::discover(&IssuerUrl::new(self.issuer.clone())?, &send)?)
    }
}

/// The crate's client, with every endpoint: its type says which are known, so a function would have to spell it out.
/// It revokes over https only; that address is given, and [`Http`] stands for the proxy that ends TLS.
macro_rules! client {
    ($task:expr, $metadata:expr) => {{
        let endpoints = $metadata.additional_metadata().clone();
        let secret = Some($task.client.client_secret.clone()).filter(|secret| !secret.is_empty());
        CoreClient::from_provider_metadata(
            $metadata,
            ClientId::new($task.client.client_id.clone()),
            secret.map(ClientSecret::new),
        )
        .set_auth_type(if $task.client.auth_method == "client_secret_basic" {
            AuthType::BasicAuth
        } else {
            AuthType::RequestBody
        })
        .set_redirect_uri(RedirectUrl::new($task.redirect_uri.clone())?)
        .set_device_authorization_url(endpoints.device_authorization_endpoint)
        .set_introspection_url(endpoints.introspection_endpoint)
        .set_revocation_url(RevocationUrl::new(
            endpoints.revocation_endpoint.replacen("http://", "https://", 1),
        )?)
    }};
}

fn words(scopes: Option<&Vec<Scope>>) -> Vec<&str> {
    scopes.into_iter().flatten().map(|scope| scope.as_str()).collect()
}

fn discovery(task: &Task, http: &Http) -> Outcome {
    Ok(serde_json::to_value(task.metadata(http)?)?)
}

fn code(task: &Task, http: &Http) -> Outcome {
    let send = |request| http.send(request);
    let client = client!(task, task.metadata(http)?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(task.scopes());
    if task.pkce {
        request = request.set_pkce_challenge(challenge);
    }
    let (url, state, nonce) = request.url();

    let back = Url::parse(&asked(&json!({ "open": url }))?)?;
    let given = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    if given("state").as_deref() != Some(state.secret().as_str()) {
        return Err(format!("another state: {back}").into());
    }
    let code = AuthorizationCode::new(given("code").ok_or_else(|| format!("no code: {back}"))?);
    let mut request = client.exchange_code(code)?;
    if task.pkce {
        request = request.set_pkce_verifier(verifier);
    }
    let tokens = request.request(&send)?;

    let id_token = tokens.id_token().ok_or("no ID token")?;
    let verifier = client.id_token_verifier();
    let claims = id_token.claims(&verifier, &nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let (alg, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
        if AccessTokenHash::from_token(tokens.access_token(), alg, key)? != *expected {
            return Err("at_hash is of another token".into());
        }
    }
    // The crate's own check must be able to fail: another nonce is another sign-in.
    if id_token.claims(&verifier, &Nonce::new("another".into())).is_ok() {
        return Err("the crate takes any nonce".into());
    }
    let userinfo: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?.request(&send)?;

    let refresh = tokens.refresh_token().ok_or("no refresh token")?;
    let fresh = client.exchange_refresh_token(refresh)?.request(&send)?;
    if let Some(id_token) = fresh.id_token() {
        let renewed = id_token.claims(&verifier, AnyNonce)?;
        if renewed.subject() != claims.subject() {
            return Err("the refreshed ID token is about somebody else".into());
        }
    }
    let successor = fresh.refresh_token().unwrap_or(refresh).clone();
    let accounts = |token: &AccessToken| http.get(&format!("{}/accounts", task.api), token.secret());
    let mut result = json!({
        "url": url,
        "alg": format!("{:?}", id_token.signing_alg()?),
        "claims": claims,
        "at_hash": claims.access_token_hash().is_some(),
        "auth_time": claims.auth_time().is_some(),
        "scopes": words(tokens.scopes()),
        "userinfo": userinfo,
        "access_token": tokens.access_token(),
        "refresh_token": refresh,
        "accounts": accounts(tokens.access_token())?,
        "refreshed": fresh.access_token(),
        "successor": successor,
        "refreshed_accounts": accounts(fresh.access_token())?,
    });
    for token in [
        CoreRevocableToken::AccessToken(fresh.access_token().clone()),
        CoreRevocableToken::RefreshToken(successor.clone()),
    ] {
        client.revoke_token(token)?.request(&send)?;
    }
    result["after"] = accounts(fresh.access_token())?;
    result["refreshed_after"] = match client.exchange_refresh_token(&successor)?.request(&send) {
        Ok(_) => "tokens".into(),
        Err(refused) => format!("{refused:?}").into(),
    };
    Ok(result)
}

/// An ID token of a refresh may be without one (OpenID Connect Core section 12.2).
struct AnyNonce;

impl NonceVerifier for AnyNonce {
    fn verify(self, _: Option<&Nonce>) -> Result<(), String> {
        Ok(())
    }
}

fn credentials(task: &Task, http: &Http) -> Outcome {
    let client = client!(task, task.metadata(http)?);
    let send = |request| http.send(request);
    let request = client.exchange_client_credentials()?.add_scopes(task.scopes());
    let tokens = request.request(&send)?;
    let accounts = http.get(&format!("{}/accounts", task.api), tokens.access_token().secret())?;
    Ok(json!({
        "scopes": words(tokens.scopes()),
        "refresh_token": tokens.refresh_token().is_some(),
        "accounts": accounts,
    }))
}

fn introspection(task: &Task, http: &Http) -> Outcome {
    let client = client!(task, task.metadata(http)?);
    let send = |request| http.send(request);
    let token = AccessToken::new(task.token.clone());
    let about = client.introspect(&token).request(&send)?;
    Ok(json!({
        "active": about.active(),
        "client_id": about.client_id(),
        "sub": about.sub(),
        "iss": about.iss(),
        "scopes": words(about.scopes()),
        "exp": about.exp().map(|at| at.timestamp()),
    }))
}

/// The crate polls by itself; between two polls the test does what a person does, and moves the clock.
fn device(task: &Task, http: &Http) -> Outcome {
    let client = client!(task, task.metadata(http)?);
    let send = |request| http.send(request);
    let request = client.exchange_device_code().add_scopes(task.scopes());
    let begun: CoreDeviceAuthorizationResponse = request.request(&send)?;
    let sleep = |wait: std::time::Duration| {
        let code = begun.user_code().secret();
        asked(&json!({"sleep": {"seconds": wait.as_secs(), "user_code": code}})).expect("the test answers");
    };
    let tokens = match client.exchange_device_access_token(&begun)?.request(&send, sleep, None) {
        Ok(tokens) => tokens,
        Err(refused) => return Ok(json!({ "refused": format!("{refused:?}") })),
    };
    let claims =
        tokens.id_token().ok_or("no ID token")?.claims(&client.id_token_verifier(), AnyNonce)?.clone();
    let refresh = tokens.refresh_token().ok_or("no refresh token")?;
    let fresh = client.exchange_refresh_token(refresh)?.request(&send)?;
    Ok(json!({
        "verification_uri": begun.verification_uri(),
        "claims": claims,
        "accounts": http.get(&format!("{}/accounts", task.api), fresh.access_token().secret())?,
    }))
}

fn main() {
    let http = Http::new();
    let run = || {
        let task: Task = serde_json::from_str(&heard()?)?;
        match task.flow.as_str() {
            "discovery" => discovery(&task, &http),
            "code" => code(&task, &http),
            "credentials" => credentials(&task, &http),
            "introspection" => introspection(&task, &http),
            "device" => device(&task, &http),
            other => Err(format!("no flow {other}").into()),
        }
    };
    http.ended(run());
}
