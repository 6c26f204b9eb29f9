//! `/stream`: what happens to an account's orders.

use super::super::{Brokerage, book::News, orders};
use super::Socket;
use futures_util::{SinkExt as _, StreamExt as _};
use mandate_core::format::{rfc3339, uuid_v4};
use mandate_wire::identity::Claims;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio_tungstenite::tungstenite::Message;

/// Tells news until the other side has gone.
pub(super) async fn run(brokerage: &Brokerage, claims: &Claims, mut socket: Socket) {
    let mut news = brokerage.books().listen();
    let mut listens = false;
    loop {
        let said = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    let asked: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
                    let wanted = asked["data"]["streams"].as_array().cloned().unwrap_or_default();
                    listens = wanted.iter().any(|name| name == "trade_updates");
                    let streams = if listens { json!(["trade_updates"]) } else { json!([]) };
                    json!({"stream": "listening", "data": {"streams": streams}})
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            one = news.recv() => match one {
                Ok(one) if listens && one.issuer == claims.iss && one.account == claims.sub => {
                    update(brokerage, &one)
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        if socket.send(Message::text(said.to_string())).await.is_err() {
            return;
        }
    }
}

fn update(brokerage: &Brokerage, news: &News) -> Value {
    let filled = (news.event == "fill").then_some(&news.order);
    json!({"stream": "trade_updates", "data": {
        "event": news.event,
        "execution_id": uuid_v4(&*brokerage.entropy),
        "order": orders::json(&news.order),
        "timestamp": rfc3339(news.order.updated),
        "price": filled.map(|o| o.price),
        "qty": filled.map(|o| o.filled_qty),
        "position_qty": filled.map(|_| news.held),
    }})
}
