//! Orders, from intake to cancellation.

use super::amount::Amount;
use super::answer::{Answer, Reply};
use super::assets::Asset;
use super::book::{Holder, no_order};
use super::calls::Call;
use super::intake::Fields;
use super::order::{Kind, Order, Side, Status, Ticket, TimeInForce};
use mandate_core::format::rfc3339;
use serde_json::{Value, json};

/// Longest `client_order_id`.
const MAX_CLIENT_ID: usize = 128;

/// An order as clients read it.
pub(super) fn json(order: &Order) -> Value {
    let ticket = &order.ticket;
    let when = |status: Status| (order.status == status).then(|| rfc3339(order.updated));
    let filled = order.status == Status::Filled;
    json!({
        "id": order.id,
        "client_order_id": ticket.client_order_id,
        "created_at": rfc3339(order.created),
        "updated_at": rfc3339(order.updated),
        "submitted_at": rfc3339(order.created),
        "filled_at": when(Status::Filled),
        "expired_at": null,
        "canceled_at": when(Status::Canceled),
        "failed_at": null,
        "replaced_at": when(Status::Replaced),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": ticket.asset.id(),
        "symbol": ticket.asset.symbol,
        "asset_class": ticket.asset.class(),
        "notional": ticket.notional,
        "qty": ticket.qty,
        "filled_qty": order.filled_qty,
        "filled_avg_price": filled.then_some(order.price),
        "order_class": "simple",
        "order_type": ticket.kind,
        "type": ticket.kind,
        "side": ticket.side,
        "position_intent": if ticket.side == Side::Buy { "buy_to_open" } else { "sell_to_close" },
        "time_in_force": ticket.time_in_force,
        "limit_price": ticket.limit,
        "stop_price": ticket.stop,
        "status": order.status,
        "extended_hours": ticket.extended_hours,
        "legs": null,
        "trail_percent": ticket.trail_percent,
        "trail_price": ticket.trail_price,
        "hwm": (ticket.kind == Kind::TrailingStop).then_some(order.price),
        "subtag": null,
        "source": null,
    })
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, Answer> {
    value.ok_or_else(|| Answer::invalid(&format!("{name} is required")))
}

/// Reads what somebody wants done.
fn ticket(call: &Call, fields: &Fields) -> Result<Ticket, Answer> {
    if let Some(class) = fields.text("order_class", 20)?
        && class != "simple"
    {
        return Err(Answer::invalid(&format!("the sample has no orders of class {class}")));
    }
    let symbol = required(fields.text("symbol", 40)?, "symbol")?;
    let ticket = Ticket {
        client_order_id: fields
            .text("client_order_id", MAX_CLIENT_ID)?
            .map_or_else(|| call.id(), str::to_owned),
        asset: Asset::find(symbol)
            .ok_or_else(|| Answer::invalid(&format!("asset \"{symbol}\" not found")))?,
        side: required(fields.choice("side")?, "side")?,
        kind: required(fields.choice("type")?, "type")?,
        time_in_force: required(fields.choice("time_in_force")?, "time_in_force")?,
        qty: fields.amount("qty")?,
        notional: fields.amount("notional")?,
        limit: fields.amount("limit_price")?,
        stop: fields.amount("stop_price")?,
        trail_price: fields.amount("trail_price")?,
        trail_percent: fields.amount("trail_percent")?,
        extended_hours: fields.flag("extended_hours")?.unwrap_or_default(),
    };
    checked(ticket)
}

/// Whether the parts of a ticket go together.
fn checked(ticket: Ticket) -> Result<Ticket, Answer> {
    let invalid = |message: &str| Err(Answer::invalid(message));
    match (ticket.qty, ticket.notional) {
        (None, None) => return invalid("qty or notional is required"),
        (Some(_), Some(_)) => return invalid("only one of qty or notional is accepted"),
        (None, Some(_)) if ticket.kind != Kind::Market => return invalid("notional is for market orders"),
        (Some(qty), None) if !qty.is_whole() && !matches!(ticket.kind, Kind::Market | Kind::Limit) => {
            return invalid("fractional orders must be market or limit orders");
        }
        _ => {}
    }
    let trails = [ticket.trail_price, ticket.trail_percent].into_iter().flatten().count();
    let wants = |limit: bool, stop: bool| ticket.limit.is_some() == limit && ticket.stop.is_some() == stop;
    match ticket.kind {
        Kind::Market if !wants(false, false) => {
            invalid("market orders take neither limit_price nor stop_price")
        }
        Kind::Limit if !wants(true, false) => {
            invalid("limit orders require limit_price and take no stop_price")
        }
        Kind::Stop if !wants(false, true) => {
            invalid("stop orders require stop_price and take no limit_price")
        }
        Kind::StopLimit if !wants(true, true) => {
            invalid("stop limit orders require both stop_price and limit_price")
        }
        Kind::TrailingStop if !wants(false, false) || trails != 1 => {
            invalid("trailing stop orders require one of trail_price and trail_percent, and no other price")
        }
        Kind::Market | Kind::Limit | Kind::Stop | Kind::StopLimit if trails > 0 => {
            invalid("trail_price and trail_percent are for trailing stop orders")
        }
        _ => Ok(ticket),
    }
}

/// `POST /v2/orders`
pub(super) fn place(call: &Call, holder: &Holder) -> Reply {
    let ticket = ticket(call, &Fields::read(&call.body)?)?;
    let order = call.brokerage.books().change(holder, |book| book.place(ticket, call.id(), call.now))?;
    Ok(Answer::ok(json(&order)))
}

/// `GET /v2/orders`
pub(super) fn list(call: &Call, holder: &Holder) -> Reply {
    let query = &call.query;
    let status = query.get("status").unwrap_or("open");
    if !matches!(status, "open" | "closed" | "all") {
        return Err(Answer::invalid(&format!("status must be open, closed or all, not {status}")));
    }
    let limit = query.count("limit", 50, 500)?;
    let (after, until) = (query.time("after", true)?, query.time("until", false)?);
    let symbols = query.names("symbols");
    let wanted = |order: &&Order| {
        let at = order.created.seconds();
        let side = if order.ticket.side == Side::Buy { "buy" } else { "sell" };
        (status == "all" || order.is_open() == (status == "open"))
            && after.is_none_or(|after| at > after)
            && until.is_none_or(|until| at < until)
            && symbols.as_ref().is_none_or(|s| s.contains(&order.ticket.asset.symbol))
            && query.get("side").is_none_or(|wanted| wanted == side)
            && query
                .get("asset_class")
                .is_none_or(|class| class == "all" || class == order.ticket.asset.class())
    };
    let rows: Vec<Value> = call.brokerage.books().look(holder, |book| match query.get("direction") {
        Some("asc") => book.orders.iter().filter(wanted).take(limit).map(json).collect(),
        _ => book.orders.iter().rev().filter(wanted).take(limit).map(json).collect(),
    });
    Ok(Answer::ok(Value::Array(rows)))
}

/// `GET /v2/orders/{order_id}`
pub(super) fn one(call: &Call, holder: &Holder, id: &str) -> Reply {
    let found = call.brokerage.books().look(holder, |book| book.order(id).map(json));
    found.map(Answer::ok).ok_or_else(|| no_order(id))
}

/// `GET /v2/orders:by_client_order_id`
pub(super) fn by_client_order_id(call: &Call, holder: &Holder) -> Reply {
    let id = required(call.query.get("client_order_id"), "client_order_id")?;
    let found = call
        .brokerage
        .books()
        .look(holder, |book| book.orders.iter().find(|o| o.ticket.client_order_id == id).map(json));
    found.map(Answer::ok).ok_or_else(|| no_order(id))
}

/// `PATCH /v2/orders/{order_id}`: a new order takes the place of the old one.
pub(super) fn replace(call: &Call, holder: &Holder, id: &str) -> Reply {
    let fields = Fields::read(&call.body)?;
    let trail: Option<Amount> = fields.amount("trail")?;
    let old = call.brokerage.books().look(holder, |book| book.order(id).map(|o| o.ticket.clone()));
    let old = old.ok_or_else(|| no_order(id))?;
    let qty = fields.amount("qty")?;
    let ticket = checked(Ticket {
        client_order_id: fields
            .text("client_order_id", MAX_CLIENT_ID)?
            .map_or_else(|| call.id(), str::to_owned),
        time_in_force: fields.choice::<TimeInForce>("time_in_force")?.unwrap_or(old.time_in_force),
        qty: qty.or(old.qty),
        notional: if qty.is_some() { None } else { old.notional },
        limit: fields.amount("limit_price")?.or(old.limit),
        stop: fields.amount("stop_price")?.or(old.stop),
        trail_price: old.trail_price.map(|old| trail.unwrap_or(old)),
        trail_percent: old.trail_percent.map(|old| trail.unwrap_or(old)),
        ..old
    })?;
    let order =
        call.brokerage.books().change(holder, |book| book.replace(id, ticket, call.id(), call.now))?;
    Ok(Answer::ok(json(&order)))
}

/// `DELETE /v2/orders/{order_id}`
pub(super) fn cancel(call: &Call, holder: &Holder, id: &str) -> Reply {
    call.brokerage.books().change(holder, |book| book.cancel(id, call.now))?;
    Ok(Answer::nothing())
}

/// `DELETE /v2/orders`
pub(super) fn cancel_all(call: &Call, holder: &Holder) -> Reply {
    let canceled = call.brokerage.books().change(holder, |book| {
        let open: Vec<String> = book.orders.iter().filter(|o| o.is_open()).map(|o| o.id.clone()).collect();
        open.iter().filter_map(|id| book.cancel(id, call.now).ok()).collect::<Vec<_>>()
    });
    let rows = canceled.iter().map(|order| json!({"id": order.id, "status": 200, "body": json(order)}));
    Ok(Answer::several(rows.collect()))
}
