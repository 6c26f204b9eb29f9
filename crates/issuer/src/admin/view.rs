//! The nouns as JSON. Secrets are no part of them; the endpoint that made one adds it once.

use mandate_core::Timestamp;
use mandate_core::format::rfc3339;
use mandate_core::grant::LiveSession;
use mandate_core::model::{
    Account, Administrator, ApiKey, Client, ClientOwner, Ended, Grant, GrantedBy, KeyHolder, User,
};
use mandate_core::platform::Partner;
use mandate_core::succession::KeyStage;
use mandate_store::{AuditRecord, SigningKeyRow};
use serde_json::{Value as Json, json};
use std::fmt::Display;

/// Adds a member to an object.
pub(super) fn with(mut object: Json, name: &str, value: impl Into<Json>) -> Json {
    if let Some(map) = object.as_object_mut() {
        map.insert(name.to_owned(), value.into());
    }
    object
}

/// Names as a list of texts.
pub(super) fn texts<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn time(at: Option<Timestamp>) -> Json {
    json!(at.map(rfc3339))
}

fn ended(ended: Option<&Ended>) -> Json {
    match ended {
        None => Json::Null,
        Some(e) => json!({"at": rfc3339(e.at), "reason": e.reason.as_str(), "successor": e.successor}),
    }
}

pub(super) fn user(user: &User) -> Json {
    json!({
        "id": user.id.as_str(), "name": user.name, "kind": user.kind.as_str(), "sessions": user.kind.sessions(),
        "status": user.status.as_str(),
        "email": user.email, "created_at": rfc3339(user.created_at),
    })
}

pub(super) fn sign_on(session: &LiveSession) -> Json {
    json!({
        "id": session.id.as_str(), "client": session.client.as_str(), "since": rfc3339(session.since),
        "network": session.from,
    })
}

pub(super) fn account(account: &Account) -> Json {
    json!({
        "id": account.id.as_str(), "environment": account.environment.as_str(),
        "user": account.owner.as_ref().map(ToString::to_string),
        "partner": account.partner.as_ref().map(ToString::to_string),
        "status": account.status.as_str(), "status_since": rfc3339(account.status_since),
        "plan": account.plan.as_ref().map(ToString::to_string), "licences": texts(&account.licences),
        "created_at": rfc3339(account.created_at), "resets": account.resets,
    })
}

pub(super) fn key(key: &ApiKey, now: Timestamp) -> Json {
    let (account, partner) = match &key.holder {
        KeyHolder::Account(account) => (Some(account.to_string()), None),
        KeyHolder::Partner(partner) => (None, Some(partner.to_string())),
    };
    let status = match &key.ended {
        None => "LIVE",
        Some(end) if end.by(now) => "ENDED",
        Some(_) => "ENDING",
    };
    json!({
        "id": key.id.as_str(), "account": account, "partner": partner,
        "environment": key.environment.as_ref().map(ToString::to_string), "label": key.label, "status": status,
        "created_at": rfc3339(key.created_at), "last_used": time(key.last_used), "ended": ended(key.ended.as_ref()),
    })
}

pub(super) fn client(client: &Client, now: Timestamp) -> Json {
    let owner = match &client.owner {
        ClientOwner::Operator => "operator".to_owned(),
        ClientOwner::User(user) => format!("user:{user}"),
        ClientOwner::Partner(partner) => format!("partner:{partner}"),
    };
    let secrets: Vec<Json> = client
        .secrets
        .iter()
        .map(|s| {
            json!({
                "partner": s.partner.as_ref().map(ToString::to_string), "created_at": rfc3339(s.created_at),
                "ended_at": time(s.ended_at), "live": s.ended_at.is_none_or(|end| now < end),
            })
        })
        .collect();
    json!({
        "client_id": client.id.as_str(), "name": client.name, "description": client.description, "url": client.url,
        "terms_of_use": client.terms_of_use, "privacy_policy": client.privacy_policy, "owner": owner,
        "status": client.status.as_str(), "status_since": rfc3339(client.status_since),
        "live_trading_approved": client.live_trading_approved, "redirect_uris": client.redirect_uris,
        "scopes": client.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "licences": texts(&client.licences), "visible_to": texts(&client.visible_to), "secrets": secrets,
        "created_at": rfc3339(client.created_at), "active_from": time(client.active_from),
        "expires_at": time(client.expires_at), "settings": client.settings,
    })
}

pub(super) fn partner(partner: &Partner) -> Json {
    json!({
        "id": partner.id.as_str(), "name": partner.name,
        "scopes": partner.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "environments": texts(&partner.environments), "plan": partner.plan.as_str(),
    })
}

pub(super) fn grant(grant: &Grant, now: Timestamp) -> Json {
    let granted_by = match &grant.granted_by {
        GrantedBy::Owner => "owner".to_owned(),
        GrantedBy::Client => "client".to_owned(),
        GrantedBy::Partner(partner) => format!("partner:{partner}"),
    };
    let live = grant.ended.as_ref().is_none_or(|e| !e.by(now));
    json!({
        "id": grant.id.as_str(), "client_id": grant.client.as_str(),
        "user": grant.user.as_ref().map(ToString::to_string), "accounts": texts(&grant.accounts),
        "scopes": grant.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(), "granted_by": granted_by,
        "status": if live { "ACTIVE" } else { "ENDED" },
        "created_at": rfc3339(grant.created_at), "updated_at": rfc3339(grant.updated_at),
        "last_used": time(grant.last_used), "ended": ended(grant.ended.as_ref()),
    })
}

pub(super) fn audit(record: &AuditRecord) -> Json {
    json!({
        "number": record.number, "operation": record.operation.as_str(),
        "platform": record.platform.as_ref().map(ToString::to_string), "actor": record.actor,
        "action": record.action, "subject": record.subject, "detail": record.detail, "at": rfc3339(record.at),
    })
}

pub(super) fn signing_key(key: &SigningKeyRow, stage: KeyStage) -> Json {
    json!({
        "kid": key.kid, "alg": key.alg, "status": stage.as_str(), "created_at": rfc3339(key.created_at),
        "active_from": rfc3339(key.active_from), "retires_at": time(key.retires_at), "gone_at": time(key.gone_at),
    })
}

pub(super) fn administrator(admin: &Administrator) -> Json {
    json!({
        "name": admin.id.as_str(), "rights": admin.rights.as_str(),
        "platform": admin.platform.as_ref().map(ToString::to_string),
        "created_at": rfc3339(admin.created_at), "expires_at": time(admin.expires_at),
    })
}
