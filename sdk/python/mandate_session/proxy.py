"""The proxy that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, the settings of the system), as other programs of
this machine read it."""

from __future__ import annotations

import http.client
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from .message import NotSent, is_loopback


@dataclass(frozen=True)
class Proxy:
    """Where requests go instead, and what the proxy wants to see of us."""

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)


class ProxiedConnection(http.client.HTTPConnection):
    """A connection to a proxy that is asked for whole addresses, in plain text."""

    proxy: Proxy


def proxy_of(origin: str) -> Proxy | None:
    """The proxy for an origin, or None for the straight way. Raises `NotSent` if one is named that cannot be used."""
    # What is plain only because it stays on this machine does stay here.
    if origin.startswith("http:") and is_loopback(origin):
        return None
    from urllib.request import getproxies, proxy_bypass  # reads the system's settings too, where a system has some

    proxies = getproxies()
    parts = urlsplit(origin)
    named = proxies.get(parts.scheme) or proxies.get("all")
    # Python matches `NO_PROXY` against host:port, and names without a port against the host alone
    if not named or not parts.hostname or proxy_bypass(parts.netloc):
        return None
    return _read(named)


def _read(named: str) -> Proxy:
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    # Neither says the address: it may hold a password.
    if not host:
        raise NotSent("the environment names a proxy, and not by an address")
    if parts.scheme.lower() != "http":
        raise NotSent(f"the environment names a proxy that is spoken to by {parts.scheme}; give a transport that can, or one by http")
    return Proxy(host, port, _authorization(parts))


def _authorization(parts: SplitResult) -> dict[str, str]:
    """RFC 9110 11.7.2, with Basic (RFC 7617)."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(pair.encode()).decode()}
