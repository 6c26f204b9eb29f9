//! The rules of a session, without input or output: what is held, when it is renewed, what an answer means.

pub(crate) mod answer;
pub(crate) mod backoff;
pub(crate) mod fresh;
pub(crate) mod held;
pub(crate) mod machine;
pub(crate) mod skew;
pub(crate) mod state;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod windows;
