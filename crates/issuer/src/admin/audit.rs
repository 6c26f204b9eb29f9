//! The audit record: who changed what.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::view;
use mandate_store::AuditRecord;

/// Records read at a time.
const PAGE: u32 = 1000;

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let after = call.query.number("after")?.unwrap_or(0);
    let limit = match call.query.number("limit")? {
        None => 100,
        Some(limit @ 1..=1000) => usize::try_from(limit).unwrap_or(1000),
        Some(_) => return Err(Problem::invalid("limit", "`limit` has to be 1 to 1000")),
    };
    let mut kept: Vec<AuditRecord> = Vec::new();
    let mut from = after;
    while kept.len() < limit {
        let page = call.store().audit_after(from, PAGE).await?;
        let Some(last) = page.last() else { break };
        from = last.number;
        let whole = page.len() == PAGE as usize;
        kept.extend(page.into_iter().filter(|r| visible(call, r)));
        if !whole {
            break;
        }
    }
    kept.truncate(limit);
    Ok(Answer::items(kept.iter().map(view::audit).collect()))
}

/// An administrator of one platform sees what concerns that platform.
fn visible(call: &Call<'_>, record: &AuditRecord) -> bool {
    match (&call.caller.0.platform, &record.platform) {
        (None, _) => true,
        (Some(own), Some(of)) => own == of,
        (Some(_), None) => false,
    }
}

/// The last record of an act on a platform.
pub(super) async fn last_apply(call: &Call<'_>, subject: &str) -> Result<Option<AuditRecord>, Problem> {
    let (mut from, mut last) = (0, None);
    loop {
        let page = call.store().audit_after(from, PAGE).await?;
        let Some(end) = page.last().map(|r| r.number) else { return Ok(last) };
        let whole = page.len() == PAGE as usize;
        last = page.into_iter().rev().find(|r| r.action == "platform.apply" && r.subject == subject).or(last);
        if !whole {
            return Ok(last);
        }
        from = end;
    }
}
