"""What a session can say of itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """The five states of a session."""

    LIVE = "live"
    IDLE = "idle"
    WAITING = "waiting"
    NEEDS_LOGIN = "needs_login"
    CLOSED = "closed"

    __str__ = str.__str__


class Reason(str, Enum):
    """Why nothing helps until somebody acts."""

    NEVER_SIGNED_IN = "never_signed_in"
    GRANT_ENDED = "grant_ended"
    REFRESH_LOST = "refresh_lost"
    CLIENT_REFUSED = "client_refused"
    DENIED = "denied"
    DISPLACED = "displaced"
    KEY_REFUSED = "key_refused"
    STORE_CORRUPT = "store_corrupt"

    __str__ = str.__str__


#: Who can act where no cause says it.
WHO = {
    Reason.NEVER_SIGNED_IN: "end_user",
    Reason.GRANT_ENDED: "end_user",
    Reason.REFRESH_LOST: "end_user",
    Reason.DENIED: "end_user",
    Reason.STORE_CORRUPT: "end_user",
    Reason.CLIENT_REFUSED: "caller",
    Reason.DISPLACED: "caller",
    Reason.KEY_REFUSED: "caller",
}

_WORDS = {
    Reason.NEVER_SIGNED_IN: "nobody has signed in yet",
    Reason.GRANT_ENDED: "the sign-in has ended",
    Reason.REFRESH_LOST: "the answer to a renewal was lost, and the issuer does not repeat it",
    Reason.CLIENT_REFUSED: "the issuer refuses this client or its request",
    Reason.DENIED: "the sign-in was denied or ran out",
    Reason.DISPLACED: "another program signed on with the same account",
    Reason.KEY_REFUSED: "the credential was refused and cannot be renewed",
    Reason.STORE_CORRUPT: "what was stored cannot be read",
}


@dataclass(frozen=True)
class Need:
    """What is needed before a session can go on: the reason, who can act, and how."""

    reason: Reason
    #: when it was found out, in milliseconds since 1970
    since: int
    cause: str | None = None
    who_can_act: str = ""
    remedy: str | None = None
    link: str | None = None
    #: what the issuer said, without secrets
    detail: str | None = None

    def text(self) -> str:
        """One sentence for people."""
        parts = [f"{self.reason}: {_WORDS[self.reason]}"]
        if self.detail:
            parts.append(f" ({self.detail})")
        if self.cause:
            parts.append(f" [{self.cause}]")
        parts.append(f"; who can act: {self.who_can_act}")
        if self.remedy:
            parts.append(f". {self.remedy}")
        if self.link:
            parts.append(f" See {self.link}")
        return "".join(parts)


@dataclass(frozen=True)
class State:
    """The state of a session at one moment. Times are milliseconds since 1970."""

    kind: Kind
    #: `live`: the token's end, if known
    ends_at: int | None = None
    #: `waiting`: until when
    until: int | None = None
    #: `waiting` and `needs_login`: why
    reason: str | None = None
    #: `needs_login`: the catalogue's cause, if the issuer named one
    cause: str | None = None
    who_can_act: str | None = None
    remedy: str | None = None
    link: str | None = None
