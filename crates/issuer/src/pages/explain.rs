//! `/explain/{id}`: why a request was refused, for whoever has its id; in full for those whom it is about
//! (DESIGN D3, D4; SECURITY R6).

use super::Answer;
use super::answer::Html;
use super::guard::is_id;
use super::session;
use super::visit::Visit;
use super::words::{self, When};
use crate::Fail;
use mandate_core::disclosure::{FactName, OwnerProof, PossessionProof, Reader, Subjects, Value, View};
use mandate_core::model::{Credential, KeyHolder, TokenFacts};
use mandate_core::policy::{Identified, Principal, identify_key, identify_token};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, DecisionId, EnvironmentId};
use mandate_wire::credential::{Presented, of_request};
use mandate_wire::explain::{self as wire, Told};
use mandate_wire::seal::Sealed;
use mandate_wire::{decision, dialect};
use serde::Serialize;

/// Sealed ids carry at most so much of one fact.
const SEALED_DETAIL: usize = 16;

#[derive(Serialize)]
pub(super) struct ExplainPage {
    pub(super) title: &'static str,
    pub(super) summary: Option<String>,
    pub(super) remedy: String,
    pub(super) who: &'static str,
    pub(super) about: &'static str,
    pub(super) cause: &'static str,
    pub(super) decision: String,
    pub(super) at: When,
    pub(super) host: String,
    pub(super) route: String,
    pub(super) told: &'static str,
    pub(super) passed: Vec<Checked>,
    pub(super) failed: Option<Checked>,
    pub(super) next: Vec<NextCause>,
    pub(super) facts: Vec<FactShown>,
    pub(super) linked: Vec<Linked>,
    pub(super) noticed: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Checked {
    pub(super) check: String,
    pub(super) note: &'static str,
}

#[derive(Serialize)]
pub(super) struct NextCause {
    pub(super) cause: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
}

#[derive(Serialize)]
pub(super) struct FactShown {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Serialize)]
pub(super) struct Linked {
    pub(super) relation: String,
    pub(super) subject: String,
    pub(super) at: Option<When>,
}

/// The page, or the same as JSON.
pub(super) async fn show(visit: &Visit<'_>, id: &str) -> Answer {
    let decision = find(visit, id).await?;
    if let Some(proof) = owner_proof(visit, &decision.refusal.subjects).await? {
        let decision = in_truth(decision);
        return say(visit, &decision, &decision.refusal.facts.for_owner(&proof), Told::Owner).await;
    }
    if let Some(proof) = holder_proof(visit, &decision.refusal).await? {
        let decision = in_truth(decision);
        return say(visit, &decision, &decision.refusal.facts.for_holder(&proof), Told::Holder).await;
    }
    say(visit, &decision, &decision.refusal.facts.public(), Told::Public).await
}

/// What it really was, for those whom it is about, where the answer said one thing for several (SECURITY R7).
fn in_truth(mut decision: Decision) -> Decision {
    decision.refusal.cause = decision.refusal.truth();
    decision
}

/// Whether the request shows, as a bearer token, a genuine token of the very permission that was refused: a dead one opens
/// its own history (SECURITY R6).
async fn holder_proof(visit: &Visit<'_>, refusal: &Refusal) -> Result<Option<PossessionProof>, Fail> {
    let grant = refusal.facts.for_record().iter().find(|fact| fact.name == FactName::Grant);
    let Some(grant) = grant.map(|fact| fact.value.in_words()) else { return Ok(None) };
    let Ok(Presented::Bearer(token)) = of_request(visit.headers(), None, "") else { return Ok(None) };
    let arrival = visit.arrival;
    let found = arrival.issuer.cache.token(arrival.platform(), &token.digest()).await?;
    let its_own = |facts: &TokenFacts| facts.grant.id.as_str() == grant && facts.token.binding.is_none();
    Ok(match identify_token(found.as_ref()) {
        Identified::Proven(Principal::Token(facts), proof) if its_own(&facts) => Some(proof),
        Identified::Proven(..) | Identified::Refused(_) => None,
    })
}

/// Unknown, expired and foreign ids are one answer (SECURITY R7).
async fn find(visit: &Visit<'_>, id: &str) -> Result<Decision, Fail> {
    if let Some(sealed) = visit.arrival.tenant.recorder.open(id) {
        return Ok(of_sealed(visit, id, sealed));
    }
    let (arrival, unknown) = (visit.arrival, || Fail::from(Refusal::anonymous(Cause::PathUnknown)));
    if !is_id(id) || id.contains('%') {
        return Err(unknown());
    }
    let id = DecisionId::new(id);
    if let Some(decision) = (arrival.issuer.pending)(arrival.platform(), &id) {
        return Ok(decision);
    }
    let row = arrival.issuer.store.decision(arrival.platform(), &id).await?;
    row.and_then(|row| decision::decode(row.id, row.platform, row.at, &row.document)).ok_or_else(unknown)
}

