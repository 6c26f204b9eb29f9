//! The platform file as types. `wire::platform_file` reads it and says where it is wrong; names in here have been
//! checked to exist.

use super::{Dialect, Surface};
use crate::{EnvironmentId, LicenceId, PartnerId, PlanId, PlatformId, ProductId, Scope, ScopeSet};

/// One platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Its id.
    pub id: PlatformId,
    /// What people call it.
    pub name: Box<str>,
    /// How requests and answers are shaped.
    pub dialect: Dialect,
    /// The issuer string: origin of pages and of `error_uri` (SECURITY R18: from configuration only).
    pub issuer: Box<str>,
    /// Whom to ask; shown in explanations.
    pub contact: Box<str>,
    /// Lifetimes, and how often tokens may be asked for.
    pub tokens: Tokens,
    /// What clients of older times need.
    pub legacy: Legacy,
    /// Environments in the order of the file.
    pub environments: Vec<Environment>,
    /// Addresses we listen on.
    pub hosts: Vec<Host>,
    /// APIs behind the gate.
    pub upstreams: Vec<Upstream>,
    /// Scopes that exist.
    pub scopes: Vec<ScopeDefinition>,
    /// Licences that exist.
    pub licences: Vec<Licence>,
    /// Products that exist.
    pub products: Vec<Product>,
    /// Plans that exist.
    pub plans: Vec<Plan>,
    /// The plan of accounts that name none.
    pub default_plan: PlanId,
    /// Protected routes in the order of the file.
    pub routes: Vec<Route>,
    /// Partners by name.
    pub partners: Vec<Partner>,
}

/// Lifetimes, in seconds, and how often tokens may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// An authorization code may wait so long (RFC 6749 section 4.1.2 advises 600 at most).
    pub code_lifetime_s: u32,
    /// Access tokens end after this; `None`: they do not expire (Alpaca Connect documents no end).
    pub access_lifetime_s: Option<u32>,
    /// The same for a token that a client has for itself; `None`: as all others.
    pub client_access_lifetime_s: Option<u32>,
    /// So often in a minute may one client or sign-on ask for tokens (DESIGN D13); `None`: as often as it likes. One that waits
    /// is let go within half a minute.
    pub requests_per_minute: Option<u32>,
    /// A browser session ends after this.
    pub session_lifetime_s: u32,
    /// ID tokens end after this.
    pub id_token_lifetime_s: u32,
    /// A refresh token that is not used for so long ends; `None`: it waits.
    pub refresh_idle_s: Option<u32>,
    /// A refresh chain ends after this however it is used; `None`: it goes on.
    pub refresh_lifetime_s: Option<u32>,
}

/// What clients of older times need and OAuth 2.1 no longer has: off, unless the file says otherwise, and never for a client on a
/// strict profile (DESIGN D15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct Legacy {
    /// Machines may sign on with name and password (RFC 6749 section 4.3), by clients whose settings say so.
    pub password_grant: bool,
    /// Access tokens may be handed out by the authorization endpoint (RFC 6749 section 4.2).
    pub implicit: bool,
    /// Client secrets may stand in bodies (RFC 6749 section 2.3.1) whatever way of authentication is registered.
    pub secrets_in_body: bool,
    /// Access tokens may have no end.
    pub non_expiring_tokens: bool,
}

impl Legacy {
    /// Every switch with its key in platform files.
    pub const fn switches(self) -> [(&'static str, bool); 4] {
        [
            ("password_grant", self.password_grant),
            ("implicit", self.implicit),
            ("secrets_in_body", self.secrets_in_body),
            ("non_expiring_tokens", self.non_expiring_tokens),
        ]
    }
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `live`, `paper` …
    pub id: EnvironmentId,
    /// Prefix of the ids of API keys made here.
    pub key_prefix: Box<str>,
    /// Accounts here can be reset, which replaces their keys.
    pub resettable: bool,
    /// Clients need `live_trading_approved` to act here for people other than their owner.
    pub needs_approval: bool,
}

/// An address we listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name in the file.
    pub name: Box<str>,
    /// Socket address to bind: `127.0.0.1:7111`.
    pub listen: Box<str>,
    /// The base URL clients use; its authority is what `Host` must say.
    pub url: Box<str>,
    /// Other authorities that mean this host.
    pub aliases: Vec<Box<str>>,
    /// Environments it serves; at least one.
    pub environments: Vec<EnvironmentId>,
    /// How it answers.
    pub surface: Surface,
    /// The API behind it; a host of pages has none (SECURITY R19).
    pub upstream: Option<Box<str>>,
}

/// An API behind the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in the file.
    pub name: Box<str>,
    /// `http://host:port`, or `builtin:sample` for the sample brokerage that comes with the binary.
    pub url: Box<str>,
}

/// A scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeDefinition {
    /// The word.
    pub scope: Scope,
    /// What the owner reads on the consent page.
    pub title: Box<str>,
    /// An umbrella expands to these leaves.
    pub expands_to: ScopeSet,
}

/// A licence that clients or accounts may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Its id.
    pub id: LicenceId,
    /// What it is called.
    pub title: Box<str>,
}

/// Whether tokens that an owner gave to somebody else's app may read a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegated {
    /// They may.
    Allow,
    /// They may not, whatever their scopes, unless the client holds this licence.
    Deny {
        /// The licence that opens it.
        unless: Option<LicenceId>,
    },
}

/// Data or a function that is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// What it is called.
    pub title: Box<str>,
    /// The rule about delegated tokens.
    pub delegated: Delegated,
    /// What to use instead, told to those who are refused.
    pub instead: Box<str>,
}

/// A plan: limits per account or partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Sustained requests a minute; also the burst.
    pub requests_per_minute: u32,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAccess {
    /// Anybody; nothing is identified.
    Public,
    /// An account's key or a token.
    Account,
    /// The same, but no token of a client that acts for itself: somebody must own what it is about.
    Owner,
    /// A partner's key.
    Partner,
}

/// A protected route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Upper case.
    pub method: Box<str>,
    /// Path pattern: `/v2/orders/{order_id}`, `{*rest}` at the end for any tail.
    pub path: Box<str>,
    /// Surfaces it stands on.
    pub surface: Surface,
    /// Who may use it.
    pub access: RouteAccess,
    /// The scope a token needs; none: any live token.
    pub scope: Option<Scope>,
    /// The product it belongs to.
    pub product: Option<ProductId>,
    /// The path parameter that names an account, which the caller must reach (SECURITY R23).
    pub account_param: Option<Box<str>>,
    /// It is a websocket.
    pub stream: Option<StreamRoute>,
}

/// A route that is a websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRoute {
    /// What is spoken on it: the word of one of the dialect's protocols.
    pub protocol: Box<str>,
    /// So many may be open at once for one account and path; `None`: what the protocol says.
    pub connections: Option<u32>,
    /// Channels with a product of their own; the others belong to the route's.
    pub channels: Vec<(Box<str>, ProductId)>,
}

/// A partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// Its id in the file.
    pub id: PartnerId,
    /// What people call it.
    pub name: Box<str>,
    /// Scopes it may grant.
    pub scopes: ScopeSet,
    /// Environments it may act in.
    pub environments: Vec<EnvironmentId>,
    /// The plan of its key.
    pub plan: PlanId,
}
