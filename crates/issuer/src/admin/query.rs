//! Query strings: what the table declares, each at most once.

use super::problem::Problem;
use super::table::Asked;
use mandate_core::Cause;
use mandate_wire::platform_file::nearest;
use std::collections::BTreeMap;

/// The parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<&'static str, String>);

impl Query {
    /// Reads a query string.
    pub(super) fn read(text: Option<&str>, declared: &'static [Asked]) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.unwrap_or("").as_bytes()) {
            let Some(asked) = declared.iter().find(|a| a.name == name) else {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                let problem = Problem::malformed(format!("`{shown}` is no parameter of this query"))
                    .field(&shown)
                    .cause(Cause::ParameterUnknown);
                return Err(match nearest(&name, declared.iter().map(|a| a.name)) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem,
                });
            };
            if value.is_empty() {
                continue;
            }
            if found.insert(asked.name, value.into_owned()).is_some() {
                return Err(Problem::malformed(format!("`{}` stands twice in the query", asked.name))
                    .field(asked.name)
                    .cause(Cause::ParameterRepeated));
            }
        }
        Ok(Self(found))
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::malformed(format!("`{name}` has to be a whole number"))
                        .field(name)
                        .cause(Cause::ParameterInvalid)
                })
            })
            .transpose()
    }
}
