//! `POST /token` (RFC 6749 section 3.2): codes, refresh tokens, clients themselves, device codes.

use super::certificate;
use super::client::{Authenticated, authenticate};
use super::context::Context;
use super::mint::{self, About, Coming};
use super::person;
use super::proof::{self, Proven};
use crate::{Arrival, Fail, pkce};
use bytes::Bytes;
use http::{Request, Response};
use mandate_core::binding::Binding;
use mandate_core::disclosure::{FactName as F, Subjects};
use mandate_core::grant::{CodeFault, CodeRule, GrantSpec, NamedResource};
use mandate_core::limit::Budget;
use mandate_core::model::{Client, GrantedBy};
use mandate_core::platform::Snapshot;
use mandate_core::policy::MeterKey;
use mandate_core::refresh::{Chain, RefreshFault, RefreshMode, RefreshRule, RefreshStep};
use mandate_core::refusal::Refusal;
use mandate_core::settings::GrantType;
use mandate_core::{Cause, GrantId, Offset, Scope, ScopeSet, Secret, format, must};
use mandate_store::{IssueToken, Issued, Mark, Minted, Redeemed, Rotated};
use mandate_wire::dialect::{TokenAnswer, TokenRules};
use mandate_wire::form::Form;
use mandate_wire::refresh_token;
use std::sync::OnceLock;

mod pace;
mod password;
mod refused;

use refused::{
    about_code, code_invalid, code_refused, look_in_words, proof_missing, refresh_refused, resource_refused,
    scope_invalid, unsupported,
};
pub(super) use refused::{device_refused, not_allowed, reused};

/// A retried refresh of a public client without a key is answered again for so long (SECURITY R15).
const PUBLIC_WINDOW_MS: i64 = 60_000;
/// The same for everybody else.
const WINDOW_MS: i64 = 24 * 3_600_000;
/// So often at most.
const MOST_REANSWERS: u32 = 8;

/// Everything a grant type's handler needs.
pub(super) struct Asked<'a> {
    pub(super) arrival: &'a Arrival<'a>,
    /// The endpoint's path, and what it takes and gives.
    path: &'static str,
    rules: &'static TokenRules,
    pub(super) form: &'a Form,
    pub(super) client: &'a Client,
    pub(super) proven: Option<&'a Proven>,
    /// What tokens will be bound to: the key of the proof, or the client's certificate.
    pub(super) binding: Option<String>,
    /// Spent together with what is given (SECURITY R16).
    marks: Vec<Mark>,
    /// The log offset from before anything was read (SECURITY R10).
    pub(super) offset: Offset,
    /// What is left of the limit of token requests, where there is one.
    budget: OnceLock<Budget>,
}

/// Answers a token request.
pub(super) async fn handle(
    arrival: &Arrival<'_>,
    path: &'static str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let rules = arrival.tenant.dialect.token_rules(path);
    let form = rules.form(request.headers(), request.body())?;
    let offset = arrival.issuer.cache.feed().applied();
    let caller = authenticate(arrival, request, &form).await?;
    give(arrival, path, request, &form, &caller, offset).await.map_err(|fail| caller.told(fail))
}

