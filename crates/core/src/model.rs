//! The nouns: users, accounts, keys, clients, grants, codes, tokens, sessions, as the store hands them out.

use crate::{
    AccountId, AdminId, ChainId, ClientId, ClientSettings, Digest, EnvironmentId, GrantId, KeyId, LicenceId,
    Offset, PartnerId, PlanId, PlatformId, ScopeSet, SessionId, Timestamp, TokenHandle, UserId,
};
use std::sync::Arc;

/// The end of something: when, why, and what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// From this time on it no longer works.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// The public id of what replaced it, if anything did.
    pub successor: Option<Box<str>>,
}

impl Ended {
    /// Whether the end has come. Only a replaced key may have its end ahead, while it overlaps with its successor;
    /// any other end holds at once, whatever this node's clock says (SECURITY R10).
    pub fn by(&self, now: Timestamp) -> bool {
        self.reason != EndReason::Replaced || now >= self.at
    }
}

/// Why a credential, grant or session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its owner took it back.
    Owner,
    /// The client (or partner) that held it gave it back.
    Holder,
    /// An operator ended it.
    Operator,
    /// A newer one replaced it.
    Replaced,
    /// The paper account was reset.
    AccountReset,
    /// The authorization code it came from was presented again.
    CodeReplayed,
    /// A refresh token of its chain was presented again after its successor had been used.
    RefreshReplayed,
    /// Its time ran out.
    Expired,
    /// The password was changed or the owner signed out everywhere.
    SignedOut,
    /// Another sign-on of the same machine took its place.
    Displaced,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Owner,
        Self::Holder,
        Self::Operator,
        Self::Replaced,
        Self::AccountReset,
        Self::CodeReplayed,
        Self::RefreshReplayed,
        Self::Expired,
        Self::SignedOut,
        Self::Displaced,
    ];
    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Holder => "holder",
            Self::Operator => "operator",
            Self::Replaced => "replaced",
            Self::AccountReset => "account_reset",
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReplayed => "refresh_replayed",
            Self::Expired => "expired",
            Self::SignedOut => "signed_out",
            Self::Displaced => "displaced",
        }
    }
    /// The reason with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

/// Whether a client or account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// In use.
    Active,
    /// Switched off by the operator.
    Disabled,
}

impl Status {
    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Disabled => "DISABLED",
        }
    }
    /// The status with this word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word))
    }
}

/// Who stands behind a user's name (SECURITY R5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UserKind {
    /// A person, who signs in on pages and never by the password grant.
    #[default]
    Person,
    /// A program, which signs on by the password grant and never on pages.
    Machine {
        /// How many sign-ons it may have at once; at least 1.
        sessions: u32,
    },
}

impl UserKind {
    /// The most sign-ons that a machine may have at once.
    pub const MOST_SESSIONS: u32 = 1000;
    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Machine { .. } => "machine",
        }
    }
    /// How many sign-ons a machine may have at once.
    pub const fn sessions(self) -> Option<u32> {
        match self {
            Self::Person => None,
            Self::Machine { sessions } => Some(sessions),
        }
    }
    /// The kind with this word; `sessions` counts for machines only.
    pub fn from_word(word: &str, sessions: Option<u32>) -> Option<Self> {
        match word {
            "person" => Some(Self::Person),
            "machine" => Some(Self::Machine { sessions: sessions.unwrap_or(1) }),
            _ => None,
        }
    }
    /// Whether it is a program.
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Machine { .. })
    }
}

/// A person who signs in, or a machine that signs on.
#[derive(Clone, Debug)]
pub struct User {
    /// The tenant.
    pub platform: PlatformId,
    /// The internal id.
    pub id: UserId,
    /// Person or machine.
    pub kind: UserKind,
    /// The name typed at sign-in; unique per platform, compared exactly.
    pub name: Box<str>,
    /// PHC string of the argon2id hash; `None` for a user who signs in elsewhere.
    pub password: Option<PasswordHash>,
    /// Identity at another issuer: `(issuer, subject)`.
    pub external: Option<(Box<str>, Box<str>)>,
    /// How people write to the user, as an operator said it: told to apps with the scope `email`, never proven here.
    pub email: Option<Box<str>>,
    /// Grows with each change of password; a sign-in is accepted only under the version it verified.
    pub password_version: u64,
    /// Whether the user may sign in.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A stored password hash. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Wraps a PHC string.
    pub fn new(phc: impl Into<Box<str>>) -> Self {
        Self(phc.into())
    }
    /// The PHC string, for the verifier and the store only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What a user owns and lets others act on; in exactly one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The tenant.
    pub platform: PlatformId,
    /// The id clients name it by.
    pub id: AccountId,
    /// Where it lives.
    pub environment: EnvironmentId,
    /// Whose it is; accounts of a partner's customers may have none here.
    pub owner: Option<UserId>,
    /// The partner whose customer holds it.
    pub partner: Option<PartnerId>,
    /// Switched on or off.
    pub status: Status,
    /// Since when, if off.
    pub status_since: Timestamp,
    /// The plan that sets its limits; the platform's default when absent.
    pub plan: Option<PlanId>,
    /// Licences the account itself holds.
    pub licences: Vec<LicenceId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was reset (paper accounts).
    pub resets: u32,
    /// Credentials with a smaller offset are dead (SECURITY R10).
    pub kill: Offset,
}

