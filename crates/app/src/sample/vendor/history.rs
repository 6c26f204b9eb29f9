//! Prices of the past: by the day or longer, within the day, and trade by trade.

use super::super::answer::{Answer, Reply};
use super::super::calls::Call;
use super::super::data::latest_slots;
use super::super::days::Day;
use super::super::prices::{Market, dollars};
use super::super::slots::{Frame, Hours, Slot};
use super::{decoded, invalid};
use serde_json::{Value, json};

/// Most rows of an answer, and how many are usual.
const ROWS: (usize, usize) = (10_000, 20);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Interday,
    Intraday,
    Events,
}

impl View {
    /// The column of time.
    const fn time(self) -> &'static str {
        match self {
            Self::Interday => "DATE",
            Self::Intraday | Self::Events => "DATE_TIME",
        }
    }

    /// The columns beside the time.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Interday | Self::Intraday => {
                &["OPEN_PRC", "HIGH_1", "LOW_1", "TRDPRC_1", "ACVOL_UNS", "BID", "ASK"]
            }
            Self::Events => &["EVENT_TYPE", "TRDPRC_1", "TRDVOL_1", "BID", "ASK"],
        }
    }

    fn frame(self, interval: &str) -> Option<Frame> {
        let frame = match (self, interval) {
            (Self::Events, "") => Frame::Seconds(5),
            (Self::Interday, "" | "P1D") => Frame::Day,
            (Self::Interday, "P7D" | "P1W") => Frame::Week,
            (Self::Interday, "P1M") => Frame::Months(1),
            (Self::Interday, "P3M") => Frame::Months(3),
            (Self::Interday, "P12M" | "P1Y") => Frame::Months(12),
            (Self::Intraday, "" | "PT1M") => Frame::Seconds(60),
            (Self::Intraday, "PT5M") => Frame::Seconds(300),
            (Self::Intraday, "PT10M") => Frame::Seconds(600),
            (Self::Intraday, "PT30M") => Frame::Seconds(1800),
            (Self::Intraday, "PT60M" | "PT1H") => Frame::Seconds(3600),
            _ => return None,
        };
        Some(frame)
    }

    fn cell(self, column: &str, market: Market, slot: Slot, now: i64) -> Value {
        let last = slot.close.min(now);
        let moves = market.moves(slot.open, last);
        let at = if self == Self::Events { slot.open } else { last };
        let spread = 1 + market.price(at) / 20_000;
        match column {
            "OPEN_PRC" => json!(dollars(moves.open)),
            "HIGH_1" => json!(dollars(moves.high)),
            "LOW_1" => json!(dollars(moves.low)),
            "TRDPRC_1" => json!(dollars(market.price(at))),
            "ACVOL_UNS" => json!(moves.volume),
            "TRDVOL_1" => json!(1 + market.chance(32, at, 200)),
            "BID" => json!(dollars((market.price(at) - spread).max(1))),
            "ASK" => json!(dollars(market.price(at) + spread)),
            "EVENT_TYPE" => json!("trade"),
            _ => Value::Null,
        }
    }
}

/// `GET /data/historical-pricing/v1/views/{view}/{ric}`. None: there is no such view.
pub(super) fn view(call: &Call<'_>, view: &str, ric: &str) -> Option<Reply> {
    let (view, interval) = match view {
        "interday-summaries" => (View::Interday, "P1D"),
        "intraday-summaries" => (View::Intraday, "PT1M"),
        "events" => (View::Events, ""),
        _ => return None,
    };
    let ric = decoded(ric).unwrap_or_default();
    Some(rows(call, view, call.query.get("interval").unwrap_or(interval), &ric))
}

