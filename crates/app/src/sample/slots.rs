//! The stretches of time that bars, quotes and trades are made for.

use super::days::{Day, Session};

/// When something trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hours {
    /// On the exchange's days and hours.
    Exchange,
    /// Always.
    Always,
}

impl Hours {
    /// The last moment up to `at` with trading.
    pub(super) fn last_moment(self, at: i64) -> i64 {
        if self == Self::Always {
            return at;
        }
        let today = Day::of(at);
        match today.session() {
            Some(session) if session.open <= at => at.min(session.close),
            _ => today.plus(-1).last_session().1.close,
        }
    }
}

/// The length of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// So many seconds, within one day.
    Seconds(i64),
    Day,
    Week,
    /// So many months, counted from January.
    Months(i64),
}

impl Frame {
    /// Reads `5Min`, `1H`, `1Day`, `1Week`, `3Month` and the short forms.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = text.split_at(split);
        let count: i64 = if count.is_empty() { 1 } else { count.parse().ok()? };
        match (unit, count) {
            ("Min" | "T", 1..=59) => Some(Self::Seconds(60 * count)),
            ("Hour" | "H", 1..=23) => Some(Self::Seconds(3600 * count)),
            ("Day" | "D", 1) => Some(Self::Day),
            ("Week" | "W", 1) => Some(Self::Week),
            ("Month" | "M", 1 | 2 | 3 | 4 | 6 | 12) => Some(Self::Months(count)),
            _ => None,
        }
    }

    /// About how long it is, in seconds.
    pub(super) const fn about(self) -> i64 {
        match self {
            Self::Seconds(n) => n,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Months(n) => 31 * n * 86_400,
        }
    }
}

/// One stretch: named by `start`, traded from `open` to `close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) start: i64,
    pub(super) open: i64,
    pub(super) close: i64,
}

/// Slots in the order of time, from a moment on, without an end.
#[derive(Debug)]
pub(super) struct Slots {
    frame: Frame,
    hours: Hours,
    cursor: i64,
    session: Option<Session>,
}

impl Slots {
    /// Those that start at `from` or later.
    pub(super) const fn new(frame: Frame, hours: Hours, from: i64) -> Self {
        Self { frame, hours, cursor: from, session: None }
    }

    fn seconds(&mut self, length: i64) -> Slot {
        if self.hours == Hours::Always {
            let start = -(-self.cursor).div_euclid(length) * length;
            return Slot { start, open: start, close: start + length };
        }
        loop {
            let session = match self.session {
                Some(session) if self.cursor < session.close => session,
                _ => Day::of(self.cursor).next_session().1,
            };
            let first = session.open.div_euclid(length) * length;
            let start = first.max(-(-self.cursor).div_euclid(length) * length);
            if start < session.close {
                self.session = Some(session);
                return Slot {
                    start,
                    open: start.max(session.open),
                    close: session.close.min(start + length),
                };
            }
            let tomorrow = Day::of(session.open).plus(1);
            self.cursor = self.cursor.max(tomorrow.midnight());
            self.session = None;
        }
    }

    /// The days from `first` up to but not `end` as one slot, unless the exchange is closed on all of them.
    fn days(&self, first: Day, end: Day) -> Option<Slot> {
        if self.hours == Hours::Always {
            let (open, close) = (first.midnight_utc(), end.midnight_utc());
            return Some(Slot { start: open, open, close });
        }
        let (day, session) = first.next_session();
        let (_, last) = end.plus(-1).last_session();
        (day < end).then(|| Slot { start: first.midnight(), open: session.open, close: last.close })
    }

    fn longer(&self) -> Slot {
        let today = match self.hours {
            Hours::Always => Day::of_utc(self.cursor),
            Hours::Exchange => Day::of(self.cursor),
        };
        let mut first = match self.frame {
            Frame::Week => today.plus(-today.weekday()),
            Frame::Months(n) => month(today, n, 0),
            Frame::Day | Frame::Seconds(_) => today,
        };
        loop {
            let end = match self.frame {
                Frame::Week => first.plus(7),
                Frame::Months(n) => month(first, n, 1),
                Frame::Day | Frame::Seconds(_) => first.plus(1),
            };
            match self.days(first, end) {
                Some(slot) if slot.start >= self.cursor => return slot,
                _ => first = end,
            }
        }
    }
}

