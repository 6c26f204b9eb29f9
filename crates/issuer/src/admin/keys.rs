//! API keys of accounts and partners.

use super::accounts;
use super::answer::Answer;
use super::call::On;
use super::mint;
use super::partners;
use super::problem::Problem;
use super::view;
use mandate_core::format::rfc3339;
use mandate_core::model::{ApiKey, Credential, EndReason, KeyHolder};
use mandate_core::{AccountId, PartnerId, Secret};
use mandate_store::Changed;
use serde_json::{Value as Json, json};

/// A replaced key works beside its successor for a day, unless said otherwise.
const OVERLAP_S: i64 = 86_400;
/// And for 90 days at most.
const LONGEST_OVERLAP_S: i64 = 90 * 86_400;

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let holder = match (on.call.query.get("account"), on.call.query.get("partner")) {
        (Some(account), None) => {
            if accounts::find(on, account).await?.is_none() {
                return Err(on.none("account", account));
            }
            KeyHolder::Account(AccountId::new(account))
        }
        (None, Some(partner)) => KeyHolder::Partner(partners::find(on, partner)?.id.clone()),
        (None, None) | (Some(_), Some(_)) => return Err(one_holder("the query")),
    };
    let keys = on.store().keys(on.id(), &holder).await?;
    Ok(Answer::items(keys.iter().map(|k| view::key(k, on.now())).collect()))
}

fn one_holder(place: &str) -> Problem {
    Problem::invalid("account", format!("{place} has to name either an `account` or a `partner`"))
}

pub(super) async fn create(on: &On<'_>) -> Result<Answer, Problem> {
    let body = on.body();
    let label = body.text("label").unwrap_or("");
    match (body.text("account"), body.text("partner")) {
        (Some(account), None) => for_account(on, account, label).await,
        (None, Some(partner)) => {
            if body.text("environment").is_some() {
                return Err(Problem::invalid(
                    "environment",
                    "a partner's key works wherever the partner may act; leave `environment` out",
                ));
            }
            for_partner(on, &partners::find(on, partner)?.id, label).await
        }
        (None, None) | (Some(_), Some(_)) => Err(one_holder("the body")),
    }
}

async fn for_account(on: &On<'_>, id: &str, label: &str) -> Result<Answer, Problem> {
    let account = accounts::find(on, id).await?.ok_or_else(|| {
        Problem::invalid("account", format!("there is no account `{id}` on the platform `{}`", on.id()))
            .hint("`mandate account list` shows which there are")
    })?;
    let environment = accounts::environment_of(on, &account)?;
    if on.body().text("environment").is_some_and(|said| said != environment.id.as_str()) {
        return Err(Problem::invalid(
            "environment",
            format!("the account `{id}` is in `{}`, and so are its keys", environment.id),
        )
        .hint(environment.id.as_str()));
    }
    let (key, secret) = mint::account_key(on.minting(), environment, &account.id, label);
    store(on, &key, &secret).await
}

/// Makes a key of a partner.
pub(super) async fn for_partner(on: &On<'_>, partner: &PartnerId, label: &str) -> Result<Answer, Problem> {
    let (key, secret) = mint::partner_key(on.minting(), partner, label);
    store(on, &key, &secret).await
}

async fn store(on: &On<'_>, key: &ApiKey, secret: &Secret) -> Result<Answer, Problem> {
    let audit = on.audit("key.create", format!("key:{}", key.id), holder_in_words(&key.holder));
    match on.store().create_key(key, &audit).await? {
        Changed::Done => {
            Ok(Answer::created(&view::with(view::key(key, on.now()), "secret", secret.expose())))
        }
        Changed::TooMany => {
            let keys = on.store().keys(on.id(), &key.holder).await?;
            let live: Vec<String> = keys
                .iter()
                .filter(|k| {
                    k.environment == key.environment && k.ended.as_ref().is_none_or(|e| !e.by(on.now()))
                })
                .map(|k| format!("`{}`", k.id))
                .collect();
            Err(Problem::conflict(format!(
                "{} has two live keys already ({}); more are never live at once",
                holder_in_words(&key.holder),
                live.join(" and ")
            ))
            .hint("revoke one, or replace one: the successor works beside it for a while"))
        }
        Changed::NotFound => Err(Problem::conflict("the account was removed meanwhile; nothing was made")),
        Changed::Conflict => Err(Problem::ours("a fresh key id is taken")),
    }
}

