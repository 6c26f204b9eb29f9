"""A session as the `auth` of httpx (extra `httpx`): `httpx.Client(auth=Auth(session))`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from .aio import AsyncSession
from .calls import Exchange
from .message import Answer, lowered, origin_of
from .session import Session

_SECRET_HEADERS = ("authorization", "dpop")


class Auth(httpx.Auth):
    """Authorizes each request, and repeats one that is answered 401 where a renewal helps.

    For `httpx.Client` give a `Session`, for `httpx.AsyncClient` an `AsyncSession`.
    """

    def __init__(self, session: Session | AsyncSession) -> None:
        self._session = session

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What `httpx.Client` calls."""
        session = self._session
        if not isinstance(session, Session):
            raise TypeError("httpx.Client needs a Session, not an AsyncSession")
        url = str(request.url)
        exchange = _exchange(request, url)
        exchange.sent = session.authorize(request.method, url)
        _put(request, exchange.sent)
        while True:
            response = yield request
            if response.status_code != 401 and not session.listens():
                return  # nothing in it is the session's business
            if response.status_code == 401:
                response.read()
            sent = session.exchanged(exchange, _answer(response))
            if sent is None:
                return
            _put(request, sent)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What `httpx.AsyncClient` calls."""
        session = self._session
        if not isinstance(session, AsyncSession):
            raise TypeError("httpx.AsyncClient needs an AsyncSession, not a Session")
        url = str(request.url)
        exchange = _exchange(request, url)
        exchange.sent = await session.authorize(request.method, url)
        _put(request, exchange.sent)
        while True:
            response = yield request
            if response.status_code != 401 and not session.listens():
                return  # nothing in it is the session's business
            if response.status_code == 401:
                await response.aread()
            sent = await session.exchanged(exchange, _answer(response))
            if sent is None:
                return
            _put(request, sent)


def _exchange(request: httpx.Request, url: str) -> Exchange:
    # anything but bytes in memory can be read once only
    return Exchange(request.method, url, isinstance(request.stream, httpx.ByteStream))


def _put(request: httpx.Request, sent: dict[str, str]) -> None:
    headers = request.headers
    for name, value in sent.items():
        headers[name] = value


def _answer(response: httpx.Response) -> Answer:
    body = response.content if response.status_code == 401 else b""
    return Answer(response.status_code, lowered(response.headers.multi_items()), body)


def guard(client: httpx.Client | httpx.AsyncClient, session: Session | AsyncSession) -> None:
    """Gives a client this session, also for redirects: httpx takes `Authorization` from a request that is redirected to another
    origin, but knows nothing of key headers and proofs. With `follow_redirects`, use this instead of `auth=`."""
    client.auth = Auth(session)
    names = {*_SECRET_HEADERS, *(name.lower() for name in session.settings.key_headers)}

    def strip(request: httpx.Request) -> None:
        own = request.extensions.setdefault("mandate_session.origin", origin_of(str(request.url)))
        if own != origin_of(str(request.url)):
            for name in names:
                request.headers.pop(name, None)

    async def astrip(request: httpx.Request) -> None:
        strip(request)

    client.event_hooks = {**client.event_hooks, "request": [*client.event_hooks.get("request", []), astrip if isinstance(client, httpx.AsyncClient) else strip]}
