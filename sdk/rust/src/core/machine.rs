//! What a session holds, and what follows from it.

use crate::core::backoff;
use crate::core::held::Held;
use crate::core::state::{Reason, State};
use crate::core::windows::{Windows, windows};
use crate::dpop::Key;
use crate::error::{NeedsLogin, Unavailable};
use crate::seams::Millis;
use crate::secret::Secret;
use crate::settings::Grant;
use crate::store::Record;
use std::sync::Arc;

/// A client that was refused is tried again after this.
const MENDED_AFTER: Millis = 60_000;
/// Milliseconds between two looks, by callers that have a good token, at a lock that another process holds.
pub(crate) const BUSY: Millis = 100;

/// Everything that is held.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five facts that do not exclude each other")]
pub(crate) struct Machine {
    pub(crate) held: Option<Arc<Held>>,
    pub(crate) refresh: Option<Secret>,
    /// An answer to `refresh` was lost.
    pub(crate) lost: bool,
    /// Answers in a row that could not be read.
    pub(crate) garbage: u32,
    failures: u32,
    not_before: Option<Millis>,
    /// When the last attempt failed.
    failed_at: Option<Millis>,
    /// Another process renews: until then nobody looks whether it has ended.
    pub(crate) look_again_at: Millis,
    why: String,
    blocked: Option<(Box<NeedsLogin>, Millis)>,
    /// The token that an API refused last: not taken back from a store.
    refused: Option<Secret>,
    /// The refresh token that the issuer refused last.
    dead: Option<Secret>,
    pub(crate) skew: Millis,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) closed: bool,
    /// There has been a token that a person had signed in for.
    had: bool,
    /// What is held differs from what is stored, because that could not be written.
    unsaved: bool,
    stored: Record,
    /// Which refresh token was given.
    seed: Option<String>,
}

/// What a caller is to do.
#[derive(Debug)]
pub(crate) enum Need {
    /// Send this.
    Use(Arc<Held>),
    /// Renew, once; send this if that fails.
    Early(Arc<Held>),
    /// Renew first.
    Must,
    /// Nothing can help but what this says.
    Blocked(Box<NeedsLogin>),
    /// It is closed.
    Closed,
}

impl Machine {
    /// At the start, before the store was read.
    pub(crate) fn new(grant: &Grant) -> Option<Self> {
        let mut machine = Self::default();
        match grant {
            Grant::Refresh(token) => {
                machine.seed = Some(seed(token));
                machine.refresh = Some(token.clone());
            }
            Grant::Keys(keys) => machine.held = Some(Arc::new(Held::keys(keys))),
            Grant::Given(token, ends_at) => {
                let windows = Windows { ends_at: *ends_at, renew_at: *ends_at, usable_until: *ends_at };
                machine.held = Some(Arc::new(Held::token(token.clone(), None, None, 0, windows)?));
            }
            _ => {}
        }
        Some(machine)
    }

    /// Whether the program can have a new token by itself.
    pub(crate) fn can_renew(&self, grant: &Grant) -> bool {
        self.refresh.is_some() || grant.is_had_anew()
    }

    /// What a caller is to do now.
    pub(crate) fn need(&self, grant: &Grant, now: Millis) -> Need {
        if self.closed {
            return Need::Closed;
        }
        let is_blocked = self
            .blocked
            .as_ref()
            .filter(|(needs, at)| needs.reason != Reason::ClientRefused || now < at + MENDED_AFTER);
        if let Some(held) = self.held.as_ref().filter(|held| held.is_good(now)) {
            let waits = is_blocked.is_some() || self.not_before(now).is_some();
            let is_busy = (1..=BUSY).contains(&(self.look_again_at - now));
            let early = held.is_early(now) && self.can_renew(grant) && !waits && !is_busy;
            return if early { Need::Early(Arc::clone(held)) } else { Need::Use(Arc::clone(held)) };
        }
        match is_blocked {
            Some((needs, _)) => Need::Blocked(needs.clone()),
            None if self.can_renew(grant) => Need::Must,
            None => Need::Blocked(Box::new(self.ended(grant))),
        }
    }

    /// Why there is no token although nothing was refused.
    fn ended(&self, grant: &Grant) -> NeedsLogin {
        NeedsLogin::because(match grant {
            Grant::Given(..) | Grant::Keys(_) => Reason::KeyRefused,
            _ if self.had => Reason::GrantEnded,
            _ => Reason::NeverSignedIn,
        })
    }

