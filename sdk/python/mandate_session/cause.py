"""The causes that a Mandate server names. Made by `tools/make_causes.py`; do not edit."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why a request was refused. Each is equal to the text that the server sends: `Cause.TOKEN_EXPIRED == "token.expired"`."""

    title: str  # type: ignore[assignment]
    who_can_act: str
    renew: bool
    remedy: str

    def __new__(cls, text: str, title: str, who_can_act: str, renew: bool, remedy: str) -> Cause:
        made = str.__new__(cls, text)
        made._value_ = text
        made.title = title
        made.who_can_act = who_can_act
        made.renew = renew
        made.remedy = remedy
        return made

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def named(cls, text: str) -> Cause | None:
        """The cause of this name, or None if the catalogue that this library was made with does not have it."""
        return _BY_TEXT.get(text)

    CREDENTIAL_MISSING = (
        "credential.missing",
        "No credential was sent",
        "caller",
        False,
        "Send [expected]. Check that nothing on the way drops it, and that the program reads its settings.",
    )
    CREDENTIAL_MALFORMED = (
        "credential.malformed",
        "The credential's text is damaged",
        "caller",
        False,
        "Print the length of the value your program sends, strip white space and quotes, and send it again.",
    )
    CREDENTIAL_AMBIGUOUS = (
        "credential.ambiguous",
        "More than one credential was sent",
        "caller",
        False,
        "Remove all but one: either the two key headers, or Authorization.",
    )
    CREDENTIAL_REJECTED = (
        "credential.rejected",
        "The credential was not accepted",
        "caller",
        True,
        "Compare key id and secret with the keys of the account, for the environment of this host. A secret is shown once; if it is lost, make a new key. After a reset of a paper account use the new key.",
    )
    CREDENTIAL_WRONG_KIND = (
        "credential.wrong_kind",
        "A genuine credential of another kind",
        "caller",
        False,
        "An OAuth client id and secret only fetch tokens: exchange an authorization code for a token and send that, or use an API key of the account.",
    )
    CREDENTIAL_SUPERSEDED = (
        "credential.superseded",
        "The key was replaced",
        "owner",
        False,
        "Use the newest key of the account; the keys page shows which one is active. A reset of a paper account replaces its keys at once.",
    )
    CREDENTIAL_REVOKED = (
        "credential.revoked",
        "The key was revoked",
        "owner",
        False,
        "Make a new key on the keys page, or ask the owner of the account for one.",
    )
    TOKEN_EXPIRED = (
        "token.expired",
        "The token expired",
        "caller",
        True,
        "Get a new token before the old one ends.",
    )
    TOKEN_REVOKED = (
        "token.revoked",
        "The token was revoked",
        "owner",
        True,
        "Send the owner through the authorization page again.",
    )
    CODE_REPLAYED = (
        "code.replayed",
        "The authorization code was used twice",
        "caller",
        False,
        "Redeem each code once, and store the answer. Send the owner through the authorization page again for a new code.",
    )
    ENVIRONMENT_MISMATCH = (
        "environment.mismatch",
        "A credential of another environment",
        "caller",
        False,
        "Call [right hosts], or make a key for this environment. Credentials do not move between environments.",
    )
    TOKEN_NOT_YOURS = (
        "token.not_yours",
        "No such token of yours",
        "caller",
        False,
        "Name the token by the text or the id that the answer to POST /v1/oauth/token held.",
    )
    CLIENT_REJECTED = (
        "client.rejected",
        "The client was not accepted",
        "caller",
        False,
        "Check client_id and client_secret, or the key or certificate, against the registration, and that they belong to this platform.",
    )
    CLIENT_SECRET_MISSING = (
        "client.secret_missing",
        "The client sent no secret",
        "caller",
        False,
        "Check how the program loads the secret: an unset variable often arrives as an empty text.",
    )
    CLIENT_DISABLED = (
        "client.disabled",
        "The app is switched off",
        "operator",
        False,
        "The operator of the platform can switch the app on again ([contact]); tokens from before must then be obtained anew. Nothing about the token or its scopes needs changing.",
    )
    CLIENT_PENDING = (
        "client.pending",
        "The app is not active yet",
        "time",
        False,
        "Wait until then.",
    )
    CLIENT_EXPIRED = (
        "client.expired",
        "The app's registration ended",
        "operator",
        False,
        "Ask the operator of the platform ([contact]) to renew the registration.",
    )
    CLIENT_LIVE_NOT_APPROVED = (
        "client.live_not_approved",
        "The app is not approved for live accounts",
        "operator",
        False,
        "The operator ([contact]) can approve the app for live trading. Until then use the paper environment, or an account of the app's owner.",
    )
    GRANT_TYPE_UNSUPPORTED = (
        "grant_type.unsupported",
        "This grant type is not offered",
        "caller",
        False,
        "Send the owner through the authorization page and redeem the code with grant_type=authorization_code.",
    )
    GRANT_REVOKED = (
        "grant.revoked",
        "The owner took the permission back",
        "owner",
        False,
        "Only the owner of the account can give it again: send them through the authorization page. Nothing about the token, its scopes or the app needs changing.",
    )
    ACCOUNT_DISABLED = (
        "account.disabled",
        "The account is switched off",
        "operator",
        False,
        "Ask the operator of the platform ([contact]).",
    )
    ACCOUNT_NOT_COVERED = (
        "account.not_covered",
        "The credential does not reach this account",
        "caller",
        False,
        "Name one of the accounts the credential was made for.",
    )
    CODE_INVALID = (
        "code.invalid",
        "The authorization code cannot be redeemed",
        "caller",
        False,
        "Send the owner through the authorization page again, and redeem the code with the client that asked for it.",
    )
    CODE_EXPIRED = (
        "code.expired",
        "The authorization code is too old",
        "caller",
        False,
        "Redeem a code at once when it arrives. Send the owner through the authorization page again.",
    )
    CODE_REDIRECT_MISMATCH = (
        "code.redirect_mismatch",
        "The redirect URI is not the one of the authorization request",
        "caller",
        False,
        "Send the same redirect_uri in the token request as in the authorization request.",
    )
    PKCE_VERIFIER_MISSING = (
        "pkce.verifier_missing",
        "The code verifier is missing",
        "caller",
        False,
        "Keep the verifier between the two requests, with the state value, and send it as code_verifier.",
    )
    PKCE_VERIFIER_MISMATCH = (
        "pkce.verifier_mismatch",
        "The code verifier is not the right one",
        "caller",
        False,
        "Send the verifier of this very attempt; its S256 hash is the challenge. Send none if no challenge was sent.",
    )
    CODE_GRANT_ENDED = (
        "code.grant_ended",
        "The permission ended before the code was redeemed",
        "owner",
        False,
        "Send the owner through the authorization page again.",
    )
    REDIRECT_MISMATCH = (
        "redirect.mismatch",
        "The redirect URI is not registered",
        "caller",
        False,
        "Register exactly this address, or send one that is registered.",
    )
    RESPONSE_TYPE_UNSUPPORTED = (
        "response_type.unsupported",
        "This response type is not offered",
        "caller",
        False,
        "Send response_type=code.",
    )
    SCOPE_INVALID = (
        "scope.invalid",
        "A scope that cannot be given",
        "caller",
        False,
        "Ask for scopes of the registration only, or have the registration widened.",
    )
    ACCESS_DENIED = (
        "access.denied",
        "The owner said no",
        "end_user",
        False,
        "Nothing to mend: ask again only when the owner wants it.",
    )
    SCOPE_MISSING = (
        "scope.missing",
        "The token lacks a scope",
        "caller",
        False,
        "Add the missing scope to the authorization request and have the owner consent again; a token's scopes never change.",
    )
    LICENCE_DELEGATED_ACCESS = (
        "licence.delegated_access",
        "The data licence forbids delegated access",
        "operator",
        False,
        "Read this data with the app's own API key and data subscription, or hold the licence [licence needed]; keep the delegated token for account and trading calls. [contact] can tell about licences.",
    )
    RATE_LIMITED = (
        "rate.limited",
        "Too many requests",
        "time",
        False,
        "Wait for Retry-After seconds and spread requests; the X-RateLimit headers tell how many are left.",
    )
    SIGN_IN_THROTTLED = (
        "sign_in.throttled",
        "Too many attempts to sign in",
        "time",
        False,
        "Wait, then try again. Programs must not sign in for people.",
    )
    ATTEMPTS_THROTTLED = (
        "attempts.throttled",
        "Too many requests with credentials that are not accepted",
        "time",
        False,
        "Stop retrying: a credential that was refused stays refused. Correct it, then wait Retry-After seconds.",
    )
    TOKEN_REQUESTS_LIMITED = (
        "token_requests.limited",
        "Tokens are asked for too often",
        "caller",
        False,
        "Wait Retry-After seconds and send the same request again. Keep the access token, share it between threads and processes, and refresh once, with one timer, at about half of its life. A token for each call, or a new sign-on after each error, runs into this limit.",
    )
    REQUEST_PARAMETER_MISSING = (
        "request.parameter_missing",
        "A parameter is missing",
        "caller",
        False,
        "Send it. A parameter without a value counts as left out (RFC 6749 section 3.1).",
    )
    REQUEST_PARAMETER_REPEATED = (
        "request.parameter_repeated",
        "A parameter stands twice",
        "caller",
        False,
        "Send it once (RFC 6749 section 3.1).",
    )
    REQUEST_PARAMETER_UNKNOWN = (
        "request.parameter_unknown",
        "A member of the body is not known",
        "caller",
        False,
        "Remove it or correct its spelling.",
    )
    REQUEST_PARAMETER_INVALID = (
        "request.parameter_invalid",
        "A parameter has a value that cannot be read",
        "caller",
        False,
        "Correct the value.",
    )
    REQUEST_BODY_MALFORMED = (
        "request.body_malformed",
        "The body cannot be read",
        "caller",
        False,
        "Send [expected].",
    )
    REQUEST_CONTENT_TYPE = (
        "request.content_type",
        "The body has the wrong content type",
        "caller",
        False,
        "Send the body as [expected] and say so in Content-Type.",
    )
    REQUEST_TOO_LARGE = (
        "request.too_large",
        "The request is too large",
        "caller",
        False,
        "Send less.",
    )
    REQUEST_MALFORMED = (
        "request.malformed",
        "The request is not well-formed HTTP",
        "caller",
        False,
        "Check how the program builds its headers and request line.",
    )
    REQUEST_PATH_UNKNOWN = (
        "request.path_unknown",
        "There is nothing at this path",
        "caller",
        False,
        "Check path and host against the platform's documentation.",
    )
    REQUEST_METHOD_NOT_ALLOWED = (
        "request.method_not_allowed",
        "Not by this method",
        "caller",
        False,
        "Use one of the methods in the Allow header.",
    )
    REQUEST_HOST_UNKNOWN = (
        "request.host_unknown",
        "This host name is not served here",
        "caller",
        False,
        "Use the base address from the platform's documentation; check proxies that rewrite Host.",
    )
    SIGN_IN_REJECTED = (
        "sign_in.rejected",
        "Name or password is not right",
        "end_user",
        False,
        "Try again. Upper and lower case matter.",
    )
    SIGN_IN_NEEDED = (
        "sign_in.needed",
        "Please sign in",
        "end_user",
        False,
        "Sign in.",
    )
    FORM_REJECTED = (
        "form.rejected",
        "This form is no longer good",
        "end_user",
        False,
        "Go back, load the page again and repeat the step.",
    )
    SERVER_UPSTREAM = (
        "server.upstream",
        "The API behind the gate did not answer",
        "operator",
        False,
        "Try again in a few seconds; if it goes on, tell [contact] the decision id.",
    )
    SERVER_STORAGE = (
        "server.storage",
        "Our storage did not answer",
        "operator",
        False,
        "Try again after Retry-After seconds; if it goes on, tell [contact] the decision id.",
    )
    SERVER_INTERNAL = (
        "server.internal",
        "Something broke on our side",
        "operator",
        False,
        "Tell [contact] the decision id.",
    )
    REFRESH_INVALID = (
        "refresh.invalid",
        "The refresh token is not known",
        "caller",
        False,
        "Send the refresh token exactly as the last token answer held it, with the client it was issued to and, where it is bound to a key, a proof of that key. Otherwise send the owner through the authorization page again.",
    )
    REFRESH_EXPIRED = (
        "refresh.expired",
        "The refresh token expired",
        "end_user",
        False,
        "Send the owner through the authorization page again, and use the token at least once within its time.",
    )
    REFRESH_REPLAYED = (
        "refresh.replayed",
        "The refresh token was used before",
        "caller",
        False,
        "Store each new refresh token before the next use, share it between processes, and refresh in one place only. Send the owner through the authorization page again.",
    )
    REFRESH_ENDED = (
        "refresh.ended",
        "The refresh token was revoked",
        "owner",
        False,
        "Send the owner through the authorization page again.",
    )
    PASSWORD_REJECTED = (
        "password.rejected",
        "The machine's name or password was not accepted",
        "caller",
        False,
        "Check name and password of the machine user. People sign in on the platform's pages and never give their password to a program; machine users are made by the operator ([contact]).",
    )
    SESSION_QUOTA_REACHED = (
        "session.quota_reached",
        "The machine has as many sign-ons as it may have",
        "caller",
        False,
        "Give the tokens of the other sign-on back, wait for its end, or send takeExclusiveSignOnControl=true to take its place. The operator ([contact]) can allow more sign-ons at once.",
    )
    SESSION_DISPLACED = (
        "session.displaced",
        "Another sign-on took this one's place",
        "caller",
        False,
        "Find the other program that signs on as this machine user and run only one of them, or ask the operator ([contact]) to allow more sign-ons at once. Signing on again would displace the other one in turn.",
    )
    CLIENT_GRANT_NOT_ALLOWED = (
        "client.grant_not_allowed",
        "The client may not use this grant type",
        "operator",
        False,
        "Use a grant type of the client's registration, or have the registration changed ([contact]).",
    )
    CLIENT_METHOD_WRONG = (
        "client.method_wrong",
        "The client authenticates in another way",
        "caller",
        False,
        "Authenticate as the client's registration says, once, with nothing else beside it.",
    )
    CLIENT_KEYS_UNREAD = (
        "client.keys_unread",
        "The keys that the client publishes could not be read",
        "caller",
        False,
        "Serve the key set at the registered jwks_uri: over https from a public address, without a redirect, with status 200, in three seconds and 64 KiB. It is tried again after ten seconds.",
    )
    ASSERTION_INVALID = (
        "assertion.invalid",
        "The client assertion is not good",
        "caller",
        False,
        "Make a fresh assertion for each request: iss and sub are the client_id, aud is the issuer, exp is soon, jti is new, and the key is one of the registration.",
    )
    ASSERTION_REUSED = (
        "assertion.reused",
        "The client assertion was used before",
        "caller",
        False,
        "Make a fresh assertion with a new jti for each request, also for a repeated one.",
    )
    DPOP_INVALID = (
        "dpop.invalid",
        "The DPoP proof is not good",
        "caller",
        False,
        "Make a fresh proof for each request: htm and htu are this request's, iat is now, jti is new, and ath is the hash of the token it goes with.",
    )
    DPOP_NONCE_NEEDED = (
        "dpop.nonce_needed",
        "The DPoP proof needs a nonce",
        "caller",
        False,
        "Repeat the request with a new proof that holds the nonce of the DPoP-Nonce header.",
    )
    DPOP_REUSED = (
        "dpop.reused",
        "The DPoP proof was used before",
        "caller",
        False,
        "Make a fresh proof with a new jti for each request, also for a repeated one.",
    )
    DPOP_MISSING = (
        "dpop.missing",
        "A DPoP proof is needed",
        "caller",
        False,
        "Send a DPoP proof in the DPoP header, and the token as Authorization: DPoP.",
    )
    DPOP_KEY_MISMATCH = (
        "dpop.key_mismatch",
        "The proof is of another key",
        "caller",
        False,
        "Sign proofs with the key that the token was asked for with.",
    )
    CERTIFICATE_MISSING = (
        "certificate.missing",
        "A client certificate is needed",
        "caller",
        False,
        "Connect with the client's certificate and key, directly or through the platform's own proxy.",
    )
    CERTIFICATE_MISMATCH = (
        "certificate.mismatch",
        "The token is bound to another certificate",
        "caller",
        False,
        "Connect with the certificate that the token was asked for with. After a change of certificate ask for a new token.",
    )
    REQUEST_URI_INVALID = (
        "request_uri.invalid",
        "The pushed request is not good",
        "caller",
        False,
        "Push the request again and send the browser with the new request_uri at once.",
    )
    REQUEST_MUST_BE_PUSHED = (
        "request.must_be_pushed",
        "The request must be pushed",
        "caller",
        False,
        "Send the parameters to the pushed authorization request endpoint, and the browser with client_id and the request_uri of the answer.",
    )
    REQUEST_OBJECT_INVALID = (
        "request_object.invalid",
        "The request object is not good",
        "caller",
        False,
        "Sign the request with a key of the client's registration; iss is the client_id, aud is the issuer.",
    )
    RESOURCE_INVALID = (
        "resource.invalid",
        "The resource is not known",
        "caller",
        False,
        "Send the address of an API of this platform as resource, or none.",
    )
    LOGIN_REQUIRED = (
        "login.required",
        "The person must sign in",
        "end_user",
        False,
        "Ask again without prompt=none.",
    )
    CONSENT_REQUIRED = (
        "consent.required",
        "The person must agree",
        "end_user",
        False,
        "Ask again without prompt=none.",
    )
    INTERACTION_REQUIRED = (
        "interaction.required",
        "The person must choose again",
        "end_user",
        False,
        "Ask again without prompt=none.",
    )
    ACR_UNMET = (
        "acr.unmet",
        "People do not sign in here in the way that was asked for",
        "caller",
        False,
        "Ask for a value that acr_values_supported lists, or ask for acr without calling it essential.",
    )
    SIGN_OUT_REDIRECT_MISMATCH = (
        "sign_out.redirect_mismatch",
        "The address to go to after signing out is not registered",
        "caller",
        False,
        "Register exactly this address in post_logout_redirect_uris, or send one that is registered.",
    )
    DEVICE_PENDING = (
        "device.pending",
        "The person has not decided yet",
        "time",
        False,
        "Ask again after the interval, until the person has decided or the code has expired.",
    )
    DEVICE_SLOW_DOWN = (
        "device.slow_down",
        "The device asks too often",
        "caller",
        False,
        "Add five seconds to the interval and keep to it.",
    )
    DEVICE_DENIED = (
        "device.denied",
        "The person said no",
        "end_user",
        False,
        "Nothing to mend: begin again only when the person wants it.",
    )
    DEVICE_EXPIRED = (
        "device.expired",
        "The code on the device expired",
        "end_user",
        False,
        "Begin again with a new code.",
    )
    DEVICE_INVALID = (
        "device.invalid",
        "The device code cannot be used",
        "caller",
        False,
        "Send the device_code of the last device authorization answer, with the client that asked for it, and stop once tokens were answered.",
    )
    DEVICE_CODE_UNKNOWN = (
        "device.code_unknown",
        "This code is not known",
        "end_user",
        False,
        "Compare the code with the one that the device shows; begin again there if it is old.",
    )
    INTROSPECTION_NOT_ALLOWED = (
        "introspection.not_allowed",
        "The client may not ask about tokens",
        "operator",
        False,
        "Ask with a client that is registered as a resource server ([contact]).",
    )
    TOKEN_AUDIENCE = (
        "token.audience",
        "The token is for another API",
        "caller",
        False,
        "Ask for a token with the resource parameter naming this API.",
    )
    TOKEN_NO_OWNER = (
        "token.no_owner",
        "The token acts for nobody's account",
        "caller",
        False,
        "Let the owner sign in and agree: use a token from an authorization code, not one from client_credentials.",
    )
    VERSION_MISSING = (
        "version.missing",
        "The request names no version",
        "caller",
        False,
        "Send the header [parameter]: [expected] with every request to the API.",
    )
    VERSION_UNSUPPORTED = (
        "version.unsupported",
        "The version is not served",
        "caller",
        False,
        "Send the header [parameter]: [expected].",
    )
    LEGACY_OFF = (
        "legacy.off",
        "Something of older times is not allowed here",
        "operator",
        False,
        "Use what stands in its place. The operator ([contact]) can allow it for clients that cannot.",
    )
    STREAM_LOGIN_TIMEOUT = (
        "stream.login_timeout",
        "Nobody signed in on the stream in time",
        "caller",
        False,
        "Send the login as the first message, right after the stream has opened. Check that the program does not wait for data before it signs in.",
    )
    STREAM_NOT_LOGGED_IN = (
        "stream.not_logged_in",
        "A message came before the login",
        "caller",
        False,
        "Send the login first, wait until it is accepted, and only then subscribe.",
    )
    STREAM_ALREADY_LOGGED_IN = (
        "stream.already_logged_in",
        "The stream is signed in already",
        "caller",
        False,
        "Sign in once on each stream, or again with a fresh token of the same session where the protocol has that. For another account or app, open another stream.",
    )
    STREAM_CONNECTION_LIMIT = (
        "stream.connection_limit",
        "Too many streams are open",
        "caller",
        False,
        "Close the other stream first, or share one stream among the parts of your program. A stream whose program died is noticed when it answers no ping, within two minutes.",
    )
    STREAM_SLOW_CLIENT = (
        "stream.slow_client",
        "The client did not keep up",
        "caller",
        False,
        "Read from the stream without pause, hand the work to another thread or task, and let the library answer pings. Then connect again.",
    )
    SERVER_STOPPING = (
        "server.stopping",
        "The server is being restarted",
        "time",
        False,
        "Connect again in a moment.",
    )


_BY_TEXT: dict[str, Cause] = {cause.value: cause for cause in Cause}
