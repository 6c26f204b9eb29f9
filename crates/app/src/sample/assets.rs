//! What can be traded.

use super::answer::{Answer, Reply};
use super::calls::Call;
use super::slots::Hours;
use aws_lc_rs::digest::{SHA256, digest};
use mandate_core::format::hex;
use serde_json::{Value, json};

/// Something that can be traded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    pub(super) symbol: &'static str,
    name: &'static str,
    pub(super) exchange: &'static str,
}

const fn asset(symbol: &'static str, name: &'static str, exchange: &'static str) -> Asset {
    Asset { symbol, name, exchange }
}

const ASSETS: [Asset; 24] = [
    asset("AAPL", "Apple Inc. Common Stock", "NASDAQ"),
    asset("AMD", "Advanced Micro Devices, Inc. Common Stock", "NASDAQ"),
    asset("AMZN", "Amazon.com, Inc. Common Stock", "NASDAQ"),
    asset("BAC", "Bank of America Corporation", "NYSE"),
    asset("BTC/USD", "Bitcoin / US Dollar", "CRYPTO"),
    asset("DIS", "The Walt Disney Company", "NYSE"),
    asset("ETH/USD", "Ethereum / US Dollar", "CRYPTO"),
    asset("F", "Ford Motor Company", "NYSE"),
    asset("GOOG", "Alphabet Inc. Class C Capital Stock", "NASDAQ"),
    asset("GOOGL", "Alphabet Inc. Class A Common Stock", "NASDAQ"),
    asset("INTC", "Intel Corporation Common Stock", "NASDAQ"),
    asset("IWM", "iShares Russell 2000 ETF", "ARCA"),
    asset("JPM", "JPMorgan Chase & Co.", "NYSE"),
    asset("KO", "The Coca-Cola Company", "NYSE"),
    asset("META", "Meta Platforms, Inc. Class A Common Stock", "NASDAQ"),
    asset("MSFT", "Microsoft Corporation Common Stock", "NASDAQ"),
    asset("NFLX", "Netflix, Inc. Common Stock", "NASDAQ"),
    asset("NVDA", "NVIDIA Corporation Common Stock", "NASDAQ"),
    asset("PFE", "Pfizer Inc.", "NYSE"),
    asset("QQQ", "Invesco QQQ Trust, Series 1", "NASDAQ"),
    asset("SPY", "SPDR S&P 500 ETF Trust", "ARCA"),
    asset("TSLA", "Tesla, Inc. Common Stock", "NASDAQ"),
    asset("WMT", "Walmart Inc.", "NYSE"),
    asset("XOM", "Exxon Mobil Corporation", "NYSE"),
];

/// A UUID that is always the same for the same text.
pub(super) fn stable_id(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl Asset {
    /// By symbol (of a pair also without the slash) or id.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let by_symbol = |a: &&Self| a.symbol == name || (a.is_crypto() && a.symbol.replace('/', "") == name);
        ASSETS.iter().find(by_symbol).or_else(|| ASSETS.iter().find(|a| name.len() == 36 && a.id() == name))
    }

    pub(super) fn id(&self) -> String {
        stable_id(self.symbol)
    }

    pub(super) fn is_crypto(&self) -> bool {
        self.exchange == "CRYPTO"
    }

    pub(super) fn class(&self) -> &'static str {
        if self.is_crypto() { "crypto" } else { "us_equity" }
    }

    pub(super) fn hours(&self) -> Hours {
        if self.is_crypto() { Hours::Always } else { Hours::Exchange }
    }

    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id(),
            "class": self.class(),
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.name,
            "status": "active",
            "tradable": true,
            "marginable": !self.is_crypto(),
            "maintenance_margin_requirement": if self.is_crypto() { 100 } else { 30 },
            "margin_requirement_long": if self.is_crypto() { "100" } else { "30" },
            "margin_requirement_short": if self.is_crypto() { "100" } else { "30" },
            "shortable": false,
            "easy_to_borrow": false,
            "fractionable": true,
            "attributes": [],
        });
        if self.is_crypto() {
            json["min_order_size"] = "0.0001".into();
            json["min_trade_increment"] = "0.0001".into();
            json["price_increment"] = "0.01".into();
        }
        json
    }
}

/// `GET /v2/assets`
pub(super) fn list(call: &Call) -> Reply {
    if call.query.get("status").is_some_and(|status| status != "active") {
        return Ok(Answer::ok(json!([])));
    }
    let same = |name: &str, value: &str| call.query.get(name).is_none_or(|wanted| wanted == value);
    let found = ASSETS.iter().filter(|a| same("asset_class", a.class()) && same("exchange", a.exchange));
    Ok(Answer::ok(found.map(Asset::json).collect()))
}

/// `GET /v2/assets/{symbol}`
pub(super) fn one(name: &str) -> Reply {
    let asset = Asset::find(name).ok_or_else(|| Answer::not_found(&format!("asset not found for {name}")))?;
    Ok(Answer::ok(asset.json()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_symbol_and_id() {
        for asset in &ASSETS {
            assert_eq!(Asset::find(asset.symbol), Some(asset));
            assert_eq!(Asset::find(&asset.id()), Some(asset));
        }
        assert_eq!(Asset::find("BTCUSD").unwrap().symbol, "BTC/USD");
        assert_eq!(Asset::find("aapl"), None);
    }
}
