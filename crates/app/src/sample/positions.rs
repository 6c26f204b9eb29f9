//! Positions, which market orders open and close.

use super::amount::Amount;
use super::answer::{Answer, Reply};
use super::assets::Asset;
use super::book::{Book, Holder, Position};
use super::calls::Call;
use super::days::Day;
use super::order::{Kind, Order, Side, Ticket, TimeInForce};
use super::orders;
use super::prices::Market;
use super::slots::Hours;
use serde_json::{Value, json};

/// A position as clients read it.
fn json(call: &Call, book: &Book, asset: &Asset, position: Position) -> Value {
    let market = Market::of(asset.symbol);
    let at = asset.hours().last_moment(call.seconds());
    let before = match asset.hours() {
        Hours::Exchange => Day::of(at).plus(-1).last_session().1.close,
        Hours::Always => Day::of_utc(at).midnight_utc(),
    };
    let (price, last_day) = (market.amount(at), market.amount(before));
    let value = position.qty.times(price).money();
    let cost = position.cost.money();
    let today = position.qty.times(price - last_day).money();
    json!({
        "asset_id": asset.id(),
        "symbol": asset.symbol,
        "exchange": asset.exchange,
        "asset_class": asset.class(),
        "asset_marginable": !asset.is_crypto(),
        "qty": position.qty,
        "qty_available": position.qty - book.held(asset.symbol),
        "avg_entry_price": position.cost.over(position.qty),
        "side": "long",
        "market_value": value,
        "cost_basis": cost,
        "unrealized_pl": value - cost,
        "unrealized_plpc": (value - cost).over(cost),
        "unrealized_intraday_pl": today,
        "unrealized_intraday_plpc": today.over(value - today),
        "current_price": price,
        "lastday_price": last_day,
        "change_today": (price - last_day).over(last_day),
    })
}

fn find(name: &str) -> Result<&'static Asset, Answer> {
    Asset::find(name).ok_or_else(|| none(name))
}

fn none(name: &str) -> Answer {
    Answer::not_found(&format!("position does not exist: {name}"))
}

/// `GET /v2/positions`
pub(super) fn list(call: &Call, holder: &Holder) -> Reply {
    let rows = call.brokerage.books().look(holder, |book| {
        let rows =
            book.positions.iter().filter_map(|(symbol, p)| Some(json(call, book, Asset::find(symbol)?, *p)));
        rows.collect()
    });
    Ok(Answer::ok(rows))
}

/// `GET /v2/positions/{symbol}`
pub(super) fn one(call: &Call, holder: &Holder, name: &str) -> Reply {
    let asset = find(name)?;
    let found = call.brokerage.books().look(holder, |book| {
        book.positions.get(asset.symbol).map(|position| json(call, book, asset, *position))
    });
    found.map(Answer::ok).ok_or_else(|| none(name))
}

fn sell(call: &Call, book: &mut Book, asset: &'static Asset, qty: Amount) -> Result<Order, Answer> {
    let ticket = Ticket {
        client_order_id: call.id(),
        asset,
        side: Side::Sell,
        kind: Kind::Market,
        time_in_force: if asset.is_crypto() { TimeInForce::Gtc } else { TimeInForce::Day },
        qty: Some(qty),
        notional: None,
        limit: None,
        stop: None,
        trail_price: None,
        trail_percent: None,
        extended_hours: false,
    };
    book.place(ticket, call.id(), call.now)
}

/// `DELETE /v2/positions/{symbol}`, of which `qty` or `percentage` may be named.
pub(super) fn close(call: &Call, holder: &Holder, name: &str) -> Reply {
    let asset = find(name)?;
    let amount = |name: &str| match call.query.get(name) {
        None => Ok(None),
        Some(text) => match Amount::parse(text) {
            Some(amount) if amount.is_positive() => Ok(Some(amount)),
            _ => Err(Answer::invalid(&format!("{name} must be > 0"))),
        },
    };
    let (qty, percentage) = (amount("qty")?, amount("percentage")?);
    let order = call.brokerage.books().change(holder, |book| {
        let held = book.positions.get(asset.symbol).ok_or_else(|| none(name))?.qty;
        let part = percentage.map(|p| held.times(p).over(Amount::whole(100)));
        sell(call, book, asset, qty.or(part).unwrap_or(held))
    })?;
    Ok(Answer::ok(orders::json(&order)))
}

/// `DELETE /v2/positions`
pub(super) fn close_all(call: &Call, holder: &Holder) -> Reply {
    let rows = call.brokerage.books().change(holder, |book| {
        if call.query.get("cancel_orders").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            let open: Vec<String> = book.orders.iter().filter(|o| o.is_open()).map(|o| o.id.clone()).collect();
            for id in open {
                // Listed as open under the same lock, so it can be canceled.
                let _ = book.cancel(&id, call.now);
            }
        }
        let held: Vec<(&str, Amount)> = book.positions.iter().map(|(symbol, p)| (*symbol, p.qty)).collect();
        let mut rows = Vec::new();
        for (symbol, qty) in held {
            let Some(asset) = Asset::find(symbol) else { continue };
            rows.push(match sell(call, book, asset, qty) {
                Ok(order) => json!({"symbol": symbol, "status": 200, "order_id": order.id, "body": orders::json(&order)}),
                Err(refused) => json!({"symbol": symbol, "status": refused.status.as_u16(), "body": refused.body}),
            });
        }
        rows
    });
    Ok(Answer::several(rows))
}
