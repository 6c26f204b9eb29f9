"""Signing in: the flows of a person with a browser (RFC 6749 4.1, RFC 7636, RFC 9126, RFC 9207) or a second device (RFC 8628)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from .answer import PASSING_STATUS, Final, Garbled, Granted, Passing, sendable
from .asking import Form, ask, post, token_form
from .core import Core
from .discovery import Endpoints, endpoints
from .effects import Flow, now, on_disk, read_store, sleep, take_lock
from .errors import Misconfigured, NeedsLogin, Unavailable
from .held import Stored, Unreadable
from .message import Answer
from .refusal import Refusal, explain
from .renewal import GARBLED_LIMIT, Outcome, conclude, store_now
from .secret import Secret, scrubbed
from .state import WHO, Need, Reason
from .windows import seconds

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL_S = 5.0


@dataclass(frozen=True)
class CodePrompt:
    """A sign-in that has begun: send the person to `url`. The rest is needed to finish, and does not print."""

    url: str = field(repr=False)
    redirect_uri: str
    state: Secret
    verifier: Secret


@dataclass(frozen=True)
class DevicePrompt:
    """What to show to the person: an address and a code. `ends_at` in milliseconds since 1970."""

    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    ends_at: int
    interval: float
    device_code: Secret


def _b64(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _stopped(core: Core, found: Passing | Garbled | Final) -> Flow[Exception]:
    """The error for a request of the sign-in that did not succeed."""
    outcome = yield from conclude(core, 0, found)
    if outcome is Outcome.BARRED and core.need is not None:
        return NeedsLogin(core.need)
    return Unavailable(core.failure, core.not_before)


def _foreign(detail: str) -> Flow[NeedsLogin]:
    """A callback that is not this sign-in's, and may be forged: the session stays as it is."""
    moment = yield from now()
    return NeedsLogin(Need(Reason.DENIED, moment, who_can_act=WHO[Reason.DENIED], detail=detail))


def begin_code(core: Core, redirect_uri: str) -> Flow[CodePrompt]:
    """The address to open. PKCE with S256, always."""
    known = yield from endpoints(core)
    if not isinstance(known, Endpoints):
        raise (yield from _stopped(core, known))
    if not known.authorization:
        raise Misconfigured("no authorization endpoint is known")
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    given = core.settings
    asked: Form = [
        ("response_type", "code"), ("client_id", given.client_id), ("redirect_uri", redirect_uri), ("state", state),
        ("code_challenge", _b64(hashlib.sha256(verifier.encode()).digest())), ("code_challenge_method", "S256"),
    ]
    if given.scope:
        asked.append(("scope", given.scope))
    asked += [("resource", r) for r in given.resource]
    asked = [(name, value) for name, value in asked if name not in given.authorize] + list(given.authorize.items())
    if given.pushed or known.pushed_required:
        asked = yield from _pushed(core, known, asked)
    mark = "&" if urlsplit(known.authorization).query else "?"
    return CodePrompt(known.authorization + mark + urlencode(asked), redirect_uri, Secret(state), Secret(verifier))


def _pushed(core: Core, known: Endpoints, asked: Form) -> Flow[Form]:
    """RFC 9126: the request goes to the issuer, and the browser carries its name."""
    if not known.pushed:
        raise Misconfigured("no pushed authorization request endpoint is known")
    _, answer = yield from post(core, known, known.pushed, asked, proof=core.settings.dpop)
    body = _body(core, answer, "request_uri")
    if not isinstance(body, dict):
        raise (yield from _stopped(core, body))
    return [("client_id", core.settings.client_id), ("request_uri", body["request_uri"])]


def _body(core: Core, answer: Answer | Passing, wanted: str) -> dict[str, Any] | Passing | Garbled | Final:
    """The JSON of a 2xx answer that has `wanted`, or what it is instead."""
    if isinstance(answer, Passing):
        return answer
    body = answer.json()
    if 200 <= answer.status < 300:
        return body if isinstance(body.get(wanted), str) and body[wanted] else Garbled(f"{answer.status} without {wanted}")
    refusal = explain(answer, core.secrets())
    error = body.get("error") if isinstance(body.get("error"), str) else ""
    if answer.status >= 500 or answer.status in PASSING_STATUS or error in ("temporarily_unavailable", "server_error"):
        return Passing(f"{answer.status} {error}".strip(), answer.headers.get("retry-after"))
    return Final(str(error), refusal, f"{answer.status} {error}".strip())


def finish_code(core: Core, callback_url: str, prompt: CodePrompt) -> Flow[None]:
    """Checks the callback (RFC 6749 4.1.2, 10.12; RFC 9207 2.4) and redeems its code."""
    query = parse_qs(urlsplit(callback_url).query, keep_blank_values=True)
    twice = [name for name in ("code", "state", "iss", "error") if len(query.get(name, [])) > 1]
    if twice:
        raise (yield from _foreign(f"the callback has {twice[0]} twice"))
    said = {name: values[0] for name, values in query.items()}
    if not hmac.compare_digest(said.get("state", "").encode(), prompt.state.reveal().encode()):
        raise (yield from _foreign("the callback's state is not that of this sign-in"))
    known = yield from endpoints(core)
    if not isinstance(known, Endpoints):
        raise (yield from _stopped(core, known))
    if known.issuer is not None and (known.iss_announced or "iss" in said) and said.get("iss") != known.issuer:
        raise (yield from _foreign("the callback names another issuer (RFC 9207)"))
    if "error" in said:
        refusal = Refusal(400, error=said["error"], error_uri=said.get("error_uri"), message=said.get("error_description"))
        detail = said["error"] + (f": {said['error_description']}" if said.get("error_description") else "")
        moment = yield from now()
        raise NeedsLogin(core.refused_by_issuer(Final(said["error"], refusal, scrubbed(detail, core.secrets())), moment))
    code = said.get("code")
    if not code:
        raise (yield from _foreign("the callback has neither code nor error"))
    members = [("code", code), ("redirect_uri", prompt.redirect_uri), ("code_verifier", prompt.verifier.reveal())]
    # the authorization request has named scopes already
    yield from _redeem(core, token_form(core, "authorization_code", members, scope=False))
    yield from store_now(core)


