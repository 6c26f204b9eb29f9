//! Market data: bars, quotes, trades, the latest of each, snapshots, news.

use super::answer::{Answer, Reply};
use super::calls::Call;
use super::days::{Day, text};
use super::prices::{Market, dollars};
use super::slots::{Frame, Hours, Slot, Slots};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// Most symbols of a request.
const MAX_SYMBOLS: usize = 100;
/// Most rows of a page, and how many are usual.
const PAGE: (usize, usize) = (10_000, 1_000);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    Bars,
    Quotes,
    Trades,
}

impl Series {
    fn named(name: &str) -> Option<Self> {
        match name {
            "bars" => Some(Self::Bars),
            "quotes" => Some(Self::Quotes),
            "trades" => Some(Self::Trades),
            _ => None,
        }
    }

    /// The name of many and of one.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Bars => ("bars", "bar"),
            Self::Quotes => ("quotes", "quote"),
            Self::Trades => ("trades", "trade"),
        }
    }

    /// How often one comes, if the caller has no say.
    const fn frame(self) -> Frame {
        match self {
            Self::Bars => Frame::Seconds(60),
            Self::Quotes => Frame::Seconds(2),
            Self::Trades => Frame::Seconds(5),
        }
    }

    fn row(self, market: Market, slot: Slot, now: i64) -> Value {
        match self {
            Self::Bars => bar(market, slot, now),
            Self::Quotes => quote(market, slot.open),
            Self::Trades => trade(market, slot.open),
        }
    }
}

pub(super) fn bar(market: Market, slot: Slot, now: i64) -> Value {
    let moves = market.moves(slot.open, slot.close.min(now));
    let third = f64::from(moves.high) + f64::from(moves.low) + f64::from(moves.close);
    json!({
        "t": text(slot.start),
        "o": dollars(moves.open),
        "h": dollars(moves.high),
        "l": dollars(moves.low),
        "c": dollars(moves.close),
        "v": moves.volume,
        "n": moves.volume / 90 + 1,
        "vw": (third / 3.0).round() / 100.0,
    })
}

pub(super) fn quote(market: Market, at: i64) -> Value {
    let price = market.price(at);
    let spread = 1 + price / 20_000;
    json!({
        "t": text(at),
        "ax": "V",
        "ap": dollars(price + spread),
        "as": 1 + market.chance(30, at, 9),
        "bx": "V",
        "bp": dollars((price - spread).max(1)),
        "bs": 1 + market.chance(31, at, 9),
        "c": ["R"],
        "z": "C",
    })
}

pub(super) fn trade(market: Market, at: i64) -> Value {
    json!({
        "t": text(at),
        "x": "V",
        "p": dollars(market.price(at)),
        "s": 1 + market.chance(32, at, 200),
        "c": ["@"],
        "i": at / 5,
        "z": "C",
    })
}

/// `GET /v2/stocks/…`
pub(super) fn stocks(call: &Call, path: &[&str]) -> Option<Reply> {
    Some(match path {
        ["snapshots"] => many(call).map(|symbols| snapshots(call, &symbols, Hours::Exchange)).map(Answer::ok),
        [symbol, "snapshot"] => one(symbol).map(|symbol| {
            let mut body = snapshot(call, symbol, Hours::Exchange);
            body["symbol"] = symbol.into();
            Answer::ok(body)
        }),
        [series] => all(call, Series::named(series)?, Hours::Exchange),
        [series, "latest"] => latest(call, Series::named(series)?, Hours::Exchange),
        [symbol, series] => {
            let series = Series::named(series)?;
            one(symbol).and_then(|symbol| page(call, series, &[symbol], Hours::Exchange)).map(
                |(mut rows, next)| {
                    let rows = rows.remove(*symbol).unwrap_or_else(|| json!([]));
                    Answer::ok(json!({series.names().0: rows, "symbol": symbol, "next_page_token": next}))
                },
            )
        }
        [symbol, series, "latest"] => {
            let series = Series::named(series)?;
            one(symbol).map(|symbol| {
                let row = last(call, series, symbol, Hours::Exchange);
                Answer::ok(json!({series.names().1: row, "symbol": symbol}))
            })
        }
        _ => return None,
    })
}

