//! `/apps`: which apps may act on which accounts, by whose leave, and since when; and taking it back.

use super::answer::{self, Html};
use super::guard::{self, Binding, is_id, rejected};
use super::login::Next;
use super::session::Me;
use super::visit::Visit;
use super::words::{End, When};
use super::{Answer, session, words};
use mandate_core::model::{Account, EndReason, GrantedBy};
use mandate_core::refresh::Repeats;
use mandate_core::{AccountId, GrantId};
use mandate_store::{Changed, ConnectedApp};
use serde::Serialize;

/// So many of an app's sign-ins are told about.
const MOST_REPEATS: usize = 5;

#[derive(Serialize)]
pub(super) struct AppsPage {
    pub(super) form_token: String,
    pub(super) live: Vec<AppShown>,
    pub(super) ended: Vec<AppShown>,
}

#[derive(Serialize)]
pub(super) struct AppShown {
    pub(super) grant: String,
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) given_by: String,
    pub(super) accounts: Vec<AccountShown>,
    pub(super) may: Vec<String>,
    pub(super) since: When,
    pub(super) last_used: Option<When>,
    pub(super) ended: Option<End>,
    pub(super) repeats: Vec<RepeatShown>,
}

/// What became of a refresh token that came a second time (SECURITY R15).
#[derive(Serialize)]
pub(super) struct RepeatShown {
    pub(super) replayed: bool,
    pub(super) times: u32,
    pub(super) at: When,
    pub(super) from: String,
    pub(super) look: &'static str,
}

/// An account's id and where it lives, if the reader may know.
#[derive(Serialize)]
pub(super) struct AccountShown {
    pub(super) id: String,
    pub(super) environment: Option<String>,
}

/// The page.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let Some(me) = session::current(visit).await? else { return Ok(Next::Page("/apps".into()).by_login()) };
    let (arrival, store) = (visit.arrival, &visit.arrival.issuer.store);
    let accounts = store.accounts(arrival.platform(), Some(&me.user.id)).await?;
    let apps = store.connected_apps(arrival.platform(), &me.user.id, arrival.now).await?;
    let shown = apps.iter().map(|app| shown(visit, &me, app, &accounts));
    let (ended, live) = shown.partition(|app| app.ended.as_ref().is_some_and(End::is_over));
    let form_token = binding(&me).token(arrival);
    Html::new("apps.html").user(&me.user.name).render(visit, AppsPage { form_token, live, ended })
}

fn binding(me: &Me) -> Binding<'_> {
    Binding { page: "apps", me: Some(me), about: "" }
}

fn shown(visit: &Visit<'_>, me: &Me, app: &ConnectedApp, accounts: &[Account]) -> AppShown {
    let snapshot = &visit.arrival.tenant.snapshot;
    let environment =
        |id: &AccountId| accounts.iter().find(|a| a.id == *id).map(|a| a.environment.to_string());
    let grant = &app.grant;
    AppShown {
        grant: grant.id.to_string(),
        name: app.client.name.to_string(),
        client_id: app.client.id.to_string(),
        given_by: match &grant.granted_by {
            GrantedBy::Owner if grant.user.as_ref() == Some(&me.user.id) => "you".into(),
            GrantedBy::Owner => "another owner of the account".into(),
            GrantedBy::Client => "nobody: the app acts for itself".into(),
            GrantedBy::Partner(id) => {
                let name = snapshot.partner(id).map_or_else(|| id.to_string(), |p| p.name.to_string());
                format!("{name}, a partner")
            }
        },
        accounts: grant
            .accounts
            .iter()
            .map(|id| AccountShown { id: id.to_string(), environment: environment(id) })
            .collect(),
        may: words::scopes(snapshot, &grant.scopes),
        since: words::when(grant.created_at),
        last_used: grant.last_used.map(words::when),
        ended: grant.ended.as_ref().map(|ended| words::end(ended, visit.arrival.now)),
        repeats: app.repeats.iter().filter_map(repeat).take(MOST_REPEATS).collect(),
    }
}

fn repeat(repeats: &Repeats) -> Option<RepeatShown> {
    let last = repeats.last.as_ref()?;
    Some(RepeatShown {
        replayed: last.replayed,
        times: repeats.times,
        at: words::when(last.at),
        from: if last.from.is_empty() { "an unknown network".into() } else { last.from.to_string() },
        look: words::look(last.look),
    })
}

/// Takes a grant back: at once, with every token under it.
pub(super) async fn revoke(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let Some(me) = session::current(visit).await? else { return Ok(Next::Page("/apps".into()).by_login()) };
    binding(&me).demand(visit.arrival, &form)?;
    let grant = form.required("grant")?;
    if !is_id(grant) {
        return Err(rejected("it names no app of yours"));
    }
    let (arrival, id) = (visit.arrival, GrantId::new(grant));
    let audit = arrival.audit(
        me.actor(),
        "grant.revoke",
        format!("grant:{id}"),
        "on the page of connected apps".into(),
    );
    let store = &arrival.issuer.store;
    match store.revoke_grant(arrival.platform(), &id, Some(&me.user.id), EndReason::Owner, &audit).await? {
        // ended already: what was wanted is so
        Changed::Done | Changed::Conflict => Ok(answer::see_other("/apps")),
        Changed::NotFound | Changed::TooMany => Err(rejected("it names no app of yours")),
    }
}
