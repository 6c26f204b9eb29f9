//! What each table's columns are called, and how a row of it becomes a noun of the model; in one place.

use super::row::{AsText, Cursor, Text, broken, digest, effect_word, handle_text, millis};
use crate::settings;
use crate::verbs::{AuditRecord, DecisionRow, PlatformRow, StoreError};
use mandate_core::device::{DeviceFlow, DeviceState};
use mandate_core::log::Effect;
use mandate_core::model::{
    Account, AdminRights, Administrator, ApiKey, Client, ClientOwner, ClientSecret, Code, EndReason, Grant,
    GrantedBy, KeyHolder, PasswordHash, Session, Status, Token, User, UserKind,
};
use mandate_core::refresh::{Chain, Repeats};
use mandate_core::{LogEntry, Subject, SubjectKind, Timestamp};

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $list:literal;)*) => {$(
        $(#[$doc])*
        macro_rules! $name { () => { $list } }
        pub(super) use $name;
    )*};
}

columns! {
    /// 12 columns for [`user`].
    user_columns = "u.platform, u.id, u.kind, u.sessions, u.name, u.password, u.external_issuer, u.external_subject, \
        u.password_version, u.status, u.created_at, u.email";
    /// 8 columns for [`session`].
    session_columns = "s.id, s.digest, s.user_id, s.created_at, s.last_seen, s.expires_at, s.address, s.browser";
    /// 12 columns for [`account`].
    account_columns = "a.platform, a.id, a.environment, a.owner, a.partner, a.status, a.status_since, a.plan, \
        a.licences, a.created_at, a.resets, a.kill";
    /// 13 columns for [`key`].
    key_columns = "k.platform, k.id, k.account, k.partner, k.environment, k.digest, k.label, k.created_at, \
        k.log_offset, k.ended_at, k.ended_reason, k.successor, k.last_used";
    /// 25 columns for [`client`].
    client_columns = "c.platform, c.id, c.name, c.description, c.url, c.terms_of_use, c.privacy_policy, \
        c.owner_kind, c.owner, c.status, c.status_since, c.live_trading_approved, c.redirect_uris, c.scopes, \
        c.licences, c.visible_to, c.secret_digests, c.secret_partners, c.secret_created, c.secret_ended, \
        c.created_at, c.active_from, c.expires_at, c.kill, c.settings";
    /// 13 columns for [`grant`].
    grant_columns = "g.platform, g.id, g.client, g.user_id, g.accounts, g.scopes, g.partner, g.own, \
        g.created_at, g.updated_at, g.last_used, g.ended_at, g.ended_reason";
    /// 15 columns for [`code`].
    code_columns = "o.digest, o.client, o.redirect_uri, o.challenge, o.grant_id, o.scopes, o.partner, o.issued_at, \
        o.expires_at, o.log_offset, o.redeemed_at, o.redeemed_handle, o.binding, o.context, o.redeemed_chain";
    /// 15 columns for [`token`], the end of its chain among them.
    token_columns = "t.platform, t.handle, t.digest, t.grant_id, t.scopes, t.partner, t.issued_at, t.expires_at, \
        t.log_offset, t.ended_at, t.ended_reason, t.chain, h.ended_at, h.ended_reason, h.successor";
    /// 20 columns for [`chain`].
    chain_columns = "h.platform, h.id, h.grant_id, h.client, h.scopes, h.salt, h.key, h.generation, h.binding, h.context, \
        h.issued_at, h.answered_at, h.reanswers, h.idle_ends_at, h.ends_at, h.log_offset, h.ended_at, h.ended_reason, \
        h.successor, h.repeats";
    /// 14 columns for [`device`].
    device_columns = "d.platform, d.digest, d.user_code, d.client, d.scopes, d.context, d.issued_at, d.expires_at, \
        d.interval_ms, d.last_poll, d.state, d.grant_id, d.decision, d.log_offset";
    /// 5 columns for [`admin`].
    admin_columns = "id, rights, platform, created_at, expires_at";
}