/// Who an API key speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyHolder {
    /// One account.
    Account(AccountId),
    /// A partner: any of its own accounts.
    Partner(PartnerId),
}

/// An API key as stored: the secret is only a digest.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The tenant.
    pub platform: PlatformId,
    /// The public half.
    pub id: KeyId,
    /// Whose it is.
    pub holder: KeyHolder,
    /// Where it works; `None` for a partner's key: everywhere the partner may act.
    pub environment: Option<EnvironmentId>,
    /// Digest of the secret half.
    pub digest: Digest,
    /// What its owner calls it.
    pub label: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Log offset its maker had applied (SECURITY R10).
    pub offset: Offset,
    /// Its end, past or coming.
    pub ended: Option<Ended>,
    /// When a request with it was last allowed, roughly.
    pub last_used: Option<Timestamp>,
}

/// One of a client's secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// What is compared.
    pub digest: Digest,
    /// The partner whose calls it is good for; `None`: the client's own (SECURITY R23).
    pub partner: Option<PartnerId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its end, past or coming.
    pub ended_at: Option<Timestamp>,
}

/// Whose client it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOwner {
    /// A developer with a sign-in here.
    User(UserId),
    /// A partner.
    Partner(PartnerId),
    /// The operator.
    Operator,
}

/// An OAuth client: an app (RFC 6749 section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The tenant.
    pub platform: PlatformId,
    /// Its public id.
    pub id: ClientId,
    /// What people read on the consent page.
    pub name: Box<str>,
    /// One sentence for the consent page.
    pub description: Box<str>,
    /// Home page.
    pub url: Box<str>,
    /// Terms of use.
    pub terms_of_use: Box<str>,
    /// Privacy policy.
    pub privacy_policy: Box<str>,
    /// Who registered it.
    pub owner: ClientOwner,
    /// Switched on or off.
    pub status: Status,
    /// Since when.
    pub status_since: Timestamp,
    /// Whether it may act on live accounts of people other than its owner.
    pub live_trading_approved: bool,
    /// Exact redirect URIs (RFC 6749 section 3.1.2.3).
    pub redirect_uris: Vec<Box<str>>,
    /// Scopes it may ask for.
    pub scopes: ScopeSet,
    /// Licences it holds, by which products open to delegated tokens.
    pub licences: Vec<LicenceId>,
    /// Partners that may use it in their own calls; empty: none.
    pub visible_to: Vec<PartnerId>,
    /// How it is to be treated.
    pub settings: ClientSettings,
    /// Its secrets, live and recently ended; at most two live for each partner.
    pub secrets: Vec<ClientSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Not usable before.
    pub active_from: Option<Timestamp>,
    /// Not usable from then on.
    pub expires_at: Option<Timestamp>,
    /// Credentials with a smaller offset are dead (SECURITY R10).
    pub kill: Offset,
}

/// In whose calls a client secret is presented (SECURITY R23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUse<'a> {
    /// The client's own.
    Own,
    /// A partner's.
    Partner(&'a PartnerId),
}

impl Client {
    /// Whether the presented secret is live and good for this use. Looks at every secret, in constant time each.
    pub fn secret_matches(&self, presented: &Digest, used: SecretUse<'_>, now: Timestamp) -> bool {
        let mut matched = false;
        for secret in &self.secrets {
            let live = secret.ended_at.is_none_or(|end| now < end) && now >= secret.created_at;
            let meant = match used {
                SecretUse::Own => secret.partner.is_none(),
                SecretUse::Partner(p) => match &secret.partner {
                    Some(for_partner) => for_partner == p,
                    None => self.visible_to.len() == 1 && self.visible_to[0] == *p,
                },
            };
            matched |= (secret.digest == *presented) & live & meant;
        }
        matched
    }
}

/// Who allowed a grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantedBy {
    /// The account owner, on the consent page.
    Owner,
    /// A partner, for its own customer (SECURITY R23).
    Partner(PartnerId),
    /// Nobody: the client acts for itself, on no account (RFC 6749 section 4.4).
    Client,
}

/// What an owner allowed a client. One is live per (platform, subject, client, account set, origin).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The tenant.
    pub platform: PlatformId,
    /// Its opaque id.
    pub id: GrantId,
    /// The app.
    pub client: ClientId,
    /// Who gave it; a partner's customer may be no user here.
    pub user: Option<UserId>,
    /// On which accounts, sorted; none for a client that acts for itself.
    pub accounts: Vec<AccountId>,
    /// What for.
    pub scopes: ScopeSet,
    /// By whom.
    pub granted_by: GrantedBy,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it was last given again or widened.
    pub updated_at: Timestamp,
    /// When a request under it was last allowed, roughly.
    pub last_used: Option<Timestamp>,
    /// Its end.
    pub ended: Option<Ended>,
}

