"""What a session asks of the world. Its behaviour is written as generators that yield these; a driver answers them.

Each helper below is one effect with its type: `answer = yield from send(request)`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from .held import Stored
from .message import Answer, Request
from .store import Lock, Store, Taken

T = TypeVar("T")


@dataclass(frozen=True)
class Now:
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class Random:
    """A number of [0, 1)."""


@dataclass(frozen=True)
class Sleep:
    """Seconds."""

    seconds: float


@dataclass(frozen=True)
class Send:
    """One request; raises `NotSent` or `Lost`."""

    request: Request


@dataclass(frozen=True)
class Disk:
    """Something that may block: a store or a lock at work. The driver gives the store."""

    perform: Callable[[Store], Any]


@dataclass(frozen=True)
class TakeLock:
    """The store's lock, or what was waited for; raises `LockTimeout`."""

    wanted: Callable[[Stored], bool]
    patience: float


Effect = Union[Now, Random, Sleep, Send, Disk, TakeLock]
Flow = Generator[Effect, Any, T]


def now() -> Flow[int]:
    """The time, in milliseconds since 1970."""
    moment: int = yield Now()
    return moment


def random() -> Flow[float]:
    """A number of [0, 1)."""
    number: float = yield Random()
    return number


def sleep(seconds: float) -> Flow[None]:
    """Waits."""
    yield Sleep(seconds)


def send(request: Request) -> Flow[Answer]:
    """Sends one request; raises `NotSent` or `Lost`."""
    answer: Answer = yield Send(request)
    return answer


def read_store() -> Flow[Stored | None]:
    """What is stored, or None; raises `Unreadable`."""
    found: Stored | None = yield Disk(lambda store: store.read())
    return found


def take_lock(wanted: Callable[[Stored], bool], patience: float) -> Flow[Taken | Stored]:
    """The lock, or the record that made waiting for it needless; raises `LockTimeout`."""
    taken: Taken | Stored = yield TakeLock(wanted, patience)
    return taken


def on_disk(work: Callable[[Store], T]) -> Flow[T]:
    """Any other work with the store."""
    result: T = yield Disk(work)
    return result


def release(lock: Lock) -> Flow[None]:
    """Gives a lock back."""
    yield Disk(lambda _: lock.release())
