//! `/v2/{feed}`: trades and quotes twice a second, and a bar whenever a minute is over.

use super::super::Brokerage;
use super::super::data::{bar, quote, trade};
use super::super::intake::moment as instant;
use super::super::prices::Market;
use super::super::slots::Slot;
use super::{MAX_SYMBOLS, Socket, TICK};
use futures_util::{SinkExt as _, StreamExt as _};
use mandate_wire::msgpack;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio_tungstenite::tungstenite::Message;

/// The channels that there are, each with the vendor's letter.
const CHANNELS: [(&str, &str); 4] = [("trades", "t"), ("quotes", "q"), ("bars", "b"), ("imbalances", "i")];
/// What `*` stands for.
const ALL: [&str; 3] = ["AAPL", "MSFT", "SPY"];

/// What one connection wants.
#[derive(Debug, Default)]
struct Wanted(BTreeMap<&'static str, BTreeSet<String>>);

/// Tells prices until the other side has gone.
pub(super) async fn run(brokerage: &Brokerage, mut socket: Socket, packed: bool) {
    let mut wanted = Wanted::default();
    let mut tick = tokio::time::interval(TICK);
    let mut minute = brokerage.clock.now().seconds() / 60;
    loop {
        let said = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    wanted.hear(&read(&message.into_data(), packed), brokerage.clock.now().seconds())
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = tick.tick() => {
                let now = brokerage.clock.now().seconds();
                let over = std::mem::replace(&mut minute, now / 60);
                wanted.prices(now, (over != now / 60).then_some(now / 60 - 1))
            }
        };
        if said.is_empty() {
            continue;
        }
        let message =
            if packed { Message::binary(pack(&said)) } else { Message::text(Value::Array(said).to_string()) };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

fn read(bytes: &[u8], packed: bool) -> Value {
    if packed {
        msgpack::read(bytes).unwrap_or_default()
    } else {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}

impl Wanted {
    /// Takes a message, and says what is subscribed to then; with it the last bar of each new symbol.
    fn hear(&mut self, asked: &Value, now: i64) -> Vec<Value> {
        let adds = match asked["action"].as_str() {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return vec![json!({"T": "error", "code": 400, "msg": "invalid syntax"})],
        };
        let mut said = Vec::new();
        for (channel, _) in CHANNELS {
            let symbols = self.0.entry(channel).or_default();
            for symbol in asked[channel].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !adds {
                    symbols.remove(symbol);
                } else if symbols.len() < MAX_SYMBOLS {
                    symbols.insert(symbol.chars().take(20).collect());
                    said.extend(
                        (channel == "bars")
                            .then(|| last_bars(symbol, now / 60 - 1, now))
                            .into_iter()
                            .flatten(),
                    );
                } else {
                    return vec![json!({"T": "error", "code": 405, "msg": "symbol limit exceeded"})];
                }
            }
        }
        let mut standing = Map::new();
        standing.insert("T".into(), "subscription".into());
        for (channel, symbols) in &self.0 {
            standing.insert((*channel).into(), json!(symbols));
        }
        said.insert(0, Value::Object(standing));
        said
    }

    fn prices(&self, now: i64, minute: Option<i64>) -> Vec<Value> {
        let of = |channel| self.0.get(channel).into_iter().flatten().flat_map(|s| expand(s));
        let trades = of("trades").map(|symbol| named("t", symbol, trade(Market::of(symbol), now)));
        let quotes = of("quotes").map(|symbol| named("q", symbol, quote(Market::of(symbol), now)));
        let bars =
            minute.into_iter().flat_map(|minute| of("bars").flat_map(move |s| last_bars(s, minute, now)));
        let imbalances = of("imbalances").map(|symbol| {
            let market = Market::of(symbol);
            named("i", symbol, json!({"t": mandate_core::format::rfc3339(mandate_core::Timestamp::from_seconds(now)), "p": market.chance(33, now, 5000)}))
        });
        trades.chain(quotes).chain(bars).chain(imbalances).collect()
    }
}

fn expand(symbol: &str) -> Vec<&str> {
    if symbol == "*" { ALL.to_vec() } else { vec![symbol] }
}

fn last_bars(symbol: &str, minute: i64, now: i64) -> Vec<Value> {
    let (start, end) = (minute * 60, minute * 60 + 60);
    let slot = Slot { start, open: start, close: end };
    expand(symbol).into_iter().map(|symbol| named("b", symbol, bar(Market::of(symbol), slot, now))).collect()
}

fn named(letter: &str, symbol: &str, mut row: Value) -> Value {
    row["T"] = letter.into();
    row["S"] = symbol.into();
    row
}

/// As the vendor packs it: times are of the format's own type.
fn pack(said: &[Value]) -> Vec<u8> {
    let mut out = vec![0xdd];
    out.extend(u32::try_from(said.len()).unwrap_or(0).to_be_bytes());
    for map in said.iter().filter_map(Value::as_object) {
        msgpack::write_map(&mut out, map.len());
        for (name, value) in map {
            msgpack::write_text(&mut out, name);
            match value.as_str().filter(|_| name == "t").and_then(instant) {
                Some(at) => msgpack::write_time(&mut out, at, 0),
                None => msgpack::write(&mut out, value),
            }
        }
    }
    out
}
