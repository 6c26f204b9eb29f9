//! The `OpenAPI` document says what the router does, and the shapes say what the views make.

use super::*;
use crate::admin::shapes::{Presence, Shape};
use crate::admin::table::{self, ENDPOINTS};
use std::collections::BTreeSet;

#[test]
fn every_route_is_documented_and_every_documented_route_exists() {
    let document = openapi::document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{path}");
            let example = path.replace(['{', '}'], "");
            let found = table::find(&method.to_uppercase().parse().unwrap(), &example);
            let found = found.unwrap_or_else(|p| panic!("{method} {path}: {p:?}"));
            assert_eq!(format!("{}{}", table::ROOT, found.endpoint.path), *path);
        }
    }
    let routed: BTreeSet<String> =
        ENDPOINTS.iter().map(|e| format!("{} {}{}", e.method, table::ROOT, e.path)).collect();
    assert_eq!(documented, routed);
    assert_eq!(routed.len(), ENDPOINTS.len(), "no route stands twice");
}

#[test]
fn names_in_the_document_are_sound() {
    let document = openapi::document();
    let text = document.to_string();
    let mut ids = BTreeSet::new();
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|o| o.as_object().unwrap().values())
    {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
    }
    for reference in text.split("#/components/schemas/").skip(1) {
        let name: String = reference.chars().take_while(|c| c.is_alphanumeric()).collect();
        assert!(document["components"]["schemas"].get(&name).is_some(), "{name}");
    }
}

/// Every member is a declared one, every required one is there, and null stands only where it may.
#[track_caller]
pub(super) fn assert_shape(value: &Json, shape: Shape) {
    let object = value.as_object().unwrap_or_else(|| panic!("{shape:?}: {value}"));
    if shape != Shape::Explanation {
        for name in object.keys() {
            assert!(shape.properties().iter().any(|p| p.0 == name), "{shape:?} has an undeclared `{name}`");
        }
    }
    for (name, _, presence, _) in shape.properties() {
        match (presence, object.get(*name)) {
            (Presence::Always, Some(Json::Null) | None) | (Presence::OrNull, None) => {
                panic!("{shape:?} lacks `{name}`: {value}")
            }
            _ => {}
        }
    }
}
