//! From the handshake to the login: little is read, and not for long.

use super::admit::Admitted;
use super::client::frame;
use super::ending::{End, next_message};
use super::registry::Waiting;
use super::relay::Relay;
use super::{Opened, Stream};
use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Refusal;
use mandate_wire::credential::{Presented, several_in_message};
use mandate_wire::stream::{Before, Stage};

/// Messages that may come before the login and are answered, pings of a protocol's own.
const ANSWERED: u8 = 8;

impl Stream {
    /// Signs in. What follows is a task of its own, so that nothing of this is kept through the long quiet.
    pub(super) async fn begin(mut self, opened: Opened, presented: Option<Presented>, waiting: Waiting) {
        let signed_in = self.sign_in(opened, presented).await;
        drop(waiting);
        match signed_in {
            Ok(Admitted { ticket, far, held, said }) => {
                self.at.gate.metrics.add_stream_opened();
                self.client.get_mut().open_up();
                tokio::spawn(Box::new(Relay { stream: self, ticket, far, held }).run(said));
            }
            Err(end) => self.end(end).await,
        }
    }

    async fn sign_in(&mut self, opened: Opened, presented: Option<Presented>) -> Result<Admitted, End> {
        let refused = |refusal| End::Refused(Stage::Login, refusal);
        let patience = self.at.gate.stream_limits.patience;
        let greeting = self.talk.greeting();
        match tokio::time::timeout(patience, self.client.say(greeting)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(End::Gone),
        }
        let presented = match presented {
            Some(presented) => presented,
            None => self.presented().await?,
        };
        if opened.carries_another {
            return Err(refused(several_in_message("the headers and the login")));
        }
        self.admit(opened, presented).await.map_err(refused)
    }

    /// Waits for the login.
    async fn presented(&mut self) -> Result<Presented, End> {
        let refused = |refusal: Refusal| Err(End::Refused(Stage::Login, Box::new(refusal)));
        let begun = self.at.gate.clock.monotonic();
        for _ in 0..=ANSWERED {
            let passed = self.at.gate.clock.monotonic().saturating_sub(begun);
            let left = self.at.terms.login_within.saturating_sub(passed);
            let message = match next_message(&mut self.client, left).await {
                Ok(Some(message)) => message,
                Ok(None) if self.client.get_mut().is_spent() => {
                    let limit = i64::try_from(self.at.terms.largest_login).unwrap_or(i64::MAX);
                    return refused(
                        Refusal::anonymous(Cause::RequestTooLarge)
                            .with(FactName::Parameter, "the login")
                            .with(FactName::Limit, limit),
                    );
                }
                Ok(None) => return Err(End::Gone),
                Err(_) => {
                    let limit = i64::try_from(self.at.terms.login_within.as_secs()).unwrap_or(0);
                    return refused(
                        Refusal::anonymous(Cause::StreamLoginTimeout).with(FactName::Limit, limit),
                    );
                }
            };
            let Some(read) = frame(&message) else { continue };
            match self.talk.before(read) {
                Before::Login(presented) => return Ok(presented),
                Before::Refuse(refusal) => {
                    let refusal = match self.at.visit() {
                        Some(visit) => self.at.gate.count_failure(visit, refusal),
                        None => refusal,
                    };
                    return Err(End::Refused(Stage::Login, refusal));
                }
                Before::Answer(said) => {
                    let patience = self.at.gate.stream_limits.patience;
                    match tokio::time::timeout(patience, self.client.say(said)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => return Err(End::Gone),
                    }
                }
            }
        }
        refused(Refusal::anonymous(Cause::StreamNotLoggedIn))
    }
}
