//! One call: what was asked by whom, and which function answers it.

use super::answer::{Answer, Reply};
use super::book::Holder;
use super::intake::Query;
use super::{Brokerage, account, assets, bank, broker, data, marketplace, orders, positions, watchlists};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use mandate_core::{Timestamp, format};
use mandate_wire::identity::Claims;

/// The years in which the sample's market exists, in seconds: 2016 to 2999.
const ERA: (i64, i64) = (1_451_606_400, 32_503_680_000);

/// A request whose caller the gate vouches for.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) brokerage: &'a Brokerage,
    method: Method,
    path: String,
    pub(super) query: Query,
    claims: Claims,
    pub(super) now: Timestamp,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        brokerage: &'a Brokerage,
        parts: &Parts,
        claims: Claims,
        now: Timestamp,
        body: Bytes,
    ) -> Self {
        let query = Query::read(parts.uri.query().unwrap_or_default());
        let now = Timestamp::from_millis(now.millis().clamp(ERA.0 * 1000, ERA.1 * 1000));
        Self {
            brokerage,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query,
            claims,
            now,
            body,
        }
    }

    /// The time in seconds.
    pub(super) const fn seconds(&self) -> i64 {
        self.now.seconds()
    }

    /// When the sample's market began.
    pub(super) const fn began() -> i64 {
        ERA.0
    }

    /// A fresh id.
    pub(super) fn id(&self) -> String {
        format::uuid_v4(&*self.brokerage.entropy)
    }

    /// The account that the gate names.
    fn holder(&self) -> Result<Holder, Answer> {
        if matches!(&*self.claims.kind, "key" | "token") && !self.claims.sub.is_empty() {
            return Ok(self.account(&self.claims.sub, None));
        }
        Err(Answer::forbidden("this call takes the credential of an account"))
    }

    /// The account that a token or key acts on, and its environment; empty for everybody else.
    pub(super) fn about(&self) -> (&str, &str) {
        match &*self.claims.kind {
            "key" | "token" => (&self.claims.sub, &self.claims.env),
            _ => ("", ""),
        }
    }

    /// The issuer of the platform that is called for.
    pub(super) fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// The partner that the gate names.
    fn partner(&self) -> Result<String, Answer> {
        if self.claims.kind == "partner" && !self.claims.sub.is_empty() {
            return Ok(self.claims.sub.clone());
        }
        Err(Answer::forbidden("this call takes the credential of a partner"))
    }

    /// Any caller with a credential.
    fn anyone(&self) -> Result<(), Answer> {
        self.holder().map(drop).or_else(|_| self.partner().map(drop))
    }

    fn account(&self, id: &str, partner: Option<String>) -> Holder {
        Holder {
            issuer: self.claims.iss.clone(),
            account: id.to_owned(),
            environment: self.claims.env.clone(),
            partner,
        }
    }
}

