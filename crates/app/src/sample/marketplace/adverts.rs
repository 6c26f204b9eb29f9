//! Adverts of a person, in memory and bounded.

use super::super::answer::{Answer, Reply};
use super::super::calls::Call;
use super::super::intake::Fields;
use super::{data, error, invalid, moment, not_found, number, page, reference};
use http::{Method, StatusCode};
use mandate_core::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};

const MAX_OWNERS: usize = 10_000;
/// Of one person.
const MAX_ADVERTS: usize = 200;
/// An advert is shown for so long.
const SHOWN_S: i64 = 30 * 86_400;

/// What an advert must have.
const NEEDED: [&str; 7] =
    ["title", "description", "category_id", "advertiser_type", "contact", "location", "attributes"];
/// What it may have.
const FURTHER: [&str; 6] = ["price", "salary", "images", "external_url", "external_id", "courier"];

#[derive(Debug, Clone)]
struct Advert {
    id: u64,
    status: &'static str,
    created: Timestamp,
    activated: Timestamp,
    fields: Map<String, Value>,
}

impl Advert {
    fn json(&self) -> Value {
        let mut json = self.fields.clone();
        json.insert("id".into(), json!(self.id));
        json.insert("status".into(), json!(self.status));
        json.insert("url".into(), json!(format!("https://marketplace.example/d/advert-{}", self.id)));
        json.insert("created_at".into(), json!(moment(self.created)));
        json.insert("activated_at".into(), json!(moment(self.activated)));
        json.insert("valid_to".into(), json!(moment(self.activated.plus_seconds(SHOWN_S))));
        Value::Object(json)
    }

    /// One advert: under `data`, as the documentation has it, and bare, as some clients read it.
    fn answer(&self) -> Answer {
        let bare = self.json();
        let mut json = bare.clone();
        json["data"] = bare;
        Answer::ok(json)
    }
}

/// All adverts. Issuer and account are the owner.
#[derive(Debug, Default)]
pub(in super::super) struct Board {
    owners: HashMap<(String, String), Vec<Advert>>,
    /// Those that began first are in front.
    age: VecDeque<(String, String)>,
    last: u64,
}

impl Board {
    fn of(&mut self, owner: &(String, String)) -> &mut Vec<Advert> {
        if !self.owners.contains_key(owner) {
            if self.age.len() >= MAX_OWNERS
                && let Some(oldest) = self.age.pop_front()
            {
                self.owners.remove(&oldest);
            }
            self.age.push_back(owner.clone());
        }
        self.owners.entry(owner.clone()).or_default()
    }

    fn next_id(&mut self) -> u64 {
        self.last += 1;
        900_000_000 + self.last
    }
}

/// Finds the function for a call about adverts.
pub(super) fn answer(call: &Call<'_>, account: &str, method: &Method, path: &[&str]) -> Reply {
    let owner = (call.issuer().to_owned(), account.to_owned());
    let mut board = call.brokerage.board();
    if let (&Method::POST, []) = (method, path) {
        let fields = read(&call.body)?;
        let id = board.next_id();
        let advert = Advert { id, status: "active", created: call.now, activated: call.now, fields };
        let adverts = board.of(&owner);
        if adverts.len() >= MAX_ADVERTS {
            return Err(error(StatusCode::FORBIDDEN, "too many adverts: the sample keeps 200 of a person"));
        }
        adverts.push(advert.clone());
        return Ok(advert.answer());
    }
    let adverts = board.of(&owner);
    if let (&Method::GET, []) = (method, path) {
        return list(call, adverts);
    }
    let [id, rest @ ..] = path else { return Err(not_found("Resource")) };
    let id = number(id)?;
    let place = adverts.iter().position(|a| a.id == id).ok_or_else(|| not_found("Advert"))?;
    let advert = adverts.get_mut(place).ok_or_else(|| not_found("Advert"))?;
    match (method.as_str(), rest) {
        ("GET", []) => Ok(advert.answer()),
        ("PUT", []) => {
            advert.fields = read(&call.body)?;
            Ok(advert.answer())
        }
        ("DELETE", []) => {
            if advert.status == "active" {
                return Err(error(
                    StatusCode::BAD_REQUEST,
                    "Active adverts cannot be deleted: deactivate it first",
                ));
            }
            adverts.remove(place);
            Ok(Answer::nothing())
        }
        ("POST", ["commands"]) => command(call, advert),
        ("GET", ["statistics"]) => Ok(data(json!({
            "advert_views": id % 97, "phone_views": id % 13, "users_observing": id % 5,
        }))),
        _ => Err(not_found("Resource")),
    }
}

