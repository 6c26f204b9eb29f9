//! What the brokerage remembers of its customers, in memory and bounded.

use super::amount::Amount;
use super::answer::Answer;
use super::assets::Asset;
use super::order::{Order, Side, Status, Ticket, TimeInForce};
use super::prices::Market;
use super::watchlists::Watchlist;
use http::StatusCode;
use mandate_core::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast;

const MAX_ACCOUNTS: usize = 10_000;
/// Of one account. The oldest that is closed makes room.
const MAX_ORDERS: usize = 1_000;
/// Of all accounts. The account that began first makes room.
const MAX_ORDERS_IN_ALL: usize = 200_000;

/// An account, as the gate names it.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) issuer: String,
    pub(super) account: String,
    pub(super) environment: String,
    /// The partner that asks, if one does.
    pub(super) partner: Option<String>,
}

/// What an account holds of one asset.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    pub(super) qty: Amount,
    pub(super) cost: Amount,
}

/// One account.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub(super) partner: Option<String>,
    pub(super) cash: Amount,
    pub(super) positions: BTreeMap<&'static str, Position>,
    pub(super) orders: Vec<Order>,
    /// Settings that differ from the usual ones.
    pub(super) settings: Map<String, Value>,
    pub(super) watchlists: Vec<Watchlist>,
    /// What happened to orders and was not told yet.
    news: Vec<(&'static str, Order)>,
}

/// Something that happened to an order.
#[derive(Debug)]
pub(super) struct News {
    pub(super) issuer: String,
    pub(super) account: String,
    /// In the vendor's words: `new`, `fill`, `canceled`, `replaced`.
    pub(super) event: &'static str,
    pub(super) order: Order,
    pub(super) held: Amount,
}

/// News that wait for a slow listener, at most.
const NEWS: usize = 256;

impl Book {
    /// What every account begins with.
    pub(super) const START: Amount = Amount::whole(1_000_000);

    fn new() -> Self {
        Self {
            partner: None,
            cash: Self::START,
            positions: BTreeMap::new(),
            orders: Vec::new(),
            settings: Map::new(),
            watchlists: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Cash that no open order waits for.
    pub(super) fn available(&self) -> Amount {
        self.cash - self.orders.iter().map(Order::reserved).sum()
    }

    /// What open orders to sell wait for.
    pub(super) fn held(&self, symbol: &str) -> Amount {
        let waits =
            |o: &&Order| o.is_open() && o.ticket.side == Side::Sell && o.ticket.asset.symbol == symbol;
        self.orders.iter().filter(waits).map(|o| o.ticket.qty_at(o.price)).sum()
    }

    /// What the positions are worth.
    pub(super) fn market_value(&self, now: i64) -> Amount {
        let value = |(symbol, position): (&&'static str, &Position)| {
            let at = Asset::find(symbol)?.hours().last_moment(now);
            Some(position.qty.times(Market::of(symbol).amount(at)).money())
        };
        self.positions.iter().filter_map(value).sum()
    }

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|o| o.id == id)
    }

    fn order_mut(&mut self, id: &str) -> Option<&mut Order> {
        self.orders.iter_mut().find(|o| o.id == id)
    }

