//! What adverts are sorted by: categories, places, languages, currencies. Everybody reads the same, apps for themselves too.

use super::super::answer::{Answer, Reply};
use super::super::calls::Call;
use super::{data, not_found, number, page};
use serde_json::{Value, json};

/// Id, parent (0: none), name, whether adverts go there.
const CATEGORIES: [(u64, u64, &str, bool); 7] = [
    (1, 0, "Electronics", false),
    (2, 1, "Phones", true),
    (3, 1, "Computers", true),
    (4, 0, "Home and garden", false),
    (5, 4, "Furniture", true),
    (6, 0, "Jobs", false),
    (7, 6, "IT and telecommunication", true),
];

const REGIONS: [(u64, &str); 3] = [(1, "Northshire"), (2, "Southshire"), (3, "Westshire")];

/// Id, region, name, latitude, longitude.
const CITIES: [(u64, u64, &str, f64, f64); 5] = [
    (1, 1, "Sampleton", 52.25, 21.0),
    (2, 1, "Upper Sample", 52.5, 21.25),
    (3, 2, "Exampleville", 50.0625, 19.9375),
    (4, 2, "Testford", 50.25, 19.0),
    (5, 3, "Mockingham", 51.125, 17.0),
];

/// Id, city, name.
const DISTRICTS: [(u64, u64, &str); 3] = [(1, 1, "Old Town"), (2, 1, "Riverside"), (3, 3, "Station")];

/// Whether adverts may go into this category.
pub(super) fn takes_adverts(category: u64) -> bool {
    CATEGORIES.iter().any(|(id, _, _, leaf)| *id == category && *leaf)
}

/// Whether there is such a city.
pub(super) fn is_city(id: u64) -> bool {
    CITIES.iter().any(|city| city.0 == id)
}

fn category((id, parent, name, leaf): &(u64, u64, &str, bool)) -> Value {
    json!({"id": id, "name": name, "parent_id": parent, "photos_limit": 8, "is_leaf": leaf})
}

fn city((id, region, name, latitude, longitude): &(u64, u64, &str, f64, f64)) -> Value {
    json!({
        "id": id, "region_id": region, "name": name, "county": "Sample county", "municipality": name,
        "latitude": latitude, "longitude": longitude,
    })
}

fn district((id, of, name): &(u64, u64, &str)) -> Value {
    let place = CITIES.iter().find(|city| city.0 == *of);
    let (latitude, longitude) = place.map_or((0.0, 0.0), |city| (city.3, city.4));
    json!({"id": id, "city_id": of, "name": name, "latitude": latitude, "longitude": longitude})
}

/// The city that is nearest to a point.
fn nearest(call: &Call<'_>) -> Reply {
    let degrees = |name: &str| {
        let found = call.query.get(name).and_then(|text| text.parse::<f64>().ok()).filter(|d| d.is_finite());
        found.ok_or_else(|| super::invalid(&[(name, "This value should be a number.")]))
    };
    let (latitude, longitude) = (degrees("latitude")?, degrees("longitude")?);
    let distance = |c: &&(u64, u64, &str, f64, f64)| (c.3 - latitude).hypot(c.4 - longitude);
    let nearest = CITIES.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    Ok(data(nearest.iter().map(|c| json!({"city": city(c), "district": null})).collect()))
}

fn attributes() -> Value {
    let validation = json!({
        "type": "string", "required": true, "numeric": false, "min": null, "max": null,
        "allow_multiple_values": false,
    });
    json!([{
        "code": "state", "label": "Condition", "unit": null, "validation": validation,
        "values": [{"code": "new", "label": "New"}, {"code": "used", "label": "Used"}],
    }])
}

fn one(id: &str, what: &str, find: impl Fn(u64) -> Option<Value>) -> Reply {
    find(number(id)?).map(data).ok_or_else(|| not_found(what))
}

/// Finds the function for reading reference data.
pub(super) fn answer(call: &Call<'_>, path: &[&str]) -> Option<Reply> {
    Some(match path {
        ["categories"] => {
            let parent = call.query.get("parent_id");
            let under = |c: &&(u64, u64, &str, bool)| parent.is_none_or(|p| p == c.1.to_string());
            Ok(data(CATEGORIES.iter().filter(under).map(category).collect()))
        }
        ["categories", "suggestion"] => Ok(data(suggestions(call.query.get("q").unwrap_or_default()))),
        ["categories", id] => one(id, "Category", |id| CATEGORIES.iter().find(|c| c.0 == id).map(category)),
        ["categories", id, "attributes"] => one(id, "Category", |id| takes_adverts(id).then(attributes)),
        ["regions"] => Ok(data(REGIONS.iter().map(|(id, name)| json!({"id": id, "name": name})).collect())),
        ["regions", id] => one(id, "Region", |id| {
            REGIONS.iter().find(|r| r.0 == id).map(|(id, name)| json!({"id": id, "name": name}))
        }),
        ["cities"] => page(call, CITIES.iter().map(city).collect(), super::PAGE),
        ["cities", id] => one(id, "City", |id| CITIES.iter().find(|c| c.0 == id).map(city)),
        ["cities", id, "districts"] => one(id, "City", |id| {
            is_city(id).then(|| DISTRICTS.iter().filter(|d| d.1 == id).map(district).collect())
        }),
        ["districts"] => Ok(data(DISTRICTS.iter().map(district).collect())),
        ["districts", id] => one(id, "District", |id| DISTRICTS.iter().find(|d| d.0 == id).map(district)),
        ["locations"] => nearest(call),
        ["languages"] => {
            Ok(data(json!([{"code": "pl", "is_default": true}, {"code": "en", "is_default": false}])))
        }
        ["currencies"] => Ok(Answer::ok(json!({"data": [
            {"code": "PLN", "label": "zł", "is_default": true}, {"code": "EUR", "label": "€", "is_default": false},
        ]}))),
        _ => return None,
    })
}

fn suggestions(title: &str) -> Value {
    let title = title.to_lowercase();
    let fits = |c: &&(u64, u64, &str, bool)| {
        c.3 && c.2.to_lowercase().split(' ').any(|word| title.contains(word.trim_end_matches('s')))
    };
    let path = |c: &(u64, u64, &str, bool)| {
        let above = CATEGORIES.iter().find(|p| p.0 == c.1);
        above.into_iter().chain([c]).map(|c| json!({"id": c.0, "name": c.2})).collect::<Vec<_>>()
    };
    CATEGORIES.iter().filter(fits).map(|c| json!({"id": c.0, "name": c.2, "path": path(c)})).collect()
}
