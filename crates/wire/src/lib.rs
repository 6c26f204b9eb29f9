//! Bytes to types and back: forms, JSON bodies, credentials in headers, platform files, records of decisions, and
//! the dialects in which refusals are said. No I/O, and no rules but those of signed formats (`jose`).

pub mod body;
pub mod certificate;
pub mod claims_request;
pub mod credential;
pub mod decision;
pub mod dialect;
pub mod explain;
pub mod form;
pub mod identity;
pub mod jose;
pub mod json;
pub mod msgpack;
pub mod object;
pub mod outbound;
pub mod platform_file;
pub mod refresh_token;
pub mod seal;
pub mod stream;
pub mod ticket;

pub use decision::{Place, Recorder};
