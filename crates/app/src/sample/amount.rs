//! Money and quantities: exact decimals with nine places.

use serde::{Serialize, Serializer};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Units in one.
const ONE: i128 = 1_000_000_000;
/// Places after the point.
const PLACES: usize = 9;
/// The longest integer part that is read: products of two amounts stay far from the type's end.
const DIGITS: usize = 9;

/// A decimal with nine places. Serializes as a string, as the brokerage writes money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(i128);

impl Amount {
    pub(super) const ZERO: Self = Self(0);

    /// Whole units.
    pub(super) const fn whole(units: i32) -> Self {
        Self(units as i128 * ONE)
    }

    /// Hundredths.
    pub(super) const fn cents(cents: i32) -> Self {
        Self(cents as i128 * ONE / 100)
    }

    /// Reads `12`, `12.5`, `-0.000000001`; nothing with an exponent, an empty part or more places.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let fits = whole.len() <= DIGITS && places.len() <= PLACES;
        if !(fits && all_digits(whole) && all_digits(places)) {
            return None;
        }
        let units: i128 = format!("{whole}{places:0<PLACES$}").parse().ok()?;
        Some(Self(if negative { -units } else { units }))
    }

    pub(super) const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub(super) const fn is_whole(self) -> bool {
        self.0 % ONE == 0
    }

    /// The product, rounded toward zero.
    pub(super) const fn times(self, other: Self) -> Self {
        Self(self.0.saturating_mul(other.0) / ONE)
    }

    /// The quotient, rounded toward zero; zero for a zero divisor.
    pub(super) const fn over(self, other: Self) -> Self {
        match self.0.saturating_mul(ONE).checked_div(other.0) {
            Some(quotient) => Self(quotient),
            None => Self::ZERO,
        }
    }

    /// Rounded toward zero to hundredths, as money is written.
    pub(super) const fn money(self) -> Self {
        Self(self.0 - self.0 % (ONE / 100))
    }

    /// As a JSON number, for the few places that want one.
    pub(super) fn number(self) -> f64 {
        self.to_string().parse().unwrap_or_default()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let places = format!("{:09}", units % one);
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{places}", units / one)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for text in ["0", "12", "12.5", "-3.000000001", "999999999.999999999"] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Amount::parse("1.50").unwrap().to_string(), "1.5");
        for text in
            ["", ".", "1.", ".5", "1e3", "+1", " 1", "--1", "1.2.3", "NaN", "1234567890", "0.1234567891"]
        {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn calculates() {
        let (a, b) = (Amount::parse("2.5").unwrap(), Amount::cents(-150));
        assert_eq!(a.times(b).to_string(), "-3.75");
        assert_eq!(Amount::whole(1).over(Amount::whole(3)).to_string(), "0.333333333");
        assert_eq!(a.over(Amount::ZERO), Amount::ZERO);
        assert_eq!([a, b, -a].into_iter().sum::<Amount>(), b);
        assert_eq!(Amount::parse("1.239").unwrap().money(), Amount::cents(123));
        assert!((a.number() - 2.5).abs() < f64::EPSILON);
    }
}
