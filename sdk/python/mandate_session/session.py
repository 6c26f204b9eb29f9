"""The session for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from .base import Base, anew, is_newer, merged
from .calls import Exchange, after_refusal, judge_call
from .core import Step
from .effects import Disk, Effect, Flow, Now, Random, Send, Sleep, TakeLock
from .errors import Closed, Misconfigured, SessionError, Unavailable
from .headers import headers as headers_with
from .held import Token
from .login import logout
from .message import Answer, Request, lowered
from .renewal import load_store, renew
from .settings import Settings
from .sign_in import Login
from .transport import StdTransport, Transport

T = TypeVar("T")
WATCH_S = 1.0


class _Flight:
    """A renewal that is under way. Those who wait for it hold the session's condition."""

    def __init__(self, early: bool) -> None:
        self.early = early
        self.done = False
        self.error: SessionError | None = None


class Session(Base):
    """Answers one question as often as it is asked: what do I send now? Any number of threads may share it.

    Make it by `Session.client_credentials(...)` and its like. It is a context manager; leaving it closes it.
    """

    def __init__(self, settings: Settings, *, transport: Transport | None = None, sleep: Callable[[float], None] | None = None, **world: Any) -> None:
        self._transport: Transport = transport or StdTransport()
        self._sleep = sleep
        super().__init__(settings, **world)
        self.login = Login(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forked(self) -> None:
        super()._forked()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._flight: _Flight | None = None

    # -- what programs ask

    def authorize(self, method: str, url: str) -> dict[str, str]:
        """The headers that one request needs. Waits up to `patience` where a token must be had first.

        Raises `NeedsLogin`, `Unavailable`, `Closed` or `Misconfigured`.
        """
        fast = self._fast(url)
        if fast is not None:
            return fast
        origin = self._check_origin(url)
        token = self._ensure()
        return headers_with(self._core, token, method, url, self._now(), origin)

    def token(self) -> Token:
        """The token that is good now. Raises as `authorize` does."""
        token = self._ensure()
        if token is None:
            raise Misconfigured("an API key is no token")
        return token

    def answered(
        self,
        method: str,
        url: str,
        sent: Mapping[str, str],
        status: int,
        headers: Any,
        body: bytes = b"",
        *,
        replayable: bool = True,
        repeated: bool = False,
    ) -> dict[str, str] | None:
        """Tells the session of an answer to a call that it authorized with the headers `sent`.

        Headers: send the call again with these (`repeated=True` when telling of the answer to that). None: take the answer as it is.
        Tell it of other answers than 401 too: they show that the API takes this issuer's tokens, and may hold a nonce for proofs.
        """
        exchange = Exchange(method, url, replayable, dict(sent), repeated)
        return self.exchanged(exchange, Answer(status, lowered(headers), body))

    def exchanged(self, exchange: Exchange, answer: Answer) -> dict[str, str] | None:
        """As `answered`, for integrations, which keep one `Exchange` for all repetitions of a call."""
        judged = self._run(judge_call(self._core, exchange, answer))
        if judged.renew:
            try:
                self._ensure()
            except SessionError as error:
                if not judged.again:
                    return None
                raise after_refusal(error, judged.refusal) from error.__cause__
        if not judged.again:
            return None
        exchange.sent = self.authorize(exchange.method, exchange.url)
        return exchange.sent

    def fetch(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One authorized call by the session's own transport, for programs that bring none. Raises `NotSent` or `Lost` too."""
        exchange = Exchange(method, url)
        exchange.sent = self.authorize(method, url)
        while True:
            answer = self._transport.send(Request(method, url, merged(headers, exchange.sent), body), self._core.settings.timeout)
            if self.exchanged(exchange, answer) is None:
                return answer

    def renewals(self) -> Iterator[Token]:
        """Each token from the one that is good now, as soon as there is a newer one; renews by itself, and ends with the session.

        For programs that hold a websocket, and send each token in band. Raises `NeedsLogin` when nothing helps but a person.
        """
        shown: Token | None = None
        while True:
            try:
                self._run(load_store(self._core))
                self._ensure()
            except Closed:
                return
            except Unavailable:
                pass
            token = self._core.token
            if token is not None and is_newer(token, shown):
                shown = token
                yield token
            else:
                self._idle()

    def _idle(self) -> None:
        """Between two looks of `renewals`."""
        self._closing.wait(WATCH_S)

    def close(self) -> None:
        """Ends the session; what is stored stays."""
        self._core.closed = True
        self._core.ready = None
        self._closing.set()
        if isinstance(self._transport, StdTransport):
            self._transport.close()

    def logout(self) -> None:
        """Revokes the tokens where the issuer can, removes what is stored, and ends the session."""
        self._run(logout(self._core))
        self.close()

    # -- the driver

    def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = self._perform(effect)
                except BaseException as error:  # noqa: BLE001 - the flow tidies up, whatever it is
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value

    def _perform(self, effect: Effect) -> object:
        if isinstance(effect, Now):
            return self._now()
        if isinstance(effect, Random):
            return self._random()
        if isinstance(effect, Send):
            return self._transport.send(effect.request, self._core.settings.timeout)
        if isinstance(effect, Sleep):
            if self._sleep is not None:
                self._sleep(effect.seconds)
            elif self._closing.wait(effect.seconds):
                raise Closed
            return None
        store = self._store
        if store is None:
            raise Misconfigured("there is no store")
        if isinstance(effect, Disk):
            return effect.perform(store)
        if isinstance(effect, TakeLock):
            return store.take_lock(effect.wanted, effect.patience, self._closing.is_set)
        raise TypeError(f"unknown effect {effect!r}")

    def _ensure(self) -> Token | None:
        """A usable token (None: a key is used). One thread renews; those that need the result wait for it."""
        early_tried = False
        while True:
            step = self._core.step(self._now())
            going, token = self._settle(step, early_tried)
            if going:
                return token
            if step is Step.USE:
                continue
            early = step is Step.EARLY
            with self._changed:
                flight = self._flight
                leads = flight is None
                if flight is None:
                    # somebody may have renewed since the step was worked out
                    if self._core.step(self._now()) is not step:
                        continue
                    flight = self._flight = _Flight(early)
                elif early:
                    early_tried = True
                    continue
                else:
                    while not flight.done:
                        self._changed.wait()
            if leads:
                self._lead(flight)
                early_tried = early
            elif flight.error is not None and not flight.early:
                raise anew(flight.error)

    def _lead(self, flight: _Flight) -> None:
        try:
            self._run(renew(self._core, flight.early))
        except SessionError as error:
            flight.error = error
            if not flight.early:
                raise
        finally:
            with self._changed:
                flight.done = True
                if self._flight is flight:
                    self._flight = None
                self._changed.notify_all()