async fn give(
    arrival: &Arrival<'_>,
    path: &'static str,
    request: &Request<Bytes>,
    form: &Form,
    caller: &Authenticated,
    offset: Offset,
) -> Result<Response<Bytes>, Fail> {
    let (client, mut marks) = (&caller.client, caller.marks.clone());
    let rules = arrival.tenant.dialect.token_rules(path);
    let legacy = arrival.tenant.snapshot.platform.legacy;
    if must!("rfc6749-4.1.3-grant-type") {
        form.required("grant_type")?;
    }
    let named = form.get("grant_type").unwrap_or("");
    let grant_type = GrantType::from_word(named)
        .filter(|grant| rules.grants.contains(grant) && grant.is_allowed_by(legacy))
        .ok_or_else(|| unsupported(named, rules.grants, legacy))?;
    if must!("rfc6749-5.2-unauthorized", !client.settings.may_use(grant_type)) {
        return Err(not_allowed(arrival, client, grant_type));
    }
    if let Some(resource) = form.get("resource")
        && must!("rfc8707-2.2-unknown", !mint::apis(arrival).any(|api| api == resource))
    {
        let known: Vec<&str> = mint::apis(arrival).collect();
        return Err(resource_refused("one that is not served here", &known.join(" or ")));
    }
    let proven = proof::of_request(arrival, request, path, None)?;
    if must!("rfc9449-5.2-bound", proven.is_none() && client.settings.dpop_bound) {
        return Err(Refusal::anonymous(Cause::DpopMissing).into());
    }
    let certificate = certificate::binding(arrival, client, proven.is_some())?;
    let binding = certificate.or_else(|| proven.as_ref().map(|p| Binding::Key(&p.thumbprint).text()));
    marks.extend(proven.as_ref().map(|proven| proven.mark.clone()));
    let budget = OnceLock::new();
    let asked =
        Asked { arrival, path, rules, form, client, proven: proven.as_ref(), binding, marks, offset, budget };
    match grant_type {
        GrantType::AuthorizationCode => asked.code().await,
        GrantType::RefreshToken => asked.refresh().await,
        GrantType::ClientCredentials => asked.client_credentials().await,
        GrantType::DeviceCode => asked.device().await,
        GrantType::Password => asked.password().await,
        // its tokens come from the authorization endpoint
        GrantType::Implicit => Err(unsupported(named, rules.grants, legacy).into()),
    }
}