    /// How it stands.
    pub(crate) fn state(&self, grant: &Grant, now: Millis) -> State {
        if self.closed {
            return State::Closed;
        }
        if let Some(held) = self.held.as_ref().filter(|held| held.is_good(now)) {
            return State::Live { ends_at: held.windows.ends_at };
        }
        if let Some((needs, _)) = &self.blocked {
            return State::NeedsLogin(needs.clone());
        }
        if !self.can_renew(grant) {
            return State::NeedsLogin(Box::new(self.ended(grant)));
        }
        match self.not_before(now) {
            Some(until) => State::Waiting { until, reason: self.why.clone() },
            None => State::Idle,
        }
    }

    /// No request before this, if that is still to come. Nobody waits longer than an hour; what says otherwise, or was
    /// said later than now, was said before the clock was put back.
    pub(crate) fn not_before(&self, now: Millis) -> Option<Millis> {
        let is_put_back = self.failed_at.is_some_and(|at| now < at);
        self.not_before.filter(|at| now < *at && *at <= now + backoff::LONGEST && !is_put_back)
    }

    /// The error of a call that cannot wait as long as it would have to.
    pub(crate) fn unavailable(&self, now: Millis) -> Unavailable {
        let retry_at = self.not_before(now).unwrap_or(now);
        let reason = if self.why.is_empty() { "an attempt failed".to_owned() } else { self.why.clone() };
        Unavailable { reason, retry_at, retry_in: retry_at - now, origin: None }
    }

    /// An attempt failed in passing. `asked`: what the issuer asked for, in milliseconds. Gives when it may be tried again.
    pub(crate) fn failed(&mut self, why: &str, asked: Option<Millis>, now: Millis, u: f64) -> Millis {
        let retry_at = now + backoff::wait(self.failures, asked, u);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(retry_at);
        self.failed_at = Some(now);
        why.clone_into(&mut self.why);
        retry_at
    }

    /// Nothing can help until somebody acts.
    pub(crate) fn block(&mut self, needs: NeedsLogin, now: Millis) {
        self.blocked = Some((Box::new(needs), now));
    }

    /// Whether somebody must act.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// The token is known to be dead.
    pub(crate) fn refuse(&mut self, token: &Secret) {
        if self.held.as_ref().is_some_and(|held| held.token == *token) {
            self.held = None;
        }
        self.refused = Some(token.clone());
    }

    /// The refresh token is known to be dead.
    pub(crate) fn bury_refresh(&mut self) {
        self.had = true;
        self.dead = self.refresh.take();
        self.lost = false;
    }

    /// Forgets all that is secret.
    pub(crate) fn forget(&mut self) {
        self.held = None;
        self.refresh = None;
    }

    /// A token came. `granted` without a refresh token: the old one stays.
    pub(crate) fn granted(&mut self, new: New, grant: &Grant, u: f64) -> bool {
        let renewable = new.refresh.is_some() || self.can_renew(grant);
        let windows = windows(new.sent, new.lifetime, new.refresh_in, u, renewable);
        let Some(held) = Held::token(new.token, new.key, new.scope, new.sent, windows) else { return false };
        self.held = Some(Arc::new(held));
        if let Some(refresh) = new.refresh {
            self.refresh = Some(refresh);
        }
        self.lost = false;
        self.had = true;
        self.calm();
        true
    }

    fn calm(&mut self) {
        self.garbage = 0;
        self.failures = 0;
        self.not_before = None;
        self.failed_at = None;
        self.why.clear();
        self.blocked = None;
    }