/// An authorization code as stored (RFC 6749 section 4.1.2).
#[derive(Clone, Debug)]
pub struct Code {
    /// What is looked up.
    pub digest: Digest,
    /// Bound to this client.
    pub client: ClientId,
    /// And to this redirect URI.
    pub redirect_uri: Box<str>,
    /// And to this S256 challenge, if the authorization request sent one (RFC 7636).
    pub challenge: Option<Box<str>>,
    /// The grant it hands out.
    pub grant: GrantId,
    /// Scopes of the token to come.
    pub scopes: ScopeSet,
    /// The partner that asked for it, if one did.
    pub partner: Option<PartnerId>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// It cannot be redeemed from then on.
    pub expires_at: Timestamp,
    /// Log offset its maker had applied (SECURITY R10).
    pub offset: Offset,
    /// The key that its tokens will be bound to (RFC 9449 section 10), as a thumbprint; shown again at redemption.
    pub binding: Option<Box<str>>,
    /// Opaque text of the issuer that travels from the authorization request to the token.
    pub context: Box<str>,
    /// When and for which token it was spent.
    pub redeemed: Option<(Timestamp, TokenHandle)>,
    /// The refresh chain that it gave beside the token.
    pub redeemed_chain: Option<ChainId>,
}

/// An access token as stored.
#[derive(Clone, Debug)]
pub struct Token {
    /// The tenant.
    pub platform: PlatformId,
    /// What is looked up.
    pub digest: Digest,
    /// Its name without the secret.
    pub handle: TokenHandle,
    /// What it hangs from.
    pub grant: GrantId,
    /// What it was issued for; frozen.
    pub scopes: ScopeSet,
    /// The partner that asked for it, if one did.
    pub partner: Option<PartnerId>,
    /// When.
    pub issued_at: Timestamp,
    /// Its calendar end, if the platform sets one.
    pub expires_at: Option<Timestamp>,
    /// Log offset its issuer had applied (SECURITY R10).
    pub offset: Offset,
    /// The refresh chain that it came with.
    pub chain: Option<ChainId>,
    /// Thumbprint of the key that it is bound to (RFC 9449 section 6); only self-contained tokens are bound.
    pub binding: Option<Box<str>>,
    /// The APIs that it is for (RFC 9068 section 4); none: all of the platform.
    pub audience: Vec<Box<str>>,
    /// The key that signed it, by its `kid`: when that key is no longer believed, neither is the token.
    pub signed_by: Option<Box<str>>,
    /// Its early end, or that of its chain.
    pub ended: Option<Ended>,
}

/// An API key with all that a decision needs to know about it.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    /// The key.
    pub key: ApiKey,
    /// Its account, for an account's key.
    pub account: Option<Arc<Account>>,
}

/// A token with all that a decision needs to know about it.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// The token.
    pub token: Token,
    /// Its grant.
    pub grant: Arc<Grant>,
    /// The client it was issued to.
    pub client: Arc<Client>,
    /// The grant's accounts.
    pub accounts: Vec<Arc<Account>>,
    /// What the log says that came after it, of what has no end in the facts above: user and partner, and for a token
    /// that carries its own claims the token, its chain and its grant.
    pub killed: Option<Killed>,
}

/// An end of something that a credential hangs from, which came after the credential was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// What ended.
    pub kind: crate::SubjectKind,
    /// When, if that is known.
    pub at: Option<Timestamp>,
    /// Why, if that is known.
    pub reason: Option<EndReason>,
}

/// What a public credential id names. One index leads to it, whatever its kind (DESIGN D5).
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API key.
    Key(Arc<KeyFacts>),
    /// An OAuth client.
    Client(Arc<Client>),
}

/// A browser session of a user.
#[derive(Clone, Debug)]
pub struct Session {
    /// The handle its owner sees.
    pub id: SessionId,
    /// Digest of the cookie.
    pub digest: Digest,
    /// Whose.
    pub user: UserId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// Last page, roughly.
    pub last_seen: Timestamp,
    /// It cannot be used from then on.
    pub expires_at: Timestamp,
    /// Shortened address of the browser.
    pub address: Box<str>,
    /// Shortened name of the browser.
    pub browser: Box<str>,
}

/// An administrator's token.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// Its public name.
    pub id: AdminId,
    /// What it may do.
    pub rights: AdminRights,
    /// The one platform it may touch; `None`: all.
    pub platform: Option<PlatformId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It cannot be used from then on.
    pub expires_at: Option<Timestamp>,
}

/// What an administrator token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminRights {
    /// Only make a real administrator (SECURITY R25).
    Bootstrap,
    /// Look.
    Read,
    /// Look and change.
    Write,
}

impl AdminRights {
    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
    /// The rights with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Bootstrap, Self::Read, Self::Write].into_iter().find(|r| r.as_str() == word)
    }
}
