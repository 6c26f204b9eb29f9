//! The decision on a stream: at its login, at another login on it, and whenever something has changed.

use super::registry::Ticket;
use super::storm::Failed;
use super::upstream::{Call, Far, Kept};
use super::{Held, Opened, Standing, Stream, broken, find, path_of};
use crate::facts::FactsUnavailable;
use crate::gate::{Asked, Caller, Gate, Visit, facts_unavailable, named_account};
use http::{HeaderMap, Method};
use mandate_core::Cause;
use mandate_core::disclosure::{FactName, PossessionProof};
use mandate_core::model::Account;
use mandate_core::platform::{CompiledRoute, Params};
use mandate_core::policy::{self, Identified, Principal, identify_key, identify_token};
use mandate_core::refusal::Refusal;
use mandate_wire::credential::Presented;
use mandate_wire::stream::Message;
use std::sync::Arc;

/// A stream that may begin.
pub(super) struct Admitted {
    pub(super) ticket: Ticket,
    pub(super) far: Far,
    pub(super) held: Held,
    /// What the client is told first.
    pub(super) said: Vec<Message>,
}

impl Held {
    fn of(presented: &Presented) -> Self {
        match presented {
            Presented::Key { id, secret } => Self::Key { id: id.clone(), digest: secret.digest() },
            Presented::Bearer(secret) | Presented::Dpop(secret) => {
                let signed = secret.expose().bytes().filter(|b| *b == b'.').count() == 2;
                Self::Token { digest: secret.digest(), signed: signed.then(|| secret.clone()) }
            }
        }
    }
}

/// One decision, by everything that a request would be judged by.
struct Judged<'a> {
    route: &'a CompiledRoute,
    params: Params<'a>,
}

impl<'a> Judged<'a> {
    fn at(visit: Visit<'a>, path: &'a str) -> Result<Self, Box<Refusal>> {
        let (route, params) = find(visit.site, visit.host, path)
            .ok_or_else(|| Box::new(Refusal::anonymous(Cause::PathUnknown)))?;
        Ok(Self { route, params })
    }

    /// What is asked, on this route or on that of a channel.
    fn request<'r>(
        &'r self,
        visit: Visit<'r>,
        route: &'r CompiledRoute,
        account: Option<&'r Arc<Account>>,
    ) -> policy::Request<'r> {
        let named_account = named_account(self.route, &self.params);
        policy::Request { host: visit.host, route, named_account, account }
    }
}

impl Stream {
    /// Signs in: possession, the decision, a place, one request of the limit, and a connection to the API where the
    /// protocol wants one from the start.
    pub(super) async fn admit(
        &mut self,
        opened: Opened,
        presented: Presented,
    ) -> Result<Admitted, Box<Refusal>> {
        let failed = Failed::of(&presented);
        let platform = self.at.site.snapshot.platform.id.clone();
        self.at.gate.storms.check(&platform, failed, self.at.gate.clock.now())?;
        let admitted = self.at.admit_now(opened, presented).await;
        match admitted {
            Ok((ticket, far, held)) => Ok(Admitted { ticket, far, held, said: self.talk.admitted(false) }),
            Err(refusal) => {
                self.at.gate.storms.count(&platform, failed, &refusal, self.at.gate.clock.now());
                Err(refusal)
            }
        }
    }

    /// Another login on the stream. The API was told who is calling, so it must be the same caller.
    pub(super) async fn admit_again(
        &mut self,
        presented: Presented,
        held: &mut Held,
        ticket: &Ticket,
    ) -> Result<Vec<Message>, Box<Refusal>> {
        let failed = Failed::of(&presented);
        let platform = self.at.site.snapshot.platform.id.clone();
        self.at.gate.storms.check(&platform, failed, self.at.gate.clock.now())?;
        match self.at.take_over(presented, held, ticket).await {
            Ok(newer) => {
                *held = newer;
                // Entered anew before this: decided on once more, in case something happened in between.
                ticket.ear.tell(super::registry::News::Again);
                Ok(self.talk.admitted(true))
            }
            Err(refusal) => {
                self.at.gate.storms.count(&platform, failed, &refusal, self.at.gate.clock.now());
                Err(refusal)
            }
        }
    }
}

impl Standing {
    async fn admit_now(
        &self,
        opened: Opened,
        presented: Presented,
    ) -> Result<(Ticket, Far, Held), Box<Refusal>> {
        let gate = &*self.gate;
        let visit = self.visit().ok_or_else(broken)?;
        let judged = Judged::at(visit, self.path())?;
        let held = Held::of(&presented);
        let (principal, proof) = self.recognised(visit, presented, &opened.headers).await?;
        // Entered before it is decided on: what changes from here on is heard.
        let mut ticket = gate.streams.enter(visit.platform(), &principal);
        let account = gate.partners_account(visit, &judged, &principal).await?;
        let request = judged.request(visit, judged.route, account.as_ref());
        let permit = policy::decide(&visit.site.snapshot, &principal, proof, request, visit.now)?;
        let stream = judged.route.route.stream.as_ref().ok_or_else(broken)?;
        if let Some(most) = stream.connections.or(self.terms.connections) {
            ticket.sit(visit.platform(), permit.meter_key(), self.path(), most).map_err(|()| {
                let refusal = Refusal::anonymous(Cause::StreamLimit).to_holder(proof);
                Box::new(refusal.with(FactName::Limit, i64::from(most)))
            })?;
        }
        let spent = gate.spend(visit, &principal, permit).map_err(|(refusal, _)| refusal)?;
        let kept = Kept::of(opened);
        if kept.may_wait(self.terms) {
            return Ok((ticket, Far::Later(kept), held));
        }
        let call = self.call(visit, &kept, Caller::of(visit, &spent));
        let made = async { call?.made().await };
        let upstream = made.await.map_err(|what| {
            self.log_unopened(what);
            Box::new(spent.unanswered(&visit.site.snapshot.platform.contact))
        })?;
        Ok((ticket, Far::Open(upstream), held))
    }

