//! Whether an authorization request may be put before the owner (RFC 6749 section 4.1.1).

use super::claims::ClaimsWish;
use super::response_mode::ResponseMode;
use crate::disclosure::{FactName, Subjects};
use crate::model::Client;
use crate::platform::{Dialect, Snapshot};
use crate::policy::{client_fault, demand_usable, developer};
use crate::refusal::Refusal;
use crate::{Cause, EnvironmentId, Scope, ScopeSet, Timestamp, must};

/// The parameters of an authorization request, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthorizeRequest<'a> {
    /// `client_id`
    pub client_id: Option<&'a str>,
    /// `redirect_uri`
    pub redirect_uri: Option<&'a str>,
    /// `response_type`
    pub response_type: Option<&'a str>,
    /// `scope`; none: reading the account.
    pub scope: Option<&'a str>,
    /// `env`; none: every environment of the platform.
    pub env: Option<&'a str>,
    /// `code_challenge` (RFC 7636 section 4.3); not demanded here, enforced when sent.
    pub code_challenge: Option<&'a str>,
    /// `code_challenge_method`; only `S256`.
    pub code_challenge_method: Option<&'a str>,
    /// `response_mode`.
    pub response_mode: Option<&'a str>,
    /// `prompt` (OpenID Connect Core section 3.1.2.1).
    pub prompt: Option<&'a str>,
    /// `max_age`, in seconds.
    pub max_age: Option<&'a str>,
    /// `resource` (RFC 8707 section 2.1).
    pub resource: Option<&'a str>,
    /// `dpop_jkt` (RFC 9449 section 10).
    pub dpop_jkt: Option<&'a str>,
    /// `claims` (OpenID Connect Core section 5.5), or why it cannot be read.
    pub claims: Option<Result<&'a ClaimsWish, &'static str>>,
    /// Whether the client pushed it (RFC 9126).
    pub pushed: bool,
    /// Whether the client signed it (RFC 9101).
    pub signed: bool,
}

/// Which pages the app wants the person to see (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// None at all.
    pub none: bool,
    /// Sign-in, also when signed in.
    pub login: bool,
    /// Consent, also when given.
    pub consent: bool,
}

/// What may be asked of the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizable {
    /// Where the answer goes: registered for the client, as it was sent.
    pub redirect_uri: Box<str>,
    /// What is asked for.
    pub scopes: ScopeSet,
    /// Where, in the platform's order; at least one.
    pub environments: Vec<EnvironmentId>,
    /// The S256 challenge that the code will be bound to.
    pub challenge: Option<Box<str>>,
    /// Which pages are wanted.
    pub prompt: Prompt,
    /// The person must have signed in at most so many seconds ago.
    pub max_age_s: Option<i64>,
    /// How the answer goes back.
    pub mode: ResponseMode,
}

impl Authorizable {
    /// What a device may ask of the owner (RFC 8628 section 3.3): there is nobody to redirect to.
    ///
    /// # Errors
    /// The client may not be used now, or lost a scope.
    pub fn on_device(
        client: &Client,
        scopes: ScopeSet,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Self, Box<Refusal>> {
        demand_usable(client, &snapshot.platform.contact, now)?;
        let allowed = client.scopes.intersection(snapshot.known_scopes());
        if !allowed.covers(&scopes) {
            return Err(scope_refused(&scopes.without(&allowed), &allowed));
        }
        Ok(Self {
            redirect_uri: "".into(),
            scopes,
            environments: snapshot.platform.environments.iter().map(|e| e.id.clone()).collect(),
            challenge: None,
            prompt: Prompt::default(),
            max_age_s: None,
            mode: ResponseMode::default(),
        })
    }
}

/// Who is told that the request is refused.
#[derive(Clone, Debug)]
pub enum AuthorizeFault {
    /// The person in front of the page: the redirect URI is not known to be the client's (RFC 6749 section 4.1.2.1).
    InPlace(Box<Refusal>),
    /// The client, at its redirect URI.
    AtClient(Box<Refusal>),
}

impl AuthorizeFault {
    /// The refusal, whoever is told.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::InPlace(refusal) | Self::AtClient(refusal) => refusal,
        }
    }
}

