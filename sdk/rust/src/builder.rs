//! Builds sessions.

use crate::error::Error;
use crate::observer::Observer;
use crate::seams::{Clock, Millis, Random, Transport};
use crate::secret::Secret;
use crate::session::Session;
use crate::settings::{ClientAuth, Endpoints, Grant, Settings, is_private, origin_text};
use crate::store::Store;
use crate::system::{SystemClock, SystemRandom};
use http::{HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Settings of a session. Everything is checked by [`build`](Builder::build), before any request.
pub struct Builder {
    grant: Grant,
    client_id: String,
    secret: Option<Secret>,
    auth: Auth,
    assertion_audience: Option<String>,
    scope: Option<String>,
    resources: Vec<String>,
    extra: Vec<(String, String)>,
    authorize: Vec<(String, String)>,
    issuer: Option<String>,
    endpoints: [Option<String>; 5],
    dpop: bool,
    pushed: bool,
    patience: Duration,
    timeout: Duration,
    origins: Option<Vec<String>>,
    insecure_http: bool,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    store: Option<Arc<dyn Store>>,
    observer: Option<Arc<dyn Observer>>,
    wrong: Option<String>,
}

#[derive(Clone, Debug)]
enum Auth {
    Usual,
    Basic,
    Post,
    PrivateKeyJwt(Secret),
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("grant", &self.grant.name())
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

const TOKEN: usize = 0;
const AUTHORIZATION: usize = 1;
const DEVICE: usize = 2;
const REVOCATION: usize = 3;
const PUSHED: usize = 4;

impl Session {
    /// The program acts for itself (RFC 6749 section 4.4).
    pub fn client_credentials(client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Builder {
        Builder::new(Grant::ClientCredentials, client_id).client_secret(client_secret)
    }
    /// The program acts for itself and shows who it is some other way: see [`Builder::private_key_jwt`].
    pub fn client_credentials_without_secret(client_id: impl Into<String>) -> Builder {
        Builder::new(Grant::ClientCredentials, client_id)
    }
    /// A person signs in with a browser (RFC 6749 section 4.1, with PKCE).
    pub fn authorization_code(client_id: impl Into<String>) -> Builder {
        Builder::new(Grant::Code, client_id)
    }
    /// A person signs in on another device (RFC 8628).
    pub fn device(client_id: impl Into<String>) -> Builder {
        Builder::new(Grant::Device, client_id)
    }
    /// A refresh token that was had elsewhere.
    pub fn refresh_token(client_id: impl Into<String>, refresh_token: impl Into<Secret>) -> Builder {
        Builder::new(Grant::Refresh(refresh_token.into()), client_id)
    }
    /// Name and password, where a platform still has that (RFC 6749 section 4.3).
    pub fn password(
        client_id: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Builder {
        Builder::new(Grant::Password { username: username.into(), password: password.into() }, client_id)
    }
    /// Keys that go into headers of their own, name and value each. Nothing is ever asked of an issuer.
    pub fn api_key<'a>(headers: impl IntoIterator<Item = (&'a str, Secret)>) -> Builder {
        let mut keys = Vec::new();
        let mut wrong = None;
        for (name, value) in headers {
            match (HeaderName::try_from(name), HeaderValue::try_from(value.expose())) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    keys.push((name, value));
                }
                _ => {
                    wrong = Some("a key or its header's name holds characters that no header can".to_owned());
                }
            }
        }
        Builder { wrong, ..Builder::new(Grant::Keys(keys), "") }
    }
    /// A token that was had elsewhere and cannot be renewed. `ends_at`: milliseconds since 1970, if known.
    pub fn access_token(token: impl Into<Secret>, ends_at: Option<Millis>) -> Builder {
        Builder::new(Grant::Given(token.into(), ends_at), "")
    }
}

impl Builder {
    fn new(grant: Grant, client_id: impl Into<String>) -> Self {
        Self {
            grant,
            client_id: client_id.into(),
            secret: None,
            auth: Auth::Usual,
            assertion_audience: None,
            scope: None,
            resources: Vec::new(),
            extra: Vec::new(),
            authorize: Vec::new(),
            issuer: None,
            endpoints: [const { None }; 5],
            dpop: false,
            pushed: false,
            patience: Duration::from_mins(1),
            timeout: Duration::from_secs(10),
            origins: None,
            insecure_http: false,
            transport: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            store: None,
            observer: None,
            wrong: None,
        }
    }