fn rows(call: &Call<'_>, view: View, interval: &str, ric: &str) -> Reply {
    let frame = view.frame(interval).ok_or_else(|| invalid(call, "interval", "is not one of this view's"))?;
    let Some((market, hours)) = market(ric) else {
        return Ok(nothing(ric, "90001", "The universe is not found."));
    };
    let now = call.seconds();
    let count =
        call.query.count("count", ROWS.1, ROWS.0).map_err(|_| invalid(call, "count", "1 to 10000"))?;
    let time = |name, end| call.query.time(name, end).map_err(|_| invalid(call, name, "is no time"));
    let (from, until) = (time("start", false)?, time("end", true)?);
    // The row at the end itself belongs to the page that ends there; a page before it ends with the row before.
    let until = until.map(|end| if view == View::Interday { end } else { end - 1 });
    let count = if from.is_some() && call.query.get("count").is_none() { ROWS.0 } else { count };
    let from = from.unwrap_or_else(Call::began).max(Call::began());

    let wanted = call.query.names("fields");
    let asked = |column: &&str| wanted.as_ref().is_none_or(|names| names.contains(column));
    let columns: Vec<&str> = view.columns().iter().copied().filter(asked).collect();
    if columns.is_empty() {
        return Ok(nothing(ric, "70005", "The universe does not support these fields."));
    }
    let found = latest_slots(frame, hours, from, until.unwrap_or(now).min(now), now, count);
    let data: Vec<Value> = found
        .into_iter()
        .map(|slot| {
            let first = [json!(moment(view, slot))];
            first.into_iter().chain(columns.iter().map(|c| view.cell(c, market, slot, now))).collect()
        })
        .collect();
    let header = |name: &str| {
        let kind = if matches!(name, "DATE" | "DATE_TIME" | "EVENT_TYPE") { "string" } else { "number" };
        json!({"name": name, "type": kind})
    };
    let headers: Vec<Value> =
        std::iter::once(view.time()).chain(columns.iter().copied()).map(header).collect();
    Ok(Answer::ok(json!([{
        "universe": {"ric": ric},
        "interval": interval,
        "summaryTimestampLabel": "startPeriod",
        "adjustments": ["exchangeCorrection", "manualCorrection"],
        "defaultPricingField": "TRDPRC_1",
        "qos": {"timeliness": "realtime"},
        "headers": headers,
        "data": data,
    }])))
}

/// `GET /data/pricing/snapshots/v1/`: the prices of this moment.
pub(super) fn snapshots(call: &Call<'_>) -> Reply {
    let names = call.query.names("universe").ok_or_else(|| invalid(call, "universe", "is required"))?;
    let now = call.seconds();
    let rows = names.into_iter().take(100).map(|ric| {
        let Some((market, hours)) = market(ric) else {
            return json!({"Type": "Status", "Key": {"Name": ric}, "State": {"Stream": "Closed", "Code": "NotFound"}});
        };
        let at = hours.last_moment(now);
        let slot = Slot { start: at, open: at, close: at };
        let field = |name: &str| View::Events.cell(name, market, slot, now);
        json!({
            "Type": "Refresh",
            "Key": {"Service": "SAMPLE", "Name": ric},
            "State": {"Stream": "NonStreaming", "Data": "Ok"},
            "Fields": {"TRDPRC_1": field("TRDPRC_1"), "BID": field("BID"), "ASK": field("ASK")},
        })
    });
    Ok(Answer::ok(Value::Array(rows.collect())))
}

/// An answer that says, with 200, why it is empty.
fn nothing(ric: &str, number: &str, message: &str) -> Answer {
    let code = format!("TS.Interday.UserRequestError.{number}");
    Answer::ok(json!([{"universe": {"ric": ric}, "status": {"code": code, "message": message}}]))
}

fn moment(view: View, slot: Slot) -> String {
    match view {
        View::Interday => Day::of_utc(slot.start).text(),
        View::Intraday | View::Events => {
            let text = super::super::days::text(slot.start);
            format!("{}.000000000Z", text.trim_end_matches('Z'))
        }
    }
}

/// Whose prices: `AAPL.O` is a share with its exchange, `EUR=` a currency.
fn market(ric: &str) -> Option<(Market, Hours)> {
    let fits = (1..=24).contains(&ric.len())
        && ric.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'=' | b'/' | b'-' | b'^'));
    let name = ric.split('.').next().filter(|name| fits && !name.is_empty())?;
    let hours = if ric.ends_with('=') { Hours::Always } else { Hours::Exchange };
    Some((Market::of(name), hours))
}
