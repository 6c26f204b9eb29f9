//! The endpoints, in the order in which they are documented.

use super::members as m;
use super::{Asked, Endpoint, Gives, Member, NodeOp, Op, PlatformOp, Right};
use crate::admin::shapes::Shape;

const fn get(op: Op, path: &'static str, gives: Gives, summary: &'static str) -> Endpoint {
    Endpoint { op, method: "GET", path, right: Right::Read, summary, query: &[], body: None, gives }
}

const fn post(
    op: Op,
    path: &'static str,
    body: &'static [Member],
    gives: Gives,
    summary: &'static str,
) -> Endpoint {
    Endpoint { op, method: "POST", path, right: Right::Write, summary, query: &[], body: Some(body), gives }
}

impl Endpoint {
    const fn by(mut self, query: &'static [Asked]) -> Self {
        self.query = query;
        self
    }
    const fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }
    const fn reads_only(mut self) -> Self {
        self.right = Right::Read;
        self
    }
    const fn changes(mut self) -> Self {
        self.right = Right::Write;
        self
    }
}

use Gives::{Made, Many, One, Toml};
use NodeOp as N;
use Op::{Node, Platform};
use PlatformOp as P;

/// All of them.
pub(in crate::admin) const ENDPOINTS: &[Endpoint] = &[
    get(Node(N::Me), "/me", One(Shape::Admin), "Whose token this is and what it may do"),
    // Platforms.
    get(Node(N::Platforms), "/platforms", Many(Shape::PlatformBrief), "All platforms that this node serves"),
    post(
        Node(N::Plan),
        "/platforms/plan",
        m::PLAN,
        One(Shape::Plan),
        "What applying a platform file would change",
    )
    .reads_only(),
    post(
        Node(N::Apply),
        "/platforms/apply",
        m::APPLY,
        One(Shape::Applied),
        "Apply a platform file, whole or not at all",
    ),
    get(
        Platform(P::Show),
        "/platforms/{platform}",
        One(Shape::Platform),
        "A platform as its file defines it",
    ),
    get(Platform(P::File), "/platforms/{platform}/file", Toml, "The platform file as it was applied"),
    get(
        Platform(P::Counts),
        "/platforms/{platform}/counts",
        One(Shape::Counts),
        "How many authorization codes, tokens and grants are stored",
    ),
    // Users.
    get(Platform(P::Users), "/platforms/{platform}/users", Many(Shape::User), "Users, oldest first"),
    post(Platform(P::CreateUser), "/platforms/{platform}/users", m::USER, Made(Shape::User), "Make a user"),
    post(
        Platform(P::ChangeUser),
        "/platforms/{platform}/users/{user}",
        m::USER_CHANGE,
        One(Shape::User),
        "Change how many sign-ons a machine user may have at once",
    )
    .method("PATCH"),
    get(
        Platform(P::SignOns),
        "/platforms/{platform}/users/{user}/sign-ons",
        Many(Shape::SignOn),
        "Live sign-ons of a machine user, oldest first",
    ),
    post(
        Platform(P::SetPassword),
        "/platforms/{platform}/users/{user}/password",
        m::PASSWORD,
        One(Shape::User),
        "Set a user's password; every session and sign-on of the user ends",
    ),
    // Accounts.
    get(
        Platform(P::Accounts),
        "/platforms/{platform}/accounts",
        Many(Shape::Account),
        "Accounts, oldest first",
    )
    .by(m::BY_USER),
    post(
        Platform(P::CreateAccount),
        "/platforms/{platform}/accounts",
        m::ACCOUNT,
        Made(Shape::Account),
        "Make an account",
    ),
    get(Platform(P::Account), "/platforms/{platform}/accounts/{account}", One(Shape::Account), "One account"),
    post(
        Platform(P::DisableAccount),
        "/platforms/{platform}/accounts/{account}/disable",
        m::NOTHING,
        One(Shape::Account),
        "Switch an account off; tokens that reach it end for good",
    ),
    post(
        Platform(P::EnableAccount),
        "/platforms/{platform}/accounts/{account}/enable",
        m::NOTHING,
        One(Shape::Account),
        "Switch an account on again",
    ),
    post(
        Platform(P::ResetAccount),
        "/platforms/{platform}/accounts/{account}/reset",
        m::RESET,
        One(Shape::Reset),
        "Reset a paper account; its keys end, a new one is made and shown once",
    ),
    // Keys.
    get(
        Platform(P::Keys),
        "/platforms/{platform}/keys",
        Many(Shape::Key),
        "API keys of an account or partner, ended ones of the last 400 days included",
    )
    .by(m::BY_HOLDER),
    post(
        Platform(P::CreateKey),
        "/platforms/{platform}/keys",
        m::KEY,
        Made(Shape::Key),
        "Make an API key; its secret is shown once",
    ),
    post(
        Platform(P::ReplaceKey),
        "/platforms/{platform}/keys/{key}/replace",
        m::REPLACE,
        Made(Shape::Key),
        "Make the successor of a key; both work for a while",
    ),
    post(
        Platform(P::RevokeKey),
        "/platforms/{platform}/keys/{key}/revoke",
        m::NOTHING,
        One(Shape::Key),
        "End a key now",
    ),
    // Clients.
    get(
        Platform(P::Clients),
        "/platforms/{platform}/clients",
        Many(Shape::Client),
        "OAuth clients, oldest first",
    ),
    post(
        Platform(P::CreateClient),
        "/platforms/{platform}/clients",
        m::CLIENT,
        Made(Shape::Client),
        "Register an OAuth client; its secret is shown once",
    ),
    get(Platform(P::Client), "/platforms/{platform}/clients/{client}", One(Shape::Client), "One client"),
    post(
        Platform(P::ChangeClient),
        "/platforms/{platform}/clients/{client}",
        m::CLIENT_CHANGE,
        One(Shape::Client),
        "Change a client; what is left out stays as it is",
    )
    .method("PATCH"),
    post(
        Platform(P::AddSecret),
        "/platforms/{platform}/clients/{client}/secrets",
        m::SECRET,
        Made(Shape::Client),
        "Make a further secret of a client; it is shown once",
    ),
    post(
        Platform(P::DisableClient),
        "/platforms/{platform}/clients/{client}/disable",
        m::NOTHING,
        One(Shape::Client),
        "Switch a client off; everything issued to it ends for good",
    ),
    post(
        Platform(P::EnableClient),
        "/platforms/{platform}/clients/{client}/enable",
        m::NOTHING,
        One(Shape::Client),
        "Switch a client on again",
    ),
    post(
        Platform(P::ApproveLive),
        "/platforms/{platform}/clients/{client}/approve-live",
        m::NOTHING,
        One(Shape::Client),
        "Let a client act on live accounts of people other than its owner",
    ),
    post(
        Platform(P::WithdrawLive),
        "/platforms/{platform}/clients/{client}/withdraw-live",
        m::NOTHING,
        One(Shape::Client),
        "Take that approval back",
    ),
    // Partners.
    get(
        Platform(P::Partners),
        "/platforms/{platform}/partners",
        Many(Shape::Partner),
        "Partners of the platform file",
    ),
    post(
        Platform(P::CreatePartnerKey),
        "/platforms/{platform}/partners/{partner}/keys",
        m::PARTNER_KEY,
        Made(Shape::Key),
        "Make a partner's API key; its secret is shown once",
    ),
    // Grants.
    get(
        Platform(P::Grants),
        "/platforms/{platform}/grants",
        Many(Shape::Grant),
        "What owners allowed apps to do",
    )
    .by(m::BY_USER),
    post(
        Platform(P::RevokeGrant),
        "/platforms/{platform}/grants/{grant}/revoke",
        m::NOTHING,
        One(Shape::Grant),
        "End a grant and everything that hangs from it",
    ),
    // Signing keys.
    get(
        Platform(P::SigningKeys),
        "/platforms/{platform}/signing-keys",
        Many(Shape::SigningKey),
        "Signing keys and the MAC keys of refresh tokens, oldest first, those that are gone included",
    ),
    post(
        Platform(P::RotateSigningKeys),
        "/platforms/{platform}/signing-keys/rotate",
        m::ROTATE,
        Many(Shape::SigningKey),
        "Publish a successor now, which signs after a while",
    ),
    post(
        Platform(P::RetireSigningKey),
        "/platforms/{platform}/signing-keys/{kid}/retire",
        m::RETIRE,
        One(Shape::SigningKey),
        "End a key: it signs no more, and if it is compromised nothing that it signed counts",
    ),
    // Records.
    get(
        Platform(P::Decision),
        "/platforms/{platform}/decisions/{decision}",
        One(Shape::Explanation),
        "Why a request was refused, as an operator may read it",
    ),
    get(
        Node(N::FindDecision),
        "/decisions/{decision}",
        One(Shape::Explanation),
        "The same, looked for on every platform that this token may touch",
    ),
    get(Node(N::Audit), "/audit", Many(Shape::Audit), "Who changed what, oldest first").by(m::BY_NUMBER),
    // Administrators.
    get(Node(N::Admins), "/admins", Many(Shape::Admin), "Live administrators"),
    post(
        Node(N::CreateAdmin),
        "/admins",
        m::ADMIN,
        Made(Shape::Admin),
        "Make an administrator; its token is shown once",
    ),
    get(Node(N::EndAdmin), "/admins/{admin}", One(Shape::Ended), "End an administrator's token")
        .method("DELETE")
        .changes(),
];