/// How many columns `client_columns` names.
pub(super) const CLIENT_COLUMNS: usize = 25;
/// How many columns `account_columns` names.
pub(super) const ACCOUNT_COLUMNS: usize = 12;
/// How many columns `key_columns` names.
pub(super) const KEY_COLUMNS: usize = 13;
/// How many columns `token_columns` names.
pub(super) const TOKEN_COLUMNS: usize = 15;
/// How many columns `grant_columns` names.
pub(super) const GRANT_COLUMNS: usize = 13;
/// How many columns `chain_columns` names.
pub(super) const CHAIN_COLUMNS: usize = 20;

pub(super) fn user(c: &mut Cursor<'_>) -> Result<User, StoreError> {
    Ok(User {
        platform: c.id()?,
        id: c.id()?,
        kind: {
            let (word, sessions) = (c.get::<&str>()?, c.get::<Option<i64>>()?);
            let sessions = sessions.map(u32::try_from).transpose().map_err(broken)?;
            UserKind::from_word(word, sessions).ok_or_else(|| broken("unknown kind of user"))?
        },
        name: c.id()?,
        password: c.get::<Option<&str>>()?.map(PasswordHash::new),
        external: c.maybe_id()?.zip(c.maybe_id()?),
        password_version: c.count()?,
        status: c.word(Status::from_word)?,
        created_at: c.time()?,
        email: c.maybe_id()?,
    })
}

pub(super) fn session(c: &mut Cursor<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: c.id()?,
        digest: c.digest()?,
        user: c.id()?,
        created_at: c.time()?,
        last_seen: c.time()?,
        expires_at: c.time()?,
        address: c.id()?,
        browser: c.id()?,
    })
}

pub(super) fn account(c: &mut Cursor<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        platform: c.id()?,
        id: c.id()?,
        environment: c.id()?,
        owner: c.maybe_id()?,
        partner: c.maybe_id()?,
        status: c.word(Status::from_word)?,
        status_since: c.time()?,
        plan: c.maybe_id()?,
        licences: c.ids()?,
        created_at: c.time()?,
        resets: u32::try_from(c.count()?).map_err(broken)?,
        kill: c.offset()?,
    })
}

pub(super) fn key(c: &mut Cursor<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        platform: c.id()?,
        id: c.id()?,
        holder: match (c.maybe_id()?, c.maybe_id()?) {
            (Some(account), _) => KeyHolder::Account(account),
            (None, Some(partner)) => KeyHolder::Partner(partner),
            (None, None) => return Err(broken("a key without holder")),
        },
        environment: c.maybe_id()?,
        digest: c.digest()?,
        label: c.id()?,
        created_at: c.time()?,
        offset: c.offset()?,
        ended: c.ended_by()?,
        last_used: c.maybe_time()?,
    })
}

pub(super) fn client(c: &mut Cursor<'_>) -> Result<Client, StoreError> {
    Ok(Client {
        platform: c.id()?,
        id: c.id()?,
        name: c.id()?,
        description: c.id()?,
        url: c.id()?,
        terms_of_use: c.id()?,
        privacy_policy: c.id()?,
        owner: match (c.get::<&str>()?, c.get::<&str>()?) {
            ("user", id) => ClientOwner::User(id.into()),
            ("partner", id) => ClientOwner::Partner(id.into()),
            ("operator", _) => ClientOwner::Operator,
            (word, _) => return Err(broken(format_args!("unknown word `{word}`"))),
        },
        status: c.word(Status::from_word)?,
        status_since: c.time()?,
        live_trading_approved: c.get()?,
        redirect_uris: c.ids()?,
        scopes: c.scopes()?,
        licences: c.ids()?,
        visible_to: c.ids()?,
        secrets: secrets(c)?,
        created_at: c.time()?,
        active_from: c.maybe_time()?,
        expires_at: c.maybe_time()?,
        kill: c.offset()?,
        settings: settings::read(c.get()?).ok_or_else(|| broken("settings of a client"))?,
    })
}

