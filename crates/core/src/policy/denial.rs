//! The facts of each denial. Runs only when something is refused.

use super::decide::{Check, Context};
use super::identify::{Principal, client_fault, developer};
use crate::binding::Binding;
use crate::disclosure::{FactName as F, Facts, PossessionProof, Subjects};
use crate::limit::{Exceeded, Rate};
use crate::model::{Account, EndReason, Ended, GrantedBy, KeyHolder, Killed};
use crate::platform::Delegated;
use crate::refusal::{Link, Refusal};
use crate::{Cause, ChainId, EnvironmentId, PlanId, SubjectKind};
use std::sync::Arc;

/// Why a key ended.
pub(super) fn key_end_cause(ended: &Ended) -> Cause {
    match ended.reason {
        EndReason::Replaced | EndReason::AccountReset => Cause::CredentialSuperseded,
        EndReason::Owner
        | EndReason::Holder
        | EndReason::Operator
        | EndReason::CodeReplayed
        | EndReason::RefreshReplayed
        | EndReason::Expired
        | EndReason::SignedOut
        | EndReason::Displaced => Cause::CredentialRevoked,
    }
}

/// What the end of something that a token hangs from is for the token: revoked, unless another sign-on took its place.
pub(super) fn kill_cause(killed: &Killed) -> Cause {
    match (killed.kind, killed.reason) {
        (SubjectKind::Token, Some(EndReason::Displaced)) => Cause::SessionDisplaced,
        _ => Cause::TokenRevoked,
    }
}

/// Why a token ended.
pub(super) fn token_end_cause(ended: &Ended) -> Cause {
    match ended.reason {
        EndReason::CodeReplayed => Cause::CodeReplayedToken,
        EndReason::Expired => Cause::TokenExpired,
        EndReason::Displaced => Cause::SessionDisplaced,
        EndReason::Owner
        | EndReason::Holder
        | EndReason::Operator
        | EndReason::Replaced
        | EndReason::AccountReset
        | EndReason::RefreshReplayed
        | EndReason::SignedOut => Cause::TokenRevoked,
    }
}

/// From a token to the sign-on whose refreshes would have replaced it.
fn session_of(chain: &ChainId) -> Link {
    Link { relation: "session".into(), subject: format!("session:{chain}").into(), at: None }
}

/// From a displaced session to the one that took its place.
pub(crate) fn displaced_by(ended: &Ended) -> Option<Link> {
    let successor = ended.successor.as_ref()?;
    let subject = format!("session:{successor}").into();
    Some(Link { relation: "displaced_by".into(), subject, at: Some(ended.at) })
}

fn reason_in_words(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Owner => "ended by its owner",
        EndReason::Holder => "given back by its holder",
        EndReason::Operator => "ended by the operator",
        EndReason::Replaced => "replaced by a newer key",
        EndReason::AccountReset => "the account was reset",
        EndReason::CodeReplayed => "its authorization code was presented again",
        EndReason::RefreshReplayed => "a replaced refresh token was presented again",
        EndReason::Expired => "it expired",
        EndReason::SignedOut => "signed out",
        EndReason::Displaced => "another sign-on took its place",
    }
}

fn is_bound(principal: &Principal) -> bool {
    // a token that is bound to a certificate is shown as Bearer (RFC 8705 section 3)
    matches!(principal, Principal::Token(facts)
        if facts.token.binding.as_deref().is_some_and(|b| matches!(Binding::read(b), Binding::Key(_))))
}

fn kind(principal: &Principal) -> &'static str {
    match principal {
        Principal::Key(facts) => match facts.key.holder {
            KeyHolder::Account(_) => "an API key of an account",
            KeyHolder::Partner(_) => "an API key of a partner",
        },
        Principal::Token(facts) if facts.grant.granted_by == GrantedBy::Client => {
            "an access token of a client that acts for itself"
        }
        Principal::Token(_) => "an access token that acts for an account owner",
    }
}

