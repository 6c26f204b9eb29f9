// Generated from causes.json by tools/make-causes.mjs. Change that, then run `npm run causes`.

/** Who can do something about a refusal. */
export type WhoCanAct = "caller" | "owner" | "end_user" | "operator" | "time";

/** What the catalogue says of a cause. */
export interface CauseEntry {
  /** What happened, in a few words. */
  readonly title: string;
  /** What to do about it; names in brackets stand for facts of the refusal. */
  readonly remedy: string;
  /** Whether a new token of the same grant may help. */
  readonly renew: boolean;
  /** Who can act. */
  readonly whoCanAct: WhoCanAct;
}

/** The causes of refusals, as constants. Another server may send causes that are not among them. */
export const Cause = {
  /** No credential was sent. */
  CREDENTIAL_MISSING: "credential.missing",
  /** The credential's text is damaged. */
  CREDENTIAL_MALFORMED: "credential.malformed",
  /** More than one credential was sent. */
  CREDENTIAL_AMBIGUOUS: "credential.ambiguous",
  /** The credential was not accepted. */
  CREDENTIAL_REJECTED: "credential.rejected",
  /** A genuine credential of another kind. */
  CREDENTIAL_WRONG_KIND: "credential.wrong_kind",
  /** The key was replaced. */
  CREDENTIAL_SUPERSEDED: "credential.superseded",
  /** The key was revoked. */
  CREDENTIAL_REVOKED: "credential.revoked",
  /** The token expired. */
  TOKEN_EXPIRED: "token.expired",
  /** The token was revoked. */
  TOKEN_REVOKED: "token.revoked",
  /** The authorization code was used twice. */
  CODE_REPLAYED: "code.replayed",
  /** A credential of another environment. */
  ENVIRONMENT_MISMATCH: "environment.mismatch",
  /** No such token of yours. */
  TOKEN_NOT_YOURS: "token.not_yours",
  /** The client was not accepted. */
  CLIENT_REJECTED: "client.rejected",
  /** The client sent no secret. */
  CLIENT_SECRET_MISSING: "client.secret_missing",
  /** The app is switched off. */
  CLIENT_DISABLED: "client.disabled",
  /** The app is not active yet. */
  CLIENT_PENDING: "client.pending",
  /** The app's registration ended. */
  CLIENT_EXPIRED: "client.expired",
  /** The app is not approved for live accounts. */
  CLIENT_LIVE_NOT_APPROVED: "client.live_not_approved",
  /** This grant type is not offered. */
  GRANT_TYPE_UNSUPPORTED: "grant_type.unsupported",
  /** The owner took the permission back. */
  GRANT_REVOKED: "grant.revoked",
  /** The account is switched off. */
  ACCOUNT_DISABLED: "account.disabled",
  /** The credential does not reach this account. */
  ACCOUNT_NOT_COVERED: "account.not_covered",
  /** The authorization code cannot be redeemed. */
  CODE_INVALID: "code.invalid",
  /** The authorization code is too old. */
  CODE_EXPIRED: "code.expired",
  /** The redirect URI is not the one of the authorization request. */
  CODE_REDIRECT_MISMATCH: "code.redirect_mismatch",
  /** The code verifier is missing. */
  PKCE_VERIFIER_MISSING: "pkce.verifier_missing",
  /** The code verifier is not the right one. */
  PKCE_VERIFIER_MISMATCH: "pkce.verifier_mismatch",
  /** The permission ended before the code was redeemed. */
  CODE_GRANT_ENDED: "code.grant_ended",
  /** The redirect URI is not registered. */
  REDIRECT_MISMATCH: "redirect.mismatch",
  /** This response type is not offered. */
  RESPONSE_TYPE_UNSUPPORTED: "response_type.unsupported",
  /** A scope that cannot be given. */
  SCOPE_INVALID: "scope.invalid",
  /** The owner said no. */
  ACCESS_DENIED: "access.denied",
  /** The token lacks a scope. */
  SCOPE_MISSING: "scope.missing",
  /** The data licence forbids delegated access. */
  LICENCE_DELEGATED_ACCESS: "licence.delegated_access",
  /** Too many requests. */
  RATE_LIMITED: "rate.limited",
  /** Too many attempts to sign in. */
  SIGN_IN_THROTTLED: "sign_in.throttled",
  /** Too many requests with credentials that are not accepted. */
  ATTEMPTS_THROTTLED: "attempts.throttled",
  /** Tokens are asked for too often. */
  TOKEN_REQUESTS_LIMITED: "token_requests.limited",
  /** A parameter is missing. */
  REQUEST_PARAMETER_MISSING: "request.parameter_missing",
  /** A parameter stands twice. */
  REQUEST_PARAMETER_REPEATED: "request.parameter_repeated",
  /** A member of the body is not known. */
  REQUEST_PARAMETER_UNKNOWN: "request.parameter_unknown",
  /** A parameter has a value that cannot be read. */
  REQUEST_PARAMETER_INVALID: "request.parameter_invalid",
  /** The body cannot be read. */
  REQUEST_BODY_MALFORMED: "request.body_malformed",
  /** The body has the wrong content type. */
  REQUEST_CONTENT_TYPE: "request.content_type",
  /** The request is too large. */
  REQUEST_TOO_LARGE: "request.too_large",
  /** The request is not well-formed HTTP. */
  REQUEST_MALFORMED: "request.malformed",
  /** There is nothing at this path. */
  REQUEST_PATH_UNKNOWN: "request.path_unknown",
  /** Not by this method. */
  REQUEST_METHOD_NOT_ALLOWED: "request.method_not_allowed",
  /** This host name is not served here. */
  REQUEST_HOST_UNKNOWN: "request.host_unknown",
  /** Name or password is not right. */
  SIGN_IN_REJECTED: "sign_in.rejected",
  /** Please sign in. */
  SIGN_IN_NEEDED: "sign_in.needed",
  /** This form is no longer good. */
  FORM_REJECTED: "form.rejected",
  /** The API behind the gate did not answer. */
  SERVER_UPSTREAM: "server.upstream",
  /** Our storage did not answer. */
  SERVER_STORAGE: "server.storage",
  /** Something broke on our side. */
  SERVER_INTERNAL: "server.internal",
  /** The refresh token is not known. */
  REFRESH_INVALID: "refresh.invalid",
  /** The refresh token expired. */
  REFRESH_EXPIRED: "refresh.expired",
  /** The refresh token was used before. */
  REFRESH_REPLAYED: "refresh.replayed",
  /** The refresh token was revoked. */
  REFRESH_ENDED: "refresh.ended",
  /** The machine's name or password was not accepted. */
  PASSWORD_REJECTED: "password.rejected",
  /** The machine has as many sign-ons as it may have. */
  SESSION_QUOTA_REACHED: "session.quota_reached",
  /** Another sign-on took this one's place. */
  SESSION_DISPLACED: "session.displaced",
  /** The client may not use this grant type. */
  CLIENT_GRANT_NOT_ALLOWED: "client.grant_not_allowed",
  /** The client authenticates in another way. */
  CLIENT_METHOD_WRONG: "client.method_wrong",
  /** The keys that the client publishes could not be read. */
  CLIENT_KEYS_UNREAD: "client.keys_unread",
  /** The client assertion is not good. */
  ASSERTION_INVALID: "assertion.invalid",
  /** The client assertion was used before. */
  ASSERTION_REUSED: "assertion.reused",
  /** The DPoP proof is not good. */
  DPOP_INVALID: "dpop.invalid",
  /** The DPoP proof needs a nonce. */
  DPOP_NONCE_NEEDED: "dpop.nonce_needed",
  /** The DPoP proof was used before. */
  DPOP_REUSED: "dpop.reused",
  /** A DPoP proof is needed. */
  DPOP_MISSING: "dpop.missing",
  /** The proof is of another key. */
  DPOP_KEY_MISMATCH: "dpop.key_mismatch",
  /** A client certificate is needed. */
  CERTIFICATE_MISSING: "certificate.missing",
  /** The token is bound to another certificate. */
  CERTIFICATE_MISMATCH: "certificate.mismatch",
  /** The pushed request is not good. */
  REQUEST_URI_INVALID: "request_uri.invalid",
  /** The request must be pushed. */
  REQUEST_MUST_BE_PUSHED: "request.must_be_pushed",
  /** The request object is not good. */
  REQUEST_OBJECT_INVALID: "request_object.invalid",
  /** The resource is not known. */
  RESOURCE_INVALID: "resource.invalid",
  /** The person must sign in. */
  LOGIN_REQUIRED: "login.required",
  /** The person must agree. */
  CONSENT_REQUIRED: "consent.required",
  /** The person must choose again. */
  INTERACTION_REQUIRED: "interaction.required",
  /** People do not sign in here in the way that was asked for. */
  ACR_UNMET: "acr.unmet",
  /** The address to go to after signing out is not registered. */
  SIGN_OUT_REDIRECT_MISMATCH: "sign_out.redirect_mismatch",
  /** The person has not decided yet. */
  DEVICE_PENDING: "device.pending",
  /** The device asks too often. */
  DEVICE_SLOW_DOWN: "device.slow_down",
  /** The person said no. */
  DEVICE_DENIED: "device.denied",
  /** The code on the device expired. */
  DEVICE_EXPIRED: "device.expired",
  /** The device code cannot be used. */
  DEVICE_INVALID: "device.invalid",
  /** This code is not known. */
  DEVICE_CODE_UNKNOWN: "device.code_unknown",
  /** The client may not ask about tokens. */
  INTROSPECTION_NOT_ALLOWED: "introspection.not_allowed",
  /** The token is for another API. */
  TOKEN_AUDIENCE: "token.audience",
  /** The token acts for nobody's account. */
  TOKEN_NO_OWNER: "token.no_owner",
  /** The request names no version. */
  VERSION_MISSING: "version.missing",
  /** The version is not served. */
  VERSION_UNSUPPORTED: "version.unsupported",
  /** Something of older times is not allowed here. */
  LEGACY_OFF: "legacy.off",
  /** Nobody signed in on the stream in time. */
  STREAM_LOGIN_TIMEOUT: "stream.login_timeout",
  /** A message came before the login. */
  STREAM_NOT_LOGGED_IN: "stream.not_logged_in",
  /** The stream is signed in already. */
  STREAM_ALREADY_LOGGED_IN: "stream.already_logged_in",
  /** Too many streams are open. */
  STREAM_CONNECTION_LIMIT: "stream.connection_limit",
  /** The client did not keep up. */
  STREAM_SLOW_CLIENT: "stream.slow_client",
  /** The server is being restarted. */
  SERVER_STOPPING: "server.stopping",
} as const;

