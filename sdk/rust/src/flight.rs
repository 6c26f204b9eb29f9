//! One renewal at a time, whoever waits for it. It runs in a task of its own: a caller that goes away takes nothing
//! with it, and a task that dies with its runtime is replaced by the next caller's.

use crate::core::answer::{Granted, Meaning};
use crate::core::machine::{BUSY, Need, New};
use crate::core::state::Reason;
use crate::error::{Error, NeedsLogin};
use crate::inner::{Inner, blocking, locked};
use crate::observer::Event;
use crate::refusal::Refusal;
use crate::seams::Millis;
use crate::store::{Lease, Locked, Stored};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Answers in a row that cannot be read, after which a call gives up.
const MOST_GARBAGE: u32 = 3;

/// Why it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The token is still good: a single attempt.
    Early,
    /// There is none: attempts until patience is over.
    Must,
}

/// A renewal under way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    result: watch::Receiver<Option<Result<(), Error>>>,
}

impl Flight {
    fn is_under_way(&self) -> bool {
        // An error says that the task is gone without a result.
        self.result.has_changed().is_ok() && self.result.borrow().is_none()
    }
    /// Its result; none if it died.
    pub(crate) async fn landed(mut self) -> Option<Result<(), Error>> {
        self.result.wait_for(Option::is_some).await.ok().and_then(|result| result.clone())
    }
}

enum Step {
    Done,
    Again,
}

impl Inner {
    /// Joins the renewal that is under way, or begins one. An early one that is under way is not waited for by those
    /// who have a token.
    pub(crate) async fn renew(self: &Arc<Self>, kind: Kind) -> Result<(), Error> {
        let flight = {
            let mut slot = locked(&self.flight);
            match slot.as_ref().filter(|flight| flight.is_under_way()) {
                Some(_) if kind == Kind::Early => return Ok(()),
                Some(flight) => flight.clone(),
                None => {
                    let runtime = tokio::runtime::Handle::try_current()
                        .map_err(|_| Error::misconfigured("a session renews inside a tokio runtime"))?;
                    let (sender, result) = watch::channel(None);
                    let me = Arc::clone(self);
                    runtime.spawn(async move {
                        let done = me.fly(kind).await;
                        let _nobody_waits = sender.send(Some(done));
                    });
                    slot.insert(Flight { result }).clone()
                }
            }
        };
        // One that died is no answer: the caller looks again.
        flight.landed().await.unwrap_or(Ok(()))
    }

    async fn fly(self: &Arc<Self>, kind: Kind) -> Result<(), Error> {
        let deadline = self.now() + millis(self.settings.patience);
        loop {
            match (self.need(), kind) {
                (Need::Closed, _) => return Err(Error::Closed),
                (Need::Blocked(needs), _) => return Err(Error::NeedsLogin(needs)),
                (Need::Use(_), _) | (Need::Early(_), Kind::Must) | (Need::Must, Kind::Early) => return Ok(()),
                (Need::Early(_), Kind::Early) | (Need::Must, Kind::Must) => {}
            }
            let now = self.now();
            if let Some(at) = self.with(|m| m.not_before(now)) {
                if at > deadline {
                    return Err(Error::Unavailable(self.with(|m| m.unavailable(now))));
                }
                self.settings.clock.sleep(Duration::from_millis(u64::try_from(at - now).unwrap_or(0))).await;
                continue;
            }
            match self.step(kind).await? {
                Step::Again if kind == Kind::Must => {}
                Step::Again | Step::Done => return Ok(()),
            }
        }
    }

    /// Section 5: the lock, the store, one request, the store, the lock.
    async fn step(self: &Arc<Self>, kind: Kind) -> Result<Step, Error> {
        let mut lease = None;
        if self.store().is_some() {
            match self.take_lock(kind).await? {
                Some(Locked::Held(taken)) => lease = Some(taken),
                Some(Locked::Seen(record)) => {
                    return Ok(if self.take_stored(&Stored::Record(record))? {
                        self.tell(&Event::TakenFromStore);
                        Step::Done
                    } else {
                        Step::Again
                    });
                }
                Some(Locked::TimedOut) if kind == Kind::Early => {
                    let now = self.now();
                    self.with(|m| m.look_again_at = now + BUSY);
                    return Ok(Step::Done);
                }
                Some(Locked::TimedOut) => {
                    let now = self.now();
                    let mut unavailable = self.with(|m| m.unavailable(now));
                    "another process has been renewing for too long".clone_into(&mut unavailable.reason);
                    return Err(Error::Unavailable(unavailable));
                }
                None => {}
            }
        }
        let done = self.step_locked(kind, &mut lease).await;
        if let Some(lease) = lease {
            blocking(move || drop(lease)).await;
        }
        done
    }

    async fn step_locked(
        self: &Arc<Self>,
        kind: Kind,
        lease: &mut Option<Box<dyn Lease>>,
    ) -> Result<Step, Error> {
        if lease.is_some() {
            if self.read_under_lock(lease).await? {
                self.tell(&Event::TakenFromStore);
                return Ok(Step::Done);
            }
            let now = self.now();
            // What was read may say that there is nothing to do, or nothing that can be done.
            let is_needed = matches!(self.need(), Need::Must | Need::Early(_));
            if !is_needed || self.with(|m| m.not_before(now)).is_some() {
                return Ok(Step::Again);
            }
        }
        self.attempt(kind, lease).await
    }