/// What an id says that carries its own facts; of a merged cause only what the wire said (SECURITY R7, R8).
fn of_sealed(visit: &Visit<'_>, id: &str, sealed: Sealed) -> Decision {
    let platform = &visit.arrival.tenant.snapshot.platform;
    let host = platform.hosts.get(usize::from(sealed.host));
    let wants = |name| sealed.cause.entry().facts.contains(&name);
    let mut refusal = Refusal::anonymous(sealed.cause);
    if let Some((name, text)) = sealed.detail.filter(|(name, _)| *name != FactName::Contact) {
        let cut = if text.len() >= SEALED_DETAIL - 1 { "…" } else { "" };
        refusal = refusal.with(name, format!("{text}{cut}"));
    }
    if let (true, Some(host)) = (wants(FactName::HostEnvironments), host) {
        refusal = refusal.with(
            FactName::HostEnvironments,
            host.environments.iter().map(EnvironmentId::as_str).collect::<Vec<_>>(),
        );
    }
    if wants(FactName::Contact) {
        refusal = refusal.with(FactName::Contact, &*platform.contact);
    }
    Decision {
        id: DecisionId::new(id),
        platform: platform.id.clone(),
        at: sealed.at,
        surface: host.map_or("", |h| h.surface.as_str()).into(),
        host: host.map_or("", |h| &h.name).into(),
        route: "".into(),
        refusal: refusal.with(FactName::ServerTime, sealed.at),
    }
}

/// Whether the reader is one whom a refusal is about: the signed-in user, or a partner by its key.
pub(super) async fn owner_proof(visit: &Visit<'_>, subjects: &Subjects) -> Result<Option<OwnerProof>, Fail> {
    if *subjects == Subjects::default() {
        return Ok(None);
    }
    if let Some(me) = session::current(visit).await?
        && let Some(proof) = OwnerProof::of(&Reader::User(me.user.id), subjects)
    {
        return Ok(Some(proof));
    }
    match partner(visit).await? {
        Some(reader) => Ok(OwnerProof::of(&reader, subjects)),
        None => Ok(None),
    }
}

/// The partner whose live key the request shows.
async fn partner(visit: &Visit<'_>) -> Result<Option<Reader>, Fail> {
    let Ok(Presented::Key { id, secret }) = of_request(visit.headers(), None, "") else { return Ok(None) };
    let arrival = visit.arrival;
    let found: Option<Credential> =
        if is_id(&id) { arrival.issuer.cache.credential(arrival.platform(), &id).await? } else { None };
    let Identified::Proven(Principal::Key(facts), _) =
        identify_key(&secret.digest(), found.as_ref(), arrival.now)
    else {
        return Ok(None);
    };
    if facts.key.ended.as_ref().is_some_and(|ended| ended.by(arrival.now)) {
        return Ok(None);
    }
    Ok(match &facts.key.holder {
        KeyHolder::Partner(partner) => Some(Reader::Partner(partner.clone())),
        KeyHolder::Account(_) => None,
    })
}

async fn say<T>(visit: &Visit<'_>, decision: &Decision, view: &View<'_, T>, told: Told) -> Answer {
    let noticed = match told {
        Told::Owner => crate::lost::noticed(&*visit.arrival.issuer.store, decision).await?,
        Told::Public | Told::Holder => None,
    };
    if visit.wants_json() && !visit.wants_html() {
        let mut body = wire::explanation(decision, view, told, visit.arrival.issuer_url());
        body["summary"] = summary(decision, view).into();
        body["remedy"] = remedy(decision, view).into();
        if let Some(noticed) = noticed {
            body["noticed"] = noticed.into();
        }
        return Ok(dialect::json_answer(200, &body));
    }
    let me = session::current(visit).await?;
    let mut html = Html::new("explain.html");
    if let Some(me) = &me {
        html = html.user(&me.user.name);
    }
    html.render(visit, ExplainPage { noticed, ..content(decision, view, told) })
}

fn content<T>(decision: &Decision, view: &View<'_, T>, told: Told) -> ExplainPage {
    let (refusal, entry) = (&decision.refusal, decision.refusal.cause.entry());
    let history = told != Told::Public;
    let owner = told == Told::Owner;
    ExplainPage {
        title: entry.title,
        summary: headline(decision, view),
        remedy: remedy(decision, view),
        who: entry.who.in_words(),
        about: entry.about,
        cause: entry.id,
        decision: decision.id.to_string(),
        at: words::precisely(decision.at),
        host: decision.host.to_string(),
        route: decision.route.to_string(),
        told: told.as_str(),
        passed: refusal.passed.iter().filter(|_| history).map(|c| Checked::new(*c)).collect(),
        failed: refusal.failed.filter(|_| history).map(Checked::new),
        next: refusal.next.iter().filter(|_| history).map(|c| NextCause::new(*c)).collect(),
        facts: facts_shown(view),
        linked: refusal.links.iter().filter(|_| owner).map(Linked::new).collect(),
        noticed: None,
    }
}

