//! Tokens for programs that hold a stream open.

use crate::core::machine::Need;
use crate::flight::Kind;
use crate::secret::Secret;
use crate::session::{Session, Token};
use std::time::Duration;

/// Longest sleep between looks: a machine may be asleep meanwhile, and other processes renew too.
const LOOK_EVERY: i64 = 30_000;

/// Gives each token from the one that is good now, as soon as there is a newer one. Made by [`Session::renewals`].
#[derive(Debug)]
pub struct Renewals {
    session: Session,
    given: Option<Secret>,
}

impl Renewals {
    pub(crate) fn of(session: &Session) -> Self {
        Self { session: session.clone(), given: None }
    }

    /// The next token. Failures in passing are waited for; while somebody must act it waits for that. None: the session
    /// is closed.
    pub async fn next(&mut self) -> Option<Token> {
        let inner = std::sync::Arc::clone(&self.session.inner);
        let mut changes = inner.changes.subscribe();
        loop {
            changes.mark_unchanged();
            // What fails is remembered by the session, which says below how long to wait.
            let _remembered = inner.obtain().await;
            let now = inner.now();
            let until = match inner.need() {
                Need::Closed => return None,
                Need::Use(held) | Need::Early(held) if self.given.as_ref() != Some(&held.token) => {
                    self.given = Some(held.token.clone());
                    return Some(Token::of(held));
                }
                Need::Use(held) => {
                    let renewal = held.windows.renew_at.filter(|at| *at > now);
                    inner.with(|m| m.not_before(now)).or(renewal)
                }
                Need::Early(_) => {
                    let _remembered = inner.renew(Kind::Early).await;
                    Some(now + 1_000)
                }
                Need::Must => Some(inner.with(|m| m.not_before(now)).unwrap_or(now + 1_000)),
                Need::Blocked(_) => None,
            };
            let wait = until.map_or(LOOK_EVERY, |at| (at - now).clamp(10, LOOK_EVERY));
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(1_000));
            tokio::select! {
                () = inner.settings.clock.sleep(wait) => {}
                _ = changes.changed() => {}
            }
        }
    }
}
