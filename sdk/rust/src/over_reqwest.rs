//! Over reqwest: a transport, and a client that authorizes, renews and repeats.

mod client;
mod proxies;
mod transport;

pub use client::{CallError, Client};
pub use transport::ReqwestTransport;
