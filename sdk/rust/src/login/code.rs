//! The authorization code grant with PKCE (RFC 6749 section 4.1, RFC 7636).

use super::Attempts;
use crate::ask::{Form, Which, push};
use crate::core::answer::Meaning;
use crate::core::state::Reason;
use crate::encoding::base64url;
use crate::error::Error;
use crate::flight::final_reason;
use crate::inner::locked;
use crate::refusal::Refusal;
use crate::seams::random_text;
use crate::secret::Secret;
use crate::session::Session;
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;
use url::Url;

/// A sign-in that waits for the browser to come back.
pub struct CodeLogin {
    session: Session,
    address: Url,
    redirect_uri: String,
    state: Secret,
    verifier: Secret,
}

impl fmt::Debug for CodeLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeLogin").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

impl Session {
    /// Begins a sign-in by browser that comes back to `redirect_uri`.
    pub async fn login_by_code(&self, redirect_uri: &str) -> Result<CodeLogin, Error> {
        let inner = &self.inner;
        if inner.with(|m| m.closed) {
            return Err(Error::Closed);
        }
        let mut address = inner.patient_endpoint(Which::Authorization).await?;
        let (state, verifier) =
            (random_text(&*inner.settings.random, 32), random_text(&*inner.settings.random, 32));
        let mut form = Form::new();
        push(&mut form, "response_type", "code");
        push(&mut form, "redirect_uri", redirect_uri);
        push(&mut form, "state", &state);
        push(&mut form, "code_challenge", &base64url(&Sha256::digest(verifier.as_bytes())));
        push(&mut form, "code_challenge_method", "S256");
        inner.push_scope(&mut form);
        for resource in &inner.settings.resources {
            push(&mut form, "resource", resource);
        }
        form.extend(inner.settings.authorize.iter().cloned());
        let id = &inner.settings.client_id;
        let found = locked(&inner.endpoints).clone();
        let is_demanded = found.as_ref().is_some_and(|e| e.pushed_required);
        let pushed_endpoint =
            inner.settings.given.pushed.clone().or_else(|| found.and_then(|e| e.pushed.clone()));
        match pushed_endpoint.filter(|_| inner.settings.pushed || is_demanded) {
            Some(endpoint) => {
                push(&mut form, "client_id", id);
                let answer = inner.post_for_json(&endpoint, form).await?;
                let reference = answer.get("request_uri").and_then(|v| v.as_str());
                let reference = reference
                    .ok_or_else(|| Error::Protocol("the pushed request got no `request_uri`".to_owned()))?;
                address.query_pairs_mut().append_pair("client_id", id).append_pair("request_uri", reference);
            }
            None if inner.settings.pushed => {
                return Err(Error::misconfigured("the issuer has no endpoint for pushed requests"));
            }
            None => {
                address.query_pairs_mut().append_pair("client_id", id).extend_pairs(&form);
            }
        }
        Ok(CodeLogin {
            session: self.clone(),
            address,
            redirect_uri: redirect_uri.to_owned(),
            state: state.into(),
            verifier: verifier.into(),
        })
    }
}

impl CodeLogin {
    /// The address to open in a browser.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Whether the browser brought this sign-in's state. In constant time.
    pub(super) fn is_ours(&self, callback: &Url) -> bool {
        let state = one(callback, "state").unwrap_or_default();
        state.as_bytes().ct_eq(self.state.expose().as_bytes()).into()
    }

    /// Takes the address at which the browser came back, and redeems its code.
    pub async fn finish(self, callback: &Url) -> Result<(), Error> {
        let inner = &self.session.inner;
        if !self.is_ours(callback) {
            return Err(inner.denied("the browser came back with the state of another sign-in", false));
        }
        let known = locked(&inner.endpoints).clone();
        let named = one(callback, "iss");
        if let Some(known) = known {
            let is_right = match &named {
                Some(named) => Some(named) == known.issuer.as_ref(),
                None => !known.iss_announced,
            };
            if !is_right {
                return Err(inner.denied("the browser came back from another issuer (RFC 9207)", false));
            }
        }
        if let Some(error) = one(callback, "error") {
            let refusal = Refusal {
                status: 400,
                description: one(callback, "error_description").map(|d| crate::encoding::tame(&d, 300)),
                error_uri: one(callback, "error_uri"),
                error: Some(error),
                ..Refusal::default()
            };
            return Err(inner.refused(final_reason(&refusal), &refusal).into());
        }
        let Some(code) = one(callback, "code") else {
            return Err(Error::Protocol("the browser came back without a code".to_owned()));
        };
        self.redeem(&code).await
    }

    /// RFC 6749 section 4.1.3. A code whose answer was lost is sent again.
    async fn redeem(&self, code: &str) -> Result<(), Error> {
        let inner = &self.session.inner;
        let mut attempts = Attempts::new(inner);
        loop {
            let mut form = Form::new();
            push(&mut form, "grant_type", "authorization_code");
            push(&mut form, "code", code);
            push(&mut form, "redirect_uri", &self.redirect_uri);
            push(&mut form, "code_verifier", self.verifier.expose());
            let (meaning, sent) = inner.token_request(form).await?;
            match meaning {
                Meaning::Granted(granted) => return inner.signed_in(granted, sent).await,
                Meaning::Passing { what, asked, .. } => attempts.failed(inner, what, asked).await?,
                Meaning::Refused(refusal) => {
                    // A code that is refused is as good as none: whoever signs in begins anew.
                    let reason = match refusal.error.as_deref() {
                        Some("invalid_grant") => Reason::Denied,
                        _ => final_reason(&refusal),
                    };
                    return Err(inner.refused(reason, &refusal).into());
                }
                Meaning::Nonce => {
                    return Err(inner.refused(Reason::ClientRefused, &Refusal::nonces()).into());
                }
            }
        }
    }
}

/// A parameter that is there once. Twice is as bad as never.
fn one(callback: &Url, name: &str) -> Option<String> {
    let mut found = callback.query_pairs().filter(|(n, _)| n == name).map(|(_, v)| v.into_owned());
    let value = found.next()?;
    found.next().is_none().then_some(value)
}
