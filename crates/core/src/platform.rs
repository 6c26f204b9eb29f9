//! A platform: everything of a tenant that is neither a secret nor a person's act, as its file says it, and the
//! snapshot compiled from it that decisions are made on (DESIGN D11, D12).

mod definition;
mod dialect;
mod snapshot;

pub use definition::{
    Delegated, Environment, Host, Legacy, Licence, Partner, Plan, Platform, Product, Route, RouteAccess,
    ScopeDefinition, StreamRoute, Tokens, Upstream,
};
#[cfg(test)]
pub(crate) use dialect::samples;
pub use dialect::{
    Call, CodeText, Dialect, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
pub use snapshot::{CompiledRoute, Invalid, Params, RouteIndex, Routed, Snapshot};
