//! The endpoints over a real store, without sockets: one platform, one person, and apps as a test wants them.

mod about_tokens;
mod bank;
mod clients;
mod codes;
mod device;
mod keys;
mod metadata;
mod reply;
mod resources;
mod token;
mod userinfo;

use bank::{API, Bank, CALLBACK, CHALLENGE, ISSUER, OTHER_API, VERIFIER, app, basic};
use reply::Reply;
