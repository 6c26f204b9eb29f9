"""HTTP by the standard library: TLS as Python trusts it, no redirects, connections kept for a moment."""

from __future__ import annotations

import http.client
import os
import re
import select
import socket
import ssl
import threading
import time
from typing import Protocol
from urllib.parse import urlsplit

from .message import Answer, Lost, NotSent, Request, lowered, origin_of
from .proxy import ProxiedConnection, Proxy, proxy_of

#: A connection that was idle for longer than this is not used again: servers close them, and a token request that dies on an old
#: connection counts as lost.
IDLE_S = 10.0
MAX_BODY = 16 * 1024 * 1024


class Transport(Protocol):
    """Sends requests of a session."""

    def send(self, request: Request, timeout: float) -> Answer:
        """One request, one answer; follows no redirect. Raises `NotSent` or `Lost`."""


class AsyncTransport(Protocol):
    """Sends requests of an `AsyncSession`."""

    async def send(self, request: Request, timeout: float) -> Answer:
        """One request, one answer; follows no redirect. Raises `NotSent` or `Lost`."""


class StdTransport:
    """The transport that a session has if it is given none. Threads may share it. It takes the proxy that the environment names
    (`HTTPS_PROXY`, `NO_PROXY` and so on), unless `proxies` is false."""

    def __init__(self, context: ssl.SSLContext | None = None, *, proxies: bool = True) -> None:
        self._context = context
        self._proxies = proxies
        self._fresh()

    def __repr__(self) -> str:
        return "StdTransport()"

    def _fresh(self) -> None:
        self._idle: dict[str, list[tuple[float, http.client.HTTPConnection]]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(self, request: Request, timeout: float) -> Answer:
        """See `Transport`."""
        origin = origin_of(request.url)
        if origin is None:
            raise NotSent("not an http(s) address")
        connection = self._taken(origin, timeout)
        if connection is None:
            connection = self._connected(origin, timeout)
        try:
            answer = self._exchanged(connection, request, time.monotonic() + timeout)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Lost(_words(error)) from None
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            with self._lock:
                self._idle.setdefault(origin, []).append((time.monotonic(), connection))
        return answer

    def close(self) -> None:
        """Closes connections that are kept."""
        with self._lock:
            kept, self._idle = self._idle, {}
        for connections in kept.values():
            for _, connection in connections:
                connection.close()

    def _taken(self, origin: str, timeout: float) -> http.client.HTTPConnection | None:
        if self._pid != os.getpid():
            self._fresh()  # connections of the parent are the parent's
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                if not kept:
                    return None
                since, connection = kept.pop()
            sock = connection.sock
            # readable while nothing was asked: the other side has closed it
            if sock is not None and time.monotonic() - since < IDLE_S and not _readable(sock):
                sock.settimeout(timeout)
                return connection
            connection.close()

    def _connected(self, origin: str, timeout: float) -> http.client.HTTPConnection:
        proxy = proxy_of(origin) if self._proxies else None
        connection = self._to(origin, proxy, timeout)
        try:
            connection.connect()
        except (OSError, ValueError) as error:
            connection.close()
            where = " through the proxy of the environment" if proxy else ""
            raise NotSent(f"no connection{where}: {_words(error)}") from None
        return connection

    def _to(self, origin: str, proxy: Proxy | None, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            if self._context is None:
                self._context = ssl.create_default_context()
            if proxy is None:
                return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
            tunnel = http.client.HTTPSConnection(proxy.host, proxy.port, timeout=timeout, context=self._context)
            tunnel.set_tunnel(host, port, proxy.headers)  # the proxy sees names and ports; TLS ends at the origin
            return tunnel
        if proxy is None:
            return http.client.HTTPConnection(host, port, timeout=timeout)
        connection = ProxiedConnection(proxy.host, proxy.port, timeout=timeout)
        connection.proxy = proxy
        return connection

    def _exchanged(self, connection: http.client.HTTPConnection, request: Request, deadline: float) -> Answer:
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = dict(request.headers)
        if isinstance(connection, ProxiedConnection):  # RFC 9112 3.2.2
            target = request.url.partition("#")[0]
            headers |= connection.proxy.headers
        connection.request(request.method, target, body=request.body, headers=headers)
        response = connection.getresponse()
        body = bytearray()
        # in pieces: a socket's timeout starts anew with each byte, and a server that drips would hold the caller for ever
        while part := response.read1(65536):
            body += part
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if len(body) > MAX_BODY:
                raise http.client.HTTPException("the answer is too long")
            if connection.sock is not None:
                connection.sock.settimeout(left)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.read()  # nothing is left: this lets the connection go
        if not response.isclosed() or response.will_close:
            connection.close()
        return Answer(response.status, lowered(response.getheaders()), bytes(body))


def _readable(sock: socket.socket) -> bool:
    if hasattr(select, "poll"):  # select() knows no descriptors above 1023
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if said := re.match(r"Tunnel connection failed: (\d{3})", str(error)):
        return f"it answered {said[1]}"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.RemoteDisconnected):
        return f"not a whole answer ({type(error).__name__})"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, ConnectionError):
        return f"connection cut ({type(error).__name__})"
    return getattr(error, "strerror", None) or type(error).__name__
