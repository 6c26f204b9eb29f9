//! Grants: what owners and partners allowed apps to do.

use super::answer::Answer;
use super::call::On;
use super::problem::Problem;
use super::users;
use super::view;
use mandate_core::GrantId;
use mandate_core::format::rfc3339;
use mandate_core::model::{EndReason, Grant};
use mandate_store::Changed;

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let Some(named) = on.call.query.get("user") else {
        let grants = on.store().grants(on.id()).await?;
        return Ok(Answer::items(grants.iter().map(|g| view::grant(g, on.now())).collect()));
    };
    let user = users::demand(on, "user", named).await?;
    let apps = on.store().connected_apps(on.id(), &user.id, on.now()).await?;
    Ok(Answer::items(
        apps.iter()
            .map(|app| view::with(view::grant(&app.grant, on.now()), "client_name", &*app.client.name))
            .collect(),
    ))
}

async fn named(on: &On<'_>) -> Result<Grant, Problem> {
    let id = on.call.param("grant")?;
    on.store().grant(on.id(), &GrantId::new(id)).await?.ok_or_else(|| on.none("grant", id))
}

pub(super) async fn revoke(on: &On<'_>) -> Result<Answer, Problem> {
    let grant = named(on).await?;
    let audit = on.audit("grant.revoke", format!("grant:{}", grant.id), format!("client {}", grant.client));
    match on.store().revoke_grant(on.id(), &grant.id, None, EndReason::Operator, &audit).await? {
        Changed::Done => Ok(Answer::ok(&view::grant(&named(on).await?, on.now()))),
        Changed::NotFound => Err(on.none("grant", grant.id.as_str())),
        Changed::Conflict | Changed::TooMany => {
            let when = named(on).await?.ended.map(|e| rfc3339(e.at)).unwrap_or_default();
            Err(Problem::conflict(format!("the grant `{}` has ended already: {when}", grant.id)))
        }
    }
}
