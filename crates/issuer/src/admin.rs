//! The admin API (`/admin/v1`): what operators and their scripts do to platforms, users, accounts, keys, clients and
//! grants. One table says which endpoints there are; the router and the `OpenAPI` document are both made from it.
//!
//! It takes a bearer token of an administrator and nothing else (SECURITY R25). A token for one platform touches that
//! platform only, and any other looks to it as if it did not exist. Every change leaves an audit record, in the
//! transaction of the change.

mod accounts;
mod administrators;
mod answer;
mod audit;
mod body;
mod call;
mod clients;
mod decisions;
mod grants;
mod keys;
pub mod mint;
mod openapi;
mod partners;
mod plan;
mod platforms;
mod problem;
mod query;
mod shapes;
mod signing_keys;
mod table;
#[cfg(test)]
mod tests;
mod users;
mod view;

pub use signing_keys::{KeyMaker, Making};

use crate::state::Pending;
use crate::{Issuer, Tenant};
use answer::Answer;
use bytes::Bytes;
use call::{Call, Caller, On};
use clients::Switch;
use http::{Method, Request, Response, StatusCode};
use mandate_core::PlatformId;
use mandate_core::model::Status;
use problem::Problem;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use table::{Found, NodeOp, Op, PlatformOp};

/// The platforms that this node serves right now.
pub trait Tenants: fmt::Debug + Send + Sync {
    /// One of them.
    fn get(&self, id: &PlatformId) -> Option<Arc<Tenant>>;
    /// All of them, in the order of their ids.
    fn ids(&self) -> Vec<PlatformId>;
    /// What keeps this node from serving a platform as its file says, in words: a port that is taken, for example.
    fn trouble(&self, _id: &PlatformId) -> Vec<String> {
        Vec::new()
    }
}

/// The revision of a platform's file that this node serves; 0: none.
pub type RevisionLive = Arc<dyn Fn(&PlatformId) -> u64 + Send + Sync>;

/// What the admin API works with.
#[derive(Clone)]
pub struct Admin {
    /// The node.
    pub issuer: Arc<Issuer>,
    /// Its platforms.
    pub tenants: Arc<dyn Tenants>,
    /// Decisions of this node that are not written yet.
    pub pending: Pending,
    /// What this node serves: an apply waits for it.
    pub revision_live: RevisionLive,
    /// Makes signing keys.
    pub keys: Arc<dyn KeyMaker>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

/// Largest body of any endpoint, in bytes; a listener need not read further.
pub const LARGEST: usize = table::LARGEST_FILE;

/// Answers a request to a path that begins with `/admin/v1`.
pub async fn handle(admin: &Admin, address: IpAddr, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    if path == openapi::PATH && request.method() == Method::GET {
        return openapi::answer();
    }
    let method = request.method().clone();
    match answer(admin, &request).await {
        Ok(answer) => answer.into_response(),
        Err(problem) => {
            if problem.status() == StatusCode::UNAUTHORIZED {
                tracing::warn!(from_this_machine = address.is_loopback(), %method, "admin API: no administrator");
            }
            problem.into_response()
        }
    }
}

async fn answer(admin: &Admin, request: &Request<Bytes>) -> Result<Answer, Problem> {
    let now = admin.issuer.clock.now();
    let caller = Caller::of(admin, request.headers(), now).await?;
    let found = table::find(request.method(), request.uri().path());
    caller.demand_more_than_bootstrap(found.as_ref().ok().map(Found::op))?;
    let found = found?;
    caller.demand(found.endpoint.right)?;
    let call = Call::new(admin, &caller, &found, request, now)?;
    dispatch(&call, found.endpoint.op).await
}

async fn dispatch(call: &Call<'_>, op: Op) -> Result<Answer, Problem> {
    match op {
        Op::Node(op) => on_node(call, op).await,
        Op::Platform(op) => on_platform(&call.on_platform()?, op).await,
    }
}

async fn on_node(call: &Call<'_>, op: NodeOp) -> Result<Answer, Problem> {
    match op {
        NodeOp::Me => Ok(administrators::me(call)),
        NodeOp::Platforms => Ok(platforms::list(call)),
        NodeOp::Plan => platforms::plan(call).await,
        NodeOp::Apply => platforms::apply(call).await,
        NodeOp::FindDecision => decisions::find(call).await,
        NodeOp::Audit => audit::list(call).await,
        NodeOp::Admins => administrators::list(call).await,
        NodeOp::CreateAdmin => administrators::create(call).await,
        NodeOp::EndAdmin => administrators::end(call).await,
    }
}

async fn on_platform(on: &On<'_>, op: PlatformOp) -> Result<Answer, Problem> {
    match op {
        PlatformOp::Show => Ok(platforms::show(on)),
        PlatformOp::File => platforms::file(on).await,
        PlatformOp::Counts => platforms::counts(on).await,
        PlatformOp::Users => users::list(on).await,
        PlatformOp::CreateUser => users::create(on).await,
        PlatformOp::SetPassword => users::password(on).await,
        PlatformOp::ChangeUser => users::change(on).await,
        PlatformOp::SignOns => users::sign_ons(on).await,
        PlatformOp::Accounts => accounts::list(on).await,
        PlatformOp::CreateAccount => accounts::create(on).await,
        PlatformOp::Account => accounts::show(on).await,
        PlatformOp::DisableAccount => accounts::switch(on, Status::Disabled).await,
        PlatformOp::EnableAccount => accounts::switch(on, Status::Active).await,
        PlatformOp::ResetAccount => accounts::reset(on).await,
        PlatformOp::Keys => keys::list(on).await,
        PlatformOp::CreateKey => keys::create(on).await,
        PlatformOp::ReplaceKey => keys::replace(on).await,
        PlatformOp::RevokeKey => keys::revoke(on).await,
        PlatformOp::Clients => clients::list(on).await,
        PlatformOp::CreateClient => clients::create(on).await,
        PlatformOp::Client => clients::show(on).await,
        PlatformOp::ChangeClient => clients::change(on).await,
        PlatformOp::AddSecret => clients::add_secret(on).await,
        PlatformOp::DisableClient => clients::switch(on, Switch::Off).await,
        PlatformOp::EnableClient => clients::switch(on, Switch::On).await,
        PlatformOp::ApproveLive => clients::switch(on, Switch::LiveApproved).await,
        PlatformOp::WithdrawLive => clients::switch(on, Switch::LiveWithdrawn).await,
        PlatformOp::Partners => Ok(partners::list(on)),
        PlatformOp::CreatePartnerKey => partners::create_key(on).await,
        PlatformOp::Grants => grants::list(on).await,
        PlatformOp::RevokeGrant => grants::revoke(on).await,
        PlatformOp::SigningKeys => signing_keys::list(on).await,
        PlatformOp::RotateSigningKeys => signing_keys::rotate(on).await,
        PlatformOp::RetireSigningKey => signing_keys::retire(on).await,
        PlatformOp::Decision => decisions::show(on).await,
    }
}
