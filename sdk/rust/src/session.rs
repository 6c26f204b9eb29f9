//! The session as programs see it.

use crate::call::{Authorized, Next};
use crate::core::held::Held;
use crate::core::state::State;
use crate::error::Error;
use crate::inner::Inner;
use crate::refusal::{Refusal, Refused};
use crate::renewals::Renewals;
use crate::seams::Millis;
use crate::secret::Secret;
use crate::settings::Settings;
use http::{HeaderMap, Method, StatusCode};
use std::fmt;
use std::sync::Arc;
use url::Url;

/// Holds the credential of one program at one issuer. Clones share it.
///
/// It never hands out a token that it knows to be dead, never fetches two where one would do, never hangs, and never
/// gives up without saying who can help.
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Session {
    pub(crate) fn start(settings: Settings) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(Inner::start(settings)?) })
    }

    /// How it stands, by what is held and by the clock.
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// A token that is good now, for programs that send it themselves. Fails for keys, which are headers of their own.
    pub async fn token(&self) -> Result<Token, Error> {
        let held = self.inner.obtain().await?;
        if held.token.is_empty() {
            return Err(Error::misconfigured("an API key is no token: `authorize` gives its headers"));
        }
        Ok(Token { held })
    }

    /// The headers of one request. While the token is live this takes no lock, reads no file and makes no request.
    ///
    /// Fails with [`Error::Misconfigured`], before anything is asked, if a token must not be sent there.
    pub async fn authorize(&self, method: &Method, url: &Url) -> Result<Authorized, Error> {
        self.inner.authorize(method, url).await
    }

    /// What to do with the answer to a request that [`authorize`](Self::authorize) was called for. Integrations call it
    /// for each answer; only for a 401 need the body be read before. `repeatable`: the request can be sent again.
    pub async fn answered(
        &self,
        call: &Authorized,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        repeatable: bool,
    ) -> Result<Next, Error> {
        self.inner.answered(call, status, headers, body, repeatable).await
    }

    /// Explains an answer of status 400 or above.
    pub fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Refusal> {
        (status.as_u16() >= 400).then(|| Refusal::read(status.as_u16(), headers, body))
    }

    /// The same as an error.
    pub fn check(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        self.refusal(status, headers, body).map_or(Ok(()), |refusal| Err(refusal.into_error()))
    }

    /// Each token from the one that is good now, for programs that hold a stream open. It renews by itself.
    pub fn renewals(&self) -> Renewals {
        Renewals::of(self)
    }

    /// Ends the session in this process. What is stored stays.
    pub async fn close(&self) {
        self.inner.with(|m| m.closed = true);
        self.inner.settle().await;
        self.inner.with(crate::core::machine::Machine::forget);
    }

    /// Gives the tokens back to the issuer (RFC 7009) and forgets what is stored. An issuer that does not answer is no
    /// reason to keep them.
    pub async fn logout(&self) {
        self.inner.logout().await;
    }
}

/// An access token.
#[derive(Clone)]
pub struct Token {
    held: Arc<Held>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("token", &"[secret]").field("ends_at", &self.ends_at()).finish()
    }
}

impl Token {
    pub(crate) fn of(held: Arc<Held>) -> Self {
        Self { held }
    }
    /// The token.
    pub fn secret(&self) -> &Secret {
        &self.held.token
    }
    /// `Bearer` or `DPoP`.
    pub fn token_type(&self) -> &'static str {
        if self.held.key.is_some() { "DPoP" } else { "Bearer" }
    }
    /// When the issuer ends it, if it said so: milliseconds since 1970.
    pub fn ends_at(&self) -> Option<Millis> {
        self.held.windows.ends_at
    }
    /// When the session renews it.
    pub fn renew_at(&self) -> Option<Millis> {
        self.held.windows.renew_at
    }
    /// Until when the session hands it out.
    pub fn usable_until(&self) -> Option<Millis> {
        self.held.windows.usable_until
    }
    /// Its scope: as granted, or as asked for if the issuer did not say.
    pub fn scope(&self) -> Option<&str> {
        self.held.scope.as_deref()
    }
}
