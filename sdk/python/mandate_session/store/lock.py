"""The lock file of STORE.md: who renews. Made by exclusive create, kept alive through its descriptor, taken over when silent."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

SIZE = 256
T = TypeVar("T")
_random = random.SystemRandom()


class Seen(NamedTuple):
    """A lock file as somebody else sees it. An unreadable one has no id, and its bytes for a beat."""

    id: str
    beat: str
    stale_ms: int


def content(lock_id: str, beat: int, beat_ms: int, stale_ms: int) -> bytes:
    """The 256 bytes of a lock."""
    line = json.dumps(
        {"version": 1, "id": lock_id, "pid": os.getpid(), "beat_ms": beat_ms, "stale_ms": stale_ms, "beat": f"{beat:016d}"},
        separators=(",", ":"),
    )
    return line.encode().ljust(SIZE - 1) + b"\n"


def look_at(path: str) -> Seen | None:
    """What a lock file says; None if there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(4096)
    except FileNotFoundError:
        return None
    try:
        said = json.loads(data)
        name, beat, stale = said["id"], said["beat"], said["stale_ms"]
        if len(data) != SIZE or said["version"] != 1 or not isinstance(beat, str) or isinstance(stale, bool):
            raise ValueError
        if len(name) != 32 or not set(name) <= set("0123456789abcdef"):
            raise ValueError
        return Seen(name, beat, int(min(max(stale, 100), 60_000)))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return Seen("unreadable", data.hex(), 5000)


class FileLock:
    """A lock that this process holds. A thread counts its beat up through the descriptor that made the file."""

    def __init__(self, path: str, descriptor: int, lock_id: str, beat_ms: int, stale_ms: int) -> None:
        self.id = lock_id
        self._path, self._descriptor, self._pid = path, descriptor, os.getpid()
        self._beat_ms, self._stale_ms = beat_ms, stale_ms
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beats, name="mandate-session-lock", daemon=True)
        self._thread.start()

    def _beats(self) -> None:
        beat = 0
        while not self._over.wait(self._beat_ms / 1000):
            beat += 1
            data = content(self.id, beat, self._beat_ms, self._stale_ms)
            try:
                # by descriptor, never by name: a lock that was taken over is another file
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                os.write(self._descriptor, data)
            except OSError:
                continue  # a full disk: the bytes are there already, so the next beat may succeed

    def owns(self) -> bool:
        """Does the lock file have this lock's id?"""
        if os.getpid() != self._pid:
            return False  # a copy in a forked process
        try:
            seen = look_at(self._path)
        except OSError:
            return False
        return seen is not None and seen.id == self.id

    def release(self) -> None:
        """Removes the lock file, if it is still this one's."""
        if os.getpid() != self._pid or self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        if self.owns():
            _remove(self._path)
        os.close(self._descriptor)


class Got(NamedTuple):
    """A lock, and how long its former holder had been silent (None: there was none)."""

    lock: FileLock
    took_over_ms: int | None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _create(path: str, data: bytes) -> int | None:
    """Exclusive create with content; None if the file is there."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    try:
        os.write(descriptor, data)
    except OSError:
        os.close(descriptor)
        _remove(path)
        raise
    return descriptor


@dataclass
class Watch:
    """What was seen of another's lock: which one, with which beat, since when it has not moved, and how often it was claimed."""

    known: tuple[str, str] | None = None
    since: float = 0.0
    claims: int = 0


def take(
    path: str, beat_ms: int, stale_ms: int, patience: float, look: Callable[[], T | None], given_up: Callable[[], bool] = lambda: False,
    monotonic: Callable[[], float] = time.monotonic, watch: Watch | None = None,
) -> Got | T | None:
    """Takes the lock, waiting up to `patience` seconds; what `look` finds meanwhile ends the wait; None: patience is over.

    `watch` keeps what was seen from one attempt to the next: attempts that do not wait find a dead holder, too.
    """
    began = monotonic()
    kept = watch or Watch()
    known, since, claims = kept.known, kept.since, kept.claims
    while True:
        lock_id = secrets.token_hex(16)
        descriptor = _create(path, content(lock_id, 0, beat_ms, stale_ms))
        if descriptor is not None:
            return Got(_made(path, descriptor, lock_id, beat_ms, stale_ms), None)
        seen, now = look_at(path), monotonic()
        if seen is not None:
            if (seen.id, seen.beat) != known:
                known, since, claims = (seen.id, seen.beat), now, 0
            elif (now - since) * 1000 >= seen.stale_ms:
                claims += 1
                claim = f"{path}.{seen.id}.{claims}"
                marker = _create(claim, b"")
                if marker is not None:
                    os.close(marker)
                    try:
                        got = _take_over(path, seen, beat_ms, stale_ms, int((now - since) * 1000))
                    finally:
                        _remove(claim)
                    if got is not None:
                        return got
                    known = None
                since = monotonic()  # lost: somebody else takes over
            found = look()
            if found is not None:
                return found
            if given_up() or now - began >= patience:
                # two locks that are being made look the same: only one with an id is known again later
                kept.known = known if known is not None and known[0] != "unreadable" else None
                kept.since, kept.claims = since, claims
                return None
            time.sleep(_random.uniform(0.020, 0.060))


def _take_over(path: str, dead: Seen, beat_ms: int, stale_ms: int, age_ms: int) -> Got | None:
    """Puts an own lock in the place of a dead one; None if it was not dead after all. Called by the holder of the claim alone."""
    again = look_at(path)
    if again is None or (again.id, again.beat) != (dead.id, dead.beat):
        return None
    lock_id = secrets.token_hex(16)
    temporary = f"{path}.{lock_id}.tmp"
    descriptor = _create(temporary, content(lock_id, 0, beat_ms, stale_ms))
    if descriptor is None:
        return None
    try:
        os.rename(temporary, path)
    except OSError:
        os.close(descriptor)
        _remove(temporary)
        raise
    # what the dead holder was writing; one that only slept must not write any more
    _remove(f"{path.removesuffix('.lock')}.json.{dead.id}.tmp")
    return Got(_made(path, descriptor, lock_id, beat_ms, stale_ms), age_ms)


def _made(path: str, descriptor: int, lock_id: str, beat_ms: int, stale_ms: int) -> FileLock:
    lock = FileLock(path, descriptor, lock_id, beat_ms, stale_ms)
    _sweep(path)
    return lock


def _sweep(path: str) -> None:
    """Removes claims and temporary files of processes that are gone: those older than a minute."""
    folder, name = os.path.split(path)
    base = name.removesuffix(".lock")
    # exact forms: another session's name may begin with this one's
    one = re.escape(base)
    leftovers = re.compile(rf"{one}\.lock\.([0-9a-f]{{32}}|unreadable)\.(\d+|tmp)|{one}\.json\..+\.tmp")
    limit = time.time() - 60
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if leftovers.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < limit:
                _remove(entry.path)
        except OSError:
            continue
