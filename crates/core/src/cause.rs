//! The closed catalogue of causes of refusal (DESIGN D2): a class says how surfaces answer, a cause says what
//! happened. Every text a person reads about a refusal is made from the entries here.

mod catalogue;
mod entry;
mod look_up;

pub use catalogue::Cause;
pub use entry::{Class, Entry, OAuthError, Who};
