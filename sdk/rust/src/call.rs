//! Authorized calls, and what their answers mean for the session.

use crate::core::held::Held;
use crate::core::machine::Need;
use crate::core::skew;
use crate::core::state::Reason;
use crate::dpop::About;
use crate::error::Error;
use crate::flight::Kind;
use crate::inner::Inner;
use crate::refusal::Refusal;
use crate::seams::{Millis, random_text};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::sync::Arc;
use url::Url;

/// What one request is to carry.
#[derive(Clone, Debug)]
pub struct Authorized {
    headers: HeaderMap,
    held: Arc<Held>,
    method: Method,
    url: Url,
    made_at: Millis,
    /// By how much the issuer's clock was ahead, as the proof has it.
    skew: Millis,
    /// When the first 401 came that was answered with a renewal.
    renewed_at: Option<Millis>,
    has_set_clock: bool,
    nonces: u32,
}

impl Authorized {
    /// The headers, marked as sensitive.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
    /// Puts them into a request, in place of others of the same names.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}

/// What to do with an answer.
#[derive(Debug)]
pub enum Next {
    /// It is the program's.
    Return,
    /// Send the request once more, with these headers.
    Again(Box<Authorized>),
}

impl Inner {
    pub(crate) async fn authorize(self: &Arc<Self>, method: &Method, url: &Url) -> Result<Authorized, Error> {
        self.settings.admits(url)?;
        let held = self.obtain().await?;
        self.dress(held, method, url)
    }

    fn dress(&self, held: Arc<Held>, method: &Method, url: &Url) -> Result<Authorized, Error> {
        let mut headers = HeaderMap::with_capacity(held.headers.len() + usize::from(held.key.is_some()));
        for (name, value) in &held.headers {
            headers.insert(name.clone(), value.clone());
        }
        let (made_at, mut skew) = (self.now(), 0);
        if let Some(key) = &held.key {
            skew = self.with(|m| m.skew);
            let about = About {
                method: method.as_str(),
                url,
                now: (made_at + skew).div_euclid(1_000),
                jti: random_text(&*self.settings.random, 16),
                nonce: self.nonce_for(url),
                token: Some(&held.token),
            };
            let proof = key.proof(&about).and_then(|proof| HeaderValue::try_from(proof).ok());
            let mut proof = proof.ok_or_else(|| Error::misconfigured("no proof could be signed"))?;
            proof.set_sensitive(true);
            headers.insert("dpop", proof);
        }
        Ok(Authorized {
            headers,
            held,
            method: method.clone(),
            url: url.clone(),
            made_at,
            skew,
            renewed_at: None,
            has_set_clock: false,
            nonces: 0,
        })
    }

    fn again(&self, held: Arc<Held>, call: &Authorized) -> Result<Authorized, Error> {
        let fresh = self.dress(held, &call.method, &call.url)?;
        let (renewed_at, has_set_clock, nonces) = (call.renewed_at, call.has_set_clock, call.nonces);
        Ok(Authorized { renewed_at, has_set_clock, nonces, ..fresh })
    }

    /// Section 6.
    pub(crate) async fn answered(
        self: &Arc<Self>,
        call: &Authorized,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        repeatable: bool,
    ) -> Result<Next, Error> {
        self.keep_nonce(&call.url, headers);
        if status != StatusCode::UNAUTHORIZED {
            self.fresh.taken();
            return Ok(Next::Return);
        }
        let refusal = Refusal::read(status.as_u16(), headers, body);
        if refusal.error.as_deref() == Some("use_dpop_nonce") && call.held.key.is_some() {
            let is_new = headers.contains_key("dpop-nonce") && call.nonces < 2;
            if !is_new || !repeatable {
                return Ok(Next::Return);
            }
            let mut again = self.again(Arc::clone(&call.held), call)?;
            again.nonces += 1;
            return Ok(Next::Again(Box::new(again)));
        }
        if refusal.error.as_deref() == Some("invalid_dpop_proof") && self.clock_was_wrong(call, headers) {
            if call.has_set_clock || !repeatable {
                return Ok(Next::Return);
            }
            let mut again = self.again(Arc::clone(&call.held), call)?;
            again.has_set_clock = true;
            return Ok(Next::Again(Box::new(again)));
        }
        if refusal.is_displaced() {
            self.with(|m| m.refuse(&call.held.token));
            self.refused(Reason::Displaced, &refusal);
            return Ok(Next::Return);
        }
        if !refusal.renewal_may_help() {
            return Ok(Next::Return);
        }
        if !self.with(|m| m.can_renew(&self.settings.grant)) && !self.has_another(call) {
            self.with(|m| m.refuse(&call.held.token));
            self.refused(Reason::KeyRefused, &refusal);
            return Ok(Next::Return);
        }
        let now = self.now();
        if call.renewed_at.is_some_and(|first| !self.says_nothing(call, first, now)) {
            if self.is_still_good(call) {
                self.fresh.refused(&call.held.token, now, self.settings.random.unit());
            }
            return Ok(Next::Return);
        }
        if self.fresh.holds(now) && self.is_still_good(call) {
            return Ok(Next::Return);
        }
        if !self.has_another(call) {
            self.with(|m| m.refuse(&call.held.token));
        }
        let renewed = self.obtain_after_refusal().await;
        if !repeatable {
            // If that failed, the next call will say so.
            return Ok(Next::Return);
        }
        let mut again = match renewed {
            Ok(held) => self.again(held, call)?,
            Err(e) => return Err(e.with_origin(refusal)),
        };
        again.renewed_at = call.renewed_at.or(Some(now));
        Ok(Next::Again(Box::new(again)))
    }

    /// Whether this answer's `Date` explains why the proof's time was refused. What it says is kept.
    fn clock_was_wrong(&self, call: &Authorized, headers: &HeaderMap) -> bool {
        call.held.key.is_some()
            && self
                .measure(headers, call.made_at, self.now())
                .is_some_and(|measured| skew::explains(measured, call.skew))
    }

    /// Whether a repeated call was refused for a reason that says nothing against the next token: its token ended before it
    /// was looked at, or it was asked for before the first refusal came. Then another process or caller had it already,
    /// and what killed the first may have killed it too. Neither can go on: tokens end seldom, and a new one is asked for later.
    fn says_nothing(&self, call: &Authorized, first: Millis, now: Millis) -> bool {
        let patience = Millis::try_from(self.settings.patience.as_millis()).unwrap_or(Millis::MAX);
        let held = &call.held;
        now.saturating_sub(first) < patience && (!held.is_good(now) || held.sent_at < first)
    }

    /// Whether there is a good token by now that is not the one of this call.
    fn has_another(&self, call: &Authorized) -> bool {
        match self.need() {
            Need::Use(held) | Need::Early(held) => held.token != call.held.token,
            _ => false,
        }
    }

    /// Whether the session would send the same token again.
    fn is_still_good(&self, call: &Authorized) -> bool {
        match self.need() {
            Need::Use(held) | Need::Early(held) => held.token == call.held.token,
            _ => false,
        }
    }

    /// A token after one was refused: another that is good, else a renewal that must succeed.
    async fn obtain_after_refusal(self: &Arc<Self>) -> Result<Arc<Held>, Error> {
        match self.need() {
            Need::Use(held) | Need::Early(held) => Ok(held),
            Need::Must => {
                self.renew(Kind::Must).await?;
                self.obtain().await
            }
            _ => self.obtain().await,
        }
    }
}
