//! `/consent`: the owner reads what an app asks for, chooses accounts, and decides.

use super::answer::Html;
use super::guard::{self, Binding, rejected};
use super::login::Next;
use super::pending::{Judged, Offer, Pending};
use super::session::Me;
use super::visit::Visit;
use super::{Answer, device, session, words};
use crate::Fail;
use mandate_core::grant::{GrantSpec, SignInFault};
use mandate_core::model::{Account, ClientOwner, Code, GrantedBy, Status};
use mandate_core::platform::CodeText;
use mandate_core::refusal::Refusal;
use mandate_core::{AccountId, Cause, EnvironmentId, GrantId, Secret, format, must};
use mandate_store::NewCode;
use mandate_wire::form::Form;
use serde::Serialize;

/// FAPI 2.0 Security Profile section 5.3.2.1.
const STRICT_CODE_LIFETIME_S: u32 = 60;

#[derive(Serialize)]
pub(super) struct ConsentPage<'a> {
    pub(super) form_token: String,
    pub(super) request: &'a str,
    pub(super) app: App<'a>,
    pub(super) may: Vec<String>,
    pub(super) may_not: Vec<String>,
    pub(super) environments: Vec<Choice>,
    pub(super) optional: bool,
    pub(super) goes_to: String,
    pub(super) problem: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct App<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) url: &'a str,
    pub(super) terms_of_use: &'a str,
    pub(super) privacy_policy: &'a str,
}

/// The accounts of one environment, of which at most one is given.
#[derive(Serialize)]
pub(super) struct Choice {
    pub(super) environment: String,
    pub(super) accounts: Vec<String>,
    pub(super) not_approved: bool,
}

/// The page.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let query = visit.query()?;
    let ticket = query.required("request")?;
    let pending = Pending::from_ticket(visit.arrival, ticket)?;
    let Some(me) = fresh(visit, &pending).await? else { return Ok(Next::consent(ticket).by_login()) };
    match pending.judge(visit).await? {
        Judged::Offer(offer) if is_other_person(&offer, &me, visit) => offer.other_person(visit),
        Judged::Offer(offer) => page(visit, &me, ticket, &offer, &own_accounts(visit, &me).await?, None),
        Judged::Answered(response) => Ok(response),
    }
}

/// Allow or deny.
pub(super) async fn decide(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let ticket = form.required("request")?;
    let pending = Pending::from_ticket(visit.arrival, ticket)?;
    let Some(me) = fresh(visit, &pending).await? else { return Ok(Next::consent(ticket).by_login()) };
    binding(&me, ticket).demand(visit.arrival, &form)?;
    let offer = match pending.judge(visit).await? {
        Judged::Offer(offer) => offer,
        Judged::Answered(response) => return Ok(response),
    };
    if is_other_person(&offer, &me, visit) {
        return offer.other_person(visit);
    }
    match form.get("decision") {
        Some("allow") => {
            let own = own_accounts(visit, &me).await?;
            let chosen = chosen(&form, &offer.wish.environments, &own)?;
            let needs_account = own.iter().any(|a| offer.wish.environments.contains(&a.environment))
                || !visit.arrival.tenant.snapshot.platform.dialect.is_full();
            if chosen.is_empty() && needs_account {
                let mut again =
                    page(visit, &me, ticket, &offer, &own, Some("Choose at least one account, or deny."))?;
                *again.status_mut() = http::StatusCode::BAD_REQUEST;
                return Ok(again);
            }
            match offer.pending.device() {
                Some(_) => device::allow(visit, &me, &offer, chosen).await,
                None => allow(visit, &me, &offer, chosen).await,
            }
        }
        Some("deny") if offer.pending.device().is_some() => device::decide(visit, &me, &offer, None).await,
        Some("deny") => {
            if let Some(pushed) = offer.pending.completes() {
                visit.arrival.issuer.store.complete_pushed(visit.arrival.platform(), &pushed).await?;
            }
            offer.refused(visit, Refusal::anonymous(Cause::AccessDenied).into())
        }
        _ => Err(rejected("it says neither allow nor deny")),
    }
}

/// Who is signed in, if that was lately enough for the request.
async fn fresh(visit: &Visit<'_>, pending: &Pending) -> Result<Option<Me>, Fail> {
    let me = session::current(visit).await?;
    Ok(me.filter(|me| pending.is_fresh(&me.session, visit.arrival.now)))
}

