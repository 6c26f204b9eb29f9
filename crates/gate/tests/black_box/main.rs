//! The gate as its callers and its APIs see it: over sockets, byte by byte.

mod api;
mod client;
mod house;

mod credentials;
mod forwarding;
mod headers;
mod limits;
mod paths;
mod upstream;
