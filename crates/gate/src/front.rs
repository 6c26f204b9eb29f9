//! What a request must look like before anything is asked about its sender.

mod intake;
mod path;
mod refused;

pub(crate) use intake::{check_head, malformed, method_word};
pub(crate) use path::{Target, read};
pub(crate) use refused::Refused;
