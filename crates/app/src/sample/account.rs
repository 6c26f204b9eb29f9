//! The account itself: balances, settings, activities, history; and the exchange's clock and calendar.

use super::amount::Amount;
use super::answer::{Answer, Reply};
use super::assets::{Asset, stable_id};
use super::book::{Book, Holder};
use super::calls::Call;
use super::days::{Day, text};
use super::intake::Fields;
use super::order::{Order, Side, Status};
use super::prices::Market;
use super::slots::{Frame, Hours, Slots};
use mandate_core::format::rfc3339;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Most days of a calendar, most points of a history.
const MAX_ROWS: usize = 5_000;

/// The number that people know an account by.
pub(super) fn number(holder: &Holder) -> String {
    let id = stable_id(&holder.account).replace('-', "").to_ascii_uppercase();
    if holder.environment == "paper" {
        return format!("PA3{}", &id[..9]);
    }
    id.bytes().take(9).map(|b| char::from(b'0' + b % 10)).collect()
}

/// The day before today's or the last trading, when accounts were last valued.
fn last_close(now: i64) -> i64 {
    Day::of(Hours::Exchange.last_moment(now)).plus(-1).last_session().1.close
}

/// When every account was opened.
pub(super) fn opened() -> String {
    text(Call::began())
}

/// A filled order: what it brought and what it cost, both below zero for a sale.
#[derive(Debug)]
struct Fill {
    at: i64,
    asset: &'static Asset,
    qty: Amount,
    cost: Amount,
}

fn fills(book: &Book) -> Vec<Fill> {
    let filled = book.orders.iter().filter(|order| order.status == Status::Filled);
    filled
        .map(|order| {
            let bought = order.ticket.side == Side::Buy;
            let qty = if bought { order.filled_qty } else { -order.filled_qty };
            Fill { at: order.updated.seconds(), asset: order.ticket.asset, qty, cost: qty.times(order.price) }
        })
        .collect()
}

/// What an account was worth at a moment, as far as its orders tell.
fn equity_at(fills: &[Fill], at: i64) -> Amount {
    let mut cash = Book::START;
    let mut held: BTreeMap<&str, Amount> = BTreeMap::new();
    for fill in fills.iter().filter(|fill| fill.at <= at) {
        cash -= fill.cost;
        *held.entry(fill.asset.symbol).or_default() += fill.qty;
    }
    cash + held.into_iter().map(|(symbol, qty)| qty.times(Market::of(symbol).amount(at))).sum()
}

/// What is the same for every account: no margin, no options, nothing blocked.
fn always() -> Value {
    json!({
        "admin_configurations": {},
        "user_configurations": null,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "crypto_tier": 1,
        "currency": "USD",
        "daytrading_buying_power": "0",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "bod_dtbp": "0",
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "pending_reg_taf_fees": "0",
        "short_market_value": "0",
        "last_maintenance_margin": "0",
        "sma": "0",
        "intraday_adjustments": "0",
        "multiplier": "1",
        "pattern_day_trader": false,
        "daytrade_count": 0,
        "trading_blocked": false,
        "transfers_blocked": false,
        "account_blocked": false,
        "shorting_enabled": false,
    })
}

