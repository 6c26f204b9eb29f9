"""What an observer is told. No event holds a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Union

from .state import Need


@dataclass(frozen=True)
class Renewed:
    """A new token came from the issuer."""

    name: ClassVar[str] = "renewed"
    #: milliseconds since 1970, None if unknown
    ends_at: int | None
    #: the old token was still good
    early: bool


@dataclass(frozen=True)
class TakenFromStore:
    """A token that another process (or an earlier run) left in the store is used from now on."""

    name: ClassVar[str] = "taken_from_store"


@dataclass(frozen=True)
class Failed:
    """An attempt failed in passing. `retry_at`: milliseconds since 1970."""

    name: ClassVar[str] = "failed"
    reason: str
    retry_at: int


@dataclass(frozen=True)
class LoginNeeded:
    """No attempt can help until somebody acts."""

    name: ClassVar[str] = "needs_login"
    need: Need


@dataclass(frozen=True)
class StoreFailed:
    """The store could not be written; the session goes on with what it holds."""

    name: ClassVar[str] = "store_failed"
    error: str


@dataclass(frozen=True)
class LockTakenOver:
    """The store's lock belonged to a process that is gone."""

    name: ClassVar[str] = "lock_taken_over"
    #: how long it was seen without a beat
    age_ms: int


@dataclass(frozen=True)
class Skew:
    """The issuer's clock differs from this machine's by `ms` (positive: the issuer is ahead)."""

    name: ClassVar[str] = "skew"
    ms: int


Event = Union[Renewed, TakenFromStore, Failed, LoginNeeded, StoreFailed, LockTakenOver, Skew]
Observer = Callable[[Event], None]
