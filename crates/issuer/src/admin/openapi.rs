//! The `OpenAPI` 3.1 document, printed from the table of endpoints and the shapes of answers, once.

use super::answer::respond;
use super::shapes::{Presence, Shape, Type};
use super::table::{Asked, ENDPOINTS, Endpoint, Gives, Kind, Member, ROOT, Right};
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value as Json, json};
use std::sync::LazyLock;

/// Where it is.
pub(super) const PATH: &str = "/admin/v1/openapi.json";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The document. It holds nothing that needs a token.
pub(super) fn answer() -> Response<Bytes> {
    respond(StatusCode::OK, "application/json", DOCUMENT.clone())
}

/// The document as JSON.
pub(super) fn document() -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for endpoint in ENDPOINTS {
        let entry = paths.entry(format!("{ROOT}{}", endpoint.path)).or_insert_with(|| json!({}));
        if let Some(map) = entry.as_object_mut() {
            map.insert(endpoint.method.to_ascii_lowercase(), operation(endpoint));
        }
    }
    let mut schemas: Map<String, Json> = Shape::ALL.into_iter().map(|s| (s.name(), schema(s))).collect();
    schemas.insert("Problem".into(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mandate admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What operators and their scripts do to platforms, users, accounts, keys, clients and \
                grants. Every change leaves an audit record. Secrets are shown once, when they are made.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"administrator": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"administrator": {
                "type": "http", "scheme": "bearer",
                "description": "The token of an administrator. One with `read` rights may look; one for a single \
                    platform touches that platform only, and any other looks to it as if it did not exist.",
            }},
            "schemas": schemas,
        },
    })
}

fn operation(endpoint: &Endpoint) -> Json {
    let mut parameters: Vec<Json> = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    parameters.extend(endpoint.query.iter().map(parameter));
    let mut responses = Map::new();
    let (status, answer) = success(endpoint.gives);
    responses.insert(status.into(), answer);
    let mut said = vec![
        ("400", "The request cannot be read: which field, and what would be right"),
        ("401", "No token of a live administrator"),
        ("403", "The token may not do this"),
        ("404", "There is no such thing, or none that this token may touch"),
        ("503", "The storage of this service does not answer; nothing is wrong with the request"),
    ];
    if endpoint.body.is_some() {
        said.extend([
            ("409", "Something stands in the way; nothing was changed"),
            ("413", "The body is too long"),
            ("415", "The body is not sent as application/json"),
            ("422", "One field cannot be right; nothing was changed"),
        ]);
    }
    for (status, about) in said {
        responses.insert(status.into(), json!({"description": about, "content": content("Problem")}));
    }
    let mut out = json!({
        "operationId": operation_id(endpoint), "summary": endpoint.summary, "tags": [tag(endpoint)],
        "x-rights": match endpoint.right { Right::Read => "read", Right::Write => "write" },
        "parameters": parameters, "responses": responses,
    });
    if let (Some(members), Some(map)) = (endpoint.body, out.as_object_mut()) {
        let required = members.iter().any(|m| m.required);
        map.insert(
            "requestBody".into(),
            json!({"required": required, "content": {"application/json": {"schema": body(members)}}}),
        );
    }
    out
}

/// `postPlatformsKeysReplace`: unique, since method and path are.
fn operation_id(endpoint: &Endpoint) -> String {
    let mut out = endpoint.method.to_ascii_lowercase();
    for part in endpoint.path.split('/').filter(|p| !p.is_empty()) {
        let named = part.trim_matches(['{', '}']);
        let by = if part.starts_with('{') { "By" } else { "" };
        out.push_str(by);
        for word in named.split('-') {
            let mut letters = word.chars();
            out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            out.push_str(letters.as_str());
        }
    }
    out
}

fn tag(endpoint: &Endpoint) -> &'static str {
    let mut parts = endpoint.path.split('/').filter(|p| !p.is_empty());
    let first = parts.next().unwrap_or("admin");
    match parts.nth(1) {
        Some(noun) if first == "platforms" => noun,
        Some(_) | None => first,
    }
}

fn kind(kind: Kind) -> Json {
    match kind {
        Kind::Text | Kind::Document => json!({"type": "string"}),
        Kind::Secret => json!({"type": "string", "format": "password", "writeOnly": true}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Object => json!({"type": "object"}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Flag => json!({"type": "boolean"}),
    }
}

fn described(mut schema: Json, about: &str) -> Json {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), json!(about));
    }
    schema
}

fn parameter(asked: &Asked) -> Json {
    json!({
        "name": asked.name, "in": "query", "required": false, "description": asked.about, "schema": kind(asked.kind),
    })
}

fn body(members: &[Member]) -> Json {
    let properties: Map<String, Json> =
        members.iter().map(|m| (m.name.to_owned(), described(kind(m.kind), m.about))).collect();
    let required: Vec<&str> = members.iter().filter(|m| m.required).map(|m| m.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn content(name: &str) -> Json {
    json!({"application/json": {"schema": reference(name)}})
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn success(gives: Gives) -> (&'static str, Json) {
    match gives {
        Gives::One(shape) => ("200", json!({"description": "Done", "content": content(&shape.name())})),
        Gives::Made(shape) => ("201", json!({"description": "Made", "content": content(&shape.name())})),
        Gives::Many(shape) => {
            let list = json!({
                "type": "object", "required": ["items"],
                "properties": {"items": {"type": "array", "items": reference(&shape.name())}},
            });
            ("200", json!({"description": "The list", "content": {"application/json": {"schema": list}}}))
        }
        Gives::Toml => (
            "200",
            json!({
                "description": "The file",
                "headers": {"Mandate-Revision": {"description": "Its revision", "schema": {"type": "integer"}}},
                "content": {"application/toml": {"schema": {"type": "string"}}},
            }),
        ),
    }
}

fn schema(shape: Shape) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, of, presence, about) in shape.properties() {
        let plain = match of {
            Type::Text => json!({"type": "string"}),
            Type::Time => json!({"type": "string", "format": "date-time"}),
            Type::Number => json!({"type": "integer"}),
            Type::Flag => json!({"type": "boolean"}),
            Type::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Type::Object => json!({"type": "object"}),
            Type::Objects => json!({"type": "array", "items": {"type": "object"}}),
        };
        let schema = match presence {
            Presence::OrNull => json!({"anyOf": [plain, {"type": "null"}]}),
            Presence::Always | Presence::Sometimes => plain,
        };
        if *presence != Presence::Sometimes {
            required.push(*name);
        }
        properties.insert((*name).to_owned(), described(schema, about));
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn problem() -> Json {
    let text = |about: &str| described(json!({"type": "string"}), about);
    json!({
        "type": "object",
        "required": ["error", "message"],
        "properties": {
            "error": text("a word for programs: invalid_request, invalid_token, insufficient_scope, bootstrap_only, \
                not_found, method_not_allowed, conflict, too_large, invalid_value, server_error, \
                temporarily_unavailable"),
            "message": text("a sentence for people"),
            "field": text("the field concerned"),
            "hint": text("the nearest right thing"),
            "cause": text("the entry of the catalogue of causes"),
            "problems": {
                "type": "array", "description": "what is wrong with a platform file, each with its line",
                "items": {"type": "object"},
            },
        },
    })
}
