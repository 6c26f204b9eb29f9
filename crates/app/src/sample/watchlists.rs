//! Watchlists.

use super::answer::{Answer, Reply};
use super::assets::Asset;
use super::book::{Book, Holder};
use super::calls::Call;
use super::intake::Fields;
use mandate_core::Timestamp;
use mandate_core::format::rfc3339;
use serde_json::{Value, json};

/// Of one account.
const MAX_LISTS: usize = 50;
/// Longest name.
const MAX_NAME: usize = 64;

/// A list of assets that somebody watches.
#[derive(Debug, Clone)]
pub(super) struct Watchlist {
    id: String,
    name: String,
    created: Timestamp,
    updated: Timestamp,
    assets: Vec<&'static Asset>,
}

fn json(holder: &Holder, list: &Watchlist, whole: bool) -> Value {
    let mut json = json!({
        "id": list.id,
        "account_id": holder.account,
        "name": list.name,
        "created_at": rfc3339(list.created),
        "updated_at": rfc3339(list.updated),
    });
    if whole {
        json["assets"] = list.assets.iter().map(|a| a.json()).collect();
    }
    json
}

fn asset(symbol: &str) -> Result<&'static Asset, Answer> {
    Asset::find(symbol).ok_or_else(|| Answer::invalid(&format!("asset \"{symbol}\" not found")))
}

/// Name and assets of a body; each may be absent.
fn read(body: &[u8]) -> Result<(Option<String>, Option<Vec<&'static Asset>>), Answer> {
    let fields = Fields::read(body)?;
    let name = fields.text("name", MAX_NAME)?.map(str::to_owned);
    let Some(symbols) = fields.choice::<Vec<String>>("symbols")? else { return Ok((name, None)) };
    let mut assets = Vec::new();
    for symbol in &symbols {
        let found = asset(symbol)?;
        if !assets.contains(&found) {
            assets.push(found);
        }
    }
    Ok((name, Some(assets)))
}

fn free(book: &Book, name: &str, but: Option<&str>) -> Result<(), Answer> {
    if book.watchlists.iter().any(|w| w.name == name && Some(&*w.id) != but) {
        return Err(Answer::invalid("watchlist name must be unique"));
    }
    Ok(())
}

fn none(id: &str) -> Answer {
    Answer::not_found(&format!("watchlist not found for {id}"))
}

/// Changes a list and shows it.
fn change(
    call: &Call,
    holder: &Holder,
    id: &str,
    change: impl FnOnce(&mut Watchlist) -> Result<(), Answer>,
) -> Reply {
    call.brokerage.books().change(holder, |book| {
        let list = book.watchlists.iter_mut().find(|w| w.id == id).ok_or_else(|| none(id))?;
        change(list)?;
        list.updated = call.now;
        Ok(Answer::ok(json(holder, list, true)))
    })
}

/// `GET /v2/watchlists`
pub(super) fn list(call: &Call, holder: &Holder) -> Reply {
    let rows = call
        .brokerage
        .books()
        .look(holder, |book| book.watchlists.iter().map(|list| json(holder, list, false)).collect());
    Ok(Answer::ok(rows))
}

/// `POST /v2/watchlists`
pub(super) fn create(call: &Call, holder: &Holder) -> Reply {
    let (name, assets) = read(&call.body)?;
    let name = name.ok_or_else(|| Answer::invalid("name is required"))?;
    let (created, updated) = (call.now, call.now);
    let list = Watchlist { id: call.id(), name, created, updated, assets: assets.unwrap_or_default() };
    call.brokerage.books().change(holder, |book| {
        free(book, &list.name, None)?;
        if book.watchlists.len() >= MAX_LISTS {
            return Err(Answer::forbidden("too many watchlists: the sample keeps 50 of an account"));
        }
        let shown = json(holder, &list, true);
        book.watchlists.push(list);
        Ok(Answer::ok(shown))
    })
}

/// `GET /v2/watchlists/{watchlist_id}`
pub(super) fn one(call: &Call, holder: &Holder, id: &str) -> Reply {
    let found = call.brokerage.books().look(holder, |book| {
        book.watchlists.iter().find(|w| w.id == id).map(|list| json(holder, list, true))
    });
    found.map(Answer::ok).ok_or_else(|| none(id))
}

/// `PUT /v2/watchlists/{watchlist_id}`
pub(super) fn replace(call: &Call, holder: &Holder, id: &str) -> Reply {
    let (name, assets) = read(&call.body)?;
    if let Some(name) = &name {
        call.brokerage.books().look(holder, |book| free(book, name, Some(id)))?;
    }
    change(call, holder, id, |list| {
        list.name = name.unwrap_or_else(|| list.name.clone());
        list.assets = assets.unwrap_or_else(|| list.assets.clone());
        Ok(())
    })
}

/// `POST /v2/watchlists/{watchlist_id}`
pub(super) fn add(call: &Call, holder: &Holder, id: &str) -> Reply {
    let fields = Fields::read(&call.body)?;
    let symbol = fields.text("symbol", 40)?.ok_or_else(|| Answer::invalid("symbol is required"))?;
    let asset = asset(symbol)?;
    change(call, holder, id, |list| {
        if list.assets.contains(&asset) {
            return Err(Answer::invalid("duplicate symbol"));
        }
        list.assets.push(asset);
        Ok(())
    })
}

/// `DELETE /v2/watchlists/{watchlist_id}/{symbol}`
pub(super) fn remove(call: &Call, holder: &Holder, id: &str, symbol: &str) -> Reply {
    let asset = asset(symbol)?;
    change(call, holder, id, |list| {
        let at = list.assets.iter().position(|a| *a == asset);
        list.assets
            .remove(at.ok_or_else(|| Answer::not_found(&format!("{symbol} is not in this watchlist")))?);
        Ok(())
    })
}

/// `DELETE /v2/watchlists/{watchlist_id}`
pub(super) fn delete(call: &Call, holder: &Holder, id: &str) -> Reply {
    call.brokerage.books().change(holder, |book| {
        let before = book.watchlists.len();
        book.watchlists.retain(|w| w.id != id);
        if book.watchlists.len() < before { Ok(Answer::nothing()) } else { Err(none(id)) }
    })
}
