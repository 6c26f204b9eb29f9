//! The one credential of a request: found in its headers or query, looked at for visible damage, never compared
//! here (SECURITY R21).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Secret, disclosure::FactName, must};

/// What a request presents.
#[derive(Debug, Clone)]
pub enum Presented {
    /// `APCA-API-KEY-ID` and `APCA-API-SECRET-KEY`, or HTTP Basic.
    Key {
        /// The public id.
        id: Box<str>,
        /// The secret.
        secret: Secret,
    },
    /// `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer(Secret),
    /// `Authorization: DPoP` (RFC 9449 section 7.1).
    Dpop(Secret),
}

const KEY_ID: HeaderName = HeaderName::from_static("apca-api-key-id");
const KEY_SECRET: HeaderName = HeaderName::from_static("apca-api-secret-key");
/// Longest credential text that is looked at, in bytes.
const LONGEST: usize = 8192;

/// The credential of a request on Alpaca's surfaces. `expected`: what is to be sent there, in words.
///
/// # Errors
/// None, several, or one whose text is visibly damaged.
pub fn of_request(
    headers: &HeaderMap,
    query: Option<&str>,
    expected: &'static str,
) -> Result<Presented, Box<Refusal>> {
    let (authorization, authorizations) = first(headers, &AUTHORIZATION);
    let (id, ids) = first(headers, &KEY_ID);
    let (secret, secrets) = first(headers, &KEY_SECRET);
    let in_query = query.is_some_and(|q| {
        q.split('&')
            .any(|p| matches!(p.split('=').next(), Some("access_token" | "oauth_token" | "client_secret")))
    });
    match (authorization, ids.max(secrets), in_query) {
        (None, 0, false) => Err(missing(expected)),
        (None, 0, true) => Err(defect("the query", "a credential never travels in the query")),
        (Some(value), 0, false) if authorizations == 1 => of_authorization(value),
        (None, 1, false) => of_key_headers(id, secret),
        (_, keys, _) => Err(ambiguous(authorizations, keys, in_query)),
    }
}

/// The credential of a request to an API of the `rfc` dialect: a token in the `Authorization` header, nowhere else.
///
/// # Errors
/// None, several, or one whose text is visibly damaged.
pub fn of_api_request(headers: &HeaderMap, query: Option<&str>) -> Result<Presented, Box<Refusal>> {
    let (authorization, authorizations) = first(headers, &AUTHORIZATION);
    let in_query = query.is_some_and(|q| q.split('&').any(|p| p.split('=').next() == Some("access_token")));
    match (authorization, in_query) {
        (None, false) => Err(missing("an access token as Authorization: Bearer")),
        (None, true) => Err(defect("the query", "a credential never travels in the query")),
        (Some(value), _) if authorizations == 1 && !must!("rfc6750-2-one", in_query) => {
            let (scheme, rest) = split_scheme(value.as_bytes());
            if scheme.eq_ignore_ascii_case(b"dpop") {
                return Ok(Presented::Dpop(Secret::new(text("Authorization: DPoP", rest)?)));
            }
            if scheme == b"Bearer" || must!("rfc6750-2.1-scheme", scheme.eq_ignore_ascii_case(b"bearer")) {
                return Ok(Presented::Bearer(Secret::new(text("Authorization: Bearer", rest)?)));
            }
            Err(defect("Authorization", "the scheme is neither Bearer nor DPoP"))
        }
        (Some(_), _) => Err(ambiguous(authorizations, 0, in_query)),
    }
}

/// The first value of a header, and how often it stands.
fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> (Option<&'a HeaderValue>, usize) {
    let mut all = headers.get_all(name).iter();
    match all.next() {
        None => (None, 0),
        value => (value, 1 + all.count()),
    }
}

fn ambiguous(authorizations: usize, keys: usize, in_query: bool) -> Box<Refusal> {
    let mut carriers = Vec::new();
    for (count, name) in [
        (authorizations, "Authorization"),
        (keys, "APCA-API-KEY-ID and APCA-API-SECRET-KEY"),
        (usize::from(in_query), "the query"),
    ] {
        carriers.extend(std::iter::repeat_n(name, count));
    }
    Box::new(Refusal::anonymous(Cause::CredentialAmbiguous).with(FactName::Received, carriers.join(", ")))
}

/// The refusal of a request that presents nothing. `expected`: what is to be sent, and where, in words.
pub fn missing(expected: &'static str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::CredentialMissing).with(FactName::Expected, expected))
}

fn defect(parameter: &str, what: &str) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::CredentialMalformed)
            .with(FactName::Parameter, parameter)
            .with(FactName::Defect, what),
    )
}

