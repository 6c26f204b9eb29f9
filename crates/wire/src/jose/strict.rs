//! JSON objects in which no name stands twice, at any depth (RFC 7515 section 4, RFC 7519 section 4): two readers of
//! the same signed bytes must not see two different things.

use mandate_core::must;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::Cell, fmt};

/// Why bytes are no object of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON in UTF-8.
    #[error("it is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// A name stands twice in one object.
    #[error("a name stands twice in it")]
    Repeated,
}

/// Reads one JSON object.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    match value(bytes)? {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonFault::NotAnObject)
        }
    }
}

/// Reads one JSON value.
pub(crate) fn value(bytes: &[u8]) -> Result<Value, JsonFault> {
    let repeated = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(&repeated).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|_| if repeated.get() { JsonFault::Repeated } else { JsonFault::NotJson })
}

/// Reads any value; says in the cell when it stopped for a repeated name.
#[derive(Clone, Copy)]
struct Strict<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without end"))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if must!("rfc7519-4-once", members.contains_key(&name)) {
                self.0.set(true);
                return Err(A::Error::custom("a repeated name"));
            }
            members.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7519_4_a_name_stands_once_at_every_depth() {
        let fault = |text: &str| object(text.as_bytes()).unwrap_err();
        assert_eq!(fault(r#"{"exp":1,"exp":2}"#), JsonFault::Repeated);
        assert_eq!(fault(r#"{"exp":1,"e\u0078p":1}"#), JsonFault::Repeated);
        assert_eq!(fault(r#"{"a":[{"b":{"c":1,"c":1}}]}"#), JsonFault::Repeated);
        assert!(object(br#"{"a":{"b":1},"c":{"b":1},"b":[1,-2,0.5,null,true,"x"]}"#).is_ok());
    }

    #[test]
    fn rfc7515_4_one_object_and_nothing_else() {
        let fault = |bytes: &[u8]| object(bytes).unwrap_err();
        for bytes in [b"[]".as_slice(), b"\"a\"", b"1", b"null"] {
            assert_eq!(fault(bytes), JsonFault::NotAnObject);
        }
        for bytes in
            [b"".as_slice(), b"{", b"{} x", b"{}{}", b"{\"a\":1e999}", b"{\"a\":\"\xff\"}", b"\xef\xbb\xbf{}"]
        {
            assert_eq!(fault(bytes), JsonFault::NotJson);
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(fault(deep.as_bytes()), JsonFault::NotJson);
    }

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let text = r#"{"a":[1,-2,0.5,1e3,null,true,"x\n\u00e4",{"b":18446744073709551615}],"c":{}}"#;
        assert_eq!(
            Value::Object(object(text.as_bytes()).unwrap()),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }
}
