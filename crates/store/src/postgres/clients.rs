//! OAuth clients and their secrets.

use super::keys::claim;
use super::model::{client, client_columns, client_owner, secret_columns};
use super::row::{AsText as _, Cursor, each, int, millis, texts};
use super::work::{Shared, Work};
use crate::settings;
use crate::verbs::{Audit, Changed, ClientChange, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::{Client, ClientSecret, Status};
use mandate_core::{ClientId, PlatformId, SubjectKind, Timestamp};
use std::sync::Arc;

/// Ended secrets that are remembered with the client; the oldest go first.
const ENDED_SECRETS: usize = 20;

pub(super) async fn create(
    shared: &Arc<Shared>,
    client: &Client,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    if !claim(&work, &client.platform, client.id.as_str(), "client").await? {
        return Ok(Changed::Conflict);
    }
    let (owner_kind, owner) = client_owner(&client.owner);
    let secrets = secret_columns(&client.secrets);
    work.run(
        "INSERT INTO clients (platform, id, name, description, url, terms_of_use, privacy_policy, owner_kind, owner, \
             status, status_since, live_trading_approved, redirect_uris, scopes, licences, visible_to, \
             secret_digests, secret_partners, secret_created, secret_ended, created_at, active_from, expires_at, \
             kill, settings) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, $24, $25)",
        &[
            &client.platform.sql(),
            &client.id.sql(),
            &client.name.sql(),
            &client.description.sql(),
            &client.url.sql(),
            &client.terms_of_use.sql(),
            &client.privacy_policy.sql(),
            &owner_kind,
            &owner.sql(),
            &client.status.as_str(),
            &client.status_since.millis(),
            &client.live_trading_approved,
            &texts(&client.redirect_uris),
            &client.scopes.to_string(),
            &texts(&client.licences),
            &texts(&client.visible_to),
            &secrets.digests,
            &secrets.partners,
            &secrets.created,
            &secrets.ended,
            &client.created_at.millis(),
            &millis(client.active_from),
            &millis(client.expires_at),
            &int(client.kill.0),
            &settings::text(&client.settings),
        ],
    )
    .await?;
    // No node may go on believing that the id is unknown.
    work.note(&client.platform, SubjectKind::Client, client.id.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn change(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &ClientId,
    change: &ClientChange,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let Some(known) = lock(&work, platform, id).await? else { return Ok(Changed::NotFound) };
    work.run(
        "UPDATE clients SET status = coalesce($3, status), \
                 status_since = CASE WHEN status = coalesce($3, status) THEN status_since ELSE $4 END, \
                 live_trading_approved = coalesce($5, live_trading_approved), \
                 redirect_uris = coalesce($6, redirect_uris), scopes = coalesce($7, scopes), \
                 licences = coalesce($8, licences), visible_to = coalesce($9, visible_to), \
                 name = coalesce($10, name), description = coalesce($11, description), settings = $12 \
             WHERE platform = $1 AND id = $2",
        &[
            &platform.sql(),
            &id.sql(),
            &change.status.map(Status::as_str),
            &audit.at.millis(),
            &change.live_trading_approved,
            &change.redirect_uris.as_deref().map(texts),
            &change.scopes.as_ref().map(ToString::to_string),
            &change.licences.as_deref().map(texts),
            &change.visible_to.as_deref().map(texts),
            &change.name.as_ref().map(|n| n.sql()),
            &change.description.as_ref().map(|d| d.sql()),
            &settings::text(&change.settled(&known.settings)),
        ],
    )
    .await?;
    let effect = if change.status == Some(Status::Disabled) { Effect::Kill } else { Effect::Change };
    work.note(platform, SubjectKind::Client, id.as_str(), effect);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

/// The client under a lock.
async fn lock(work: &Work, platform: &PlatformId, id: &ClientId) -> Result<Option<Client>, StoreError> {
    let sql = concat!(
        "SELECT ",
        client_columns!(),
        " FROM clients AS c WHERE c.platform = $1 AND c.id = $2 FOR NO KEY UPDATE"
    );
    let row = work.row(sql, &[&platform.sql(), &id.sql()]).await?;
    row.map(|r| client(&mut Cursor::new(&r))).transpose()
}

pub(super) async fn add_secret(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &ClientId,
    secret: &ClientSecret,
    older_ends_at: Option<Timestamp>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let Some(client) = lock(&work, platform, id).await? else { return Ok(Changed::NotFound) };
    let mut secrets = client.secrets;
    let live = |s: &ClientSecret| s.ended_at.is_none_or(|end| end > audit.at);
    let mut rivals: Vec<&mut ClientSecret> =
        secrets.iter_mut().filter(|s| s.partner == secret.partner && live(s)).collect();
    if rivals.len() >= 2 {
        let Some(end) = older_ends_at else { return Ok(Changed::TooMany) };
        rivals.sort_by_key(|s| s.created_at);
        let older = rivals.len() - 1;
        for secret in &mut rivals[..older] {
            secret.ended_at = Some(secret.ended_at.map_or(end, |planned| planned.min(end)));
        }
    }
    secrets.push(secret.clone());
    let surplus = secrets.iter().filter(|s| !live(s)).count().saturating_sub(ENDED_SECRETS);
    let mut dropped = 0;
    secrets.retain(|s| {
        let drop = !live(s) && dropped < surplus;
        dropped += usize::from(drop);
        !drop
    });
    let columns = secret_columns(&secrets);
    work.run(
        "UPDATE clients SET secret_digests = $3, secret_partners = $4, secret_created = $5, secret_ended = $6 \
         WHERE platform = $1 AND id = $2",
        &[&platform.sql(), &id.sql(), &columns.digests, &columns.partners, &columns.created, &columns.ended],
    )
    .await?;
    work.note(platform, SubjectKind::Client, id.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn all(shared: &Shared, platform: &PlatformId) -> Result<Vec<Client>, StoreError> {
    let sql = concat!(
        "SELECT ",
        client_columns!(),
        " FROM clients AS c WHERE c.platform = $1 ORDER BY c.created_at, c.seq LIMIT 1000"
    );
    each(&shared.read(sql, &[&platform.sql()]).await?, client)
}
