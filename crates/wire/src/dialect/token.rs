//! What token endpoints take and give, as data: one endpoint of the issuer serves every dialect.

use crate::body::{demand_content_type, is_json};
use crate::form::Form;
use http::HeaderMap;
use mandate_core::refusal::Refusal;
use mandate_core::settings::GrantType;

/// What a token endpoint takes and gives.
#[derive(Debug)]
pub struct TokenRules {
    /// Encodings of the body.
    pub bodies: &'static [Encoding],
    /// Where clients say who they are.
    pub client: ClientShown,
    /// Grant types that are offered at all; a client's registration narrows them.
    pub grants: &'static [GrantType],
    /// The shape of access tokens.
    pub access: AccessText,
}

impl TokenRules {
    /// The parameters of a request's body.
    ///
    /// # Errors
    /// An encoding that is not taken here, or a body that cannot be read.
    pub fn form(&self, headers: &HeaderMap, body: &[u8]) -> Result<Form, Box<Refusal>> {
        match self.bodies {
            [Encoding::Json] => {
                demand_content_type(headers, "application/json")?;
                Form::of_json(body)
            }
            bodies if bodies.contains(&Encoding::Json) && is_json(headers) => Form::of_json(body),
            _ => {
                demand_content_type(headers, "application/x-www-form-urlencoded")?;
                Form::parse(body)
            }
        }
    }
}

/// The encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded` (RFC 6749 section 3.2).
    Form,
    /// `application/json`: one flat object.
    Json,
}

/// Where clients say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientShown {
    /// As they are registered, one way only (RFC 6749 section 2.3).
    AsRegistered,
    /// In the body; an `Authorization` header is not looked at.
    InBody,
    /// In the body, by HTTP Basic, or the same in both; a secret that is empty is none. A Bearer token is not looked at.
    InBodyOrBasic,
}

/// The shape of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessText {
    /// As the client's registration says.
    AsRegistered,
    /// Signed (RFC 9068), always.
    Signed,
    /// Opaque: 40 hexadecimal digits, 160 random bits.
    Hex,
}

/// What was given (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct TokenAnswer<'a> {
    /// The access token.
    pub access_token: &'a str,
    /// `Bearer` or `DPoP`.
    pub token_type: Option<&'static str>,
    /// Seconds that it lives.
    pub expires_in: Option<u32>,
    /// What it is for.
    pub scope: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<&'a str>,
    /// The ID token (OpenID Connect Core section 3.1.3.3).
    pub id_token: Option<&'a str>,
}
