//! Who is calling: from what a request presents to a principal.

use super::{Gate, Used, Visit, possession};
use crate::facts::FactsUnavailable;
use crate::front::Refused;
use crate::limit::Source;
use http::{HeaderMap, Method};
use mandate_core::disclosure::{FactName, PossessionProof};
use mandate_core::limit::{Budget, Rate};
use mandate_core::model::{Account, Credential, KeyHolder, TokenFacts};
use mandate_core::platform::{CompiledRoute, RouteAccess};
use mandate_core::policy::{Allowance, Identified, Principal, identify_key, identify_token};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, Secret};
use mandate_wire::credential::Presented;
use std::sync::Arc;

/// Those parts of a request that say who is calling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Option<&'a str>,
}

/// What an allowed request was made with.
pub(super) fn used(principal: &Principal) -> Used<'_> {
    match principal {
        Principal::Key(facts) => Used::Key(&facts.key.id),
        Principal::Token(facts) => Used::Grant(&facts.grant.id),
    }
}

impl Gate {
    /// The caller, if the credential is genuine. Unknown ids and wrong secrets cost the same: one digest, and one
    /// look at the facts (SECURITY R7).
    pub(super) async fn identify<'a>(
        &self,
        visit: Visit<'a>,
        route: &'a CompiledRoute,
        request: Asked<'_>,
    ) -> Result<(Principal, PossessionProof), Refused<'a>> {
        let Asked { headers, query, .. } = request;
        let presented = visit.site.dialect.credential(visit.host.surface, headers, query);
        let presented =
            presented.map_err(|refusal| Refused::on(route, self.count_failure(visit, refusal)))?;
        self.recognise(visit, presented, request).await.map_err(|refusal| Refused::on(route, refusal))
    }

    /// Whether what is presented is genuine, and whose it is.
    pub(crate) async fn recognise(
        &self,
        visit: Visit<'_>,
        presented: Presented,
        request: Asked<'_>,
    ) -> Result<(Principal, PossessionProof), Box<Refusal>> {
        let unavailable = |fault| facts_unavailable(visit, fault);
        let identified = match presented {
            Presented::Key { id, secret } => {
                let digest = secret.digest();
                // What memory refuses is looked up once more: a wrong secret for an id that is in memory must not
                // cost less than an id that does not exist.
                if let Some(known) = self.facts.peek_credential(visit.platform(), &id).flatten()
                    && let Identified::Proven(principal, proof) =
                        identify_key(&digest, Some(&known), visit.now)
                {
                    return Ok((principal, proof));
                }
                let found = self.credential(visit, id).await.map_err(unavailable)?;
                identify_key(&digest, found.as_ref(), visit.now)
            }
            Presented::Bearer(secret) => {
                let found = self.token(visit, &secret).await.map_err(unavailable)?;
                if let Some(facts) = &found {
                    possession::bearer(visit, facts)?;
                }
                identify_token(found.as_ref())
            }
            Presented::Dpop(secret) => {
                let found = self.token(visit, &secret).await.map_err(unavailable)?;
                if let Some(facts) = &found {
                    possession::shown(self, visit, request, facts, &secret)?;
                }
                identify_token(found.as_ref())
            }
        };
        match identified {
            Identified::Proven(principal, proof) => Ok((principal, proof)),
            Identified::Refused(refusal) => Err(self.count_failure(visit, refusal)),
        }
    }

    pub(crate) async fn credential(
        &self,
        visit: Visit<'_>,
        id: Box<str>,
    ) -> Result<Option<Credential>, FactsUnavailable> {
        let key = (visit.platform().clone(), id);
        self.credentials.join(&key, || self.facts.credential(&key.0, &key.1)).await
    }

    async fn token(
        &self,
        visit: Visit<'_>,
        secret: &Secret,
    ) -> Result<Option<Arc<TokenFacts>>, FactsUnavailable> {
        let text = secret.expose();
        let signed = text.bytes().filter(|b| *b == b'.').count() == 2;
        self.token_by(visit, secret.digest(), signed.then_some(text)).await
    }

    /// The token with this digest; with its text, if it carries its own claims.
    pub(crate) async fn token_by(
        &self,
        visit: Visit<'_>,
        digest: Digest,
        signed: Option<&str>,
    ) -> Result<Option<Arc<TokenFacts>>, FactsUnavailable> {
        if let Some(known) = self.facts.peek_token(visit.platform(), &digest) {
            return Ok(known);
        }
        let key = (visit.platform().clone(), digest);
        let Some(text) = signed else {
            return self.tokens.join(&key, || self.facts.token(&key.0, key.1)).await;
        };
        if let Some(known) = self.facts.signed_token_at_hand(visit.platform(), digest, text) {
            return Ok(known);
        }
        self.tokens.join(&key, || self.facts.signed_token(&key.0, key.1, text)).await
    }

    /// The account that a partner names in the path.
    pub(crate) async fn account<'a>(
        &self,
        visit: Visit<'a>,
        route: &'a CompiledRoute,
        principal: &Principal,
        named: Option<&str>,
    ) -> Result<Option<Arc<Account>>, Refused<'a>> {
        let is_partner =
            matches!(principal, Principal::Key(f) if matches!(f.key.holder, KeyHolder::Partner(_)));
        match named {
            Some(named) if is_partner && route.route.access == RouteAccess::Partner => self
                .facts
                .account(visit.platform(), named)
                .await
                .map_err(|fault| Refused::on(route, facts_unavailable(visit, fault))),
            _ => Ok(None),
        }
    }

    /// What a proven principal has left, without spending.
    pub(super) fn budget(&self, visit: Visit<'_>, principal: &Principal) -> Option<Budget> {
        let allowance = Allowance::of(&visit.site.snapshot, principal, visit.host)?;
        let key = (visit.platform().clone(), allowance.meter);
        Some(self.meters.on(&key, visit.now, |meter, _| meter.look(allowance.rate, visit.now)))
    }

    /// Counts a credential that was not accepted against the sender's address. Beyond the limit the answer is a
    /// cheaper one; credentials that are accepted never come here.
    pub(crate) fn count_failure(&self, visit: Visit<'_>, refusal: Box<Refusal>) -> Box<Refusal> {
        if refusal.proof.is_some() || refusal.cause == Cause::CredentialMissing {
            return refusal;
        }
        let rate = Rate { per_minute: self.limits.attempts_per_minute };
        let source = (visit.platform().clone(), Source::from(visit.peer));
        match self.attempts.on(&source, visit.now, |meter, ()| meter.take(rate, visit.now)) {
            Ok(_) => refusal,
            Err(exceeded) => Box::new(
                Refusal::anonymous(Cause::AttemptsThrottled)
                    .with(FactName::RetryAfter, (exceeded.retry_after_ms + 999) / 1000),
            ),
        }
    }
}

pub(crate) fn facts_unavailable(visit: Visit<'_>, fault: FactsUnavailable) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::StorageUnavailable)
            .with(FactName::RetryAfter, i64::from(fault.retry_after_s))
            .with(FactName::Contact, &*visit.site.snapshot.platform.contact),
    )
}
