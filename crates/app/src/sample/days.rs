//! The exchange's days and hours, in New York's time, with its whole holidays. Shortened days count as full ones.

use mandate_core::Timestamp;
use mandate_core::format::rfc3339;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A day of the calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i64);

/// When the exchange trades on a day, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) open: i64,
    pub(super) close: i64,
}

impl Session {
    pub(super) const fn has(self, at: i64) -> bool {
        self.open <= at && at < self.close
    }
}

/// RFC 3339 for seconds since the epoch.
pub(super) fn text(seconds: i64) -> String {
    rfc3339(Timestamp::from_seconds(seconds))
}

impl Day {
    /// The date in UTC.
    pub(super) const fn of_utc(seconds: i64) -> Self {
        Self(seconds.div_euclid(DAY))
    }

    /// The date in New York.
    pub(super) fn of(seconds: i64) -> Self {
        let winter = Self::of_utc(seconds - 5 * HOUR);
        if winter.is_summer() { Self::of_utc(seconds - 4 * HOUR) } else { winter }
    }

    /// From year, month and day of the month, which is 1 to 28 or exists.
    pub(super) fn civil(year: i64, month: i64, day: i64) -> Self {
        // Months are counted from March, so that a leap day ends its year.
        let from_march = (month + 9) % 12;
        let year = if month <= 2 { year - 1 } else { year };
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let before_month = (from_march * 306 + 5) / 10;
        Self(365 * year + leaps + before_month + day - 1 - 719_468)
    }

    /// Reads `2026-05-04`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').map(|part| {
            let digits = matches!(part.len(), 2 | 4) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse::<i64>().ok() } else { None }
        });
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if text.len() != 10 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let found = Self::civil(year, month, day);
        (found.text() == text).then_some(found)
    }

    /// `2026-05-04`
    pub(super) fn text(self) -> String {
        let mut all = text(self.0 * DAY);
        all.truncate(all.find('T').unwrap_or(all.len()));
        all
    }

    /// Year, month, day of the month.
    pub(super) fn parts(self) -> (i64, i64, i64) {
        let all = self.text();
        let mut parts = all.split('-').map(|part| part.parse().unwrap_or(1));
        (parts.next().unwrap_or(1970), parts.next().unwrap_or(1), parts.next().unwrap_or(1))
    }

    pub(super) const fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// 0 is Monday.
    pub(super) const fn weekday(self) -> i64 {
        (self.0 + 3).rem_euclid(7)
    }

    /// Midnight in UTC.
    pub(super) const fn midnight_utc(self) -> i64 {
        self.0 * DAY
    }

    /// Midnight in New York.
    pub(super) fn midnight(self) -> i64 {
        // On the Sundays that change the clocks, midnight comes before the change.
        let (year, ..) = self.parts();
        let summer = summer_starts(year) < self && self <= summer_ends(year);
        self.0 * DAY + if summer { 4 } else { 5 } * HOUR
    }

    /// Whether most of this day is daylight-saving time.
    fn is_summer(self) -> bool {
        let (year, ..) = self.parts();
        summer_starts(year) <= self && self < summer_ends(year)
    }

    /// The trading hours of this day, if it has any.
    pub(super) fn session(self) -> Option<Session> {
        let (year, ..) = self.parts();
        if self.weekday() >= 5 || holidays(year).contains(&self) {
            return None;
        }
        let offset = if self.is_summer() { 4 } else { 5 } * HOUR;
        let midnight = self.0 * DAY + offset;
        Some(Session { open: midnight + 9 * HOUR + HOUR / 2, close: midnight + 16 * HOUR })
    }

    /// The first day with trading from this one on, with its hours.
    pub(super) fn next_session(self) -> (Self, Session) {
        let mut day = self;
        loop {
            if let Some(session) = day.session() {
                return (day, session);
            }
            day = day.plus(1);
        }
    }

    /// The last day with trading up to this one, with its hours.
    pub(super) fn last_session(self) -> (Self, Session) {
        let mut day = self;
        loop {
            if let Some(session) = day.session() {
                return (day, session);
            }
            day = day.plus(-1);
        }
    }
}

/// The `n`-th such weekday of a month.
fn nth(year: i64, month: i64, weekday: i64, n: i64) -> Day {
    let first = Day::civil(year, month, 1);
    first.plus((weekday - first.weekday()).rem_euclid(7) + 7 * (n - 1))
}

