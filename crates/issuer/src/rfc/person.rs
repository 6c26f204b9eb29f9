//! Claims about a person (OpenID Connect Core section 5.1), each with the scope that holds it.

use crate::{Arrival, Fail};
use mandate_core::grant::scope_of_claim;
use mandate_core::model::User;
use mandate_core::{ScopeSet, UserId};
use serde_json::{Map, Value, json};

/// Every claim that a token with these scopes may be told.
pub(super) fn claims(user: &User, scopes: &ScopeSet) -> Map<String, Value> {
    let mut claims = Map::new();
    let holds =
        |name: &str| scope_of_claim(name).is_some_and(|s| scopes.iter().any(|held| held.as_str() == s));
    for name in ["name", "preferred_username"].into_iter().filter(|name| holds(name)) {
        claims.insert(name.into(), json!(user.name));
    }
    if let Some(email) = user.email.as_deref().filter(|_| holds("email")) {
        claims.insert("email".into(), json!(email));
        // an operator said so; the person was never asked
        claims.insert("email_verified".into(), json!(false));
    }
    claims
}

/// Those of them that an app asked for one by one; the person is looked up only if there are any.
pub(super) async fn asked_for(
    arrival: &Arrival<'_>,
    user: &UserId,
    scopes: &ScopeSet,
    names: &[String],
) -> Result<Map<String, Value>, Fail> {
    if names.is_empty() {
        return Ok(Map::new());
    }
    let Some(user) = arrival.issuer.store.user(arrival.platform(), user).await? else {
        return Ok(Map::new());
    };
    let mut claims = claims(&user, scopes);
    claims.retain(|name, _| names.contains(name));
    Ok(claims)
}
