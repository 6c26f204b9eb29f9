//! The gate as its callers and its APIs see it: over sockets, byte by byte.
#![expect(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::uninlined_format_args,
    reason = "helpers of tests may panic and take their time"
)]

mod api;
mod client;
mod dialects;
mod house;
mod sockets;

mod credentials;
mod forwarding;
mod headers;
mod limits;
mod paths;
mod streams;
mod streams_later;
mod upstream;