def _redeem(core: Core, form: Form) -> Flow[None]:
    """Asks until there is an answer or patience is over; a lost answer is followed by the same request."""
    deadline = (yield from now()) + int(core.settings.patience * 1000)
    core.garbled = 0
    while True:
        sent, verdict = yield from ask(core, form)
        outcome = yield from conclude(core, sent, verdict)
        if outcome is Outcome.DONE:
            return
        if outcome is Outcome.BARRED and core.need is not None:
            raise NeedsLogin(core.need)
        moment = yield from now()
        wait = core.wait_left(moment)
        if core.garbled >= GARBLED_LIMIT or moment + wait > deadline:
            raise Unavailable(core.failure, core.not_before)
        yield from sleep(wait / 1000)


def begin_device(core: Core) -> Flow[DevicePrompt]:
    """Asks for a device code (RFC 8628 3.1)."""
    known = yield from endpoints(core)
    if not isinstance(known, Endpoints):
        raise (yield from _stopped(core, known))
    if not known.device:
        raise Misconfigured("no device authorization endpoint is known")
    form: Form = [("scope", core.settings.scope)] if core.settings.scope else []
    form += [("resource", r) for r in core.settings.resource]
    sent, answer = yield from post(core, known, known.device, form, proof=False)
    body = _body(core, answer, "device_code")
    if isinstance(body, dict) and not (sendable(body.get("user_code")) and isinstance(body.get("verification_uri"), str)):
        body = Garbled("no user_code or verification_uri")
    if not isinstance(body, dict):
        raise (yield from _stopped(core, body))
    complete = body.get("verification_uri_complete")
    return DevicePrompt(
        body["user_code"],
        body["verification_uri"],
        complete if isinstance(complete, str) else None,
        sent + (seconds(body.get("expires_in")) or 600) * 1000,
        float(seconds(body.get("interval")) or INTERVAL_S),
        Secret(body["device_code"]),
    )


def finish_device(core: Core, prompt: DevicePrompt) -> Flow[None]:
    """Polls until the person has decided (RFC 8628 3.4, 3.5)."""
    interval, once = prompt.interval, 1.0
    form = token_form(core, DEVICE_GRANT, [("device_code", prompt.device_code.reveal())], scope=False)
    while True:
        yield from sleep(interval * once)
        once = 1.0
        moment = yield from now()
        if moment >= prompt.ends_at:
            raise NeedsLogin(core.needs(Reason.DENIED, moment, detail="the device code ran out"))
        sent, verdict = yield from ask(core, form)
        if isinstance(verdict, Granted):
            yield from conclude(core, sent, verdict)
            yield from store_now(core)
            return
        if isinstance(verdict, (Passing, Garbled)):
            once = 2.0
        elif verdict.error == "slow_down":
            interval += 5
        elif verdict.error != "authorization_pending":
            raise NeedsLogin(core.refused_by_issuer(verdict, (yield from now())))


def again(core: Core) -> Flow[None]:
    """Forgets what stands in the way: the next renewal signs on anew (password, client credentials)."""
    yield from now()
    core.need = None
    core.not_before, core.failed_at = None, None
    if core.settings.grant == "password":
        core.refresh_token, core.lost = None, False


def logout(core: Core) -> Flow[None]:
    """Revokes (RFC 7009) the refresh token, then the access token; removes what is stored. Failures do not stop it."""
    if core.stored and not core.loaded:
        from .renewal import load_store

        yield from load_store(core)
    tokens = [(core.refresh_token, "refresh_token"), (core.token.reveal() if core.token else None, "access_token")]
    core.closed = True
    core.ready = None
    if core.settings.grant not in ("api_key", "access_token") and any(text for text, _ in tokens):
        known = yield from endpoints(core)
        if isinstance(known, Endpoints) and known.revocation:
            for text, kind in tokens:
                if text:
                    yield from post(core, known, known.revocation, [("token", text), ("token_type_hint", kind)], proof=False)
    if core.stored:
        try:
            got = yield from take_lock(lambda _: False, min(5.0, core.settings.patience))
        except Exception:  # noqa: BLE001 - whatever it is, signing out goes on
            got = None
        if got is not None and not isinstance(got, Stored):
            lock = got.lock
            try:
                found = yield from read_store()
                if found is None or found.owner == core.owner:
                    yield from on_disk(lambda _: lock.remove())
            except (Unreadable, OSError):
                pass
            finally:
                yield from on_disk(lambda _: lock.release())
    core.token, core.refresh_token, core.raw = None, None, {}
    core.past.clear()


def is_callback(target: str, state: str) -> bool:
    """Is this request target the callback of the sign-in with this state?"""
    parts = urlsplit(target)
    said = [value for name, value in parse_qsl(parts.query) if name == "state"]
    return parts.path == "/callback" and len(said) == 1 and hmac.compare_digest(said[0].encode(), state.encode())
