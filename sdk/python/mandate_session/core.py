"""What a session knows, and what follows from it. No input or output, no waiting, no clock of its own."""

from __future__ import annotations

import math
import threading
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

from .answer import Final, Granted
from .cause import Cause
from .errors import Closed, Misconfigured, NeedsLogin
from .events import Event, Failed, LoginNeeded, Observer, Renewed, Skew, TakenFromStore
from .fresh import Fresh
from .held import Record, Stored, Token, members_of, token_of
from .message import Answer, http_date_ms, origin_of
from .refusal import Refusal
from .secret import Secret, digest
from .settings import PEOPLE, STORED, Settings
from .state import WHO, Kind, Need, Reason, State
from .windows import HOUR_MS, backoff_ms, retry_after_ms, windows

if TYPE_CHECKING:
    from .crypto import Key
    from .discovery import Endpoints

#: A refused client is asked for again after this long: a setting may have been mended.
REFUSED_CLIENT_MS = 60_000
#: Between two looks, by callers that have a good token, at a lock that another process holds.
BUSY_MS = 100
#: Fast path: from when to when (seconds) which headers are sent.
Ready = tuple[float, float, dict[str, str]]


class Step(Enum):
    """What a call does first."""

    USE = "use"
    EARLY = "early"
    MUST = "must"


