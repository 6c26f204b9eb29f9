"""One renewal: backoff, lock, store, request, and what a refused refresh token means."""

from __future__ import annotations

from enum import Enum

from .answer import Final, Garbled, Granted, Passing, Verdict
from .asking import ask, token_form
from .cause import Cause
from .core import BUSY_MS, Core
from .effects import Flow, now, on_disk, random, read_store, release, sleep, take_lock
from .errors import Closed, Misconfigured, NeedsLogin, Unavailable
from .events import LockTakenOver, StoreFailed
from .held import Stored, Unreadable
from .settings import PEOPLE
from .state import Reason
from .store import Lock, LockTimeout

GARBLED_LIMIT = 3


class Outcome(Enum):
    """How an attempt ended."""

    DONE = "done"
    FAILED = "failed"
    BARRED = "barred"
    WAIT = "wait"


def load_store(core: Core) -> Flow[bool]:
    """Takes over what is stored, without a lock; True if a token came with it."""
    core.loaded = True
    if not core.stored:
        return False
    try:
        found = yield from read_store()
    except (Unreadable, OSError):
        return False  # looked at again by whoever holds the lock
    if found is None:
        return False
    return core.load(found, (yield from now()))


def renew(core: Core, early: bool) -> Flow[None]:
    """Renews the token. `early`: a single attempt, whose failure is remembered and no more. Raises what the call is to raise."""
    began = yield from now()
    deadline = began + int(core.settings.patience * 1000)
    while True:
        if (yield from load_store(core)):
            return
        if core.closed:
            raise Closed
        moment = yield from now()
        deadline = min(deadline, moment + int(core.settings.patience * 1000))  # the clock was set back: no longer than patience
        need = core.barred(moment)
        if need is not None:
            raise NeedsLogin(need)
        wait = core.wait_left(moment)
        if wait > 0:
            if early:
                return
            if moment + wait > deadline:
                raise Unavailable(core.failure or "an attempt of another process failed", moment + wait)
            yield from sleep(wait / 1000)
            continue
        outcome = yield from _attempt(core, early)
        if outcome is Outcome.DONE:
            return
        if outcome is Outcome.BARRED:
            if core.need is not None:
                raise NeedsLogin(core.need)
            continue
        if early:
            return
        if core.garbled >= GARBLED_LIMIT:
            core.garbled = 0
            raise Unavailable(core.failure, core.not_before)


def _attempt(core: Core, early: bool) -> Flow[Outcome]:
    """One attempt, under the store's lock if there is a store."""
    lock: Lock | None = None
    if core.stored:
        patience = core.settings.patience
        moment = yield from now()
        try:
            # who has a good token does not wait for the lock
            got = yield from take_lock(lambda stored: core.wanted(stored, moment), 0 if early else patience)
        except LockTimeout:
            if core.closed:
                raise Closed from None
            if early:
                core.look_again_at = moment + BUSY_MS
                return Outcome.WAIT
            raise Unavailable("another process holds the store's lock", None) from None
        except OSError as error:
            # without its store a session is still a session
            core.emit(StoreFailed(f"lock: {error.strerror or type(error).__name__}"))
        else:
            if isinstance(got, Stored):
                core.load(got, (yield from now()))
                return Outcome.DONE
            lock = got.lock
            if got.took_over_ms is not None:
                core.emit(LockTakenOver(got.took_over_ms))
    try:
        if core.closed:
            raise Closed
        if lock is not None:
            if (yield from read_under_lock(core, lock)):
                return Outcome.DONE
            if core.wait_left((yield from now())) > 0:
                return Outcome.WAIT
        generation = core.generation
        outcome = yield from _request(core, early)
        if lock is not None:
            yield from save(core, lock, generation)
        return outcome
    finally:
        if lock is not None:
            yield from release(lock)


def read_under_lock(core: Core, lock: Lock) -> Flow[bool]:
    """Reads the store as the holder of its lock; what cannot be read is put aside and counts as absent."""
    core.loaded = True
    try:
        found = yield from read_store()
    except Unreadable:
        yield from on_disk(lambda _: lock.set_aside())
        core.raw = {}
        if core.settings.grant in PEOPLE and core.refresh_token is None and core.token is None:
            core.needs(Reason.STORE_CORRUPT, (yield from now()))
        return False
    except OSError as error:
        core.emit(StoreFailed(f"read: {error.strerror or type(error).__name__}"))
        return False
    if found is None:
        return False
    return core.load(found, (yield from now()))


def save(core: Core, lock: Lock, began: int) -> Flow[None]:
    """Writes what is held. If the lock was taken over and the store is newer than `began`, takes what is there instead."""
    if not (yield from on_disk(lambda _: lock.owns())):
        try:
            found = yield from read_store()
        except (Unreadable, OSError):
            found = None
        if found is not None and found.generation > began:
            core.load(found, (yield from now()))
            return
        if found is not None:
            core.generation = found.generation
    record = core.record()
    try:
        yield from on_disk(lambda _: lock.write(record))
    except OSError as error:
        core.stale = core.generation
        core.emit(StoreFailed(f"write: {error.strerror or type(error).__name__}"))
    else:
        core.stale = None
        core.raw, core.generation = record, record["generation"]


