//! Platforms: their files, planned and applied; and what the file in force says.

use super::answer::Answer;
use super::audit;
use super::call::{Call, On};
use super::plan::{self, Change, Standing};
use super::problem::Problem;
use super::view::{self, texts};
use mandate_core::PlatformId;
use mandate_core::format::rfc3339;
use mandate_core::platform::{Delegated, Host, Platform};
use mandate_store::{Changed, PlatformRow};
use mandate_wire::platform_file;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// How long an apply waits until this node serves what was applied.
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn list(call: &Call<'_>) -> Answer {
    let items = call.reachable_platforms().into_iter().map(|tenant| {
        let platform = &tenant.snapshot.platform;
        let environments: Vec<&str> = platform.environments.iter().map(|e| e.id.as_str()).collect();
        json!({
            "id": platform.id.as_str(), "name": platform.name, "issuer": platform.issuer,
            "revision": tenant.snapshot.revision, "environments": environments,
        })
    });
    Answer::items(items.collect())
}

pub(super) fn show(on: &On<'_>) -> Answer {
    let p = on.platform();
    let environments: Vec<Json> = p
        .environments
        .iter()
        .map(|e| {
            json!({
                "id": e.id.as_str(), "key_prefix": e.key_prefix, "resettable": e.resettable,
                "needs_approval": e.needs_approval,
            })
        })
        .collect();
    let scopes: Vec<Json> = p
        .scopes
        .iter()
        .map(|s| {
            let leaves: Vec<String> = s.expands_to.iter().map(ToString::to_string).collect();
            json!({"scope": s.scope.as_str(), "title": s.title, "expands_to": leaves})
        })
        .collect();
    let products: Vec<Json> = p
        .products
        .iter()
        .map(|product| {
            let (delegated, unless) = match &product.delegated {
                Delegated::Allow => ("allow", None),
                Delegated::Deny { unless } => ("deny", unless.as_ref().map(ToString::to_string)),
            };
            json!({"id": product.id.as_str(), "title": product.title, "delegated": delegated, "unless": unless})
        })
        .collect();
    let licences: Vec<Json> =
        p.licences.iter().map(|l| json!({"id": l.id.as_str(), "title": l.title})).collect();
    let plans: Vec<Json> = p
        .plans
        .iter()
        .map(|plan| json!({"id": plan.id.as_str(), "requests_per_minute": plan.requests_per_minute}))
        .collect();
    Answer::ok(&json!({
        "id": p.id.as_str(), "name": p.name, "issuer": p.issuer, "contact": p.contact,
        "revision": on.snapshot().revision, "default_plan": p.default_plan.as_str(),
        "environments": environments, "hosts": p.hosts.iter().map(host).collect::<Vec<_>>(), "scopes": scopes,
        "products": products, "licences": licences, "plans": plans,
        "partners": p.partners.iter().map(view::partner).collect::<Vec<_>>(), "routes": p.routes.len(),
        "trouble": on.call.admin.tenants.trouble(&p.id),
    }))
}

fn host(host: &Host) -> Json {
    json!({
        "name": host.name, "url": host.url, "listen": host.listen, "surface": host.surface.as_str(),
        "environments": texts(&host.environments),
    })
}

pub(super) async fn file(on: &On<'_>) -> Result<Answer, Problem> {
    let row = stored(on.call, on.id()).await?;
    let row = row.ok_or_else(|| Problem::ours("a platform in force is not stored"))?;
    Ok(Answer::platform_file(row.document, row.revision))
}

pub(super) async fn counts(on: &On<'_>) -> Result<Answer, Problem> {
    let (codes, tokens, grants) = on.store().counts(on.id()).await?;
    Ok(Answer::ok(&json!({"codes": codes, "tokens": tokens, "grants": grants})))
}

async fn stored(call: &Call<'_>, id: &PlatformId) -> Result<Option<PlatformRow>, Problem> {
    Ok(call.store().platforms().await?.into_iter().find(|row| row.id == *id))
}

/// A file that can be applied, and what that would change.
struct Planned {
    platform: Platform,
    revision: u64,
    same_text: bool,
    changes: Vec<Change>,
    notes: Vec<String>,
}

impl Planned {
    fn json(&self) -> Json {
        json!({
            "platform": self.platform.id.as_str(), "revision": self.revision, "changed": !self.same_text,
            "summary": plan::summary(self.platform.id.as_str(), self.revision, &self.changes, self.same_text),
            "changes": self.changes.iter().map(Change::json).collect::<Vec<_>>(), "notes": self.notes,
        })
    }
}

async fn planned(call: &Call<'_>, document: &str) -> Result<Planned, Problem> {
    let platform = platform_file::read(document, call.admin.issuer.dialects)
        .map_err(|problems| unfit(problems.iter().map(problem_json)))?;
    if !call.caller.reaches(&platform.id) {
        return Err(Problem::forbidden(
            "insufficient_scope",
            format!("this token is for another platform than `{}`", platform.id),
        ));
    }
    let taken = taken(call, &platform, document);
    if !taken.is_empty() {
        return Err(unfit(taken.into_iter()));
    }
    let row = stored(call, &platform.id).await?;
    let before =
        row.as_ref().and_then(|row| platform_file::read(&row.document, call.admin.issuer.dialects).ok());
    let changes = plan::changes(before.as_ref(), &platform);
    let standing = if row.is_some() {
        Standing {
            accounts: call.store().accounts(&platform.id, None).await?,
            clients: call.store().clients(&platform.id).await?,
        }
    } else {
        Standing::default()
    };
    let notes = plan::notes(&changes, &standing);
    let same_text = row.as_ref().is_some_and(|row| row.document == document);
    Ok(Planned { revision: row.map_or(0, |row| row.revision), platform, same_text, changes, notes })
}

