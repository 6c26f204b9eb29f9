//! Clients and their secrets.

use super::fault::Result;
use super::keys;
use super::rows::{self, client_columns};
use super::work::Work;
use crate::{Audit, Changed, ClientChange, settings};
use mandate_core::log::Effect;
use mandate_core::model::{Client, ClientOwner, ClientSecret, Status};
use mandate_core::{ClientId, LicenceId, PartnerId, PlatformId, SubjectKind, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Live secrets of one use, and the same while an older one is running out.
const LIVE: usize = 2;

pub(super) fn create(work: &Work<'_>, client: &Client, audit: &Audit) -> Result<Changed> {
    if !keys::take_id(work, &client.platform, client.id.as_str(), "client")? {
        return Ok(Changed::Conflict);
    }
    let (user, partner) = match &client.owner {
        ClientOwner::User(user) => (Some(user.as_str()), None),
        ClientOwner::Partner(partner) => (None, Some(partner.as_str())),
        ClientOwner::Operator => (None, None),
    };
    work.execute(
        "INSERT INTO clients (platform, id, name, description, url, terms_of_use, privacy_policy, owner_user,
           owner_partner, status, status_since, live_trading_approved, redirect_uris, scopes, licences, visible_to,
           created_at, active_from, expires_at, kill, settings)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        params![
            client.platform.as_str(),
            client.id.as_str(),
            &*client.name,
            &*client.description,
            &*client.url,
            &*client.terms_of_use,
            &*client.privacy_policy,
            user,
            partner,
            client.status.as_str(),
            client.status_since.millis(),
            client.live_trading_approved,
            rows::lines(client.redirect_uris.iter().map(|uri| &**uri)),
            client.scopes.to_string(),
            rows::lines(client.licences.iter().map(LicenceId::as_str)),
            rows::lines(client.visible_to.iter().map(PartnerId::as_str)),
            client.created_at.millis(),
            client.active_from.map(Timestamp::millis),
            client.expires_at.map(Timestamp::millis),
            client.kill.0.cast_signed(),
            settings::text(&client.settings),
        ],
    )?;
    let number = work.conn.last_insert_rowid();
    for secret in &client.secrets {
        insert_secret(work, number, secret)?;
    }
    work.log(&client.platform, SubjectKind::Client, client.id.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

fn insert_secret(work: &Work<'_>, client: i64, secret: &ClientSecret) -> Result<()> {
    work.execute(
        "INSERT INTO client_secrets (client, digest, partner, created_at, ended_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            client,
            secret.digest.as_bytes(),
            secret.partner.as_ref().map(PartnerId::as_str),
            secret.created_at.millis(),
            secret.ended_at.map(Timestamp::millis),
        ],
    )?;
    Ok(())
}

pub(super) fn change(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &ClientId,
    change: &ClientChange,
    audit: &Audit,
) -> Result<Changed> {
    let found = work
        .statement("SELECT status, settings FROM clients WHERE platform = ?1 AND id = ?2")?
        .query_row([platform.as_str(), id.as_str()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((before, settings)) = found else { return Ok(Changed::NotFound) };
    let settings = settings::read(&settings).map(|known| change.settled(&known));
    let status = change.status.filter(|status| status.as_str() != before);
    work.execute(
        "UPDATE clients SET status = coalesce(?3, status), status_since = iif(?3 IS NULL, status_since, ?4),
           live_trading_approved = coalesce(?5, live_trading_approved), redirect_uris = coalesce(?6, redirect_uris),
           scopes = coalesce(?7, scopes), licences = coalesce(?8, licences), visible_to = coalesce(?9, visible_to),
           name = coalesce(?10, name), description = coalesce(?11, description),
           settings = coalesce(?12, settings)
         WHERE platform = ?1 AND id = ?2",
        params![
            platform.as_str(),
            id.as_str(),
            status.map(Status::as_str),
            audit.at.millis(),
            change.live_trading_approved,
            change.redirect_uris.as_ref().map(|uris| rows::lines(uris.iter().map(|uri| &**uri))),
            change.scopes.as_ref().map(ToString::to_string),
            change.licences.as_ref().map(|ids| rows::lines(ids.iter().map(LicenceId::as_str))),
            change.visible_to.as_ref().map(|ids| rows::lines(ids.iter().map(PartnerId::as_str))),
            change.name.as_deref(),
            change.description.as_deref(),
            settings.as_ref().map(settings::text),
        ],
    )?;
    let effect = if status == Some(Status::Disabled) { Effect::Kill } else { Effect::Change };
    work.log(platform, SubjectKind::Client, id.as_str(), effect, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn add_secret(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &ClientId,
    secret: &ClientSecret,
    older_ends_at: Option<Timestamp>,
    audit: &Audit,
) -> Result<Changed> {
    let client = work
        .statement("SELECT number FROM clients WHERE platform = ?1 AND id = ?2")?
        .query_row([platform.as_str(), id.as_str()], |row| row.get::<_, i64>(0))
        .optional()?;
    let Some(client) = client else { return Ok(Changed::NotFound) };
    let live: Vec<(i64, bool)> = work
        .statement(
            "SELECT number, ended_at IS NULL FROM client_secrets
             WHERE client = ?1 AND partner IS ?2 AND (ended_at IS NULL OR ended_at > ?3) ORDER BY number",
        )?
        .query_map(
            params![client, secret.partner.as_ref().map(PartnerId::as_str), audit.at.millis()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    if live.len() >= LIVE {
        let oldest = live.iter().find(|(_, endless)| *endless);
        match (older_ends_at, oldest) {
            (Some(end), Some((number, _))) if live.len() == LIVE => {
                work.execute(
                    "UPDATE client_secrets SET ended_at = ?2 WHERE number = ?1",
                    params![number, end.millis()],
                )?;
            }
            _ => return Ok(Changed::TooMany),
        }
    }
    insert_secret(work, client, secret)?;
    work.log(platform, SubjectKind::Client, id.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn list(conn: &Connection, platform: &PlatformId) -> Result<Vec<Client>> {
    let sql = concat!(
        "SELECT * FROM (SELECT ",
        client_columns!(),
        ", c.number FROM clients c WHERE c.platform = ?1 ORDER BY c.number DESC LIMIT 1000) ORDER BY number"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([platform.as_str()], |row| rows::client(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
