//! Accounts: what users own and let apps act on.

use super::answer::Answer;
use super::call::On;
use super::mint;
use super::problem::Problem;
use super::users;
use super::view;
use mandate_core::model::{Account, ApiKey, KeyHolder, Status};
use mandate_core::platform::Environment;
use mandate_core::{AccountId, EnvironmentId, LicenceId, PartnerId, PlanId};
use mandate_store::Changed;
use serde_json::json;

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let owner = match on.call.query.get("user") {
        None => None,
        Some(named) => Some(users::demand(on, "user", named).await?.id),
    };
    let accounts = on.store().accounts(on.id(), owner.as_ref()).await?;
    Ok(Answer::items(accounts.iter().map(view::account).collect()))
}

pub(super) async fn show(on: &On<'_>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&view::account(&named(on).await?)))
}

/// The account in the path.
async fn named(on: &On<'_>) -> Result<Account, Problem> {
    let id = on.call.param("account")?;
    find(on, id).await?.ok_or_else(|| on.none("account", id))
}

/// An account by id.
pub(super) async fn find(on: &On<'_>, id: &str) -> Result<Option<Account>, Problem> {
    Ok(on.store().account(on.id(), &AccountId::new(id)).await?.value)
}

pub(super) async fn create(on: &On<'_>) -> Result<Answer, Problem> {
    let (body, platform) = (on.body(), on.platform());
    let environment = body.required("environment")?;
    on.defined(
        "environment",
        "environment",
        environment,
        platform.environments.iter().map(|e| e.id.as_str()),
    )?;
    let owner = match body.text("user") {
        None => None,
        Some(named) => Some(users::demand(on, "user", named).await?.id),
    };
    let partner = body.text("partner");
    if let Some(partner) = partner {
        on.defined("partner", "partner", partner, platform.partners.iter().map(|p| p.id.as_str()))?;
    }
    if owner.is_none() && partner.is_none() {
        return Err(Problem::invalid(
            "user",
            "an account belongs to a user, to a partner's customer, or to both",
        )
        .hint("say `user` or `partner`"));
    }
    let mut account =
        mint::account(on.minting(), EnvironmentId::new(environment), owner, partner.map(PartnerId::new));
    if let Some(plan) = body.text("plan") {
        on.defined("plan", "plan", plan, platform.plans.iter().map(|p| p.id.as_str()))?;
        account.plan = Some(PlanId::new(plan));
    }
    account.licences = licences(on)?.unwrap_or_default();
    let audit =
        on.audit("account.create", format!("account:{}", account.id), format!("environment {environment}"));
    match on.store().create_account(&account, &audit).await? {
        Changed::Done => Ok(Answer::created(&view::account(&account))),
        Changed::NotFound => Err(Problem::conflict("the user was removed meanwhile; nothing was made")),
        Changed::Conflict | Changed::TooMany => Err(Problem::ours("a fresh account id is taken")),
    }
}

/// The member `licences`, each of which the platform file has to define.
pub(super) fn licences(on: &On<'_>) -> Result<Option<Vec<LicenceId>>, Problem> {
    let Some(names) = on.body().texts("licences") else { return Ok(None) };
    for name in &names {
        on.defined("licences", "licence", name, on.platform().licences.iter().map(|l| l.id.as_str()))?;
    }
    Ok(Some(names.into_iter().map(LicenceId::new).collect()))
}

pub(super) async fn switch(on: &On<'_>, status: Status) -> Result<Answer, Problem> {
    let account = named(on).await?;
    let action = match status {
        Status::Active => "account.enable",
        Status::Disabled => "account.disable",
    };
    let audit = on.audit(action, format!("account:{}", account.id), String::new());
    match on.store().set_account_status(on.id(), &account.id, status, &audit).await? {
        // said twice is said once
        Changed::Done | Changed::Conflict => show(on).await,
        Changed::NotFound | Changed::TooMany => Err(on.none("account", account.id.as_str())),
    }
}

pub(super) async fn reset(on: &On<'_>) -> Result<Answer, Problem> {
    let account = named(on).await?;
    let environment = environment_of(on, &account)?;
    if !environment.resettable {
        let can: Vec<&str> =
            on.platform().environments.iter().filter(|e| e.resettable).map(|e| e.id.as_str()).collect();
        let hint = if can.is_empty() {
            "no environment of this platform can be reset".to_owned()
        } else {
            format!("accounts in {} can be reset", mandate_wire::platform_file::choice(can))
        };
        return Err(Problem::conflict(format!(
            "the account `{}` is in `{}`, where accounts cannot be reset",
            account.id, environment.id
        ))
        .hint(hint));
    }
    let before = on.store().keys(on.id(), &KeyHolder::Account(account.id.clone())).await?;
    let ended: Vec<&ApiKey> =
        before.iter().filter(|k| k.ended.as_ref().is_none_or(|e| !e.by(on.now()))).collect();
    let label = on.body().text("label").unwrap_or("");
    let (key, secret) = mint::account_key(on.minting(), environment, &account.id, label);
    let audit = on.audit("account.reset", format!("account:{}", account.id), format!("new key {}", key.id));
    match on.store().reset_account(on.id(), &account.id, &key, &audit).await? {
        Changed::Done => {}
        Changed::NotFound => return Err(on.none("account", account.id.as_str())),
        Changed::Conflict | Changed::TooMany => return Err(Problem::ours("a fresh key id is taken")),
    }
    let account = named(on).await?;
    Ok(Answer::ok(&json!({
        "account": view::account(&account),
        "key": view::with(view::key(&key, on.now()), "secret", secret.expose()),
        "ended_keys": ended.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(),
    })))
}

/// The environment of an account, as the file in force defines it.
pub(super) fn environment_of<'o>(on: &'o On<'_>, account: &Account) -> Result<&'o Environment, Problem> {
    on.snapshot().environment(&account.environment).ok_or_else(|| {
        Problem::conflict(format!(
            "the account `{}` is in `{}`, which the platform file no longer defines",
            account.id, account.environment
        ))
        .hint("put the environment back into the platform file and apply it")
    })
}
