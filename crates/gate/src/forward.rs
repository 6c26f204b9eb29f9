//! The way to the API and back: connections that are kept, heads written and read strictly, bodies that stream.
//!
//! Our own HTTP/1.1 client, because an authorizing proxy may cost hardly more than a plain one: it is driven by the
//! task that waits for it, so that a request needs no second task, no channel and no copy of its headers.

mod alarm;
mod burst;
mod chunked;
mod conn;
mod exchange;
mod pool;
mod relay;
mod request;
mod response;

pub(crate) use exchange::{Ask, Fault, Upload, Via, exchange};
pub(crate) use pool::Pool;
pub(crate) use relay::Relay;
pub(crate) use request::{Outbound, Sent, Theirs, write_head, write_theirs};
