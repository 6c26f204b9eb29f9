#![doc = include_str!("../README.md")]

mod ask;
mod builder;
mod call;
mod cause;
mod causes;
mod core;
mod dpop;
mod encoding;
mod error;
mod flight;
mod inner;
#[cfg(feature = "crypto")]
mod jwk;
mod keeping;
mod login;
mod logout;
mod observer;
#[cfg(feature = "reqwest")]
mod over_reqwest;
mod refusal;
mod renewals;
mod seams;
mod secret;
mod session;
mod settings;
pub mod store;
mod system;

pub use builder::Builder;
pub use call::{Authorized, Next};
pub use causes::Cause;
pub use core::state::{Reason, State, WhoCanAct};
pub use error::{Error, NeedsLogin, Unavailable};
pub use login::{CodeLogin, DeviceLogin};
pub use observer::{Event, Observer};
#[cfg(feature = "reqwest")]
pub use over_reqwest::{CallError, Client, ReqwestTransport};
pub use refusal::{Refusal, Refused, RefusedKind};
pub use renewals::Renewals;
pub use seams::{BoxFuture, Clock, Millis, Random, Transport, TransportError};
pub use secret::Secret;
pub use session::{Session, Token};
pub use store::FileStore;
pub use system::{SystemClock, SystemRandom};
