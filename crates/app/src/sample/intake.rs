//! Reading what callers send: query parameters, times, JSON bodies.

use super::amount::Amount;
use super::answer::Answer;
use super::days::Day;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Query parameters. An empty one counts as absent, the first of several wins.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A number from 1 to `most`.
    pub(super) fn count(&self, name: &str, usual: usize, most: usize) -> Result<usize, Answer> {
        let Some(text) = self.get(name) else { return Ok(usual) };
        match text.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(count),
            _ => Err(Answer::bad_request(&format!("{name} must be a number from 1 to {most}"))),
        }
    }

    /// Names between commas.
    pub(super) fn names(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.get(name)?.split(',').map(str::trim).filter(|n| !n.is_empty()).collect())
    }

    /// A moment: RFC 3339, or a date, which stands for its first second or, as an end, its last.
    pub(super) fn time(&self, name: &str, end: bool) -> Result<Option<i64>, Answer> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let of_date = |day: Day| if end { day.plus(1).midnight_utc() - 1 } else { day.midnight_utc() };
        let found = Day::parse(text).map(of_date).or_else(|| moment(text));
        found
            .map(Some)
            .ok_or_else(|| Answer::bad_request(&format!("{name} is no date and no RFC 3339 time: {text}")))
    }

    /// A date.
    pub(super) fn date(&self, name: &str) -> Result<Option<Day>, Answer> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let date = text.get(..10).and_then(Day::parse);
        date.map(Some).ok_or_else(|| Answer::invalid(&format!("{name} is no date: {text}")))
    }
}

/// Reads an RFC 3339 time, to the second. A blank before the offset is a plus sign that nobody escaped.
pub(super) fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let day = Day::parse(date)?;
    let split = time.find(['Z', 'z', '+', '-', ' '])?;
    let (clock, offset) = time.split_at(split);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let two = |text: &str, most: i64| {
        let number: i64 =
            (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())??;
        (number <= most).then_some(number)
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (two(parts.next()?, 23)?, two(parts.next()?, 59)?);
    let second = two(parts.next()?, 60)?;
    if parts.next().is_some() {
        return None;
    }
    let ahead = match offset {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let ahead = 3600 * two(hours, 23)? + 60 * two(minutes, 59)?;
            if offset.starts_with('-') { -ahead } else { ahead }
        }
    };
    Some(day.midnight_utc() + 3600 * hour + 60 * minute + second - ahead)
}

/// The members of a JSON object. Null counts as absent.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn read(body: &[u8]) -> Result<Self, Answer> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(Answer::bad_request("request body format is invalid: a JSON object is expected")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    /// A text that is not empty and has at most `most` characters.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<Option<&str>, Answer> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text)),
            Some(Value::String(_)) => {
                Err(Answer::invalid(&format!("{name} must have at most {most} characters")))
            }
            Some(_) => Err(Answer::invalid(&format!("{name} must be a string"))),
        }
    }

    /// An amount above zero, written as a string or as a number.
    pub(super) fn amount(&self, name: &str) -> Result<Option<Amount>, Answer> {
        let found = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => Amount::parse(text),
            // Rust writes floats without an exponent.
            Some(Value::Number(number)) => number.as_f64().and_then(|n| Amount::parse(&n.to_string())),
            Some(_) => None,
        };
        let amount = found.ok_or_else(|| {
            Answer::invalid(&format!(
                "{name} must be a decimal number with at most 9 digits on either side of the point"
            ))
        })?;
        if amount.is_positive() {
            Ok(Some(amount))
        } else {
            Err(Answer::invalid(&format!("{name} must be > 0")))
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Answer> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Answer::invalid(&format!("{name} must be true or false"))),
        }
    }

    /// One of the values of an enumeration.
    pub(super) fn choice<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Answer> {
        let Some(value) = self.get(name) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|_| Answer::invalid(&format!("invalid {name}: {value}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for text in [
            "2024-01-02T05:00:00Z",
            "2024-01-02T05:00:00.123456789Z",
            "2024-01-02T00:00:00-05:00",
            "2024-01-02t06:30:00+01:30",
            "2024-01-02T06:30:00 01:30",
        ] {
            assert_eq!(moment(text), Some(1_704_171_600), "{text}");
        }
        for text in [
            "2024-01-02",
            "2024-01-02T",
            "2024-01-02T05:00:00",
            "2024-01-02T25:00:00Z",
            "2024-01-02T05:00Z",
            "2024-01-02T05:00:00.Z",
            "2024-01-02T05:00:00+0100",
            "2024-01-02T05:00:00+é",
            "é",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn dates_as_ends() {
        let query = Query::read("start=2024-01-02&end=2024-01-02&limit=0&x=&symbols=A,%20B,,C");
        let (start, end) =
            (query.time("start", false).unwrap().unwrap(), query.time("end", true).unwrap().unwrap());
        assert_eq!(end - start, 86_399);
        assert_eq!(query.time("x", true), Ok(None));
        assert_eq!(query.names("symbols").unwrap(), ["A", "B", "C"]);
        assert!(query.count("limit", 5, 10).is_err());
    }

    #[test]
    fn fields() {
        let fields =
            Fields::read(br#"{"a":null,"b":"","c":"1.5","d":0.00001,"e":-1,"f":1e30,"g":[],"h":2.0}"#)
                .unwrap();
        assert_eq!(fields.text("a", 9), Ok(None));
        assert_eq!(fields.text("b", 9), Ok(None));
        assert_eq!(fields.amount("c").unwrap(), Amount::parse("1.5"));
        assert_eq!(fields.amount("d").unwrap(), Amount::parse("0.00001"));
        assert_eq!(fields.amount("h").unwrap(), Amount::parse("2"));
        for bad in ["e", "f", "g", "b"] {
            assert!(fields.amount(bad).is_err(), "{bad}");
        }
        assert!(
            Fields::read(b"[]").is_err()
                && Fields::read(b"").is_err()
                && Fields::read(&[b'['; 9999]).is_err()
        );
    }
}
