//! `/causes`: the catalogue, for developers. Public, and the same for everybody.

use super::Answer;
use super::answer::{Html, set};
use super::session;
use super::visit::Visit;
use super::words;
use bytes::Bytes;
use http::{Response, header};
use mandate_core::Cause;
use mandate_core::disclosure::Tier;
use mandate_core::refusal::Refusal;
use mandate_wire::{dialect, explain};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct CausesPage {
    pub(super) groups: Vec<Group>,
}

/// Causes whose ids begin with the same word.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) word: &'static str,
    pub(super) causes: Vec<Line>,
}

#[derive(Serialize)]
pub(super) struct Line {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
}

#[derive(Serialize)]
pub(super) struct CausePage {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) point: String,
    pub(super) remedy: String,
    pub(super) about: &'static str,
    pub(super) who: &'static str,
    pub(super) oauth: &'static str,
    pub(super) status: u16,
    pub(super) facts: Vec<FactLine>,
    pub(super) record_only: bool,
}

#[derive(Serialize)]
pub(super) struct FactLine {
    pub(super) name: String,
    pub(super) word: &'static str,
    pub(super) told: &'static str,
}

/// All of them.
pub(super) async fn list(visit: &Visit<'_>) -> Answer {
    render(visit, "causes.html", CausesPage { groups: groups() }).await
}

pub(super) fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for cause in Cause::all().filter(|cause| !cause.is_record_only()) {
        let word = cause.id().split('.').next().unwrap_or_default();
        let line = Line { id: cause.id(), title: cause.entry().title };
        match groups.iter_mut().find(|group| group.word == word) {
            Some(group) => group.causes.push(line),
            None => groups.push(Group { word, causes: vec![line] }),
        }
    }
    groups
}

/// One.
pub(super) async fn show(visit: &Visit<'_>, id: &str) -> Answer {
    match Cause::from_id(id) {
        Some(cause) => render(visit, "cause.html", page(cause)).await,
        None => Err(Refusal::anonymous(Cause::PathUnknown).into()),
    }
}

pub(super) fn page(cause: Cause) -> CausePage {
    let entry = cause.entry();
    CausePage {
        id: entry.id,
        title: entry.title,
        point: words::sentence(&explain::with_names(entry.point)),
        remedy: explain::with_names(entry.remedy),
        about: entry.about,
        who: entry.who.in_words(),
        oauth: entry.oauth.as_str(),
        status: entry.status,
        facts: entry
            .facts
            .iter()
            .map(|fact| FactLine {
                name: words::fact_name(*fact),
                word: fact.as_str(),
                told: match fact.tier() {
                    Tier::Public => "anybody",
                    Tier::Holder => "the holder of the credential",
                    Tier::Owner => "the one it is about, signed in",
                },
            })
            .collect(),
        record_only: cause.is_record_only(),
    }
}

/// The catalogue for programs.
pub(super) fn json() -> Response<Bytes> {
    let mut response = dialect::json_answer(200, &explain::catalogue());
    set(&mut response, header::CACHE_CONTROL, "public, max-age=3600");
    response
}

async fn render(visit: &Visit<'_>, template: &'static str, page: impl Serialize) -> Answer {
    let me = session::current(visit).await?;
    let mut html = Html::new(template);
    if let Some(me) = &me {
        html = html.user(&me.user.name);
    }
    html.render(visit, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_stands_in_one_group_and_has_a_page() {
        let listed: usize = groups().iter().map(|g| g.causes.len()).sum();
        assert_eq!(listed, Cause::all().filter(|c| !c.is_record_only()).count());
        for cause in Cause::all() {
            assert!(!page(cause).point.contains(['{', '}']));
        }
        assert_eq!(explain::with_names("a_b ended {ended_at} ({x})"), "a_b ended [ended at] ([x])");
    }
}
