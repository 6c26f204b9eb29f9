"""A token endpoint and a data API that treat their clients badly: refreshes are refused once, and tokens do expire."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

DAYS = [["2026-05-04", 101.5], ["2026-05-01", 100.25]]


@dataclass
class Stub:
    """Answers refreshes with each of `refusals` once, then properly."""

    lifetime_s: float
    refusals: list[int]
    tokens: dict[str, float] = field(default_factory=dict)
    """Access token -> when it ends."""
    refreshes: list[tuple[float, int]] = field(default_factory=list)
    """When a refresh came, and how it was answered."""
    url: str = ""

    def token(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        if form["grant_type"] == ["refresh_token"]:
            status = self.refusals.pop(0) if self.refusals else 200
            self.refreshes.append((time.monotonic(), status))
            if status != 200:
                return status, {"error": "invalid_grant" if status == 400 else "server_error", "error_description": "Try again."}
        access = uuid.uuid4().hex
        self.tokens[access] = time.monotonic() + self.lifetime_s
        return 200, {
            "access_token": access,
            "refresh_token": uuid.uuid4().hex,
            "expires_in": str(int(self.lifetime_s)),
            "scope": "trapi.data.historical-pricing.read",
            "token_type": "Bearer",
        }

    def data(self, bearer: str) -> tuple[int, Any]:
        if self.tokens.get(bearer, 0) < time.monotonic():
            about = {"id": str(uuid.uuid4()), "code": "401", "message": "token expired", "status": "Unauthorized"}
            return 401, {"error": about}
        headers = [{"name": "DATE", "type": "string"}, {"name": "TRDPRC_1", "type": "number"}]
        return 200, [{"universe": {"ric": "IBM.N"}, "interval": "P1D", "headers": headers, "data": DAYS}]


@contextmanager
def misbehaving(lifetime_s: float, *refusals: int) -> Iterator[Stub]:
    stub = Stub(lifetime_s, list(refusals))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.answer(*(stub.token(form) if self.path.endswith("/token") else (200, {})))

        def do_GET(self) -> None:
            self.answer(*stub.data(self.headers.get("Authorization", "").removeprefix("Bearer ")))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
