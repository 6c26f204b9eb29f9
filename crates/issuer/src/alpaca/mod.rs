//! Alpaca's token surfaces: Connect (`/oauth/token`) and Broker OAuth (`/v1/oauth/…`).

pub(crate) mod broker;
pub(crate) mod connect;
mod mint;