fn subjects(principal: &Principal, account: Option<&Arc<Account>>) -> Subjects {
    match principal {
        Principal::Key(facts) => Subjects {
            account_owner: facts.account.as_ref().or(account).and_then(|a| a.owner.clone()),
            client_developer: None,
            partner: match &facts.key.holder {
                KeyHolder::Partner(partner) => Some(partner.clone()),
                KeyHolder::Account(_) => facts.account.as_ref().and_then(|a| a.partner.clone()),
            },
        },
        Principal::Token(facts) => Subjects {
            account_owner: facts.grant.user.clone(),
            client_developer: developer(&facts.client),
            partner: match &facts.grant.granted_by {
                GrantedBy::Partner(partner) => Some(partner.clone()),
                GrantedBy::Owner | GrantedBy::Client => None,
            },
        },
    }
}

/// The facts that every refusal of this principal carries.
fn common(principal: &Principal, account: Option<&Arc<Account>>) -> Facts {
    let facts = Facts::none().with(F::CredentialKind, kind(principal));
    match principal {
        Principal::Key(k) => facts
            .with(F::IssuedAt, k.key.created_at)
            .with(F::KeyIdShown, k.key.id.as_str())
            .with(F::KeyLabel, &*k.key.label)
            .with_some(F::LastUsed, k.key.last_used)
            .with_some(F::Account, k.account.as_ref().map(|a| a.id.as_str())),
        Principal::Token(t) => facts
            .with(F::IssuedAt, t.token.issued_at)
            .with(F::ScopesHeld, &t.token.scopes)
            .with(F::ClientName, &*t.client.name)
            .with(F::ClientIdShown, t.client.id.as_str())
            .with(F::Grant, t.grant.id.as_str())
            .with_some(F::Account, account.map(|a| a.id.as_str()))
            .with_some(F::LastUsed, t.grant.last_used),
    }
}

fn environments_of(context: &Context<'_>) -> Vec<EnvironmentId> {
    match context.principal {
        Principal::Key(facts) => match (&facts.key.environment, &facts.key.holder) {
            (Some(environment), _) => vec![environment.clone()],
            (None, KeyHolder::Partner(partner)) => {
                context.snapshot.partner(partner).map(|p| p.environments.clone()).unwrap_or_default()
            }
            (None, KeyHolder::Account(_)) => Vec::new(),
        },
        Principal::Token(facts) => facts.accounts.iter().map(|a| a.environment.clone()).collect(),
    }
}

fn texts<T: std::fmt::Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn end_facts(facts: Facts, ended: Option<&Ended>) -> Facts {
    match ended {
        None => facts,
        Some(ended) => facts
            .with(F::EndedAt, ended.at)
            .with(F::EndReason, reason_in_words(ended.reason))
            .with_some(F::Successor, ended.successor.as_deref()),
    }
}

