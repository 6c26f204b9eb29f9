//! The `claims` parameter of an authorization request (OpenID Connect Core section 5.5), read strictly: one JSON object,
//! no name twice. What is not known here is left out.

use crate::jose::Claims;
use mandate_core::grant::{ClaimsWish, known_claim};
use serde_json::{Map, Value};

/// Most claims that are looked at in one member.
const MOST: usize = 64;

/// What a `claims` parameter asks for.
///
/// # Errors
/// It is not of the form of section 5.5: says why.
pub fn read(text: &str) -> Result<ClaimsWish, &'static str> {
    let claims =
        Claims::parse(text.as_bytes()).map_err(|_| "it is not one JSON object without repeated names")?;
    let mut wish = ClaimsWish::default();
    let mut subjects: Vec<&str> = Vec::new();
    for (name, value) in claims.iter() {
        match (name, value) {
            ("userinfo" | "id_token", Value::Object(members)) if members.len() <= MOST => {
                let list = if name == "userinfo" { &mut wish.userinfo } else { &mut wish.id_token };
                for (claim, asked) in members {
                    let asked = one(asked)?;
                    match claim.as_str() {
                        "sub" => subjects.extend(asked.and_then(|a| a.get("value")).and_then(Value::as_str)),
                        // `acr` stands in ID tokens; how the person signed in is no claim of the userinfo endpoint
                        "acr" if name == "id_token" => wish.essential_acr = asked.and_then(essential_values),
                        other => list.extend(known_claim(other)),
                    }
                }
            }
            ("userinfo" | "id_token", Value::Null) => {}
            ("userinfo" | "id_token", _) => return Err("userinfo and id_token are objects of claims"),
            _ => {}
        }
    }
    // One text that is no person's, where two are named: nobody is both.
    subjects.dedup();
    wish.subject = match subjects[..] {
        [] => None,
        [one] => Some(one.into()),
        [..] => Some("".into()),
    };
    Ok(wish)
}

/// What is said about one claim: nothing, or an object.
fn one(asked: &Value) -> Result<Option<&Map<String, Value>>, &'static str> {
    match asked {
        Value::Null => Ok(None),
        Value::Object(asked) if asked.get("essential").is_none_or(Value::is_boolean) => Ok(Some(asked)),
        Value::Object(_) => Err("essential is true or false"),
        _ => Err("a claim is asked for by null or by an object"),
    }
}

/// The values of an essential claim; `None` if it is voluntary, or any value will do.
fn essential_values(asked: &Map<String, Value>) -> Option<Vec<Box<str>>> {
    if asked.get("essential").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    match (asked.get("value"), asked.get("values")) {
        (None, None) => None,
        (one, many) => {
            let many = many.and_then(Value::as_array).into_iter().flatten();
            Some(one.into_iter().chain(many).filter_map(Value::as_str).map(Into::into).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_core_5_5_the_example_and_what_is_known_of_it() {
        let text = r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "email": {"essential": true},
            "email_verified": {"essential": true}, "picture": null, "http://example.info/claims/groups": null},
            "id_token": {"auth_time": {"essential": true}, "name": null, "acr": {"values": ["urn:mace:incommon:iap:silver"]}}}"#;
        let wish = read(text).unwrap();
        assert_eq!(wish.userinfo, ["email", "email_verified"]);
        assert_eq!((wish.id_token, wish.essential_acr, wish.subject), (vec!["name"], None, None));
    }

    #[test]
    fn oidc_core_5_5_1_1_only_an_essential_acr_with_values_demands() {
        for (asked, expected) in [
            (r#"{"essential": true, "values": ["a", "b"]}"#, Some(vec!["a", "b"])),
            (r#"{"essential": true, "value": "a"}"#, Some(vec!["a"])),
            (r#"{"essential": true, "values": []}"#, Some(vec![])),
            (r#"{"essential": true}"#, None),
            (r#"{"essential": false, "value": "a"}"#, None),
            ("null", None),
        ] {
            let wish = read(&format!(r#"{{"id_token": {{"acr": {asked}}}}}"#)).unwrap();
            let found = wish.essential_acr.as_ref().map(|v| v.iter().map(|v| &**v).collect::<Vec<_>>());
            assert_eq!(found, expected, "{asked}");
        }
    }

    #[test]
    fn oidc_core_5_5_1_nobody_is_two_people() {
        let ask = |id_token: &str, userinfo: &str| {
            let text = format!(
                r#"{{"id_token": {{"sub": {{"value": "{id_token}"}}}}, "userinfo": {{"sub": {{"value": "{userinfo}"}}}}}}"#
            );
            read(&text).unwrap().subject
        };
        assert_eq!(ask("ann", "ann").as_deref(), Some("ann"));
        assert_eq!(ask("ann", "bob").as_deref(), Some(""));
    }

    #[test]
    fn other_forms_are_refused_and_other_members_are_not() {
        for wrong in [
            "",
            "[]",
            "null",
            r#"{"userinfo": []}"#,
            r#"{"id_token": "acr"}"#,
            r#"{"userinfo": {"name": true}}"#,
            r#"{"userinfo": {"name": {"essential": "yes"}}}"#,
            r#"{"userinfo": {"name": null, "name": null}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for fine in
            ["{}", r#"{"other": 1}"#, r#"{"userinfo": null}"#, r#"{"userinfo": {"name": {"value": 1}}}"#]
        {
            assert!(read(fine).is_ok(), "{fine}");
        }
    }
}
