"""Where tokens are kept between runs and shared between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Union

from ..held import Record, Stored


class LockTimeout(Exception):
    """Somebody else held the lock for longer than patience."""


class Lock(Protocol):
    """The right to renew, and to write. Made by `Store.take_lock`."""

    def owns(self) -> bool:
        """Is it still this process's?"""

    def write(self, record: Record) -> None:
        """Replaces what is stored, at once or not at all; raises OSError."""

    def remove(self) -> None:
        """Removes what is stored."""

    def set_aside(self) -> None:
        """Puts what cannot be read out of the way."""

    def release(self) -> None:
        """Gives the lock back. Never raises."""


@dataclass(frozen=True)
class Taken:
    """A lock that was taken. `took_over_ms`: how long its former holder had been silent, None if there was none."""

    lock: Lock
    took_over_ms: int | None = None


class Store(Protocol):
    """One session's place to keep its tokens. All methods may block, and are called from any thread."""

    def read(self) -> Stored | None:
        """What is stored; None if nothing is; raises `Unreadable` or OSError. Takes no lock."""

    def take_lock(self, wanted: Callable[[Stored], bool], patience: float, given_up: Callable[[], bool]) -> Union[Taken, Stored]:
        """Waits up to `patience` seconds of real time for the lock. If meanwhile a record is there that `wanted` accepts, that
        is the result instead. Raises `LockTimeout` (also as soon as `given_up()` says so) or OSError."""


from .file import FileStore  # noqa: E402
from .memory import MemoryStore  # noqa: E402

__all__ = ["FileStore", "Lock", "LockTimeout", "MemoryStore", "Store", "Taken"]
