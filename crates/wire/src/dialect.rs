//! Dialects: how the requests and answers of a family of APIs look. A dialect renders and never decides: deleting one
//! loses words, not a rule. A new one is a folder here; nothing in core, issuer or gate knows it.

pub mod alpaca;
mod answer;
mod list;
pub mod lseg;
pub mod olx;
pub mod rfc;
mod token;

pub use answer::{CAUSE, DECISION, header, json_answer, json_text};
pub use list::Dialects;
pub use token::{AccessText, ClientShown, Encoding, TokenAnswer, TokenRules};

use crate::credential::{self, Presented};
use crate::stream::StreamDialect;
use bytes::Bytes;
use http::{HeaderMap, Response};
use mandate_core::Cause;
use mandate_core::platform::{self, Surface};
use mandate_core::refusal::{Decision, Refusal};
use std::fmt::Debug;

/// What a surface says to a class of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// The vendor's number.
    pub code: u32,
}

/// One dialect. Those methods that have a default say what the RFCs say.
pub trait Dialect: Sync + Debug {
    /// What it says of itself.
    fn dialect(&self) -> platform::Dialect;

    /// A refusal in the words of one of its surfaces.
    fn refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes>;

    /// A refusal by an endpoint of the issuer that stands on one of its surfaces: in the words of that surface, unless an
    /// API stands beside it that has other words.
    fn endpoint_refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        self.refusal(surface, decision, issuer)
    }

    /// A refusal by an endpoint of the issuer that is itself a protected resource (OpenID Connect Core section 5.3.3): in
    /// the words of the APIs.
    fn resource_refusal(&self, decision: &Decision, issuer: &str) -> Response<Bytes> {
        self.refusal(self.dialect().data().usual, decision, issuer)
    }

    /// The one cause that stands for this one on a surface whose protocol tells several ways to be refused in the same words
    /// (SECURITY R7). The record keeps the true one.
    fn merged(&self, _surface: Surface, _cause: Cause) -> Option<Cause> {
        None
    }

    /// The one credential of a request to an API (SECURITY R21).
    ///
    /// # Errors
    /// None, several, or one whose text is visibly damaged.
    fn credential(
        &self,
        _surface: Surface,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Presented, Box<Refusal>> {
        credential::of_api_request(headers, query)
    }

    /// What a request to an API must have beside its credential, before anything is identified.
    ///
    /// # Errors
    /// It is not there.
    fn admits(&self, _surface: Surface, _path: &str, _headers: &HeaderMap) -> Result<(), Box<Refusal>> {
        Ok(())
    }

    /// What the token endpoint at this path takes and gives; also the endpoints beside it that authenticate clients.
    fn token_rules(&self, _path: &str) -> &'static TokenRules {
        &rfc::TOKEN
    }

    /// What is spoken on its websockets.
    fn streams(&self) -> &'static [&'static dyn StreamDialect] {
        &[]
    }

    /// The answer of the token endpoint at this path.
    fn token_answer(&self, _path: &str, answer: &TokenAnswer<'_>) -> Response<Bytes> {
        rfc::token_answer(answer)
    }
}