/// Adds the members of one object to another.
fn put(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

/// `GET /v2/account`
pub(super) fn one(call: &Call, holder: &Holder) -> Reply {
    let now = call.seconds();
    let last = last_close(now);
    let (cash, available, value, last_equity, suspended) = call.brokerage.books().look(holder, |book| {
        let suspended = book.settings.get("suspend_trade") == Some(&Value::Bool(true));
        (
            book.cash.money(),
            book.available().money(),
            book.market_value(now),
            equity_at(&fills(book), last).money(),
            suspended,
        )
    });
    let equity = cash + value;
    let mut body = always();
    put(
        &mut body,
        json!({
            "id": holder.account,
            "account_number": number(holder),
            "cash": cash,
            "buying_power": available,
            "regt_buying_power": available,
            "effective_buying_power": available,
            "non_marginable_buying_power": available,
            "options_buying_power": available,
            "portfolio_value": equity,
            "equity": equity,
            "last_equity": last_equity,
            "position_market_value": value,
            "long_market_value": value,
            "initial_margin": value,
            "maintenance_margin": value,
            "balance_asof": Day::of(last).text(),
            "trade_suspended_by_user": suspended,
            "created_at": opened(),
        }),
    );
    if holder.partner.is_some() {
        put(
            &mut body,
            json!({
                "cash_withdrawable": available,
                "cash_transferable": available,
                "previous_close": text(last),
                "last_long_market_value": "0",
                "last_short_market_value": "0",
                "last_cash": last_equity,
                "last_initial_margin": "0",
                "last_regt_buying_power": last_equity,
                "last_daytrading_buying_power": "0",
                "last_daytrade_count": 0,
                "last_buying_power": last_equity,
                "clearing_broker": "ALPACA_APCA",
            }),
        );
    }
    Ok(Answer::ok(body))
}

/// The settings of an account, with the usual value of each.
fn usual_settings() -> Map<String, Value> {
    let usual = json!({
        "dtbp_check": "entry",
        "fractional_trading": true,
        "max_margin_multiplier": "1",
        "max_options_trading_level": 0,
        "no_shorting": true,
        "pdt_check": "entry",
        "ptp_no_exception_entry": false,
        "suspend_trade": false,
        "trade_confirm_email": "all",
        "disable_overnight_trading": false,
    });
    if let Value::Object(usual) = usual { usual } else { Map::new() }
}

fn settings_of(book: &Book) -> Value {
    let mut all = usual_settings();
    all.extend(book.settings.clone());
    Value::Object(all)
}

/// `GET /v2/account/configurations`
pub(super) fn settings(call: &Call, holder: &Holder) -> Reply {
    Ok(Answer::ok(call.brokerage.books().look(holder, settings_of)))
}

/// `PATCH /v2/account/configurations`
pub(super) fn change_settings(call: &Call, holder: &Holder) -> Reply {
    let fields = Fields::read(&call.body)?;
    let usual = usual_settings();
    let mut changes = Map::new();
    for (name, value) in fields.iter() {
        let like = usual.get(name).ok_or_else(|| Answer::invalid(&format!("unknown setting: {name}")))?;
        let good = match name {
            "dtbp_check" | "pdt_check" => matches!(value.as_str(), Some("entry" | "exit" | "both")),
            "max_margin_multiplier" => matches!(value.as_str(), Some("1" | "2" | "4")),
            "max_options_trading_level" => value.as_u64().is_some_and(|level| level <= 3),
            "trade_confirm_email" => matches!(value.as_str(), Some("all" | "none")),
            _ => value.is_boolean() == like.is_boolean(),
        };
        if !good {
            return Err(Answer::invalid(&format!("invalid value for {name}: {value}")));
        }
        changes.insert(name.to_owned(), value.clone());
    }
    let all = call.brokerage.books().change(holder, |book| {
        book.settings.extend(changes);
        settings_of(book)
    });
    Ok(Answer::ok(all))
}

/// `GET /v2/account/activities`: fills, the latest first.
pub(super) fn activities(call: &Call, holder: &Holder, kind: Option<&str>) -> Reply {
    let kinds = kind.map(|kind| vec![kind]).or_else(|| call.query.names("activity_types"));
    let limit = call.query.count("page_size", 100, 100)?;
    let ascending = call.query.get("direction") == Some("asc");
    if kinds.is_some_and(|kinds| !kinds.contains(&"FILL")) {
        return Ok(Answer::ok(json!([])));
    }
    let row = |order: &Order| {
        let at = rfc3339(order.updated);
        let digits: String = at.chars().filter(char::is_ascii_digit).collect();
        json!({
            "id": format!("{digits}000::{}", order.id),
            "account_id": holder.account,
            "activity_type": "FILL",
            "type": "fill",
            "transaction_time": at,
            "order_id": order.id,
            "order_status": "filled",
            "symbol": order.ticket.asset.symbol,
            "side": order.ticket.side,
            "price": order.price,
            "qty": order.filled_qty,
            "cum_qty": order.filled_qty,
            "leaves_qty": "0",
        })
    };
    let rows: Vec<Value> = call.brokerage.books().look(holder, |book| {
        let filled = book.orders.iter().filter(|o| o.status == Status::Filled);
        if ascending {
            filled.take(limit).map(row).collect()
        } else {
            filled.rev().take(limit).map(row).collect()
        }
    });
    Ok(Answer::ok(Value::Array(rows)))
}

/// How many days `1D`, `2W`, `3M` or `1A` are; ten years at most.
fn period_days(text: &str) -> Option<i64> {
    let unit = |(suffix, days)| text.strip_suffix(suffix)?.parse::<i64>().ok()?.checked_mul(days);
    let days = [('D', 1), ('W', 7), ('M', 31), ('A', 366)].into_iter().find_map(unit)?;
    (1..=3_660).contains(&days).then_some(days)
}

/// `GET /v2/account/portfolio/history`
pub(super) fn history(call: &Call, holder: &Holder) -> Reply {
    let period = call.query.get("period").unwrap_or("1M");
    let days = period_days(period).ok_or_else(|| Answer::invalid(&format!("invalid period: {period}")))?;
    let name = call.query.get("timeframe").unwrap_or(if days > 7 { "1D" } else { "15Min" });
    let frame = Frame::parse(name).filter(|f| matches!(f, Frame::Day | Frame::Seconds(_)));
    let frame = frame.ok_or_else(|| Answer::invalid(&format!("invalid timeframe: {name}")))?;

    let now = call.seconds();
    let last = Hours::Exchange.last_moment(now);
    let first = Day::of(last).plus(1 - days).midnight();
    let slots = Slots::new(frame, Hours::Exchange, first).take_while(|slot| slot.open < last).take(MAX_ROWS);
    let fills = call.brokerage.books().look(holder, fills);
    let points: Vec<(i64, Amount)> =
        slots.map(|slot| (slot.start, equity_at(&fills, slot.close.min(now)).money())).collect();
    let base = Book::START;
    let gains = || points.iter().map(|(_, equity)| *equity - base);
    Ok(Answer::ok(json!({
        "timestamp": points.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        "equity": points.iter().map(|(_, equity)| equity.number()).collect::<Vec<_>>(),
        "profit_loss": gains().map(Amount::number).collect::<Vec<_>>(),
        "profit_loss_pct": gains().map(|gain| gain.over(base).number()).collect::<Vec<_>>(),
        "base_value": base.number(),
        "timeframe": name,
    })))
}

/// `GET /v2/clock`
pub(super) fn clock(call: &Call) -> Reply {
    let now = call.seconds();
    let (today, session) = Day::of(now).next_session();
    let is_open = session.has(now);
    let (_, next) = if now < session.open { (today, session) } else { today.plus(1).next_session() };
    let next_close = if now < session.close { session.close } else { next.close };
    Ok(Answer::ok(json!({
        "timestamp": rfc3339(call.now),
        "is_open": is_open,
        "next_open": text(next.open),
        "next_close": text(next_close),
    })))
}

/// `GET /v2/calendar`
pub(super) fn calendar(call: &Call) -> Reply {
    let (year, ..) = Day::of(call.seconds()).parts();
    let start = call.query.date("start")?.unwrap_or_else(|| Day::civil(year, 1, 1)).max(Day::of_utc(0));
    let end = call.query.date("end")?.unwrap_or_else(|| Day::civil(year, 12, 31));
    let rows = Slots::new(Frame::Day, Hours::Exchange, start.midnight());
    let rows = rows.map(|slot| Day::of(slot.open)).take_while(|day| *day <= end).take(MAX_ROWS).map(|day| {
        let settled = day.plus(1).next_session().0;
        json!({
            "date": day.text(),
            "open": "09:30",
            "close": "16:00",
            "session_open": "0400",
            "session_close": "2000",
            "settlement_date": settled.text(),
        })
    });
    Ok(Answer::ok(rows.collect()))
}
