"""What the issuer's answer to a token request means (RFC 6749 5.1 and 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

from .message import Answer
from .refusal import Refusal, explain
from .secret import scrubbed

#: Statuses and errors that pass by themselves.
PASSING_STATUS = (408, 425, 429)
PASSING_ERRORS = ("temporarily_unavailable", "server_error")


@dataclass(frozen=True)
class Granted:
    """Success: the members of the answer, with a usable `access_token`."""

    body: dict[str, Any]
    token_type: str


@dataclass(frozen=True)
class Garbled:
    """200 without a token: whatever was done is lost."""

    reason: str


@dataclass(frozen=True)
class Passing:
    """A failure that may pass."""

    reason: str
    retry_after: str | None
    #: the request was sent, and what it did is unknown
    lost: bool = False


@dataclass(frozen=True)
class Final:
    """A refusal that repeating does not change."""

    error: str
    refusal: Refusal | None
    detail: str | None


Verdict = Union[Granted, Garbled, Passing, Final]


def sendable(text: Any) -> bool:
    """Is this a token that fits into a header (RFC 6750 2.1, generously)?"""
    return isinstance(text, str) and text != "" and all("!" <= c <= "~" for c in text)


def judge(answer: Answer, dpop: bool, secrets: list[str]) -> Verdict:
    """The meaning of an answer. `dpop`: the session asked for a DPoP token."""
    body = answer.json()
    if answer.status == 200:
        if not sendable(body.get("access_token")):
            return Garbled("200 without a token")
        said_kind = body.get("token_type")
        kind = said_kind.lower() if isinstance(said_kind, str) and said_kind else "bearer"
        if kind == "dpop" and dpop:
            return Granted(body, "DPoP")
        if kind == "bearer" and not dpop:
            return Granted(body, "Bearer")
        shown = scrubbed(kind, secrets)[:20]
        detail = f"downgraded: DPoP was asked for, and the token is of type {shown}" if dpop else f"the token is of type {shown}, which was not asked for"
        return Final("downgraded" if dpop else "token_type", None, detail)
    refusal = explain(answer, secrets)
    error = body.get("error")
    error = error if isinstance(error, str) else ""
    said = (refusal.error or refusal.message) if refusal else None
    if 300 <= answer.status < 400:
        return Final("", None, f"the issuer redirects ({answer.status}), and secrets do not follow")
    if answer.status in PASSING_STATUS or answer.status >= 500 or error in PASSING_ERRORS:
        return Passing(f"{answer.status} {said}" if said else str(answer.status), answer.headers.get("retry-after"))
    if answer.status < 300:
        return Garbled(f"{answer.status} without a token")
    detail = f"{answer.status} {said}" if said else f"the issuer answered {answer.status}"
    if refusal and refusal.message and refusal.message != said:
        detail += f": {refusal.message}"
    return Final(error, refusal, detail)
