//! Grants: opened, widened, listed, ended.

use super::model::{CLIENT_COLUMNS, GRANT_COLUMNS, client, client_columns, grant, grant_columns};
use super::records::{DAY_MS, ENDED_DAYS};
use super::row::{AsText as _, Cursor, each, int, texts};
use super::work::{Shared, Work};
use crate::verbs::{At, Audit, Changed, ConnectedApp, StoreError};
use mandate_core::grant::GrantSpec;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Grant, GrantedBy};
use mandate_core::{Digest, GrantId, Offset, PlatformId, ScopeSet, SubjectKind, Timestamp, UserId};
use std::sync::Arc;

fn partner_of(spec: &GrantSpec) -> Option<&str> {
    match &spec.granted_by {
        GrantedBy::Owner | GrantedBy::Client => None,
        GrantedBy::Partner(id) => Some(id.as_str()),
    }
}

/// Whether a grant `g` of a client `c`, its user, its partner or each of its accounts has ended since an offset. What one
/// of several accounts lost, the offset says of what hangs from the grant.
macro_rules! ended_since {
    ($offset:literal) => {
        concat!(
            "(g.ended_at IS NOT NULL OR coalesce(c.kill > ",
            $offset,
            ", true) \
              OR EXISTS (SELECT 1 FROM kills AS k WHERE k.platform = g.platform AND k.n > ",
            $offset,
            " AND (k.kind, k.id) IN (('user', g.user_id), ('partner', g.partner))) \
              OR cardinality(g.accounts) > 0 AND NOT EXISTS (SELECT 1 FROM unnest(g.accounts) AS x (id) \
                  WHERE NOT EXISTS (SELECT 1 FROM accounts AS a \
                      WHERE a.platform = g.platform AND a.id = x.id AND a.kill > ",
            $offset,
            ")))"
        )
    };
}
pub(super) use ended_since;

/// Whether a grant has ended since this offset in any of these ways, or is gone.
pub(super) async fn has_ended_since(
    work: &Work,
    platform: &PlatformId,
    grant: &GrantId,
    offset: Offset,
) -> Result<bool, StoreError> {
    let sql = concat!(
        "SELECT ",
        ended_since!("$3::bigint"),
        " FROM grants AS g LEFT JOIN clients AS c ON c.platform = g.platform AND c.id = g.client \
         WHERE g.platform = $1 AND g.id = $2"
    );
    let row = work.row(sql, &[&platform.sql(), &grant.sql(), &int(offset.0)]).await?;
    row.map_or(Ok(true), |r| Cursor::new(&r).get())
}

/// What makes two grants the same (DESIGN D16): client, user, accounts and origin, each with its length before it.
fn key(spec: &GrantSpec) -> Digest {
    let mut text = Vec::with_capacity(256);
    let mut add = |part: Option<&str>| match part {
        None => text.push(b'-'),
        Some(part) => {
            text.push(b'+');
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
    };
    add(Some(spec.client.as_str()));
    add(spec.user.as_ref().map(UserId::as_str));
    add(partner_of(spec));
    if spec.granted_by == GrantedBy::Client {
        add(Some("own"));
    }
    for account in &spec.accounts {
        add(Some(account.as_str()));
    }
    Digest::of(&text)
}

/// Finds the live grant of this key and adds the scopes, or opens one. Its row stays locked until the end of the
/// work.
pub(super) async fn open_or_widen(
    work: &mut Work,
    spec: &GrantSpec,
    at: Timestamp,
) -> Result<GrantId, StoreError> {
    let key = key(spec);
    let row = work
        .row(
            "INSERT INTO grants (platform, id, key, client, user_id, accounts, scopes, partner, own, \
                 created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $10, $9, $9) \
             ON CONFLICT (platform, key) WHERE ended_at IS NULL \
             DO UPDATE SET updated_at = greatest(grants.updated_at, excluded.updated_at) RETURNING id, scopes",
            &[
                &spec.platform.sql(),
                &spec.new_id.sql(),
                &key.as_bytes().as_slice(),
                &spec.client.sql(),
                &spec.user.as_ref().map(|u| u.sql()),
                &texts(&spec.accounts),
                &spec.scopes.to_string(),
                &partner_of(spec).map(|p| p.sql()),
                &at.millis(),
                &(spec.granted_by == GrantedBy::Client),
            ],
        )
        .await?;
    let row = row.ok_or_else(|| StoreError::Misuse("a grant was neither found nor opened".into()))?;
    let mut columns = Cursor::new(&row);
    let (id, scopes): (GrantId, ScopeSet) = (columns.id()?, columns.scopes()?);
    if !scopes.covers(&spec.scopes) {
        let all = scopes.union(&spec.scopes).to_string();
        let widen = "UPDATE grants SET scopes = $3 WHERE platform = $1 AND id = $2";
        work.run(widen, &[&spec.platform.sql(), &id.sql(), &all]).await?;
        work.note(&spec.platform, SubjectKind::Grant, id.as_str(), Effect::Change);
    }
    Ok(id)
}

pub(super) async fn live(shared: &Shared, spec: &GrantSpec) -> Result<At<Option<Grant>>, StoreError> {
    let sql = concat!(
        "SELECT h.n, ",
        grant_columns!(),
        " FROM head AS h LEFT JOIN grants AS g ON g.platform = $1 AND g.key = $2 AND g.ended_at IS NULL"
    );
    let key = key(spec);
    let row = shared.read_one(sql, &[&spec.platform.sql(), &key.as_bytes().as_slice()]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("the head row is missing".into()))?;
    let mut columns = Cursor::new(&row);
    Ok(At { offset: columns.offset()?, value: columns.joined(GRANT_COLUMNS, grant)? })
}

pub(super) async fn by_id(
    shared: &Shared,
    platform: &PlatformId,
    id: &GrantId,
) -> Result<Option<Grant>, StoreError> {
    let sql = concat!("SELECT ", grant_columns!(), " FROM grants AS g WHERE g.platform = $1 AND g.id = $2");
    let row = shared.read_one(sql, &[&platform.sql(), &id.sql()]).await?;
    row.map(|r| grant(&mut Cursor::new(&r))).transpose()
}

pub(super) async fn all(shared: &Shared, platform: &PlatformId) -> Result<Vec<Grant>, StoreError> {
    let sql = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants AS g WHERE g.platform = $1 ORDER BY g.created_at, g.seq LIMIT 1000"
    );
    each(&shared.read(sql, &[&platform.sql()]).await?, grant)
}

