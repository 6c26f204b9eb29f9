//! Prices out of nothing: a function of symbol and time that looks like a market, in whole numbers, so that each
//! machine gets the same.

use super::amount::Amount;
use aws_lc_rs::digest::{SHA256, digest};

const DAY: i64 = 86_400;

/// Period in seconds and how far the price moves within it, in millionths: about as the square root of time.
const WAVES: [(i64, i64); 12] = [
    (500 * DAY, 210_000),
    (190 * DAY, 110_000),
    (61 * DAY, 60_000),
    (17 * DAY, 34_000),
    (6 * DAY, 20_000),
    (2 * DAY, 12_000),
    (DAY / 2, 6_500),
    (3 * 3600, 3_200),
    (2400, 1_600),
    (600, 800),
    (150, 400),
    (30, 180),
];

/// Symbols whose prices people know, in cents.
const KNOWN: [(&str, i32); 24] = [
    ("AAPL", 19_500),
    ("AMD", 14_500),
    ("AMZN", 17_800),
    ("BAC", 3_800),
    ("BTC/USD", 6_400_000),
    ("DIS", 10_200),
    ("ETH/USD", 320_000),
    ("F", 1_150),
    ("GOOG", 16_400),
    ("GOOGL", 16_250),
    ("INTC", 3_400),
    ("IWM", 20_800),
    ("JPM", 19_800),
    ("KO", 6_200),
    ("META", 48_000),
    ("MSFT", 41_000),
    ("NFLX", 60_500),
    ("NVDA", 11_200),
    ("PFE", 2_850),
    ("QQQ", 44_500),
    ("SPY", 52_300),
    ("TSLA", 20_500),
    ("WMT", 6_400),
    ("XOM", 11_300),
];

/// The market of one symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market {
    seed: u64,
    base: i32,
}

/// Open, high, low and close of a stretch, in cents, and what was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) open: i32,
    pub(super) high: i32,
    pub(super) low: i32,
    pub(super) close: i32,
    pub(super) volume: i64,
}

/// Scatters all bits of `x` over all bits of the result.
const fn scatter(x: u64) -> u64 {
    let x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

impl Market {
    pub(super) fn of(symbol: &str) -> Self {
        let digest = digest(&SHA256, symbol.as_bytes());
        let seed = digest.as_ref().iter().take(8).fold(0, |seed, b| seed << 8 | u64::from(*b));
        let known = KNOWN.iter().find(|(name, _)| *name == symbol).map(|(_, base)| *base);
        let invented = || 1_500 + i32::try_from(scatter(seed) % 25_000).unwrap_or_default();
        Self { seed, base: known.unwrap_or_else(invented) }
    }

    /// A number below `below` that depends on symbol, `kind` and `at` only.
    pub(super) const fn chance(self, kind: u64, at: i64, below: i64) -> i64 {
        let mixed = scatter(self.seed ^ scatter(at.cast_unsigned() ^ kind << 56));
        // 31 bits, so that the product fits.
        ((mixed >> 33).cast_signed() * below) >> 31
    }

    /// The price at a moment, in cents.
    pub(super) fn price(self, at: i64) -> i32 {
        let mut millionths: i64 = 1_000_000;
        for (kind, (period, reach)) in (1..).zip(WAVES) {
            // Straight lines between random heights, each symbol's begun at another time.
            let shifted = at + self.chance(kind, -1, period);
            let (number, passed) = (shifted.div_euclid(period), shifted.rem_euclid(period));
            let height = |n: i64| self.chance(kind, n, 2 * reach + 1) - reach;
            let (from, to) = (height(number), height(number + 1));
            millionths += from + (to - from) * passed / period;
        }
        i32::try_from(i64::from(self.base) * millionths / 1_000_000).unwrap_or(i32::MAX).max(1)
    }

    /// The price at a moment, as money.
    pub(super) fn amount(self, at: i64) -> Amount {
        Amount::cents(self.price(at))
    }

    /// What happens from `open` to `close`.
    pub(super) fn moves(self, open: i64, close: i64) -> Moves {
        const STEPS: i64 = 16;
        let (first, last) = (self.price(open), self.price(close));
        let (mut high, mut low) = (first.max(last), first.min(last));
        for step in 1..STEPS {
            let price = self.price(open + (close - open) * step / STEPS);
            high = high.max(price);
            low = low.min(price);
        }
        let per_minute = 3_000 + self.chance(20, 0, 60_000);
        let volume = per_minute * (close - open) / 60 * (60 + self.chance(21, open, 80)) / 100;
        Moves { open: first, high, low, close: last, volume: volume.max(100) }
    }
}

/// Cents as a JSON number of dollars.
pub(super) fn dollars(cents: i32) -> f64 {
    f64::from(cents) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_a_market() {
        let market = Market::of("AAPL");
        let mut last = market.price(1_704_205_800);
        let (mut up, mut down) = (0, 0);
        for minute in 1..20_000 {
            let price = market.price(1_704_205_800 + 60 * minute);
            assert!((7_000..35_000).contains(&price), "{price}");
            assert!((price - last).abs() < last / 50, "{last} to {price} in a minute");
            up += i32::from(price > last);
            down += i32::from(price < last);
            last = price;
        }
        assert!(up > 7_000 && down > 7_000, "{up} up, {down} down");
    }

    #[test]
    fn moves_hold_together() {
        for (n, symbol) in ["MSFT", "F", "ZZZZ", "BTC/USD"].into_iter().enumerate() {
            let at = 1_704_205_800 + 86_400 * i64::try_from(n).unwrap();
            let moves = Market::of(symbol).moves(at, at + 23_400);
            assert!(moves.low <= moves.open.min(moves.close) && moves.high >= moves.open.max(moves.close));
            assert!(moves.low < moves.high && moves.volume > 0);
            assert_eq!(moves, Market::of(symbol).moves(at, at + 23_400));
        }
    }

    #[test]
    fn far_times_are_no_trouble() {
        for at in [-8_000_000_000, 0, 253_402_300_799] {
            assert!(Market::of("SPY").price(at) > 0);
        }
    }
}
