//! `application/x-www-form-urlencoded` bodies and queries, bounded and without repetition.

use crate::body::{self, Fault};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Secret, disclosure::FactName, must};

/// Most parameters a form or query may hold.
pub const MOST_PARAMETERS: usize = 64;
/// Longest value of one parameter, in bytes.
pub const LONGEST_VALUE: usize = 4096;

/// Parsed parameters. Secrets among them do not print: neither does anything else.
#[derive(Clone, Default)]
pub struct Form {
    /// Names and values, decoded, one after the other.
    text: String,
    /// Where name and value of each parameter end in it.
    ends: Vec<(usize, usize)>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// RFC 6749 section 3.1: a parameter must not be repeated, and one without a value counts as left out.
    ///
    /// # Errors
    /// Repetition, bytes that are not UTF-8 after decoding, too many or too long parameters.
    pub fn parse(bytes: &[u8]) -> Result<Self, Box<Refusal>> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| body::malformed(Fault::NotUtf8, "a form in UTF-8"))?;
        let mut form = Self { text: String::with_capacity(text.len()), ends: Vec::with_capacity(8) };
        if !is_encoded(bytes) {
            // Nothing to decode: most bodies are made of letters and digits.
            for pair in text.split('&').filter(|pair| !pair.is_empty()) {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                form.add(key, value)?;
            }
            return Ok(form);
        }
        check_escapes(text)?;
        for (key, value) in url::form_urlencoded::parse(bytes) {
            form.add(&key, &value)?;
        }
        Ok(form)
    }

    fn add(&mut self, key: &str, value: &str) -> Result<(), Box<Refusal>> {
        if self.ends.len() >= MOST_PARAMETERS {
            return Err(body::malformed(Fault::TooMany, "at most 64 parameters"));
        }
        if key.len() > 128 || value.len() > LONGEST_VALUE {
            return Err(too_long(key));
        }
        if must!("rfc6749-3.1-empty", value.is_empty()) {
            return Ok(());
        }
        let known_before = self.iter().any(|(name, _)| *name == *key);
        if must!("rfc6749-3.1-repeated", known_before) {
            return Err(Box::new(
                Refusal::anonymous(Cause::ParameterRepeated).with(FactName::Parameter, known(key)),
            ));
        }
        self.push(key, value);
        Ok(())
    }

    fn push(&mut self, key: &str, value: &str) {
        self.text.push_str(key);
        let name = self.text.len();
        self.text.push_str(value);
        self.ends.push((name, self.text.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut from = 0;
        self.ends.iter().map(move |&(name, value)| {
            let start = std::mem::replace(&mut from, value);
            (&self.text[start..name], &self.text[name..value])
        })
    }

    /// The same parameters as members of one flat JSON object; numbers are taken as they are written, `null` and empty
    /// texts as left out.
    ///
    /// # Errors
    /// Not one flat JSON object, a member twice (SECURITY R22), too many or too long ones.
    pub fn of_json(bytes: &[u8]) -> Result<Self, Box<Refusal>> {
        let members = crate::json::Flat::members(bytes)?;
        if members.len() > MOST_PARAMETERS {
            return Err(body::malformed(Fault::TooMany, "at most 64 parameters"));
        }
        if let Some((name, _)) = members.iter().find(|(n, v)| n.len() > 128 || v.len() > LONGEST_VALUE) {
            return Err(too_long(name));
        }
        let mut form = Self::default();
        for (name, value) in &members {
            form.push(name, value);
        }
        Ok(form)
    }

    /// The value of a parameter that was sent and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value)
    }

    /// The value of a parameter that has to be there.
    ///
    /// # Errors
    /// It is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, Box<Refusal>> {
        self.get(name).ok_or_else(|| {
            Box::new(Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, name))
        })
    }

    /// A secret that has to be there. An empty one or a placeholder text is named as such: nothing is compared.
    ///
    /// # Errors
    /// It is missing, empty or a placeholder.
    pub fn required_secret(&self, name: &'static str) -> Result<Secret, Box<Refusal>> {
        crate::credential::client_secret(name, self.get(name))
    }
}

/// Whether anything has to be decoded.
#[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler looks at many bytes at once")]
fn is_encoded(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte == b'%') | (*byte == b'+'))
}

fn too_long(key: &str) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::ParameterInvalid)
            .with(FactName::Parameter, known(key))
            .with(FactName::Defect, "it is too long"),
    )
}

