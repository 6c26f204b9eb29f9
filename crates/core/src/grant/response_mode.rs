//! How the answer to an authorization request travels back to the app: in the query of a redirect, or in a form that the
//! browser posts (OAuth 2.0 Form Post Response Mode); plain, or as one signed text (JARM).

/// What carries the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// The redirect URI's query.
    #[default]
    Query,
    /// The body of a post to the redirect URI.
    FormPost,
    /// The redirect URI's fragment: tokens alone travel there (RFC 6749 section 4.2.2).
    Fragment,
}

/// What an authorization request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseType {
    /// An authorization code.
    #[default]
    Code,
    /// An access token, at once (RFC 6749 section 4.2).
    Token,
}

/// A mode that is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseMode {
    /// What carries it.
    pub carrier: Carrier,
    /// Whether it is signed (JARM section 2.3).
    pub signed: bool,
}

impl ResponseMode {
    /// The words that are taken, in the order of documents.
    pub const WORDS: [&str; 5] = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"];

    /// How tokens travel.
    pub const OF_TOKENS: Self = Self { carrier: Carrier::Fragment, signed: false };

    /// The mode of a request for a token.
    ///
    /// # Errors
    /// The mode is not the one there is: says why.
    pub fn of_token(word: Option<&str>) -> Result<Self, &'static str> {
        match word {
            None | Some("fragment") => Ok(Self::OF_TOKENS),
            Some(_) => Err("a token travels in the fragment only"),
        }
    }

    /// The mode that a request asks for; `query` where it asks for none. `jwt` is what codes travel in by default: the
    /// query (JARM section 2.3.4).
    ///
    /// # Errors
    /// The mode is not offered, or not for this redirect URI: says why.
    pub fn read(word: Option<&str>, redirect_uri: &str) -> Result<Self, &'static str> {
        let (carrier, signed) = match word {
            None | Some("query") => (Carrier::Query, false),
            Some("jwt" | "query.jwt") => (Carrier::Query, true),
            Some("form_post") => (Carrier::FormPost, false),
            Some("form_post.jwt") => (Carrier::FormPost, true),
            // Scripts and histories read fragments; a code has no business there.
            Some("fragment" | "fragment.jwt") => return Err("nothing travels in fragments here"),
            Some(_) => return Err("there is no such mode"),
        };
        let is_web = ["https://", "http://"].iter().any(|scheme| redirect_uri.starts_with(scheme));
        if carrier == Carrier::FormPost && !is_web {
            return Err("forms are posted to web addresses only");
        }
        Ok(Self { carrier, signed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "https://rp.example.test/cb";

    #[test]
    fn every_word_is_read() {
        for word in ResponseMode::WORDS {
            let mode = ResponseMode::read(Some(word), WEB).unwrap();
            assert_eq!(mode.signed, word.ends_with("jwt"), "{word}");
            assert_eq!(mode.carrier == Carrier::FormPost, word.starts_with("form_post"), "{word}");
        }
        assert_eq!(ResponseMode::read(None, WEB), Ok(ResponseMode::default()));
    }

    #[test]
    fn fragments_and_unknown_words_are_refused() {
        for word in ["fragment", "fragment.jwt", "web_message", "Query", "query jwt", ""] {
            assert!(ResponseMode::read(Some(word), WEB).is_err(), "{word}");
        }
    }

    #[test]
    fn tokens_travel_in_fragments_only() {
        for word in [None, Some("fragment")] {
            assert_eq!(ResponseMode::of_token(word), Ok(ResponseMode::OF_TOKENS));
        }
        for word in ResponseMode::WORDS {
            assert!(ResponseMode::of_token(Some(word)).is_err(), "{word}");
        }
    }

    #[test]
    fn forms_are_posted_to_web_addresses_only() {
        for word in ["form_post", "form_post.jwt"] {
            assert!(ResponseMode::read(Some(word), "com.example.app:/cb").is_err(), "{word}");
            assert!(ResponseMode::read(Some(word), "http://127.0.0.1:9/cb").is_ok(), "{word}");
        }
        assert!(ResponseMode::read(Some("jwt"), "com.example.app:/cb").is_ok());
    }
}
