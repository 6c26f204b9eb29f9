//! What a session is to be.

use crate::error::Error;
use crate::observer::Observer;
use crate::seams::{Clock, Millis, Random, Transport};
use crate::secret::Secret;
use crate::store::Store;
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// How a token is had.
#[derive(Clone, Debug)]
pub(crate) enum Grant {
    ClientCredentials,
    Code,
    Device,
    Refresh(Secret),
    Password { username: String, password: Secret },
    Keys(Vec<(HeaderName, HeaderValue)>),
    Given(Secret, Option<Millis>),
}

impl Grant {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Code => "authorization_code",
            Self::Device => "device",
            Self::Refresh(_) => "refresh_token",
            Self::Password { .. } => "password",
            Self::Keys(_) => "api_key",
            Self::Given(..) => "access_token",
        }
    }
    /// Whether the program can have it again by itself, without a refresh token.
    pub(crate) fn is_had_anew(&self) -> bool {
        matches!(self, Self::ClientCredentials | Self::Password { .. })
    }
}

/// How a client shows who it is (RFC 6749 section 2.3, RFC 7523).
#[derive(Clone, Debug)]
pub(crate) enum ClientAuth {
    None,
    /// As the metadata say, else by Basic.
    Usual(Secret),
    Basic(Secret),
    Post(Secret),
    #[cfg(feature = "crypto")]
    PrivateKeyJwt(Arc<crate::jwk::SigningKey>),
}

/// Where the issuer answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    /// Its name as the metadata say, or as given.
    pub(crate) issuer: Option<String>,
    pub(crate) token: Option<Url>,
    pub(crate) authorization: Option<Url>,
    pub(crate) device: Option<Url>,
    pub(crate) revocation: Option<Url>,
    pub(crate) pushed: Option<Url>,
    pub(crate) pushed_required: bool,
    /// The callback must name the issuer (RFC 9207).
    pub(crate) iss_announced: bool,
    /// The metadata name `client_secret_post` and not `client_secret_basic`.
    pub(crate) secret_in_body: bool,
}

/// All settings of one session, checked.
pub(crate) struct Settings {
    pub(crate) grant: Grant,
    pub(crate) client_id: String,
    pub(crate) auth: ClientAuth,
    #[cfg_attr(not(feature = "crypto"), expect(dead_code, reason = "nothing is signed"))]
    pub(crate) assertion_audience: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) extra: Vec<(String, String)>,
    /// Further parameters of authorization requests.
    pub(crate) authorize: Vec<(String, String)>,
    pub(crate) issuer: Option<Url>,
    /// Issuer or token endpoint as it was given, for the owner of the stored file.
    pub(crate) place: String,
    pub(crate) given: Endpoints,
    pub(crate) dpop: bool,
    pub(crate) pushed: bool,
    pub(crate) patience: Duration,
    pub(crate) timeout: Duration,
    pub(crate) origins: Option<Vec<url::Origin>>,
    pub(crate) insecure_http: bool,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("grant", &self.grant.name())
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Whose tokens these are, for the store: another client's file is not taken for ours.
    pub(crate) fn owner(&self) -> String {
        let username = match &self.grant {
            Grant::Password { username, .. } => username.as_str(),
            _ => "",
        };
        let mut scope: Vec<&str> = self.scope.as_deref().unwrap_or("").split_whitespace().collect();
        scope.sort_unstable();
        let mut resources: Vec<&str> = self.resources.iter().map(String::as_str).collect();
        resources.sort_unstable();
        let text = [
            self.place.as_str(),
            &self.client_id,
            self.grant.name(),
            username,
            &scope.join(" "),
            &resources.join(" "),
        ]
        .join("\n");
        crate::encoding::hex(&Sha256::digest(text.as_bytes()))
    }

    /// Whether a token may go there: `https`, loopback, or as set; and an origin of the list, where there is one.
    pub(crate) fn admits(&self, url: &Url) -> Result<(), Error> {
        if !is_private(url) && !self.insecure_http {
            return Err(Error::misconfigured(format!(
                "{} is not https: a token would travel in plain text. `insecure_http` allows it",
                origin_text(url)
            )));
        }
        match &self.origins {
            Some(origins) if !origins.contains(&url.origin()) => Err(Error::misconfigured(format!(
                "{} is not among the origins that tokens may be sent to",
                origin_text(url)
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether nobody on the way can read: `https`, or an address of this very machine.
pub(crate) fn is_private(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(ip))) => ip.is_loopback(),
        ("http", Some(Host::Ipv6(ip))) => ip.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        _ => false,
    }
}

/// Scheme, host and port: nothing of an address that could be secret.
pub(crate) fn origin_text(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use crate::Session;

    /// The text that three languages digest: a file of one is the file of all.
    #[test]
    fn the_owner_is_the_same_in_three_languages() {
        let builder = Session::client_credentials("app", "secret")
            .token_endpoint("https://issuer.example/token")
            .scope("write read")
            .transport(crate::core::tests::Never);
        let owner = builder.build().unwrap().inner.owner.clone();
        assert_eq!(owner, "564e8affa87c50a6ddf27b00e9abb678787aa0e8deb3800a08eeff4eeb23c714");
    }

    #[test]
    fn tokens_go_over_https_and_to_this_machine_alone() {
        let private = |url: &str| super::is_private(&url::Url::parse(url).unwrap());
        for good in ["https://a.example", "http://127.0.0.1:1/", "http://[::1]/", "http://localhost:8080/"] {
            assert!(private(good), "{good}");
        }
        for bad in
            ["http://a.example", "http://127.0.0.1.example", "ftp://127.0.0.1/", "http://localhost.example/"]
        {
            assert!(!private(bad), "{bad}");
        }
    }
}
