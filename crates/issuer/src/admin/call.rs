//! Who calls, and what a handler works with.

use super::Admin;
use super::body::Body;
use super::problem::Problem;
use super::query::Query;
use super::table::{Found, NodeOp, Op, Right};
use crate::{Issuer, Tenant};
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use mandate_core::model::{AdminRights, Administrator};
use mandate_core::platform::{Platform, Snapshot};
use mandate_core::{Cause, Entropy, Offset, OperationId, PlatformId, Secret, Timestamp, format};
use mandate_store::{Audit, Store};
use std::sync::Arc;

/// An administrator whose token is genuine and live.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Administrator);

impl Caller {
    /// The administrator whose bearer token this is. No other carrier counts (SECURITY R25).
    pub(super) async fn of(admin: &Admin, headers: &HeaderMap, now: Timestamp) -> Result<Self, Problem> {
        let token = bearer(headers)?;
        let found = admin.issuer.store.admin(&token.digest(), now).await?;
        found.map(Self).ok_or_else(|| {
            Problem::unauthorized(
                Cause::CredentialRejected,
                "this token is none of a live administrator: it is unknown, has ended, or was spent",
            )
            .hint("`mandate admin create` makes a new one, with the token of another administrator")
        })
    }

    /// A bootstrap token makes the first real administrator and nothing else (SECURITY R25).
    pub(super) fn demand_more_than_bootstrap(&self, op: Option<Op>) -> Result<(), Problem> {
        if self.0.rights != AdminRights::Bootstrap || op == Some(Op::Node(NodeOp::CreateAdmin)) {
            return Ok(());
        }
        Err(Problem::forbidden(
            "bootstrap_only",
            "a bootstrap token is good for one thing: making the first administrator",
        )
        .hint("POST /admin/v1/admins with {\"name\": …, \"rights\": \"write\"}, then use the token it answers with"))
    }

    /// Whether the token may do what the endpoint does.
    pub(super) fn demand(&self, right: Right) -> Result<(), Problem> {
        match (self.0.rights, right) {
            (AdminRights::Write | AdminRights::Bootstrap, _) | (AdminRights::Read, Right::Read) => Ok(()),
            (AdminRights::Read, Right::Write) => Err(Problem::forbidden(
                "insufficient_scope",
                format!("the administrator `{}` may look and not change", self.0.id),
            )
            .hint("use the token of an administrator with `write` rights")),
        }
    }

    /// Whether the token may touch the platform.
    pub(super) fn reaches(&self, platform: &PlatformId) -> bool {
        self.0.platform.as_ref().is_none_or(|own| own == platform)
    }
}

/// RFC 6750 section 2.1, exactly once.
fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = sent.next() else {
        return Err(Problem::unauthorized(
            Cause::CredentialMissing,
            "the admin API takes `Authorization: Bearer` with an administrator's token",
        ));
    };
    if sent.next().is_some() {
        return Err(Problem::unauthorized(Cause::CredentialAmbiguous, "`Authorization` was sent twice"));
    }
    let token = first.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        let token = token.trim();
        let fine = scheme.eq_ignore_ascii_case("bearer")
            && !token.is_empty()
            && !token.contains(char::is_whitespace);
        fine.then(|| Secret::new(token))
    });
    token.ok_or_else(|| {
        Problem::unauthorized(
            Cause::CredentialMalformed,
            "`Authorization` has to be `Bearer`, one space, and an administrator's token; nothing else is taken here",
        )
    })
}

/// A request whose administrator, endpoint, query and body are known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) admin: &'a Admin,
    pub(super) caller: &'a Caller,
    pub(super) query: Query,
    pub(super) body: Body,
    pub(super) now: Timestamp,
    /// Every log entry up to here had been applied before anything was read (SECURITY R10).
    pub(super) offset: Offset,
    found: &'a Found,
}

impl<'a> Call<'a> {
    /// Checks query and body against the table.
    pub(super) fn new(
        admin: &'a Admin,
        caller: &'a Caller,
        found: &'a Found,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let (endpoint, bytes) = (found.endpoint, request.body());
        let query = Query::read(request.uri().query(), endpoint.query)?;
        if bytes.len() > endpoint.largest_body() {
            return Err(Problem::too_large(endpoint.largest_body()));
        }
        if !bytes.is_empty() && endpoint.body.is_some() {
            mandate_wire::body::demand_content_type(request.headers(), "application/json")
                .map_err(|_| Problem::content_type())?;
        }
        let body = Body::read(bytes, endpoint.body.unwrap_or(&[]))?;
        let offset = admin.issuer.cache.feed().applied();
        Ok(Self { admin, caller, query, body, now, offset, found })
    }