/// Finds the function for a call.
pub(super) fn answer(call: &Call) -> Reply {
    let method = if call.method == Method::HEAD { Method::GET } else { call.method.clone() };
    let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    if call.path.len() > 1 && segments.iter().any(|s| s.is_empty()) {
        return Err(unknown(call));
    }
    let elsewhere = bank::answer(call, &method, &segments);
    if let Some(reply) = elsewhere.or_else(|| marketplace::answer(call, &method, &segments)) {
        return reply;
    }
    match segments.as_slice() {
        ["v1" | "v2", "clock"] if method == Method::GET => account::clock(call),
        ["v2", "calendar"] if method == Method::GET => call.anyone().and_then(|()| account::calendar(call)),
        ["v2", "assets"] if method == Method::GET => call.anyone().and_then(|()| assets::list(call)),
        ["v2", "assets", symbol @ ..] if method == Method::GET && !symbol.is_empty() => {
            call.anyone().and_then(|()| assets::one(&symbol.join("/")))
        }
        ["v2", "stocks", rest @ ..] if method == Method::GET => {
            call.anyone()?;
            data::stocks(call, rest).unwrap_or_else(|| Err(unknown(call)))
        }
        ["v1beta3", "crypto", _, rest @ ..] if method == Method::GET => {
            call.anyone()?;
            data::crypto(call, rest).unwrap_or_else(|| Err(unknown(call)))
        }
        ["v1beta1", "options", rest @ ..] if method == Method::GET => {
            call.anyone()?;
            data::options(rest).unwrap_or_else(|| Err(unknown(call)))
        }
        ["v1beta1", "news"] if method == Method::GET => call.anyone().and_then(|()| data::news(call)),
        ["v2", rest @ ..] => {
            let holder = call.holder()?;
            of_account(call, &holder, &method, rest).unwrap_or_else(|| Err(unknown(call)))
        }
        ["v1", "accounts"] => {
            let partner = call.partner()?;
            match method {
                Method::GET => broker::list(call, &call.account("", Some(partner))),
                Method::POST => broker::open(),
                _ => Err(unknown(call)),
            }
        }
        ["v1", "accounts", account] => {
            let holder = call.account(account, Some(call.partner()?));
            match method {
                Method::GET => broker::one(call, &holder),
                Method::PATCH => broker::change(),
                _ => Err(unknown(call)),
            }
        }
        ["v1", "trading", "accounts", account, rest @ ..] => {
            let holder = call.account(account, Some(call.partner()?));
            of_account(call, &holder, &method, rest).unwrap_or_else(|| Err(unknown(call)))
        }
        ["v1", "calendar"] if method == Method::GET => call.partner().and_then(|_| account::calendar(call)),
        ["v1", "assets"] if method == Method::GET => call.partner().and_then(|_| assets::list(call)),
        ["v1", "assets", symbol] if method == Method::GET => call.partner().and_then(|_| assets::one(symbol)),
        _ => Err(unknown(call)),
    }
}

/// What owners call below `/v2`, and partners below `/v1/trading/accounts/{id}`.
fn of_account(call: &Call, holder: &Holder, method: &Method, path: &[&str]) -> Option<Reply> {
    Some(match (method.as_str(), path) {
        ("GET", ["account"]) => account::one(call, holder),
        ("GET", ["account", "configurations"]) => account::settings(call, holder),
        ("PATCH", ["account", "configurations"]) => account::change_settings(call, holder),
        ("GET", ["account", "activities"]) => account::activities(call, holder, None),
        ("GET", ["account", "activities", kind]) => account::activities(call, holder, Some(kind)),
        ("GET", ["account", "portfolio", "history"]) => account::history(call, holder),
        ("GET", ["orders"]) => orders::list(call, holder),
        ("POST", ["orders"]) => orders::place(call, holder),
        ("DELETE", ["orders"]) => orders::cancel_all(call, holder),
        ("GET", ["orders:by_client_order_id"]) => orders::by_client_order_id(call, holder),
        ("GET", ["orders", id]) => orders::one(call, holder, id),
        ("PATCH", ["orders", id]) => orders::replace(call, holder, id),
        ("DELETE", ["orders", id]) => orders::cancel(call, holder, id),
        ("GET", ["positions"]) => positions::list(call, holder),
        ("DELETE", ["positions"]) => positions::close_all(call, holder),
        ("GET", ["positions", symbol @ ..]) => positions::one(call, holder, &symbol.join("/")),
        ("DELETE", ["positions", symbol @ ..]) => positions::close(call, holder, &symbol.join("/")),
        ("GET", ["options", "contracts"]) => data::contracts(),
        ("GET", ["watchlists"]) => watchlists::list(call, holder),
        ("POST", ["watchlists"]) => watchlists::create(call, holder),
        ("GET", ["watchlists", id]) => watchlists::one(call, holder, id),
        ("PUT", ["watchlists", id]) => watchlists::replace(call, holder, id),
        ("POST", ["watchlists", id]) => watchlists::add(call, holder, id),
        ("DELETE", ["watchlists", id]) => watchlists::delete(call, holder, id),
        ("DELETE", ["watchlists", id, symbol @ ..]) => {
            watchlists::remove(call, holder, id, &symbol.join("/"))
        }
        _ => return None,
    })
}

fn unknown(call: &Call) -> Answer {
    let message = format!("the sample API has no {} {}", call.method, call.path);
    Answer::refusal(StatusCode::NOT_FOUND, 40_410_000, &message)
}