impl Checked {
    fn new(check: mandate_core::policy::Check) -> Self {
        Self { check: check.as_str().replace('_', " "), note: check.passed_in_words() }
    }
}

impl NextCause {
    fn new(cause: Cause) -> Self {
        let entry = cause.entry();
        Self { cause: entry.id, title: entry.title, about: entry.about }
    }
}

impl Linked {
    fn new(link: &mandate_core::refusal::Link) -> Self {
        Self {
            relation: link.relation.replace('_', " "),
            subject: link.subject.replacen(':', " ", 1),
            at: link.at.map(words::precisely),
        }
    }
}

/// The facts in view, in words; the time of the refusal has a place of its own.
pub(super) fn facts_shown<T>(view: &View<'_, T>) -> Vec<FactShown> {
    let value = |value: &Value| match value {
        Value::Time(at) => words::precisely(*at).text(),
        Value::List(list) => list.join(", "),
        other => other.in_words(),
    };
    view.iter()
        .filter(|fact| fact.name != FactName::ServerTime)
        .map(|fact| FactShown { name: words::fact_name(fact.name), value: value(&fact.value) })
        .collect()
}

/// The first sentence; the headline in its place if it names facts that this reader is not shown.
pub(super) fn summary<T>(decision: &Decision, view: &View<'_, T>) -> String {
    let entry = decision.refusal.cause.entry();
    whole(view, entry.point).unwrap_or_else(|| entry.title.to_owned())
}

/// The first sentence as it stands under the headline; `None` if it would only repeat it.
pub(super) fn headline<T>(decision: &Decision, view: &View<'_, T>) -> Option<String> {
    whole(view, decision.refusal.cause.entry().point).map(|text| words::sentence(&text))
}

/// What to do; where it lies with somebody who is shown more, that.
pub(super) fn remedy<T>(decision: &Decision, view: &View<'_, T>) -> String {
    let remedy = whole(view, decision.refusal.cause.entry().remedy);
    remedy.unwrap_or_else(|| "Whoever sent the request is shown more in its answer.".to_owned())
}

/// A template of the catalogue with its facts; `None` if one of them is not in view.
fn whole<T>(view: &View<'_, T>, template: &str) -> Option<String> {
    let mut names = template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
    names
        .all(|name| FactName::from_word(name).is_some_and(|name| view.get(name).is_some()))
        .then(|| view.fill(template))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Timestamp;
    use mandate_core::disclosure::Facts;

    fn decision(cause: Cause, facts: Facts) -> Decision {
        Decision {
            id: "d1".into(),
            platform: "p".into(),
            at: Timestamp::default(),
            surface: "rest".into(),
            host: "paper".into(),
            route: "GET /".into(),
            refusal: Refusal { facts, ..Refusal::anonymous(cause) },
        }
    }

    #[test]
    fn sentences_name_only_what_is_shown() {
        let expired =
            decision(Cause::TokenExpired, Facts::none().with(FactName::ExpiredAt, Timestamp::default()));
        let public = expired.refusal.facts.public();
        assert_eq!(summary(&expired, &public), "The token expired");
        let subjects = Subjects { account_owner: Some("u".into()), ..Subjects::default() };
        let proof = OwnerProof::of(&Reader::User("u".into()), &subjects).unwrap();
        let owner = expired.refusal.facts.for_owner(&proof);
        assert!(summary(&expired, &owner).contains("1970-01-01T00:00:00Z"));
        for cause in Cause::all() {
            let bare = decision(cause, Facts::none());
            let view = bare.refusal.facts.public();
            for text in [summary(&bare, &view), remedy(&bare, &view)] {
                assert!(text.len() > 5, "{}", cause.id());
                assert!(!text.contains("(not shown)") && !text.contains('{'), "{}: {text}", cause.id());
            }
        }
    }

    #[test]
    fn r06_the_public_page_holds_no_history() {
        let mut refused = decision(
            Cause::CredentialSuperseded,
            Facts::none().with(FactName::Successor, "PKNEW").with(FactName::EndedAt, Timestamp::default()),
        );
        refused.refusal.passed = vec![mandate_core::policy::Check::Possession];
        let page = content(&refused, &refused.refusal.facts.public(), Told::Public);
        assert!(
            page.passed.is_empty()
                && page.failed.is_none()
                && page.facts.is_empty()
                && page.linked.is_empty()
        );
    }
}
