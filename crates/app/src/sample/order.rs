//! One order: what is wanted, and what became of it.

use super::amount::Amount;
use super::assets::Asset;
use mandate_core::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Market,
    Limit,
    Stop,
    StopLimit,
    TrailingStop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeInForce {
    Day,
    Gtc,
    Opg,
    Cls,
    Ioc,
    Fok,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    New,
    Filled,
    Canceled,
    Replaced,
}

/// What somebody wants done.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) client_order_id: String,
    pub(super) asset: &'static Asset,
    pub(super) side: Side,
    pub(super) kind: Kind,
    pub(super) time_in_force: TimeInForce,
    pub(super) qty: Option<Amount>,
    pub(super) notional: Option<Amount>,
    pub(super) limit: Option<Amount>,
    pub(super) stop: Option<Amount>,
    pub(super) trail_price: Option<Amount>,
    pub(super) trail_percent: Option<Amount>,
    pub(super) extended_hours: bool,
}

impl Ticket {
    /// How much at `price`.
    pub(super) fn qty_at(&self, price: Amount) -> Amount {
        self.qty.unwrap_or_else(|| self.notional.unwrap_or_default().over(price))
    }

    /// Whether it can be done at `price` at once.
    pub(super) fn executes(&self, price: Amount) -> bool {
        let within = |limit: Amount| if self.side == Side::Buy { price <= limit } else { price >= limit };
        let reached = |stop: Amount| if self.side == Side::Buy { price >= stop } else { price <= stop };
        match self.kind {
            Kind::Market => true,
            Kind::Limit => self.limit.is_some_and(within),
            Kind::Stop => self.stop.is_some_and(reached),
            Kind::StopLimit => self.stop.is_some_and(reached) && self.limit.is_some_and(within),
            Kind::TrailingStop => false,
        }
    }
}

/// An order and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) ticket: Ticket,
    pub(super) status: Status,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) replaced_by: Option<String>,
    pub(super) replaces: Option<String>,
    pub(super) filled_qty: Amount,
    /// The average price; the market's when the order came, if it is not filled.
    pub(super) price: Amount,
}

impl Order {
    pub(super) fn is_open(&self) -> bool {
        self.status == Status::New
    }

    /// Money that an open order keeps from being spent otherwise.
    pub(super) fn reserved(&self) -> Amount {
        let ticket = &self.ticket;
        if !self.is_open() || ticket.side == Side::Sell {
            return Amount::ZERO;
        }
        let price = ticket.limit.or(ticket.stop).unwrap_or(self.price);
        ticket.qty_at(price).times(price)
    }
}
