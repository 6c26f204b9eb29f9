//! Made from the catalogue of causes by `tests/causes_file.rs`; not edited by hand.

pub use crate::cause::Cause;
use crate::cause::Known;
use crate::core::state::WhoCanAct;
use std::borrow::Cow;

impl Cause {
    /// No credential was sent.
    pub const CREDENTIAL_MISSING: Self = Self(Cow::Borrowed("credential.missing"));
    /// The credential's text is damaged.
    pub const CREDENTIAL_MALFORMED: Self = Self(Cow::Borrowed("credential.malformed"));
    /// More than one credential was sent.
    pub const CREDENTIAL_AMBIGUOUS: Self = Self(Cow::Borrowed("credential.ambiguous"));
    /// The credential was not accepted.
    pub const CREDENTIAL_REJECTED: Self = Self(Cow::Borrowed("credential.rejected"));
    /// A genuine credential of another kind.
    pub const CREDENTIAL_WRONG_KIND: Self = Self(Cow::Borrowed("credential.wrong_kind"));
    /// The key was replaced.
    pub const CREDENTIAL_SUPERSEDED: Self = Self(Cow::Borrowed("credential.superseded"));
    /// The key was revoked.
    pub const CREDENTIAL_REVOKED: Self = Self(Cow::Borrowed("credential.revoked"));
    /// The token expired.
    pub const TOKEN_EXPIRED: Self = Self(Cow::Borrowed("token.expired"));
    /// The token was revoked.
    pub const TOKEN_REVOKED: Self = Self(Cow::Borrowed("token.revoked"));
    /// The authorization code was used twice.
    pub const CODE_REPLAYED: Self = Self(Cow::Borrowed("code.replayed"));
    /// A credential of another environment.
    pub const ENVIRONMENT_MISMATCH: Self = Self(Cow::Borrowed("environment.mismatch"));
    /// No such token of yours.
    pub const TOKEN_NOT_YOURS: Self = Self(Cow::Borrowed("token.not_yours"));
    /// The client was not accepted.
    pub const CLIENT_REJECTED: Self = Self(Cow::Borrowed("client.rejected"));
    /// The client sent no secret.
    pub const CLIENT_SECRET_MISSING: Self = Self(Cow::Borrowed("client.secret_missing"));
    /// The app is switched off.
    pub const CLIENT_DISABLED: Self = Self(Cow::Borrowed("client.disabled"));
    /// The app is not active yet.
    pub const CLIENT_PENDING: Self = Self(Cow::Borrowed("client.pending"));
    /// The app's registration ended.
    pub const CLIENT_EXPIRED: Self = Self(Cow::Borrowed("client.expired"));
    /// The app is not approved for live accounts.
    pub const CLIENT_LIVE_NOT_APPROVED: Self = Self(Cow::Borrowed("client.live_not_approved"));
    /// This grant type is not offered.
    pub const GRANT_TYPE_UNSUPPORTED: Self = Self(Cow::Borrowed("grant_type.unsupported"));
    /// The owner took the permission back.
    pub const GRANT_REVOKED: Self = Self(Cow::Borrowed("grant.revoked"));
    /// The account is switched off.
    pub const ACCOUNT_DISABLED: Self = Self(Cow::Borrowed("account.disabled"));
    /// The credential does not reach this account.
    pub const ACCOUNT_NOT_COVERED: Self = Self(Cow::Borrowed("account.not_covered"));
    /// The authorization code cannot be redeemed.
    pub const CODE_INVALID: Self = Self(Cow::Borrowed("code.invalid"));
    /// The authorization code is too old.
    pub const CODE_EXPIRED: Self = Self(Cow::Borrowed("code.expired"));
    /// The redirect URI is not the one of the authorization request.
    pub const CODE_REDIRECT_MISMATCH: Self = Self(Cow::Borrowed("code.redirect_mismatch"));
    /// The code verifier is missing.
    pub const PKCE_VERIFIER_MISSING: Self = Self(Cow::Borrowed("pkce.verifier_missing"));
    /// The code verifier is not the right one.
    pub const PKCE_VERIFIER_MISMATCH: Self = Self(Cow::Borrowed("pkce.verifier_mismatch"));
    /// The permission ended before the code was redeemed.
    pub const CODE_GRANT_ENDED: Self = Self(Cow::Borrowed("code.grant_ended"));
    /// The redirect URI is not registered.
    pub const REDIRECT_MISMATCH: Self = Self(Cow::Borrowed("redirect.mismatch"));
    /// This response type is not offered.
    pub const RESPONSE_TYPE_UNSUPPORTED: Self = Self(Cow::Borrowed("response_type.unsupported"));
    /// A scope that cannot be given.
    pub const SCOPE_INVALID: Self = Self(Cow::Borrowed("scope.invalid"));
    /// The owner said no.
    pub const ACCESS_DENIED: Self = Self(Cow::Borrowed("access.denied"));
    /// The token lacks a scope.
    pub const SCOPE_MISSING: Self = Self(Cow::Borrowed("scope.missing"));
    /// The data licence forbids delegated access.
    pub const LICENCE_DELEGATED_ACCESS: Self = Self(Cow::Borrowed("licence.delegated_access"));
    /// Too many requests.
    pub const RATE_LIMITED: Self = Self(Cow::Borrowed("rate.limited"));
    /// Too many attempts to sign in.
    pub const SIGN_IN_THROTTLED: Self = Self(Cow::Borrowed("sign_in.throttled"));
    /// Too many requests with credentials that are not accepted.
    pub const ATTEMPTS_THROTTLED: Self = Self(Cow::Borrowed("attempts.throttled"));
    /// Tokens are asked for too often.
    pub const TOKEN_REQUESTS_LIMITED: Self = Self(Cow::Borrowed("token_requests.limited"));
    /// A parameter is missing.
    pub const REQUEST_PARAMETER_MISSING: Self = Self(Cow::Borrowed("request.parameter_missing"));
    /// A parameter stands twice.
    pub const REQUEST_PARAMETER_REPEATED: Self = Self(Cow::Borrowed("request.parameter_repeated"));
    /// A member of the body is not known.
    pub const REQUEST_PARAMETER_UNKNOWN: Self = Self(Cow::Borrowed("request.parameter_unknown"));
    /// A parameter has a value that cannot be read.
    pub const REQUEST_PARAMETER_INVALID: Self = Self(Cow::Borrowed("request.parameter_invalid"));
    /// The body cannot be read.
    pub const REQUEST_BODY_MALFORMED: Self = Self(Cow::Borrowed("request.body_malformed"));
    /// The body has the wrong content type.
    pub const REQUEST_CONTENT_TYPE: Self = Self(Cow::Borrowed("request.content_type"));
    /// The request is too large.
    pub const REQUEST_TOO_LARGE: Self = Self(Cow::Borrowed("request.too_large"));
    /// The request is not well-formed HTTP.
    pub const REQUEST_MALFORMED: Self = Self(Cow::Borrowed("request.malformed"));
    /// There is nothing at this path.
    pub const REQUEST_PATH_UNKNOWN: Self = Self(Cow::Borrowed("request.path_unknown"));
    /// Not by this method.
    pub const REQUEST_METHOD_NOT_ALLOWED: Self = Self(Cow::Borrowed("request.method_not_allowed"));
    /// This host name is not served here.
    pub const REQUEST_HOST_UNKNOWN: Self = Self(Cow::Borrowed("request.host_unknown"));
    /// Name or password is not right.
    pub const SIGN_IN_REJECTED: Self = Self(Cow::Borrowed("sign_in.rejected"));
    /// Please sign in.
    pub const SIGN_IN_NEEDED: Self = Self(Cow::Borrowed("sign_in.needed"));
    /// This form is no longer good.
    pub const FORM_REJECTED: Self = Self(Cow::Borrowed("form.rejected"));
    /// The API behind the gate did not answer.
    pub const SERVER_UPSTREAM: Self = Self(Cow::Borrowed("server.upstream"));
    /// Our storage did not answer.
    pub const SERVER_STORAGE: Self = Self(Cow::Borrowed("server.storage"));
    /// Something broke on our side.
    pub const SERVER_INTERNAL: Self = Self(Cow::Borrowed("server.internal"));
    /// The refresh token is not known.
    pub const REFRESH_INVALID: Self = Self(Cow::Borrowed("refresh.invalid"));
    /// The refresh token expired.
    pub const REFRESH_EXPIRED: Self = Self(Cow::Borrowed("refresh.expired"));
    /// The refresh token was used before.
    pub const REFRESH_REPLAYED: Self = Self(Cow::Borrowed("refresh.replayed"));
    /// The refresh token was revoked.
    pub const REFRESH_ENDED: Self = Self(Cow::Borrowed("refresh.ended"));
    /// The machine's name or password was not accepted.
    pub const PASSWORD_REJECTED: Self = Self(Cow::Borrowed("password.rejected"));
    /// The machine has as many sign-ons as it may have.
    pub const SESSION_QUOTA_REACHED: Self = Self(Cow::Borrowed("session.quota_reached"));
    /// Another sign-on took this one's place.
    pub const SESSION_DISPLACED: Self = Self(Cow::Borrowed("session.displaced"));
    /// The client may not use this grant type.
    pub const CLIENT_GRANT_NOT_ALLOWED: Self = Self(Cow::Borrowed("client.grant_not_allowed"));
    /// The client authenticates in another way.
    pub const CLIENT_METHOD_WRONG: Self = Self(Cow::Borrowed("client.method_wrong"));
    /// The keys that the client publishes could not be read.
    pub const CLIENT_KEYS_UNREAD: Self = Self(Cow::Borrowed("client.keys_unread"));
    /// The client assertion is not good.
    pub const ASSERTION_INVALID: Self = Self(Cow::Borrowed("assertion.invalid"));
    /// The client assertion was used before.
    pub const ASSERTION_REUSED: Self = Self(Cow::Borrowed("assertion.reused"));
    /// The DPoP proof is not good.
    pub const DPOP_INVALID: Self = Self(Cow::Borrowed("dpop.invalid"));
    /// The DPoP proof needs a nonce.
    pub const DPOP_NONCE_NEEDED: Self = Self(Cow::Borrowed("dpop.nonce_needed"));
    /// The DPoP proof was used before.
    pub const DPOP_REUSED: Self = Self(Cow::Borrowed("dpop.reused"));
    /// A DPoP proof is needed.
    pub const DPOP_MISSING: Self = Self(Cow::Borrowed("dpop.missing"));
    /// The proof is of another key.
    pub const DPOP_KEY_MISMATCH: Self = Self(Cow::Borrowed("dpop.key_mismatch"));
    /// A client certificate is needed.
    pub const CERTIFICATE_MISSING: Self = Self(Cow::Borrowed("certificate.missing"));
    /// The token is bound to another certificate.
    pub const CERTIFICATE_MISMATCH: Self = Self(Cow::Borrowed("certificate.mismatch"));
    /// The pushed request is not good.
    pub const REQUEST_URI_INVALID: Self = Self(Cow::Borrowed("request_uri.invalid"));
    /// The request must be pushed.
    pub const REQUEST_MUST_BE_PUSHED: Self = Self(Cow::Borrowed("request.must_be_pushed"));
    /// The request object is not good.
    pub const REQUEST_OBJECT_INVALID: Self = Self(Cow::Borrowed("request_object.invalid"));
    /// The resource is not known.
    pub const RESOURCE_INVALID: Self = Self(Cow::Borrowed("resource.invalid"));
    /// The person must sign in.
    pub const LOGIN_REQUIRED: Self = Self(Cow::Borrowed("login.required"));
    /// The person must agree.
    pub const CONSENT_REQUIRED: Self = Self(Cow::Borrowed("consent.required"));
    /// The person must choose again.
    pub const INTERACTION_REQUIRED: Self = Self(Cow::Borrowed("interaction.required"));
    /// People do not sign in here in the way that was asked for.
    pub const ACR_UNMET: Self = Self(Cow::Borrowed("acr.unmet"));
    /// The address to go to after signing out is not registered.
    pub const SIGN_OUT_REDIRECT_MISMATCH: Self = Self(Cow::Borrowed("sign_out.redirect_mismatch"));
    /// The person has not decided yet.
    pub const DEVICE_PENDING: Self = Self(Cow::Borrowed("device.pending"));
    /// The device asks too often.
    pub const DEVICE_SLOW_DOWN: Self = Self(Cow::Borrowed("device.slow_down"));
    /// The person said no.
    pub const DEVICE_DENIED: Self = Self(Cow::Borrowed("device.denied"));
    /// The code on the device expired.
    pub const DEVICE_EXPIRED: Self = Self(Cow::Borrowed("device.expired"));
    /// The device code cannot be used.
    pub const DEVICE_INVALID: Self = Self(Cow::Borrowed("device.invalid"));
    /// This code is not known.
    pub const DEVICE_CODE_UNKNOWN: Self = Self(Cow::Borrowed("device.code_unknown"));
    /// The client may not ask about tokens.
    pub const INTROSPECTION_NOT_ALLOWED: Self = Self(Cow::Borrowed("introspection.not_allowed"));
    /// The token is for another API.
    pub const TOKEN_AUDIENCE: Self = Self(Cow::Borrowed("token.audience"));
    /// The token acts for nobody's account.
    pub const TOKEN_NO_OWNER: Self = Self(Cow::Borrowed("token.no_owner"));
    /// The request names no version.
    pub const VERSION_MISSING: Self = Self(Cow::Borrowed("version.missing"));
    /// The version is not served.
    pub const VERSION_UNSUPPORTED: Self = Self(Cow::Borrowed("version.unsupported"));
    /// Something of older times is not allowed here.
    pub const LEGACY_OFF: Self = Self(Cow::Borrowed("legacy.off"));
    /// Nobody signed in on the stream in time.
    pub const STREAM_LOGIN_TIMEOUT: Self = Self(Cow::Borrowed("stream.login_timeout"));
    /// A message came before the login.
    pub const STREAM_NOT_LOGGED_IN: Self = Self(Cow::Borrowed("stream.not_logged_in"));
    /// The stream is signed in already.
    pub const STREAM_ALREADY_LOGGED_IN: Self = Self(Cow::Borrowed("stream.already_logged_in"));
    /// Too many streams are open.
    pub const STREAM_CONNECTION_LIMIT: Self = Self(Cow::Borrowed("stream.connection_limit"));
    /// The client did not keep up.
    pub const STREAM_SLOW_CLIENT: Self = Self(Cow::Borrowed("stream.slow_client"));
    /// The server is being restarted.
    pub const SERVER_STOPPING: Self = Self(Cow::Borrowed("server.stopping"));
}

