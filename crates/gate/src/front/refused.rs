//! A refusal on its way out.

use http::{HeaderValue, StatusCode};
use mandate_core::limit::Budget;
use mandate_core::platform::CompiledRoute;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Class};

use crate::metrics::Outcome;

/// A refusal with what the answer needs beside it.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) refusal: Box<Refusal>,
    /// The route, if one was found.
    pub(crate) route: Option<&'a CompiledRoute>,
    /// The budget of a proven principal.
    pub(crate) budget: Option<Budget>,
    /// Methods that the path takes.
    pub(crate) allow: Option<HeaderValue>,
    /// A status other than the surface's own.
    pub(crate) status: Option<StatusCode>,
}

impl<'a> Refused<'a> {
    /// A refusal of a request that led to no route.
    pub(crate) fn before_routing(refusal: Box<Refusal>) -> Self {
        Self { refusal, route: None, budget: None, allow: None, status: None }
    }
    /// A refusal on a route.
    pub(crate) fn on(route: &'a CompiledRoute, refusal: Box<Refusal>) -> Self {
        Self { route: Some(route), ..Self::before_routing(refusal) }
    }
    /// With the budget of the principal.
    pub(crate) fn within(mut self, budget: Option<Budget>) -> Self {
        self.budget = budget;
        self
    }

    /// What to count it as.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.refusal.cause {
            Cause::AttemptsThrottled => return Outcome::Throttled,
            Cause::StorageUnavailable => return Outcome::FactsUnavailable,
            _ => {}
        }
        match self.refusal.cause.class() {
            Class::RateLimited => Outcome::RateLimited,
            Class::NotFound | Class::MethodNotAllowed | Class::HostUnknown => Outcome::Unrouted,
            Class::RequestMalformed | Class::RequestTooLarge | Class::ContentTypeWrong => Outcome::Malformed,
            Class::UpstreamUnavailable => Outcome::UpstreamFailed,
            Class::ServerFault => Outcome::Internal,
            _ if self.refusal.proof.is_some() => Outcome::RefusedProven,
            _ => Outcome::RefusedAnonymous,
        }
    }
}
