//! The entries. Each has a page (`/causes/ID`) and a test; a placeholder that is not among its facts fails one.

use super::Class as C;
use super::Entry;
use super::OAuthError as O;
use super::Who as W;
use crate::disclosure::FactName as F;

macro_rules! catalogue {
    ($($name:ident $id:literal, $class:ident, $oauth:ident $status:literal, $who:ident,
       title: $title:literal, point: $point:literal, remedy: $remedy:literal, about: $about:literal,
       facts: [$($fact:ident),*];)*) => {
        /// Every way to be refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Cause {$(#[doc = $title] $name,)*}

        pub(super) const ENTRIES: &[Entry] = &[$(Entry {
            cause: Cause::$name, id: $id, class: C::$class, title: $title, point: $point, remedy: $remedy,
            who: W::$who, about: $about, facts: &[$(F::$fact),*], oauth: O::$oauth, status: $status,
        },)*];
    };
}

catalogue! {
    // Credentials.
    CredentialMissing "credential.missing", CredentialMissing, InvalidToken 401, Caller,
        title: "No credential was sent",
        point: "the request holds no credential",
        remedy: "Send {expected}. Check that nothing on the way drops it, and that the program reads its settings.",
        about: "Nothing in the request names a caller. Headers with underscores instead of dashes are often dropped by proxies, and an unset variable often becomes an absent header.",
        facts: [Expected, ServerTime];
    CredentialMalformed "credential.malformed", CredentialMalformed, InvalidToken 401, Caller,
        title: "The credential's text is damaged",
        point: "the credential as received is damaged: {defect}; nothing was compared",
        remedy: "Print the length of the value your program sends, strip white space and quotes, and send it again.",
        about: "White space, quotes, a doubled prefix, an empty value or a placeholder such as `undefined` can be seen in the text itself, so no comparison took place.",
        facts: [Parameter, Defect, ServerTime];
    CredentialAmbiguous "credential.ambiguous", CredentialMalformed, InvalidRequest 400, Caller,
        title: "More than one credential was sent",
        point: "the request holds more than one credential ({received}); exactly one is taken",
        remedy: "Remove all but one: either the two key headers, or Authorization.",
        about: "A request with two credentials would be judged by whichever is looked at first. It is refused instead (RFC 6750 section 2).",
        facts: [Received, ServerTime];
    CredentialRejected "credential.rejected", CredentialRejected, InvalidToken 401, Caller,
        title: "The credential was not accepted",
        point: "request is not authorized",
        remedy: "Compare key id and secret with the keys of the account, for the environment of this host. A secret is shown once; if it is lost, make a new key. After a reset of a paper account use the new key.",
        about: "Unknown ids and wrong secrets get this one answer, so that nobody can find out which ids exist. The owner of a key sees its state on the keys page.",
        facts: [HostEnvironments, ServerTime, TrueCause];
    CredentialUnknown "credential.unknown", CredentialRejected, InvalidToken 401, Caller,
        title: "Unknown credential",
        point: "request is not authorized",
        remedy: "See credential.rejected.",
        about: "The true cause behind credential.rejected when nothing has the presented id. Only the record says so.",
        facts: [];
    CredentialSecretMismatch "credential.secret_mismatch", CredentialRejected, InvalidToken 401, Caller,
        title: "Wrong secret",
        point: "request is not authorized",
        remedy: "See credential.rejected.",
        about: "The true cause behind credential.rejected when the id exists and the secret is not its own. Only the record says so.",
        facts: [];
    CredentialWrongKind "credential.wrong_kind", CredentialWrongKind, InvalidToken 401, Caller,
        title: "A genuine credential of another kind",
        point: "request is not authorized: the credential is genuine, but it is {credential_kind}, and this place takes {expected}",
        remedy: "An OAuth client id and secret only fetch tokens: exchange an authorization code for a token and send that, or use an API key of the account.",
        about: "The server recognised the credential and its secret matches; it is just not what opens this API.",
        facts: [CredentialKind, Expected, ClientIdShown, ServerTime];
    CredentialSuperseded "credential.superseded", CredentialEnded, InvalidToken 401, Owner,
        title: "The key was replaced",
        point: "request is not authorized: this key was genuine and ended at {ended_at} ({end_reason}); a newer key took its place",
        remedy: "Use the newest key of the account; the keys page shows which one is active. A reset of a paper account replaces its keys at once.",
        about: "The id and secret belong together, but the key was replaced by a newer one or by a reset of the paper account.",
        facts: [CredentialKind, IssuedAt, EndedAt, EndReason, CredentialEnvironments, Successor, KeyLabel, KeyIdShown, LastUsed, EndedBy, ServerTime];
    CredentialRevoked "credential.revoked", CredentialEnded, InvalidToken 401, Owner,
        title: "The key was revoked",
        point: "request is not authorized: this key was genuine and was revoked at {ended_at}",
        remedy: "Make a new key on the keys page, or ask the owner of the account for one.",
        about: "The id and secret belong together, but the key was ended by its owner or by the operator.",
        facts: [CredentialKind, IssuedAt, EndedAt, EndReason, KeyLabel, KeyIdShown, LastUsed, EndedBy, ServerTime];
    TokenExpired "token.expired", CredentialEnded, InvalidToken 401, Caller,
        title: "The token expired",
        point: "token expired: it was genuine and ended at {expired_at}",
        remedy: "Get a new token before the old one ends.",
        about: "Access tokens live for a limited time.",
        facts: [CredentialKind, IssuedAt, ExpiredAt, ServerTime];
    TokenRevoked "token.revoked", CredentialEnded, InvalidToken 401, Owner,
        title: "The token was revoked",
        point: "request is not authorized: the token was genuine and has ended ({end_reason})",
        remedy: "Send the owner through the authorization page again.",
        about: "The token was given back, or something it hangs from was switched off after it was issued; switching that on again does not revive it.",
        facts: [CredentialKind, IssuedAt, EndedAt, EndReason, EndedBy, ClientName, Account, Grant, ServerTime];
    CodeReplayedToken "code.replayed", CredentialEnded, InvalidGrant 400, Caller,
        title: "The authorization code was used twice",
        point: "the authorization code was presented a second time, so what it gave was revoked",
        remedy: "Redeem each code once, and store the answer. Send the owner through the authorization page again for a new code.",
        about: "A code that comes back is a sign of theft or of a program that repeats itself; RFC 6749 section 4.1.2 asks for its tokens to be revoked. Look for retries, double submits and link scanners that open the redirect.",
        facts: [CredentialKind, IssuedAt, EndedAt, CodeUsable, ClientName, Account, Grant, ServerTime];
    EnvironmentMismatch "environment.mismatch", EnvironmentMismatch, InvalidToken 401, Caller,
        title: "A credential of another environment",
        point: "request is not authorized: the credential is genuine, but it belongs to {credential_environments} and this host serves {host_environments}",
        remedy: "Call {right_hosts}, or make a key for this environment. Credentials do not move between environments.",
        about: "Each environment has its own hosts, keys and accounts. The usual reason is a library that talks to the paper host by default while the keys are live ones, or the reverse.",
        facts: [CredentialKind, CredentialEnvironments, HostEnvironments, RightHosts, IssuedAt, KeyLabel, KeyIdShown, LastUsed, ServerTime];

    TokenNotYours "token.not_yours", CredentialRejected, InvalidRequest 401, Caller,
        title: "No such token of yours",
        point: "request is not authorized: there is no live token of this id that was given at your request",
        remedy: "Name the token by the text or the id that the answer to POST /v1/oauth/token held.",
        about: "Tokens of others, tokens that have ended and tokens that never were get this one answer.",
        facts: [ServerTime, TrueCause];

    // Clients.
    ClientRejected "client.rejected", ClientRejected, InvalidClient 401, Caller,
        title: "The client was not accepted",
        point: "client authentication failed: the client does not exist, is not available to the caller, or its secret is wrong",
        remedy: "Check client_id and client_secret, or the key or certificate, against the registration, and that they belong to this platform.",
        about: "Unknown clients, clients of others, wrong secrets and wrong certificates get this one answer.",
        facts: [ServerTime, TrueCause];
    ClientSecretMissing "client.secret_missing", ClientRejected, InvalidClient 401, Caller,
        title: "The client sent no secret",
        point: "client_id was received but {parameter} is {defect}, so nothing was compared",
        remedy: "Check how the program loads the secret: an unset variable often arrives as an empty text.",
        about: "Presence, emptiness and placeholder texts can be seen in the request itself.",
        facts: [Parameter, Defect, ServerTime];
    ClientDisabled "client.disabled", ClientNotActive, UnauthorizedClient 401, Operator,
        title: "The app is switched off",
        point: "request is not authorized: the credential is genuine, but the app it was issued to is {client_status} since {since}",
        remedy: "The operator of the platform can switch the app on again ({contact}); tokens from before must then be obtained anew. Nothing about the token or its scopes needs changing.",
        about: "An operator switched the client off. Everything issued to it before that moment is dead for good.",
        facts: [CredentialKind, ClientStatus, Since, Contact, IssuedAt, ClientName, ClientIdShown, Account, Grant, ServerTime];
    ClientPending "client.pending", ClientNotActive, UnauthorizedClient 401, Time,
        title: "The app is not active yet",
        point: "the client is known and becomes active at {since}; nothing needs changing on the caller's side",
        remedy: "Wait until then.",
        about: "A registration can be set to begin later.",
        facts: [ClientStatus, Since, ServerTime];
    ClientExpired "client.expired", ClientNotActive, UnauthorizedClient 401, Operator,
        title: "The app's registration ended",
        point: "the client's registration ended at {since}; neither token nor secret is at fault",
        remedy: "Ask the operator of the platform ({contact}) to renew the registration.",
        about: "A registration can have an end date.",
        facts: [ClientStatus, Since, Contact, ServerTime];
    ClientLiveNotApproved "client.live_not_approved", ClientNotApproved, UnauthorizedClient 401, Operator,
        title: "The app is not approved for live accounts",
        point: "request is not authorized: the token is genuine and its scopes are fine, but the app is not approved to act on {credential_environments} accounts of people other than its owner",
        remedy: "The operator ({contact}) can approve the app for live trading. Until then use the paper environment, or an account of the app's owner.",
        about: "Live trading for other people needs the operator's approval of the app. No scope and no new consent replaces it.",
        facts: [CredentialKind, CredentialEnvironments, Contact, ScopesHeld, ClientName, ClientIdShown, Account, Grant, ServerTime];
    GrantTypeUnsupported "grant_type.unsupported", GrantTypeNotAllowed, UnsupportedGrantType 400, Caller,
        title: "This grant type is not offered",
        point: "the grant type `{received}` is not offered here; use {expected}",
        remedy: "Send the owner through the authorization page and redeem the code with grant_type=authorization_code.",
        about: "Each surface offers its own grant types.",
        facts: [Received, Expected, ServerTime, PlatformKey];

    // Grants and accounts.
    GrantRevoked "grant.revoked", GrantEnded, InvalidToken 401, Owner,
        title: "The owner took the permission back",
        point: "request is not authorized: the token was genuine, but the permission it came from was withdrawn at {ended_at}",
        remedy: "Only the owner of the account can give it again: send them through the authorization page. Nothing about the token, its scopes or the app needs changing.",
        about: "The owner removed the app on the connected-apps page, or the operator or partner ended the grant.",
        facts: [CredentialKind, IssuedAt, EndedAt, EndReason, EndedBy, ClientName, Account, Grant, ServerTime];
    AccountDisabled "account.disabled", AccountNotActive, AccessDenied 403, Operator,
        title: "The account is switched off",
        point: "the credential is genuine, but the account it acts on has no API access since {since}",
        remedy: "Ask the operator of the platform ({contact}).",
        about: "The operator switched API access of the account off. Credentials from before that moment are dead for good.",
        facts: [CredentialKind, Since, Contact, Account, ServerTime];
    AccountNotCovered "account.not_covered", AccountNotCovered, AccessDenied 401, Caller,
        title: "The credential does not reach this account",
        point: "request is not authorized: the credential does not reach the account that the path names",
        remedy: "Name one of the accounts the credential was made for.",
        about: "A partner reaches its own accounts only, a key its own account only. Accounts of others and accounts that do not exist get the same answer.",
        facts: [CredentialKind, ServerTime, TrueCause];

    // Codes and authorization requests.
    CodeInvalid "code.invalid", CodeInvalid, InvalidGrant 400, Caller,
        title: "The authorization code cannot be redeemed",
        point: "the authorization code does not exist or was not issued to this client",
        remedy: "Send the owner through the authorization page again, and redeem the code with the client that asked for it.",
        about: "A code is bound to the client, partner and redirect URI it was issued for. A code that was tried by another client remains good for the right one.",
        facts: [ServerTime, TrueCause];
    CodeExpired "code.expired", CodeInvalid, InvalidGrant 400, Caller,
        title: "The authorization code is too old",
        point: "the authorization code was genuine and expired at {expired_at}",
        remedy: "Redeem a code at once when it arrives. Send the owner through the authorization page again.",
        about: "Codes wait ten minutes at most (RFC 6749 section 4.1.2).",
        facts: [IssuedAt, ExpiredAt, CodeUsable, ServerTime];
    CodeRedirectMismatch "code.redirect_mismatch", CodeInvalid, InvalidGrant 400, Caller,
        title: "The redirect URI is not the one of the authorization request",
        point: "the code was issued for another redirect_uri than {received}; registration is not the problem, the two requests must agree; the code is not spent",
        remedy: "Send the same redirect_uri in the token request as in the authorization request.",
        about: "RFC 6749 section 4.1.3 wants the two to be identical, character by character.",
        facts: [Received, CodeUsable, RegisteredRedirects, ServerTime];
    PkceVerifierMissing "pkce.verifier_missing", CodeInvalid, InvalidGrant 400, Caller,
        title: "The code verifier is missing",
        point: "the code was issued with a PKCE challenge (S256) and the token request has no code_verifier; the code is not spent",
        remedy: "Keep the verifier between the two requests, with the state value, and send it as code_verifier.",
        about: "A challenge that was sent is enforced, also where PKCE is not demanded (RFC 7636 section 4.6).",
        facts: [IssuedAt, CodeUsable, ServerTime];
    PkceVerifierMismatch "pkce.verifier_mismatch", CodeInvalid, InvalidGrant 400, Caller,
        title: "The code verifier is not the right one",
        point: "the code_verifier does not belong to the challenge of the authorization request; the code is not spent",
        remedy: "Send the verifier of this very attempt; its S256 hash is the challenge. Send none if no challenge was sent.",
        about: "The verifier of another attempt, the challenge itself, or a verifier for a code that has no challenge.",
        facts: [IssuedAt, CodeUsable, ServerTime];
    CodeGrantEnded "code.grant_ended", CodeInvalid, InvalidGrant 400, Owner,
        title: "The permission ended before the code was redeemed",
        point: "the authorization code was genuine, but the permission behind it ended before it was redeemed",
        remedy: "Send the owner through the authorization page again.",
        about: "Between consent and redemption the owner removed the app, or the app, account or user was switched off.",
        facts: [IssuedAt, CodeUsable, ServerTime];
    RedirectMismatch "redirect.mismatch", RedirectInvalid, InvalidRequest 400, Caller,
        title: "The redirect URI is not registered",
        point: "the redirect_uri `{received}` is not registered for this client; the comparison is exact, letter case and trailing slash included",
        remedy: "Register exactly this address, or send one that is registered.",
        about: "An address that is not registered is never redirected to, so this is shown in place.",
        facts: [Received, NearestRedirect, RegisteredRedirects, ServerTime];
    ResponseTypeUnsupported "response_type.unsupported", RequestMalformed, UnsupportedResponseType 400, Caller,
        title: "This response type is not offered",
        point: "the response_type `{received}` is not offered; use {expected}",
        remedy: "Send response_type=code.",
        about: "Tokens never travel in redirects here.",
        facts: [Received, Expected, ServerTime];
    ScopeInvalid "scope.invalid", ScopeInvalid, InvalidScope 400, Caller,
        title: "A scope that cannot be given",
        point: "the scopes {scopes_refused} do not exist or may not be asked for by this client; it may ask for: {scopes_allowed}",
        remedy: "Ask for scopes of the registration only, or have the registration widened.",
        about: "A client may ask for the scopes of its registration, a partner may give those agreed with it.",
        facts: [ScopesRefused, ScopesAllowed, ServerTime];
    AccessDenied "access.denied", AccessDenied, AccessDenied 403, EndUser,
        title: "The owner said no",
        point: "the owner of the account did not allow the access",
        remedy: "Nothing to mend: ask again only when the owner wants it.",
        about: "The person on the consent page chose not to allow.",
        facts: [ServerTime];

    // Policy.
    ScopeMissing "scope.missing", ScopeMissing, InsufficientScope 401, Caller,
        title: "The token lacks a scope",
        point: "token is not authorized for this scope: this needs {scopes_needed} and the token holds {scopes_held}",
        remedy: "Add the missing scope to the authorization request and have the owner consent again; a token's scopes never change.",
        about: "The token is genuine and live; the owner was never asked for this scope, or did not give it.",
        facts: [CredentialKind, ScopesNeeded, ScopesHeld, Product, ClientName, Account, Grant, ServerTime];
    LicenceDelegated "licence.delegated_access", LicenceForbids, AccessDenied 401, Operator,
        title: "The data licence forbids delegated access",
        point: "token is not authorized for this data: it is a delegated token, which acts for an account owner, and the licence of {product} does not allow delegated access; no scope and no new consent will help",
        remedy: "Read this data with the app's own API key and data subscription, or hold the licence {licence_needed}; keep the delegated token for account and trading calls. {contact} can tell about licences.",
        about: "Exchanges forbid that data is passed on through somebody else's account. The token, its scopes and the owner's consent are fine.",
        facts: [CredentialKind, Origin, Product, LicenceRule, LicenceNeeded, ScopesHeld, Contact, ClientName, ClientIdShown, Account, Grant, ServerTime];
    RateLimited "rate.limited", RateLimited, TemporarilyUnavailable 429, Time,
        title: "Too many requests",
        point: "rate limit exceeded: the plan {plan} allows {requests_per_minute} requests a minute; the credential is fine; try again in {retry_after_s} s",
        remedy: "Wait for Retry-After seconds and spread requests; the X-RateLimit headers tell how many are left.",
        about: "The limit counts requests of the account, whatever the credential. It refills evenly, so that waiting a little is enough.",
        facts: [Plan, RequestsPerMinute, RetryAfter, ServerTime];
    SignInThrottled "sign_in.throttled", RateLimited, TemporarilyUnavailable 429, Time,
        title: "Too many attempts to sign in",
        point: "too many attempts; try again in {retry_after_s} s",
        remedy: "Wait, then try again. Programs must not sign in for people.",
        about: "Attempts are limited for each address and for each name, whether the name exists or not. Nobody is locked out.",
        facts: [RetryAfter, ServerTime];
    AttemptsThrottled "attempts.throttled", RateLimited, TemporarilyUnavailable 429, Time,
        title: "Too many requests with credentials that are not accepted",
        point: "too many requests with credentials that were not accepted; try again in {retry_after_s} s",
        remedy: "Stop retrying: a credential that was refused stays refused. Correct it, then wait Retry-After seconds.",
        about: "A program that repeats a refused credential for ever is slowed down. Other credentials from the same address go on working.",
        facts: [RetryAfter, ServerTime];

    TokenRequestsLimited "token_requests.limited", RateLimited, TemporarilyUnavailable 429, Caller,
        title: "Tokens are asked for too often",
        point: "too many token requests: {requests_per_minute} a minute are allowed; nothing is blocked, and one is free again in {retry_after_s} s",
        remedy: "Wait Retry-After seconds and send the same request again. Keep the access token, share it between threads and processes, and refresh once, with one timer, at about half of its life. A token for each call, or a new sign-on after each error, runs into this limit.",
        about: "The token endpoint counts the sign-ons of each machine user, the refreshes of each sign-on and the tokens of each service account apart, so that one program in a loop does not keep another from refreshing. The limit refills evenly: whoever waits half a minute is served, and nobody is locked out.",
        facts: [RequestsPerMinute, RetryAfter, ClientName, Address, ServerTime];

    // The request.
    ParameterMissing "request.parameter_missing", RequestMalformed, InvalidRequest 400, Caller,
        title: "A parameter is missing",
        point: "the parameter {parameter} is missing or empty",
        remedy: "Send it. A parameter without a value counts as left out (RFC 6749 section 3.1).",
        about: "Every required parameter has to be there, once.",
        facts: [Parameter, ServerTime];
    ParameterRepeated "request.parameter_repeated", RequestMalformed, InvalidRequest 400, Caller,
        title: "A parameter stands twice",
        point: "the parameter {parameter} stands more than once",
        remedy: "Send it once (RFC 6749 section 3.1).",
        about: "Two values for one name would be read differently by different programs.",
        facts: [Parameter, ServerTime];
    ParameterUnknown "request.parameter_unknown", RequestMalformed, InvalidRequest 400, Caller,
        title: "A member of the body is not known",
        point: "the member {parameter} is not known here; expected are {expected}",
        remedy: "Remove it or correct its spelling.",
        about: "JSON bodies are read strictly, so that a misspelt name is noticed.",
        facts: [Parameter, Expected, ServerTime];
    ParameterInvalid "request.parameter_invalid", RequestMalformed, InvalidRequest 400, Caller,
        title: "A parameter has a value that cannot be read",
        point: "the parameter {parameter} cannot be read: {defect}",
        remedy: "Correct the value.",
        about: "The value is too long, not text, or none of the values that exist.",
        facts: [Parameter, Defect, Expected, ServerTime];
    BodyMalformed "request.body_malformed", RequestMalformed, InvalidRequest 400, Caller,
        title: "The body cannot be read",
        point: "the body cannot be read: {defect}",
        remedy: "Send {expected}.",
        about: "The body is not what its content type says, or not UTF-8.",
        facts: [Defect, Expected, ServerTime];
    ContentType "request.content_type", ContentTypeWrong, InvalidRequest 400, Caller,
        title: "The body has the wrong content type",
        point: "the content type received is `{received}`, required is {expected}; no parameter could be read from the body",
        remedy: "Send the body as {expected} and say so in Content-Type.",
        about: "Each surface reads one type: the Connect token endpoint forms, the Broker API JSON.",
        facts: [Received, Expected, ServerTime];
    RequestTooLarge "request.too_large", RequestTooLarge, InvalidRequest 413, Caller,
        title: "The request is too large",
        point: "{parameter} is larger than {limit} bytes",
        remedy: "Send less.",
        about: "Sizes are bounded before anything is read.",
        facts: [Parameter, Limit, ServerTime];
    RequestMalformed "request.malformed", RequestMalformed, InvalidRequest 400, Caller,
        title: "The request is not well-formed HTTP",
        point: "the request cannot be read: {defect}",
        remedy: "Check how the program builds its headers and request line.",
        about: "A header or the request line breaks the grammar of HTTP (RFC 9110).",
        facts: [Defect, ServerTime];
    PathUnknown "request.path_unknown", NotFound, InvalidRequest 404, Caller,
        title: "There is nothing at this path",
        point: "there is nothing at this path on this host",
        remedy: "Check path and host against the platform's documentation.",
        about: "The gate forwards only routes that the platform lists.",
        facts: [HostEnvironments, ServerTime];
    MethodUnknown "request.method_not_allowed", MethodNotAllowed, InvalidRequest 405, Caller,
        title: "Not by this method",
        point: "this path does not take {received}; it takes {expected}",
        remedy: "Use one of the methods in the Allow header.",
        about: "The path exists, by other methods.",
        facts: [Received, Expected, ServerTime];
    HostUnknown "request.host_unknown", HostUnknown, InvalidRequest 421, Caller,
        title: "This host name is not served here",
        point: "the Host header names a host that is not served at this address",
        remedy: "Use the base address from the platform's documentation; check proxies that rewrite Host.",
        about: "A request is judged by the host it names. An unknown one has no platform (RFC 9110 section 15.5.20).",
        facts: [ServerTime];

    // Pages.
    SignInRejected "sign_in.rejected", SignInRejected, AccessDenied 401, EndUser,
        title: "Name or password is not right",
        point: "name or password is not right",
        remedy: "Try again. Upper and lower case matter.",
        about: "Unknown names and wrong passwords get this one answer.",
        facts: [ServerTime, TrueCause];
    SignInNeeded "sign_in.needed", SignInRejected, AccessDenied 401, EndUser,
        title: "Please sign in",
        point: "this page needs a signed-in user",
        remedy: "Sign in.",
        about: "The session has ended or none was opened in this browser.",
        facts: [ServerTime];
    FormRejected "form.rejected", FormRejected, AccessDenied 403, EndUser,
        title: "This form is no longer good",
        point: "the form is too old, belongs to another session, or was sent from another site",
        remedy: "Go back, load the page again and repeat the step.",
        about: "Each form carries a token that binds it to the session, the user and the one request it is for.",
        facts: [Defect, ServerTime];

    // Our own faults.
    UpstreamUnavailable "server.upstream", UpstreamUnavailable, TemporarilyUnavailable 502, Operator,
        title: "The API behind the gate did not answer",
        point: "the request was authorized, but the API behind the gate did not answer; this is a fault on our side",
        remedy: "Try again in a few seconds; if it goes on, tell {contact} the decision id.",
        about: "Credential, scope, licence and limits were all fine.",
        facts: [Contact, RetryAfter, ServerTime];
    StorageUnavailable "server.storage", ServerFault, ServerError 503, Operator,
        title: "Our storage did not answer",
        point: "this is a fault on our side: storage did not answer, nothing was changed and nothing is wrong with the credential; try again in {retry_after_s} s",
        remedy: "Try again after Retry-After seconds; if it goes on, tell {contact} the decision id.",
        about: "What was answered is durable, so without storage nothing is answered.",
        facts: [Contact, RetryAfter, ServerTime];
    Internal "server.internal", ServerFault, ServerError 500, Operator,
        title: "Something broke on our side",
        point: "this is a fault on our side, not of the request",
        remedy: "Tell {contact} the decision id.",
        about: "An error of ours. The record holds the details.",
        facts: [Contact, ServerTime];

    // Refresh tokens (RFC 6749 section 6, DESIGN D7).
    RefreshInvalid "refresh.invalid", RefreshInvalid, InvalidGrant 400, Caller,
        title: "The refresh token is not known",
        point: "the refresh token does not exist or was not issued to this client",
        remedy: "Send the refresh token exactly as the last token answer held it, with the client it was issued to and, where it is bound to a key, a proof of that key. Otherwise send the owner through the authorization page again.",
        about: "Unknown tokens, damaged ones, those of other clients and those bound to another key get this one answer.",
        facts: [ServerTime, TrueCause];
    RefreshExpired "refresh.expired", RefreshInvalid, InvalidGrant 400, EndUser,
        title: "The refresh token expired",
        point: "the refresh token was genuine and ended at {expired_at}",
        remedy: "Send the owner through the authorization page again, and use the token at least once within its time.",
        about: "A refresh token ends when it is not used for long, or at the end that the platform sets for all of them.",
        facts: [IssuedAt, ExpiredAt, ServerTime];
    RefreshReplayed "refresh.replayed", RefreshInvalid, InvalidGrant 400, Caller,
        title: "The refresh token was used before",
        point: "this refresh token was replaced by a newer one, so the whole chain was ended; it looks like {received}",
        remedy: "Store each new refresh token before the next use, share it between processes, and refresh in one place only. Send the owner through the authorization page again.",
        about: "A refresh token that comes back after its successor was used is a sign of theft, or of two programs that refresh with the same token without knowing of each other.",
        facts: [Received, IssuedAt, EndedAt, Grant, ClientName, Address, Repeats, LastRepeat, RepeatedFrom, RepeatLook, ServerTime];
    RefreshEnded "refresh.ended", RefreshInvalid, InvalidGrant 400, Owner,
        title: "The refresh token was revoked",
        point: "the refresh token was genuine and ended at {ended_at} ({end_reason})",
        remedy: "Send the owner through the authorization page again.",
        about: "The token was given back, its chain was ended, or the permission it came from was withdrawn.",
        facts: [IssuedAt, EndedAt, EndReason, Grant, ClientName, Address, Repeats, LastRepeat, RepeatedFrom, RepeatLook, ServerTime];

    // Machines that sign on with name and password (RFC 6749 section 4.3).
    PasswordRejected "password.rejected", SignInRejected, InvalidGrant 400, Caller,
        title: "The machine's name or password was not accepted",
        point: "there is no machine user of this name with this password",
        remedy: "Check name and password of the machine user. People sign in on the platform's pages and never give their password to a program; machine users are made by the operator ({contact}).",
        about: "The password grant serves machine users only. Unknown names, wrong passwords and the names of people get this one answer, so that nobody can find out which names exist.",
        facts: [Contact, ServerTime, TrueCause];
    SessionQuotaReached "session.quota_reached", AccessDenied, AccessDenied 400, Caller,
        title: "The machine has as many sign-ons as it may have",
        point: "session quota is reached: {sessions_live} of {limit} sign-ons of this machine user are live, since {sessions_since}",
        remedy: "Give the tokens of the other sign-on back, wait for its end, or send takeExclusiveSignOnControl=true to take its place. The operator ({contact}) can allow more sign-ons at once.",
        about: "Each machine user may be signed on a limited number of times at once, over all its programs. Name and password were right and nothing was changed.",
        facts: [Limit, SessionsLive, SessionsSince, SessionsFrom, ClientName, Address, Contact, ServerTime];
    SessionDisplaced "session.displaced", CredentialEnded, InvalidToken 401, Caller,
        title: "Another sign-on took this one's place",
        point: "another sign-on of the same machine user took the place of this one",
        remedy: "Find the other program that signs on as this machine user and run only one of them, or ask the operator ({contact}) to allow more sign-ons at once. Signing on again would displace the other one in turn.",
        about: "A sign-on with takeExclusiveSignOnControl=true ends the others of the same machine user once its quota is used up; their tokens end at once.",
        facts: [CredentialKind, IssuedAt, EndedAt, EndReason, DisplacedBy, ClientName, Account, Grant, Address, Contact, ServerTime];

    // Clients of the rfc dialect.
    ClientGrantNotAllowed "client.grant_not_allowed", GrantTypeNotAllowed, UnauthorizedClient 400, Operator,
        title: "The client may not use this grant type",
        point: "the client is known, and it may not use the grant type `{received}`; it may use {expected}",
        remedy: "Use a grant type of the client's registration, or have the registration changed ({contact}).",
        about: "Each client is registered for certain grant types (RFC 6749 section 5.2).",
        facts: [Received, Expected, Contact, ServerTime];
    ClientMethodWrong "client.method_wrong", ClientRejected, InvalidClient 401, Caller,
        title: "The client authenticates in another way",
        point: "client authentication failed: {defect}",
        remedy: "Authenticate as the client's registration says, once, with nothing else beside it.",
        about: "A client authenticates in the one way it is registered for (RFC 6749 section 2.3); a weaker way beside it would make it as weak.",
        facts: [Defect, ServerTime, PlatformKey];
    ClientKeysUnread "client.keys_unread", ClientRejected, InvalidClient 401, Caller,
        title: "The keys that the client publishes could not be read",
        point: "what the client signed could not be verified: its jwks_uri could not be read: {defect}",
        remedy: "Serve the key set at the registered jwks_uri: over https from a public address, without a redirect, with status 200, in three seconds and 64 KiB. It is tried again after ten seconds.",
        about: "The client publishes its keys itself (RFC 7591 section 2). They are fetched when a signature has to be verified, and kept for as long as Cache-Control says, between a minute and a day.",
        facts: [Defect, ServerTime];
    AssertionInvalid "assertion.invalid", ClientRejected, InvalidClient 401, Caller,
        title: "The client assertion is not good",
        point: "client authentication failed: the assertion is not good: {defect}",
        remedy: "Make a fresh assertion for each request: iss and sub are the client_id, aud is the issuer, exp is soon, jti is new, and the key is one of the registration.",
        about: "A client assertion is a JWT that the client signs with its own key (RFC 7523 section 3).",
        facts: [Defect, ServerTime];
    AssertionReused "assertion.reused", ClientRejected, InvalidClient 401, Caller,
        title: "The client assertion was used before",
        point: "client authentication failed: an assertion with this jti was used before",
        remedy: "Make a fresh assertion with a new jti for each request, also for a repeated one.",
        about: "An assertion is good once (RFC 7523 section 3).",
        facts: [ServerTime];

    // Proofs of possession (RFC 9449).
    DpopInvalid "dpop.invalid", ProofRejected, InvalidDpopProof 400, Caller,
        title: "The DPoP proof is not good",
        point: "the DPoP proof is not good: {defect}",
        remedy: "Make a fresh proof for each request: htm and htu are this request's, iat is now, jti is new, and ath is the hash of the token it goes with.",
        about: "A proof shows that the sender holds the key that a token is bound to (RFC 9449 section 4.3).",
        facts: [Defect, ServerTime];
    DpopNonceNeeded "dpop.nonce_needed", ProofRejected, UseDpopNonce 400, Caller,
        title: "The DPoP proof needs a nonce",
        point: "the DPoP proof has no nonce of this server, or an old one; the DPoP-Nonce header of this answer holds a fresh one",
        remedy: "Repeat the request with a new proof that holds the nonce of the DPoP-Nonce header.",
        about: "A nonce shows that a proof was made just now (RFC 9449 section 8).",
        facts: [ServerTime];
    DpopReused "dpop.reused", ProofRejected, InvalidDpopProof 400, Caller,
        title: "The DPoP proof was used before",
        point: "a DPoP proof with this jti was used before",
        remedy: "Make a fresh proof with a new jti for each request, also for a repeated one.",
        about: "A proof is good once (RFC 9449 section 11.1).",
        facts: [ServerTime];
    DpopMissing "dpop.missing", ProofRejected, InvalidDpopProof 400, Caller,
        title: "A DPoP proof is needed",
        point: "a proof of possession is needed here and none was sent",
        remedy: "Send a DPoP proof in the DPoP header, and the token as Authorization: DPoP.",
        about: "The token is bound to a key, or the client is registered for bound tokens only; a bare bearer token is then no good to whoever finds it.",
        facts: [ServerTime];
    DpopKeyMismatch "dpop.key_mismatch", ProofRejected, InvalidToken 401, Caller,
        title: "The proof is of another key",
        point: "the token is bound to another key than the proof's",
        remedy: "Sign proofs with the key that the token was asked for with.",
        about: "A bound token is good only together with its key (RFC 9449 section 7.1).",
        facts: [ServerTime];
    CertificateMissing "certificate.missing", ProofRejected, InvalidToken 401, Caller,
        title: "A client certificate is needed",
        point: "a client certificate is needed here and none was sent with the connection",
        remedy: "Connect with the client's certificate and key, directly or through the platform's own proxy.",
        about: "The token is bound to a certificate, or the client is registered for such tokens only; without the certificate the token is no good to whoever finds it (RFC 8705 section 3).",
        facts: [ServerTime];
    CertificateMismatch "certificate.mismatch", ProofRejected, InvalidToken 401, Caller,
        title: "The token is bound to another certificate",
        point: "the token is bound to another certificate than the one of this connection",
        remedy: "Connect with the certificate that the token was asked for with. After a change of certificate ask for a new token.",
        about: "A bound token is good only together with its certificate (RFC 8705 section 3).",
        facts: [ServerTime];

    // Authorization requests of the rfc dialect.
    RequestUriInvalid "request_uri.invalid", RequestMalformed, InvalidRequestUri 400, Caller,
        title: "The pushed request is not good",
        point: "the request_uri is unknown, has expired, was used, or was pushed by another client",
        remedy: "Push the request again and send the browser with the new request_uri at once.",
        about: "A pushed request waits for a short time, for one authorization by the client that pushed it (RFC 9126 section 2.2).",
        facts: [ServerTime];
    RequestMustBePushed "request.must_be_pushed", RequestMalformed, InvalidRequest 400, Caller,
        title: "The request must be pushed",
        point: "this client must push its authorization requests",
        remedy: "Send the parameters to the pushed authorization request endpoint, and the browser with client_id and the request_uri of the answer.",
        about: "The client's registration or profile demands pushed authorization requests (RFC 9126 section 6).",
        facts: [ServerTime];
    RequestObjectInvalid "request_object.invalid", RequestMalformed, InvalidRequestObject 400, Caller,
        title: "The request object is not good",
        point: "the request object is not good: {defect}",
        remedy: "Sign the request with a key of the client's registration; iss is the client_id, aud is the issuer.",
        about: "A request object is an authorization request as a signed JWT (RFC 9101).",
        facts: [Defect, ServerTime];
    ResourceInvalid "resource.invalid", RequestMalformed, InvalidTarget 400, Caller,
        title: "The resource is not known",
        point: "the resource {received} is not one of this platform's; use {expected}",
        remedy: "Send the address of an API of this platform as resource, or none.",
        about: "A resource says which API a token is for (RFC 8707).",
        facts: [Received, Expected, ServerTime];
    LoginRequired "login.required", SignInRejected, LoginRequired 400, EndUser,
        title: "The person must sign in",
        point: "prompt=none was asked for and nobody is signed in, or not lately enough",
        remedy: "Ask again without prompt=none.",
        about: "An app asked for an answer without any page, and a page is needed (OpenID Connect Core section 3.1.2.6).",
        facts: [ServerTime];
    ConsentRequired "consent.required", SignInRejected, ConsentRequired 400, EndUser,
        title: "The person must agree",
        point: "prompt=none was asked for and the person has not agreed to this yet",
        remedy: "Ask again without prompt=none.",
        about: "An app asked for an answer without any page, and a page is needed (OpenID Connect Core section 3.1.2.6).",
        facts: [ServerTime];

    InteractionRequired "interaction.required", SignInRejected, InteractionRequired 400, EndUser,
        title: "The person must choose again",
        point: "prompt=none was asked for, and an account that the person had chosen can no longer be used",
        remedy: "Ask again without prompt=none.",
        about: "An app asked for an answer without any page, and a page is needed (OpenID Connect Core section 3.1.2.6).",
        facts: [ServerTime];
    AcrUnmet "acr.unmet", SignInRejected, UnmetAuthenticationRequirements 400, Caller,
        title: "People do not sign in here in the way that was asked for",
        point: "acr was asked for as an essential claim, with values that are not offered here",
        remedy: "Ask for a value that acr_values_supported lists, or ask for acr without calling it essential.",
        about: "An app may demand that the person signs in in a certain way; where that cannot be, it gets no answer about the person at all (OpenID Connect Core section 5.5.1.1).",
        facts: [ServerTime];
    SignOutRedirect "sign_out.redirect_mismatch", RedirectInvalid, InvalidRequest 400, Caller,
        title: "The address to go to after signing out is not registered",
        point: "the post_logout_redirect_uri `{received}` is not registered for this client; the comparison is exact, letter case and trailing slash included",
        remedy: "Register exactly this address in post_logout_redirect_uris, or send one that is registered.",
        about: "A browser is sent to addresses that an app registered for this and to no others, so this is shown in place (OpenID Connect RP-Initiated Logout 1.0 section 3). The person is still signed in.",
        facts: [Received, RegisteredRedirects, ServerTime];

    // Devices (RFC 8628 section 3.5).
    DevicePending "device.pending", CodeInvalid, AuthorizationPending 400, Time,
        title: "The person has not decided yet",
        point: "the person has not decided yet",
        remedy: "Ask again after the interval, until the person has decided or the code has expired.",
        about: "A device asks again and again while its owner signs in on another one.",
        facts: [ServerTime];
    DeviceSlowDown "device.slow_down", CodeInvalid, SlowDown 400, Caller,
        title: "The device asks too often",
        point: "the device asks too often: from now on wait {retry_after_s} s between two requests",
        remedy: "Add five seconds to the interval and keep to it.",
        about: "The answer to the device authorization request says how long to wait between two requests.",
        facts: [RetryAfter, ServerTime];
    DeviceDenied "device.denied", CodeInvalid, AccessDenied 400, EndUser,
        title: "The person said no",
        point: "the person did not allow the access",
        remedy: "Nothing to mend: begin again only when the person wants it.",
        about: "The person on the consent page chose not to allow.",
        facts: [ServerTime];
    DeviceExpired "device.expired", CodeInvalid, ExpiredToken 400, EndUser,
        title: "The code on the device expired",
        point: "the device code has expired",
        remedy: "Begin again with a new code.",
        about: "A device waits for its owner for some minutes only.",
        facts: [ServerTime];
    DeviceInvalid "device.invalid", CodeInvalid, InvalidGrant 400, Caller,
        title: "The device code cannot be used",
        point: "the device code does not exist, was not issued to this client, or was used",
        remedy: "Send the device_code of the last device authorization answer, with the client that asked for it, and stop once tokens were answered.",
        about: "A device code gives tokens once, to the client that asked for it.",
        facts: [ServerTime, TrueCause];
    DeviceCodeUnknown "device.code_unknown", FormRejected, AccessDenied 403, EndUser,
        title: "This code is not known",
        point: "no device waits for this code, or it has waited too long",
        remedy: "Compare the code with the one that the device shows; begin again there if it is old.",
        about: "The code that a device shows is typed in here by the person who owns the account.",
        facts: [ServerTime];

    // Tokens of the rfc dialect.
    IntrospectionNotAllowed "introspection.not_allowed", ClientRejected, InvalidClient 401, Operator,
        title: "The client may not ask about tokens",
        point: "the client is known, and its registration does not allow introspection",
        remedy: "Ask with a client that is registered as a resource server ({contact}).",
        about: "Only resource servers may ask what a token is good for (RFC 7662 section 2.1).",
        facts: [Contact, ServerTime];
    TokenAudience "token.audience", CredentialWrongKind, InvalidToken 401, Caller,
        title: "The token is for another API",
        point: "the token is genuine, but it is for {expected}, not for this API",
        remedy: "Ask for a token with the resource parameter naming this API.",
        about: "A token names the API it is for (RFC 9068 section 4).",
        facts: [Expected, ServerTime];

    // What an API asks for beside the credential.
    TokenNoOwner "token.no_owner", CredentialWrongKind, AccessDenied 403, Caller,
        title: "The token acts for nobody's account",
        point: "the token is genuine, but the app got it for itself, and this is about what a person owns",
        remedy: "Let the owner sign in and agree: use a token from an authorization code, not one from client_credentials.",
        about: "A token from the client credentials grant stands for the app alone. It reads what is the same for everybody; for anything that belongs to a person it has no owner.",
        facts: [CredentialKind, ClientIdShown, ServerTime];
    VersionMissing "version.missing", RequestMalformed, InvalidRequest 400, Caller,
        title: "The request names no version",
        point: "the header {parameter} is missing; use {expected}",
        remedy: "Send the header {parameter}: {expected} with every request to the API.",
        about: "This API changes by versions, and every request says which one it was written for.",
        facts: [Parameter, Expected, ServerTime];
    VersionUnsupported "version.unsupported", NotFound, InvalidRequest 404, Caller,
        title: "The version is not served",
        point: "the version that the header {parameter} names is not served; use {expected}",
        remedy: "Send the header {parameter}: {expected}.",
        about: "This API changes by versions, and every request says which one it was written for. The one that was named is not served here.",
        facts: [Parameter, Expected, ServerTime];
    LegacyOff "legacy.off", GrantTypeNotAllowed, UnauthorizedClient 400, Operator,
        title: "Something of older times is not allowed here",
        point: "this server does not allow {received}; use {expected}",
        remedy: "Use what stands in its place. The operator ({contact}) can allow it for clients that cannot.",
        about: "What OAuth 2.1 no longer has is switched on per platform, for clients that are in the field already, and never for one that is held to a strict profile.",
        facts: [Received, Expected, Contact, ServerTime, PlatformKey];
    // Streams (websockets).
    StreamLoginTimeout "stream.login_timeout", CredentialMissing, InvalidToken 401, Caller,
        title: "Nobody signed in on the stream in time",
        point: "no login came within {limit} s after the stream was opened",
        remedy: "Send the login as the first message, right after the stream has opened. Check that the program does not wait for data before it signs in.",
        about: "A stream that nobody has signed in on costs memory and carries nothing, so it is closed after a short time.",
        facts: [Limit, ServerTime];
    StreamNotLoggedIn "stream.not_logged_in", CredentialMissing, InvalidToken 401, Caller,
        title: "A message came before the login",
        point: "the first message on this stream must be a login, and it was not one",
        remedy: "Send the login first, wait until it is accepted, and only then subscribe.",
        about: "Before the login nothing is read but the login itself.",
        facts: [ServerTime];
    StreamLoggedIn "stream.already_logged_in", RequestMalformed, InvalidRequest 400, Caller,
        title: "The stream is signed in already",
        point: "this stream is signed in already, and this login cannot take the place of the one before",
        remedy: "Sign in once on each stream, or again with a fresh token of the same session where the protocol has that. For another account or app, open another stream.",
        about: "Some protocols let a login be repeated with a fresh token of the same account and app; others take one login only.",
        facts: [ServerTime];
    StreamLimit "stream.connection_limit", RateLimited, TemporarilyUnavailable 429, Caller,
        title: "Too many streams are open",
        point: "{limit} stream(s) may be open at once for one account and feed, and so many are",
        remedy: "Close the other stream first, or share one stream among the parts of your program. A stream whose program died is noticed when it answers no ping, within two minutes.",
        about: "Each account may have a certain number of streams open on one feed. A further one is refused; the one that is open goes on.",
        facts: [Limit, ServerTime];
    StreamSlowClient "stream.slow_client", RateLimited, TemporarilyUnavailable 429, Caller,
        title: "The client did not keep up",
        point: "the stream was closed because the client {defect}",
        remedy: "Read from the stream without pause, hand the work to another thread or task, and let the library answer pings. Then connect again.",
        about: "Messages cannot wait for ever: a stream whose client reads too slowly, or answers no ping, is closed.",
        facts: [Defect, ServerTime];
    ServerStopping "server.stopping", ServerFault, TemporarilyUnavailable 503, Time,
        title: "The server is being restarted",
        point: "the server is being stopped",
        remedy: "Connect again in a moment.",
        about: "Streams are closed when a server stops; another one, or the same one restarted, takes them.",
        facts: [ServerTime];
}

#[cfg(test)]
mod tests;
