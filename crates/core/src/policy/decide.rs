//! The decision on one request. The order of the checks is fixed and public; the first failure is the cause.

use super::denial;
use super::identify::{Principal, client_fault, developer};
use crate::disclosure::PossessionProof;
use crate::limit::{Budget, Exceeded, Meter, Rate};
use crate::model::{Account, Client, Ended, Grant, GrantedBy, KeyHolder, Status, TokenFacts};
use crate::platform::{CompiledRoute, Delegated, Host, RouteAccess, Snapshot};
use crate::refusal::Refusal;
use crate::{AccountId, Cause, ChainId, ClientId, PartnerId, Timestamp, UserId, must};
use std::sync::Arc;

/// The checks, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// The credential is genuine.
    Possession,
    /// It has not ended.
    NotEnded,
    /// It is of a kind that opens this route.
    Kind,
    /// The client may be used.
    Client,
    /// The grant lives.
    Grant,
    /// It belongs to an environment of this host.
    Environment,
    /// The account may be used.
    Account,
    /// Nothing it hangs from was ended after it was issued.
    NotKilled,
    /// It reaches the account that the path names.
    Reach,
    /// The client is approved for this environment.
    Approval,
    /// The token holds the scope.
    Scope,
    /// The product's licence allows it.
    Licence,
    /// The limit is not used up.
    Limit,
}

impl Check {
    /// In their order.
    pub const ALL: [Self; 13] = [
        Self::Possession,
        Self::NotEnded,
        Self::Kind,
        Self::Client,
        Self::Grant,
        Self::Environment,
        Self::Account,
        Self::NotKilled,
        Self::Reach,
        Self::Approval,
        Self::Scope,
        Self::Licence,
        Self::Limit,
    ];
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Possession => "possession",
            Self::NotEnded => "not_ended",
            Self::Kind => "kind",
            Self::Client => "client",
            Self::Grant => "grant",
            Self::Environment => "environment",
            Self::Account => "account",
            Self::NotKilled => "not_killed",
            Self::Reach => "reach",
            Self::Approval => "approval",
            Self::Scope => "scope",
            Self::Licence => "licence",
            Self::Limit => "limit",
        }
    }
    /// What it means that it passed, for people.
    pub const fn passed_in_words(self) -> &'static str {
        match self {
            Self::Possession => "the credential is genuine",
            Self::NotEnded => "it has not expired and was not replaced or revoked",
            Self::Kind => "it is of a kind that opens this route",
            Self::Client => "the app may be used",
            Self::Grant => "the owner's permission stands",
            Self::Environment => "it belongs to an environment of this host",
            Self::Account => "the account may be used",
            Self::NotKilled => "nothing it hangs from was ended after it was issued",
            Self::Reach => "it reaches the account",
            Self::Approval => "the app is approved for this environment",
            Self::Scope => "the scope is there",
            Self::Licence => "the data licence allows it",
            Self::Limit => "the limit is not used up",
        }
    }
    /// The check with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

/// A request, after parsing and routing.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The host it came to.
    pub host: &'a Host,
    /// The route it matched.
    pub route: &'a CompiledRoute,
    /// The account that the path names, as text.
    pub named_account: Option<&'a str>,
    /// That account, if it exists and the caller is a partner.
    pub account: Option<&'a Arc<Account>>,
}

/// What a limit is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MeterKey {
    /// An account, whatever the credential.
    Account(AccountId),
    /// A partner.
    Partner(PartnerId),
    /// A client that acts for itself.
    Client(ClientId),
    /// Sign-ons of a machine at the token endpoint, whatever came of them.
    SignOns(UserId),
    /// Refreshes of one chain.
    Refreshes(ChainId),
    /// Tokens that a client gets for itself.
    OwnTokens(ClientId),
}

/// Proof that `decide` said yes. Nothing else can build one, and it must be spent with [`Permit::take`], unless it is
/// about something that was paid for when it began: a stream.
#[derive(Debug)]
pub struct Permit<'a> {
    principal: &'a Principal,
    account: Option<&'a Arc<Account>>,
    allowance: Allowance<'a>,
    proof: PossessionProof,
}

/// A permit that has paid: the request may be forwarded, once.
#[derive(Debug)]
pub struct Spent<'a> {
    principal: &'a Principal,
    account: Option<&'a Arc<Account>>,
    proof: PossessionProof,
    /// What is left of the limit.
    pub budget: Budget,
}

