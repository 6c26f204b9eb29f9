"""A store that lives as long as its process: several sessions of one program share it."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable

from ..held import Record, Stored, stored_of
from . import LockTimeout, Taken


class MemoryStore:
    """Keeps one session's tokens in memory. Processes made by `os.fork` have a copy each."""

    def __init__(self) -> None:
        self._record: Record | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return "MemoryStore()"

    def read(self) -> Stored | None:
        """What is kept."""
        record = self._record
        return None if record is None else stored_of(copy.deepcopy(record))

    def take_lock(self, wanted: Callable[[Stored], bool], patience: float, given_up: Callable[[], bool]) -> Taken | Stored:
        """See `Store`."""
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()  # the parent's belongs to a thread of the parent
        until = time.monotonic() + patience
        lock = self._lock
        while not lock.acquire(timeout=0.02):
            found = self.read()
            if found is not None and wanted(found):
                return found
            if given_up() or time.monotonic() > until:
                raise LockTimeout
        return Taken(_MemoryLock(self, lock))


class _MemoryLock:
    def __init__(self, store: MemoryStore, lock: threading.Lock) -> None:
        self._store, self._lock = store, lock

    def owns(self) -> bool:
        return self._store._lock is self._lock

    def write(self, record: Record) -> None:
        self._store._record = copy.deepcopy(record)

    def remove(self) -> None:
        self._store._record = None

    def set_aside(self) -> None:
        self._store._record = None

    def release(self) -> None:
        self._lock.release()
