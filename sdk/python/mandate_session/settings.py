"""What a session is told once, and checked before any request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import Misconfigured
from .message import is_loopback, origin_of
from .secret import Secret

Grant = Literal["client_credentials", "authorization_code", "device", "refresh_token", "password", "api_key", "access_token"]
ClientAuth = Literal["none", "basic", "post", "private_key_jwt"]

#: Grants whose tokens another process can use too.
STORED = ("client_credentials", "authorization_code", "device", "refresh_token", "password")
#: Grants that begin with a person.
PEOPLE = ("authorization_code", "device")


@dataclass(frozen=True)
class Settings:
    """All settings of a session. The builders of `Session` fill it in; secrets in it do not print."""

    grant: Grant
    #: the issuer's address, whose metadata (RFC 8414) names the endpoints that are not given
    issuer: str | None = None
    token_endpoint: str | None = None
    authorization_endpoint: str | None = None
    device_endpoint: str | None = None
    revocation_endpoint: str | None = None
    pushed_endpoint: str | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    #: how the client authenticates; by default `basic` with a secret (`post` if the issuer's metadata name that and not `basic`),
    #: `private_key_jwt` with a key, else `none`
    auth: ClientAuth | None = None
    #: private key (JWK) of `private_key_jwt`
    jwk: Mapping[str, Any] | None = field(default=None, repr=False)
    #: `aud` of client assertions; by default the issuer, or the token endpoint where no issuer is known
    assertion_audience: str | None = None
    scope: str | None = None
    resource: tuple[str, ...] = ()
    username: str | None = None
    password: Secret | None = None
    refresh_token: Secret | None = None
    access_token: Secret | None = None
    #: seconds that the given access token lives, from the making of the session
    expires_in: float | None = None
    #: headers of an API key
    key_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: further parameters of token requests
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: further parameters of the authorization request
    authorize: Mapping[str, str] = field(default_factory=dict, repr=False)
    dpop: bool = False
    pushed: bool = False
    #: seconds that a call waits for a token
    patience: float = 60.0
    #: seconds that one request of the session may take
    timeout: float = 10.0
    #: origins that tokens may go to (`https://api.example.com`); none given: any https or loopback one
    origins: tuple[str, ...] | None = None
    #: allow plain http to other machines
    insecure_http: bool = False

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise Misconfigured(problem)

    def _problem(self) -> str | None:
        for name in ("issuer", "token_endpoint", "authorization_endpoint", "device_endpoint", "revocation_endpoint", "pushed_endpoint"):
            url = getattr(self, name)
            if url is not None and not self.secure(url):
                return f"{name} must be an https address (or loopback, or set insecure_http)"
        for origin in self.origins or ():
            if origin_of(origin) is None:
                return f"origins: {origin!r} is not an http(s) origin"
        if self.patience < 0 or self.timeout <= 0:
            return "patience must not be negative, and timeout must be above zero"
        if self.grant == "api_key":
            return None if self.key_headers else "an API key needs its headers"
        if self.grant == "access_token":
            return None if self.access_token else "access_token is empty"
        if not self.client_id:
            return "client_id is empty"
        if self.issuer is None and self.token_endpoint is None:
            return "give issuer or token_endpoint"
        if self.grant == "password" and (self.username is None or self.password is None):
            return "the password grant needs username and password"
        if self.grant == "refresh_token" and not self.refresh_token:
            return "refresh_token is empty"
        if self.grant == "authorization_code" and self.issuer is None and self.authorization_endpoint is None:
            return "give issuer or authorization_endpoint"
        if self.grant == "device" and self.issuer is None and self.device_endpoint is None:
            return "give issuer or device_endpoint"
        method = self.client_auth
        if method in ("basic", "post") and not self.client_secret:
            return f"auth={method!r} needs client_secret"
        if method == "private_key_jwt" and not self.jwk:
            return "auth='private_key_jwt' needs jwk"
        if self.grant == "client_credentials" and method == "none":
            return "client_credentials needs a secret or a key (RFC 6749 4.4)"
        return None

    @property
    def client_auth(self) -> ClientAuth:
        """How the client authenticates."""
        if self.auth is not None:
            return self.auth
        if self.jwk is not None:
            return "private_key_jwt"
        return "basic" if self.client_secret else "none"

    def secure(self, url: str) -> bool:
        """May secrets go to this address?"""
        origin = origin_of(url)
        return origin is not None and (origin.startswith("https:") or self.insecure_http or is_loopback(origin))

    def owner(self) -> str:
        """Whose file a stored one is: the digest of STORE.md."""
        parts = [
            self.issuer or self.token_endpoint or "",
            self.client_id,
            self.grant,
            self.username or "",
            " ".join(sorted((self.scope or "").split())),
            " ".join(sorted(self.resource)),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def secrets(self) -> list[str]:
        """Every secret text in here."""
        held = [s.reveal() for s in (self.client_secret, self.password, self.refresh_token, self.access_token) if s]
        key = self.jwk or {}
        held += [str(key[name]) for name in ("d", "p", "q", "dp", "dq", "qi", "k") if name in key]
        return held + list(self.key_headers.values())


def texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One text or several, as several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def scope_text(value: str | Sequence[str] | None) -> str | None:
    """Scopes as one text."""
    return " ".join(texts(value)) or None