/// Whether the app means somebody else.
fn is_other_person(offer: &Offer, me: &Me, visit: &Visit<'_>) -> bool {
    offer.sign_in(&me.session, visit.arrival.now) == Err(SignInFault::OtherPerson)
}

fn binding<'a>(me: &'a Me, ticket: &'a str) -> Binding<'a> {
    Binding { page: "consent", me: Some(me), about: ticket }
}

/// Accounts of this user that may be used.
async fn own_accounts(visit: &Visit<'_>, me: &Me) -> Result<Vec<Account>, Fail> {
    let mut own = visit.arrival.issuer.store.accounts(visit.arrival.platform(), Some(&me.user.id)).await?;
    own.retain(|account| account.status == Status::Active);
    Ok(own)
}

/// The form's field for the account of an environment.
fn field(environment: &EnvironmentId) -> String {
    format!("account_{environment}")
}

/// The accounts chosen, at most one for each environment asked for; each is the user's own (SECURITY R25).
fn chosen(form: &Form, asked: &[EnvironmentId], own: &[Account]) -> Result<Vec<AccountId>, Fail> {
    let mut chosen = Vec::new();
    for environment in asked {
        let Some(id) = form.get(&field(environment)).filter(|id| *id != "none") else { continue };
        let account = own.iter().find(|a| a.id.as_str() == id && a.environment == *environment);
        chosen.push(
            account.ok_or_else(|| rejected("it names an account that is not to be chosen here"))?.id.clone(),
        );
    }
    chosen.sort_unstable();
    Ok(chosen)
}

fn page(
    visit: &Visit<'_>,
    me: &Me,
    ticket: &str,
    offer: &Offer,
    own: &[Account],
    problem: Option<&'static str>,
) -> Answer {
    let (client, snapshot) = (&offer.client, &visit.arrival.tenant.snapshot);
    let own_app = client.owner == ClientOwner::User(me.user.id.clone());
    let choice = |environment: &EnvironmentId| Choice {
        environment: environment.to_string(),
        accounts: own.iter().filter(|a| a.environment == *environment).map(|a| a.id.to_string()).collect(),
        not_approved: snapshot.environment(environment).is_some_and(|e| e.needs_approval)
            && !client.live_trading_approved
            && !own_app,
    };
    let environments: Vec<Choice> =
        offer.wish.environments.iter().map(choice).filter(|c| !c.accounts.is_empty()).collect();
    let page = ConsentPage {
        form_token: binding(me, ticket).token(visit.arrival),
        request: ticket,
        app: App {
            name: &client.name,
            description: &client.description,
            url: web_address(&client.url),
            terms_of_use: web_address(&client.terms_of_use),
            privacy_policy: web_address(&client.privacy_policy),
        },
        may: words::scopes(snapshot, &offer.wish.scopes),
        may_not: words::scopes_beyond(snapshot, &offer.wish.scopes),
        optional: environments.len() > 1,
        environments,
        goes_to: origin(&offer.wish.redirect_uri),
        problem,
    };
    Html::new("consent.html")
        .user(&me.user.name)
        .form_may_lead_to(&offer.wish.redirect_uri)
        .render(visit, page)
}