#[rustfmt::skip]
pub(crate) static CATALOGUE: &[Known] = &[
    Known {
        id: "credential.missing",
        title: "No credential was sent",
        remedy: "Send [expected]. Check that nothing on the way drops it, and that the program reads its settings.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "credential.malformed",
        title: "The credential's text is damaged",
        remedy: "Print the length of the value your program sends, strip white space and quotes, and send it again.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "credential.ambiguous",
        title: "More than one credential was sent",
        remedy: "Remove all but one: either the two key headers, or Authorization.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "credential.rejected",
        title: "The credential was not accepted",
        remedy: "Compare key id and secret with the keys of the account, for the environment of this host. A secret is shown once; if it is lost, make a new key. After a reset of a paper account use the new key.",
        who_can_act: WhoCanAct::Caller,
        renew: true,
    },
    Known {
        id: "credential.wrong_kind",
        title: "A genuine credential of another kind",
        remedy: "An OAuth client id and secret only fetch tokens: exchange an authorization code for a token and send that, or use an API key of the account.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "credential.superseded",
        title: "The key was replaced",
        remedy: "Use the newest key of the account; the keys page shows which one is active. A reset of a paper account replaces its keys at once.",
        who_can_act: WhoCanAct::Owner,
        renew: false,
    },
    Known {
        id: "credential.revoked",
        title: "The key was revoked",
        remedy: "Make a new key on the keys page, or ask the owner of the account for one.",
        who_can_act: WhoCanAct::Owner,
        renew: false,
    },
    Known {
        id: "token.expired",
        title: "The token expired",
        remedy: "Get a new token before the old one ends.",
        who_can_act: WhoCanAct::Caller,
        renew: true,
    },
    Known {
        id: "token.revoked",
        title: "The token was revoked",
        remedy: "Send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Owner,
        renew: true,
    },
    Known {
        id: "code.replayed",
        title: "The authorization code was used twice",
        remedy: "Redeem each code once, and store the answer. Send the owner through the authorization page again for a new code.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "environment.mismatch",
        title: "A credential of another environment",
        remedy: "Call [right hosts], or make a key for this environment. Credentials do not move between environments.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "token.not_yours",
        title: "No such token of yours",
        remedy: "Name the token by the text or the id that the answer to POST /v1/oauth/token held.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "client.rejected",
        title: "The client was not accepted",
        remedy: "Check client_id and client_secret, or the key or certificate, against the registration, and that they belong to this platform.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "client.secret_missing",
        title: "The client sent no secret",
        remedy: "Check how the program loads the secret: an unset variable often arrives as an empty text.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "client.disabled",
        title: "The app is switched off",
        remedy: "The operator of the platform can switch the app on again ([contact]); tokens from before must then be obtained anew. Nothing about the token or its scopes needs changing.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "client.pending",
        title: "The app is not active yet",
        remedy: "Wait until then.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
    Known {
        id: "client.expired",
        title: "The app's registration ended",
        remedy: "Ask the operator of the platform ([contact]) to renew the registration.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "client.live_not_approved",
        title: "The app is not approved for live accounts",
        remedy: "The operator ([contact]) can approve the app for live trading. Until then use the paper environment, or an account of the app's owner.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "grant_type.unsupported",
        title: "This grant type is not offered",
        remedy: "Send the owner through the authorization page and redeem the code with grant_type=authorization_code.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "grant.revoked",
        title: "The owner took the permission back",
        remedy: "Only the owner of the account can give it again: send them through the authorization page. Nothing about the token, its scopes or the app needs changing.",
        who_can_act: WhoCanAct::Owner,
        renew: false,
    },
    Known {
        id: "account.disabled",
        title: "The account is switched off",
        remedy: "Ask the operator of the platform ([contact]).",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "account.not_covered",
        title: "The credential does not reach this account",
        remedy: "Name one of the accounts the credential was made for.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "code.invalid",
        title: "The authorization code cannot be redeemed",
        remedy: "Send the owner through the authorization page again, and redeem the code with the client that asked for it.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "code.expired",
        title: "The authorization code is too old",
        remedy: "Redeem a code at once when it arrives. Send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "code.redirect_mismatch",
        title: "The redirect URI is not the one of the authorization request",
        remedy: "Send the same redirect_uri in the token request as in the authorization request.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "pkce.verifier_missing",
        title: "The code verifier is missing",
        remedy: "Keep the verifier between the two requests, with the state value, and send it as code_verifier.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "pkce.verifier_mismatch",
        title: "The code verifier is not the right one",
        remedy: "Send the verifier of this very attempt; its S256 hash is the challenge. Send none if no challenge was sent.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "code.grant_ended",
        title: "The permission ended before the code was redeemed",
        remedy: "Send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Owner,
        renew: false,
    },
    Known {
        id: "redirect.mismatch",
        title: "The redirect URI is not registered",
        remedy: "Register exactly this address, or send one that is registered.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "response_type.unsupported",
        title: "This response type is not offered",
        remedy: "Send response_type=code.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "scope.invalid",
        title: "A scope that cannot be given",
        remedy: "Ask for scopes of the registration only, or have the registration widened.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "access.denied",
        title: "The owner said no",
        remedy: "Nothing to mend: ask again only when the owner wants it.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "scope.missing",
        title: "The token lacks a scope",
        remedy: "Add the missing scope to the authorization request and have the owner consent again; a token's scopes never change.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "licence.delegated_access",
        title: "The data licence forbids delegated access",
        remedy: "Read this data with the app's own API key and data subscription, or hold the licence [licence needed]; keep the delegated token for account and trading calls. [contact] can tell about licences.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "rate.limited",
        title: "Too many requests",
        remedy: "Wait for Retry-After seconds and spread requests; the X-RateLimit headers tell how many are left.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
    Known {
        id: "sign_in.throttled",
        title: "Too many attempts to sign in",
        remedy: "Wait, then try again. Programs must not sign in for people.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
    Known {
        id: "attempts.throttled",
        title: "Too many requests with credentials that are not accepted",
        remedy: "Stop retrying: a credential that was refused stays refused. Correct it, then wait Retry-After seconds.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
    Known {
        id: "token_requests.limited",
        title: "Tokens are asked for too often",
        remedy: "Wait Retry-After seconds and send the same request again. Keep the access token, share it between threads and processes, and refresh once, with one timer, at about half of its life. A token for each call, or a new sign-on after each error, runs into this limit.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.parameter_missing",
        title: "A parameter is missing",
        remedy: "Send it. A parameter without a value counts as left out (RFC 6749 section 3.1).",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.parameter_repeated",
        title: "A parameter stands twice",
        remedy: "Send it once (RFC 6749 section 3.1).",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.parameter_unknown",
        title: "A member of the body is not known",
        remedy: "Remove it or correct its spelling.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.parameter_invalid",
        title: "A parameter has a value that cannot be read",
        remedy: "Correct the value.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.body_malformed",
        title: "The body cannot be read",
        remedy: "Send [expected].",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.content_type",
        title: "The body has the wrong content type",
        remedy: "Send the body as [expected] and say so in Content-Type.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.too_large",
        title: "The request is too large",
        remedy: "Send less.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.malformed",
        title: "The request is not well-formed HTTP",
        remedy: "Check how the program builds its headers and request line.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.path_unknown",
        title: "There is nothing at this path",
        remedy: "Check path and host against the platform's documentation.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.method_not_allowed",
        title: "Not by this method",
        remedy: "Use one of the methods in the Allow header.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.host_unknown",
        title: "This host name is not served here",
        remedy: "Use the base address from the platform's documentation; check proxies that rewrite Host.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "sign_in.rejected",
        title: "Name or password is not right",
        remedy: "Try again. Upper and lower case matter.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "sign_in.needed",
        title: "Please sign in",
        remedy: "Sign in.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "form.rejected",
        title: "This form is no longer good",
        remedy: "Go back, load the page again and repeat the step.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "server.upstream",
        title: "The API behind the gate did not answer",
        remedy: "Try again in a few seconds; if it goes on, tell [contact] the decision id.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "server.storage",
        title: "Our storage did not answer",
        remedy: "Try again after Retry-After seconds; if it goes on, tell [contact] the decision id.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "server.internal",
        title: "Something broke on our side",
        remedy: "Tell [contact] the decision id.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "refresh.invalid",
        title: "The refresh token is not known",
        remedy: "Send the refresh token exactly as the last token answer held it, with the client it was issued to and, where it is bound to a key, a proof of that key. Otherwise send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "refresh.expired",
        title: "The refresh token expired",
        remedy: "Send the owner through the authorization page again, and use the token at least once within its time.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "refresh.replayed",
        title: "The refresh token was used before",
        remedy: "Store each new refresh token before the next use, share it between processes, and refresh in one place only. Send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "refresh.ended",
        title: "The refresh token was revoked",
        remedy: "Send the owner through the authorization page again.",
        who_can_act: WhoCanAct::Owner,
        renew: false,
    },
    Known {
        id: "password.rejected",
        title: "The machine's name or password was not accepted",
        remedy: "Check name and password of the machine user. People sign in on the platform's pages and never give their password to a program; machine users are made by the operator ([contact]).",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "session.quota_reached",
        title: "The machine has as many sign-ons as it may have",
        remedy: "Give the tokens of the other sign-on back, wait for its end, or send takeExclusiveSignOnControl=true to take its place. The operator ([contact]) can allow more sign-ons at once.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "session.displaced",
        title: "Another sign-on took this one's place",
        remedy: "Find the other program that signs on as this machine user and run only one of them, or ask the operator ([contact]) to allow more sign-ons at once. Signing on again would displace the other one in turn.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "client.grant_not_allowed",
        title: "The client may not use this grant type",
        remedy: "Use a grant type of the client's registration, or have the registration changed ([contact]).",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "client.method_wrong",
        title: "The client authenticates in another way",
        remedy: "Authenticate as the client's registration says, once, with nothing else beside it.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "client.keys_unread",
        title: "The keys that the client publishes could not be read",
        remedy: "Serve the key set at the registered jwks_uri: over https from a public address, without a redirect, with status 200, in three seconds and 64 KiB. It is tried again after ten seconds.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "assertion.invalid",
        title: "The client assertion is not good",
        remedy: "Make a fresh assertion for each request: iss and sub are the client_id, aud is the issuer, exp is soon, jti is new, and the key is one of the registration.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "assertion.reused",
        title: "The client assertion was used before",
        remedy: "Make a fresh assertion with a new jti for each request, also for a repeated one.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "dpop.invalid",
        title: "The DPoP proof is not good",
        remedy: "Make a fresh proof for each request: htm and htu are this request's, iat is now, jti is new, and ath is the hash of the token it goes with.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "dpop.nonce_needed",
        title: "The DPoP proof needs a nonce",
        remedy: "Repeat the request with a new proof that holds the nonce of the DPoP-Nonce header.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "dpop.reused",
        title: "The DPoP proof was used before",
        remedy: "Make a fresh proof with a new jti for each request, also for a repeated one.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "dpop.missing",
        title: "A DPoP proof is needed",
        remedy: "Send a DPoP proof in the DPoP header, and the token as Authorization: DPoP.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "dpop.key_mismatch",
        title: "The proof is of another key",
        remedy: "Sign proofs with the key that the token was asked for with.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "certificate.missing",
        title: "A client certificate is needed",
        remedy: "Connect with the client's certificate and key, directly or through the platform's own proxy.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "certificate.mismatch",
        title: "The token is bound to another certificate",
        remedy: "Connect with the certificate that the token was asked for with. After a change of certificate ask for a new token.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request_uri.invalid",
        title: "The pushed request is not good",
        remedy: "Push the request again and send the browser with the new request_uri at once.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request.must_be_pushed",
        title: "The request must be pushed",
        remedy: "Send the parameters to the pushed authorization request endpoint, and the browser with client_id and the request_uri of the answer.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "request_object.invalid",
        title: "The request object is not good",
        remedy: "Sign the request with a key of the client's registration; iss is the client_id, aud is the issuer.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "resource.invalid",
        title: "The resource is not known",
        remedy: "Send the address of an API of this platform as resource, or none.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "login.required",
        title: "The person must sign in",
        remedy: "Ask again without prompt=none.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "consent.required",
        title: "The person must agree",
        remedy: "Ask again without prompt=none.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "interaction.required",
        title: "The person must choose again",
        remedy: "Ask again without prompt=none.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "acr.unmet",
        title: "People do not sign in here in the way that was asked for",
        remedy: "Ask for a value that acr_values_supported lists, or ask for acr without calling it essential.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "sign_out.redirect_mismatch",
        title: "The address to go to after signing out is not registered",
        remedy: "Register exactly this address in post_logout_redirect_uris, or send one that is registered.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "device.pending",
        title: "The person has not decided yet",
        remedy: "Ask again after the interval, until the person has decided or the code has expired.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
    Known {
        id: "device.slow_down",
        title: "The device asks too often",
        remedy: "Add five seconds to the interval and keep to it.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "device.denied",
        title: "The person said no",
        remedy: "Nothing to mend: begin again only when the person wants it.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "device.expired",
        title: "The code on the device expired",
        remedy: "Begin again with a new code.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "device.invalid",
        title: "The device code cannot be used",
        remedy: "Send the device_code of the last device authorization answer, with the client that asked for it, and stop once tokens were answered.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "device.code_unknown",
        title: "This code is not known",
        remedy: "Compare the code with the one that the device shows; begin again there if it is old.",
        who_can_act: WhoCanAct::EndUser,
        renew: false,
    },
    Known {
        id: "introspection.not_allowed",
        title: "The client may not ask about tokens",
        remedy: "Ask with a client that is registered as a resource server ([contact]).",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "token.audience",
        title: "The token is for another API",
        remedy: "Ask for a token with the resource parameter naming this API.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "token.no_owner",
        title: "The token acts for nobody's account",
        remedy: "Let the owner sign in and agree: use a token from an authorization code, not one from client_credentials.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "version.missing",
        title: "The request names no version",
        remedy: "Send the header [parameter]: [expected] with every request to the API.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "version.unsupported",
        title: "The version is not served",
        remedy: "Send the header [parameter]: [expected].",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "legacy.off",
        title: "Something of older times is not allowed here",
        remedy: "Use what stands in its place. The operator ([contact]) can allow it for clients that cannot.",
        who_can_act: WhoCanAct::Operator,
        renew: false,
    },
    Known {
        id: "stream.login_timeout",
        title: "Nobody signed in on the stream in time",
        remedy: "Send the login as the first message, right after the stream has opened. Check that the program does not wait for data before it signs in.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "stream.not_logged_in",
        title: "A message came before the login",
        remedy: "Send the login first, wait until it is accepted, and only then subscribe.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "stream.already_logged_in",
        title: "The stream is signed in already",
        remedy: "Sign in once on each stream, or again with a fresh token of the same session where the protocol has that. For another account or app, open another stream.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "stream.connection_limit",
        title: "Too many streams are open",
        remedy: "Close the other stream first, or share one stream among the parts of your program. A stream whose program died is noticed when it answers no ping, within two minutes.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "stream.slow_client",
        title: "The client did not keep up",
        remedy: "Read from the stream without pause, hand the work to another thread or task, and let the library answer pings. Then connect again.",
        who_can_act: WhoCanAct::Caller,
        renew: false,
    },
    Known {
        id: "server.stopping",
        title: "The server is being restarted",
        remedy: "Connect again in a moment.",
        who_can_act: WhoCanAct::Time,
        renew: false,
    },
];