def _request(core: Core, early: bool) -> Flow[Outcome]:
    """Asks the issuer for a token, in the way that the grant has."""
    if core.need is not None and core.barred((yield from now())):
        return Outcome.BARRED
    if core.refresh_token is not None:
        return (yield from _refresh(core, early))
    if core.settings.grant in ("client_credentials", "password"):
        return (yield from _ask_anew(core, early))
    had = core.token is not None or bool(core.raw)
    core.needs(Reason.GRANT_ENDED if had else Reason.NEVER_SIGNED_IN, (yield from now()))
    return Outcome.BARRED


def _ask_anew(core: Core, early: bool) -> Flow[Outcome]:
    """`client_credentials` (RFC 6749 4.4) and `password` (4.3)."""
    given = core.settings
    members: list[tuple[str, str]] = []
    if given.grant == "password" and given.password is not None:
        members = [("username", given.username or ""), ("password", given.password.reveal())]
    sent, verdict = yield from ask(core, token_form(core, given.grant, members))
    return (yield from conclude(core, sent, verdict, early))


def _refresh(core: Core, early: bool) -> Flow[Outcome]:
    """The refresh grant (RFC 6749 6), and the four ways that a refused refresh token goes."""
    used = core.refresh_token or ""
    sent, verdict = yield from ask(core, token_form(core, "refresh_token", [("refresh_token", used)], scope=False))
    if _is_invalid_grant(verdict) and core.stored:
        other = yield from _other_refresh_token(core, used)
        if other is not None:
            used, core.refresh_token, core.lost = other, other, False
            sent, verdict = yield from ask(core, token_form(core, "refresh_token", [("refresh_token", used)], scope=False))
    if isinstance(verdict, Final) and _is_invalid_grant(verdict):
        moment = yield from now()
        if verdict.refusal is not None and verdict.refusal.cause == Cause.SESSION_DISPLACED:
            core.needs(Reason.DISPLACED, moment, verdict.refusal, verdict.detail)
            return Outcome.BARRED
        core.dead, core.refresh_token = used, None
        core.newer_than_store()
        if core.settings.grant == "password":
            core.lost = False
            return (yield from _ask_anew(core, early))
        lost, core.lost = core.lost, False
        core.needs(Reason.REFRESH_LOST if lost else Reason.GRANT_ENDED, moment, verdict.refusal, verdict.detail)
        return Outcome.BARRED
    if isinstance(verdict, Garbled) or (isinstance(verdict, Passing) and verdict.lost):
        core.lost = True
        core.newer_than_store()
    return (yield from conclude(core, sent, verdict, early))


def _is_invalid_grant(verdict: Verdict) -> bool:
    return isinstance(verdict, Final) and verdict.error == "invalid_grant"


def _other_refresh_token(core: Core, used: str) -> Flow[str | None]:
    try:
        found = yield from read_store()
    except (Unreadable, OSError):
        return None
    if found is None or found.owner != core.owner or found.refresh_token in (None, used):
        return None
    return found.refresh_token


def conclude(core: Core, sent: int, verdict: Verdict, early: bool = False) -> Flow[Outcome]:
    """Takes the verdict of a token request into the session."""
    if isinstance(verdict, Granted):
        core.granted(verdict, sent, (yield from random()), early)
        return Outcome.DONE
    moment = yield from now()
    if isinstance(verdict, Final):
        core.refused_by_issuer(verdict, moment)
        return Outcome.BARRED
    retry_after = None
    if isinstance(verdict, Garbled):
        core.garbled += 1
    else:
        core.garbled = 0
        retry_after = verdict.retry_after
    core.failed(verdict.reason, retry_after, moment, (yield from random()))
    return Outcome.FAILED


def store_now(core: Core) -> Flow[None]:
    """Writes what a sign-in gave; the lock is held for that alone."""
    if not core.stored:
        return
    try:
        got = yield from take_lock(lambda _: False, core.settings.patience)
    except (LockTimeout, OSError) as error:
        core.stale = core.generation
        core.emit(StoreFailed(f"lock: {type(error).__name__}"))
        return
    if isinstance(got, Stored):
        return
    lock = got.lock
    try:
        try:
            found = yield from read_store()
        except (Unreadable, OSError):
            found = None
        if found is not None:
            if found.owner != core.owner:
                raise Misconfigured("store: the file belongs to another issuer, client, grant, user, scope or resource")
            core.raw, core.generation = found.raw, found.generation
        yield from save(core, lock, core.generation)
    finally:
        yield from release(lock)