fn secrets(c: &mut Cursor<'_>) -> Result<Vec<ClientSecret>, StoreError> {
    let (digests, partners) = (c.get::<Vec<&[u8]>>()?, c.get::<Vec<Option<&str>>>()?);
    let (created, ended) = (c.get::<Vec<i64>>()?, c.get::<Vec<Option<i64>>>()?);
    let columns = digests.into_iter().zip(partners).zip(created.into_iter().zip(ended));
    columns
        .map(|((bytes, partner), (created, ended))| {
            Ok(ClientSecret {
                digest: digest(bytes)?,
                partner: partner.map(Into::into),
                created_at: Timestamp::from_millis(created),
                ended_at: ended.map(Timestamp::from_millis),
            })
        })
        .collect()
}

/// The words for a client's owner.
pub(super) fn client_owner(owner: &ClientOwner) -> (&'static str, &str) {
    match owner {
        ClientOwner::User(id) => ("user", id.as_str()),
        ClientOwner::Partner(id) => ("partner", id.as_str()),
        ClientOwner::Operator => ("operator", ""),
    }
}

/// A client's secrets as four columns.
#[derive(Debug)]
pub(super) struct SecretColumns<'a> {
    pub(super) digests: Vec<&'a [u8]>,
    pub(super) partners: Vec<Option<Text<'a>>>,
    pub(super) created: Vec<i64>,
    pub(super) ended: Vec<Option<i64>>,
}

/// Splits a client's secrets into columns.
pub(super) fn secret_columns(secrets: &[ClientSecret]) -> SecretColumns<'_> {
    SecretColumns {
        digests: secrets.iter().map(|s| &s.digest.as_bytes()[..]).collect(),
        partners: secrets.iter().map(|s| s.partner.as_ref().map(AsText::sql)).collect(),
        created: secrets.iter().map(|s| s.created_at.millis()).collect(),
        ended: secrets.iter().map(|s| millis(s.ended_at)).collect(),
    }
}

pub(super) fn grant(c: &mut Cursor<'_>) -> Result<Grant, StoreError> {
    Ok(Grant {
        platform: c.id()?,
        id: c.id()?,
        client: c.id()?,
        user: c.maybe_id()?,
        accounts: c.ids()?,
        scopes: c.scopes()?,
        granted_by: match (c.maybe_id()?, c.get()?) {
            (Some(partner), _) => GrantedBy::Partner(partner),
            (None, true) => GrantedBy::Client,
            (None, false) => GrantedBy::Owner,
        },
        created_at: c.time()?,
        updated_at: c.time()?,
        last_used: c.maybe_time()?,
        ended: c.ended()?,
    })
}

pub(super) fn code(c: &mut Cursor<'_>) -> Result<Code, StoreError> {
    Ok(Code {
        digest: c.digest()?,
        client: c.id()?,
        redirect_uri: c.id()?,
        challenge: c.maybe_id()?,
        grant: c.id()?,
        scopes: c.scopes()?,
        partner: c.maybe_id()?,
        issued_at: c.time()?,
        expires_at: c.time()?,
        offset: c.offset()?,
        redeemed: c.maybe_time()?.zip(c.get::<Option<&[u8]>>()?.map(handle_text)),
        binding: c.maybe_id()?,
        context: c.id()?,
        redeemed_chain: c.maybe_id()?,
    })
}

