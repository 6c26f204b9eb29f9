//! The shape of a catalogue entry.

use super::Cause;
use crate::disclosure::FactName;

/// How surfaces answer: each surface maps every class to status, code and message. A cause belongs to one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// No credential was sent.
    CredentialMissing,
    /// The text of the credential is damaged or there are several.
    CredentialMalformed,
    /// The credential does not open anything. One answer, whatever is behind it (SECURITY R7).
    CredentialRejected,
    /// A genuine credential of another kind than this place takes.
    CredentialWrongKind,
    /// A genuine credential that has ended.
    CredentialEnded,
    /// A genuine credential of another environment.
    EnvironmentMismatch,
    /// The client authenticated but may not be used.
    ClientNotActive,
    /// The client may not act in this environment.
    ClientNotApproved,
    /// Client authentication failed. One answer, whatever is behind it (SECURITY R7).
    ClientRejected,
    /// The client may not use this grant type.
    GrantTypeNotAllowed,
    /// The grant has ended.
    GrantEnded,
    /// The account may not be used.
    AccountNotActive,
    /// The credential does not reach this account.
    AccountNotCovered,
    /// The authorization code cannot be redeemed.
    CodeInvalid,
    /// The refresh token cannot be used.
    RefreshInvalid,
    /// The proof of possession is missing or not good.
    ProofRejected,
    /// The redirect URI is not the right one.
    RedirectInvalid,
    /// The scope asked for cannot be given.
    ScopeInvalid,
    /// The token lacks the scope.
    ScopeMissing,
    /// The data licence forbids it.
    LicenceForbids,
    /// The plan does not hold it.
    PlanLacks,
    /// Too many requests.
    RateLimited,
    /// The request cannot be read.
    RequestMalformed,
    /// The body is of the wrong type.
    ContentTypeWrong,
    /// The request is too large.
    RequestTooLarge,
    /// There is nothing here.
    NotFound,
    /// Not by this method.
    MethodNotAllowed,
    /// The host is not one of this platform's.
    HostUnknown,
    /// The owner said no.
    AccessDenied,
    /// Sign-in failed. One answer, whatever is behind it (SECURITY R7).
    SignInRejected,
    /// The form is stale or came from elsewhere.
    FormRejected,
    /// The API behind the gate did not answer.
    UpstreamUnavailable,
    /// Our own fault.
    ServerFault,
}

impl Class {
    /// Every class; tests walk it.
    pub const ALL: [Self; 33] = [
        Self::CredentialMissing,
        Self::CredentialMalformed,
        Self::CredentialRejected,
        Self::CredentialWrongKind,
        Self::CredentialEnded,
        Self::EnvironmentMismatch,
        Self::ClientNotActive,
        Self::ClientNotApproved,
        Self::ClientRejected,
        Self::GrantTypeNotAllowed,
        Self::GrantEnded,
        Self::AccountNotActive,
        Self::AccountNotCovered,
        Self::CodeInvalid,
        Self::RefreshInvalid,
        Self::ProofRejected,
        Self::RedirectInvalid,
        Self::ScopeInvalid,
        Self::ScopeMissing,
        Self::LicenceForbids,
        Self::PlanLacks,
        Self::RateLimited,
        Self::RequestMalformed,
        Self::ContentTypeWrong,
        Self::RequestTooLarge,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::HostUnknown,
        Self::AccessDenied,
        Self::SignInRejected,
        Self::FormRejected,
        Self::UpstreamUnavailable,
        Self::ServerFault,
    ];
}

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The program that sent the request, or its developer.
    Caller,
    /// The owner of the account.
    Owner,
    /// The person in front of the page.
    EndUser,
    /// The operator of the platform.
    Operator,
    /// Nobody but time.
    Time,
}

impl Who {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Owner => "owner",
            Self::EndUser => "end_user",
            Self::Operator => "operator",
            Self::Time => "time",
        }
    }
    /// For pages.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Caller => "the developer of the program that sent the request",
            Self::Owner => "the owner of the account",
            Self::EndUser => "the person signing in",
            Self::Operator => "the operator of the platform",
            Self::Time => "nobody: it passes by itself",
        }
    }
}

/// RFC 6749 and RFC 6750 error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OAuthError {
    /// RFC 6749 section 5.2.
    InvalidRequest,
    /// RFC 6749 section 5.2.
    InvalidClient,
    /// RFC 6749 section 5.2.
    InvalidGrant,
    /// RFC 6749 section 5.2.
    UnauthorizedClient,
    /// RFC 6749 section 5.2.
    UnsupportedGrantType,
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 section 5.2.
    InvalidScope,
    /// RFC 6749 section 4.1.2.1.
    AccessDenied,
    /// RFC 6749 section 4.1.2.1.
    ServerError,
    /// RFC 6749 section 4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 6750 section 3.1.
    InvalidToken,
    /// RFC 6750 section 3.1.
    InsufficientScope,
    /// RFC 8628 section 3.5.
    AuthorizationPending,
    /// RFC 8628 section 3.5.
    SlowDown,
    /// RFC 8628 section 3.5.
    ExpiredToken,
    /// RFC 9449 section 5.
    InvalidDpopProof,
    /// RFC 9449 section 8.
    UseDpopNonce,
    /// RFC 8707 section 2.
    InvalidTarget,
    /// RFC 9101 section 7.
    InvalidRequestUri,
    /// RFC 9101 section 7.
    InvalidRequestObject,
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core section 3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core Error Code `unmet_authentication_requirements` 1.0 section 2.
    UnmetAuthenticationRequirements,
}

impl OAuthError {
    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// One way to be refused.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which one.
    pub cause: Cause,
    /// Its stable id, `subject.what`.
    pub id: &'static str,
    /// How surfaces answer it.
    pub class: Class,
    /// Headline of its page.
    pub title: &'static str,
    /// One sentence that carries the whole point. `{fact_name}` stands for a fact that a body may show.
    pub point: &'static str,
    /// What to do. Same placeholders.
    pub remedy: &'static str,
    /// Who can do it.
    pub who: Who,
    /// A paragraph for its page in the documentation.
    pub about: &'static str,
    /// The facts it comes with.
    pub facts: &'static [FactName],
    /// The code of the `rfc` dialect.
    pub oauth: OAuthError,
    /// The status of the `rfc` dialect.
    pub status: u16,
}

impl Entry {
    /// The error that a protected resource names: a credential that ended is an invalid token there, whatever ended it
    /// (RFC 6750 section 3.1).
    pub const fn oauth_at_a_resource(&self) -> OAuthError {
        if matches!(self.class, Class::CredentialEnded) { OAuthError::InvalidToken } else { self.oauth }
    }
}