/// A key that stands in a message, whose members have these names.
///
/// # Errors
/// A part is missing or visibly damaged.
pub fn key_in_message(
    names: [&'static str; 2],
    id: Option<&str>,
    secret: Option<&str>,
) -> Result<Presented, Box<Refusal>> {
    let part = |name, value: Option<&str>| match value {
        None => Err(defect(name, "it is missing")),
        Some(value) => text(name, value.as_bytes()).map(str::to_owned),
    };
    Ok(Presented::Key { id: part(names[0], id)?.into(), secret: Secret::new(part(names[1], secret)?) })
}

/// A token that stands in a message, in the member of this name.
///
/// # Errors
/// It is visibly damaged.
pub fn token_in_message(name: &'static str, token: &str) -> Result<Presented, Box<Refusal>> {
    text(name, token.as_bytes()).map(|token| Presented::Bearer(Secret::new(token)))
}

/// The refusal of a message that holds more than one credential; `carriers` says which.
pub fn several_in_message(carriers: &str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::CredentialAmbiguous).with(FactName::Received, carriers))
}

fn of_key_headers(id: Option<&HeaderValue>, secret: Option<&HeaderValue>) -> Result<Presented, Box<Refusal>> {
    let id = match id {
        None => return Err(defect("APCA-API-KEY-ID", "the header is absent")),
        Some(value) => text("APCA-API-KEY-ID", value.as_bytes())?,
    };
    let secret = match secret {
        None => return Err(defect("APCA-API-SECRET-KEY", "the header is absent")),
        Some(value) => text("APCA-API-SECRET-KEY", value.as_bytes())?,
    };
    Ok(Presented::Key { id: id.into(), secret: Secret::new(secret) })
}

fn of_authorization(value: &HeaderValue) -> Result<Presented, Box<Refusal>> {
    let (scheme, rest) = split_scheme(value.as_bytes());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        let token = text("Authorization: Bearer", rest)?;
        if token.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer ")) {
            return Err(defect("Authorization", "the word Bearer stands twice"));
        }
        return Ok(Presented::Bearer(Secret::new(token)));
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        return basic(rest);
    }
    Err(defect("Authorization", "the scheme is neither Bearer nor Basic"))
}

fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    match value.iter().position(|b| *b == b' ') {
        Some(space) => (&value[..space], &value[space + 1..]),
        None => (value, &[]),
    }
}

/// HTTP Basic (RFC 7617). Alpaca's partners send key and secret as they are, not form-encoded.
fn basic(encoded: &[u8]) -> Result<Presented, Box<Refusal>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let what = "Authorization: Basic";
    if encoded.len() > LONGEST {
        return Err(defect(what, "it is too long"));
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| defect(what, "it is not base64"))?;
    let decoded = String::from_utf8(decoded).map_err(|_| defect(what, "it is not UTF-8"))?;
    let (id, secret) = decoded.split_once(':').ok_or_else(|| defect(what, "it holds no colon"))?;
    Ok(Presented::Key {
        id: text(what, id.as_bytes())?.into(),
        secret: Secret::new(text(what, secret.as_bytes())?),
    })
}

/// The text of a credential without visible damage.
fn text<'a>(parameter: &'static str, bytes: &'a [u8]) -> Result<&'a str, Box<Refusal>> {
    let text = std::str::from_utf8(bytes).map_err(|_| defect(parameter, "it is not UTF-8"))?;
    match visible_defect(text) {
        Some(what) if must!("rfc6750-2.1-syntax") => Err(defect(parameter, what)),
        Some(_) | None => Ok(text),
    }
}

/// Letters, digits, and what stands between them in tokens and base64.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        plain[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        byte += 1;
    }
    plain
};

/// What can be seen to be wrong with a credential, from its text alone.
pub fn visible_defect(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("empty");
    }
    if text.len() > LONGEST {
        return Some("too long");
    }
    let words = ["undefined", "none", "null", "nil", "your_key", "your_secret", "changeme"];
    if words.into_iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some("a placeholder word, not a value");
    }
    // Nothing below is made of these characters alone, and nearly every credential is.
    if text.bytes().all(|b| PLAIN[usize::from(b)]) {
        return None;
    }
    if text.starts_with('$') || text.starts_with('<') || text.starts_with("{{") {
        return Some("a placeholder, not a value");
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Some("white space at its beginning or end");
    }
    if text.contains("%0A") || text.contains("%0a") || text.contains("%0D") || text.contains("%20") {
        return Some("an encoded space or line break in it");
    }
    if (text.starts_with('"') && text.ends_with('"')) || (text.starts_with('\'') && text.ends_with('\'')) {
        return Some("quotes around it");
    }
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Some("control characters in it");
    }
    None
}

