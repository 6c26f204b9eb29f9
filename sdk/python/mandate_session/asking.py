"""One request to the issuer: client authentication, proofs, nonces, and a clock that turned out wrong."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import quote_plus, urlencode

from .answer import Passing, Verdict, judge
from .core import Core
from .discovery import Endpoints, endpoints
from .effects import Flow, now, send
from .headers import dpop_key
from .message import Answer, Lost, NotSent, Request, origin_of
from .refusal import challenge

Form = list[tuple[str, str]]
WRONG_CLOCK_MS = 30_000


def token_form(core: Core, grant_type: str, members: Sequence[tuple[str, str]], *, scope: bool = True) -> Form:
    """The parameters of a token request, but for the client's authentication."""
    form = [("grant_type", grant_type), *members]
    if scope and core.settings.scope:
        form.append(("scope", core.settings.scope))
    form += [("resource", r) for r in core.settings.resource]
    extra = core.settings.extra
    return [(name, value) for name, value in form if name not in extra] + list(extra.items())


def ask(core: Core, form: Form) -> Flow[tuple[int, Verdict]]:
    """A token request: when it was sent, and what came of it."""
    known = yield from endpoints(core)
    if not isinstance(known, Endpoints):
        return 0, known
    sent, answer = yield from post(core, known, known.token, form, proof=core.settings.dpop)
    if isinstance(answer, Passing):
        return sent, answer
    return sent, judge(answer, core.settings.dpop, core.secrets() + [value for name, value in form if name in _SECRET])


_SECRET = ("code", "code_verifier", "device_code", "refresh_token", "password", "client_secret", "client_assertion")


def post(core: Core, known: Endpoints, url: str, form: Form, *, proof: bool) -> Flow[tuple[int, Answer | Passing]]:
    """Posts a form as this client. Repeats it at once for a nonce (RFC 9449 8), and once if this machine's clock was found wrong."""
    origin = origin_of(url) or ""
    nonces, corrected = 0, False
    signed = proof or core.settings.client_auth == "private_key_jwt"
    while True:
        sent = yield from now()
        skew = core.skew_ms
        request = _request(core, known, url, form, (sent + skew) // 1000, origin if proof else None)
        try:
            answer = yield from send(request)
        except NotSent as error:
            return sent, Passing(str(error), None)
        except Lost as error:
            return sent, Passing(str(error), None, lost=True)
        core.learn(sent, (yield from now()), answer)
        nonce = answer.headers.get("dpop-nonce")
        if nonce and proof:
            core.nonces[origin] = nonce
        if answer.status >= 400:
            said = answer.json().get("error") or challenge(answer.headers).get("error")
            if proof and nonce and said == "use_dpop_nonce" and nonces < 2:
                nonces += 1
                continue
            if said in ("invalid_client", "invalid_dpop_proof") and signed and not corrected and abs(core.skew_ms - skew) > WRONG_CLOCK_MS:
                corrected = True
                continue
        return sent, answer


def _request(core: Core, known: Endpoints, url: str, form: Form, issuer_now: int, proof_origin: str | None) -> Request:
    given = core.settings
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    form = list(form)
    method = given.client_auth
    if method == "basic" and given.auth is None and known.secret_in_body:
        method = "post"
    secret = given.client_secret.reveal() if given.client_secret else ""
    if method == "basic":
        # RFC 6749 2.3.1: both are form-encoded first
        pair = f"{quote_plus(given.client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    elif all(name != "client_id" for name, _ in form):
        form.append(("client_id", given.client_id))
    if method == "post":
        form.append(("client_secret", secret))
    if method == "private_key_jwt":
        from . import crypto

        if core.client_key is None:
            core.client_key = crypto.Key(given.jwk or {})
        audience = given.assertion_audience or known.issuer or known.token
        form.append(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
        form.append(("client_assertion", crypto.assertion(core.client_key, given.client_id, audience, issuer_now)))
    if proof_origin is not None:
        from . import crypto

        headers["DPoP"] = crypto.proof(dpop_key(core), "POST", url, issuer_now, None, core.nonces.get(proof_origin))
    return Request("POST", url, headers, urlencode(form).encode())