/// The refusal for a check that failed.
pub(super) fn refusal(context: &Context<'_>, cause: Cause, failed: Check, next: Vec<Cause>) -> Refusal {
    let principal = context.principal;
    let facts = common(principal, context.account);
    let contact = &*context.snapshot.platform.contact;
    let environments = environments_of(context);
    let mut links = Vec::new();
    let facts = match cause {
        Cause::TokenAudience => {
            let audience = context.token().map(|token| texts(&token.token.audience).join(", "));
            facts.with_some(F::Expected, audience)
        }
        Cause::CredentialSuperseded | Cause::CredentialRevoked => {
            let ended = match principal {
                Principal::Key(k) => k.key.ended.as_ref(),
                Principal::Token(_) => None,
            };
            if let Some(Ended { at, successor: Some(successor), .. }) = ended {
                links.push(Link {
                    relation: "replaced_by".into(),
                    subject: format!("key:{successor}").into(),
                    at: Some(*at),
                });
            }
            let facts = end_facts(facts, ended).with(F::CredentialEnvironments, texts(&environments));
            match (ended, context.account) {
                // Dead by the account's switch-off: that is when it ended.
                (None, Some(account)) => facts
                    .with(F::EndedAt, account.status_since)
                    .with(F::EndReason, reason_in_words(EndReason::Operator)),
                _ => facts,
            }
        }
        Cause::TokenRevoked | Cause::CodeReplayedToken => {
            let chain = context.token().and_then(|t| t.token.chain.as_ref());
            links.extend(chain.map(session_of));
            killed_facts(context, facts)
        }
        Cause::SessionDisplaced => {
            let token = context.token().map(|t| &t.token);
            if let Some(ended) = token.and_then(|t| t.ended.as_ref()) {
                links.extend(displaced_by(ended));
                end_facts(facts, Some(ended))
            } else {
                // a token without a row: what took its place stands at its sign-on
                links.extend(token.and_then(|t| t.chain.as_ref()).map(session_of));
                facts.with(F::EndReason, reason_in_words(EndReason::Displaced))
            }
        }
        Cause::TokenExpired => {
            let chain = context.token().and_then(|t| t.token.chain.as_ref());
            links.extend(chain.map(session_of));
            facts.with_some(F::ExpiredAt, context.token().and_then(|t| t.token.expires_at))
        }
        Cause::GrantRevoked => {
            let ended = context.grant().and_then(|g| g.ended.as_ref());
            end_facts(facts, ended).with_some(F::EndedBy, ended.map(|e| e.reason.as_str()))
        }
        Cause::CredentialWrongKind => facts.with(
            F::Expected,
            match principal {
                Principal::Key(k) if matches!(k.key.holder, KeyHolder::Partner(_)) => {
                    "an API key of an account or an access token"
                }
                _ => "an API key of a partner, as HTTP Basic",
            },
        ),
        Cause::ClientDisabled | Cause::ClientPending | Cause::ClientExpired => {
            let fault = context.client().and_then(|c| client_fault(c, context.now));
            facts
                .with_some(F::ClientStatus, context.client().map(|c| c.status.as_str()))
                .with_some(F::Since, fault.map(|(_, since)| since))
                .with(F::Contact, contact)
        }
        Cause::EnvironmentMismatch => {
            let surface = context.request.host.surface;
            let right: Vec<&str> =
                context.snapshot.hosts_serving(surface, &environments).map(|h| &*h.url).collect();
            facts
                .with(F::CredentialEnvironments, texts(&environments))
                .with(F::HostEnvironments, texts(&context.request.host.environments))
                .with(F::RightHosts, right)
        }
        Cause::AccountDisabled => {
            facts.with_some(F::Since, context.account.map(|a| a.status_since)).with(F::Contact, contact)
        }
        Cause::ClientLiveNotApproved => facts
            .with_some(F::CredentialEnvironments, context.account.map(|a| a.environment.as_str()))
            .with(F::Contact, contact),
        Cause::ScopeMissing => {
            let route = context.request.route;
            let needed = route.route.scope.as_ref().map(crate::Scope::as_str);
            facts
                .with_some(F::ScopesNeeded, needed)
                .with_some(F::Product, context.snapshot.product_of(route).map(|p| &*p.title))
        }
        Cause::LicenceDelegated => {
            let product = context.snapshot.product_of(context.request.route);
            let unless = product.and_then(|p| match &p.delegated {
                Delegated::Deny { unless } => unless.as_ref(),
                Delegated::Allow => None,
            });
            facts
                .with_some(F::Product, product.map(|p| &*p.title))
                .with(F::LicenceRule, "delegated = deny")
                .with(F::LicenceNeeded, unless.map_or("none: no licence opens it", |l| l.as_str()))
                .with_some(F::Origin, context.origin())
                .with(F::Contact, contact)
        }
        _ => facts,
    };
    let failed_at = Check::ALL.iter().position(|c| *c == failed).unwrap_or(0);
    Refusal {
        is_bound: is_bound(principal),
        cause,
        true_cause: None,
        passed: Check::ALL[..failed_at].iter().copied().filter(|c| applies(*c, context)).collect(),
        failed: Some(failed),
        next,
        facts,
        subjects: subjects(principal, context.account),
        proof: Some(context.proof),
        links,
    }
}