/// A client secret sent as a parameter. Emptiness and placeholders are named; nothing is compared then.
///
/// # Errors
/// It is missing, empty, or visibly no secret.
pub fn client_secret(name: &'static str, value: Option<&str>) -> Result<Secret, Box<Refusal>> {
    let refuse = |what: &str| {
        Box::new(
            Refusal::anonymous(Cause::ClientSecretMissing)
                .with(FactName::Parameter, name)
                .with(FactName::Defect, what),
        )
    };
    match value {
        None => Err(refuse("missing or empty")),
        Some(text) => match visible_defect(text) {
            Some(what) => Err(refuse(what)),
            None => Ok(Secret::new(text)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }
    fn cause(pairs: &[(&'static str, &str)], query: Option<&str>) -> Cause {
        of_request(&headers(pairs), query, "").unwrap_err().cause
    }

    #[test]
    fn r21_exactly_one_credential() {
        assert_eq!(cause(&[], None), Cause::CredentialMissing);
        let bearer = ("authorization", "Bearer t");
        let (id, secret) = (("apca-api-key-id", "PK"), ("apca-api-secret-key", "s"));
        assert!(of_request(&headers(&[bearer]), None, "").is_ok());
        assert!(of_request(&headers(&[id, secret]), None, "").is_ok());
        for several in
            [vec![bearer, id, secret], vec![bearer, bearer], vec![id, id, secret], vec![bearer, id]]
        {
            assert_eq!(cause(&several, None), Cause::CredentialAmbiguous);
        }
        assert_eq!(cause(&[bearer], Some("access_token=t")), Cause::CredentialAmbiguous);
        assert_eq!(cause(&[], Some("a=1&access_token=t")), Cause::CredentialMalformed);
    }

    #[test]
    fn who_sends_nothing_is_told_what_is_taken_there() {
        use crate::dialect::{Dialect, Dialects, alpaca};
        let told = |dialect: &dyn Dialect, surface| {
            let refusal = dialect.credential(surface, &HeaderMap::new(), None).unwrap_err();
            let view = refusal.facts.public();
            view.fill(refusal.cause.entry().remedy)
        };
        for dialect in Dialects::shipped().iter() {
            for surface in dialect.dialect().data().surfaces.iter().copied() {
                let told = told(dialect, surface);
                let keys = dialect.dialect() == alpaca::DIALECT && surface != alpaca::BROKER;
                assert_eq!(told.contains("APCA-"), keys, "{surface:?} {told}");
                assert_eq!(told.contains("Bearer"), surface != alpaca::BROKER, "{surface:?} {told}");
                assert_eq!(told.contains("HTTP Basic"), surface == alpaca::BROKER, "{surface:?} {told}");
            }
        }
    }

    #[test]
    fn visible_damage_is_named_and_not_compared() {
        for bad in [
            "Bearer ",
            "Bearer t ",
            "Bearer \"t\"",
            "Bearer Bearer t",
            "Bearer undefined",
            "Digest x",
            "Bearer t%0A",
        ] {
            assert_eq!(cause(&[("authorization", bad)], None), Cause::CredentialMalformed, "{bad}");
        }
        for bad in ["Basic !", "Basic YQ==", "Basic"] {
            assert_eq!(cause(&[("authorization", bad)], None), Cause::CredentialMalformed, "{bad}");
        }
        assert_eq!(cause(&[("apca-api-key-id", "PK")], None), Cause::CredentialMalformed);
        assert_eq!(client_secret("client_secret", None).unwrap_err().cause, Cause::ClientSecretMissing);
    }

    #[test]
    fn rfc6750_2_the_header_alone_whatever_its_case() {
        let token = |value: &str, query: Option<&str>| {
            of_api_request(&headers(&[("authorization", value)]), query).map_err(|refusal| refusal.cause)
        };
        for value in ["Bearer t", "bearer t", "BEARER t"] {
            assert!(matches!(token(value, Some("a=1")), Ok(Presented::Bearer(_))), "{value}");
        }
        assert_eq!(token("Bearer t", Some("access_token=t")).unwrap_err(), Cause::CredentialAmbiguous);
        for value in ["Bearer", "Bearer ", "Bearer \"t\"", "Bearer undefined"] {
            assert_eq!(token(value, None).unwrap_err(), Cause::CredentialMalformed, "{value}");
        }
        let query = of_api_request(&headers(&[]), Some("access_token=t")).unwrap_err();
        assert_eq!(query.cause, Cause::CredentialMalformed, "it never travels in the query");
    }

    #[test]
    fn text_beyond_ascii_is_no_trouble() {
        for value in [
            "Bearer \u{e4}\u{e4}\u{e4}\u{e4}",
            "Bearer \u{20ac}\u{20ac}\u{20ac}",
            "\u{e4}",
            "Basic w6TDpMOkw6Q6w6Q=",
        ] {
            let _ = of_request(&headers(&[("authorization", value)]), Some("\u{e4}=\u{e4}"), "");
        }
        assert_eq!(
            cause(&[("apca-api-key-id", "\u{a0}"), ("apca-api-secret-key", "s")], None),
            Cause::CredentialMalformed
        );
    }

    #[test]
    fn basic_is_split_at_the_first_colon() {
        let Ok(Presented::Key { id, secret }) =
            of_request(&headers(&[("authorization", "Basic SzpzOng=")]), None, "")
        else {
            panic!("a key");
        };
        assert_eq!((&*id, secret.expose()), ("K", "s:x"));
    }
}
