//! `NAME.json` (STORE.md).

use crate::seams::Millis;
use crate::secret::Secret;
use serde_json::{Map, Value as Json, json};

/// What is stored of a session. Times are milliseconds since 1970 by this machine's clock.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Record {
    /// Whose it is: a digest of the settings.
    pub owner: String,
    /// One more at each write.
    pub generation: u64,
    /// The access token.
    pub access_token: Option<Secret>,
    /// `Bearer` or `DPoP`.
    pub token_type: Option<String>,
    /// Its scope.
    pub scope: Option<String>,
    /// When it was asked for.
    pub sent_at: Option<Millis>,
    /// When it ends.
    pub ends_at: Option<Millis>,
    /// When it is to be renewed.
    pub renew_at: Option<Millis>,
    /// Until when it is good.
    pub usable_until: Option<Millis>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// An answer to that refresh token was lost.
    pub lost: bool,
    /// Failures in a row.
    pub failures: u32,
    /// No request before this.
    pub not_before: Option<Millis>,
    /// The issuer's clock is ahead by so much.
    pub skew_ms: Millis,
    /// The private key that tokens are bound to, as JSON.
    pub dpop_jwk: Option<Secret>,
    /// Which refresh token it began with, where one was given: hex of the first eight bytes of its SHA-256.
    pub seed: Option<String>,
    /// Members of later versions: kept.
    pub other: Others,
}

/// Members that this version does not know.
#[derive(Clone, Default)]
pub struct Others(Map<String, Json>);

impl std::fmt::Debug for Others {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl Record {
    /// Reads the text of a file. None: it cannot be read as this.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut map: Map<String, Json> = serde_json::from_slice(text).ok()?;
        map.retain(|_, value| !value.is_null());
        if map.remove("version")?.as_u64()? != 1 {
            return None;
        }
        let string = |map: &mut Map<String, Json>, name: &str| match map.remove(name) {
            None => Some(None),
            Some(Json::String(text)) if text.is_empty() => Some(None),
            Some(Json::String(text)) => Some(Some(text)),
            Some(_) => None,
        };
        let number = |map: &mut Map<String, Json>, name: &str| match map.remove(name) {
            None => Some(None),
            Some(value) => value.as_i64().or_else(|| whole(&value)).map(Some),
        };
        Some(Self {
            owner: string(&mut map, "owner")??,
            generation: u64::try_from(number(&mut map, "generation")??).ok()?,
            access_token: string(&mut map, "access_token")?.map(Secret::new),
            token_type: string(&mut map, "token_type")?,
            scope: string(&mut map, "scope")?,
            sent_at: number(&mut map, "sent_at")?,
            ends_at: number(&mut map, "ends_at")?,
            renew_at: number(&mut map, "renew_at")?,
            usable_until: number(&mut map, "usable_until")?,
            refresh_token: string(&mut map, "refresh_token")?.map(Secret::new),
            lost: match map.remove("lost") {
                None => false,
                Some(lost) => lost.as_bool()?,
            },
            failures: u32::try_from(number(&mut map, "failures")?.unwrap_or(0)).ok()?,
            not_before: number(&mut map, "not_before")?,
            skew_ms: number(&mut map, "skew_ms")?.unwrap_or(0),
            dpop_jwk: match map.remove("dpop_jwk") {
                None => None,
                Some(jwk @ Json::Object(_)) => Some(Secret::new(jwk.to_string())),
                Some(_) => return None,
            },
            seed: string(&mut map, "seed")?,
            other: Others(map),
        })
    }

    /// The text of the file.
    pub fn to_text(&self) -> Secret {
        let plain = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_owned());
        let mut map = self.other.0.clone();
        let jwk = self.dpop_jwk.as_ref().and_then(|jwk| serde_json::from_str::<Json>(jwk.expose()).ok());
        let known = json!({
            "version": 1, "owner": self.owner, "generation": self.generation,
            "access_token": plain(&self.access_token), "token_type": self.token_type, "scope": self.scope,
            "sent_at": self.sent_at, "ends_at": self.ends_at, "renew_at": self.renew_at,
            "usable_until": self.usable_until, "refresh_token": plain(&self.refresh_token), "lost": self.lost,
            "failures": self.failures, "not_before": self.not_before, "skew_ms": self.skew_ms, "dpop_jwk": jwk,
        });
        if let Json::Object(known) = known {
            map.extend(known);
        }
        if let Some(seed) = &self.seed {
            map.insert("seed".to_owned(), seed.clone().into());
        }
        Secret::new(Json::Object(map).to_string() + "\n")
    }

    /// Whether its token may be sent now.
    pub(crate) fn is_good(&self, now: Millis) -> bool {
        self.access_token.is_some() && self.usable_until.is_none_or(|until| now < until)
    }
}

/// A number that another language wrote with a point.
#[expect(clippy::cast_possible_truncation, reason = "checked to be small")]
fn whole(value: &Json) -> Option<i64> {
    value.as_f64().filter(|n| n.abs() < 9e15).map(|n| n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_file_with_what_is_unknown() {
        let text = br#"{"version": 1, "owner": "o", "generation": 3, "access_token": "t", "lost": true,
            "not_before": null, "later": {"a": 1}, "dpop_jwk": {"kty": "EC"}}"#;
        let record = Record::parse(text).unwrap();
        let again: Json = serde_json::from_str(record.to_text().expose()).unwrap();
        assert_eq!(again["later"]["a"], 1);
        assert_eq!(again["dpop_jwk"]["kty"], "EC");
        assert_eq!((record.generation, record.lost, record.not_before), (3, true, None));
        assert!(!format!("{record:?}").contains("\"t\""));
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"version": 2, "owner": "o", "generation": 1}"#,
            r#"{"version": 1, "owner": "o"}"#,
            r#"{"version": 1, "owner": "o", "generation": -1}"#,
            r#"{"version": 1, "owner": "o", "generation": 1, "access_token": 7}"#,
        ] {
            assert!(Record::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
