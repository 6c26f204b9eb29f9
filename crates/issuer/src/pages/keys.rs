//! `/keys`: the user's API keys, account by account: make, replace, revoke, and reset a paper account. A secret is
//! shown once, in the answer to the form that made it.

use super::answer::Html;
use super::guard::{self, Binding, is_id, rejected};
use super::login::Next;
use super::session::{self, Me};
use super::visit::Visit;
use super::words::{self, End, When};
use super::{Answer, answer};
use crate::{Arrival, Fail};
use mandate_core::model::{Account, ApiKey, EndReason, KeyHolder, Status};
use mandate_core::{KeyId, Secret, format};
use mandate_store::{Audit, Changed};
use mandate_wire::form::Form;
use serde::Serialize;

/// A replaced key goes on working for so long, so that programs can be moved over.
const OVERLAP_S: i64 = 24 * 3600;
/// Longest label, in characters.
const LONGEST_LABEL: usize = 60;

/// What a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Replace,
    Revoke,
    Reset,
}

impl Act {
    /// The act at `/keys/{word}`.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "create" => Some(Self::Create),
            "replace" => Some(Self::Replace),
            "revoke" => Some(Self::Revoke),
            "reset" => Some(Self::Reset),
            _ => None,
        }
    }
    /// Its path.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Create => "/keys/create",
            Self::Replace => "/keys/replace",
            Self::Revoke => "/keys/revoke",
            Self::Reset => "/keys/reset",
        }
    }
}

#[derive(Serialize)]
pub(super) struct KeysPage {
    pub(super) form_token: String,
    pub(super) accounts: Vec<AccountKeys>,
    pub(super) problem: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct AccountKeys {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) active: bool,
    pub(super) resettable: bool,
    pub(super) live: Vec<KeyShown>,
    pub(super) ended: Vec<KeyShown>,
}

#[derive(Serialize)]
pub(super) struct KeyShown {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) created: When,
    pub(super) last_used: Option<When>,
    pub(super) end: Option<End>,
}

#[derive(Serialize)]
pub(super) struct KeyMade {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) account: String,
    pub(super) environment: String,
    pub(super) hosts: Vec<String>,
    pub(super) replaced: Option<String>,
    pub(super) old_ends: Option<When>,
    pub(super) reset: bool,
}

/// The page.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let Some(me) = session::current(visit).await? else { return Ok(Next::Page("/keys".into()).by_login()) };
    page(visit, &me, None).await
}

fn binding(me: &Me) -> Binding<'_> {
    Binding { page: "keys", me: Some(me), about: "" }
}

async fn page(visit: &Visit<'_>, me: &Me, problem: Option<&'static str>) -> Answer {
    let (arrival, store) = (visit.arrival, &visit.arrival.issuer.store);
    let mut accounts = Vec::new();
    for account in store.accounts(arrival.platform(), Some(&me.user.id)).await? {
        let mut keys = store.keys(arrival.platform(), &KeyHolder::Account(account.id.clone())).await?;
        keys.reverse(); // newest first
        let shown = keys.iter().map(|key| shown(key, arrival));
        let (ended, live) = shown.partition(|key| key.end.as_ref().is_some_and(End::is_over));
        accounts.push(AccountKeys {
            id: account.id.to_string(),
            environment: account.environment.to_string(),
            active: account.status == Status::Active,
            resettable: is_resettable(arrival, &account),
            live,
            ended,
        });
    }
    let form_token = binding(me).token(arrival);
    Html::new("keys.html").user(&me.user.name).render(visit, KeysPage { form_token, accounts, problem })
}

fn shown(key: &ApiKey, arrival: &Arrival<'_>) -> KeyShown {
    KeyShown {
        id: key.id.to_string(),
        label: key.label.to_string(),
        created: words::when(key.created_at),
        last_used: key.last_used.map(words::when),
        end: key.ended.as_ref().map(|ended| words::end(ended, arrival.now)),
    }
}

fn is_resettable(arrival: &Arrival<'_>, account: &Account) -> bool {
    arrival.tenant.snapshot.environment(&account.environment).is_some_and(|e| e.resettable)
}

/// One of the forms.
pub(super) async fn change(visit: &Visit<'_>, act: Act) -> Answer {
    let form = guard::posted(visit)?;
    let Some(me) = session::current(visit).await? else { return Ok(Next::Page("/keys".into()).by_login()) };
    binding(&me).demand(visit.arrival, &form)?;
    let (account, old) = named(visit, &me, &form, act).await?;
    match (act, old) {
        (Act::Revoke, Some(key)) => revoke(visit, &me, &key).await,
        (Act::Revoke, None) => Err(rejected("it names no key of yours")),
        (Act::Reset, _) if !is_resettable(visit.arrival, &account) => {
            Err(rejected("this account cannot be reset"))
        }
        (_, old) => make(visit, &me, act, &account, old.as_ref(), &form).await,
    }
}

