//! Streams: what is said on a websocket around the API's own messages. A protocol is a state machine over whole
//! messages. It reads logins and subscriptions, says greetings and refusals, and decides nothing: who may open a stream
//! and subscribe to what is judged as for requests, and the gate holds the connections.

mod handshake;
mod told;

#[cfg(test)]
pub(crate) mod samples;

pub use handshake::{accept_key, is_key, key};
pub use told::{Told, close_reason};

use crate::credential::Presented;
use http::HeaderMap;
use mandate_core::refusal::{Decision, Refusal};
use std::fmt;
use std::time::Duration;

/// A message as it came: whole, however it was fragmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Text (RFC 6455 section 5.6).
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// Its bytes, whatever it is.
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What holds for every stream of a protocol.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Subprotocols that it goes by (RFC 6455 section 1.9); none: it has no name on the wire.
    pub subprotocols: &'static [&'static str],
    /// The login must have come after so long.
    pub login_within: Duration,
    /// Largest message before the login, in bytes.
    pub largest_login: usize,
    /// The credential may stand in the headers of the request that opens the stream.
    pub header_credentials: bool,
    /// So many may be open at once for one account and path, unless the platform file says otherwise.
    pub connections: Option<u32>,
    /// Who says something first once the stream is signed in on.
    pub first_word: FirstWord,
}

/// Which side of a stream that is signed in on speaks first. With it a protocol says whether its API has to be there
/// from the login on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstWord {
    /// The client: the API answers what it is asked, and says nothing before that. Its end is opened when the first
    /// message is for it.
    Clients,
    /// The API may, whether or not it was asked for something. Its end is opened before the login is accepted.
    Apis,
}

/// What the request that opens a stream says beside its credential.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// One of a dialect's stream protocols.
pub trait StreamDialect: Send + Sync + fmt::Debug {
    /// Its word in platform files.
    fn word(&self) -> &'static str;
    /// What holds for every stream of it.
    fn terms(&self) -> &'static Terms;
    /// Begins a conversation with one client.
    fn begin(&self, opening: Opening<'_>) -> Box<dyn Conversation>;
}

/// What a message before the login is.
#[derive(Debug)]
pub enum Before {
    /// A login with this credential.
    Login(Presented),
    /// Something that takes an answer and needs no login.
    Answer(Vec<Message>),
    /// Nothing that may come before a login, or a login that cannot be read.
    Refuse(Box<Refusal>),
}

/// What a message after the login is.
#[derive(Debug)]
pub enum After {
    /// For the API, as it came.
    Forward,
    /// For the API, if each of these channels is allowed.
    Subscribe(Vec<Box<str>>),
    /// Another login, with a newer credential.
    Login(Presented),
    /// Something that is answered here.
    Answer(Vec<Message>),
    /// A sign of life, or the wish for one: for the API, as it came. Where the API's end is not open there is nobody
    /// to ask, and this is the answer.
    Sign(Vec<Message>),
    /// The client leaves.
    Leave,
    /// Nothing that may be sent here.
    Refuse(Box<Refusal>),
}

/// At which point something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// At the login.
    Login,
    /// At another login on the same stream.
    LoginAgain,
    /// At a message after the login; the stream goes on.
    Message,
    /// The stream ends, whatever the client did last.
    End,
}

/// One stream's side of the protocol.
pub trait Conversation: Send + fmt::Debug {
    /// What is said first.
    fn greeting(&mut self) -> Vec<Message> {
        Vec::new()
    }
    /// Reads a message that comes before the login.
    fn before(&mut self, frame: Frame<'_>) -> Before;
    /// Reads a message that comes after it.
    fn after(&mut self, frame: Frame<'_>) -> After;
    /// What is said to a login that is accepted; `again`: it is not the first one.
    fn admitted(&mut self, again: bool) -> Vec<Message>;
    /// What is said when something is refused. Where the stream ends with it, the close frame comes by itself.
    fn refused(&mut self, stage: Stage, decision: &Decision, issuer: &str) -> Vec<Message>;
}