impl Asked<'_> {
    pub(super) fn thumbprint(&self) -> Option<&str> {
        self.proven.map(|proven| proven.thumbprint.as_str())
    }

    /// An access token, bound to what this request has proven.
    pub(super) fn coming(&self) -> Coming {
        self.coming_for(false)
    }

    /// The same; `own`: the client has it for itself.
    fn coming_for(&self, own: bool) -> Coming {
        mint::coming(self.arrival, self.client, self.rules.access, self.offset, self.binding.is_some(), own)
    }

    /// A chain, bound to the same.
    pub(super) fn chain(&self) -> Chain {
        let by_certificate = |b: &str| matches!(Binding::read(b), Binding::Certificate(_));
        let binding = self.binding.as_deref().filter(|b| !by_certificate(b) || must!("rfc8705-4-refresh"));
        mint::chain(self.arrival, self.client, &Context::default(), binding, self.offset)
    }

    pub(super) fn minted(&self, coming: &Coming, chain: Option<Chain>) -> Minted {
        Minted { token: coming.row.clone(), stored: coming.stored, chain, marks: self.marks.clone() }
    }

    /// RFC 8707 section 2.2: a token request may name one of the resources that were granted; never a further one.
    fn narrowed_to_resource(&self, context: &Context) -> Context {
        match self.form.get("resource") {
            Some(wanted) if must!("rfc8707-2.2-narrowed") => {
                Context { resource: vec![wanted.to_owned()], ..context.clone() }
            }
            Some(_) | None => context.clone(),
        }
    }

    /// RFC 6749 section 4.1.3.
    async fn code(self) -> Result<Response<Bytes>, Fail> {
        if must!("rfc6749-4.1.3-code") {
            self.form.required("code")?;
        }
        if let Some(text) = self.form.get("scope").filter(|_| self.rules.scope_with_code) {
            let (asked, allowed) = (ScopeSet::parse(text).unwrap_or_default(), &self.client.scopes);
            if asked.is_empty() || !allowed.covers(&asked) {
                return Err(scope_invalid(&asked.without(allowed), allowed));
            }
        }
        let code = Secret::new(self.form.get("code").unwrap_or(""));
        let settings = &self.client.settings;
        let rule = CodeRule {
            client: self.client.id.clone(),
            redirect_uri: self.form.get("redirect_uri").unwrap_or("").into(),
            verifier: self.form.get("code_verifier").map(Into::into),
            requires_pkce: settings.requires_pkce,
            binding: self.thumbprint().map(Into::into),
            secret_of: None,
            own_secret_serves: None,
            resource: self.form.get("resource").map(|uri| NamedResource {
                uri: uri.into(),
                is_granted: |context, uri| Context::read(context).reaches(uri),
            }),
        };
        let coming = self.coming();
        let chain = settings.may_use(GrantType::RefreshToken).then(|| self.chain());
        let minted = self.minted(&coming, chain.clone());
        let store = &self.arrival.issuer.store;
        match store.redeem_code(self.arrival.platform(), &code.digest(), &rule, &minted).await? {
            Redeemed::Fresh { grant, scopes, code } => {
                let (context, offset) = (Context::read(&code.context), code.offset);
                if rule.verifier.is_some() && settings.may_omit_pkce {
                    pkce::bind(self.arrival, self.client).await;
                }
                let chain = chain.map(|chain| mint::begun(chain, &grant, &scopes, &context));
                self.answer(
                    &coming,
                    (&grant, offset),
                    &scopes,
                    &context,
                    chain.as_ref().map(|c| (c, c.generation)),
                )
                .await
            }
            Redeemed::Unknown => Err(code_invalid(Cause::CredentialUnknown)),
            Redeemed::Refused(CodeFault::OtherKey, _) if self.proven.is_none() => {
                Err(Refusal::anonymous(Cause::DpopMissing).into())
            }
            Redeemed::Refused(fault, code) => Err(code_refused(fault, &code)),
            Redeemed::Replayed(code) => Err(about_code(Cause::CodeReplayedToken, &code)),
            Redeemed::GrantEnded(code) => Err(about_code(Cause::CodeGrantEnded, &code)),
            Redeemed::Reused(kind) => Err(reused(kind)),
        }
    }

    /// RFC 6749 section 6, in the client's mode (DESIGN D7).
    async fn refresh(self) -> Result<Response<Bytes>, Fail> {
        if must!("rfc6749-6-token") {
            self.form.required("refresh_token")?;
        }
        let text = Secret::new(self.form.get("refresh_token").unwrap_or(""));
        let unknown = || Refusal::anonymous(Cause::RefreshInvalid).because(Cause::CredentialUnknown);
        let presented = refresh_token::read(text.expose()).ok_or_else(unknown)?;
        let (store, platform) = (&self.arrival.issuer.store, self.arrival.platform());
        let Some(seen) = store.chain(platform, &presented.chain).await?.value else {
            return Err(unknown().into());
        };
        let chain = &seen.0;
        let keys = mint::keys(self.arrival)?;
        if chain.client != self.client.id
            || must!("rfc6749-10.4-genuine", !mint::is_genuine(self.arrival, &presented, chain)?)
        {
            return Err(unknown().because(Cause::CredentialSecretMismatch).into());
        }
        let bound = chain.binding.is_some() || self.client.settings.is_confidential();
        let rule = RefreshRule {
            client: self.client.id.clone(),
            generation: presented.generation,
            mode: refresh_mode(self.client),
            binding: self.binding.as_deref().map(|text| mint::bound_to(self.client, text).into()),
            window_ms: if bound { WINDOW_MS } else { PUBLIC_WINDOW_MS },
            most_reanswers: MOST_REANSWERS,
            idle_ms: self.arrival.tenant.snapshot.platform.tokens.refresh_idle_s.map(|s| i64::from(s) * 1000),
            from: crate::pages::network(self.arrival.address).into(),
            key: keys.refresh.current(),
        };
        let owner = Subjects { account_owner: Context::read(&chain.context).user(), ..Subjects::default() };
        self.counted(&MeterKey::Refreshes(chain.id.clone()), rule.proof(chain).ok(), owner)?;
        if let Some(uri) = self.form.get("resource")
            && must!("rfc8707-2.2-refresh", !Context::read(&chain.context).for_chain().reaches(uri))
        {
            return Err(resource_refused("one that was not granted", "one of those in the authorization"));
        }
        let narrowed = narrowed(self.form, &self.arrival.tenant.snapshot, &chain.scopes)?;
        let mut coming = self.coming();
        coming.row.chain = Some(chain.id.clone());
        let minted = self.minted(&coming, None);
        let wanted = narrowed.clone().unwrap_or_else(|| chain.scopes.clone());
        match store.rotate_seen(&seen, &rule, &wanted, &minted, self.arrival.now).await? {
            Rotated::Answered { step, chain, grant } => {
                let generation = match step {
                    RefreshStep::Rotate { to } => to,
                    RefreshStep::Again { generation } => generation,
                    RefreshStep::Same => chain.generation,
                };
                // What the grant allows now, not what it allowed then (SECURITY R14).
                let scopes = wanted.intersection(&grant.scopes);
                let context = Context::read(&chain.context).for_chain();
                self.answer(&coming, (&grant.id, chain.offset), &scopes, &context, Some((&chain, generation)))
                    .await
            }
            Rotated::Refused(RefreshFault::OtherKey, chain) if self.binding.is_none() => {
                Err(Refusal::anonymous(proof_missing(&chain)).into())
            }
            Rotated::Refused(fault, chain) => Err(refresh_refused(fault, &chain)),
            Rotated::Replayed(look, chain) => Err(self.of_chain(
                Refusal::anonymous(Cause::RefreshReplayed)
                    .with(F::Received, look_in_words(look))
                    .with(F::IssuedAt, chain.issued_at)
                    .with(F::EndedAt, self.arrival.now),
                &rule,
                &chain,
            )),
            Rotated::Ended(chain) | Rotated::GrantEnded(chain) => {
                Err(self.of_chain(self.ended(&chain).await?, &rule, &chain))
            }
            Rotated::Reused(kind) => Err(reused(kind)),
            Rotated::Unknown => Err(unknown().into()),
        }
    }

    /// A refusal about a chain whose token was shown, with what its owner may know of it (SECURITY R6, R15).
    fn of_chain(&self, refusal: Refusal, rule: &RefreshRule, chain: &Chain) -> Fail {
        let owner = Context::read(&chain.context).user();
        let refusal = refusal
            .with(F::Grant, chain.grant.as_str())
            .with(F::ClientName, &*self.client.name)
            .with(F::Address, crate::pages::network(self.arrival.address));
        let refusal = match &chain.repeats.last {
            Some(last) => refusal
                .with(F::Repeats, i64::from(chain.repeats.times))
                .with(F::LastRepeat, last.at)
                .with(F::RepeatedFrom, &*last.from)
                .with(F::RepeatLook, crate::pages::look(last.look)),
            None => refusal,
        };
        let refusal = match rule.proof(chain) {
            Ok(proof) => refusal.to_holder(proof),
            Err(_) => refusal,
        };
        refusal.about(Subjects { account_owner: owner, ..Subjects::default() }).into()
    }

    /// RFC 6749 section 4.4: the client for itself.
    async fn client_credentials(self) -> Result<Response<Bytes>, Fail> {
        if must!("rfc6749-4.4-confidential", !self.client.settings.is_confidential()) {
            return Err(not_allowed(self.arrival, self.client, GrantType::ClientCredentials));
        }
        let arrival = self.arrival;
        self.counted(&MeterKey::OwnTokens(self.client.id.clone()), None, Subjects::default())?;
        let allowed = own_scopes(&self.client.scopes);
        let snapshot = &arrival.tenant.snapshot;
        let scopes = match self.form.get("scope").map(|text| ScopeSet::parse(text).unwrap_or_default()) {
            None => snapshot.expand(&allowed),
            Some(asked) => match snapshot.grantable(&asked, &allowed) {
                Ok(given) => given,
                Err(refused) if must!("rfc6749-4.4.2-scope") => {
                    return Err(scope_invalid(&refused, &allowed));
                }
                Err(_) => asked,
            },
        };
        let mut spec = GrantSpec {
            platform: arrival.platform().clone(),
            new_id: GrantId::new(""),
            client: self.client.id.clone(),
            user: None,
            accounts: Vec::new(),
            scopes: scopes.clone(),
            granted_by: GrantedBy::Client,
        };
        let known_grant = arrival.issuer.cache.live_grant(&spec).await?.map(|g| g.id.clone());
        if known_grant.is_none() {
            spec.new_id = GrantId::new(format::opaque("g", &*arrival.issuer.entropy));
        }
        let coming = self.coming_for(true);
        let issue = IssueToken {
            grant: spec,
            known_grant,
            scopes: scopes.clone(),
            partner: None,
            token: coming.row.clone(),
            stored: coming.stored,
            chain: None,
            marks: self.marks.clone(),
        };
        match arrival.issuer.store.issue_token(&issue).await? {
            Issued::Done(grant) => {
                self.answer(&coming, (&grant, self.offset), &scopes, &Context::default(), None).await
            }
            Issued::Reused(kind) => Err(reused(kind)),
        }
    }

    pub(super) async fn answer(
        &self,
        coming: &Coming,
        (grant, offset): (&GrantId, Offset),
        scopes: &ScopeSet,
        context: &Context,
        chain: Option<(&Chain, u64)>,
    ) -> Result<Response<Bytes>, Fail> {
        let context = &self.narrowed_to_resource(context);
        let scope = scopes.to_string();
        let about = About {
            client: self.client,
            grant,
            scope: &scope,
            context,
            chain: chain.map(|(chain, _)| &chain.id),
            binding: self.binding.as_deref(),
            offset,
        };
        let access = coming.text(self.arrival, about)?;
        let refresh = match chain {
            Some((chain, generation)) => Some(mint::refresh_token(self.arrival, chain, generation)?),
            None => None,
        };
        let id_token = match context.user() {
            Some(user) if must!("oidc-3.1.3.3-id-token", scopes.iter().any(|s| s.as_str() == "openid")) => {
                let about = person::asked_for(self.arrival, &user, scopes, &context.claims).await?;
                Some(mint::id_token(self.arrival, self.client, &user, context, about)?)
            }
            _ => None,
        };
        let answer = TokenAnswer {
            access_token: access.expose(),
            token_type: must!("rfc6749-5.1-token-type").then_some(match self.proven {
                Some(_) if must!("rfc9449-5-token-type") => "DPoP",
                Some(_) | None => "Bearer",
            }),
            expires_in: must!("rfc6749-5.1-expires-in").then_some(coming.lifetime_s),
            scope: must!("rfc6749-3.3-scope").then_some(scope),
            refresh_token: refresh.as_ref().map(Secret::expose),
            id_token: id_token.as_deref(),
        };
        let mut response = self.arrival.tenant.dialect.token_answer(self.path, &answer);
        if let Some(budget) = self.budget.get() {
            crate::budget::tell(response.headers_mut(), *budget);
        }
        Ok(response)
    }
}