pub(super) fn token(c: &mut Cursor<'_>) -> Result<Token, StoreError> {
    let token = Token {
        platform: c.id()?,
        handle: handle_text(c.get()?),
        digest: c.digest()?,
        grant: c.id()?,
        scopes: c.scopes()?,
        partner: c.maybe_id()?,
        issued_at: c.time()?,
        expires_at: c.maybe_time()?,
        offset: c.offset()?,
        ended: None,
        chain: None,
        binding: None,
        audience: Vec::new(),
        signed_by: None,
    };
    let ended = c.ended()?;
    let chain = c.maybe_id()?;
    // The end of its chain is its own.
    let chains_end = c.ended_by()?;
    Ok(Token { ended: ended.or(chains_end), chain, ..token })
}

pub(super) fn chain(c: &mut Cursor<'_>) -> Result<Chain, StoreError> {
    Ok(Chain {
        platform: c.id()?,
        id: c.id()?,
        grant: c.id()?,
        client: c.id()?,
        scopes: c.scopes()?,
        salt: c.get::<&[u8]>()?.try_into().map_err(broken)?,
        key: u32::try_from(c.count()?).map_err(broken)?,
        generation: c.count()?,
        binding: c.maybe_id()?,
        context: c.id()?,
        issued_at: c.time()?,
        answered_at: c.time()?,
        reanswers: u32::try_from(c.count()?).map_err(broken)?,
        idle_ends_at: c.maybe_time()?,
        ends_at: c.maybe_time()?,
        offset: c.offset()?,
        ended: c.ended_by()?,
        repeats: Repeats::read(c.get()?),
    })
}

pub(super) fn device(c: &mut Cursor<'_>) -> Result<DeviceFlow, StoreError> {
    let flow = DeviceFlow {
        platform: c.id()?,
        digest: c.digest()?,
        user_code: c.id()?,
        client: c.id()?,
        scopes: c.scopes()?,
        context: c.id()?,
        issued_at: c.time()?,
        expires_at: c.time()?,
        interval_ms: c.get()?,
        last_poll: c.maybe_time()?,
        state: DeviceState::Pending,
    };
    let state = match c.get::<&str>()? {
        "pending" => DeviceState::Pending,
        "approved" => DeviceState::Approved { grant: c.id()?, context: c.id()?, offset: c.offset()? },
        "denied" => DeviceState::Denied,
        "spent" => DeviceState::Spent,
        word => return Err(broken(format_args!("unknown word `{word}`"))),
    };
    Ok(DeviceFlow { state, ..flow })
}

pub(super) fn admin(c: &mut Cursor<'_>) -> Result<Administrator, StoreError> {
    Ok(Administrator {
        id: c.id()?,
        rights: c.word(AdminRights::from_word)?,
        platform: c.maybe_id()?,
        created_at: c.time()?,
        expires_at: c.maybe_time()?,
    })
}

pub(super) fn platform(c: &mut Cursor<'_>) -> Result<PlatformRow, StoreError> {
    Ok(PlatformRow { id: c.id()?, revision: c.count()?, document: c.id()?, applied_at: c.time()? })
}

pub(super) fn decision(c: &mut Cursor<'_>) -> Result<DecisionRow, StoreError> {
    Ok(DecisionRow { id: c.id()?, platform: c.id()?, at: c.time()?, cause: c.id()?, document: c.id()? })
}

pub(super) fn entry(c: &mut Cursor<'_>) -> Result<LogEntry, StoreError> {
    Ok(LogEntry {
        offset: c.offset()?,
        subject: Subject { platform: c.id()?, kind: c.word(SubjectKind::from_word)?, id: c.id()? },
        effect: c
            .word(|word| [Effect::Kill, Effect::Change].into_iter().find(|e| effect_word(*e) == word))?,
        at: c.time()?,
        reason: c.maybe_word(EndReason::from_word)?,
    })
}

pub(super) fn audit(c: &mut Cursor<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        number: c.count()?,
        operation: c.id()?,
        platform: c.maybe_id()?,
        actor: c.id()?,
        action: c.id()?,
        subject: c.id()?,
        detail: c.id()?,
        at: c.time()?,
    })
}
