//! The endpoints over a real store, without sockets: one platform, one person, and apps as a test wants them.

mod about_tokens;
mod bank;
mod clients;
mod codes;
mod device;
mod key_clients;
mod keys;
mod machines;
mod metadata;
mod proofs;
mod reply;
mod resources;
mod signed_requests;
mod signed_tokens;
mod token;
mod userinfo;

use bank::{API, Bank, CALLBACK, CHALLENGE, ISSUER, OTHER_API, VERIFIER, app, basic};
use keys::ClientKey;
use reply::Reply;