fn refresh_mode(client: &Client) -> RefreshMode {
    // `static` is refused for public clients without sender binding (SECURITY R15).
    match client.settings.refresh {
        // FAPI 2.0 Security Profile section 5.3.2.1: no rotation, whatever the settings say
        _ if must!("fapi2-5.3.2.1-rotation", client.settings.profile.is_strict()) => RefreshMode::Static,
        RefreshMode::Static if must!("rfc9700-2.2.2-rotation", !client.settings.is_confidential()) => {
            RefreshMode::Idempotent
        }
        mode => mode,
    }
}

/// A client's own scopes: what is about a person needs one.
fn own_scopes(scopes: &ScopeSet) -> ScopeSet {
    const OF_PEOPLE: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];
    scopes.iter().filter(|s: &&Scope| !OF_PEOPLE.contains(&s.as_str())).cloned().collect()
}

/// RFC 6749 section 6: never more than was granted; for this access token only (SECURITY R14). An umbrella whose leaves
/// were granted stands for them.
fn narrowed(form: &Form, snapshot: &Snapshot, granted: &ScopeSet) -> Result<Option<ScopeSet>, Fail> {
    let Some(text) = form.get("scope") else { return Ok(None) };
    let asked = ScopeSet::parse(text).unwrap_or_default();
    let leaves = snapshot.grantable(&asked, granted).ok().filter(|leaves| granted.covers(leaves));
    let asked = leaves.filter(|_| !granted.covers(&asked)).unwrap_or(asked);
    if must!("rfc6749-6-scope", asked.is_empty() || !granted.covers(&asked)) {
        return Err(scope_invalid(&asked.without(granted), granted));
    }
    Ok(Some(asked))
}
