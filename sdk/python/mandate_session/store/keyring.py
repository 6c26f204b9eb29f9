"""A store in the desktop's keyring (extra `keyring`); its lock is a file, as with `FileStore`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import keyring

from ..held import Record, Stored, Unreadable, stored_of
from . import LockTimeout, Taken
from .file import check_name, private_folder
from .lock import FileLock, Watch, take


class KeyringStore:
    """Keeps a session's tokens under `service` and `name` in the keyring. `folder` holds nothing but the lock."""

    def __init__(self, name: str, folder: str | os.PathLike[str], service: str = "mandate-session") -> None:
        self._name, self._service = check_name(name), service
        self._folder = os.path.expanduser(os.fspath(folder))
        self._watch = Watch()

    def __repr__(self) -> str:
        return f"KeyringStore({self._name!r})"

    def read(self) -> Stored | None:
        """What the keyring holds."""
        text = keyring.get_password(self._service, self._name)
        if text is None:
            return None
        try:
            return stored_of(json.loads(text))
        except ValueError as error:
            raise Unreadable(str(error)) from None

    def take_lock(self, wanted: Callable[[Stored], bool], patience: float, given_up: Callable[[], bool]) -> Taken | Stored:
        """See `Store`."""
        private_folder(self._folder)
        path = os.path.join(self._folder, self._name + ".lock")

        def look() -> Stored | None:
            found = self.read()
            return found if found is not None and wanted(found) else None

        got = take(path, 1000, 5000, patience, look, given_up, watch=self._watch)
        if got is None:
            raise LockTimeout
        return got if isinstance(got, Stored) else Taken(_KeyringLock(self, got.lock), got.took_over_ms)


class _KeyringLock:
    def __init__(self, store: KeyringStore, lock: FileLock) -> None:
        self._store, self._lock = store, lock

    def owns(self) -> bool:
        return self._lock.owns()

    def write(self, record: Record) -> None:
        try:
            keyring.set_password(self._store._service, self._store._name, json.dumps(record))
        except keyring.errors.KeyringError as error:
            raise OSError(f"the keyring refused: {type(error).__name__}") from None

    def remove(self) -> None:
        try:
            keyring.delete_password(self._store._service, self._store._name)
        except keyring.errors.PasswordDeleteError:
            pass

    def set_aside(self) -> None:
        self.remove()

    def release(self) -> None:
        self._lock.release()
