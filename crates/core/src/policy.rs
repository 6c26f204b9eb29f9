//! Who may do what: identification of a presented credential, and the decision on a request. Pure functions.

mod decide;
mod denial;
mod identify;
#[cfg(test)]
mod tests;

pub use decide::{Allowance, Check, MeterKey, Permit, Request, Spent, decide, token_fault};
pub(crate) use denial::displaced_by;
pub use identify::{
    Identified, Principal, demand_usable, identify_client, identify_client_of_any, identify_key,
    identify_token,
};
pub(crate) use identify::{client_fault, developer};
