"""What is sent with a request, and where it may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .core import Core
from .errors import Misconfigured
from .held import Token
from .message import origin_of
from .secret import Secret

if TYPE_CHECKING:
    from .crypto import Key


def allowed(core: Core, url: str) -> str:
    """The origin of an address that tokens may go to; raises `Misconfigured` for others."""
    origin = origin_of(url)
    if origin is None or not core.settings.secure(url):
        raise Misconfigured(f"tokens do not go to {origin or 'this address'}: https or loopback is needed (or insecure_http)")
    if core.origins is not None and origin not in core.origins:
        raise Misconfigured(f"tokens do not go to {origin}: it is not in origins")
    return origin


def dpop_key(core: Core) -> Key:
    """The key of this session's proofs, made at first need."""
    from . import crypto

    if core.dpop_jwk is None:
        core.dpop_jwk = crypto.new_dpop_jwk()
    if core.key is None:
        core.key = crypto.Key(core.dpop_jwk)
    return core.key


def headers(core: Core, token: Token | None, method: str, url: str, now: int, origin: str) -> dict[str, str]:
    """The headers of one request with this token (none: with the key)."""
    if token is None:
        return dict(core.settings.key_headers)
    text = token.reveal()
    sent = {"Authorization": f"{token.token_type} {text}"}
    if token.token_type == "DPoP":
        from . import crypto

        sent["DPoP"] = crypto.proof(dpop_key(core), method, url, (now + core.skew_ms) // 1000, text, core.nonces.get(origin))
    return sent


def sent_token(headers: Mapping[str, str]) -> Secret | None:
    """The token in headers that `authorize` gave."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, text = value.partition(" ")
            if scheme.lower() in ("bearer", "dpop") and text:
                return Secret(text.strip())
    return None