/// `GET /v1beta3/crypto/{place}/…`
pub(super) fn crypto(call: &Call, path: &[&str]) -> Option<Reply> {
    Some(match path {
        ["snapshots"] => many(call).map(|symbols| {
            let snapshots = snapshots(call, &symbols, Hours::Always);
            Answer::ok(json!({"snapshots": snapshots}))
        }),
        [series] => all(call, Series::named(series)?, Hours::Always),
        ["latest", series] => latest(call, Series::named(series)?, Hours::Always),
        _ => return None,
    })
}

/// `GET /v1beta1/options/…`: the sample has none.
pub(super) fn options(path: &[&str]) -> Option<Reply> {
    match path {
        ["snapshots", ..] => Some(Ok(Answer::ok(json!({"snapshots": {}, "next_page_token": null})))),
        [series] | [series, "latest"] => {
            let (name, _) = Series::named(series)?.names();
            Some(Ok(Answer::ok(json!({name: {}, "next_page_token": null}))))
        }
        _ => None,
    }
}

/// `GET /v2/options/contracts`: the sample has none.
pub(super) fn contracts() -> Reply {
    Ok(Answer::ok(json!({"option_contracts": [], "next_page_token": null})))
}

fn one(symbol: &str) -> Result<&str, Answer> {
    let letters = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'/' | b'-');
    if symbol.len() <= 12
        && symbol.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && symbol.bytes().all(letters)
    {
        return Ok(symbol);
    }
    Err(Answer::bad_request(&format!("invalid symbol: {symbol}")))
}

/// The symbols of a request, each once, in order.
fn many<'a>(call: &'a Call) -> Result<Vec<&'a str>, Answer> {
    let mut symbols =
        call.query.names("symbols").ok_or_else(|| Answer::bad_request("symbols is required"))?;
    symbols.sort_unstable();
    symbols.dedup();
    if symbols.is_empty() || symbols.len() > MAX_SYMBOLS {
        return Err(Answer::bad_request("between 1 and 100 symbols are expected"));
    }
    symbols.into_iter().map(one).collect()
}

fn all(call: &Call, series: Series, hours: Hours) -> Reply {
    let (rows, next) = page(call, series, &many(call)?, hours)?;
    Ok(Answer::ok(json!({series.names().0: rows, "next_page_token": next})))
}

fn latest(call: &Call, series: Series, hours: Hours) -> Reply {
    let rows = many(call)?.into_iter().map(|symbol| (symbol.to_owned(), last(call, series, symbol, hours)));
    Ok(Answer::ok(json!({series.names().0: rows.collect::<Map<_, _>>()})))
}

/// The slots that have begun, from `from` to `until`.
fn slots(frame: Frame, hours: Hours, from: i64, until: i64, now: i64) -> impl Iterator<Item = Slot> {
    Slots::new(frame, hours, from)
        .take_while(move |slot| slot.start <= until)
        .filter(move |slot| slot.open < now)
}

/// Up to `count` slots, the latest first.
pub(super) fn latest_slots(
    frame: Frame,
    hours: Hours,
    from: i64,
    until: i64,
    now: i64,
    count: usize,
) -> Vec<Slot> {
    let until = until.min(now);
    let mut reach = frame.about().saturating_mul(i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1));
    loop {
        let begin = until.saturating_sub(reach).max(from);
        let mut found: Vec<Slot> = slots(frame, hours, begin, until, now).collect();
        if found.len() >= count || begin <= from {
            found.reverse();
            found.truncate(count);
            return found;
        }
        reach = reach.saturating_mul(2);
    }
}

/// The bar of the last whole minute, the last quote or the last trade.
fn last(call: &Call, series: Series, symbol: &str, hours: Hours) -> Value {
    let now = call.seconds();
    let moment = hours.last_moment(now) - if series == Series::Bars { 60 } else { 1 };
    let found = latest_slots(series.frame(), hours, Call::began(), moment, now, 1);
    found.first().map_or(Value::Null, |slot| series.row(Market::of(symbol), *slot, now))
}

fn snapshots(call: &Call, symbols: &[&str], hours: Hours) -> Value {
    symbols
        .iter()
        .map(|symbol| ((*symbol).to_owned(), snapshot(call, symbol, hours)))
        .collect::<Map<_, _>>()
        .into()
}

fn snapshot(call: &Call, symbol: &str, hours: Hours) -> Value {
    let now = call.seconds();
    let market = Market::of(symbol);
    let days = latest_slots(Frame::Day, hours, Call::began(), now, now, 2);
    let day = |n: usize| days.get(n).map(|slot| bar(market, *slot, now));
    json!({
        "latestTrade": last(call, Series::Trades, symbol, hours),
        "latestQuote": last(call, Series::Quotes, symbol, hours),
        "minuteBar": last(call, Series::Bars, symbol, hours),
        "dailyBar": day(0),
        "prevDailyBar": day(1),
    })
}