fn killed_facts(context: &Context<'_>, facts: Facts) -> Facts {
    let Some(token) = context.token() else { return facts };
    if let Some(ended) = &token.token.ended {
        return end_facts(facts, Some(ended))
            .with(F::CodeUsable, false)
            .with(F::EndedBy, ended.reason.as_str());
    }
    let (what, at, by) = if token.client.kill > token.token.offset {
        ("the app was switched off", Some(token.client.status_since), "operator")
    } else if let Some(account) = context.account.filter(|a| a.kill > token.token.offset) {
        ("the account was switched off", Some(account.status_since), "operator")
    } else {
        let at = token.killed.as_ref().and_then(|killed| killed.at);
        match token.killed.as_ref().map(|killed| (killed.kind, killed.reason)) {
            Some((SubjectKind::Token, Some(reason))) => (reason_in_words(reason), at, reason.as_str()),
            Some((SubjectKind::Token, None)) => {
                ("it was given back, or the refresh token it came with was ended", at, "holder")
            }
            Some((SubjectKind::Grant, _)) => ("the permission it came from was withdrawn", at, "owner"),
            _ => ("the user or partner it hangs from was ended", at, "operator"),
        }
    };
    facts.with_some(F::EndedAt, at).with(F::EndReason, what).with(F::EndedBy, by)
}

/// A check that asks nothing of this principal is not said to have passed.
fn applies(check: Check, context: &Context<'_>) -> bool {
    let token = context.token().is_some();
    match check {
        Check::Client | Check::Grant | Check::Approval => token,
        Check::Scope => token && !context.request.route.sufficient.is_empty(),
        Check::Licence => context.request.route.route.product.is_some(),
        Check::Reach => context.request.named_account.is_some(),
        Check::Possession
        | Check::NotEnded
        | Check::Kind
        | Check::Environment
        | Check::Account
        | Check::NotKilled
        | Check::Limit => true,
    }
}

/// The refusal for a limit that is used up.
pub(super) fn rate_limited(
    plan: &PlanId,
    rate: Rate,
    exceeded: Exceeded,
    principal: &Principal,
    account: Option<&Arc<Account>>,
    proof: PossessionProof,
) -> Refusal {
    Refusal {
        is_bound: is_bound(principal),
        cause: Cause::RateLimited,
        true_cause: None,
        passed: Check::ALL.iter().copied().filter(|c| *c != Check::Limit).collect(),
        failed: Some(Check::Limit),
        next: Vec::new(),
        facts: common(principal, account)
            .with(F::Plan, plan.as_str())
            .with(F::RequestsPerMinute, i64::from(rate.per_minute))
            .with(F::RetryAfter, (exceeded.retry_after_ms + 999) / 1000),
        subjects: subjects(principal, account),
        proof: Some(proof),
        links: Vec::new(),
    }
}

/// The refusal of a request that was allowed and not answered: everything passed.
pub(super) fn unanswered(
    contact: &str,
    principal: &Principal,
    account: Option<&Arc<Account>>,
    proof: PossessionProof,
) -> Refusal {
    Refusal {
        is_bound: is_bound(principal),
        cause: Cause::UpstreamUnavailable,
        true_cause: None,
        passed: Check::ALL.to_vec(),
        failed: None,
        next: Vec::new(),
        facts: common(principal, account).with(F::Contact, contact),
        subjects: subjects(principal, account),
        proof: Some(proof),
        links: Vec::new(),
    }
}
