//! Lengths of time on the command line: `90s`, `30m`, `24h`, `7d`, or plain seconds.

/// Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) i64);

impl std::str::FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "a length of time such as 90s, 30m, 24h or 7d";
        let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
            Some(at) => text.split_at(at),
            None => (text, "s"),
        };
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(WANTED),
        };
        let number: i64 = number.parse().map_err(|_| WANTED)?;
        number.checked_mul(factor).map(Self).ok_or(WANTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in
            [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)]
        {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
        for bad in ["", "h", "-1", "1.5h", "1w", "999999999999999999d"] {
            assert!(bad.parse::<Seconds>().is_err(), "{bad}");
        }
    }
}
