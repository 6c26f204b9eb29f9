"""Websockets as a plain client opens them, and what every end of one must look like."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .demo import Demo
from .platform import Key

Login = dict[str, Any]


def by_key(key: Key) -> Login:
    return {"action": "auth", "key": key.id, "secret": key.secret}


def by_token(token: str) -> Login:
    return {"action": "authenticate", "data": {"oauth_token": token}}


@dataclass
class Stream:
    """One open websocket; JSON, or MessagePack."""

    socket: ClientConnection
    packed: bool = False
    rest: list[Any] = field(default_factory=list)

    def send(self, message: Any) -> None:
        self.socket.send(msgpack.packb(message) if self.packed else json.dumps(message))

    def next(self, within_s: float = 10) -> Any:
        raw = self.socket.recv(timeout=within_s)
        return msgpack.unpackb(raw, timestamp=3) if self.packed and isinstance(raw, bytes) else json.loads(raw)

    def until(self, wanted: Callable[[Any], bool], within_s: float = 10) -> Any:
        """The first message, or object in a message, that is wanted."""
        end = time.monotonic() + within_s
        while True:
            while self.rest:
                one = self.rest.pop(0)
                if wanted(one):
                    return one
            message = self.next(max(0.01, end - time.monotonic()))
            self.rest = message if isinstance(message, list) else [message]

    def closed(self, within_s: float = 10) -> Close:
        """Reads to the end: what was said last, and the close frame."""
        end, last = time.monotonic() + within_s, None
        try:
            while True:
                last = self.next(max(0.01, end - time.monotonic()))
        except ConnectionClosed as over:
            assert over.rcvd is not None, f"closed without a close frame: {over}; last said: {last}"
            cause, _, decision = over.rcvd.reason.partition(" ")
            return Close(over.rcvd.code, cause, decision, last[0] if isinstance(last, list) else last)

    def is_open(self, for_s: float = 0.3) -> bool:
        end = time.monotonic() + for_s
        try:
            while time.monotonic() < end:
                try:
                    self.next(max(0.01, end - time.monotonic()))
                except TimeoutError:
                    break
            return self.socket.ping().wait(5)
        except ConnectionClosed:
            return False


@dataclass(frozen=True)
class Close:
    code: int
    cause: str
    decision: str
    said: Any

    def says(self, demo: Demo, cause: str, code: int = 1008) -> dict[str, Any]:
        """The close names the cause, and its decision can be looked up and says the same."""
        assert (self.code, self.cause) == (code, cause), self
        assert len(f"{self.cause} {self.decision}".encode()) <= 123
        found = demo.explain(self.decision)
        assert found["cause"] == cause, found
        if self.said is not None:
            told = self.said.get("data", self.said)
            assert (told["cause"], told["decision_id"]) == (cause, self.decision), self.said
            assert told["error_uri"].endswith(f"/explain/{self.decision}"), self.said
        return found


@contextmanager
def opened(url: str, *, packed: bool = False, headers: dict[str, str] | None = None, **more: Any) -> Iterator[Stream]:
    given = dict(headers or {}) | ({"Content-Type": "application/msgpack"} if packed else {})
    with connect(url, additional_headers=given, proxy=None, compression=None, close_timeout=2, **more) as socket:
        yield Stream(socket, packed)


def ws(demo: Demo, environment: str = "paper") -> str:
    return str(demo.sheet["platforms"]["alpaca"]["environments"][environment]["ws"])


def data_ws(demo: Demo, feed: str = "iex") -> str:
    return f"{demo.sheet['platforms']['alpaca']['environments']['paper']['data_ws']}/v2/{feed}"


@contextmanager
def trades(demo: Demo, login: Login, environment: str = "paper") -> Iterator[Stream]:
    with opened(ws(demo, environment)) as stream:
        stream.send(login)
        yield stream


@contextmanager
def market(demo: Demo, login: Login, feed: str = "iex", *, packed: bool = False) -> Iterator[Stream]:
    with opened(data_ws(demo, feed), packed=packed) as stream:
        assert stream.next() == [{"T": "success", "msg": "connected"}]
        stream.send(login)
        yield stream


def admitted(stream: Stream) -> Stream:
    """The login was accepted, in the words of either stream."""
    said = stream.next()
    good: list[Any] = [
        [{"T": "success", "msg": "authenticated"}],
        {"stream": "authorization", "data": {"status": "authorized", "action": "auth"}},
        {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}},
    ]
    assert said in good, said
    return stream
