//! A platform: everything of a tenant that is neither a secret nor a person's act, as its file says it, and the
//! snapshot compiled from it that decisions are made on (DESIGN D11, D12).

mod definition;
mod snapshot;

pub use definition::{
    Delegated, Dialect, Environment, Host, Licence, Partner, Plan, Platform, Product, Route, RouteAccess,
    ScopeDefinition, StreamRoute, Surface, Tokens, Upstream,
};
pub use snapshot::{CompiledRoute, Invalid, Params, RouteIndex, Routed, Snapshot};
