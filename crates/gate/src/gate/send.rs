//! Sending an allowed request on, and what is said when that fails.

use super::{Gate, Visit};
use crate::body::GateBody;
use crate::forward::{Ask, Fault, Outbound, Sent, Upload, Via, exchange, write_head};
use crate::front::Refused;
use crate::site::base;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::model::KeyHolder;
use mandate_core::platform::CompiledRoute;
use mandate_core::policy::{Principal, Spent};
use mandate_core::refusal::Refusal;
use mandate_wire::body;
use mandate_wire::identity::{Claims, LIFETIME_S};

/// A request that is to be forwarded.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a Method,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
}

impl Gate {
    /// Sends a request to the API of this host.
    pub(super) async fn forward(
        &self,
        visit: Visit<'_>,
        outgoing: Outgoing<'_>,
        identity: &str,
    ) -> Result<Response<GateBody>, Fault> {
        let Outgoing { method, target, headers, body } = outgoing;
        let upstream = visit.site.upstream.as_ref().ok_or(Fault::Unreachable)?;
        let sent = framing(method, &headers, &body);
        if matches!(sent, Sent::Length(length) if length > self.limits.request_body) {
            return Err(Fault::TooLarge);
        }
        let upload = (!body.is_end_stream()).then(|| Upload {
            body,
            chunked: sent == Sent::Chunked,
            allowed: self.limits.request_body,
        });
        let ask = Ask { upload, to_head: method == Method::HEAD, idempotent: method.is_idempotent() };
        let via = Via { upstream, clock: &self.clock, limits: &self.limits, metrics: &self.metrics };
        let head = |out: &mut Vec<u8>, headers: &HeaderMap| {
            let outbound = Outbound {
                method,
                target,
                headers,
                authority: &upstream.0.authority,
                base: base(visit.host),
                peer: visit.peer,
                id: visit.id,
                identity,
                body: sent,
            };
            write_head(out, &outbound);
        };
        exchange(via, ask, headers, head).await
    }

    /// What is said when the API could not be asked, or did not answer.
    pub(super) fn unserved<'a>(
        &self,
        visit: Visit<'a>,
        route: &'a CompiledRoute,
        method: &Method,
        fault: Fault,
        spent: Option<&Spent<'_>>,
    ) -> Refused<'a> {
        let contact = &*visit.site.snapshot.platform.contact;
        let refusal = match fault {
            Fault::TooLarge => body::too_large(usize::try_from(self.limits.request_body).unwrap_or(usize::MAX)),
            Fault::SenderGone => body::malformed(body::Fault::BrokenOff, "the whole body"),
            Fault::Unreachable | Fault::Slow | Fault::Closed | Fault::Unusable(_) => {
                let upstream = visit.site.upstream.as_ref().map_or("none", |u| u.name());
                tracing::warn!(upstream, route = %route.route.path, ?fault, "the API did not answer");
                Box::new(match spent {
                    Some(spent) => spent.unanswered(contact),
                    None => Refusal::anonymous(Cause::UpstreamUnavailable).with(FactName::Contact, contact),
                })
            }
        };
        // Clients of this family repeat a request that got 504, so it is said only where that does no harm.
        let status = (fault == Fault::Slow && method.is_safe()).then_some(StatusCode::GATEWAY_TIMEOUT);
        Refused { status, ..Refused::on(route, refusal).within(spent.map(|s| s.budget)) }
    }
}

/// How the body is framed on the way to the API: by its length if that is known.
fn framing(method: &Method, headers: &HeaderMap, body: &Incoming) -> Sent {
    if !body.is_end_stream() {
        return body.size_hint().exact().map_or(Sent::Chunked, Sent::Length);
    }
    let expected = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if expected || headers.contains_key(header::CONTENT_LENGTH) { Sent::Length(0) } else { Sent::None }
}

/// The caller's identity, signed for this one request.
pub(super) fn identity(visit: Visit<'_>, outgoing: &Outgoing<'_>, spent: &Spent<'_>) -> String {
    let empty = String::new;
    let account = spent.account();
    let of_host = || match &*visit.host.environments {
        [only] => only.to_string(),
        _ => String::new(),
    };
    let (kind, sub, client, grant, scope) = match spent.principal() {
        Principal::Key(facts) => match &facts.key.holder {
            KeyHolder::Account(account) => ("key", account.to_string(), empty(), empty(), empty()),
            KeyHolder::Partner(partner) => ("partner", partner.to_string(), empty(), empty(), empty()),
        },
        Principal::Token(facts) => (
            "token",
            account.map_or_else(empty, |a| a.id.to_string()),
            facts.client.id.to_string(),
            facts.grant.id.to_string(),
            facts.token.scopes.to_string(),
        ),
    };
    let at = visit.now.seconds();
    visit.site.identity.sign(&Claims {
        iss: visit.site.snapshot.platform.issuer.to_string(),
        aud: visit.site.upstream.as_ref().map_or_else(empty, |u| u.name().to_owned()),
        sub,
        kind: kind.to_owned(),
        env: account.map_or_else(of_host, |a| a.environment.to_string()),
        client,
        grant,
        scope,
        htm: outgoing.method.as_str().to_owned(),
        htu: outgoing.target.to_owned(),
        iat: at,
        exp: at + LIFETIME_S,
    })
}
