//! Prices by the item, in `tr_json2`: a Refresh for each item that is asked for, and Updates from then on.

use super::super::Brokerage;
use super::super::prices::{Market, dollars};
use super::{MAX_SYMBOLS, Socket, TICK};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio_tungstenite::tungstenite::Message;

/// The service that items are of, if a client names none.
const SERVICE: &str = "ELEKTRON_DD";

/// Tells prices until the other side has gone.
pub(super) async fn run(brokerage: &Brokerage, mut socket: Socket) {
    let mut items: BTreeMap<i64, String> = BTreeMap::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        let now = brokerage.clock.now().seconds();
        let said = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                    Ok(Value::Array(list)) => list.iter().flat_map(|one| hear(&mut items, one, now)).collect(),
                    Ok(one) => hear(&mut items, &one, now),
                    Err(_) => Vec::new(),
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = tick.tick() => items
                .iter()
                .map(|(id, name)| json!({"ID": id, "Type": "Update", "UpdateType": "Quote", "Fields": fields(name, now)}))
                .collect(),
        };
        if !said.is_empty() && socket.send(Message::text(Value::Array(said).to_string())).await.is_err() {
            return;
        }
    }
}

fn hear(items: &mut BTreeMap<i64, String>, asked: &Value, now: i64) -> Vec<Value> {
    let id = asked["ID"].as_i64().unwrap_or(0);
    match asked["Type"].as_str() {
        Some("Ping") => return vec![json!({"Type": "Pong"})],
        Some("Close") => {
            items.remove(&id);
            return Vec::new();
        }
        None | Some("Request") => {}
        Some(_) => return Vec::new(),
    }
    let names: Vec<&str> = match &asked["Key"]["Name"] {
        Value::String(name) => vec![name],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return vec![json!({"ID": id, "Type": "Error", "Text": "Key.Name is missing"})],
    };
    // items of a batch have the ids after the batch's own
    let first = if names.len() > 1 { id + 1 } else { id };
    let service = asked["Key"]["Service"].as_str().unwrap_or(SERVICE);
    let streams = asked["Streaming"].as_bool().unwrap_or(true);
    (first..)
        .zip(names)
        .take(MAX_SYMBOLS.saturating_sub(items.len()))
        .map(|(id, name)| {
            if streams {
                items.insert(id, name.chars().take(40).collect());
            }
            let state = if streams { "Open" } else { "NonStreaming" };
            json!({
                "ID": id, "Type": "Refresh", "Key": {"Service": service, "Name": name},
                "State": {"Stream": state, "Data": "Ok", "Text": "All is well"},
                "Qos": {"Timeliness": "Realtime", "Rate": "TickByTick"},
                "Fields": fields(name, now),
            })
        })
        .collect()
}

fn fields(name: &str, now: i64) -> Value {
    let price = Market::of(name).price(now);
    let spread = 1 + price / 20_000;
    json!({"BID": dollars(price - spread), "ASK": dollars(price + spread), "TRDPRC_1": dollars(price)})
}
