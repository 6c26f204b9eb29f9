//! Asks the issuer: token requests, and what else goes to its endpoints.

mod discover;
mod send;

use crate::core::answer::Meaning;
use crate::core::state::Reason;
use crate::error::{Error, NeedsLogin};
use crate::inner::Inner;
use crate::observer::Event;
use crate::seams::Millis;
use crate::secret::Secret;
use crate::settings::{Endpoints, Grant};
use std::sync::Arc;
use url::Url;

/// Which endpoint is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Token,
    Authorization,
    Device,
    Revocation,
}

impl Inner {
    /// Asks for a token: by the refresh token, if there is one, else by the grant. Gives also when it was sent.
    pub(crate) async fn ask_for_token(&self, refresh: Option<&Secret>) -> Result<(Meaning, Millis), Error> {
        let mut form = Vec::new();
        match (refresh, &self.settings.grant) {
            (Some(token), _) => {
                push(&mut form, "grant_type", "refresh_token");
                push(&mut form, "refresh_token", token.expose());
            }
            (None, Grant::Password { username, password }) => {
                push(&mut form, "grant_type", "password");
                push(&mut form, "username", username);
                push(&mut form, "password", password.expose());
                self.push_scope(&mut form);
            }
            (None, _) => {
                push(&mut form, "grant_type", "client_credentials");
                self.push_scope(&mut form);
            }
        }
        self.token_request(form).await
    }

    /// A request to the token endpoint: resources and extra parameters are added.
    pub(crate) async fn token_request(&self, mut form: Form) -> Result<(Meaning, Millis), Error> {
        for resource in &self.settings.resources {
            push(&mut form, "resource", resource);
        }
        form.extend(self.settings.extra.iter().cloned());
        if self.settings.dpop {
            self.have_key()?;
        }
        let endpoint = match self.endpoint(Which::Token).await {
            Ok(endpoint) => endpoint,
            Err(instead) => return self.instead(instead),
        };
        Ok(self.post(&endpoint, form, true).await)
    }

    pub(crate) fn push_scope(&self, form: &mut Form) {
        if let Some(scope) = &self.settings.scope {
            push(form, "scope", scope);
        }
    }

    /// What came instead of an endpoint, as what a request would have come to.
    fn instead(&self, instead: NoEndpoint) -> Result<(Meaning, Millis), Error> {
        match instead {
            NoEndpoint::Passing { what, asked, garbage } => {
                Ok((Meaning::Passing { what, asked, lost: false, garbage }, self.now()))
            }
            NoEndpoint::Never(needs) => {
                let now = self.now();
                self.with(|m| m.block((*needs).clone(), now));
                self.tell(&Event::NeedsLogin(needs.clone()));
                Err(Error::NeedsLogin(needs))
            }
        }
    }

    /// One of the issuer's endpoints: as given, else as its metadata say.
    pub(crate) async fn endpoint(&self, which: Which) -> Result<Url, NoEndpoint> {
        let pick = |endpoints: &Endpoints| match which {
            Which::Token => endpoints.token.clone(),
            Which::Authorization => endpoints.authorization.clone(),
            Which::Device => endpoints.device.clone(),
            Which::Revocation => endpoints.revocation.clone(),
        };
        if let Some(url) = pick(&self.settings.given) {
            return Ok(url);
        }
        let found = self.discovered().await?;
        pick(&found)
            .ok_or_else(|| NoEndpoint::never(format!("the issuer names no endpoint for this ({which:?})")))
    }

    /// The key that tokens are bound to; made at first need.
    fn have_key(&self) -> Result<(), Error> {
        let has_one = self.with(|m| {
            if m.key.is_none() {
                m.key = crate::dpop::Key::generate().map(Arc::new);
            }
            m.key.is_some()
        });
        if has_one { Ok(()) } else { Err(Error::misconfigured("no key for DPoP could be made")) }
    }
}

/// Why there is no endpoint.
#[derive(Debug)]
pub(crate) enum NoEndpoint {
    /// In passing: as a request for a token would have failed.
    Passing { what: String, asked: Option<Millis>, garbage: bool },
    /// For good.
    Never(Box<NeedsLogin>),
}

impl NoEndpoint {
    pub(crate) fn never(why: impl Into<String>) -> Self {
        Self::Never(Box::new(NeedsLogin::with_detail(Reason::ClientRefused, why)))
    }
}

/// Parameters in order.
pub(crate) type Form = Vec<(String, String)>;

pub(crate) fn push(form: &mut Form, name: &str, value: &str) {
    form.push((name.to_owned(), value.to_owned()));
}
