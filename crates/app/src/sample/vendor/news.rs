//! Headlines and stories: one for each day with trading, made up.

use super::super::answer::{Answer, Reply};
use super::super::calls::Call;
use super::super::data::latest_slots;
use super::super::days::{Day, text};
use super::super::prices::Market;
use super::super::slots::{Frame, Hours};
use super::{decoded, error, invalid};
use http::StatusCode;
use serde_json::{Value, json};

const NAME: &str = "urn:newsml:sample.example:";
/// Most headlines of a page.
const PAGE: usize = 100;

/// `GET /data/news/v1/headlines`: the latest first, by pages.
pub(super) fn headlines(call: &Call<'_>) -> Reply {
    let cursor = call.query.get("cursor").map(|c| page(c).ok_or_else(|| invalid(call, "cursor", "unknown")));
    let cursor = cursor.transpose()?;
    let query = match &cursor {
        Some((_, query)) => query.as_str(),
        None => call.query.get("query").ok_or_else(|| invalid(call, "query", "is required"))?,
    };
    let limit =
        call.query.count("limit", 10, PAGE).map_err(|_| invalid(call, "limit", "must be from 1 to 100"))?;
    let time = |name, end| call.query.time(name, end).map_err(|_| invalid(call, name, "is no time"));
    let from = time("dateFrom", false)?.unwrap_or_else(Call::began).max(Call::began());
    let now = call.seconds();
    let until = match &cursor {
        Some((until, _)) => *until,
        None => time("dateTo", true)?.unwrap_or(now),
    };
    let mut days = latest_slots(Frame::Day, Hours::Exchange, from, until.min(now), now, limit + 1);
    let next = days.get(limit).map(|slot| format!("{}|{query}", slot.start));
    days.truncate(limit);
    let data: Vec<Value> = days.iter().map(|slot| item(query, slot.open)).collect();
    let mut meta = json!({"count": data.len(), "pageLimit": limit});
    if let (Some(next), Some(map)) = (next, meta.as_object_mut()) {
        map.insert("next".into(), json!(next));
    }
    Ok(Answer::ok(json!({"data": data, "meta": meta})))
}

/// Where a page ends, and what it is about.
fn page(cursor: &str) -> Option<(i64, String)> {
    let (until, query) = cursor.split_once('|')?;
    Some((until.parse().ok()?, query.to_owned()))
}

fn title(query: &str, at: i64) -> String {
    let market = Market::of(query);
    let moves = market.moves(at, at + 23_400);
    let word = if moves.close >= moves.open { "higher" } else { "lower" };
    format!("{query} trades {word}")
}

fn item(query: &str, at: i64) -> Value {
    let created = format!("{}.000Z", text(at).trim_end_matches('Z'));
    let story = format!("{NAME}{}:n{query}", Day::of_utc(at).text().replace('-', ""));
    json!({
        "storyId": story,
        "newsItem": {
            "_version": 1,
            "contentMeta": {
                "audience": [{"_qcode": "NP:SAMPLE"}],
                "creator": [{"_qcode": "NS:SAMPLE", "_role": "sRole:source"}],
                "infoSource": [{"_qcode": "NS:SAMPLE", "_role": "sRole:source"}],
                "language": [{"_tag": "en"}],
                "subject": [{"_qcode": format!("R:{query}")}],
                "urgency": {"$": 3},
            },
            "itemMeta": {
                "firstCreated": {"$": created},
                "versionCreated": {"$": created},
                "title": [{"$": title(query, at)}],
            },
        },
    })
}

/// `GET /data/news/v1/stories/{id}`
pub(super) fn story(call: &Call<'_>, id: &str) -> Reply {
    let unknown = || error(call, StatusCode::NOT_FOUND, "404", "Story not found", &Value::Null);
    let name = decoded(id).ok_or_else(unknown)?;
    let (day, query) = name.strip_prefix(NAME).and_then(|r| r.split_once(":n")).ok_or_else(unknown)?;
    let day = (day.len() == 8 && day.is_ascii())
        .then(|| Day::parse(&format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..])))
        .flatten()
        .ok_or_else(unknown)?;
    let session = day.session().filter(|s| s.open <= call.seconds()).ok_or_else(unknown)?;
    let mut story = item(query, session.open);
    let headline = title(query, session.open);
    if let Some(news) = story.get_mut("newsItem").and_then(Value::as_object_mut) {
        news.insert(
            "contentSet".into(),
            json!({
                "inlineData": [{"$": format!("{headline}. Made up by the sample API."), "_contentType": "text/plain"}],
                "inlineXML": [{"$": format!("<p>{headline}. Made up by the sample API.</p>")}],
            }),
        );
        if let Some(meta) = news.get_mut("contentMeta").and_then(Value::as_object_mut) {
            meta.insert("headline".into(), json!([{"$": headline}]));
        }
    }
    Ok(Answer::ok(story))
}
