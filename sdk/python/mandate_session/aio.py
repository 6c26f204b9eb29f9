"""The session for tasks of asyncio."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
from .session import WATCH_S
from .settings import Settings
from .sign_in import AsyncLogin
from .threads import give_back, in_thread, thread_future
from .transport import AsyncTransport, StdTransport, Transport

T = TypeVar("T")


class AsyncSession(Base):
    """As `Session`, for any number of tasks of one event loop. A caller that is cancelled does not cancel a renewal."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport | AsyncTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        **world: Any,
    ) -> None:
        self._transport: Transport | AsyncTransport = transport or StdTransport()
        self._sleep = sleep
        super().__init__(settings, **world)
        self.login = AsyncLogin(self)

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _forked(self) -> None:
        super()._forked()
        self._flight: asyncio.Task[None] | None = None
        self._flight_early = False
        self._closing = threading.Event()

    # -- what programs ask

    async def authorize(self, method: str, url: str) -> dict[str, str]:
        """See `Session.authorize`."""
        fast = self._fast(url)
        if fast is not None:
            return fast
        origin = self._check_origin(url)
        token = await self._ensure()
        return headers_with(self._core, token, method, url, self._now(), origin)

    async def token(self) -> Token:
        """See `Session.token`."""
        token = await self._ensure()
        if token is None:
            raise Misconfigured("an API key is no token")
        return token

    async def answered(
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
        """See `Session.answered`."""
        exchange = Exchange(method, url, replayable, dict(sent), repeated)
        return await self.exchanged(exchange, Answer(status, lowered(headers), body))

    async def exchanged(self, exchange: Exchange, answer: Answer) -> dict[str, str] | None:
        """See `Session.exchanged`."""
        judged = await self._run(judge_call(self._core, exchange, answer))
        if judged.renew:
            try:
                await self._ensure()
            except SessionError as error:
                if not judged.again:
                    return None
                raise after_refusal(error, judged.refusal) from error.__cause__
        if not judged.again:
            return None
        exchange.sent = await self.authorize(exchange.method, exchange.url)
        return exchange.sent

    async def fetch(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """See `Session.fetch`."""
        exchange = Exchange(method, url)
        exchange.sent = await self.authorize(method, url)
        while True:
            answer = await self._send(Request(method, url, merged(headers, exchange.sent), body))
            if await self.exchanged(exchange, answer) is None:
                return answer

    async def renewals(self) -> AsyncIterator[Token]:
        """See `Session.renewals`."""
        shown: Token | None = None
        while True:
            try:
                await self._run(load_store(self._core))
                await self._ensure()
            except Closed:
                return
            except Unavailable:
                pass
            token = self._core.token
            if token is not None and is_newer(token, shown):
                shown = token
                yield token
            else:
                await self._idle()

    async def _idle(self) -> None:
        """Between two looks of `renewals`."""
        await asyncio.sleep(WATCH_S)

    async def close(self) -> None:
        """See `Session.close`."""
        self._core.closed = True
        self._core.ready = None
        self._closing.set()
        flight = self._flight
        if flight is not None and not flight.done() and flight.get_loop() is asyncio.get_running_loop():
            flight.cancel()
            await asyncio.wait([flight])
        if isinstance(self._transport, StdTransport):
            self._transport.close()

    async def logout(self) -> None:
        """See `Session.logout`."""
        await self._run(logout(self._core))
        await self.close()

    # -- the driver

    async def _run(self, flow: Flow[T]) -> T:
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect)
                except GeneratorExit as error:
                    self._abandoned(flow, error)
                    raise
                except BaseException as error:  # noqa: BLE001 - the flow tidies up, whatever it is
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value

    def _abandoned(self, flow: Flow[T], error: BaseException) -> None:
        """The loop is gone in the middle of a flow: nothing can be awaited any more, but a lock can be given back."""
        try:
            effect = flow.throw(error)
            while isinstance(effect, Disk) and self._store is not None:
                effect = flow.send(effect.perform(self._store))
        except BaseException:  # noqa: BLE001 - there is nobody to tell
            pass

    async def _perform(self, effect: Effect) -> object:
        if isinstance(effect, Now):
            return self._now()
        if isinstance(effect, Random):
            return self._random()
        if isinstance(effect, Send):
            return await self._send(effect.request)
        if isinstance(effect, Sleep):
            await (asyncio.sleep if self._sleep is None else self._sleep)(effect.seconds)
            return None
        store = self._store
        if store is None:
            raise Misconfigured("there is no store")
        if isinstance(effect, Disk):
            work = effect.perform
            return await in_thread(lambda: work(store))
        if isinstance(effect, TakeLock):
            wanted, patience, stop = effect.wanted, effect.patience, threading.Event()
            taking = thread_future(lambda: store.take_lock(wanted, patience, lambda: stop.is_set() or self._closing.is_set()))
            try:
                return await asyncio.shield(taking)
            except asyncio.CancelledError:
                # nobody waits any more: a lock that is taken nevertheless must not stay
                stop.set()
                taking.add_done_callback(give_back)
                raise
        raise TypeError(f"unknown effect {effect!r}")

    async def _send(self, request: Request) -> Answer:
        transport, timeout = self._transport, self._core.settings.timeout
        if inspect.iscoroutinefunction(transport.send):
            answer: Answer = await transport.send(request, timeout)
            return answer
        found: Any = await in_thread(lambda: transport.send(request, timeout))
        got: Answer = found
        return got

    async def _ensure(self) -> Token | None:
        """A usable token (None: a key is used). One task renews; those that need the result wait for it."""
        early_tried = False
        while True:
            step = self._core.step(self._now())
            going, token = self._settle(step, early_tried)
            if going:
                return token
            if step is Step.USE:
                continue
            early = step is Step.EARLY
            flight = self._flight
            leads = flight is None or flight.done() or flight.get_loop() is not asyncio.get_running_loop()
            if leads or flight is None:
                flight = asyncio.get_running_loop().create_task(self._run(renew(self._core, early)))
                flight.add_done_callback(_seen)
                self._flight, self._flight_early = flight, early
            elif early:
                early_tried = True
                continue
            was_early = self._flight_early
            # not `await flight`: who is cancelled while waiting must not cancel the renewal of the others
            await asyncio.wait([flight])
            if flight.cancelled():
                continue
            error = flight.exception()
            if early:
                if error is not None and not isinstance(error, SessionError):
                    raise error
                early_tried = True
                continue
            if error is None or (was_early and isinstance(error, SessionError)):
                continue
            if isinstance(error, SessionError) and not leads:
                raise anew(error)
            raise error


def _seen(flight: asyncio.Task[None]) -> None:
    if not flight.cancelled():
        flight.exception()  # looked at, so that asyncio does not complain when everybody was cancelled
