//! The rules of grants: which may be opened, and when a code may be redeemed.

mod authorize;
mod claims;
mod code;
mod response_mode;
mod sign_in;
mod sign_on;
mod standing;

pub use authorize::{Authorizable, AuthorizeFault, AuthorizeRequest, Prompt, redirect_is_registered};
pub use claims::{ACR, ClaimsWish, known_claim, scope_of_claim};
pub use code::{CodeFault, CodeRule, NamedResource};
pub use response_mode::{Carrier, ResponseMode};
pub use sign_in::{SignInFault, SignInRule};
pub use sign_on::{
    LiveSession, SignOnFault, SignOnRule, displaced, displaced_links, identify_machine, password_of_machine,
    quota_reached,
};
pub use standing::{Silently, Standing};

use crate::model::GrantedBy;
use crate::{AccountId, ClientId, GrantId, PlatformId, ScopeSet, UserId};

/// A grant that an owner or partner gives. The store finds the live grant of the same key (DESIGN D16) and adds
/// the scopes to it, or opens one under `new_id`.
#[derive(Clone, Debug)]
pub struct GrantSpec {
    /// The tenant.
    pub platform: PlatformId,
    /// Used if there is no live grant yet.
    pub new_id: GrantId,
    /// The app.
    pub client: ClientId,
    /// The giver, if a user here.
    pub user: Option<UserId>,
    /// The accounts; sorted and without repetition; none for a client that acts for itself.
    pub accounts: Vec<AccountId>,
    /// What for.
    pub scopes: ScopeSet,
    /// By whom.
    pub granted_by: GrantedBy,
}
