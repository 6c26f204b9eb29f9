"""Errors of a session, and of answers that it explains. No text of theirs holds a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .refusal import Refusal
    from .state import Need, Reason


class SessionError(Exception):
    """What a session raises; catch this for all of it."""


class Misconfigured(SessionError):
    """A setting, an address or the store does not fit; raised before any request."""


class Closed(SessionError):
    """The session was closed or logged out."""

    def __init__(self) -> None:
        super().__init__("the session is closed")


class NeedsLogin(SessionError):
    """No attempt can help until somebody acts. Says who, how and where."""

    def __init__(self, need: Need) -> None:
        super().__init__(need.text())
        self.need = need

    @property
    def reason(self) -> Reason:
        """One of the reasons of `needs_login`."""
        return self.need.reason

    @property
    def cause(self) -> str | None:
        """The catalogue's cause, if the issuer named one."""
        return self.need.cause

    @property
    def who_can_act(self) -> str:
        """`caller`, `owner`, `end_user`, `operator` or `time`."""
        return self.need.who_can_act

    @property
    def remedy(self) -> str | None:
        """What to do, in a sentence."""
        return self.need.remedy

    @property
    def link(self) -> str | None:
        """Where the refusal is explained."""
        return self.need.link


class Unavailable(SessionError):
    """No token could be had in time; it will be tried again."""

    def __init__(self, reason: str, retry_at: int | None) -> None:
        super().__init__(f"no token for now: {reason}")
        self.reason = reason
        #: when the next attempt may be made, in milliseconds since 1970; None: at the next call
        self.retry_at = retry_at


class Refused(SessionError):
    """An answer of status >= 400, explained. `refusal` has the facts."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text())
        self.refusal = refusal


class ScopeMissing(Refused):
    """The token's scopes do not cover the request; see `refusal.scopes_missing`."""


class CredentialRefused(Refused):
    """401: the credential is not accepted."""


class LicenceRefused(Refused):
    """The account has no licence for the data (causes `licence.*`)."""


class RateLimited(Refused):
    """429: see `refusal.retry_after`, in seconds."""


class IssuerUnavailable(Refused):
    """5xx: the server failed; the request may be repeated later."""
