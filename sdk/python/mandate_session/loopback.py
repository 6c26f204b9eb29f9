"""The callback of a sign-in on this machine (RFC 8252 7.3): `127.0.0.1`, a port that is free, `/callback`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .errors import Unavailable
from .login import is_callback

WAIT_S = 300.0
PAGE = b"<!doctype html><meta charset=utf-8><title>Signed in</title><p>This window can be closed: the program goes on."
OTHER = b"<!doctype html><meta charset=utf-8><title>Not here</title><p>There is nothing here."


class Loopback:
    """Listens from the moment it is made. `wait` gives the address that the browser came back to."""

    def __init__(self) -> None:
        self._found: str | None = None
        self._state = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                good = is_callback(self.path, outer._state)
                if good:
                    outer._found = self.path
                page = PAGE if good else OTHER
                self.send_response(200 if good else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: Any) -> None:
                pass  # the line would hold the code

        # by threads: browsers open connections ahead of need, and say nothing on them
        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_address[1]}/callback"

    def wait(self, state: str, seconds: float = WAIT_S, given_up: Callable[[], bool] = lambda: False) -> str:
        """The address of the callback with this state; other requests are answered and ignored. Raises `Unavailable` when time is up."""
        self._state = state
        until = time.monotonic() + seconds
        try:
            while self._found is None:
                left = until - time.monotonic()
                if left <= 0 or given_up():
                    raise Unavailable("nobody came back from the browser in time", None)
                self._server.timeout = min(left, 0.1)
                self._server.handle_request()
        finally:
            self.close()
        return self.redirect_uri.removesuffix("/callback") + self._found

    def close(self) -> None:
        """Stops listening."""
        try:
            self._server.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._server.server_close()