/// Names that may stand in a record; anything else a caller invents is not repeated (SECURITY R4).
pub fn known(key: &str) -> &str {
    const NAMES: [&str; 37] = [
        "grant_type",
        "code",
        "client_id",
        "client_secret",
        "redirect_uri",
        "scope",
        "state",
        "env",
        "response_type",
        "account_id",
        "refresh_token",
        "username",
        "password",
        "request",
        "form_token",
        "account",
        "decision",
        "session",
        "grant",
        "new_password",
        "code_challenge",
        "code_verifier",
        "client_assertion",
        "client_assertion_type",
        "device_code",
        "user_code",
        "resource",
        "nonce",
        "prompt",
        "max_age",
        "login_hint",
        "response_mode",
        "dpop_jkt",
        "request_uri",
        "token",
        "token_type_hint",
        "code_challenge_method",
    ];
    NAMES.into_iter().find(|n| *n == key).unwrap_or("(a name that is not known here)")
}

/// Every `%` begins an escape of two hexadecimal digits, and what the escapes stand for is UTF-8.
fn check_escapes(text: &str) -> Result<(), Box<Refusal>> {
    if !text.contains('%') {
        return Ok(());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut i = 0;
    while i < bytes.len() {
        match (bytes[i], bytes.get(i + 1).copied().and_then(hex), bytes.get(i + 2).copied().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                i += 3;
            }
            (b'%', _, _) => {
                return Err(body::malformed(Fault::Escape, "two hexadecimal digits after each %"));
            }
            (b, _, _) => {
                out.push(b);
                i += 1;
            }
        }
    }
    match std::str::from_utf8(&out) {
        Err(_) if must!("rfc6749-B-utf8") => Err(body::malformed(Fault::NotUtf8, "a form in UTF-8")),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(bytes: &[u8]) -> Cause {
        Form::parse(bytes).unwrap_err().cause
    }

    #[test]
    fn rfc6749_3_1_repeated_and_empty() {
        assert_eq!(cause(b"a=1&a=2"), Cause::ParameterRepeated);
        let form = Form::parse(b"a=&b=x+y%21").unwrap();
        assert_eq!((form.get("a"), form.get("b")), (None, Some("x y!")));
        assert_eq!(form.required("code").unwrap_err().cause, Cause::ParameterMissing);
    }

    #[test]
    fn what_needs_no_decoding_is_read_as_everything_else() {
        for plain in ["a=1&b=2", "&&a=1&", "a", "=x&a=1", "a==b=", "a=ä&b"] {
            let decoded = format!("{plain}&z=%31+");
            let (plain, decoded) =
                (Form::parse(plain.as_bytes()).unwrap(), Form::parse(decoded.as_bytes()).unwrap());
            assert!(decoded.iter().eq(plain.iter().chain([("z", "1 ")])), "{plain:?}");
        }
    }

    #[test]
    fn bounds_and_encodings() {
        assert_eq!(cause(b"a=%ff"), Cause::BodyMalformed);
        assert_eq!(cause(b"a=100%"), Cause::BodyMalformed);
        assert_eq!(cause(b"a=\xff"), Cause::BodyMalformed);
        assert_eq!(cause(format!("a={}", "x".repeat(4097)).as_bytes()), Cause::ParameterInvalid);
        let many = (0..65).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(cause(many.as_bytes()), Cause::BodyMalformed);
    }

    #[test]
    fn r22_json_holds_the_same_parameters_once() {
        let form = Form::of_json(br#"{"client_id":200001,"code":"a","scope":null,"state":""}"#).unwrap();
        let got = |name| form.get(name);
        assert_eq!((got("client_id"), got("code")), (Some("200001"), Some("a")));
        assert_eq!((got("scope"), got("state")), (None, None));
        let cause = |text: &str| Form::of_json(text.as_bytes()).unwrap_err().cause;
        assert_eq!(cause(r#"{"code":"a","code":"a"}"#), Cause::ParameterRepeated);
        for bad in ["", "[]", r#"{"code":["a"]}"#, r#"{"code":true}"#, r#"{"code":"a",}"#] {
            assert_eq!(cause(bad), Cause::BodyMalformed, "{bad}");
        }
        assert_eq!(cause(&format!(r#"{{"code":"{}"}}"#, "x".repeat(4097))), Cause::ParameterInvalid);
    }

    #[test]
    fn r04_debug_shows_names_only() {
        let form = Form::parse(b"client_secret=hunter2").unwrap();
        assert_eq!(format!("{form:?}"), r#"{"client_secret"}"#);
    }
}
