//! Compares what came with what must come.

use mandate_session::{Error, NeedsLogin, Refusal, State, WhoCanAct};
use serde_json::{Value as Json, json};

/// An answer to a call.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::read(self.status, &self.headers, &self.body)
    }
}

type Checked = Result<(), String>;

/// Whether a call or login came to what was expected.
pub(crate) fn outcome(came: &Result<Answer, Error>, expected: &Json) -> Checked {
    known(expected, &["status", "body", "error", "check"])?;
    if let Ok(answer) = came
        && expected["check"] == json!(true)
        && answer.status >= 400
    {
        let refused = answer.refusal().into_error();
        let mut is = as_json(&refused.refusal);
        is["kind"] = json!(refused.kind.as_str());
        is["text"] = json!(refused.to_string());
        return has(&is, &expected["error"]);
    }
    match (came, expected.get("error")) {
        (Err(error), Some(expected)) => has_error(error, expected),
        (Err(error), None) => Err(format!("it failed: {error}")),
        (Ok(answer), Some(expected)) => Err(format!("{} came, and not {expected}", answer.status)),
        (Ok(answer), None) => {
            let text = String::from_utf8_lossy(&answer.body);
            let wanted = expected["status"].as_u64();
            if wanted.map_or(answer.status >= 400, |wanted| u64::from(answer.status) != wanted) {
                return Err(format!("status {}, expected {wanted:?}: {text}", answer.status));
            }
            match expected.get("body") {
                Some(members) => has(&serde_json::from_str(&text).unwrap_or(Json::Null), members),
                None => Ok(()),
            }
        }
    }
}

fn has_error(error: &Error, expected: &Json) -> Checked {
    let mut is = json!({"kind": error.kind(), "text": error.to_string()});
    match error {
        Error::NeedsLogin(needs) => needs_login(&mut is, needs),
        Error::Unavailable(unavailable) => is["retry_in"] = seconds(unavailable.retry_in),
        _ => {}
    }
    has(&is, expected)
}

fn needs_login(is: &mut Json, needs: &NeedsLogin) {
    is["reason"] = json!(needs.reason.as_str());
    is["cause"] = json!(needs.cause);
    is["who_can_act"] = json!(needs.who_can_act.as_str());
}

/// A state as the scenarios write it.
pub(crate) fn state(state: &State, now: i64) -> Json {
    let mut is = json!({"kind": state.kind()});
    match state {
        State::Live { ends_at } => is["ends_in"] = ends_at.map_or(Json::Null, |at| seconds(at - now)),
        State::Waiting { until, .. } => is["until_in"] = seconds(until - now),
        State::NeedsLogin(needs) => needs_login(&mut is, needs),
        _ => {}
    }
    is
}

#[expect(clippy::cast_precision_loss, reason = "times of a test")]
pub(crate) fn seconds(ms: i64) -> Json {
    json!(ms as f64 / 1_000.0)
}

/// A refusal as the scenarios write it.
pub(crate) fn as_json(refusal: &Refusal) -> Json {
    json!({
        "status": refusal.status, "cause": refusal.cause.as_ref().map(|c| c.as_str().to_owned()),
        "title": refusal.title, "remedy": refusal.remedy, "decision_id": refusal.decision_id,
        "who_can_act": refusal.who_can_act.map(WhoCanAct::as_str), "error_uri": refusal.error_uri,
        "retry_after": refusal.retry_after, "facts": refusal.facts, "scopes_needed": refusal.scopes_needed,
        "scopes_held": refusal.scopes_held, "scopes_missing": refusal.scopes_missing,
    })
}

/// Whether all expected members are there. Times in seconds may differ by one, or lie in `[low, high]`; `text` is a part.
pub(crate) fn has(is: &Json, expected: &Json) -> Checked {
    for (name, wanted) in expected.as_object().ok_or("not an object")? {
        let came = &is[name];
        let fits = match (name.as_str(), wanted) {
            ("text", Json::String(part)) => {
                came.as_str().is_some_and(|t| t.to_lowercase().contains(&part.to_lowercase()))
            }
            ("ends_in" | "until_in" | "retry_in", Json::Array(range)) => {
                let low_high = (range[0].as_f64().unwrap(), range[1].as_f64().unwrap());
                came.as_f64().is_some_and(|n| n >= low_high.0 && n <= low_high.1)
            }
            ("ends_in" | "until_in" | "retry_in", Json::Number(n)) => {
                came.as_f64().is_some_and(|came| (came - n.as_f64().unwrap()).abs() <= 1.0)
            }
            (_, Json::String(any)) if any == "*" => !came.is_null(),
            _ => came == wanted,
        };
        if !fits {
            return Err(format!("`{name}` is {came}, expected {wanted}; all: {is}"));
        }
    }
    Ok(())
}

/// Fails on a word that this runner does not know.
pub(crate) fn known(given: &Json, words: &[&str]) -> Checked {
    let Some(map) = given.as_object() else { return Ok(()) };
    match map.keys().find(|word| !words.contains(&word.as_str())) {
        Some(unknown) => Err(format!("unknown word `{unknown}` in {given}")),
        None => Ok(()),
    }
}

/// A request of the log, for messages.
pub(crate) fn line(request: &Json) -> String {
    let cut = if request["cut"] == json!(true) { " cut" } else { "" };
    format!("{} {} {} {}{cut}", request["to"], request["method"], request["status"], request["form"])
}

/// The server's log against what was expected of it.
pub(crate) fn requests(log: &[Json], expected: &[Json]) -> Checked {
    let said = || {
        let lines: Vec<String> = log.iter().map(line).collect();
        format!("; came:\n  {}", lines.join("\n  "))
    };
    let mut left = log.iter();
    for wanted in expected {
        if wanted.get("more").is_some() {
            return Ok(());
        }
        known(wanted, &["to", "status", "form", "headers", "cut", "count"])?;
        for _ in 0..wanted["count"].as_u64().unwrap_or(1) {
            let Some(came) = left.next() else { return Err(format!("{wanted} did not come{}", said())) };
            request(came, wanted).map_err(|why| format!("{why}{}", said()))?;
        }
    }
    match left.next() {
        Some(more) => Err(format!("more came: {}{}", more["to"], said())),
        None => Ok(()),
    }
}

fn request(came: &Json, wanted: &Json) -> Checked {
    for name in ["to", "status", "cut"] {
        if let Some(wanted) = wanted.get(name)
            && came.get(name).unwrap_or(&json!(false)) != wanted
        {
            return Err(format!("`{name}` is {}, expected {wanted}", came[name]));
        }
    }
    for part in ["form", "headers"] {
        for (name, wanted) in wanted[part].as_object().into_iter().flatten() {
            let is = came[part].get(name);
            let fits = match wanted {
                Json::Null => is.is_none(),
                Json::String(any) if any == "*" => is.is_some(),
                wanted => is == Some(wanted),
            };
            if !fits {
                return Err(format!("{part} `{name}` is {is:?}, expected {wanted}"));
            }
        }
    }
    Ok(())
}
