//! What a token claims (RFC 7519 section 4), read by type. A claim that is there with the wrong type is a fault and
//! never counts as absent: otherwise `"exp": "never"` would be a token without end.

use super::strict::{self, JsonFault};
use mandate_core::{Timestamp, must};
use serde_json::{Map, Value};
use std::fmt;

/// Largest distance from 1970 that a time may have, in seconds: milliseconds of it are exact in a double.
const FURTHEST_S: f64 = 9.0e12;

/// The claims of one token, no name twice. Debug shows names only (SECURITY R4).
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// A claim that is there, but is not what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{name}` is not {wanted}")]
pub struct ClaimFault {
    /// The claim's name.
    pub name: &'static str,
    /// What it should have been.
    pub wanted: &'static str,
}

/// A claim that may be one text or a list of texts, as `aud` (RFC 7519 section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany<'a> {
    /// One text.
    One(&'a str),
    /// A list, be it of one.
    Many(Vec<&'a str>),
}

impl OneOrMany<'_> {
    /// Whether the text is the one or among the many.
    pub fn contains(&self, text: &str) -> bool {
        match self {
            Self::One(one) => *one == text,
            Self::Many(many) => many.contains(&text),
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Claims {
    /// Reads a payload.
    ///
    /// # Errors
    /// It is not one JSON object, or a name stands twice in it.
    pub fn parse(payload: &[u8]) -> Result<Self, JsonFault> {
        strict::object(payload).map(Self)
    }

    fn read<'a, T>(
        &'a self,
        name: &'static str,
        wanted: &'static str,
        as_type: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ClaimFault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let read = as_type(value);
        if must!("rfc7519-4.1-type", read.is_none()) {
            return Err(ClaimFault { name, wanted });
        }
        Ok(read)
    }

    /// Whether the claim is there, whatever its type.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text (`StringOrURI`).
    ///
    /// # Errors
    /// The claim is something else.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, ClaimFault> {
        self.read(name, "a text", Value::as_str)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// The claim is something else.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, ClaimFault> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// An object.
    ///
    /// # Errors
    /// The claim is something else.
    pub fn object(&self, name: &'static str) -> Result<Option<&Map<String, Value>>, ClaimFault> {
        self.read(name, "an object", Value::as_object)
    }

    /// A `NumericDate` (RFC 7519 section 2): seconds since 1970 as a JSON number, with or without a fraction.
    ///
    /// # Errors
    /// The claim is something else, or further away than any time that can be counted.
    pub fn seconds(&self, name: &'static str) -> Result<Option<Timestamp>, ClaimFault> {
        self.read(name, "a time in seconds", numeric_date)
    }

    /// A text or a list of texts.
    ///
    /// # Errors
    /// The claim is something else; one element that is no text suffices.
    pub fn texts_or_text(&self, name: &'static str) -> Result<Option<OneOrMany<'_>>, ClaimFault> {
        self.read(name, "a text or a list of texts", |value| match value {
            Value::String(text) => Some(OneOrMany::One(text)),
            Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<_>>().map(OneOrMany::Many),
            _ => None,
        })
    }

    /// Every claim, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

fn numeric_date(value: &Value) -> Option<Timestamp> {
    let number = value.as_number()?;
    if let Some(seconds) = number.as_i64() {
        // Beyond this, milliseconds would saturate and two different times become one.
        return seconds.checked_mul(1000).map(Timestamp::from_millis);
    }
    let seconds = number.as_f64().filter(|s| s.abs() <= FURTHEST_S)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded by FURTHEST_S just above")]
    let millis = (seconds * 1000.0).floor() as i64;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Claims {
        Claims::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn rfc7519_2_numeric_date() {
        let read = |value: &str| claims(&format!(r#"{{"exp":{value}}}"#)).seconds("exp");
        assert_eq!(read("1562262616"), Ok(Some(Timestamp::from_seconds(1_562_262_616))));
        assert_eq!(read("1562262616.5"), Ok(Some(Timestamp::from_millis(1_562_262_616_500))));
        assert_eq!(read("1.5e9"), Ok(Some(Timestamp::from_seconds(1_500_000_000))));
        assert_eq!(read("-1"), Ok(Some(Timestamp::from_seconds(-1))));
        assert_eq!(claims("{}").seconds("exp"), Ok(None));
        for value in [
            "\"1562262616\"",
            "null",
            "true",
            "[1]",
            "{}",
            "9223372036854775807",
            "18446744073709551615",
            "1e300",
        ] {
            assert_eq!(read(value).unwrap_err().name, "exp", "{value}");
        }
    }

    #[test]
    fn rfc7519_4_1_a_wrong_type_is_not_absent() {
        let all =
            claims(r#"{"s":"a","n":1,"b":false,"o":{"x":1},"z":null,"l":["a","b"],"m":["a",1],"e":[]}"#);
        assert_eq!(all.text("s"), Ok(Some("a")));
        assert_eq!(all.text("absent"), Ok(None));
        assert_eq!(all.text("z"), Err(ClaimFault { name: "z", wanted: "a text" }));
        assert!(all.text("n").is_err() && all.flag("s").is_err() && all.object("l").is_err());
        assert_eq!(all.flag("b"), Ok(Some(false)));
        assert_eq!(all.object("o").unwrap().unwrap().len(), 1);
        assert_eq!(all.texts_or_text("s"), Ok(Some(OneOrMany::One("a"))));
        assert_eq!(all.texts_or_text("l"), Ok(Some(OneOrMany::Many(vec!["a", "b"]))));
        assert_eq!(all.texts_or_text("e"), Ok(Some(OneOrMany::Many(vec![]))));
        assert!(all.texts_or_text("m").is_err() && all.texts_or_text("o").is_err());
    }

    #[test]
    fn r04_claims_do_not_print() {
        assert_eq!(format!("{:?}", claims(r#"{"login_hint":"ann@example.org"}"#)), r#"{"login_hint"}"#);
    }
}