/// The limit that the requests of a principal count against.
#[derive(Debug)]
pub struct Allowance<'a> {
    /// What it is counted for.
    pub meter: MeterKey,
    /// How much is allowed.
    pub rate: Rate,
    plan: &'a crate::PlanId,
}

impl<'a> Allowance<'a> {
    /// The limit of a principal at this host; `None` for one that belongs to no environment of it.
    pub fn of(snapshot: &'a Snapshot, principal: &'a Principal, host: &Host) -> Option<Self> {
        let default = &snapshot.platform.default_plan;
        let (meter, plan) = match (partner_of(principal), own_account(principal, host)) {
            (Some(partner), _) => {
                (MeterKey::Partner(partner.clone()), snapshot.partner(partner).map_or(default, |p| &p.plan))
            }
            (None, Some(account)) => {
                (MeterKey::Account(account.id.clone()), account.plan.as_ref().unwrap_or(default))
            }
            (None, None) => match principal {
                Principal::Token(facts) if acts_for_itself(facts) => {
                    (MeterKey::Client(facts.client.id.clone()), default)
                }
                Principal::Token(_) | Principal::Key(_) => return None,
            },
        };
        let per_minute =
            snapshot.plan(plan).or_else(|| snapshot.plan(default)).map_or(1, |p| p.requests_per_minute);
        Some(Self { meter, rate: Rate { per_minute }, plan })
    }
}

/// Whether the token stands for its client alone (RFC 6749 section 4.4).
fn acts_for_itself(facts: &TokenFacts) -> bool {
    facts.grant.granted_by == GrantedBy::Client
}

fn partner_of(principal: &Principal) -> Option<&PartnerId> {
    match principal {
        Principal::Key(facts) => match &facts.key.holder {
            KeyHolder::Partner(partner) => Some(partner),
            KeyHolder::Account(_) => None,
        },
        Principal::Token(_) => None,
    }
}

/// The account that a key or token stands for at this host.
fn own_account<'a>(principal: &'a Principal, host: &Host) -> Option<&'a Arc<Account>> {
    match principal {
        Principal::Key(facts) => facts.account.as_ref(),
        Principal::Token(facts) => facts.accounts.iter().find(|a| host.environments.contains(&a.environment)),
    }
}

impl<'a> Permit<'a> {
    /// What the limit is counted for.
    pub fn meter_key(&self) -> &MeterKey {
        &self.allowance.meter
    }
    /// Who was allowed.
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }
    /// The account it is about.
    pub fn account(&self) -> Option<&'a Arc<Account>> {
        self.account
    }
    /// Spends one request from the meter of [`Self::meter_key`].
    ///
    /// # Errors
    /// The refusal and what is left, when the limit is used up.
    pub fn take(self, meter: &Meter, now: Timestamp) -> Result<Spent<'a>, (Box<Refusal>, Exceeded)> {
        let Self { principal, account, allowance: Allowance { rate, plan, .. }, proof } = self;
        match meter.take(rate, now) {
            Ok(budget) => Ok(Spent { principal, account, proof, budget }),
            Err(exceeded) => {
                let refusal = denial::rate_limited(plan, rate, exceeded, principal, account, proof);
                Err((Box::new(refusal), exceeded))
            }
        }
    }
}

impl<'a> Spent<'a> {
    /// Who is calling.
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }
    /// The account it is about.
    pub fn account(&self) -> Option<&'a Arc<Account>> {
        self.account
    }
    /// The refusal of a request that was allowed, but that the API behind the gate did not answer.
    pub fn unanswered(&self, contact: &str) -> Refusal {
        denial::unanswered(contact, self.principal, self.account, self.proof)
    }
}

/// Everything the checks look at, gathered once.
pub(super) struct Context<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) principal: &'a Principal,
    pub(super) proof: PossessionProof,
    pub(super) request: Request<'a>,
    /// The account in an environment of this host.
    pub(super) account: Option<&'a Arc<Account>>,
    pub(super) now: Timestamp,
}

