"""One program of a scenario: a session, its driver (threads or tasks), and the integration that makes its calls."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests

import mandate_session.httpx
import mandate_session.requests
from mandate_session import Answer, AsyncSession, Session


@dataclasses.dataclass
class Got:
    """An answer to a call: status, body, and the integration's own object."""

    status: int
    body: bytes
    native: Any


def _stream(text: str):
    yield text.encode()


async def _astream(text: str):
    yield text.encode()


class SyncProgram:
    """`Session`; calls by `integration`: plain, httpx or requests."""

    kind = Session

    def __init__(self, session: Session, integration: str) -> None:
        self.session, self.integration = session, integration
        self.httpx = httpx.Client(timeout=10)
        mandate_session.httpx.guard(self.httpx, session)
        self.requests = requests.Session()
        self.requests.trust_env = False
        self.requests.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        self.requests.auth = mandate_session.requests.Auth(session)

    def call(self, method: str, url: str, body: str | None, stream: bool) -> Got:
        if self.integration == "requests":
            response = self.requests.request(method, url, data=_stream(body or "") if stream else body, timeout=10)
            return Got(response.status_code, response.content, response)
        if self.integration == "httpx" or stream:
            found = self.httpx.request(method, url, content=_stream(body or "") if stream else body)
            return Got(found.status_code, found.content, found)
        answer = self.session.fetch(method, url, body=None if body is None else body.encode())
        return Got(answer.status, answer.body, answer)

    def calls(self, programs: list[SyncProgram], method: str, url: str, body: str | None, stream: bool) -> list[Any]:
        with ThreadPoolExecutor(len(programs)) as pool:
            going = [pool.submit(p.call, method, url, body, stream) for p in programs]
            return [f.exception() or f.result() for f in going]

    def run(self, name: str, *arguments: Any) -> Any:
        owner: Any = self.session
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        return getattr(owner, last)(*arguments)

    def watch(self, world: Any, seconds: int) -> list[Any]:
        """Reads renewals() while the clock moves by seconds, one at a time: each look of the iterator is waited for."""
        found: list[Any] = []
        looked, go = threading.Semaphore(0), threading.Semaphore(0)

        def idle() -> None:
            looked.release()
            go.acquire()

        self.session._idle = idle  # type: ignore[method-assign]
        failed: list[BaseException] = []

        def read() -> None:
            try:
                for token in self.session.renewals():
                    found.append(token)
            except BaseException as error:  # noqa: BLE001
                failed.append(error)
            looked.release()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        looked.acquire()
        for _ in range(seconds):
            world.advance(1)
            go.release()
            looked.acquire()
            if failed:
                raise failed[0]
        closed, self.session._core.closed = self.session._core.closed, True
        go.release()
        thread.join(10)
        self.session._core.closed = closed
        return found

    def close(self) -> None:
        self.httpx.close()
        self.requests.close()
        self.session.close()


class AsyncProgram:
    """`AsyncSession` on a loop of the scenario's."""

    kind = AsyncSession

    def __init__(self, session: AsyncSession, integration: str, loop: asyncio.AbstractEventLoop) -> None:
        self.session, self.integration, self.loop = session, integration, loop
        self.httpx = httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=200))
        mandate_session.httpx.guard(self.httpx, session)

    async def _call(self, method: str, url: str, body: str | None, stream: bool) -> Got:
        if self.integration == "httpx" or stream:
            found = await self.httpx.request(method, url, content=_astream(body or "") if stream else body)
            return Got(found.status_code, found.content, found)
        answer: Answer = await self.session.fetch(method, url, body=None if body is None else body.encode())
        return Got(answer.status, answer.body, answer)

    def call(self, method: str, url: str, body: str | None, stream: bool) -> Got:
        return self.loop.run_until_complete(self._call(method, url, body, stream))

    def calls(self, programs: list[AsyncProgram], method: str, url: str, body: str | None, stream: bool) -> list[Any]:
        async def all_of() -> list[Any]:
            return await asyncio.gather(*(p._call(method, url, body, stream) for p in programs), return_exceptions=True)

        return self.loop.run_until_complete(all_of())

    def run(self, name: str, *arguments: Any) -> Any:
        owner: Any = self.session
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        return self.loop.run_until_complete(getattr(owner, last)(*arguments))

    def watch(self, world: Any, seconds: int) -> list[Any]:
        found: list[Any] = []

        async def reading() -> None:
            looked, go = asyncio.Semaphore(0), asyncio.Semaphore(0)

            async def idle() -> None:
                looked.release()
                await go.acquire()

            self.session._idle = idle  # type: ignore[method-assign]

            async def read() -> None:
                try:
                    async for token in self.session.renewals():
                        found.append(token)
                finally:
                    looked.release()

            task = asyncio.ensure_future(read())
            await looked.acquire()
            for _ in range(seconds):
                world.advance(1)
                go.release()
                await looked.acquire()
                if task.done():
                    break
            if not task.done():
                closed, self.session._core.closed = self.session._core.closed, True
                go.release()
                await task
                self.session._core.closed = closed
            await task

        self.loop.run_until_complete(reading())
        return found

    def close(self) -> None:
        self.loop.run_until_complete(self.httpx.aclose())
        self.loop.run_until_complete(self.session.close())


def same_origin_only(transport: Any, base: str) -> Any:
    """A transport that fails a test whose session asks anything of another host."""
    send = transport.send

    def checked(request: Any, timeout: float) -> Answer:
        assert urlsplit(request.url).netloc == urlsplit(base).netloc, f"asked {urlsplit(request.url).netloc}"
        return send(request, timeout)

    transport.send = checked
    return transport
