//! JSON bodies: one object, nothing unknown, nothing twice, every member of its kind (SECURITY R22). The table of
//! endpoints says which members there are; the `OpenAPI` document shows the same.

use super::problem::Problem;
use super::table::{Kind, Member};
use mandate_core::{Cause, Secret};
use mandate_wire::platform_file::{choice, nearest};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value as Json;
use std::fmt;

/// A body whose members are known and of their kinds.
pub(super) struct Body {
    members: Vec<(String, Json)>,
    declared: &'static [Member],
}

impl fmt::Debug for Body {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.iter().map(|(name, _)| name)).finish()
    }
}

struct Object(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members: Vec<(String, Json)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if members.len() >= 64 {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Body {
    /// Reads a body. Nothing at all counts as an empty object.
    pub(super) fn read(bytes: &[u8], declared: &'static [Member]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Self { members: Vec::new(), declared }.complete();
        }
        let unreadable = |message: String| Problem::malformed(message).cause(Cause::BodyMalformed);
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the body is not UTF-8".into()))?;
        let Object(members) = serde_json::from_str(text).map_err(|e| {
            unreadable(if e.is_data() {
                "the body has to be one JSON object".into()
            } else {
                format!("the body is not JSON: line {}, column {}", e.line(), e.column())
            })
        })?;
        let mut kept: Vec<(String, Json)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            let Some(member) = declared.iter().find(|m| m.name == name) else {
                return Err(unknown(&name, declared));
            };
            if kept.iter().any(|(n, _)| *n == name) {
                return Err(Problem::malformed(format!("`{name}` stands twice in the body"))
                    .field(&name)
                    .cause(Cause::ParameterRepeated));
            }
            if !value.is_null() && !fits(&value, member.kind) {
                return Err(Problem::malformed(format!("`{name}` has to be {}", member.kind.in_words()))
                    .field(&name)
                    .cause(Cause::ParameterInvalid));
            }
            kept.push((name, value));
        }
        kept.retain(|(_, value)| !value.is_null());
        Self { members: kept, declared }.complete()
    }

    fn complete(self) -> Result<Self, Problem> {
        match self.declared.iter().find(|m| m.required && self.get(m.name).is_none()) {
            None => Ok(self),
            Some(missing) => {
                Err(Problem::malformed(format!("`{}` is missing: {}", missing.name, missing.about))
                    .field(missing.name)
                    .cause(Cause::ParameterMissing))
            }
        }
    }

    fn get(&self, name: &str) -> Option<&Json> {
        debug_assert!(self.declared.iter().any(|m| m.name == name), "`{name}` is not in the table");
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// A text that may be left out.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Json::as_str)
    }
    /// A text that has to be there and may not be empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, Problem> {
        match self.text(name) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(Problem::invalid(name, format!("`{name}` is empty"))),
        }
    }
    /// A secret that may be left out.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }
    /// A list of texts that may be left out.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).and_then(Json::as_array).map(|list| list.iter().filter_map(Json::as_str).collect())
    }
    /// A whole number that may be left out, within bounds.
    pub(super) fn number(&self, name: &str, from: i64, to: i64) -> Result<Option<i64>, Problem> {
        match self.get(name).and_then(Json::as_i64) {
            Some(number) if !(from..=to).contains(&number) => {
                Err(Problem::invalid(name, format!("`{name}` has to be {from} to {to}")))
            }
            other => Ok(other),
        }
    }
    /// An object, if there is one.
    pub(super) fn object(&self, name: &str) -> Option<&Json> {
        self.get(name).filter(|value| value.is_object())
    }
    /// Yes or no, if it was said.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Json::as_bool)
    }
    /// Whether nothing was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

fn fits(value: &Json, kind: Kind) -> bool {
    match kind {
        Kind::Text | Kind::Secret | Kind::Document => value.is_string(),
        Kind::Object => value.is_object(),
        Kind::Texts => {
            value.as_array().is_some_and(|list| list.len() <= 256 && list.iter().all(Json::is_string))
        }
        Kind::Number => value.is_i64(),
        Kind::Flag => value.is_boolean(),
    }
}

fn unknown(name: &str, declared: &'static [Member]) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    let known = || declared.iter().map(|m| m.name);
    let message = if declared.is_empty() {
        format!("`{shown}` is unknown: this endpoint takes an empty body")
    } else {
        format!("`{shown}` is no member of this body; it takes {}", choice(known()).replace(" or ", " and "))
    };
    let problem = Problem::malformed(message).field(&shown).cause(Cause::ParameterUnknown);
    match nearest(name, known()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}
