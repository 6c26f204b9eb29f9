//! From path and method to a route.

use super::Visit;
use crate::front::{self, Refused, Target, method_word};
use http::{HeaderValue, Method};
use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::platform::{CompiledRoute, Params, Routed};
use mandate_core::refusal::Refusal;

/// The route of a request. An encoded path has to lead to the same one however it is read.
pub(crate) fn find<'a, 'p>(
    visit: Visit<'a>,
    method: &Method,
    target: &'p Target<'_>,
) -> Result<(&'a CompiledRoute, Params<'p>), Refused<'a>> {
    let route = |path| visit.site.snapshot.route(visit.host.surface, method.as_str(), path);
    let routed = route(target.path);
    if let Some(decoded) = &target.decoded
        && !same_place(&routed, &route(decoded))
    {
        let defect = "the path has an encoded character that makes it lead elsewhere";
        return Err(Refused::before_routing(front::malformed(defect)));
    }
    match routed {
        Routed::Route(_, route, params) => Ok((route, params)),
        Routed::OtherMethods(methods) => Err(other_methods(method, &methods)),
        Routed::Unknown => {
            let environments: Vec<&str> =
                visit.host.environments.iter().map(mandate_core::EnvironmentId::as_str).collect();
            let refusal =
                Refusal::anonymous(Cause::PathUnknown).with(FactName::HostEnvironments, environments);
            Err(Refused::before_routing(Box::new(refusal)))
        }
    }
}

fn same_place(one: &Routed<'_, '_>, other: &Routed<'_, '_>) -> bool {
    match (one, other) {
        (Routed::Route(a, ..), Routed::Route(b, ..)) => a == b,
        (Routed::OtherMethods(_), Routed::OtherMethods(_)) | (Routed::Unknown, Routed::Unknown) => true,
        _ => false,
    }
}

fn other_methods<'a>(method: &Method, methods: &[Box<str>]) -> Refused<'a> {
    let mut allowed: Vec<&str> = methods.iter().map(|m| &**m).collect();
    if allowed.contains(&"GET") && !allowed.contains(&"HEAD") {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let refusal = Refusal::anonymous(Cause::MethodUnknown)
        .with(FactName::Received, method_word(method))
        .with(FactName::Expected, allowed.as_str());
    Refused { allow: HeaderValue::try_from(allowed).ok(), ..Refused::before_routing(Box::new(refusal)) }
}

/// The account that the path names, as text.
pub(crate) fn named_account<'p>(route: &CompiledRoute, params: &Params<'p>) -> Option<&'p str> {
    let name = route.route.account_param.as_deref()?;
    params.iter().find(|(param, _)| **param == *name).map(|(_, value)| *value)
}
