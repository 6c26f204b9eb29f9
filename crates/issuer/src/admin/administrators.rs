//! Administrators: who may use this API.

use super::answer::Answer;
use super::call::Call;
use super::mint;
use super::problem::Problem;
use super::view;
use mandate_core::model::{AdminRights, Administrator};
use mandate_core::{AdminId, PlatformId};
use mandate_store::Changed;
use serde_json::json;

pub(super) fn me(call: &Call<'_>) -> Answer {
    Answer::ok(&view::administrator(&call.caller.0))
}

/// Administrators that this one may see: all, or those of its own platform.
async fn visible(call: &Call<'_>) -> Result<Vec<Administrator>, Problem> {
    let mut admins = call.store().admins().await?;
    admins.retain(|a| a.expires_at.is_none_or(|end| call.now < end));
    if let Some(own) = &call.caller.0.platform {
        admins.retain(|a| a.platform.as_ref() == Some(own));
    }
    Ok(admins)
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    Ok(Answer::items(visible(call).await?.iter().map(view::administrator).collect()))
}

pub(super) async fn create(call: &Call<'_>) -> Result<Answer, Problem> {
    let name = call.body.required("name")?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if name.len() > 64 || !name.chars().all(fine) {
        return Err(Problem::invalid(
            "name",
            "a name is 1 to 64 letters, digits, dots, dashes, underscores or @",
        ));
    }
    let rights = match call.body.required("rights")? {
        "read" => AdminRights::Read,
        "write" => AdminRights::Write,
        _ => return Err(Problem::invalid("rights", "`rights` is `read` or `write`")),
    };
    let expires_at = call
        .body
        .number("expires_in_s", 60, 10 * 365 * 86_400)?
        .map(|seconds| call.now.plus_seconds(seconds));
    let platform = platform(call)?;
    let caller = &call.caller.0;
    let spend = (caller.rights == AdminRights::Bootstrap).then_some(&caller.id);
    let (admin, token) =
        mint::administrator(name, rights, platform.clone(), expires_at, call.now, call.entropy());
    let detail = match &platform {
        Some(platform) => format!("{}, platform {platform}", rights.as_str()),
        None => format!("{}, all platforms", rights.as_str()),
    };
    let audit = call.audit(platform.as_ref(), "admin.create", format!("admin:{name}"), detail);
    match call.store().create_admin(&admin, &token.digest(), spend, &audit).await? {
        Changed::Done => {
            Ok(Answer::created(&view::with(view::administrator(&admin), "token", token.expose())))
        }
        Changed::Conflict if spend.is_none() => {
            Err(Problem::conflict(format!("there is or was an administrator `{name}`")).field("name"))
        }
        Changed::Conflict | Changed::NotFound | Changed::TooMany => Err(Problem::conflict(
            "the bootstrap token has been spent, or the name is taken; nothing was made",
        )),
    }
}

/// The platform that the new one is for. One for a single platform can only make its like (SECURITY R18).
fn platform(call: &Call<'_>) -> Result<Option<PlatformId>, Problem> {
    let asked = call.body.text("platform").map(PlatformId::new);
    match (&call.caller.0.platform, asked) {
        (Some(own), None) => Ok(Some(own.clone())),
        (Some(own), Some(asked)) if *own != asked => Err(Problem::forbidden(
            "insufficient_scope",
            format!("this token is for the platform `{own}` and makes administrators of that platform only"),
        )),
        (_, Some(asked)) => match call.admin.tenants.get(&asked) {
            Some(_) => Ok(Some(asked)),
            None => Err(Problem::invalid("platform", format!("there is no platform `{asked}`"))),
        },
        (None, None) => Ok(None),
    }
}

pub(super) async fn end(call: &Call<'_>) -> Result<Answer, Problem> {
    let id = AdminId::new(call.param("admin")?);
    let none = || Problem::not_found(format!("there is no live administrator `{id}`"));
    let admins = visible(call).await?;
    let target = admins.iter().find(|a| a.id == id).ok_or_else(none)?;
    let rules =
        |a: &&Administrator| a.rights == AdminRights::Write && a.platform.is_none() && a.expires_at.is_none();
    if rules(&target) && admins.iter().filter(rules).count() == 1 {
        return Err(Problem::conflict(format!(
            "`{id}` is the last administrator that may change everything and does not expire; without it nobody could make another"
        ))
        .hint("make another one first"));
    }
    let audit = call.audit(target.platform.as_ref(), "admin.end", format!("admin:{id}"), String::new());
    match call.store().end_admin(&id, &audit).await? {
        Changed::Done => Ok(Answer::ok(&json!({"name": id.as_str()}))),
        Changed::NotFound | Changed::Conflict | Changed::TooMany => Err(none()),
    }
}
