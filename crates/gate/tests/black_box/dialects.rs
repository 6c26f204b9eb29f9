//! Dialects that the sample platform may have beside its own: the same one with another protocol on its streams.

use bytes::Bytes;
use http::Response;
use mandate_core::platform::{self, Surface};
use mandate_core::refusal::Decision;
use mandate_wire::dialect::{Dialect, alpaca, lseg};
use mandate_wire::stream::{Conversation, FirstWord, Opening, StreamDialect, Terms};
use std::sync::LazyLock;

/// Alpaca's, but what stands as `data` in the platform file is another protocol.
#[derive(Debug)]
pub(crate) struct With([&'static dyn StreamDialect; 1]);

/// Its own protocol, if its API spoke first.
pub(crate) static EARLY: With = With([&Early]);
/// A protocol where a client may log in again.
pub(crate) static RENEWED: With = With([&Renewed]);

impl Dialect for With {
    fn dialect(&self) -> platform::Dialect {
        alpaca::DIALECT
    }
    fn refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        alpaca::Alpaca.refusal(surface, decision, issuer)
    }
    fn streams(&self) -> &'static [&'static dyn StreamDialect] {
        if self.0[0].terms().first_word == FirstWord::Apis { &EARLY.0 } else { &RENEWED.0 }
    }
}

fn protocol(dialect: &dyn Dialect, word: &str) -> &'static dyn StreamDialect {
    dialect.streams().iter().copied().find(|p| p.word() == word).unwrap()
}

#[derive(Debug)]
struct Early;
static TERMS: LazyLock<Terms> =
    LazyLock::new(|| Terms { first_word: FirstWord::Apis, ..*protocol(&alpaca::Alpaca, "data").terms() });

impl StreamDialect for Early {
    fn word(&self) -> &'static str {
        "data"
    }
    fn terms(&self) -> &'static Terms {
        &TERMS
    }
    fn begin(&self, opening: Opening<'_>) -> Box<dyn Conversation> {
        protocol(&alpaca::Alpaca, "data").begin(opening)
    }
}

#[derive(Debug)]
struct Renewed;

impl StreamDialect for Renewed {
    fn word(&self) -> &'static str {
        "data"
    }
    fn terms(&self) -> &'static Terms {
        protocol(&lseg::Lseg, "tr_json2").terms()
    }
    fn begin(&self, opening: Opening<'_>) -> Box<dyn Conversation> {
        protocol(&lseg::Lseg, "tr_json2").begin(opening)
    }
}