impl AuthorizeRequest<'_> {
    /// RFC 6749 sections 3.1 and 4.1.1, in this order: the client, its state, its redirect URI; and only then what
    /// may be told to it. Pure: no store, no clock. `client` is what stands under `client_id`.
    ///
    /// # Errors
    /// The first thing that is wrong, and who is told.
    pub fn check(
        &self,
        client: Option<&Client>,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Authorizable, AuthorizeFault> {
        let (client, redirect_uri) = self.addressee(client, snapshot, now).map_err(|refusal| {
            if must!("rfc6749-4.1.2.1-in-place") {
                AuthorizeFault::InPlace(refusal)
            } else {
                AuthorizeFault::AtClient(refusal)
            }
        })?;
        self.told(client, snapshot, redirect_uri).map_err(|mut refusal| {
            refusal.subjects = subjects(client);
            AuthorizeFault::AtClient(refusal)
        })
    }

    /// What is checked once it is known to whom the answer goes.
    fn told(
        &self,
        client: &Client,
        snapshot: &Snapshot,
        redirect_uri: &str,
    ) -> Result<Authorizable, Box<Refusal>> {
        let (scopes, environments) = self.wish(client, snapshot)?;
        let challenge = self.challenge(client, snapshot.platform.dialect)?;
        let mode = self.mode(snapshot.platform.dialect, redirect_uri)?;
        let (prompt, max_age_s) = self.manner(client, snapshot)?;
        Ok(Authorizable {
            challenge,
            redirect_uri: redirect_uri.into(),
            scopes: self.with_claims(scopes, client, snapshot)?,
            environments,
            prompt,
            max_age_s,
            mode,
        })
    }

    /// How the answer goes back. Dialects that know one way only ignore what is asked for.
    fn mode(&self, dialect: Dialect, redirect_uri: &str) -> Result<ResponseMode, Box<Refusal>> {
        if !dialect.is_full() {
            return Ok(ResponseMode::default());
        }
        ResponseMode::read(self.response_mode, redirect_uri)
            .map_err(|defect| invalid("response_mode", defect, &ResponseMode::WORDS.join(", ")))
    }

    /// OpenID Connect Core section 5.5: claims that are asked for one by one are asked for as the scopes that hold them,
    /// as far as the app may have those; the rest is left out, essential or not. Only `acr` can fail the request.
    fn with_claims(
        &self,
        scopes: ScopeSet,
        client: &Client,
        snapshot: &Snapshot,
    ) -> Result<ScopeSet, Box<Refusal>> {
        let is_openid = scopes.iter().any(|scope| scope.as_str() == "openid");
        let Some(claims) = self.claims.filter(|_| is_openid && snapshot.platform.dialect.is_full()) else {
            return Ok(scopes);
        };
        let claims = claims.map_err(|defect| invalid("claims", defect, "the object of section 5.5"))?;
        if must!("oidc-5.5.1.1-essential-acr", !claims.acr_is_met()) {
            return Err(Box::new(Refusal::anonymous(Cause::AcrUnmet)));
        }
        let allowed = client.scopes.intersection(snapshot.known_scopes());
        let held = claims.scopes().filter_map(|word| Scope::new(word).ok());
        let held: ScopeSet = held.filter(|scope| allowed.iter().any(|a| a == scope)).collect();
        Ok(scopes.union(&held))
    }

    /// How it came and how the person is to be asked. Dialects that know none of this ignore it.
    fn manner(&self, client: &Client, snapshot: &Snapshot) -> Result<(Prompt, Option<i64>), Box<Refusal>> {
        if !snapshot.platform.dialect.is_full() {
            return Ok((Prompt::default(), None));
        }
        let settings = &client.settings;
        // RFC 9126 section 6, FAPI 2.0 Security Profile section 5.3.2.2
        let must_push = must!("rfc9126-6-client", settings.requires_par)
            || must!("fapi2-5.3.2.2-pushed", settings.profile.is_strict());
        if must_push && !self.pushed {
            return Err(Box::new(Refusal::anonymous(Cause::RequestMustBePushed)));
        }
        // RFC 9101 section 10.5
        if must!("rfc9101-10.5-client", settings.requires_signed_request && !self.signed) {
            return Err(Box::new(
                Refusal::anonymous(Cause::RequestObjectInvalid)
                    .with(FactName::Defect, "this client must sign its requests, and this one came unsigned"),
            ));
        }
        if self.dpop_jkt.is_some_and(|jkt| !is_hash(jkt)) {
            return Err(invalid("dpop_jkt", "it is no thumbprint", "43 characters of base64url"));
        }
        if let Some(resource) = self.resource {
            let mut apis = snapshot.platform.hosts.iter().filter(|host| !host.surface.has_pages());
            if must!("rfc8707-2-unknown", !apis.clone().any(|host| *host.url == *resource)) {
                let known = apis.by_ref().map(|host| host.url.to_string()).collect::<Vec<_>>().join(" or ");
                return Err(Box::new(
                    Refusal::anonymous(Cause::ResourceInvalid)
                        .with(FactName::Received, shortened(resource))
                        .with(FactName::Expected, known),
                ));
            }
        }
        let max_age = match self.max_age.map(str::parse::<u32>) {
            None => None,
            Some(Ok(seconds)) => Some(i64::from(seconds)),
            Some(Err(_)) => return Err(invalid("max_age", "it is no number of seconds", "0 or more")),
        };
        Ok((self.prompt()?, max_age))
    }

    /// OpenID Connect Core section 3.1.2.1: `none` stands alone.
    fn prompt(&self) -> Result<Prompt, Box<Refusal>> {
        let mut prompt = Prompt::default();
        for word in self.prompt.unwrap_or("").split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => {
                    return Err(invalid(
                        "prompt",
                        "one of its words is not known",
                        "none, login, consent or select_account",
                    ));
                }
            }
        }
        if must!("oidc-3.1.2.1-none-alone", prompt.none && (prompt.login || prompt.consent)) {
            return Err(invalid("prompt", "none stands beside another word", "none alone"));
        }
        Ok(prompt)
    }

    /// RFC 7636 section 4.4.1: no method but S256; a challenge of 43 characters.
    fn challenge(&self, client: &Client, dialect: Dialect) -> Result<Option<Box<str>>, Box<Refusal>> {
        let settings = &client.settings;
        // OAuth 2.1: everybody, but those that are registered as unable; on strict profiles nobody is
        let demanded = (dialect.is_full() && !settings.may_omit_pkce)
            || must!("fapi2-5.3.2.2-challenge", settings.profile.is_strict());
        match (self.code_challenge, self.code_challenge_method) {
            // SECURITY R22: who once redeemed with a verifier may not come without
            (None, None) if must!("rfc7636-4.4.1-required", demanded || settings.requires_pkce) => {
                Err(missing("code_challenge"))
            }
            (None, Some(_)) if must!("rfc7636-4.3-challenge") => Err(missing("code_challenge")),
            (None, _) => Ok(None),
            (Some(_), method) if must!("rfc7636-4.4.1-method", method != Some("S256")) => {
                Err(invalid("code_challenge_method", "only S256 is taken", "S256"))
            }
            (Some(challenge), _) => {
                if must!("rfc7636-4.2-challenge", !is_hash(challenge)) {
                    return Err(invalid(
                        "code_challenge",
                        "it is not the S256 hash of a verifier",
                        "43 characters of base64url",
                    ));
                }
                Ok(Some(challenge.into()))
            }
        }
    }

    /// To whom the answer may be sent.
    fn addressee<'c>(
        &self,
        client: Option<&'c Client>,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(&'c Client, &str), Box<Refusal>> {
        if self.client_id.is_none() {
            return Err(missing("client_id"));
        }
        let Some(client) = client else {
            return Err(Box::new(
                Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialUnknown),
            ));
        };
        if must!("rfc6749-4.1.2.1-unauthorized")
            && let Some((cause, since)) = client_fault(client, now)
        {
            return Err(Box::new(
                Refusal::anonymous(cause)
                    .with(FactName::ClientStatus, client.status.as_str())
                    .with(FactName::Since, since)
                    .with(FactName::Contact, &*snapshot.platform.contact)
                    .about(subjects(client)),
            ));
        }
        let redirect_uri = self.redirect_uri.ok_or_else(|| missing("redirect_uri"))?;
        if must!("rfc6749-3.1.2.3-registered", !redirect_is_registered(&client.redirect_uris, redirect_uri)) {
            return Err(Box::new(
                Refusal::anonymous(Cause::RedirectMismatch)
                    .with(FactName::Received, shortened(redirect_uri))
                    .with(FactName::RegisteredRedirects, client.redirect_uris.clone())
                    .about(subjects(client)),
            ));
        }
        Ok((client, redirect_uri))
    }

    /// What is asked for, and where.
    fn wish(
        &self,
        client: &Client,
        snapshot: &Snapshot,
    ) -> Result<(ScopeSet, Vec<EnvironmentId>), Box<Refusal>> {
        match self.response_type {
            None if must!("rfc6749-3.1.1-missing") => return Err(missing("response_type")),
            Some(other) if must!("rfc6749-3.1.1-unknown", other != "code") => {
                return Err(Box::new(
                    Refusal::anonymous(Cause::ResponseTypeUnsupported)
                        .with(FactName::Received, shortened(other))
                        .with(FactName::Expected, "code"),
                ));
            }
            None | Some(_) => {}
        }
        let allowed = client.scopes.intersection(snapshot.known_scopes());
        let scopes = match ScopeSet::parse(self.scope.unwrap_or("")) {
            Ok(scopes) if must!("rfc6749-4.1.2.1-scope", !allowed.covers(&scopes)) => {
                return Err(scope_refused(&scopes.without(&allowed), &allowed));
            }
            Ok(scopes) => scopes,
            Err(_) => return Err(scope_refused(&ScopeSet::default(), &allowed)),
        };
        let known = || snapshot.platform.environments.iter().map(|e| e.id.clone());
        let environments: Vec<EnvironmentId> = match self.env {
            None => known().collect(),
            Some(env) => known().filter(|e| e.as_str() == env).collect(),
        };
        if environments.is_empty() {
            return Err(Box::new(
                Refusal::anonymous(Cause::ParameterInvalid)
                    .with(FactName::Parameter, "env")
                    .with(FactName::Defect, "there is no such environment")
                    .with(FactName::Expected, known().map(|e| e.to_string()).collect::<Vec<_>>()),
            ));
        }
        Ok((scopes, environments))
    }
}

