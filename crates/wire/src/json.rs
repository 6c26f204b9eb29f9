//! JSON bodies of requests: one flat object, no name twice, nothing unknown (SECURITY R22).

use crate::body::{self, Fault};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Secret, disclosure::FactName};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Members of [`Flat::parse`] whose value may be a number, as the vendor's page has it.
const NUMERIC: [&str; 1] = ["scope"];

const WANTED: &str = "one JSON object";

/// A flat JSON object of texts. `null` counts as left out.
#[derive(Default)]
pub struct Flat {
    members: BTreeMap<String, String>,
    seen: BTreeSet<String>,
    nulls: BTreeSet<String>,
    numbers: BTreeSet<String>,
    repeated: Option<String>,
}

impl fmt::Debug for Flat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Flat;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one object whose members are texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut flat = Flat::default();
                while let Some(name) = map.next_key::<String>()? {
                    let value = match map.next_value::<serde_json::Value>()? {
                        serde_json::Value::String(text) => text,
                        serde_json::Value::Number(number) => {
                            flat.numbers.insert(name.clone());
                            number.to_string()
                        }
                        serde_json::Value::Null => {
                            flat.nulls.insert(name.clone());
                            String::new()
                        }
                        serde_json::Value::Bool(_)
                        | serde_json::Value::Array(_)
                        | serde_json::Value::Object(_) => {
                            return Err(serde::de::Error::custom("a member is no text"));
                        }
                    };
                    if !flat.seen.insert(name.clone()) {
                        flat.repeated = Some(name);
                    } else if !value.is_empty() {
                        flat.members.insert(name, value);
                    }
                }
                Ok(flat)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Flat {
    /// Reads a body. `known` are the members that may stand in it.
    ///
    /// # Errors
    /// Not UTF-8, not JSON, not one flat object, a name twice, a name that is not known, a value that is too long.
    pub fn parse(bytes: &[u8], known: &[&'static str]) -> Result<Self, Box<Refusal>> {
        let flat = Self::read(bytes)?;
        if flat.numbers.iter().any(|name| !NUMERIC.contains(&name.as_str())) {
            return Err(body::malformed(Fault::NotAnObject, WANTED));
        }
        for name in &flat.seen {
            let value = flat.get(name).unwrap_or_default();
            if !known.contains(&name.as_str()) {
                return Err(Box::new(
                    Refusal::anonymous(Cause::ParameterUnknown)
                        .with(FactName::Parameter, crate::form::known(name))
                        .with(FactName::Expected, known.to_vec()),
                ));
            }
            if value.len() > crate::form::LONGEST_VALUE {
                return Err(Box::new(
                    Refusal::anonymous(Cause::ParameterInvalid)
                        .with(FactName::Parameter, crate::form::known(name))
                        .with(FactName::Defect, "it is too long"),
                ));
            }
        }
        Ok(flat)
    }

    /// Reads a body whose members may have any name; numbers are taken as they are written.
    fn read(bytes: &[u8]) -> Result<Self, Box<Refusal>> {
        let text = std::str::from_utf8(bytes).map_err(|_| body::malformed(Fault::NotUtf8, WANTED))?;
        let flat: Self = serde_json::from_str(text).map_err(|e| {
            body::malformed(if e.is_data() { Fault::NotAnObject } else { Fault::NotJson }, WANTED)
        })?;
        match &flat.repeated {
            None => Ok(flat),
            Some(name) => Err(Box::new(
                Refusal::anonymous(Cause::ParameterRepeated)
                    .with(FactName::Parameter, crate::form::known(name)),
            )),
        }
    }

    /// The members of a body of parameters, whatever their names.
    ///
    /// # Errors
    /// Not UTF-8, not JSON, not one flat object, a name twice.
    pub(crate) fn members(bytes: &[u8]) -> Result<BTreeMap<String, String>, Box<Refusal>> {
        Ok(Self::read(bytes)?.members)
    }

    /// A member that was sent and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(String::as_str)
    }

    /// Whether the member was sent, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.seen.contains(name) && !self.nulls.contains(name)
    }

    /// A member that has to be there.
    ///
    /// # Errors
    /// It is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, Box<Refusal>> {
        self.get(name).ok_or_else(|| {
            Box::new(Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, name))
        })
    }

    /// A secret that has to be there.
    ///
    /// # Errors
    /// It is missing, empty or a placeholder.
    pub fn required_secret(&self, name: &'static str) -> Result<Secret, Box<Refusal>> {
        crate::credential::client_secret(name, self.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_duplicate_and_unknown_names_are_refused() {
        let cause = |text: &str| Flat::parse(text.as_bytes(), &["code", "scope"]).unwrap_err().cause;
        assert_eq!(cause(r#"{"code":"a","code":"b"}"#), Cause::ParameterRepeated);
        assert_eq!(cause(r#"{"code":"","code":"b"}"#), Cause::ParameterRepeated);
        assert_eq!(cause(r#"{"cod":"a"}"#), Cause::ParameterUnknown);
        assert_eq!(cause(r#"["code"]"#), Cause::BodyMalformed);
        assert_eq!(cause(r#"{"code":["a"]}"#), Cause::BodyMalformed);
        assert_eq!(cause("{"), Cause::BodyMalformed);
        let flat = Flat::parse(br#"{"scope":7,"code":null}"#, &["code", "scope"]).unwrap();
        assert_eq!((flat.get("scope"), flat.get("code"), flat.has("code")), (Some("7"), None, false));
        assert_eq!(cause(r#"{"code":7}"#), Cause::BodyMalformed);
    }
}