/// What the user gave, and what partners gave on the user's accounts (SECURITY R23).
pub(super) async fn connected(
    shared: &Shared,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<ConnectedApp>, StoreError> {
    let sql = concat!(
        "SELECT ",
        grant_columns!(),
        ", ",
        client_columns!(),
        " FROM grants AS g JOIN clients AS c ON c.platform = g.platform AND c.id = g.client \
         WHERE g.platform = $1 AND (g.user_id = $2 OR g.accounts && ARRAY( \
             SELECT a.id FROM accounts AS a WHERE a.platform = $1 AND a.owner = $2)) \
             AND (g.ended_at IS NULL OR g.ended_at > $3) \
         ORDER BY g.ended_at IS NOT NULL, g.created_at, g.seq LIMIT 1000"
    );
    let since = now.plus_millis(-ENDED_DAYS * DAY_MS).millis();
    let apps = each(&shared.read(sql, &[&platform.sql(), &user.sql(), &since]).await?, |columns| {
        let grant = columns.joined(GRANT_COLUMNS, grant)?;
        let client = columns.joined(CLIENT_COLUMNS, client)?;
        let (grant, client) =
            grant.zip(client).ok_or_else(|| StoreError::Misuse("a connected app without columns".into()))?;
        Ok(ConnectedApp::new(grant, client))
    })?;
    let ids: Vec<&str> = apps.iter().map(|app| app.grant.id.as_str()).collect();
    let sql = "SELECT grant_id, repeats FROM chains WHERE platform = $1 AND grant_id = ANY ($2) \
        AND repeats LIKE '% %' LIMIT 1000";
    let repeats = each(&shared.read(sql, &[&platform.sql(), &ids]).await?, |columns| {
        Ok((columns.get::<String>()?, columns.get::<String>()?))
    })?;
    let of = |id: &GrantId| {
        let texts = repeats.iter().filter(|(grant, _)| grant == id.as_str()).map(|(_, text)| text.clone());
        texts.collect::<Vec<_>>()
    };
    Ok(apps
        .into_iter()
        .map(|app| {
            let texts = of(&app.grant.id);
            app.with_repeats(texts)
        })
        .collect())
}

pub(super) async fn revoke(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &GrantId,
    owner: Option<&UserId>,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let row = work
        .row(
            "SELECT g.ended_at IS NOT NULL FROM grants AS g WHERE g.platform = $1 AND g.id = $2 \
                 AND ($3::text IS NULL OR g.user_id = $3 OR EXISTS (SELECT 1 FROM accounts AS a \
                     WHERE a.platform = $1 AND a.id = ANY (g.accounts) AND a.owner = $3)) \
             FOR NO KEY UPDATE OF g",
            &[&platform.sql(), &id.sql(), &owner.map(|o| o.sql())],
        )
        .await?;
    match row.map(|r| Cursor::new(&r).get::<bool>()).transpose()? {
        None => return Ok(Changed::NotFound),
        Some(true) => return Ok(Changed::Conflict),
        Some(false) => {}
    }
    work.run(
        "UPDATE grants SET ended_at = $3, ended_reason = $4 WHERE platform = $1 AND id = $2",
        &[&platform.sql(), &id.sql(), &audit.at.millis(), &reason.as_str()],
    )
    .await?;
    work.note_end(platform, SubjectKind::Grant, id.as_str(), reason);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
