//! Signing keys and the MAC keys of refresh tokens: what there is, replacing one, ending one (DESIGN D6, SECURITY R2).

use super::answer::Answer;
use super::call::On;
use super::problem::Problem;
use super::view;
use crate::rfc::{SIGNATURES, outlives_ms};
use mandate_core::PlatformId;
use mandate_core::succession::{KeyStage, MAC, Turn};
use mandate_store::{Changed, SigningKeyRow};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A year: no successor is planned further ahead.
const FURTHEST_S: i64 = 366 * 86_400;

/// What a maker gives back.
pub type Making<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Makes keys and puts them to use on this node: who wraps them knows the root key.
pub trait KeyMaker: fmt::Debug + Send + Sync {
    /// A new key of an algorithm, wrapped; `rows` are those that are there.
    fn offered<'a>(
        &'a self,
        platform: &'a PlatformId,
        alg: &'a str,
        rows: &'a [SigningKeyRow],
    ) -> Making<'a, SigningKeyRow>;
    /// How long a key is published before it signs, in milliseconds.
    fn publish_ms(&self) -> i64;
    /// Reads the keys anew.
    fn reload(&self) -> Making<'_, ()>;
}

fn algs() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|alg| alg.as_str()).chain([MAC])
}

fn demand_signing(on: &On<'_>) -> Result<(), Problem> {
    if on.platform().dialect.data().keeps_keys {
        return Ok(());
    }
    Err(Problem::conflict(format!("the dialect of the platform `{}` signs nothing: it has no keys", on.id())))
}

async fn rows(on: &On<'_>) -> Result<Vec<SigningKeyRow>, Problem> {
    Ok(on.store().signing_keys(on.id()).await?)
}

fn shown(on: &On<'_>, row: &SigningKeyRow) -> serde_json::Value {
    view::signing_key(row, row.life().stage(on.now(), outlives_ms(on.platform(), &row.alg)))
}

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    demand_signing(on)?;
    Ok(Answer::items(rows(on).await?.iter().map(|row| shown(on, row)).collect()))
}

pub(super) async fn rotate(on: &On<'_>) -> Result<Answer, Problem> {
    demand_signing(on)?;
    let chosen = on.body().text("alg");
    if chosen.is_some_and(|chosen| algs().all(|alg| alg != chosen)) {
        let known: Vec<_> = algs().collect();
        return Err(Problem::invalid("alg", "there are no keys of this algorithm").hint(known.join(", ")));
    }
    let after_ms = match on.body().number("in_s", 0, FURTHEST_S)? {
        Some(seconds) => seconds * 1000,
        None => on.call.admin.keys.publish_ms(),
    };
    let mut changed = false;
    for alg in algs().filter(|alg| chosen.is_none_or(|chosen| chosen == *alg)) {
        let act = Turn::Rotate { after_ms };
        changed |= turn(on, alg, &act, "signing_key.rotate", alg).await? == Changed::Done;
    }
    if !changed {
        return Err(Problem::conflict(
            "a successor is published already and signs no later than this one would",
        )
        .hint("`in_s` 0 brings it forward: it then signs at once"));
    }
    reload(on).await?;
    list(on).await
}

pub(super) async fn retire(on: &On<'_>) -> Result<Answer, Problem> {
    demand_signing(on)?;
    let kid = on.call.param("kid")?;
    let none = || on.none("signing key", kid).hint("`mandate signing-key list` shows which there are");
    let alg =
        rows(on).await?.iter().find(|row| *row.kid == *kid).map(|row| row.alg.clone()).ok_or_else(none)?;
    let compromised = on.body().flag("compromised").unwrap_or(false);
    let (act, action) = if compromised {
        (Turn::Distrust { kid: kid.into() }, "signing_key.distrust")
    } else {
        (Turn::Retire { kid: kid.into() }, "signing_key.retire")
    };
    match turn(on, &alg, &act, action, kid).await? {
        Changed::Done => reload(on).await?,
        Changed::NotFound => return Err(none()),
        Changed::Conflict | Changed::TooMany => {
            let stage = rows(on).await?.into_iter().find(|row| *row.kid == *kid);
            let stage = stage.map(|row| row.life().stage(on.now(), outlives_ms(on.platform(), &row.alg)));
            let word = stage.map_or("changing", KeyStage::as_str);
            return Err(Problem::conflict(format!("the key `{kid}` is {word} already; nothing was changed"))
                .hint("`compromised` ends what a retired key signed as well"));
        }
    }
    let row = rows(on).await?.into_iter().find(|row| *row.kid == *kid).ok_or_else(none)?;
    Ok(Answer::ok(&shown(on, &row)))
}

/// Runs a turn with a fresh key. Two at once may offer the same number for a MAC key: then the later one is told of a
/// conflict, and that is true.
async fn turn(
    on: &On<'_>,
    alg: &str,
    act: &Turn,
    action: &'static str,
    subject: &str,
) -> Result<Changed, Problem> {
    let offered = on.call.admin.keys.offered(on.id(), alg, &rows(on).await?).await;
    let offered = offered.map_err(|error| Problem::ours(&error))?;
    let audit = on.audit(action, format!("signing_key:{subject}"), alg.to_owned());
    Ok(on.store().turn_signing_keys(&offered, act, outlives_ms(on.platform(), alg), &audit).await?)
}

async fn reload(on: &On<'_>) -> Result<(), Problem> {
    on.call.admin.keys.reload().await.map_err(|error| Problem::ours(&error))
}
