"""Requests and answers as the session sees them, and what can happen to them on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """One HTTP request. Headers and body may hold secrets, so neither prints."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. Names of headers are lower case; a name that came twice has its values joined by a comma."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> dict[str, Any]:
        """The body's JSON object; empty if it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class NotSent(Exception):
    """The request did not reach anybody: no connection, name unknown, TLS failure."""


class Lost(Exception):
    """The request was sent, and no whole answer came: what it did is unknown."""


def lowered(headers: Any) -> dict[str, str]:
    """Headers of any mapping or list of pairs, with lower case names."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    result: dict[str, str] = {}
    for name, value in pairs:
        name, value = str(name).lower(), str(value)
        result[name] = f"{result[name]}, {value}" if name in result else value
    return result


def http_date_ms(text: str | None) -> int | None:
    """An HTTP date (RFC 9110 5.6.7) as milliseconds since 1970, or None."""
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None


_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str | None:
    """`scheme://host:port` in lower case (RFC 6454), or None if this is no http(s) address that everybody reads the same way."""
    # A backslash is a slash to browsers and part of the host to others; control characters are dropped by some.
    if "\\" in url or any(c <= " " or c == "\x7f" for c in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in _PORTS or not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port or _PORTS[scheme]}"


def is_loopback(origin: str) -> bool:
    """Is this origin on this machine?"""
    host = urlsplit(origin).hostname or ""
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(p.isdigit() and int(p) < 256 for p in parts)