/// Exact comparison (RFC 6749 section 3.1.2.3), but for the port of a loopback address that was registered without
/// one (RFC 8252 section 7.3): native apps take whatever port is free. A fragment is never right (section 3.1.2).
pub fn redirect_is_registered(registered: &[Box<str>], presented: &str) -> bool {
    !must!("rfc6749-3.1.2-fragment", presented.contains('#'))
        && presented.bytes().all(|b| matches!(b, 0x21..=0x7e))
        && registered.iter().any(|r| **r == *presented || is_loopback_with_port(r, presented))
}

fn is_loopback_with_port(registered: &str, presented: &str) -> bool {
    ["http://localhost", "http://127.0.0.1"].into_iter().any(|base| {
        let (Some(rest), Some(tail)) = (registered.strip_prefix(base), presented.strip_prefix(base)) else {
            return false;
        };
        let Some(tail) = tail.strip_prefix(':') else { return false };
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (port, path) = tail.split_at(end);
        let is_port = !port.starts_with('0') && port.parse::<u16>().is_ok();
        matches!(rest.as_bytes().first(), None | Some(b'/' | b'?'))
            && is_port
            && !must!("rfc9700-2.1-loopback", path != rest)
    })
}

/// 32 bytes in base64url.
fn is_hash(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn invalid(parameter: &str, defect: &str, expected: &str) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::ParameterInvalid)
            .with(FactName::Parameter, parameter)
            .with(FactName::Defect, defect)
            .with(FactName::Expected, expected),
    )
}

fn missing(parameter: &'static str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, parameter))
}

fn scope_refused(refused: &ScopeSet, allowed: &ScopeSet) -> Box<Refusal> {
    let received = if refused.is_empty() { "no list of scope words".to_owned() } else { refused.to_string() };
    Box::new(
        Refusal::anonymous(Cause::ScopeInvalid)
            .with(FactName::Received, shortened(&received))
            .with(FactName::ScopesRefused, refused)
            .with(FactName::ScopesAllowed, allowed),
    )
}

fn subjects(client: &Client) -> Subjects {
    Subjects { client_developer: developer(client), ..Subjects::default() }
}

/// At most 200 characters of what a request shows.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
