//! The rules of Mandate: who may do what with which credential, and why not.
//!
//! Nothing in this crate performs I/O, reads a clock, draws randomness or knows a wire format. Facts go in,
//! verdicts come out; `now` is always an argument. See `docs/ARCHITECTURE.md`.

pub mod binding;
pub mod cause;
pub mod certificate;
pub mod device;
pub mod disclosure;
pub mod fetched;
pub mod format;
pub mod grant;
pub mod id;
pub mod legacy;
pub mod limit;
pub mod log;
pub mod model;
pub mod must;
pub mod platform;
pub mod policy;
pub mod ports;
pub mod pushed;
pub mod refresh;
pub mod refusal;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod sign_out;
pub mod succession;
pub mod time;

pub use cause::{Cause, Class, Who};
pub use id::*;
pub use log::{LogEntry, Offset, Subject, SubjectKind};
pub use ports::{Clock, Entropy};
pub use scope::{Scope, ScopeSet};
pub use secret::{Digest, Secret};
pub use settings::ClientSettings;
pub use time::Timestamp;