/// A page of rows by symbol, and the token of the next.
fn page(
    call: &Call,
    series: Series,
    symbols: &[&str],
    hours: Hours,
) -> Result<(Map<String, Value>, Option<String>), Answer> {
    let now = call.seconds();
    let query = &call.query;
    let limit = query.count("limit", PAGE.1, PAGE.0)?;
    let frame = match (series, query.get("timeframe")) {
        (Series::Bars, Some(text)) => {
            Frame::parse(text).ok_or_else(|| Answer::bad_request(&format!("invalid timeframe: {text}")))?
        }
        (Series::Bars, None) => return Err(Answer::bad_request("timeframe is required")),
        _ => series.frame(),
    };
    let backwards = match query.get("sort") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(Answer::bad_request(&format!("sort must be asc or desc, not {other}"))),
    };
    // Without a start, the last day with trading.
    let today = Day::of(hours.last_moment(now)).midnight();
    let from = query.time("start", false)?.unwrap_or(today).max(Call::began());
    let until = query.time("end", true)?.unwrap_or(now).min(now);
    let resume =
        query.get("page_token").map(|t| token(t).ok_or_else(|| Answer::bad_request("invalid page_token")));
    let resume = resume.transpose()?;

    let mut rows = Map::new();
    let mut left = limit;
    for symbol in symbols {
        let (mut from, mut until) = (from, until);
        if let Some((at, cursor)) = &resume {
            match (*symbol).cmp(at.as_str()) {
                std::cmp::Ordering::Less => continue,
                std::cmp::Ordering::Equal if backwards => until = until.min(*cursor),
                std::cmp::Ordering::Equal => from = from.max(*cursor),
                std::cmp::Ordering::Greater => {}
            }
        }
        // One more tells whether there is a next page.
        let mut found: Vec<Slot> = if backwards {
            latest_slots(frame, hours, from, until, now, left + 1)
        } else {
            slots(frame, hours, from, until, now).take(left + 1).collect()
        };
        let next = found.get(left).map(|slot| URL_SAFE_NO_PAD.encode(format!("{symbol}|{}", slot.start)));
        found.truncate(left);
        left -= found.len();
        if !found.is_empty() {
            let market = Market::of(symbol);
            let found: Value = found.into_iter().map(|slot| series.row(market, slot, now)).collect();
            rows.insert((*symbol).to_owned(), found);
        }
        if next.is_some() {
            return Ok((rows, next));
        }
    }
    Ok((rows, None))
}

/// The symbol and the moment that a page begins with.
fn token(text: &str) -> Option<(String, i64)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (symbol, cursor) = text.split_once('|')?;
    let cursor = cursor.parse().ok().filter(|at| (Call::began()..=i64::from(u32::MAX) * 8).contains(at))?;
    Some((symbol.to_owned(), cursor))
}

/// `GET /v1beta1/news`: one article for each day with trading, the latest first.
pub(super) fn news(call: &Call) -> Reply {
    let query = &call.query;
    let now = call.seconds();
    let limit = query.count("limit", 10, 50)?;
    let from = query.time("start", false)?.unwrap_or_else(Call::began).max(Call::began());
    let until = query.time("end", true)?.unwrap_or(now);
    let symbols = query.names("symbols").unwrap_or_else(|| vec!["SPY"]);
    let symbols = symbols.into_iter().take(MAX_SYMBOLS).map(one).collect::<Result<Vec<_>, _>>()?;
    let rows = latest_slots(Frame::Day, Hours::Exchange, from, until, now, limit).into_iter().map(|slot| {
        let symbol = symbols.first().copied().unwrap_or("SPY");
        let moves = Market::of(symbol).moves(slot.open, slot.close.min(now));
        let word = if moves.close >= moves.open { "higher" } else { "lower" };
        json!({
            "id": slot.start / 60,
            "headline": format!("{symbol} trades {word}"),
            "author": "Sample Desk",
            "source": "sample",
            "created_at": text(slot.open),
            "updated_at": text(slot.open),
            "summary": "Made up by the sample API.",
            "content": "",
            "url": null,
            "images": [],
            "symbols": symbols,
        })
    });
    Ok(Answer::ok(json!({"news": rows.collect::<Vec<_>>(), "next_page_token": null})))
}