    async fn recognised(
        &self,
        visit: Visit<'_>,
        presented: Presented,
        headers: &HeaderMap,
    ) -> Result<(Principal, PossessionProof), Box<Refusal>> {
        let query = self.target.split_once('?').map(|(_, query)| query);
        let asked = Asked { method: &Method::GET, path: self.path(), headers, query };
        self.gate.recognise(visit, presented, asked).await
    }

    async fn take_over(
        &self,
        presented: Presented,
        held: &Held,
        ticket: &Ticket,
    ) -> Result<Held, Box<Refusal>> {
        let visit = self.visit().ok_or_else(broken)?;
        let newer = Held::of(&presented);
        let (principal, proof) = self.recognised(visit, presented, &HeaderMap::new()).await?;
        self.decide(visit, &principal, proof, &[]).await?;
        if let Ok((before, _)) = self.gate.looked_up(visit, held).await?
            && !is_same_caller(&before, &principal)
        {
            return Err(Box::new(Refusal::anonymous(Cause::StreamLoggedIn).to_holder(proof)));
        }
        ticket.renew(visit.platform(), &principal);
        Ok(newer)
    }

    /// Whether the stream may go on, and subscribe to these channels.
    pub(super) async fn decided_again(&self, held: &Held, channels: &[Box<str>]) -> Result<(), Box<Refusal>> {
        let visit = self.visit().ok_or_else(broken)?;
        let (principal, proof) = self.gate.looked_up(visit, held).await??;
        self.decide(visit, &principal, proof, channels).await
    }

    /// The call to the API, in the name of whom the stream is signed in by now, if it may still stand. The inner error
    /// is why there can be none.
    pub(super) async fn call_for(
        &self,
        held: &Held,
        kept: &Kept,
    ) -> Result<Result<Call, &'static str>, Box<Refusal>> {
        let visit = self.visit().ok_or_else(broken)?;
        let (principal, proof) = self.gate.looked_up(visit, held).await??;
        let judged = Judged::at(visit, self.path())?;
        let account = self.gate.partners_account(visit, &judged, &principal).await?;
        let request = judged.request(visit, judged.route, account.as_ref());
        let permit = policy::decide(&visit.site.snapshot, &principal, proof, request, visit.now)?;
        Ok(self.call(visit, kept, Caller::again(visit, &permit)))
    }

    async fn decide(
        &self,
        visit: Visit<'_>,
        principal: &Principal,
        proof: PossessionProof,
        channels: &[Box<str>],
    ) -> Result<(), Box<Refusal>> {
        let judged = Judged::at(visit, path_of(&self.target))?;
        let account = self.gate.partners_account(visit, &judged, principal).await?;
        let by = |route| {
            let request = judged.request(visit, route, account.as_ref());
            policy::decide(&visit.site.snapshot, principal, proof, request, visit.now).map(drop)
        };
        if channels.is_empty() {
            return by(judged.route);
        }
        channels.iter().try_for_each(|channel| by(judged.route.channel(channel)))
    }
}

/// Whether two credentials speak for the same account in the same app's name.
fn is_same_caller(one: &Principal, other: &Principal) -> bool {
    match (one, other) {
        (Principal::Key(a), Principal::Key(b)) => a.key.holder == b.key.holder,
        (Principal::Token(a), Principal::Token(b)) => {
            let accounts = |facts: &mandate_core::model::TokenFacts| {
                let mut ids: Vec<_> = facts.accounts.iter().map(|a| a.id.clone()).collect();
                ids.sort();
                ids
            };
            a.client.id == b.client.id && a.grant.user == b.grant.user && accounts(a) == accounts(b)
        }
        _ => false,
    }
}

impl Gate {
    async fn partners_account(
        &self,
        visit: Visit<'_>,
        judged: &Judged<'_>,
        principal: &Principal,
    ) -> Result<Option<Arc<Account>>, Box<Refusal>> {
        let named = named_account(judged.route, &judged.params);
        self.account(visit, judged.route, principal, named).await.map_err(|refused| refused.refusal)
    }

    /// Who a stream was signed in by, as the facts stand now. The outer error: nothing can be known, and then nothing
    /// goes on.
    async fn looked_up(
        &self,
        visit: Visit<'_>,
        held: &Held,
    ) -> Result<Result<(Principal, PossessionProof), Box<Refusal>>, Box<Refusal>> {
        let unavailable = |fault: FactsUnavailable| facts_unavailable(visit, fault);
        let identified = match held {
            Held::Key { id, digest } => {
                let known = self.facts.peek_credential(visit.platform(), id).flatten();
                let found = match known {
                    Some(known) => Some(known),
                    None => self.credential(visit, id.clone()).await.map_err(unavailable)?,
                };
                identify_key(digest, found.as_ref(), visit.now)
            }
            Held::Token { digest, signed } => {
                let text = signed.as_ref().map(mandate_core::Secret::expose);
                let found = self.token_by(visit, *digest, text).await.map_err(unavailable)?;
                identify_token(found.as_ref())
            }
        };
        Ok(match identified {
            Identified::Proven(principal, proof) => Ok((principal, proof)),
            Identified::Refused(refusal) => Err(refusal),
        })
    }
}
