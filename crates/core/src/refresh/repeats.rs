//! What the owner of an account can see of refresh tokens that were presented more than once (SECURITY R15): one short text
//! in the chain's row, so that it never grows.

use super::Look;
use crate::Timestamp;

/// A refresh token of a chain that was presented again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// When, the last time.
    pub at: Timestamp,
    /// From which network.
    pub from: Box<str>,
    /// What it looked like.
    pub look: Look,
    /// Whether it was a replay, which ended the chain; otherwise the answer was said again.
    pub replayed: bool,
}

/// The repeats of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// The network that the current generation was first answered to; empty before the first refresh.
    pub answered_to: Box<str>,
    /// How often an old token came that its owner should know of.
    pub times: u32,
    /// The last of them.
    pub last: Option<Repeat>,
}

impl Repeats {
    /// After one more.
    #[must_use]
    pub fn with(&self, repeat: Repeat) -> Self {
        Self {
            times: self.times.saturating_add(1),
            last: Some(repeat),
            answered_to: self.answered_to.clone(),
        }
    }

    /// The text to store: a blank stands in it exactly if there is something to see.
    pub fn text(&self) -> String {
        let network = |text: &str| text.split_whitespace().collect::<String>();
        let answered_to = network(&self.answered_to);
        match &self.last {
            None => answered_to,
            Some(Repeat { at, from, look, replayed }) => {
                let (times, at, look, from) = (self.times, at.millis(), look.as_str(), network(from));
                format!("{answered_to} {times} {at} {look} {replayed} {from}")
            }
        }
    }

    /// What was stored. A text of another version says nothing.
    pub fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        match parts[..] {
            [answered_to, times, at, look, replayed, from] => {
                let last = at.parse().ok().zip(Look::from_word(look)).map(|(at, look)| Repeat {
                    at: Timestamp::from_millis(at),
                    from: from.into(),
                    look,
                    replayed: replayed == "true",
                });
                Self { answered_to: answered_to.into(), times: times.parse().unwrap_or(0), last }
            }
            [answered_to, ..] => Self { answered_to: answered_to.into(), ..Self::default() },
            [] => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r15_what_is_stored_is_read_back() {
        let none = Repeats { answered_to: "192.0.2.0/24".into(), ..Repeats::default() };
        let repeat = |look, replayed| Repeat {
            at: Timestamp::from_millis(1_790_000_000_123),
            from: "2001:db8:1::/48".into(),
            look,
            replayed,
        };
        for repeats in [
            Repeats::default(),
            none.clone(),
            none.with(repeat(Look::Retry, false)),
            none.with(repeat(Look::Race, false)).with(repeat(Look::Theft, true)),
            Repeats::default().with(repeat(Look::Race, true)),
        ] {
            assert_eq!(Repeats::read(&repeats.text()), repeats);
            assert_eq!(repeats.text().contains(' '), repeats.last.is_some());
        }
        assert_eq!(Repeats::read("a b").last, None);
    }
}
