//! Making users, accounts, keys, clients and administrators: the one place that decides what they look like when new.
//! The admin API, the owner's pages and the demo all use it. A secret is in the caller's hands once; the store keeps
//! its digest.

use mandate_core::model::{
    Account, AdminRights, Administrator, ApiKey, Client, ClientOwner, ClientSecret, KeyHolder, PasswordHash,
    Status, User, UserKind,
};
use mandate_core::platform::Environment;
use mandate_core::{
    AccountId, AdminId, ClientId, ClientSettings, Entropy, EnvironmentId, KeyId, LicenceId, Offset,
    PartnerId, PlatformId, ScopeSet, Secret, Timestamp, UserId, format,
};

/// Prefix of the ids of partners' keys.
pub const PARTNER_KEY_PREFIX: &str = "CK";
/// What an administrator's token begins with.
pub const ADMIN_TOKEN_PREFIX: &str = "mdt_admin_";
/// What a bootstrap token begins with.
pub const BOOTSTRAP_TOKEN_PREFIX: &str = "mdt_bootstrap_";
/// How long a bootstrap token lives, in seconds (SECURITY R25).
pub const BOOTSTRAP_LIFETIME_S: i64 = 3600;

/// Where and when something is made.
#[derive(Clone, Copy, Debug)]
pub struct Minting<'a> {
    /// The tenant.
    pub platform: &'a PlatformId,
    /// The time.
    pub now: Timestamp,
    /// Log offset that was applied before anything was read (SECURITY R10).
    pub offset: Offset,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
}

/// A user who signs in here, or, without a password, elsewhere.
pub fn user(minting: Minting<'_>, name: &str, password: Option<PasswordHash>) -> User {
    User {
        platform: minting.platform.clone(),
        id: UserId::new(format::opaque("u_", minting.entropy)),
        kind: UserKind::Person,
        name: name.into(),
        password,
        external: None,
        email: None,
        password_version: 1,
        status: Status::Active,
        created_at: minting.now,
    }
}

/// A password for a person who brings none: 90 random bits.
pub fn password(entropy: &dyn Entropy) -> Secret {
    Secret::new(format::public_id("", entropy))
}

/// An account; its plan is the platform's default and it holds no licences.
pub fn account(
    minting: Minting<'_>,
    environment: EnvironmentId,
    owner: Option<UserId>,
    partner: Option<PartnerId>,
) -> Account {
    Account {
        platform: minting.platform.clone(),
        id: AccountId::new(format::uuid_v4(minting.entropy)),
        environment,
        owner,
        partner,
        status: Status::Active,
        status_since: minting.now,
        plan: None,
        licences: Vec::new(),
        created_at: minting.now,
        resets: 0,
        kill: Offset::default(),
    }
}

/// An account's key in its environment, and the secret half.
pub fn account_key(
    minting: Minting<'_>,
    environment: &Environment,
    account: &AccountId,
    label: &str,
) -> (ApiKey, Secret) {
    let holder = KeyHolder::Account(account.clone());
    key(minting, &environment.key_prefix, holder, Some(environment.id.clone()), label)
}

/// A partner's key, good wherever the partner may act, and the secret half.
pub fn partner_key(minting: Minting<'_>, partner: &PartnerId, label: &str) -> (ApiKey, Secret) {
    key(minting, PARTNER_KEY_PREFIX, KeyHolder::Partner(partner.clone()), None, label)
}

fn key(
    minting: Minting<'_>,
    prefix: &str,
    holder: KeyHolder,
    environment: Option<EnvironmentId>,
    label: &str,
) -> (ApiKey, Secret) {
    let secret = format::machine_secret(minting.entropy);
    let key = ApiKey {
        platform: minting.platform.clone(),
        id: KeyId::new(format::public_id(prefix, minting.entropy)),
        holder,
        environment,
        digest: secret.digest(),
        label: label.into(),
        created_at: minting.now,
        offset: minting.offset,
        ended: None,
        last_used: None,
    };
    (key, secret)
}

/// What is said about a new client.
#[derive(Clone, Debug)]
pub struct NewClient {
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
    /// Exact redirect URIs.
    pub redirect_uris: Vec<Box<str>>,
    /// Scopes it may ask for.
    pub scopes: ScopeSet,
    /// Licences it holds.
    pub licences: Vec<LicenceId>,
    /// Partners that may use it.
    pub visible_to: Vec<PartnerId>,
    /// Approval for live trading.
    pub live_trading_approved: bool,
    /// How it is to be treated.
    pub settings: ClientSettings,
}

/// A client, with one secret of its own if it authenticates by one, and that secret.
pub fn client(minting: Minting<'_>, new: NewClient) -> (Client, Option<Secret>) {
    let (own, secret) = new.settings.uses_secret().then(|| client_secret(minting, None)).unzip();
    let client = Client {
        platform: minting.platform.clone(),
        id: ClientId::new(format::random_hex::<16>(minting.entropy)),
        name: new.name,
        description: new.description,
        url: new.url,
        terms_of_use: new.terms_of_use,
        privacy_policy: new.privacy_policy,
        owner: new.owner,
        status: Status::Active,
        status_since: minting.now,
        live_trading_approved: new.live_trading_approved,
        redirect_uris: new.redirect_uris,
        scopes: new.scopes,
        licences: new.licences,
        visible_to: new.visible_to,
        settings: new.settings,
        secrets: own.into_iter().collect(),
        created_at: minting.now,
        active_from: None,
        expires_at: None,
        kill: Offset::default(),
    };
    (client, secret)
}

/// A client secret, for the client's own calls or one partner's (SECURITY R23).
pub fn client_secret(minting: Minting<'_>, partner: Option<PartnerId>) -> (ClientSecret, Secret) {
    let secret = Secret::new(format::random_hex::<20>(minting.entropy));
    (ClientSecret { digest: secret.digest(), partner, created_at: minting.now, ended_at: None }, secret)
}

/// An administrator and its token.
pub fn administrator(
    name: &str,
    rights: AdminRights,
    platform: Option<PlatformId>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> (Administrator, Secret) {
    let prefix = match rights {
        AdminRights::Bootstrap => BOOTSTRAP_TOKEN_PREFIX,
        AdminRights::Read | AdminRights::Write => ADMIN_TOKEN_PREFIX,
    };
    let token = Secret::new(format::opaque(prefix, entropy) + &format::random_hex::<8>(entropy));
    (Administrator { id: AdminId::new(name), rights, platform, created_at: now, expires_at }, token)
}

/// The one-hour token that makes the first administrator (SECURITY R25). For `Store::bootstrap_admin`.
pub fn bootstrap(now: Timestamp, entropy: &dyn Entropy) -> (Administrator, Secret) {
    let name = format!("bootstrap-{}", format::random_hex::<4>(entropy));
    administrator(
        &name,
        AdminRights::Bootstrap,
        None,
        Some(now.plus_seconds(BOOTSTRAP_LIFETIME_S)),
        now,
        entropy,
    )
}
