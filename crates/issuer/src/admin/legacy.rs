//! Who still uses what OAuth 2.1 no longer has, and what the platform file allows (DESIGN D15).

use super::answer::Answer;
use super::call::On;
use super::problem::Problem;
use mandate_core::format::rfc3339;
use mandate_core::legacy::LegacyCount;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let counts = on.store().legacy_uses(on.id()).await?;
    let clients = on.store().clients(on.id()).await?;
    let names: HashMap<&str, &str> = clients.iter().map(|c| (c.id.as_str(), &*c.name)).collect();
    let row = |count: &LegacyCount| -> Json {
        json!({
            "client_id": count.client.as_str(),
            "client_name": names.get(count.client.as_str()),
            "uses": count.what.as_str(),
            "in_words": count.what.in_words(),
            "times": count.times,
            "first_used": rfc3339(count.first),
            "last_used": rfc3339(count.last),
            "instead": count.what.instead(),
            "platform_key": count.what.platform_key(),
            "allowed": on.platform().legacy.allows(count.what),
        })
    };
    Ok(Answer::items(counts.iter().map(row).collect()))
}
