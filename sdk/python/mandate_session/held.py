"""A token that is held, and its form in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .secret import Secret
from .windows import Windows

Record = dict[str, Any]


@dataclass(frozen=True)
class Token:
    """An access token with its moments (milliseconds since 1970; None: unknown). The text does not print."""

    secret: Secret
    token_type: str
    scope: str | None
    sent_at: int
    ends_at: int | None
    renew_at: int | None
    usable_until: int | None

    def reveal(self) -> str:
        """The token's text, to be sent and never to be shown."""
        return self.secret.reveal()

    def good(self, now: int) -> bool:
        """May it still be used?"""
        return self.usable_until is None or now < self.usable_until

    def due(self, now: int) -> bool:
        """Should it be renewed?"""
        return self.renew_at is not None and now >= self.renew_at


def token_of(text: str, token_type: str, scope: str | None, sent_at: int, moments: Windows) -> Token:
    """A token as an answer gave it."""
    return Token(Secret(text), token_type, scope, sent_at, moments.ends_at, moments.renew_at, moments.usable_until)


def _whole(record: Mapping[str, Any], name: str) -> int | None:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value)


def _text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True)
class Stored:
    """`NAME.json`, read. Members that are unknown stay in `raw`, and are written again."""

    raw: Record
    owner: str
    generation: int
    token: Token | None
    refresh_token: str | None
    lost: bool
    failures: int
    not_before: int | None
    skew_ms: int
    dpop_jwk: dict[str, str] | None
    seed: str | None

    def __repr__(self) -> str:
        return f"Stored(generation={self.generation})"


class Unreadable(ValueError):
    """What is stored is not a record of version 1."""


def stored_of(record: object) -> Stored:
    """Reads a record; raises `Unreadable`."""
    if not isinstance(record, dict) or record.get("version") != 1 or not isinstance(record.get("owner"), str):
        raise Unreadable("not a record of version 1")
    generation = _whole(record, "generation")
    if generation is None:
        raise Unreadable("no generation")
    text, token = _text(record, "access_token"), None
    if text is not None and all("!" <= c <= "~" for c in text):
        moments = Windows(_whole(record, "ends_at"), _whole(record, "renew_at"), _whole(record, "usable_until"))
        kind = "DPoP" if (_text(record, "token_type") or "").lower() == "dpop" else "Bearer"
        token = token_of(text, kind, _text(record, "scope"), _whole(record, "sent_at") or 0, moments)
    jwk = record.get("dpop_jwk")
    return Stored(
        raw=record,
        owner=record["owner"],
        generation=generation,
        token=token,
        refresh_token=_text(record, "refresh_token"),
        lost=record.get("lost") is True,
        failures=max(0, _whole(record, "failures") or 0),
        not_before=_whole(record, "not_before"),
        skew_ms=_whole(record, "skew_ms") or 0,
        dpop_jwk={str(k): str(v) for k, v in jwk.items()} if isinstance(jwk, dict) else None,
        seed=_text(record, "seed"),
    )


def members_of(token: Token | None) -> Record:
    """The members of a record that tell of the access token."""
    if token is None:
        names = ("access_token", "token_type", "scope", "sent_at", "ends_at", "renew_at", "usable_until")
        return dict.fromkeys(names)
    return {
        "access_token": token.reveal(),
        "token_type": token.token_type,
        "scope": token.scope,
        "sent_at": token.sent_at,
        "ends_at": token.ends_at,
        "renew_at": token.renew_at,
        "usable_until": token.usable_until,
    }