    /// The value of a placeholder of the path.
    pub(super) fn param(&self, name: &str) -> Result<&str, Problem> {
        let value = self.found.params.iter().find(|(n, _)| *n == name);
        value.map(|(_, v)| v.as_str()).ok_or_else(|| Problem::ours("a placeholder is not in the path"))
    }

    /// The platform in the path, if this node serves it and this administrator may touch it. Others look the same
    /// as unknown ones (SECURITY R18).
    pub(super) fn on_platform(&'a self) -> Result<On<'a>, Problem> {
        let id = PlatformId::new(self.param("platform")?);
        let tenant = self.reachable(&id).ok_or_else(|| self.no_platform(&id))?;
        Ok(On { call: self, tenant })
    }

    fn reachable(&self, id: &PlatformId) -> Option<Arc<Tenant>> {
        self.caller.reaches(id).then(|| self.admin.tenants.get(id)).flatten()
    }

    /// The platforms that this administrator may touch.
    pub(super) fn reachable_platforms(&self) -> Vec<Arc<Tenant>> {
        self.admin.tenants.ids().iter().filter_map(|id| self.reachable(id)).collect()
    }

    fn no_platform(&self, id: &PlatformId) -> Problem {
        let known: Vec<PlatformId> =
            self.reachable_platforms().iter().map(|t| t.snapshot.platform.id.clone()).collect();
        let problem = Problem::not_found(format!("there is no platform `{id}`")).field("platform");
        let words = || known.iter().map(PlatformId::as_str);
        match mandate_wire::platform_file::nearest(id.as_str(), words()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => problem.hint("there is none yet: apply a platform file first"),
            None => problem.hint(format!("there is {}", mandate_wire::platform_file::choice(words()))),
        }
    }

    /// The node.
    pub(super) fn issuer(&self) -> &Issuer {
        &self.admin.issuer
    }
    /// Storage.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.admin.issuer.store
    }
    /// Randomness.
    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.admin.issuer.entropy
    }

    /// An audit record of an act by this administrator, now.
    pub(super) fn audit(
        &self,
        platform: Option<&PlatformId>,
        action: &'static str,
        subject: String,
        detail: String,
    ) -> Audit {
        Audit {
            operation: OperationId::new(format::opaque("o", self.entropy())),
            platform: platform.cloned(),
            actor: format!("admin:{}", self.caller.0.id),
            action,
            subject,
            detail,
            at: self.now,
        }
    }
}

/// A call on one platform.
#[derive(Debug)]
pub(super) struct On<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) tenant: Arc<Tenant>,
}

impl On<'_> {
    /// The platform's compiled file.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.tenant.snapshot
    }
    /// The platform.
    pub(super) fn platform(&self) -> &Platform {
        &self.tenant.snapshot.platform
    }
    /// Its id.
    pub(super) fn id(&self) -> &PlatformId {
        &self.tenant.snapshot.platform.id
    }
    /// Storage.
    pub(super) fn store(&self) -> &dyn Store {
        self.call.store()
    }
    /// Randomness.
    pub(super) fn entropy(&self) -> &dyn Entropy {
        self.call.entropy()
    }
    /// The body.
    pub(super) fn body(&self) -> &Body {
        &self.call.body
    }
    /// The time of the call.
    pub(super) fn now(&self) -> Timestamp {
        self.call.now
    }
    /// An audit record of an act on this platform.
    pub(super) fn audit(&self, action: &'static str, subject: String, detail: String) -> Audit {
        self.call.audit(Some(self.id()), action, subject, detail)
    }

    /// There is no such thing on this platform.
    pub(super) fn none(&self, what: &str, id: &str) -> Problem {
        Problem::not_found(format!("there is no {what} `{id}` on the platform `{}`", self.id()))
    }

    /// A name that the platform file has to define.
    pub(super) fn defined<'n>(
        &self,
        field: &str,
        what: &str,
        name: &'n str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), Problem> {
        if known.clone().any(|k| k == name) {
            return Ok(());
        }
        let problem = Problem::invalid(field, format!("the platform `{}` has no {what} `{name}`", self.id()));
        Err(match mandate_wire::platform_file::nearest(name, known.clone()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None if known.clone().next().is_none() => problem.hint(format!("its file defines no {what}")),
            None => problem.hint(format!("it has {}", mandate_wire::platform_file::choice(known))),
        })
    }
}