/// The account, and the key if the act is on one; both are the user's own (SECURITY R25).
async fn named(visit: &Visit<'_>, me: &Me, form: &Form, act: Act) -> Result<(Account, Option<ApiKey>), Fail> {
    let (arrival, store) = (visit.arrival, &visit.arrival.issuer.store);
    let account = form.required("account")?;
    let own = store.accounts(arrival.platform(), Some(&me.user.id)).await?;
    let account = own.into_iter().find(|a| a.id.as_str() == account);
    let account = account.ok_or_else(|| rejected("it names no account of yours"))?;
    if matches!(act, Act::Create | Act::Reset) {
        return Ok((account, None));
    }
    let id = form.required("key")?;
    let keys = store.keys(arrival.platform(), &KeyHolder::Account(account.id.clone())).await?;
    let key = keys.into_iter().find(|k| k.id.as_str() == id && is_id(id));
    Ok((account, Some(key.ok_or_else(|| rejected("it names no key of yours"))?)))
}

async fn revoke(visit: &Visit<'_>, me: &Me, key: &ApiKey) -> Answer {
    let audit = audit(visit, me, "key.revoke", &key.id);
    let arrival = visit.arrival;
    match arrival.issuer.store.revoke_key(arrival.platform(), &key.id, EndReason::Owner, &audit).await? {
        // ended already: what was wanted is so
        Changed::Done | Changed::Conflict => Ok(answer::see_other("/keys")),
        Changed::NotFound | Changed::TooMany => Err(rejected("it names no key of yours")),
    }
}

fn audit(visit: &Visit<'_>, me: &Me, action: &'static str, key: &KeyId) -> Audit {
    visit.arrival.audit(me.actor(), action, format!("key:{key}"), "on the page of keys".into())
}

/// Makes a key: a further one, one in place of another, or one after a reset.
async fn make(
    visit: &Visit<'_>,
    me: &Me,
    act: Act,
    account: &Account,
    old: Option<&ApiKey>,
    form: &Form,
) -> Answer {
    if account.status != Status::Active {
        return refuse(visit, me, "This account is switched off. Ask the operator.").await;
    }
    let (arrival, store) = (visit.arrival, &visit.arrival.issuer.store);
    let (key, secret) = fresh(arrival, account, label(form, old));
    let (changed, old_ends) = match (act, old) {
        (Act::Replace, Some(old)) => {
            let end = arrival.now.plus_seconds(OVERLAP_S);
            let audit = audit(visit, me, "key.replace", &old.id);
            (store.replace_key(arrival.platform(), &old.id, &key, end, &audit).await?, Some(end))
        }
        (Act::Reset, _) => {
            let subject = format!("account:{}", account.id);
            let audit = arrival.audit(me.actor(), "account.reset", subject, format!("new key {}", key.id));
            (store.reset_account(arrival.platform(), &account.id, &key, &audit).await?, None)
        }
        _ => (store.create_key(&key, &audit(visit, me, "key.create", &key.id)).await?, None),
    };
    match changed {
        Changed::Done => {}
        Changed::TooMany => {
            return refuse(visit, me, "An account can have two keys at a time. Revoke or replace one first.")
                .await;
        }
        Changed::Conflict | Changed::NotFound => {
            return refuse(visit, me, "That key has ended meanwhile. Nothing was changed.").await;
        }
    }
    let made = KeyMade {
        id: key.id.to_string(),
        secret: secret.expose().to_owned(),
        account: account.id.to_string(),
        environment: account.environment.to_string(),
        hosts: hosts(arrival, account),
        replaced: old.map(|old| old.id.to_string()),
        old_ends: old_ends.map(words::when),
        reset: act == Act::Reset,
    };
    Html::new("key_made.html").user(&me.user.name).render(visit, made)
}

fn fresh(arrival: &Arrival<'_>, account: &Account, label: String) -> (ApiKey, Secret) {
    let entropy = &*arrival.issuer.entropy;
    let prefix = arrival.tenant.snapshot.environment(&account.environment).map_or("K", |e| &*e.key_prefix);
    let secret = format::machine_secret(entropy);
    let key = ApiKey {
        platform: arrival.platform().clone(),
        id: KeyId::new(format::public_id(prefix, entropy)),
        holder: KeyHolder::Account(account.id.clone()),
        environment: Some(account.environment.clone()),
        digest: secret.digest(),
        label: label.into(),
        created_at: arrival.now,
        offset: arrival.issuer.cache.feed().applied(),
        ended: None,
        last_used: None,
    };
    (key, secret)
}

/// What the owner calls the key; a replacement keeps its predecessor's label.
fn label(form: &Form, old: Option<&ApiKey>) -> String {
    let given = form.get("label").map(str::trim).unwrap_or_default();
    let visible = given.chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect::<String>();
    match (visible.as_str(), old) {
        ("", Some(old)) => old.label.to_string(),
        _ => visible,
    }
}

/// Base addresses where a key of this account works.
fn hosts(arrival: &Arrival<'_>, account: &Account) -> Vec<String> {
    let rest = arrival.tenant.snapshot.platform.dialect.data().usual;
    let environments = [account.environment.clone()];
    arrival.tenant.snapshot.hosts_serving(rest, &environments).map(|h| h.url.to_string()).collect()
}

async fn refuse(visit: &Visit<'_>, me: &Me, problem: &'static str) -> Answer {
    let mut again = page(visit, me, Some(problem)).await?;
    *again.status_mut() = http::StatusCode::CONFLICT;
    Ok(again)
}