class Core:
    """The mutable facts of one session. One renewal at a time changes them; reading them needs no lock."""

    def __init__(self, settings: Settings, stored: bool, observer: Observer | None, now: int) -> None:
        self.settings, self.observer = settings, observer
        self.stored = stored and settings.grant in STORED
        self.owner = settings.owner()
        self.origins = None if settings.origins is None else {origin_of(o) for o in settings.origins}
        self.token: Token | None = None
        self.past: deque[Token] = deque(maxlen=8)  # those that it replaced
        self.fresh = Fresh()
        self.refresh_token: str | None = settings.refresh_token.reveal() if settings.refresh_token else None
        self.seed = digest(self.refresh_token) if self.refresh_token else None
        self.lost = False
        self.failures, self.garbled = 0, 0
        self.not_before: int | None = None
        self.failed_at: int | None = None
        self.look_again_at = 0  # another process renews: until then nobody looks whether it has ended
        self.failure = ""
        self.need: Need | None = None
        self.closed = False
        self.skew_ms = 0
        self.raw: Record = {}
        self.generation = 0
        self.stale: int | None = None  # the generation that could not be replaced: memory is newer than the store
        self.refused: str | None = None  # the access token that the API refused last
        self.dead: str | None = None  # the refresh token that the issuer refused last
        self.dpop_jwk: dict[str, str] | None = None
        self.key: Key | None = None
        self.client_key: Key | None = None
        self.nonces: dict[str, str] = {}
        self.endpoints: Endpoints | None = None
        self.loaded = False
        self.ready: Ready | None = None
        self.mutex = threading.Lock()
        if settings.grant == "api_key":
            self.ready = (-math.inf, math.inf, dict(settings.key_headers))
        elif settings.grant == "access_token" and settings.access_token:
            moments = windows(now, settings.expires_in, None, 0, renewable=False)
            self.hold(token_of(settings.access_token.reveal(), "Bearer", settings.scope, now, moments))

    def __repr__(self) -> str:
        return f"Core({self.settings.grant})"

    def emit(self, event: Event) -> None:
        """Tells the observer. What it does with it is no reason to fail."""
        if self.observer is not None:
            try:
                self.observer(event)
            except Exception:  # noqa: BLE001
                pass

    def secrets(self) -> list[str]:
        """Every text that must not be shown."""
        held = [self.token.reveal() if self.token else None, self.refresh_token, self.refused, self.dead, (self.dpop_jwk or {}).get("d")]
        return self.settings.secrets() + [text for text in held if text]

    # -- what is held

    @property
    def renewable(self) -> bool:
        """Can a token be had without a person?"""
        return self.refresh_token is not None or self.settings.grant in ("client_credentials", "password")

    def hold(self, token: Token) -> None:
        """Uses this token from now on."""
        with self.mutex:
            self._set(token)

    def drop(self, secret: Secret | None) -> bool:
        """The API refused this token: it is dead, whatever its end says. False if it is not the one that is held (any more)."""
        with self.mutex:
            if self.token is None or self.token.secret != secret:
                return False
            self.refused = self.token.reveal()
            self._set(None)
            return True

    def ended(self, secret: Secret | None, now: int) -> bool:
        """Is this a token of this session, held now or lately, that is past its use?"""
        return any(not token.good(now) for token in self._known(secret))

    def asked_for_before(self, secret: Secret | None, moment: int) -> bool:
        """Is this a token of this session, held now or lately, that was asked for before?"""
        return any(token.sent_at < moment for token in self._known(secret))

    def _known(self, secret: Secret | None) -> list[Token]:
        with self.mutex:
            known = (*self.past, self.token)
        return [token for token in known if token is not None and token.secret == secret]

    def holds(self, secret: Secret | None, now: int) -> bool:
        """Is this the token that is held, and good by the clock?"""
        token = self.token
        return token is not None and token.secret == secret and token.good(now)

    def _set(self, token: Token | None) -> None:
        if self.token is not None:
            self.past.append(self.token)
        self.token = token
        self.ready = None
        if token is not None and not self.settings.dpop and not self.closed:
            until = math.inf if token.renew_at is None else token.renew_at / 1000
            # before it was asked for: the clock was set back, and what it says of the end is wrong
            since = (token.sent_at - 5_000) / 1000
            self.ready = (since, until, {"Authorization": f"{token.token_type} {token.reveal()}"})

    def granted(self, answer: Granted, sent_at: int, u: float, early: bool) -> None:
        """Success: takes what the answer gives."""
        body = answer.body
        fresh = body.get("refresh_token")
        if isinstance(fresh, str) and fresh:
            self.refresh_token = fresh
        scope = body.get("scope")
        moments = windows(sent_at, body.get("expires_in"), body.get("refresh_in"), u, renewable=self.renewable)
        self.refused = None
        self.newer_than_store()
        self.hold(token_of(body["access_token"], answer.token_type, scope if isinstance(scope, str) else self.settings.scope, sent_at, moments))
        self.settled()
        self.need = None
        self.emit(Renewed(moments.ends_at, early))

    def newer_than_store(self) -> None:
        """Memory knows more than the store, until it is written: what is read meanwhile must not undo it."""
        if self.stored:
            self.stale = self.generation

    def settled(self) -> None:
        """Forgets failures."""
        self.failures, self.garbled, self.lost = 0, 0, False
        self.not_before, self.failed_at, self.failure = None, None, ""

    def failed(self, reason: str, retry_after: str | None, now: int, u: float) -> None:
        """A failure in passing: nobody asks again before the wait is over."""
        wait = backoff_ms(self.failures, u, retry_after_ms(retry_after, now + self.skew_ms))
        self.failures += 1
        self.newer_than_store()
        self.failed_at, self.not_before, self.failure = now, now + wait, reason
        self.emit(Failed(reason, self.not_before))

    def wait_left(self, now: int) -> int:
        """Milliseconds until the next request is allowed."""
        if self.not_before is None:
            return 0
        if self.failed_at is not None and now < self.failed_at:  # the clock was set back: the wait is as long as it was
            self.not_before, self.failed_at = now + self.not_before - self.failed_at, now
        return max(0, self.not_before - now)

    def needs(self, reason: Reason, now: int, refusal: Refusal | None = None, detail: str | None = None) -> Need:
        """Nothing helps until somebody acts."""
        who = (refusal.who_can_act if refusal else None) or WHO[reason]
        need = Need(
            reason, now, refusal.cause if refusal else None, who, refusal.remedy if refusal else None, refusal.error_uri if refusal else None, detail
        )
        self.need = need
        self.emit(LoginNeeded(need))
        return need

    def refused_by_issuer(self, final: Final, now: int) -> Need:
        """A final refusal of a token request."""
        reason = Reason.CLIENT_REFUSED
        if final.refusal is not None and final.refusal.cause == Cause.SESSION_DISPLACED:
            reason = Reason.DISPLACED
        elif final.error in ("access_denied", "expired_token") and self.settings.grant in PEOPLE:
            reason = Reason.DENIED
        return self.needs(reason, now, final.refusal, final.detail)

    def barred(self, now: int) -> Need | None:
        """The need that forbids an attempt, if there is one."""
        need = self.need
        if need is not None and need.reason is Reason.CLIENT_REFUSED and not 0 <= now - need.since < REFUSED_CLIENT_MS:
            return None
        return need

    def learn(self, sent: int, got: int, answer: Answer) -> None:
        """The issuer's clock, from its `Date`; its seconds are cut off, so half a second is added."""
        date = http_date_ms(answer.headers.get("date"))
        if date is None or not 0 <= got - sent <= 2_000:
            return
        skew = date + 500 - (sent + got) // 2
        if abs(skew - self.skew_ms) > 2_000:
            self.skew_ms = skew
            self.emit(Skew(skew))

    # -- what follows

    def step(self, now: int) -> Step:
        """What a call at this moment does; raises `Closed` or, for keys, `NeedsLogin`."""
        if self.closed:
            raise Closed
        if self.settings.grant == "api_key":
            if self.need is not None:
                raise NeedsLogin(self.need)
            return Step.USE
        token = self.token
        if token is None or not token.good(now):
            return Step.MUST
        set_back = now < token.sent_at - 5_000
        if not (token.due(now) or set_back) or not self.renewable or self.wait_left(now) > 0 or self.barred(now):
            return Step.USE
        return Step.USE if 0 < self.look_again_at - now <= BUSY_MS else Step.EARLY

    def state(self, now: int) -> State:
        """The session's state."""
        if self.closed:
            return State(Kind.CLOSED)
        token, need = self.token, self.need
        if self.ready is not None and self.settings.grant == "api_key":
            return State(Kind.LIVE)
        if token is not None and token.good(now):
            return State(Kind.LIVE, ends_at=token.ends_at)
        if need is None and not self.renewable:
            reason = Reason.GRANT_ENDED if token is not None or self.raw else Reason.NEVER_SIGNED_IN
            need = Need(reason, now, who_can_act=WHO[reason])
        if need is not None:
            return State(
                Kind.NEEDS_LOGIN, reason=str(need.reason), cause=need.cause, who_can_act=need.who_can_act, remedy=need.remedy, link=need.link
            )
        left = self.wait_left(now)
        if self.failures and left > 0:
            return State(Kind.WAITING, until=now + left, reason=self.failure or "an attempt of another process failed")
        return State(Kind.IDLE)

    # -- the store

    def wanted(self, stored: Stored, now: int) -> bool:
        """Is this record what a renewal was to bring: a good token that differs from the one held?"""
        if stored.owner != self.owner or self._older(stored) or self._other_seed(stored):
            return False
        token = stored.token
        if token is not None and (token.token_type == "DPoP") != self.settings.dpop:
            return False
        held = self.token.secret if self.token else None
        return token is not None and token.good(now) and token.secret != held and token.reveal() != self.refused

    def _older(self, stored: Stored) -> bool:
        return self.stale is not None and stored.generation <= self.stale

    def _other_seed(self, stored: Stored) -> bool:
        # a person has put another refresh token into the settings: the stored chain is that of the old one
        return self.settings.grant == "refresh_token" and stored.seed is not None and stored.seed != self.seed

    def load(self, stored: Stored, now: int) -> bool:
        """Takes over what the store holds; True if a token came with it. Raises `Misconfigured` for the file of another owner."""
        if stored.owner != self.owner:
            raise Misconfigured("store: the file belongs to another issuer, client, grant, user, scope or resource")
        if self._older(stored):
            return False
        self.raw, self.generation, self.stale = stored.raw, stored.generation, None
        if self._other_seed(stored):
            return False
        wanted = self.wanted(stored, now)
        self.seed = stored.seed or self.seed
        if stored.refresh_token is None or stored.refresh_token != self.dead:
            if stored.refresh_token not in (None, self.refresh_token) and self.need is not None and self.need.reason not in (
                Reason.CLIENT_REFUSED, Reason.DISPLACED,
            ):
                self.need = None  # another process has signed in
            self.refresh_token, self.lost = stored.refresh_token, stored.lost
        self.failures = stored.failures
        self.not_before = None if stored.not_before is None else min(stored.not_before, now + HOUR_MS + 1_000)
        self.failed_at = None if self.not_before is None else now
        self.skew_ms = stored.skew_ms
        if stored.dpop_jwk is not None and stored.dpop_jwk != self.dpop_jwk:
            self.dpop_jwk, self.key = stored.dpop_jwk, None
        if wanted and stored.token is not None:
            self.hold(stored.token)
            self.need = None
            self.emit(TakenFromStore())
        return wanted

    def record(self) -> Record:
        """What is to be stored now."""
        record: dict[str, Any] = {
            **self.raw,
            "version": 1,
            "owner": self.owner,
            "generation": self.generation + 1,
            **members_of(self.token),
            "refresh_token": self.refresh_token,
            "lost": self.lost,
            "failures": self.failures,
            "not_before": self.not_before,
            "skew_ms": self.skew_ms,
            "dpop_jwk": self.dpop_jwk,
        }
        if self.settings.grant == "refresh_token":
            record["seed"] = self.seed
        return record
