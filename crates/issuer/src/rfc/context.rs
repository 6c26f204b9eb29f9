//! What an authorization leaves behind for its tokens: carried by code and refresh chain as an opaque text.

use mandate_core::{UserId, must};
use serde::{Deserialize, Serialize};

/// Who authorized, when and for what.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Context {
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// `nonce` of the authorization request (OpenID Connect Core section 3.1.2.1); of the code only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    /// When the person signed in, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    /// The APIs that the tokens are for (RFC 8707); empty: all of the platform.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resource: Vec<String>,
    /// The browser session it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// Claims about the person that are to stand in ID tokens (OpenID Connect Core section 5.5), where their scope is held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<String>,
}

impl Context {
    /// The text to store.
    pub(crate) fn text(&self) -> String {
        // texts and a number: nothing in it can fail to be written
        serde_json::to_string(self).unwrap_or_default()
    }
    /// What was stored.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
    /// Without what belongs to the code alone.
    pub(crate) fn for_chain(&self) -> Self {
        let nonce = if must!("oidc-12.2-nonce") { None } else { self.nonce.clone() };
        let resource = if must!("rfc9700-4.14.2-resource") { self.resource.clone() } else { Vec::new() };
        let auth_time = self.auth_time.filter(|_| must!("oidc-12.2-auth-time"));
        Self { nonce, auth_time, resource, ..self.clone() }
    }
    /// Whether its tokens may be for this API (RFC 8707 section 2.2).
    pub(crate) fn reaches(&self, uri: &str) -> bool {
        self.resource.is_empty() || self.resource.iter().any(|granted| granted == uri)
    }
    /// The person.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.user.as_deref().map(UserId::new)
    }
}
