"""HTTP/1.1 by hand: for malformed requests, and for many at the same instant."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(first.split(" ", 2)[1]), headers


def exchange(origin: str, request: bytes, timeout_s: float = 10.0) -> Answer | None:
    """Sends bytes as they are and reads one answer. None: the server closed without one."""
    parts = urlsplit(origin)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout_s) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before everything was read: the answer may still be there
        received = b""
        try:
            while b"\r\n\r\n" not in received:
                chunk = connection.recv(65536)
                if not chunk:
                    return None
                received += chunk
            head, _, body = received.partition(b"\r\n\r\n")
            status, headers = _head(head)
            length = int(headers.get("content-length", "0"))
            while len(body) < length:
                chunk = connection.recv(65536)
                if not chunk:
                    break
                body += chunk
            if headers.get("transfer-encoding") == "chunked":
                while not body.endswith(b"0\r\n\r\n"):
                    chunk = connection.recv(65536)
                    if not chunk:
                        break
                    body += chunk
                body = _unchunk(body)
        except ConnectionResetError:
            return None
    return Answer(status, headers, body)


def _unchunk(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


class Connection:
    """One keep-alive connection of an asyncio task."""

    def __init__(self, address: str, host: str | None = None) -> None:
        parts = urlsplit(address)
        self._name, self._port = parts.hostname or "", parts.port or 80
        self._host = host or parts.netloc
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        self._streams = await asyncio.open_connection(self._name, self._port)

    async def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        if self._streams is None:
            await self.open()
        assert self._streams is not None
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        try:
            status, found = _head((await reader.readuntil(b"\r\n\r\n"))[:-4])
            if found.get("transfer-encoding") == "chunked":
                content = b""
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    content += (await reader.readexactly(size + 2))[:-2]
                await reader.readuntil(b"\r\n")
            else:
                content = await reader.readexactly(int(found.get("content-length", "0")))
        except BaseException:
            await self.close()
            raise
        if found.get("connection", "").lower() == "close":
            await self.close()
        return Answer(status, found, content)

    async def post_form(self, path: str, fields: dict[str, str]) -> Answer:
        body = urlencode(fields).encode()
        return await self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
