//! Explanations for operators: every fact, and the cause behind a merged answer.

use super::answer::Answer;
use super::call::{Call, On};
use super::problem::Problem;
use super::view;
use crate::Tenant;
use mandate_core::disclosure::{FactName, Facts, OwnerProof, Reader};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, DecisionId};
use mandate_wire::decision;
use mandate_wire::explain::{Told, explanation};
use mandate_wire::seal::{PREFIX, Sealed};
use serde_json::{Value as Json, json};

pub(super) async fn show(on: &On<'_>) -> Result<Answer, Problem> {
    let id = DecisionId::new(on.call.param("decision")?);
    let found = look_up(on.call, &on.tenant, &id).await?.ok_or_else(unknown)?;
    told(on.call, &on.tenant, &found).await
}

pub(super) async fn find(call: &Call<'_>) -> Result<Answer, Problem> {
    let id = DecisionId::new(call.param("decision")?);
    for tenant in call.reachable_platforms() {
        if let Some(found) = look_up(call, &tenant, &id).await? {
            return told(call, &tenant, &found).await;
        }
    }
    Err(unknown())
}

/// Unknown, too old and another platform's look the same (SECURITY R7).
fn unknown() -> Problem {
    Problem::not_found(
        "there is no decision with this id: it is mistyped, too old, or of a platform that this token may not touch",
    )
}

async fn look_up(call: &Call<'_>, tenant: &Tenant, id: &DecisionId) -> Result<Option<Decision>, Problem> {
    let platform = &tenant.snapshot.platform.id;
    if id.as_str().starts_with(PREFIX) {
        return Ok(tenant.recorder.open(id.as_str()).map(|sealed| unsealed(tenant, id.clone(), sealed)));
    }
    if let Some(waiting) = (call.admin.pending)(platform, id) {
        return Ok(Some(waiting));
    }
    let row = call.store().decision(platform, id).await?;
    Ok(row.and_then(|row| decision::decode(row.id, row.platform, row.at, &row.document)))
}

/// The decision that a sealed id says: anonymous, with its few public facts.
fn unsealed(tenant: &Tenant, id: DecisionId, sealed: Sealed) -> Decision {
    let platform = &tenant.snapshot.platform;
    let host = platform.hosts.get(usize::from(sealed.host));
    let wants = |name: FactName| sealed.cause.entry().facts.contains(&name);
    let mut facts = Facts::none();
    if let Some((name, text)) = sealed.detail {
        facts = facts.with(name, text);
    }
    if let Some(host) = host.filter(|_| wants(FactName::HostEnvironments)) {
        facts = facts.with(FactName::HostEnvironments, view::texts(&host.environments));
    }
    if wants(FactName::Contact) {
        facts = facts.with(FactName::Contact, &*platform.contact);
    }
    facts = facts.with(FactName::ServerTime, sealed.at);
    Decision {
        id,
        platform: platform.id.clone(),
        at: sealed.at,
        surface: host.map_or("", |h| h.surface.as_str()).into(),
        host: host.map_or("", |h| &*h.name).into(),
        route: "".into(),
        refusal: Refusal { facts, true_cause: sealed.true_cause, ..Refusal::anonymous(sealed.cause) },
    }
}

async fn told(call: &Call<'_>, tenant: &Tenant, decision: &Decision) -> Result<Answer, Problem> {
    let shown = explained(decision, &tenant.snapshot.platform.issuer)?;
    let noticed = crate::lost::noticed(call.store(), decision).await?;
    Ok(Answer::ok(&match noticed {
        Some(sentence) => view::with(shown, "noticed", json!(sentence)),
        None => shown,
    }))
}

/// The explanation of a decision for an operator of its platform.
pub(super) fn explained(decision: &Decision, issuer: &str) -> Result<Json, Problem> {
    let refusal = &decision.refusal;
    let proof = OwnerProof::of(&Reader::Operator, &refusal.subjects)
        .ok_or_else(|| Problem::ours("an operator may read every decision"))?;
    let behind = refusal.true_cause.filter(|c| *c != refusal.cause);
    let has = refusal.facts.for_record().iter().any(|f| f.name == FactName::TrueCause);
    let facts = match behind {
        Some(cause) if !has => refusal.facts.clone().with(FactName::TrueCause, cause.id()),
        Some(_) | None => refusal.facts.clone(),
    };
    let shown = explanation(decision, &facts.for_owner(&proof), Told::Owner, issuer);
    Ok(match behind {
        Some(cause) => view::with(shown, "true_cause", described(cause)),
        None => shown,
    })
}

fn described(cause: Cause) -> Json {
    let entry = cause.entry();
    json!({"cause": entry.id, "title": entry.title, "about": entry.about})
}
