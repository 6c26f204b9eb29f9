"""Answers of status >= 400, explained: by headers, by the challenge, by the body, and by the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import errors
from .cause import Cause
from .message import Answer
from .secret import scrubbed

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True)
class Refusal:
    """Why an answer is a refusal. What the server did not say is None or empty."""

    status: int
    #: the catalogue's cause, or a text that the catalogue does not have
    cause: str | None = None
    title: str | None = None
    remedy: str | None = None
    who_can_act: str | None = None
    decision_id: str | None = None
    #: where this very decision is explained
    error_uri: str | None = None
    #: the code of RFC 6749 or RFC 6750, such as `invalid_token`
    error: str | None = None
    #: the server's own sentence
    message: str | None = None
    #: seconds
    retry_after: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    scopes_needed: tuple[str, ...] = ()
    scopes_held: tuple[str, ...] = ()

    @property
    def scopes_missing(self) -> tuple[str, ...]:
        """Needed, and not held."""
        return tuple(s for s in self.scopes_needed if s not in self.scopes_held)

    def text(self) -> str:
        """One sentence for people."""
        parts = [f"{self.status}"]
        if self.title or self.message:
            parts.append(f" {self.title or self.message}")
        if self.cause or self.error:
            parts.append(f" [{self.cause or self.error}]")
        if self.scopes_missing:
            parts.append(f"; missing: {' '.join(self.scopes_missing)}")
        if self.who_can_act:
            parts.append(f"; who can act: {self.who_can_act}")
        if self.remedy:
            parts.append(f". {self.remedy}")
        if self.error_uri:
            parts.append(f" See {self.error_uri}")
        return "".join(parts)


def challenge(headers: Mapping[str, str]) -> dict[str, str]:
    """The parameters of `WWW-Authenticate` (RFC 9110 11.6.1), those of all challenges together; the first of a name counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(headers.get("www-authenticate", "")):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
    return found


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, (list, tuple)):
        return tuple(v for v in value if isinstance(v, str))
    return ()


def explain(answer: Answer, secrets: Iterable[str] = ()) -> Refusal | None:
    """The refusal in an answer, or None below 400. `secrets` are taken out of every text."""
    if answer.status < 400:
        return None
    hidden = list(secrets)

    def text(value: Any) -> str | None:
        return scrubbed(value, hidden) if isinstance(value, str) and value else None

    said, body = challenge(answer.headers), answer.json()
    inner = body.get("error")
    # some platforms put all of it into an object named `error`
    nested = inner if isinstance(inner, dict) else {}
    code = inner if isinstance(inner, str) else None
    cause = text(answer.headers.get("mandate-cause")) or text(said.get("cause")) or text(body.get("cause"))
    known = Cause.named(cause) if cause else None
    facts = body.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    after = answer.headers.get("retry-after", "").strip()
    return Refusal(
        status=answer.status,
        cause=known or cause,
        title=known.title if known else None,
        remedy=text(body.get("remedy")) or (known.remedy if known else None),
        who_can_act=text(body.get("who_can_act")) or (known.who_can_act if known else None),
        decision_id=text(answer.headers.get("mandate-decision")) or text(said.get("decision_id")) or text(body.get("decision_id")),
        error_uri=text(body.get("error_uri")) or text(said.get("error_uri")),
        error=text(said.get("error")) or text(code),
        message=text(body.get("error_description")) or text(body.get("message")) or text(nested.get("message")) or text(said.get("error_description")),
        retry_after=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None,
        facts=facts,
        scopes_needed=_words(facts.get("scopes_needed")) or _words(said.get("scope")),
        scopes_held=_words(facts.get("scopes_held")),
    )


def error_for(refusal: Refusal) -> errors.Refused:
    """The error that says it best."""
    cause = refusal.cause or ""
    kind: type[errors.Refused]
    if cause == "scope.missing" or refusal.error == "insufficient_scope":
        kind = errors.ScopeMissing
    elif cause.startswith("licence."):
        kind = errors.LicenceRefused
    elif refusal.status == 401:
        kind = errors.CredentialRefused
    elif refusal.status == 429:
        kind = errors.RateLimited
    elif refusal.status >= 500:
        kind = errors.IssuerUnavailable
    else:
        kind = errors.Refused
    return kind(refusal)