impl<'a> Context<'a> {
    pub(super) fn token(&self) -> Option<&'a Arc<TokenFacts>> {
        match self.principal {
            Principal::Token(facts) => Some(facts),
            Principal::Key(_) => None,
        }
    }
    pub(super) fn client(&self) -> Option<&'a Arc<Client>> {
        self.token().map(|t| &t.client)
    }
    pub(super) fn grant(&self) -> Option<&'a Arc<Grant>> {
        self.token().map(|t| &t.grant)
    }
    fn partner(&self) -> Option<&'a PartnerId> {
        partner_of(self.principal)
    }

    /// The cause if this check fails. Cheap, and without allocation.
    fn fails(&self, check: Check) -> Option<Cause> {
        match check {
            Check::Possession | Check::Limit => None,
            Check::NotEnded => self.ended(),
            Check::Kind => {
                let wanted = self.request.route.route.access;
                let partner = self.partner().is_some();
                if (wanted == RouteAccess::Partner) != partner {
                    return Some(Cause::CredentialWrongKind);
                }
                if wanted == RouteAccess::Owner && self.token().is_some_and(|token| acts_for_itself(token)) {
                    return Some(Cause::TokenNoOwner);
                }
                // RFC 9068 section 4: a token that says which APIs it is for is for no other
                let audience = self.token().map(|token| &*token.token.audience)?;
                let meant = audience.is_empty() || audience.contains(&self.request.host.url);
                must!("rfc9068-4-aud", !meant).then_some(Cause::TokenAudience)
            }
            Check::Client => client_fault(self.client()?, self.now).map(|(cause, _)| cause),
            Check::Grant => {
                let ended = self.grant()?.ended.as_ref()?;
                ended.by(self.now).then_some(Cause::GrantRevoked)
            }
            Check::Environment => self.environment(),
            Check::Account => (self.account?.status == Status::Disabled).then_some(Cause::AccountDisabled),
            Check::NotKilled => self.killed(),
            Check::Reach => self.reach(),
            Check::Approval => self.approval(),
            Check::Scope => {
                let held = &self.token()?.token.scopes;
                let sufficient = &self.request.route.sufficient;
                let granted = &self.grant()?.scopes;
                let fine = sufficient.is_empty()
                    || sufficient.iter().any(|s| held.contains(s) && granted.contains(s));
                must!("rfc6750-3.1-scope", !fine).then_some(Cause::ScopeMissing)
            }
            Check::Licence => {
                let product = self.snapshot.product_of(self.request.route)?;
                let client = self.client()?;
                match &product.delegated {
                    Delegated::Allow => None,
                    Delegated::Deny { unless } => {
                        let licensed = unless.as_ref().is_some_and(|l| client.licences.contains(l));
                        (self.is_delegated() && !licensed).then_some(Cause::LicenceDelegated)
                    }
                }
            }
        }
    }

    /// A token is delegated when the app's developer is not the owner of the account.
    fn is_delegated(&self) -> bool {
        let Some(token) = self.token().filter(|token| !acts_for_itself(token)) else { return false };
        match (developer(&token.client), &token.grant.user) {
            (Some(developer), Some(owner)) => developer != *owner,
            _ => true,
        }
    }

    fn ended(&self) -> Option<Cause> {
        let by_now = |ended: &Option<Ended>| ended.as_ref().filter(|e| e.by(self.now)).cloned();
        match self.principal {
            Principal::Key(facts) => by_now(&facts.key.ended).map(|e| denial::key_end_cause(&e)),
            Principal::Token(facts) => {
                if must!("rfc6750-3.1-revoked")
                    && let Some(ended) = by_now(&facts.token.ended)
                {
                    return Some(denial::token_end_cause(&ended));
                }
                let expired = facts.token.expires_at.is_some_and(|end| self.now >= end);
                must!("rfc6750-3.1-expired", expired).then_some(Cause::TokenExpired)
            }
        }
    }

    fn environment(&self) -> Option<Cause> {
        let host = &self.request.host.environments;
        let fits = match self.principal {
            Principal::Key(facts) => match (&facts.key.environment, self.partner()) {
                (Some(environment), _) => host.contains(environment),
                (None, Some(partner)) => self
                    .snapshot
                    .partner(partner)
                    .is_some_and(|p| p.environments.iter().any(|e| host.contains(e))),
                (None, None) => false,
            },
            // who acts for itself is at home everywhere
            Principal::Token(facts) => self.account.is_some() || acts_for_itself(facts),
        };
        (!fits).then_some(Cause::EnvironmentMismatch)
    }

    fn killed(&self) -> Option<Cause> {
        let account_kill = self.account.map(|a| a.kill);
        match self.principal {
            Principal::Key(facts) => {
                account_kill.is_some_and(|kill| kill > facts.key.offset).then_some(Cause::CredentialRevoked)
            }
            Principal::Token(facts) => {
                let offset = facts.token.offset;
                let dead = facts.client.kill > offset || account_kill.is_some_and(|kill| kill > offset);
                dead.then_some(Cause::TokenRevoked).or_else(|| facts.killed.as_ref().map(denial::kill_cause))
            }
        }
    }

    fn reach(&self) -> Option<Cause> {
        let named = self.request.named_account?;
        let reaches = match self.partner() {
            Some(partner) => self.request.account.is_some_and(|a| a.partner.as_ref() == Some(partner)),
            None => self.account.is_some_and(|a| a.id.as_str() == named),
        };
        (!reaches).then_some(Cause::AccountNotCovered)
    }

    fn approval(&self) -> Option<Cause> {
        let token = self.token()?;
        let environment = self.snapshot.environment(&self.account?.environment)?;
        if !environment.needs_approval || token.client.live_trading_approved {
            return None;
        }
        let own = match (developer(&token.client), &token.grant.user) {
            (Some(developer), Some(owner)) => developer == *owner,
            _ => false,
        };
        (!own).then_some(Cause::ClientLiveNotApproved)
    }
}