/** The id of a cause of the catalogue. */
export type CauseId = (typeof Cause)[keyof typeof Cause];

const CATALOGUE: { readonly [id: string]: CauseEntry } = {
  "credential.missing": { title: "No credential was sent", remedy: "Send [expected]. Check that nothing on the way drops it, and that the program reads its settings.", renew: false, whoCanAct: "caller" },
  "credential.malformed": { title: "The credential's text is damaged", remedy: "Print the length of the value your program sends, strip white space and quotes, and send it again.", renew: false, whoCanAct: "caller" },
  "credential.ambiguous": { title: "More than one credential was sent", remedy: "Remove all but one: either the two key headers, or Authorization.", renew: false, whoCanAct: "caller" },
  "credential.rejected": { title: "The credential was not accepted", remedy: "Compare key id and secret with the keys of the account, for the environment of this host. A secret is shown once; if it is lost, make a new key. After a reset of a paper account use the new key.", renew: true, whoCanAct: "caller" },
  "credential.wrong_kind": { title: "A genuine credential of another kind", remedy: "An OAuth client id and secret only fetch tokens: exchange an authorization code for a token and send that, or use an API key of the account.", renew: false, whoCanAct: "caller" },
  "credential.superseded": { title: "The key was replaced", remedy: "Use the newest key of the account; the keys page shows which one is active. A reset of a paper account replaces its keys at once.", renew: false, whoCanAct: "owner" },
  "credential.revoked": { title: "The key was revoked", remedy: "Make a new key on the keys page, or ask the owner of the account for one.", renew: false, whoCanAct: "owner" },
  "token.expired": { title: "The token expired", remedy: "Get a new token before the old one ends.", renew: true, whoCanAct: "caller" },
  "token.revoked": { title: "The token was revoked", remedy: "Send the owner through the authorization page again.", renew: true, whoCanAct: "owner" },
  "code.replayed": { title: "The authorization code was used twice", remedy: "Redeem each code once, and store the answer. Send the owner through the authorization page again for a new code.", renew: false, whoCanAct: "caller" },
  "environment.mismatch": { title: "A credential of another environment", remedy: "Call [right hosts], or make a key for this environment. Credentials do not move between environments.", renew: false, whoCanAct: "caller" },
  "token.not_yours": { title: "No such token of yours", remedy: "Name the token by the text or the id that the answer to POST /v1/oauth/token held.", renew: false, whoCanAct: "caller" },
  "client.rejected": { title: "The client was not accepted", remedy: "Check client_id and client_secret, or the key or certificate, against the registration, and that they belong to this platform.", renew: false, whoCanAct: "caller" },
  "client.secret_missing": { title: "The client sent no secret", remedy: "Check how the program loads the secret: an unset variable often arrives as an empty text.", renew: false, whoCanAct: "caller" },
  "client.disabled": { title: "The app is switched off", remedy: "The operator of the platform can switch the app on again ([contact]); tokens from before must then be obtained anew. Nothing about the token or its scopes needs changing.", renew: false, whoCanAct: "operator" },
  "client.pending": { title: "The app is not active yet", remedy: "Wait until then.", renew: false, whoCanAct: "time" },
  "client.expired": { title: "The app's registration ended", remedy: "Ask the operator of the platform ([contact]) to renew the registration.", renew: false, whoCanAct: "operator" },
  "client.live_not_approved": { title: "The app is not approved for live accounts", remedy: "The operator ([contact]) can approve the app for live trading. Until then use the paper environment, or an account of the app's owner.", renew: false, whoCanAct: "operator" },
  "grant_type.unsupported": { title: "This grant type is not offered", remedy: "Send the owner through the authorization page and redeem the code with grant_type=authorization_code.", renew: false, whoCanAct: "caller" },
  "grant.revoked": { title: "The owner took the permission back", remedy: "Only the owner of the account can give it again: send them through the authorization page. Nothing about the token, its scopes or the app needs changing.", renew: false, whoCanAct: "owner" },
  "account.disabled": { title: "The account is switched off", remedy: "Ask the operator of the platform ([contact]).", renew: false, whoCanAct: "operator" },
  "account.not_covered": { title: "The credential does not reach this account", remedy: "Name one of the accounts the credential was made for.", renew: false, whoCanAct: "caller" },
  "code.invalid": { title: "The authorization code cannot be redeemed", remedy: "Send the owner through the authorization page again, and redeem the code with the client that asked for it.", renew: false, whoCanAct: "caller" },
  "code.expired": { title: "The authorization code is too old", remedy: "Redeem a code at once when it arrives. Send the owner through the authorization page again.", renew: false, whoCanAct: "caller" },
  "code.redirect_mismatch": { title: "The redirect URI is not the one of the authorization request", remedy: "Send the same redirect_uri in the token request as in the authorization request.", renew: false, whoCanAct: "caller" },
  "pkce.verifier_missing": { title: "The code verifier is missing", remedy: "Keep the verifier between the two requests, with the state value, and send it as code_verifier.", renew: false, whoCanAct: "caller" },
  "pkce.verifier_mismatch": { title: "The code verifier is not the right one", remedy: "Send the verifier of this very attempt; its S256 hash is the challenge. Send none if no challenge was sent.", renew: false, whoCanAct: "caller" },
  "code.grant_ended": { title: "The permission ended before the code was redeemed", remedy: "Send the owner through the authorization page again.", renew: false, whoCanAct: "owner" },
  "redirect.mismatch": { title: "The redirect URI is not registered", remedy: "Register exactly this address, or send one that is registered.", renew: false, whoCanAct: "caller" },
  "response_type.unsupported": { title: "This response type is not offered", remedy: "Send response_type=code.", renew: false, whoCanAct: "caller" },
  "scope.invalid": { title: "A scope that cannot be given", remedy: "Ask for scopes of the registration only, or have the registration widened.", renew: false, whoCanAct: "caller" },
  "access.denied": { title: "The owner said no", remedy: "Nothing to mend: ask again only when the owner wants it.", renew: false, whoCanAct: "end_user" },
  "scope.missing": { title: "The token lacks a scope", remedy: "Add the missing scope to the authorization request and have the owner consent again; a token's scopes never change.", renew: false, whoCanAct: "caller" },
  "licence.delegated_access": { title: "The data licence forbids delegated access", remedy: "Read this data with the app's own API key and data subscription, or hold the licence [licence needed]; keep the delegated token for account and trading calls. [contact] can tell about licences.", renew: false, whoCanAct: "operator" },
  "rate.limited": { title: "Too many requests", remedy: "Wait for Retry-After seconds and spread requests; the X-RateLimit headers tell how many are left.", renew: false, whoCanAct: "time" },
  "sign_in.throttled": { title: "Too many attempts to sign in", remedy: "Wait, then try again. Programs must not sign in for people.", renew: false, whoCanAct: "time" },
  "attempts.throttled": { title: "Too many requests with credentials that are not accepted", remedy: "Stop retrying: a credential that was refused stays refused. Correct it, then wait Retry-After seconds.", renew: false, whoCanAct: "time" },
  "token_requests.limited": { title: "Tokens are asked for too often", remedy: "Wait Retry-After seconds and send the same request again. Keep the access token, share it between threads and processes, and refresh once, with one timer, at about half of its life. A token for each call, or a new sign-on after each error, runs into this limit.", renew: false, whoCanAct: "caller" },
  "request.parameter_missing": { title: "A parameter is missing", remedy: "Send it. A parameter without a value counts as left out (RFC 6749 section 3.1).", renew: false, whoCanAct: "caller" },
  "request.parameter_repeated": { title: "A parameter stands twice", remedy: "Send it once (RFC 6749 section 3.1).", renew: false, whoCanAct: "caller" },
  "request.parameter_unknown": { title: "A member of the body is not known", remedy: "Remove it or correct its spelling.", renew: false, whoCanAct: "caller" },
  "request.parameter_invalid": { title: "A parameter has a value that cannot be read", remedy: "Correct the value.", renew: false, whoCanAct: "caller" },
  "request.body_malformed": { title: "The body cannot be read", remedy: "Send [expected].", renew: false, whoCanAct: "caller" },
  "request.content_type": { title: "The body has the wrong content type", remedy: "Send the body as [expected] and say so in Content-Type.", renew: false, whoCanAct: "caller" },
  "request.too_large": { title: "The request is too large", remedy: "Send less.", renew: false, whoCanAct: "caller" },
  "request.malformed": { title: "The request is not well-formed HTTP", remedy: "Check how the program builds its headers and request line.", renew: false, whoCanAct: "caller" },
  "request.path_unknown": { title: "There is nothing at this path", remedy: "Check path and host against the platform's documentation.", renew: false, whoCanAct: "caller" },
  "request.method_not_allowed": { title: "Not by this method", remedy: "Use one of the methods in the Allow header.", renew: false, whoCanAct: "caller" },
  "request.host_unknown": { title: "This host name is not served here", remedy: "Use the base address from the platform's documentation; check proxies that rewrite Host.", renew: false, whoCanAct: "caller" },
  "sign_in.rejected": { title: "Name or password is not right", remedy: "Try again. Upper and lower case matter.", renew: false, whoCanAct: "end_user" },
  "sign_in.needed": { title: "Please sign in", remedy: "Sign in.", renew: false, whoCanAct: "end_user" },
  "form.rejected": { title: "This form is no longer good", remedy: "Go back, load the page again and repeat the step.", renew: false, whoCanAct: "end_user" },
  "server.upstream": { title: "The API behind the gate did not answer", remedy: "Try again in a few seconds; if it goes on, tell [contact] the decision id.", renew: false, whoCanAct: "operator" },
  "server.storage": { title: "Our storage did not answer", remedy: "Try again after Retry-After seconds; if it goes on, tell [contact] the decision id.", renew: false, whoCanAct: "operator" },
  "server.internal": { title: "Something broke on our side", remedy: "Tell [contact] the decision id.", renew: false, whoCanAct: "operator" },
  "refresh.invalid": { title: "The refresh token is not known", remedy: "Send the refresh token exactly as the last token answer held it, with the client it was issued to and, where it is bound to a key, a proof of that key. Otherwise send the owner through the authorization page again.", renew: false, whoCanAct: "caller" },
  "refresh.expired": { title: "The refresh token expired", remedy: "Send the owner through the authorization page again, and use the token at least once within its time.", renew: false, whoCanAct: "end_user" },
  "refresh.replayed": { title: "The refresh token was used before", remedy: "Store each new refresh token before the next use, share it between processes, and refresh in one place only. Send the owner through the authorization page again.", renew: false, whoCanAct: "caller" },
  "refresh.ended": { title: "The refresh token was revoked", remedy: "Send the owner through the authorization page again.", renew: false, whoCanAct: "owner" },
  "password.rejected": { title: "The machine's name or password was not accepted", remedy: "Check name and password of the machine user. People sign in on the platform's pages and never give their password to a program; machine users are made by the operator ([contact]).", renew: false, whoCanAct: "caller" },
  "session.quota_reached": { title: "The machine has as many sign-ons as it may have", remedy: "Give the tokens of the other sign-on back, wait for its end, or send takeExclusiveSignOnControl=true to take its place. The operator ([contact]) can allow more sign-ons at once.", renew: false, whoCanAct: "caller" },
  "session.displaced": { title: "Another sign-on took this one's place", remedy: "Find the other program that signs on as this machine user and run only one of them, or ask the operator ([contact]) to allow more sign-ons at once. Signing on again would displace the other one in turn.", renew: false, whoCanAct: "caller" },
  "client.grant_not_allowed": { title: "The client may not use this grant type", remedy: "Use a grant type of the client's registration, or have the registration changed ([contact]).", renew: false, whoCanAct: "operator" },
  "client.method_wrong": { title: "The client authenticates in another way", remedy: "Authenticate as the client's registration says, once, with nothing else beside it.", renew: false, whoCanAct: "caller" },
  "client.keys_unread": { title: "The keys that the client publishes could not be read", remedy: "Serve the key set at the registered jwks_uri: over https from a public address, without a redirect, with status 200, in three seconds and 64 KiB. It is tried again after ten seconds.", renew: false, whoCanAct: "caller" },
  "assertion.invalid": { title: "The client assertion is not good", remedy: "Make a fresh assertion for each request: iss and sub are the client_id, aud is the issuer, exp is soon, jti is new, and the key is one of the registration.", renew: false, whoCanAct: "caller" },
  "assertion.reused": { title: "The client assertion was used before", remedy: "Make a fresh assertion with a new jti for each request, also for a repeated one.", renew: false, whoCanAct: "caller" },
  "dpop.invalid": { title: "The DPoP proof is not good", remedy: "Make a fresh proof for each request: htm and htu are this request's, iat is now, jti is new, and ath is the hash of the token it goes with.", renew: false, whoCanAct: "caller" },
  "dpop.nonce_needed": { title: "The DPoP proof needs a nonce", remedy: "Repeat the request with a new proof that holds the nonce of the DPoP-Nonce header.", renew: false, whoCanAct: "caller" },
  "dpop.reused": { title: "The DPoP proof was used before", remedy: "Make a fresh proof with a new jti for each request, also for a repeated one.", renew: false, whoCanAct: "caller" },
  "dpop.missing": { title: "A DPoP proof is needed", remedy: "Send a DPoP proof in the DPoP header, and the token as Authorization: DPoP.", renew: false, whoCanAct: "caller" },
  "dpop.key_mismatch": { title: "The proof is of another key", remedy: "Sign proofs with the key that the token was asked for with.", renew: false, whoCanAct: "caller" },
  "certificate.missing": { title: "A client certificate is needed", remedy: "Connect with the client's certificate and key, directly or through the platform's own proxy.", renew: false, whoCanAct: "caller" },
  "certificate.mismatch": { title: "The token is bound to another certificate", remedy: "Connect with the certificate that the token was asked for with. After a change of certificate ask for a new token.", renew: false, whoCanAct: "caller" },
  "request_uri.invalid": { title: "The pushed request is not good", remedy: "Push the request again and send the browser with the new request_uri at once.", renew: false, whoCanAct: "caller" },
  "request.must_be_pushed": { title: "The request must be pushed", remedy: "Send the parameters to the pushed authorization request endpoint, and the browser with client_id and the request_uri of the answer.", renew: false, whoCanAct: "caller" },
  "request_object.invalid": { title: "The request object is not good", remedy: "Sign the request with a key of the client's registration; iss is the client_id, aud is the issuer.", renew: false, whoCanAct: "caller" },
  "resource.invalid": { title: "The resource is not known", remedy: "Send the address of an API of this platform as resource, or none.", renew: false, whoCanAct: "caller" },
  "login.required": { title: "The person must sign in", remedy: "Ask again without prompt=none.", renew: false, whoCanAct: "end_user" },
  "consent.required": { title: "The person must agree", remedy: "Ask again without prompt=none.", renew: false, whoCanAct: "end_user" },
  "interaction.required": { title: "The person must choose again", remedy: "Ask again without prompt=none.", renew: false, whoCanAct: "end_user" },
  "acr.unmet": { title: "People do not sign in here in the way that was asked for", remedy: "Ask for a value that acr_values_supported lists, or ask for acr without calling it essential.", renew: false, whoCanAct: "caller" },
  "sign_out.redirect_mismatch": { title: "The address to go to after signing out is not registered", remedy: "Register exactly this address in post_logout_redirect_uris, or send one that is registered.", renew: false, whoCanAct: "caller" },
  "device.pending": { title: "The person has not decided yet", remedy: "Ask again after the interval, until the person has decided or the code has expired.", renew: false, whoCanAct: "time" },
  "device.slow_down": { title: "The device asks too often", remedy: "Add five seconds to the interval and keep to it.", renew: false, whoCanAct: "caller" },
  "device.denied": { title: "The person said no", remedy: "Nothing to mend: begin again only when the person wants it.", renew: false, whoCanAct: "end_user" },
  "device.expired": { title: "The code on the device expired", remedy: "Begin again with a new code.", renew: false, whoCanAct: "end_user" },
  "device.invalid": { title: "The device code cannot be used", remedy: "Send the device_code of the last device authorization answer, with the client that asked for it, and stop once tokens were answered.", renew: false, whoCanAct: "caller" },
  "device.code_unknown": { title: "This code is not known", remedy: "Compare the code with the one that the device shows; begin again there if it is old.", renew: false, whoCanAct: "end_user" },
  "introspection.not_allowed": { title: "The client may not ask about tokens", remedy: "Ask with a client that is registered as a resource server ([contact]).", renew: false, whoCanAct: "operator" },
  "token.audience": { title: "The token is for another API", remedy: "Ask for a token with the resource parameter naming this API.", renew: false, whoCanAct: "caller" },
  "token.no_owner": { title: "The token acts for nobody's account", remedy: "Let the owner sign in and agree: use a token from an authorization code, not one from client_credentials.", renew: false, whoCanAct: "caller" },
  "version.missing": { title: "The request names no version", remedy: "Send the header [parameter]: [expected] with every request to the API.", renew: false, whoCanAct: "caller" },
  "version.unsupported": { title: "The version is not served", remedy: "Send the header [parameter]: [expected].", renew: false, whoCanAct: "caller" },
  "legacy.off": { title: "Something of older times is not allowed here", remedy: "Use what stands in its place. The operator ([contact]) can allow it for clients that cannot.", renew: false, whoCanAct: "operator" },
  "stream.login_timeout": { title: "Nobody signed in on the stream in time", remedy: "Send the login as the first message, right after the stream has opened. Check that the program does not wait for data before it signs in.", renew: false, whoCanAct: "caller" },
  "stream.not_logged_in": { title: "A message came before the login", remedy: "Send the login first, wait until it is accepted, and only then subscribe.", renew: false, whoCanAct: "caller" },
  "stream.already_logged_in": { title: "The stream is signed in already", remedy: "Sign in once on each stream, or again with a fresh token of the same session where the protocol has that. For another account or app, open another stream.", renew: false, whoCanAct: "caller" },
  "stream.connection_limit": { title: "Too many streams are open", remedy: "Close the other stream first, or share one stream among the parts of your program. A stream whose program died is noticed when it answers no ping, within two minutes.", renew: false, whoCanAct: "caller" },
  "stream.slow_client": { title: "The client did not keep up", remedy: "Read from the stream without pause, hand the work to another thread or task, and let the library answer pings. Then connect again.", renew: false, whoCanAct: "caller" },
  "server.stopping": { title: "The server is being restarted", remedy: "Connect again in a moment.", renew: false, whoCanAct: "time" },
};

/** The catalogue's entry of a cause; `undefined` for one that it does not know. */
export function causeEntry(id: string): CauseEntry | undefined {
  return Object.hasOwn(CATALOGUE, id) ? CATALOGUE[id] : undefined;
}