fn summer_starts(year: i64) -> Day {
    nth(year, 3, 6, 2)
}

fn summer_ends(year: i64) -> Day {
    nth(year, 11, 6, 1)
}

/// A fixed date, moved from Saturday to Friday and from Sunday to Monday.
fn observed(year: i64, month: i64, day: i64) -> Day {
    let date = Day::civil(year, month, day);
    match date.weekday() {
        5 => date.plus(-1),
        6 => date.plus(1),
        _ => date,
    }
}

/// Two days before Easter Sunday, which is the Sunday after the full moon that follows 20 March.
fn good_friday(year: i64) -> Day {
    let century = year / 100;
    let moon = (19 * (year % 19) + century - century / 4 - (8 * century + 13) / 25 + 15) % 30;
    let moon = if moon == 29 || (moon == 28 && year % 19 > 10) { moon - 1 } else { moon };
    let full = Day::civil(year, 3, 21).plus(moon);
    full.plus(7 - (full.weekday() + 1) % 7 - 2)
}

fn holidays(year: i64) -> [Day; 10] {
    let new_year = Day::civil(year, 1, 1);
    [
        // A New Year's Day on a Saturday is not made up for.
        if new_year.weekday() == 6 { new_year.plus(1) } else { new_year },
        nth(year, 1, 0, 3),
        nth(year, 2, 0, 3),
        good_friday(year),
        nth(year, 6, 0, 1).plus(-7),
        observed(year, 6, 19),
        observed(year, 7, 4),
        nth(year, 9, 0, 1),
        nth(year, 11, 3, 4),
        observed(year, 12, 25),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for date in ["1970-01-01", "2000-02-29", "2023-12-31", "2024-03-01", "2100-02-28"] {
            assert_eq!(Day::parse(date).unwrap().text(), date);
        }
        for bad in ["2023-02-29", "2023-13-01", "2023-1-01", "20230101", "2023-01-01T", "", "-023-01-01"] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
        assert_eq!(Day::parse("2024-01-01").unwrap().weekday(), 0);
    }

    #[test]
    fn holidays_of_2024_to_2026() {
        let closed = |year: i64| -> Vec<String> {
            let first = Day::civil(year, 1, 1);
            (0..366)
                .map(|n| first.plus(n))
                .filter(|d| d.parts().0 == year && d.weekday() < 5 && d.session().is_none())
                .map(Day::text)
                .collect()
        };
        assert_eq!(
            closed(2024).join(" "),
            "2024-01-01 2024-01-15 2024-02-19 2024-03-29 2024-05-27 2024-06-19 2024-07-04 2024-09-02 2024-11-28 2024-12-25"
        );
        assert_eq!(
            closed(2025).join(" "),
            "2025-01-01 2025-01-20 2025-02-17 2025-04-18 2025-05-26 2025-06-19 2025-07-04 2025-09-01 2025-11-27 2025-12-25"
        );
        assert_eq!(
            closed(2026).join(" "),
            "2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 2026-06-19 2026-07-03 2026-09-07 2026-11-26 2026-12-25"
        );
    }

    #[test]
    fn daylight_saving() {
        let open = |date: &str| text(Day::parse(date).unwrap().session().unwrap().open);
        assert_eq!(open("2024-03-08"), "2024-03-08T14:30:00Z");
        assert_eq!(open("2024-03-11"), "2024-03-11T13:30:00Z");
        assert_eq!(open("2024-11-01"), "2024-11-01T13:30:00Z");
        assert_eq!(open("2024-11-04"), "2024-11-04T14:30:00Z");
        let midnight = |date: &str| text(Day::parse(date).unwrap().midnight());
        assert_eq!(midnight("2024-03-10"), "2024-03-10T05:00:00Z");
        assert_eq!(midnight("2024-11-03"), "2024-11-03T04:00:00Z");
        for date in
            ["2024-03-09", "2024-03-10", "2024-03-11", "2024-07-01", "2024-11-02", "2024-11-03", "2024-11-04"]
        {
            let day = Day::parse(date).unwrap();
            assert_eq!(Day::of(day.midnight() + 12 * HOUR), day);
        }
    }
}