/// Decides one request of a proven principal. A pure function of its arguments.
///
/// # Errors
/// The refusal, with the checks that passed, the first that failed, those that would fail next, and the facts.
pub fn decide<'a>(
    snapshot: &'a Snapshot,
    principal: &'a Principal,
    proof: PossessionProof,
    request: Request<'a>,
    now: Timestamp,
) -> Result<Permit<'a>, Box<Refusal>> {
    let account = match principal {
        Principal::Key(facts) => facts.account.as_ref().or(request.account),
        Principal::Token(_) => own_account(principal, request.host),
    };
    let context = Context { snapshot, principal, proof, request, account, now };
    for (index, check) in Check::ALL.into_iter().enumerate() {
        if let Some(cause) = context.fails(check) {
            let next = Check::ALL[index + 1..].iter().filter_map(|c| context.fails(*c)).collect();
            return Err(Box::new(denial::refusal(&context, cause, check, next)));
        }
    }
    // No account and no partner cannot pass `Environment`; refuse rather than invent a limit.
    let Some(allowance) = Allowance::of(snapshot, principal, request.host) else {
        return Err(Box::new(Refusal::anonymous(Cause::Internal)));
    };
    Ok(Permit { principal, account, allowance, proof })
}

/// Why a genuine token is good for nothing now, whatever it is asked for: introspection and userinfo judge it by this
/// (RFC 7662 section 2.2). The checks are those of [`decide`], in its order.
pub fn token_fault(facts: &TokenFacts, now: Timestamp) -> Option<Cause> {
    let token = &facts.token;
    if must!("rfc7662-4-revoked")
        && let Some(ended) = token.ended.as_ref().filter(|e| e.by(now))
    {
        return Some(denial::token_end_cause(ended));
    }
    if must!("rfc7662-4-expired", token.expires_at.is_some_and(|end| now >= end)) {
        return Some(Cause::TokenExpired);
    }
    if must!("rfc7662-4-client")
        && let Some((cause, _)) = client_fault(&facts.client, now)
    {
        return Some(cause);
    }
    if must!("rfc7662-4-grant", facts.grant.ended.as_ref().is_some_and(|e| e.by(now))) {
        return Some(Cause::GrantRevoked);
    }
    let every_account_is_dead =
        !facts.accounts.is_empty() && facts.accounts.iter().all(|a| a.kill > token.offset);
    let dead = facts.client.kill > token.offset || every_account_is_dead;
    let cause = dead.then_some(Cause::TokenRevoked).or_else(|| facts.killed.as_ref().map(denial::kill_cause));
    cause.filter(|_| must!("rfc7662-4-killed"))
}

/// How the token came about, for facts and licence rules.
pub(super) fn origin(granted_by: &GrantedBy, delegated: bool) -> &'static str {
    match granted_by {
        GrantedBy::Partner(_) => "given by a partner for its customer",
        GrantedBy::Client => "given to a client that acts for itself",
        GrantedBy::Owner if delegated => "given by the account owner to somebody else's app",
        GrantedBy::Owner => "given by the account owner to their own app",
    }
}

impl Context<'_> {
    pub(super) fn origin(&self) -> Option<&'static str> {
        self.grant().map(|g| origin(&g.granted_by, self.is_delegated()))
    }
}
