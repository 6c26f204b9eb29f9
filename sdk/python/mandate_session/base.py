"""What both kinds of sessions share: settings, the fast path, and explanations."""

from __future__ import annotations

import os
import random as random_module
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .builders import Builders
from .core import Core, Step
from .errors import NeedsLogin, SessionError, Unavailable
from .events import Observer
from .headers import allowed
from .held import Token, Unreadable
from .message import Answer, lowered, origin_of
from .refusal import Refusal, error_for, explain
from .settings import Settings
from .state import State
from .store import Store

_ORIGINS_KEPT = 256
_living: weakref.WeakSet[Base] = weakref.WeakSet()


def _after_fork() -> None:
    for session in list(_living):
        session._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Base(Builders):
    """See `Session` and `AsyncSession`."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock
        # the system's generator: processes made by fork do not share its numbers
        self._random = random or random_module.SystemRandom().random
        self._store = store
        self._core = Core(settings, store is not None, observer, round(clock() * 1000))
        self._good_origins: set[str] = set()
        self._forked()
        _living.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._core.settings.grant} {self.state().kind}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a session is not pickled: make one in each process, with the same store")

    def _forked(self) -> None:
        """Forgets locks and flights, which belong to threads of the parent."""
        self._core.mutex = threading.Lock()
        self._core.fresh.mutex = threading.Lock()

    def _now(self) -> int:
        return round(self._clock() * 1000)

    @property
    def settings(self) -> Settings:
        """What the session was told."""
        return self._core.settings

    def listens(self) -> bool:
        """For integrations: do other answers than 401 matter now (nonces of proofs; fresh tokens were refused)?"""
        return self._core.settings.dpop or self._core.fresh.row > 0

    def _fast(self, url: str) -> dict[str, str] | None:
        """Headers for a call, if nothing has to be done for them."""
        ready = self._core.ready
        if ready is None or not ready[0] <= self._clock() < ready[1]:
            return None
        # two addresses that agree up to the first slash after the host are of one origin
        slash = url.find("/", 8)
        if slash < 0 or url[:slash] not in self._good_origins:
            self._check_origin(url)
        return ready[2].copy()

    def _check_origin(self, url: str) -> str:
        origin = allowed(self._core, url)
        slash = url.find("/", 8)
        if slash > 0 and origin_of(url[:slash]) == origin and len(self._good_origins) < _ORIGINS_KEPT:
            self._good_origins.add(url[:slash])
        return origin

    def state(self) -> State:
        """What the session holds, and what it needs. Makes no request; the store is looked at only before the first call."""
        core = self._core
        if core.stored and not core.loaded and not core.closed and self._store is not None:
            core.loaded = True
            try:
                found = self._store.read()
                if found is not None:
                    core.load(found, self._now())
            except (Unreadable, OSError, SessionError):
                pass  # the next call says it
        return core.state(self._now())

    def refusal(self, response: Any) -> Refusal | None:
        """Explains an answer of status >= 400: an `Answer`, or a response of httpx, requests and their like. None below 400."""
        return explain(answer_of(response), self._core.secrets())

    def check(self, response: Any) -> None:
        """Raises the refusal of an answer as the error that says it best; does nothing below 400."""
        refusal = self.refusal(response)
        if refusal is not None:
            raise error_for(refusal)

    def _settle(self, step: Step, early_tried: bool) -> tuple[bool, Token | None]:
        """Can a call go on, and with which token? One look at it: another thread may drop it at any moment."""
        token = self._core.token
        going = step is Step.USE or (step is Step.EARLY and early_tried)
        return going and (token is not None or self._core.settings.grant == "api_key"), token


def answer_of(response: Any) -> Answer:
    """Any response, as an `Answer`."""
    if isinstance(response, Answer):
        return response
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        status = int(response.status)
    body: Any = b""
    try:
        body = response.content
    except Exception:  # noqa: BLE001 - a stream that nobody has read
        pass
    return Answer(status, lowered(response.headers), body if isinstance(body, bytes) else b"")


def anew(error: SessionError) -> SessionError:
    """The same error for another caller: one object raised by many threads mixes their tracebacks."""
    if isinstance(error, NeedsLogin):
        return NeedsLogin(error.need)
    if isinstance(error, Unavailable):
        return Unavailable(error.reason, error.retry_at)
    return type(error)(*error.args) if error.args and type(error).__init__ is Exception.__init__ else type(error)()


def is_newer(token: Token | None, shown: Token | None) -> bool:
    """Is this a token that was not shown yet?"""
    return token is not None and (shown is None or token.secret != shown.secret)


def merged(headers: Mapping[str, str] | None, sent: Mapping[str, str]) -> dict[str, str]:
    """A program's headers and the session's, which win whatever their case."""
    ours = {name.lower() for name in sent}
    return {**{name: value for name, value in (headers or {}).items() if name.lower() not in ours}, **sent}