fn list(call: &Call<'_>, adverts: &[Advert]) -> Reply {
    let external = call.query.get("external_id");
    let categories = call.query.names("category_ids");
    let wanted = |advert: &&Advert| {
        let of = |name: &str| advert.fields.get(name).map(|v| v.to_string().trim_matches('"').to_owned());
        external.is_none_or(|id| of("external_id").as_deref() == Some(id))
            && categories.as_ref().is_none_or(|ids| of("category_id").is_some_and(|own| ids.contains(&&*own)))
    };
    page(call, adverts.iter().filter(wanted).map(Advert::json).collect(), 100)
}

fn command(call: &Call<'_>, advert: &mut Advert) -> Reply {
    let body = Fields::read(&call.body)
        .map_err(|_| error(StatusCode::BAD_REQUEST, "The body is not a JSON object"))?;
    match body.get("command").and_then(Value::as_str) {
        Some("activate") => (advert.status, advert.activated) = ("active", call.now),
        Some("refresh") if advert.status == "active" => advert.activated = call.now,
        Some("refresh") => {
            return Err(error(StatusCode::BAD_REQUEST, "Only active adverts can be refreshed"));
        }
        Some("deactivate" | "finish") => advert.status = "removed_by_user",
        _ => return Err(invalid(&[("command", "Use activate, deactivate, finish or refresh.")])),
    }
    Ok(Answer::nothing())
}

/// The fields of an advert, all of them present.
fn read(body: &[u8]) -> Result<Map<String, Value>, Answer> {
    let body =
        Fields::read(body).map_err(|_| error(StatusCode::BAD_REQUEST, "The body is not a JSON object"))?;
    let missing: Vec<(&str, &str)> = NEEDED
        .into_iter()
        .filter(|name| body.get(name).is_none())
        .map(|name| (name, "This value should not be blank."))
        .collect();
    if !missing.is_empty() {
        return Err(invalid(&missing));
    }
    let whole = |value: Option<&Value>| value.and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
    let category = whole(body.get("category_id")).filter(|id| reference::takes_adverts(*id));
    let category =
        category.ok_or_else(|| invalid(&[("category_id", "Adverts do not go into this category.")]))?;
    if !body.get("contact").is_some_and(|contact| contact["name"].is_string()) {
        return Err(invalid(&[("contact.name", "This value should not be blank.")]));
    }
    let city = body.get("location").and_then(|location| whole(location.get("city_id")));
    if !city.is_some_and(reference::is_city) {
        return Err(invalid(&[("location.city_id", "There is no such city.")]));
    }
    let long = |name: &str| {
        body.get(name).and_then(Value::as_str).is_none_or(|t| !(3..=9000).contains(&t.chars().count()))
    };
    if let Some(name) = ["title", "description"].into_iter().find(|name| long(name)) {
        return Err(invalid(&[(name, "This value should be a text of 3 to 9000 characters.")]));
    }
    let value = |name: &str| (name.to_owned(), body.get(name).cloned().unwrap_or_default());
    let mut fields: Map<String, Value> = NEEDED.into_iter().chain(FURTHER).map(value).collect();
    fields.insert("category_id".into(), json!(category));
    if let Some(Value::Object(price)) = fields.get_mut("price") {
        for flag in ["negotiable", "trade", "budget"] {
            price.entry(flag).or_insert(json!(false));
        }
    }
    if !fields.get("images").is_some_and(Value::is_array) {
        fields.insert("images".into(), json!([]));
    }
    Ok(fields)
}