    /// Takes an order, which is filled at once if the market's price allows it, whatever the hour.
    pub(super) fn place(&mut self, ticket: Ticket, id: String, now: Timestamp) -> Result<Order, Answer> {
        if self.settings.get("suspend_trade") == Some(&Value::Bool(true)) {
            return Err(Answer::forbidden("new orders are rejected by user request"));
        }
        if self.orders.iter().any(|o| o.ticket.client_order_id == ticket.client_order_id) {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Answer::refusal(status, 40_010_001, "client_order_id must be unique"));
        }
        let symbol = ticket.asset.symbol;
        let price = Market::of(symbol).amount(ticket.asset.hours().last_moment(now.seconds()));
        let mut order = Order {
            id,
            status: Status::New,
            created: now,
            updated: now,
            replaced_by: None,
            replaces: None,
            filled_qty: Amount::ZERO,
            price,
            ticket,
        };
        self.affords(&order)?;
        self.make_room()?;
        if order.ticket.executes(price) {
            self.fill(&mut order);
        } else if matches!(order.ticket.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            order.status = Status::Canceled;
        }
        self.orders.push(order.clone());
        self.news.push(("new", Order { status: Status::New, filled_qty: Amount::ZERO, ..order.clone() }));
        match order.status {
            Status::Filled => self.news.push(("fill", order.clone())),
            Status::Canceled => self.news.push(("canceled", order.clone())),
            Status::New | Status::Replaced => {}
        }
        Ok(order)
    }

    fn affords(&self, order: &Order) -> Result<(), Answer> {
        let symbol = order.ticket.asset.symbol;
        match order.ticket.side {
            Side::Buy => {
                let (cost, available) = (order.reserved(), self.available());
                if cost > available {
                    return Err(Answer::forbidden("insufficient buying power")
                        .with("buying_power", json!(available.money()))
                        .with("cost_basis", json!(cost.money())));
                }
            }
            Side::Sell => {
                let wanted = order.ticket.qty_at(order.price);
                let (existing, held) =
                    (self.positions.get(symbol).copied().unwrap_or_default().qty, self.held(symbol));
                let available = existing - held;
                if wanted > available {
                    let message = format!(
                        "insufficient qty available for order (requested: {wanted}, available: {available})"
                    );
                    return Err(Answer::forbidden(&message)
                        .with("symbol", json!(symbol))
                        .with("existing_qty", json!(existing))
                        .with("held_for_orders", json!(held))
                        .with("available", json!(available)));
                }
            }
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Answer> {
        if self.orders.len() < MAX_ORDERS {
            return Ok(());
        }
        let oldest = self.orders.iter().position(|o| !o.is_open());
        let oldest = oldest
            .ok_or_else(|| Answer::forbidden("too many open orders: the sample keeps 1000 of an account"))?;
        self.orders.remove(oldest);
        Ok(())
    }

    fn fill(&mut self, order: &mut Order) {
        let ticket = &order.ticket;
        let qty = ticket.qty_at(order.price);
        let value = qty.times(order.price);
        let position = self.positions.entry(ticket.asset.symbol).or_default();
        match ticket.side {
            Side::Buy => {
                position.qty += qty;
                position.cost += value;
                self.cash -= value;
            }
            Side::Sell => {
                position.cost -= position.cost.times(qty.over(position.qty));
                position.qty -= qty;
                self.cash += value;
            }
        }
        if !position.qty.is_positive() {
            self.positions.remove(ticket.asset.symbol);
        }
        order.filled_qty = qty;
        order.status = Status::Filled;
    }

    /// Cancels an order.
    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) -> Result<Order, Answer> {
        let order = self.order_mut(id).ok_or_else(|| no_order(id))?;
        if !order.is_open() {
            return Err(closed(order));
        }
        order.status = Status::Canceled;
        order.updated = now;
        let order = order.clone();
        self.news.push(("canceled", order.clone()));
        Ok(order)
    }

    /// Puts a new order in the place of an open one, or leaves everything as it is.
    pub(super) fn replace(
        &mut self,
        old: &str,
        ticket: Ticket,
        id: String,
        now: Timestamp,
    ) -> Result<Order, Answer> {
        let order = self.order_mut(old).ok_or_else(|| no_order(old))?;
        if !order.is_open() {
            return Err(closed(order));
        }
        // Its own reservation must not stand in the way.
        order.status = Status::Replaced;
        let placed = self.place(ticket, id, now);
        if let Some(order) = self.order_mut(old) {
            match &placed {
                Ok(new) => {
                    order.updated = now;
                    order.replaced_by = Some(new.id.clone());
                }
                Err(_) => order.status = Status::New,
            }
        }
        let mut new = placed?;
        if let Some(order) = self.order(old).cloned() {
            self.news.push(("replaced", order));
        }
        new.replaces = Some(old.to_owned());
        if let Some(last) = self.orders.last_mut() {
            last.replaces.clone_from(&new.replaces);
        }
        Ok(new)
    }
}

pub(super) fn no_order(id: &str) -> Answer {
    Answer::not_found(&format!("order not found for {id}"))
}

fn closed(order: &Order) -> Answer {
    Answer::invalid(&format!("order is already in {} state", json!(order.status)))
}

/// All accounts that did something.
#[derive(Debug)]
pub(super) struct Books {
    news: broadcast::Sender<Arc<News>>,
    accounts: HashMap<(String, String), Book>,
    /// Those that began first are in front.
    age: VecDeque<(String, String)>,
    orders: usize,
}

impl Default for Books {
    fn default() -> Self {
        let (news, _) = broadcast::channel(NEWS);
        Self { news, accounts: HashMap::new(), age: VecDeque::new(), orders: 0 }
    }
}

impl Books {
    /// News of all accounts from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<News>> {
        self.news.subscribe()
    }

    /// Reads an account.
    pub(super) fn look<R>(&self, holder: &Holder, look: impl FnOnce(&Book) -> R) -> R {
        let key = (holder.issuer.clone(), holder.account.clone());
        match self.accounts.get(&key) {
            Some(book) => look(book),
            None => look(&Book::new()),
        }
    }

    /// Changes an account, which begins if it did nothing yet.
    pub(super) fn change<R>(&mut self, holder: &Holder, change: impl FnOnce(&mut Book) -> R) -> R {
        let key = (holder.issuer.clone(), holder.account.clone());
        let book = self.accounts.entry(key.clone()).or_insert_with(|| {
            self.age.push_back(key.clone());
            Book::new()
        });
        if holder.partner.is_some() {
            book.partner.clone_from(&holder.partner);
        }
        let before = book.orders.len();
        let result = change(book);
        self.orders = self.orders + book.orders.len() - before;
        for (event, order) in std::mem::take(&mut book.news) {
            let held = book.positions.get(order.ticket.asset.symbol).copied().unwrap_or_default().qty;
            let (issuer, account) = key.clone();
            let _nobody_listens = self.news.send(Arc::new(News { issuer, account, event, order, held }));
        }
        self.forget(&key);
        result
    }

    fn forget(&mut self, keep: &(String, String)) {
        while self.accounts.len() > MAX_ACCOUNTS
            || (self.orders > MAX_ORDERS_IN_ALL && self.accounts.len() > 1)
        {
            let Some(oldest) = self.age.pop_front() else { return };
            if oldest == *keep {
                self.age.push_back(oldest);
            } else if let Some(book) = self.accounts.remove(&oldest) {
                self.orders -= book.orders.len();
            }
        }
    }

    /// The accounts that a partner has worked with, in the order of their ids.
    pub(super) fn of_partner(&self, holder: &Holder) -> Vec<String> {
        let theirs = |(key, book): (&(String, String), &Book)| {
            (key.0 == holder.issuer && book.partner == holder.partner).then(|| key.1.clone())
        };
        let mut ids: Vec<String> = self.accounts.iter().filter_map(theirs).collect();
        ids.sort();
        ids
    }
}