/// Gives the grant and the code for it, in one step.
pub(super) async fn allow(visit: &Visit<'_>, me: &Me, offer: &Offer, accounts: Vec<AccountId>) -> Answer {
    let arrival = visit.arrival;
    let entropy = &*arrival.issuer.entropy;
    let platform = &arrival.tenant.snapshot.platform;
    let code = Secret::new(match platform.dialect.data().codes {
        CodeText::Uuid => format::uuid_v4(entropy),
        CodeText::Marked => format::opaque("mac_", entropy),
    });
    let strict = must!("fapi2-5.3.2.1-code", offer.client.settings.profile.is_strict());
    let lifetime =
        platform.tokens.code_lifetime_s.min(if strict { STRICT_CODE_LIFETIME_S } else { u32::MAX });
    let grant = GrantSpec {
        platform: arrival.platform().clone(),
        new_id: GrantId::new(format::opaque("g", entropy)),
        client: offer.client.id.clone(),
        user: Some(me.user.id.clone()),
        accounts,
        scopes: offer.wish.scopes.clone(),
        granted_by: GrantedBy::Owner,
    };
    let new = NewCode {
        code: Code {
            digest: code.digest(),
            client: offer.client.id.clone(),
            redirect_uri: offer.wish.redirect_uri.clone(),
            challenge: offer.wish.challenge.clone().filter(|_| must!("rfc7636-4.4-kept")),
            grant: grant.new_id.clone(),
            scopes: offer.wish.scopes.clone(),
            partner: None,
            issued_at: arrival.now,
            expires_at: arrival.now.plus_seconds(i64::from(lifetime)),
            offset: offer.offset,
            redeemed: None,
            redeemed_chain: None,
            context: offer.pending.context(me).text().into(),
            binding: offer.pending.binding().filter(|_| must!("rfc9449-10-dpop-jkt")).map(Into::into),
        },
        grant,
        completes: offer.pending.completes().filter(|_| must!("rfc9126-7.3-once")),
    };
    let Some(given) = arrival.issuer.store.issue_code(&new).await? else {
        return Err(Refusal::anonymous(Cause::RequestUriInvalid).into());
    };
    tracing::info!(client.id = %offer.client.id, grant = %given, user = %me.user.id, "the owner allowed an app");
    offer.granted(visit, code.expose())
}

#[derive(Serialize)]
pub(super) struct DonePage<'a> {
    pub(super) app: &'a str,
    pub(super) allowed: bool,
}

/// The end of a decision that no app takes the browser back from.
pub(super) fn done(visit: &Visit<'_>, me: &Me, app: &str, allowed: bool) -> Answer {
    Html::new("device_done.html").user(&me.user.name).render(visit, DonePage { app, allowed })
}

/// An address that may be linked to: an app says it itself, so `javascript:` and the like are left out.
fn web_address(text: &str) -> &str {
    let is_web = |url: &url::Url| matches!(url.scheme(), "http" | "https");
    if url::Url::parse(text).is_ok_and(|url| is_web(&url)) { text } else { "" }
}

/// Where the answer goes, as a person reads it.
fn origin(redirect_uri: &str) -> String {
    match url::Url::parse(redirect_uri) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization().replace("null", redirect_uri),
        Ok(url) => format!("an app on your device ({})", url.scheme()),
        Err(_) => redirect_uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::{Offset, Timestamp};

    fn account(id: &str, environment: &str) -> Account {
        Account {
            platform: "p".into(),
            id: id.into(),
            environment: environment.into(),
            owner: Some("u".into()),
            partner: None,
            status: Status::Active,
            status_since: Timestamp::default(),
            plan: None,
            licences: Vec::new(),
            created_at: Timestamp::default(),
            resets: 0,
            kill: Offset(0),
        }
    }

    #[test]
    fn r25_only_own_accounts_of_the_environments_asked_for() {
        let own = [account("z", "paper"), account("b", "live"), account("c", "live")];
        let pick = |query: &str, asked: &[&str]| {
            let asked: Vec<EnvironmentId> = asked.iter().map(|e| (*e).into()).collect();
            chosen(&Form::parse(query.as_bytes()).unwrap(), &asked, &own)
                .map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map_err(|Fail(refusal)| refusal.cause)
        };
        let both = ["paper", "live"];
        assert_eq!(pick("account_paper=z&account_live=b", &both), Ok(vec!["b".into(), "z".into()]));
        assert_eq!(pick("account_paper=none&account_live=c", &both), Ok(vec!["c".into()]));
        assert_eq!(pick("account_live=b", &["paper"]), Ok(vec![]), "not asked for");
        assert_eq!(pick("account_paper=b", &both), Err(Cause::FormRejected), "of another environment");
        assert_eq!(pick("account_paper=somebodys", &both), Err(Cause::FormRejected));
    }

    #[test]
    fn only_web_addresses_are_linked_to() {
        assert_eq!(web_address("https://app.example.test/terms"), "https://app.example.test/terms");
        assert_eq!((web_address("javascript:alert(1)"), web_address("")), ("", ""));
        assert_eq!(origin("https://rp.example.test/cb?x"), "https://rp.example.test");
        assert_eq!(origin("com.example.app:/cb"), "an app on your device (com.example.app)");
    }
}