    /// The issuer's address: endpoints that are not given are read from its metadata (RFC 8414).
    #[must_use]
    pub fn issuer(mut self, address: impl Into<String>) -> Self {
        self.issuer = Some(address.into());
        self
    }
    /// Where tokens are had.
    #[must_use]
    pub fn token_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[TOKEN] = Some(address.into());
        self
    }
    /// Where people sign in.
    #[must_use]
    pub fn authorization_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[AUTHORIZATION] = Some(address.into());
        self
    }
    /// Where device codes are had.
    #[must_use]
    pub fn device_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[DEVICE] = Some(address.into());
        self
    }
    /// Where tokens are given back.
    #[must_use]
    pub fn revocation_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[REVOCATION] = Some(address.into());
        self
    }
    /// Where authorization requests are pushed (RFC 9126).
    #[must_use]
    pub fn pushed_endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoints[PUSHED] = Some(address.into());
        self
    }
    /// The client's secret. It goes into `Authorization: Basic` unless [`secret_in_body`](Self::secret_in_body) is set, or the
    /// issuer's metadata name that way and not this one.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secret = Some(secret.into());
        self
    }
    /// Sends the secret by `Authorization: Basic`, whatever the issuer's metadata name.
    #[must_use]
    pub fn secret_in_header(mut self) -> Self {
        self.auth = Auth::Basic;
        self
    }
    /// Sends the secret in the body, as some platforms want.
    #[must_use]
    pub fn secret_in_body(mut self) -> Self {
        self.auth = Auth::Post;
        self
    }
    /// Shows who the client is by a signature (RFC 7523). `jwk`: a private key as JSON: EC P-256, OKP Ed25519 or RSA,
    /// the latter with `"alg": "PS256"` or else RS256. Needs the feature `crypto`.
    #[must_use]
    pub fn private_key_jwt(mut self, jwk: impl Into<Secret>) -> Self {
        self.auth = Auth::PrivateKeyJwt(jwk.into());
        self
    }
    /// Whom the client's signed assertions are meant for (`aud`), where the issuer wants another name than its own.
    #[must_use]
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.assertion_audience = Some(audience.into());
        self
    }
    /// Scopes, separated by spaces.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into()).filter(|s: &String| !s.trim().is_empty());
        self
    }
    /// What the token is for (RFC 8707). May be given several times.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }
    /// A further parameter of token requests, as some platforms want.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }
    /// A further parameter of authorization requests, `prompt` for example.
    #[must_use]
    pub fn authorize_with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.authorize.push((name.into(), value.into()));
        self
    }
    /// Binds tokens to a key (RFC 9449). Needs the feature `crypto`.
    #[must_use]
    pub fn dpop(mut self) -> Self {
        self.dpop = true;
        self
    }
    /// Pushes authorization requests even if the issuer does not demand it.
    #[must_use]
    pub fn pushed(mut self) -> Self {
        self.pushed = true;
        self
    }
    /// How long a call waits for a token, all attempts together; a minute unless told.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
    /// How long one request may take; 10 s unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    /// Tokens go to these origins alone, `https://api.example` for example.
    #[must_use]
    pub fn origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }
    /// Lets secrets travel over plain HTTP to other machines.
    #[must_use]
    pub fn insecure_http(mut self) -> Self {
        self.insecure_http = true;
        self
    }
    /// How requests to the issuer are sent; reqwest unless told, where that feature is on.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }
    /// The clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
    /// Randomness, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }
    /// Where tokens are kept between processes. Without one they are kept in memory.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }
    /// Is told what happens.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Checks the settings and makes the session. Reads the store, makes no request.
    pub fn build(self) -> Result<Session, Error> {
        let place = self.issuer.clone().or_else(|| self.endpoints[TOKEN].clone()).unwrap_or_default();
        let settings = self.checked(place)?;
        Session::start(settings)
    }

    fn checked(self, place: String) -> Result<Settings, Error> {
        if let Some(wrong) = self.wrong {
            return Err(Error::Misconfigured(wrong));
        }
        let insecure = self.insecure_http;
        let address = |what: &str, text: Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let url =
                Url::parse(&text).map_err(|e| Error::misconfigured(format!("{what} is no address: {e}")))?;
            if !matches!(url.scheme(), "http" | "https") || url.fragment().is_some() {
                return Err(Error::misconfigured(format!("{what} must be an address of http or https")));
            }
            if !insecure && !is_private(&url) {
                return Err(Error::misconfigured(format!(
                    "{what} ({}) is not https: secrets would travel in plain text. `insecure_http` allows it",
                    origin_text(&url)
                )));
            }
            Ok(Some(url))
        };
        let [token, authorization, device, revocation, pushed] = self.endpoints;
        let asks = !matches!(self.grant, Grant::Keys(_) | Grant::Given(..));
        if asks && token.is_none() && self.issuer.is_none() {
            return Err(Error::misconfigured("neither an issuer nor a token endpoint is given"));
        }
        if asks && self.client_id.is_empty() {
            return Err(Error::misconfigured("no client id is given"));
        }
        let given = Endpoints {
            issuer: None,
            token: address("the token endpoint", token)?,
            authorization: address("the authorization endpoint", authorization)?,
            device: address("the device endpoint", device)?,
            revocation: address("the revocation endpoint", revocation)?,
            pushed: address("the endpoint for pushed requests", pushed)?,
            pushed_required: false,
            iss_announced: false,
            secret_in_body: false,
        };
        match &self.grant {
            Grant::Refresh(token) if token.is_empty() => {
                return Err(Error::misconfigured("the refresh token is empty"));
            }
            Grant::Given(token, _) if token.is_empty() => {
                return Err(Error::misconfigured("the access token is empty"));
            }
            Grant::Keys(keys) if keys.is_empty() => return Err(Error::misconfigured("no key is given")),
            _ => {}
        }
        let auth = match (self.auth, self.secret) {
            (Auth::Usual, Some(secret)) => ClientAuth::Usual(secret),
            (Auth::Basic, Some(secret)) => ClientAuth::Basic(secret),
            (Auth::Post, Some(secret)) => ClientAuth::Post(secret),
            (Auth::Usual, None) => ClientAuth::None,
            (Auth::Basic | Auth::Post, None) => {
                return Err(Error::misconfigured("no client secret is given"));
            }
            (Auth::PrivateKeyJwt(jwk), _) => key_auth(&jwk)?,
        };
        if self.dpop && !cfg!(feature = "crypto") {
            return Err(Error::misconfigured("DPoP needs the feature `crypto` of mandate-session"));
        }
        let origins = self.origins.map(|list| {
            let one = |text: String| {
                Url::parse(&text)
                    .map(|url| url.origin())
                    .map_err(|_| Error::misconfigured(format!("`{text}` is no origin")))
            };
            list.into_iter().map(one).collect::<Result<Vec<_>, _>>()
        });
        Ok(Settings {
            assertion_audience: self.assertion_audience,
            issuer: address("the issuer", self.issuer)?,
            place,
            given,
            auth,
            origins: origins.transpose()?,
            transport: match self.transport {
                Some(transport) => transport,
                None => usual_transport()?,
            },
            grant: self.grant,
            client_id: self.client_id,
            scope: self.scope,
            resources: self.resources,
            extra: self.extra,
            authorize: self.authorize,
            dpop: self.dpop,
            pushed: self.pushed,
            patience: self.patience,
            timeout: self.timeout,
            insecure_http: self.insecure_http,
            clock: self.clock,
            random: self.random,
            store: self.store,
            observer: self.observer,
        })
    }
}

#[cfg(feature = "crypto")]
fn key_auth(jwk: &Secret) -> Result<ClientAuth, Error> {
    let key = crate::jwk::SigningKey::read(jwk.expose()).map_err(Error::Misconfigured)?;
    Ok(ClientAuth::PrivateKeyJwt(Arc::new(key)))
}

#[cfg(not(feature = "crypto"))]
fn key_auth(_jwk: &Secret) -> Result<ClientAuth, Error> {
    Err(Error::misconfigured("private_key_jwt needs the feature `crypto` of mandate-session"))
}

#[cfg(feature = "reqwest")]
fn usual_transport() -> Result<Arc<dyn Transport>, Error> {
    crate::over_reqwest::ReqwestTransport::new().map(|t| Arc::new(t) as Arc<dyn Transport>)
}

#[cfg(not(feature = "reqwest"))]
fn usual_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::misconfigured("no transport is given, and the feature `reqwest` of mandate-session is off"))
}