impl Iterator for Slots {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let slot = match self.frame {
            Frame::Seconds(length) => self.seconds(length),
            Frame::Day | Frame::Week | Frame::Months(_) => self.longer(),
        };
        self.cursor = slot.start + 1;
        Some(slot)
    }
}

/// The first day of the group of `n` months that `day` is in, or of a later group.
fn month(day: Day, n: i64, later: i64) -> Day {
    let (year, month, _) = day.parts();
    let group = (12 * year + month - 1).div_euclid(n) + later;
    Day::civil((group * n).div_euclid(12), (group * n).rem_euclid(12) + 1, 1)
}

#[cfg(test)]
mod tests {
    use super::super::days::text;
    use super::*;

    fn starts(frame: &str, from: &str, hours: Hours, count: usize) -> Vec<String> {
        let from = Day::parse(from).unwrap().midnight_utc();
        Slots::new(Frame::parse(frame).unwrap(), hours, from).take(count).map(|s| text(s.start)).collect()
    }

    #[test]
    fn on_the_exchange() {
        assert_eq!(
            starts("1Day", "2024-01-12", Hours::Exchange, 3),
            ["2024-01-12T05:00:00Z", "2024-01-16T05:00:00Z", "2024-01-17T05:00:00Z"]
        );
        assert_eq!(
            starts("1Hour", "2024-07-03", Hours::Exchange, 8)[..2],
            ["2024-07-03T13:00:00Z", "2024-07-03T14:00:00Z"]
        );
        assert_eq!(starts("1Hour", "2024-07-03", Hours::Exchange, 8)[7], "2024-07-05T13:00:00Z");
        assert_eq!(
            starts("1Week", "2024-01-01", Hours::Exchange, 2),
            ["2024-01-01T05:00:00Z", "2024-01-08T05:00:00Z"]
        );
        assert_eq!(
            starts("3Month", "2024-02-01", Hours::Exchange, 2),
            ["2024-04-01T04:00:00Z", "2024-07-01T04:00:00Z"]
        );
        let day =
            Slots::new(Frame::Seconds(60), Hours::Exchange, Day::parse("2024-01-03").unwrap().midnight_utc());
        assert_eq!(day.take_while(|s| Day::of(s.start).text() == "2024-01-03").count(), 390);
    }

    #[test]
    fn around_the_clock() {
        assert_eq!(
            starts("5Min", "2024-01-13", Hours::Always, 2),
            ["2024-01-13T00:00:00Z", "2024-01-13T00:05:00Z"]
        );
        assert_eq!(starts("1M", "2024-12-02", Hours::Always, 1), ["2025-01-01T00:00:00Z"]);
    }

    #[test]
    fn frames() {
        for bad in ["", "1", "0Min", "60Min", "2Day", "5Month", "1Year", "-1Min", "99999999999999999999Min"] {
            assert_eq!(Frame::parse(bad), None, "{bad}");
        }
        assert_eq!(Frame::parse("Day"), Some(Frame::Day));
    }

    #[test]
    fn last_moments() {
        let at = |date: &str| Hours::Exchange.last_moment(Day::parse(date).unwrap().midnight_utc());
        assert_eq!(text(at("2024-01-01")), "2023-12-29T21:00:00Z");
        assert_eq!(text(at("2024-01-03")), "2024-01-02T21:00:00Z");
        let open = Day::parse("2024-01-03").unwrap().session().unwrap().open;
        assert_eq!(Hours::Exchange.last_moment(open + 60), open + 60);
        assert_eq!(Hours::Exchange.last_moment(open - 60), at("2024-01-03"));
    }
}
