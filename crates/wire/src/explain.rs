//! Explanations as JSON: one shape for bodies of refusals, the explain page, the API and the command line.

use mandate_core::disclosure::{FactName, Value, View};
use mandate_core::format::rfc3339;
use mandate_core::refusal::Decision;
use serde_json::{Map, Value as Json, json};

/// Who is told how much; only the third shows who ended what, which key came next, and linked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing was proven.
    Public,
    /// The holder of the credential.
    Holder,
    /// One whom it is about.
    Owner,
}

impl Told {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Holder => "holder",
            Self::Owner => "owner",
        }
    }
}

/// A fact's value as JSON; times are RFC 3339.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::List(list) => json!(list),
        Value::Number(n) => json!(n),
        Value::Time(at) => json!(rfc3339(*at)),
        Value::Flag(flag) => json!(flag),
    }
}

/// The facts in view as one object, for bodies.
pub fn facts_object<T>(view: &View<'_, T>) -> Map<String, Json> {
    view.iter().map(|f| (f.name.as_str().to_owned(), value_json(&f.value))).collect()
}

/// The whole explanation for a reader of view `view`.
pub fn explanation<T>(decision: &Decision, view: &View<'_, T>, told: Told, issuer: &str) -> Json {
    let refusal = &decision.refusal;
    let cause = refusal.cause.entry();
    let history = told != Told::Public;
    let checks: Vec<Json> = if history {
        refusal.passed.iter().map(|c| json!({"check": c.as_str(), "note": c.passed_in_words()})).collect()
    } else {
        Vec::new()
    };
    let facts: Vec<Json> = view
        .iter()
        .map(|f| {
            json!({
                "name": f.name.as_str(), "value": value_json(&f.value), "in_words": f.value.in_words(),
                "tier": f.name.tier().as_str(), "subject": f.name.about().as_str(),
            })
        })
        .collect();
    let mut out = json!({
        "decision_id": decision.id.as_str(),
        "at": rfc3339(decision.at),
        "platform": decision.platform.as_str(),
        "surface": decision.surface,
        "host": decision.host,
        "route": decision.route,
        "cause": cause.id,
        "class": format!("{:?}", cause.class),
        "title": cause.title,
        "summary": view.fill(cause.point),
        "remedy": view.fill(cause.remedy),
        "about": cause.about,
        "who_can_act": cause.who.as_str(),
        "who_can_act_in_words": cause.who.in_words(),
        "error_uri": error_uri(issuer, decision.id.as_str()),
        "cause_uri": format!("{}/causes/{}", issuer.trim_end_matches('/'), cause.id),
        "told": told.as_str(),
        "passed": checks,
        "facts": facts,
    });
    if let (true, Some(map)) = (history, out.as_object_mut()) {
        map.insert("failed".into(), json!(refusal.failed.map(|c| json!({"check": c.as_str()}))));
        let next: Vec<Json> = refusal
            .next
            .iter()
            .map(|c| json!({"cause": c.id(), "title": c.entry().title, "about": c.entry().about}))
            .collect();
        map.insert("would_fail_next".into(), json!(next));
    }
    if let (Told::Owner, Some(map)) = (told, out.as_object_mut()) {
        let links: Vec<Json> = refusal
            .links
            .iter()
            .map(|l| json!({"relation": l.relation, "subject": l.subject, "at": l.at.map(rfc3339)}))
            .collect();
        map.insert("linked".into(), json!(links));
    }
    out
}

/// `issuer/explain/ID`.
pub fn error_uri(issuer: &str, id: &str) -> String {
    format!("{}/explain/{id}", issuer.trim_end_matches('/'))
}

/// Placeholders as a reader of the catalogue understands them: `{ended_at}` becomes `[ended at]`.
pub fn with_names(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut within = false;
    for c in template.chars() {
        within = match c {
            '{' => true,
            '}' => false,
            _ => within,
        };
        out.push(match c {
            '{' => '[',
            '}' => ']',
            '_' if within => ' ',
            _ => c,
        });
    }
    out
}

/// The catalogue as JSON (`causes.json`), for libraries and documentation.
pub fn catalogue() -> Json {
    let causes: Vec<Json> = mandate_core::Cause::all()
        .filter(|c| !c.is_record_only())
        .map(|c| {
            let e = c.entry();
            json!({
                "id": e.id, "class": format!("{:?}", e.class), "title": e.title, "about": e.about,
                "remedy": with_names(e.remedy), "renew": c.renewal_may_help(),
                "who_can_act": e.who.as_str(), "oauth_error": e.oauth.as_str(), "status": e.status,
                "facts": e.facts.iter().map(|f: &FactName| f.as_str()).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "causes": causes })
}