    async fn attempt(
        self: &Arc<Self>,
        kind: Kind,
        lease: &mut Option<Box<dyn Lease>>,
    ) -> Result<Step, Error> {
        let mut has_reread = false;
        loop {
            let refresh = self.with(|m| m.refresh.clone());
            let (meaning, sent) = self.ask_for_token(refresh.as_ref()).await?;
            match meaning {
                Meaning::Granted(granted) => {
                    let ends_at = self.granted(granted, sent)?;
                    self.keep(lease).await;
                    self.tell(&Event::Renewed { ends_at, early: kind == Kind::Early });
                    return Ok(Step::Done);
                }
                Meaning::Passing { what, asked, lost, garbage } => {
                    let (now, u) = (self.now(), self.settings.random.unit());
                    let (retry_at, is_enough) = self.with(|m| {
                        m.lost |= lost && refresh.is_some();
                        m.garbage = if garbage { m.garbage + 1 } else { 0 };
                        let is_enough = m.garbage >= MOST_GARBAGE;
                        if is_enough {
                            m.garbage = 0;
                        }
                        (m.failed(&what, asked, now, u), is_enough)
                    });
                    self.keep(lease).await;
                    self.tell(&Event::Failed { reason: what, retry_at });
                    if is_enough {
                        return Err(Error::Unavailable(self.with(|m| m.unavailable(now))));
                    }
                    return Ok(Step::Again);
                }
                Meaning::Nonce => return Err(self.refused(Reason::ClientRefused, &Refusal::nonces()).into()),
                Meaning::Refused(refusal) => {
                    let is_dead = refresh.is_some() && refusal.error.as_deref() == Some("invalid_grant");
                    if !is_dead {
                        return Err(self.refused(reason_unasked(&refusal), &refusal).into());
                    }
                    if !has_reread && lease.is_some() {
                        has_reread = true;
                        if self.read_under_lock(lease).await? {
                            self.tell(&Event::TakenFromStore);
                            return Ok(Step::Done);
                        }
                        if self.with(|m| m.refresh != refresh) {
                            continue;
                        }
                    }
                    if refusal.is_displaced() {
                        return Err(self.refused(Reason::Displaced, &refusal).into());
                    }
                    let lost = self.with(|m| std::mem::take(&mut m.lost));
                    self.with(crate::core::machine::Machine::bury_refresh);
                    if self.settings.grant.is_had_anew() {
                        continue;
                    }
                    let reason = if lost { Reason::RefreshLost } else { Reason::GrantEnded };
                    let needs = self.refused(reason, &refusal);
                    self.keep(lease).await;
                    return Err(needs.into());
                }
            }
        }
    }

    /// Remembers that somebody must act, and says so.
    pub(crate) fn refused(&self, reason: Reason, refusal: &Refusal) -> NeedsLogin {
        let needs = NeedsLogin::explained(reason, refusal);
        let now = self.now();
        self.with(|m| m.block(needs.clone(), now));
        self.tell(&Event::NeedsLogin(Box::new(needs.clone())));
        needs
    }

    /// Holds a token that came. Gives its end.
    pub(crate) fn granted(&self, granted: Granted, sent: Millis) -> Result<Option<Millis>, Error> {
        let settings = &self.settings;
        let wanted = if settings.dpop { "DPoP" } else { "Bearer" };
        let came = granted.token_type.as_deref().unwrap_or("Bearer");
        if !came.eq_ignore_ascii_case(wanted) {
            let downgraded = if settings.dpop { "downgraded: " } else { "" };
            let detail =
                format!("{downgraded}a token of type {wanted} was asked for, and one of type {came} came");
            let needs = NeedsLogin::with_detail(Reason::ClientRefused, detail);
            let now = self.now();
            self.with(|m| m.block(needs.clone(), now));
            self.tell(&Event::NeedsLogin(Box::new(needs.clone())));
            return Err(needs.into());
        }
        let u = settings.random.unit();
        let is_held = self.with(|m| {
            let new = New {
                token: granted.token,
                key: m.key.clone().filter(|_| settings.dpop),
                refresh: granted.refresh,
                scope: granted.scope.or_else(|| settings.scope.clone()),
                sent,
                lifetime: granted.lifetime,
                refresh_in: granted.refresh_in,
            };
            m.granted(new, &settings.grant, u).then(|| m.held.as_ref().and_then(|h| h.windows.ends_at))
        });
        is_held.ok_or_else(|| {
            NeedsLogin::with_detail(
                Reason::ClientRefused,
                "the token that came holds characters that no header can",
            )
            .into()
        })
    }
}

/// What a final refusal of a token request means that no person is waiting for: nobody can have said no to it.
fn reason_unasked(refusal: &Refusal) -> Reason {
    if refusal.is_displaced() { Reason::Displaced } else { Reason::ClientRefused }
}

/// What a final refusal means while a person signs in.
pub(crate) fn final_reason(refusal: &Refusal) -> Reason {
    match refusal.error.as_deref() {
        _ if refusal.is_displaced() => Reason::Displaced,
        Some("access_denied" | "expired_token") => Reason::Denied,
        _ => Reason::ClientRefused,
    }
}

impl From<NeedsLogin> for Error {
    fn from(needs: NeedsLogin) -> Self {
        Self::NeedsLogin(Box::new(needs))
    }
}

pub(crate) fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX / 4)
}