fn problem_json(problem: &platform_file::Problem) -> Json {
    json!({
        "line": problem.line, "column": problem.column, "key": problem.key, "message": problem.message,
        "hint": problem.hint, "in_words": problem.to_string(),
    })
}

fn unfit(problems: impl Iterator<Item = Json>) -> Problem {
    let problems: Vec<Json> = problems.collect();
    let message = match problems.len() {
        1 => "one thing is wrong with the platform file; nothing was changed".to_owned(),
        n => format!("{n} things are wrong with the platform file; nothing was changed"),
    };
    Problem::invalid("document", message).with("problems", json!(problems))
}

/// Addresses that another platform has already: the address of a request has to say whose it is (SECURITY R18).
fn taken(call: &Call<'_>, platform: &Platform, document: &str) -> Vec<Json> {
    let mut problems = Vec::new();
    for id in call.admin.tenants.ids().into_iter().filter(|id| *id != platform.id) {
        let Some(other) = call.admin.tenants.get(&id) else { continue };
        let theirs = &other.snapshot.platform.hosts;
        let whose = if call.caller.reaches(&id) {
            format!("the platform `{id}`")
        } else {
            "another platform".to_owned()
        };
        for host in &platform.hosts {
            for (key, value) in [("listen", &host.listen), ("url", &host.url)] {
                let clash =
                    theirs.iter().any(|h| if key == "listen" { h.listen == *value } else { h.url == *value });
                if !clash {
                    continue;
                }
                let line = document.lines().position(|l| l.contains(&**value)).map_or(1, |i| i + 1);
                let message = format!("`{value}` belongs to {whose} already");
                let key = format!("hosts.{}.{key}", host.name);
                let in_words = format!("{line}: {key}: {message}");
                problems.push(json!({
                    "line": line, "column": 1, "key": key, "message": message, "hint": Json::Null, "in_words": in_words,
                }));
            }
        }
    }
    problems
}

pub(super) async fn plan(call: &Call<'_>) -> Result<Answer, Problem> {
    let document = call.body.required("document")?;
    Ok(Answer::ok(&planned(call, document).await?.json()))
}

pub(super) async fn apply(call: &Call<'_>) -> Result<Answer, Problem> {
    let document = call.body.required("document")?;
    let expected = call.body.number("expected_revision", 0, i64::MAX)?.and_then(|n| u64::try_from(n).ok());
    let planned = planned(call, document).await?;
    let id = &planned.platform.id;
    if expected.is_some_and(|expected| expected != planned.revision) {
        return Err(overtaken(call, id).await?);
    }
    if planned.same_text {
        return applied(call, &planned, planned.revision).await;
    }
    let revision = planned.revision + 1;
    let row = PlatformRow { id: id.clone(), revision, document: document.to_owned(), applied_at: call.now };
    let detail = plan::summary(id.as_str(), planned.revision, &planned.changes, false);
    let audit = call.audit(Some(id), "platform.apply", format!("platform:{id}"), detail);
    match call.store().apply_platform(&row, planned.revision, &audit).await? {
        Changed::Done => applied(call, &planned, revision).await,
        Changed::Conflict | Changed::NotFound | Changed::TooMany => Err(overtaken(call, id).await?),
    }
}

/// Somebody else applied a file since the plan was made.
async fn overtaken(call: &Call<'_>, id: &PlatformId) -> Result<Problem, Problem> {
    let revision = stored(call, id).await?.map_or(0, |row| row.revision);
    let last = audit::last_apply(call, &format!("platform:{id}")).await?;
    let who = last.map_or_else(String::new, |r| format!(": {} applied a file at {}", r.actor, rfc3339(r.at)));
    Ok(Problem::conflict(format!(
        "the platform `{id}` is at revision {revision} by now{who}; nothing was changed"
    ))
    .hint("look at the plan again, then apply it")
    .with("revision", json!(revision)))
}

/// Says what is in force, once this node serves it or has had time to.
async fn applied(call: &Call<'_>, planned: &Planned, revision: u64) -> Result<Answer, Problem> {
    let id = &planned.platform.id;
    let tenants = &call.admin.tenants;
    let in_force = || (call.admin.revision_live)(id) >= revision;
    let live = tokio::time::timeout(WAIT, async {
        while !in_force() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .is_ok();
    let mut trouble = tenants.trouble(id);
    if !live && trouble.is_empty() {
        trouble.push("this node does not serve the new revision yet; its log says why".into());
    }
    let hosts: Vec<Json> =
        planned.platform.hosts.iter().map(|h| json!({"name": h.name, "url": h.url})).collect();
    let shown = view::with(planned.json(), "revision", revision);
    let shown = view::with(shown, "live", live);
    Ok(Answer::ok(&view::with(view::with(shown, "hosts", hosts), "trouble", trouble)))
}
