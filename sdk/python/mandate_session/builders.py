"""How sessions are made: one builder for each grant, for both kinds of sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from .events import Observer
from .secret import Secret
from .settings import ClientAuth, Settings, scope_text, texts
from .store import Store
from .transport import AsyncTransport, Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

S = TypeVar("S", bound="Builders")


class Options(TypedDict, total=False):
    """Settings that any session may have; see `Settings` for what they mean."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str
    device_endpoint: str
    revocation_endpoint: str
    pushed_endpoint: str
    auth: ClientAuth
    jwk: Mapping[str, Any]
    assertion_audience: str
    scope: str | Sequence[str] | None
    resource: str | Sequence[str]
    extra: Mapping[str, str]
    authorize: Mapping[str, str]
    dpop: bool
    pushed: bool
    patience: float
    timeout: float
    origins: Sequence[str] | None
    insecure_http: bool
    #: where tokens are kept and shared; without one, in this session's memory
    store: Store | None
    #: told of what happens, without secrets; must not block
    observer: Observer | None
    #: what sends the session's own requests
    transport: Transport | AsyncTransport
    #: seconds since 1970
    clock: Callable[[], float]
    #: waits for so many seconds
    sleep: Callable[[float], None] | Callable[[float], Awaitable[None]]
    #: numbers of [0, 1)
    random: Callable[[], float]


_WORLD = ("store", "observer", "transport", "clock", "sleep", "random")
_SETTINGS = {f.name for f in fields(Settings)}


class Builders(ABC):
    """The ways to make a session."""

    @abstractmethod
    def __init__(self, settings: Settings, **world: Any) -> None: ...

    @classmethod
    def _made(cls: type[S], options: Options, **given: Any) -> S:
        merged: dict[str, Any] = {**options, **given}
        world = {name: merged.pop(name) for name in _WORLD if name in merged}
        unknown = set(merged) - _SETTINGS
        if unknown:
            raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")
        if "scope" in merged:
            merged["scope"] = scope_text(merged["scope"])
        if "resource" in merged:
            merged["resource"] = texts(merged["resource"])
        if merged.get("origins") is not None:
            merged["origins"] = texts(merged["origins"])
        for name in ("client_secret", "password", "refresh_token", "access_token"):
            if isinstance(merged.get(name), str):
                merged[name] = Secret(merged[name])
        return cls(Settings(**merged), **world)

    @classmethod
    def client_credentials(cls: type[S], client_id: str, client_secret: str | Secret | None = None, **options: Unpack[Options]) -> S:
        """A program as itself (RFC 6749 4.4). Without a secret, give `jwk` (private_key_jwt)."""
        return cls._made(options, grant="client_credentials", client_id=client_id, client_secret=client_secret)

    @classmethod
    def authorization_code(cls: type[S], client_id: str, client_secret: str | Secret | None = None, **options: Unpack[Options]) -> S:
        """For a person with a browser (RFC 6749 4.1 with PKCE). Sign in with `session.login`."""
        return cls._made(options, grant="authorization_code", client_id=client_id, client_secret=client_secret)

    @classmethod
    def device(cls: type[S], client_id: str, client_secret: str | Secret | None = None, **options: Unpack[Options]) -> S:
        """For a person whose browser is elsewhere (RFC 8628). Sign in with `session.login`."""
        return cls._made(options, grant="device", client_id=client_id, client_secret=client_secret)

    @classmethod
    def password(
        cls: type[S], client_id: str, username: str, password: str | Secret, client_secret: str | Secret | None = None, **options: Unpack[Options]
    ) -> S:
        """Where a platform still has it (RFC 6749 4.3): refreshes while it can, and signs on anew when it must."""
        return cls._made(options, grant="password", client_id=client_id, username=username, password=password, client_secret=client_secret)

    @classmethod
    def refresh_token(cls: type[S], client_id: str, refresh_token: str | Secret, client_secret: str | Secret | None = None, **options: Unpack[Options]) -> S:
        """With a refresh token that was had elsewhere. Give a `store`: many issuers replace it at each use."""
        return cls._made(options, grant="refresh_token", client_id=client_id, refresh_token=refresh_token, client_secret=client_secret)

    @classmethod
    def access_token(cls: type[S], access_token: str | Secret, *, expires_in: float | None = None, **options: Unpack[Options]) -> S:
        """With an access token that was had elsewhere. It cannot be renewed."""
        return cls._made(options, grant="access_token", access_token=access_token, expires_in=expires_in)

    @classmethod
    def api_key(cls: type[S], headers: Mapping[str, str], **options: Unpack[Options]) -> S:
        """With the headers of an API key, such as `{"APCA-API-KEY-ID": ..., "APCA-API-SECRET-KEY": ...}`."""
        return cls._made(options, grant="api_key", key_headers=dict(headers))
