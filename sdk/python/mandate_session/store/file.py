"""The file store of STORE.md: `NAME.json` and `NAME.lock` in one private folder, shared by processes of any language."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Callable

from ..errors import Misconfigured
from ..held import Record, Stored, Unreadable, stored_of
from . import LockTimeout, Taken
from .lock import FileLock, Watch, take

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


def check_name(name: str) -> str:
    """The name of a stored session, if it may be one."""
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"store: {name!r} is not a name (1 to 64 of a-z 0-9 . _ -, a letter or digit first)")
    return name


def private_folder(folder: str) -> None:
    """Makes the folder, and refuses one that others may write to."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    _not_writable_by_others(folder)


def _not_writable_by_others(path: str, descriptor: int | None = None) -> None:
    if sys.platform == "win32":
        return
    mode = os.stat(path if descriptor is None else descriptor).st_mode
    if stat.S_IMODE(mode) & 0o022:
        raise Misconfigured(f"store: others may write to {path}")


class FileStore:
    """Tokens of the session `name` in `folder`; any number of processes on this machine may share them.

    A leading `~` is the home folder. `beat_ms` and `stale_ms`: how often a holder of the lock shows that it lives, and after how long a silent one counts as dead.
    """

    def __init__(self, folder: str | os.PathLike[str], name: str, *, beat_ms: int = 1000, stale_ms: int = 5000) -> None:
        self._folder, self._name = os.path.expanduser(os.fspath(folder)), check_name(name)
        self._path = os.path.join(self._folder, name + ".json")
        self._beat_ms, self._stale_ms = beat_ms, stale_ms
        self._watch = Watch()

    def __repr__(self) -> str:
        return f"FileStore({self._path!r})"

    def read(self) -> Stored | None:
        """What `NAME.json` holds."""
        try:
            with open(self._path, "rb") as file:
                _not_writable_by_others(self._path, file.fileno())
                data = file.read()
        except FileNotFoundError:
            return None
        try:
            return stored_of(json.loads(data))
        except (ValueError, RecursionError):
            # the parser's words may quote what it read
            raise Unreadable("not a record of version 1") from None

    def take_lock(self, wanted: Callable[[Stored], bool], patience: float, given_up: Callable[[], bool]) -> Taken | Stored:
        """See `Store`."""
        private_folder(self._folder)

        def look() -> Stored | None:
            try:
                found = self.read()
            except (Unreadable, OSError):
                return None
            return found if found is not None and wanted(found) else None

        got = take(os.path.join(self._folder, self._name + ".lock"), self._beat_ms, self._stale_ms, patience, look, given_up, watch=self._watch)
        if got is None:
            raise LockTimeout
        return got if isinstance(got, Stored) else Taken(_Held(self._path, got.lock), got.took_over_ms)


class _Held:
    """The lock of a `FileStore`."""

    def __init__(self, path: str, lock: FileLock) -> None:
        self._path, self._lock = path, lock

    def owns(self) -> bool:
        return self._lock.owns()

    def write(self, record: Record) -> None:
        temporary = f"{self._path}.{self._lock.id}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(record).encode())
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, self._path)
        except BaseException:
            try:
                os.unlink(temporary)
            except OSError:
                pass
            raise

    def remove(self) -> None:
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

    def set_aside(self) -> None:
        try:
            os.replace(self._path, self._path + ".corrupt")
        except FileNotFoundError:
            pass

    def release(self) -> None:
        self._lock.release()