    /// Takes over what another process stored. Says whether that brought a good token that differs from the one held.
    pub(crate) fn adopt(&mut self, record: &Record, now: Millis) -> bool {
        let nothing_new = self.unsaved && record.generation == self.stored.generation;
        let before = std::mem::replace(&mut self.stored, record.clone());
        if nothing_new || self.closed || self.is_of_another_seed(record) {
            return false;
        }
        self.unsaved = false;
        if record.seed.is_some() {
            self.seed.clone_from(&record.seed);
        }
        if let Some(jwk) = &record.dpop_jwk
            && self.key.as_ref().is_none_or(|key| key.stored() != *jwk)
            && let Some(key) = Key::restored(jwk.expose())
        {
            self.key = Some(Arc::new(key));
        }
        self.skew = record.skew_ms;
        self.failures = record.failures;
        self.not_before = record.not_before;
        self.failed_at = None;
        if let Some(refresh) = record.refresh_token.as_ref().filter(|r| Some(*r) != self.dead.as_ref()) {
            if self.refresh.as_ref() != Some(refresh) {
                self.blocked = None;
            }
            self.refresh = Some(refresh.clone());
            self.lost = record.lost;
            self.had = true;
        }
        let was_stored = before.refresh_token.is_some() && before.refresh_token == self.refresh;
        let was_given = self.seed.is_some() && !self.had;
        if record.refresh_token.is_none() && (was_stored || was_given) {
            // Another process learned that it is dead.
            self.bury_refresh();
        }
        let differs = |token: &Secret| {
            self.held.as_ref().is_none_or(|held| held.token != *token) && self.refused.as_ref() != Some(token)
        };
        let Some(token) = record.access_token.as_ref().filter(|t| differs(t) && record.is_good(now)) else {
            return false;
        };
        let bound = record.token_type.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("dpop"));
        if bound && self.key.is_none() {
            return false;
        }
        let windows =
            Windows { ends_at: record.ends_at, renew_at: record.renew_at, usable_until: record.usable_until };
        let key = self.key.clone().filter(|_| bound);
        let sent = record.sent_at.unwrap_or(now);
        let Some(held) = Held::token(token.clone(), key, record.scope.clone(), sent, windows) else {
            return false;
        };
        self.held = Some(Arc::new(held));
        self.had = true;
        self.calm();
        true
    }

    /// Whether the file began with another refresh token than the one that was given to this process, which has not
    /// used it yet: a person replaced it.
    fn is_of_another_seed(&self, record: &Record) -> bool {
        !self.had && self.seed.is_some() && record.seed.is_some() && record.seed != self.seed
    }

    /// Whether `adopt` would bring a token.
    pub(crate) fn would_adopt(&self, record: &Record, now: Millis) -> bool {
        if self.is_of_another_seed(record) {
            return false;
        }
        let token = record.access_token.as_ref();
        let differs = token.is_some_and(|t| {
            self.held.as_ref().is_none_or(|held| held.token != *t) && self.refused.as_ref() != Some(t)
        });
        differs && record.is_good(now) && !(self.unsaved && record.generation == self.stored.generation)
    }

    /// What is to be stored now.
    pub(crate) fn record(&self, owner: &str) -> Record {
        let held = self.held.as_deref();
        let windows = held.map(|h| h.windows).unwrap_or_default();
        Record {
            owner: owner.to_owned(),
            generation: self.stored.generation + 1,
            access_token: held.map(|h| h.token.clone()),
            token_type: held.map(|h| if h.key.is_some() { "DPoP" } else { "Bearer" }.to_owned()),
            scope: held.and_then(|h| h.scope.clone()),
            sent_at: held.map(|h| h.sent_at),
            ends_at: windows.ends_at,
            renew_at: windows.renew_at,
            usable_until: windows.usable_until,
            refresh_token: self.refresh.clone(),
            lost: self.lost,
            failures: self.failures,
            not_before: self.not_before,
            skew_ms: self.skew,
            dpop_jwk: self.key.as_ref().map(|key| key.stored()),
            seed: self.seed.clone(),
            other: self.stored.other.clone(),
        }
    }

    /// What is held was written, or could not be.
    pub(crate) fn saved(&mut self, record: Record, is_saved: bool) {
        self.unsaved = !is_saved;
        if is_saved {
            self.stored = record;
        }
    }

    /// What is stored, without taking it over.
    pub(crate) fn note(&mut self, record: Record) {
        self.stored = record;
    }

    /// The store holds nothing that can be read: what is held, if anything, is not there.
    pub(crate) fn store_is_empty(&mut self) {
        self.stored = Record::default();
    }
}

/// A token that came, with what belongs to it.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) token: Secret,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) refresh: Option<Secret>,
    pub(crate) scope: Option<String>,
    pub(crate) sent: Millis,
    pub(crate) lifetime: Option<u64>,
    pub(crate) refresh_in: Option<u64>,
}

fn seed(given: &Secret) -> String {
    use sha2::Digest as _;
    crate::encoding::hex(&sha2::Sha256::digest(given.expose().as_bytes())[..8])
}
