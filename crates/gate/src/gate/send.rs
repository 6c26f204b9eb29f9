//! Sending an allowed request on, and what is said when that fails.

use super::{Gate, Visit};
use crate::body::GateBody;
use crate::forward::{Ask, Fault, Outbound, Sent, Theirs, Upload, Via, exchange, write_head};
use crate::front::Refused;
use crate::site::{Upstream, base};
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use mandate_core::disclosure::FactName;
use mandate_core::model::{Account, GrantedBy, KeyHolder};
use mandate_core::platform::CompiledRoute;
use mandate_core::policy::{Permit, Principal, Spent};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, ScopeSet};
use mandate_wire::body;
use mandate_wire::identity::Said;
use std::sync::Arc;

/// A request that is to be forwarded.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a Method,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: HeaderMap,
    /// Present until somebody has taken it.
    pub(super) body: Option<Incoming>,
}

impl Gate {
    /// Sends a request to the API of this host.
    pub(super) async fn forward(
        &self,
        visit: Visit<'_>,
        outgoing: Outgoing<'_>,
        caller: Option<Caller<'_>>,
    ) -> Result<Response<GateBody>, Fault> {
        let Outgoing { method, target, headers, body } = outgoing;
        let body = body.ok_or(Fault::Unreachable)?;
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
        let via = Via {
            upstream,
            begun: visit.started,
            clock: &self.clock,
            limits: &self.limits,
            metrics: &self.metrics,
        };
        let head = |out: &mut Vec<u8>, headers: &HeaderMap| {
            let outbound = Outbound {
                method,
                target,
                headers: Theirs::Received(headers),
                authority: &upstream.0.authority,
                base: base(visit.host),
                peer: visit.peer,
                id: visit.id,
                body: sent,
            };
            write_head(out, &outbound, |out| {
                if let Some(caller) = caller {
                    caller.sign(out, visit, upstream, method, target);
                }
            });
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
            Fault::TooLarge => {
                body::too_large(usize::try_from(self.limits.request_body).unwrap_or(usize::MAX))
            }
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

/// Who is calling, as the API is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    kind: &'a str,
    sub: &'a str,
    env: &'a str,
    client: &'a str,
    grant: &'a str,
    scope: Option<&'a ScopeSet>,
}

impl<'a> Caller<'a> {
    /// The caller of a request that has been paid for.
    pub(crate) fn of(visit: Visit<'a>, spent: &Spent<'a>) -> Self {
        Self::told(visit, spent.principal(), spent.account())
    }

    /// The caller of something that was paid for when it began, and has been allowed again now.
    pub(crate) fn again(visit: Visit<'a>, permit: &Permit<'a>) -> Self {
        Self::told(visit, permit.principal(), permit.account())
    }

    fn told(visit: Visit<'a>, principal: &'a Principal, account: Option<&'a Arc<Account>>) -> Self {
        let env = match (&*visit.host.environments, account) {
            // What was allowed here belongs here.
            ([only], _) => only.as_str(),
            (_, Some(account)) => account.environment.as_str(),
            (_, None) => "",
        };
        let key = |kind, sub| Self { kind, sub, env, client: "", grant: "", scope: None };
        match principal {
            Principal::Key(facts) => match &facts.key.holder {
                KeyHolder::Account(account) => key("key", account.as_str()),
                KeyHolder::Partner(partner) => key("partner", partner.as_str()),
            },
            Principal::Token(facts) => Self {
                kind: if facts.grant.granted_by == GrantedBy::Client { "client" } else { "token" },
                sub: account.map_or("", |a| a.id.as_str()),
                env,
                client: facts.client.id.as_str(),
                grant: facts.grant.id.as_str(),
                scope: Some(&facts.token.scopes),
            },
        }
    }

    /// Writes the signed header's value, good for this one request.
    pub(crate) fn sign(
        self,
        out: &mut Vec<u8>,
        visit: Visit<'_>,
        upstream: &Upstream,
        method: &Method,
        target: &str,
    ) {
        let Self { kind, sub, env, client, grant, scope } = self;
        let iss = &*visit.site.snapshot.platform.issuer;
        let (htm, aud) = (method.as_str(), upstream.name());
        let said = Said { iss, aud, sub, kind, env, client, grant, scope, htm, htu: target, at: visit.now };
        visit.site.identity.sign_into(out, &said);
    }
}