fn holder_in_words(holder: &KeyHolder) -> String {
    match holder {
        KeyHolder::Account(account) => format!("the account `{account}`"),
        KeyHolder::Partner(partner) => format!("the partner `{partner}`"),
    }
}

/// The key in the path.
async fn named(on: &On<'_>) -> Result<ApiKey, Problem> {
    let id = on.call.param("key")?;
    match on.store().credential(on.id(), id).await?.value {
        Some(Credential::Key(facts)) => Ok(facts.key.clone()),
        Some(Credential::Client(_)) => {
            Err(on.none("API key", id).hint("this is the id of an OAuth client: `mandate client show`"))
        }
        None => Err(on.none("API key", id)),
    }
}

pub(super) async fn replace(on: &On<'_>) -> Result<Answer, Problem> {
    let overlap = on.body().number("overlap_s", 0, LONGEST_OVERLAP_S)?.unwrap_or(OVERLAP_S);
    let old = named(on).await?;
    let (new, secret) = match &old.holder {
        KeyHolder::Partner(partner) => mint::partner_key(on.minting(), partner, &old.label),
        KeyHolder::Account(account) => {
            let found = accounts::find(on, account.as_str()).await?;
            let account = found.ok_or_else(|| on.none("account", account.as_str()))?;
            mint::account_key(on.minting(), accounts::environment_of(on, &account)?, &account.id, &old.label)
        }
    };
    let ends = on.now().plus_seconds(overlap);
    let detail = format!("successor {}, the old one works until {}", new.id, rfc3339(ends));
    let audit = on.audit("key.replace", format!("key:{}", old.id), detail);
    match on.store().replace_key(on.id(), &old.id, &new, ends, &audit).await? {
        Changed::Done => {
            let shown = view::with(view::key(&new, on.now()), "secret", secret.expose());
            let shown = view::with(shown, "replaces", old.id.as_str());
            Ok(Answer::created(&view::with(shown, "replaced_works_until", rfc3339(ends))))
        }
        Changed::NotFound => Err(on.none("API key", old.id.as_str())),
        Changed::Conflict => Err(ended(&named(on).await?)),
        Changed::TooMany => Err(Problem::ours("a replacement was counted")),
    }
}

pub(super) async fn revoke(on: &On<'_>) -> Result<Answer, Problem> {
    let key = named(on).await?;
    let audit = on.audit("key.revoke", format!("key:{}", key.id), holder_in_words(&key.holder));
    match on.store().revoke_key(on.id(), &key.id, EndReason::Operator, &audit).await? {
        Changed::Done => Ok(Answer::ok(&shown_again(on, &key).await?)),
        Changed::NotFound => Err(on.none("API key", key.id.as_str())),
        Changed::Conflict | Changed::TooMany => Err(ended(&named(on).await?)),
    }
}

async fn shown_again(on: &On<'_>, key: &ApiKey) -> Result<Json, Problem> {
    let keys = on.store().keys(on.id(), &key.holder).await?;
    let now = keys.iter().find(|k| k.id == key.id).unwrap_or(key);
    Ok(view::key(now, on.now()))
}

fn ended(key: &ApiKey) -> Problem {
    let Some(end) = &key.ended else {
        return Problem::conflict(
            "somebody else changed this key at the same time; nothing was changed by this call",
        );
    };
    let problem = Problem::conflict(format!("the key `{}` has an end already: {}", key.id, rfc3339(end.at)));
    match &end.successor {
        Some(successor) => {
            problem.hint(format!("its successor is `{successor}`")).with("successor", json!(successor))
        }
        None => problem,
    }
}
