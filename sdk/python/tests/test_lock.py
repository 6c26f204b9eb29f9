"""The lock of STORE.md: exactly one winner, a heart that beats through the descriptor, fencing, leftovers."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time

import pytest

from mandate_session import FileStore, Misconfigured
from mandate_session.store import LockTimeout, Taken
from mandate_session.store.lock import SIZE, Got, Watch, _take_over, content, look_at, take

DEAD = "d" * 32


def never() -> None:
    return None


def dead_lock(path, stale_ms=100, lock_id=DEAD, data=None):
    path.write_bytes(data if data is not None else content(lock_id, 7, 50, stale_ms))


def test_the_content_is_what_the_page_says(tmp_path):
    got = take(str(tmp_path / "main.lock"), 1000, 5000, 1, never)
    assert isinstance(got, Got) and got.took_over_ms is None
    data = (tmp_path / "main.lock").read_bytes()
    assert len(data) == SIZE and data.endswith(b"\n") and data.count(b"\n") == 1
    said = json.loads(data)
    assert set(said) == {"version", "id", "pid", "beat_ms", "stale_ms", "beat"}
    assert (said["version"], said["pid"], said["beat_ms"], said["stale_ms"], len(said["beat"])) == (1, os.getpid(), 1000, 5000, 16)
    assert (tmp_path / "main.lock").stat().st_mode & 0o777 == 0o600
    got.lock.release()
    assert list(tmp_path.iterdir()) == []


def test_each_taking_has_an_id_of_its_own(tmp_path):
    ids = set()
    for _ in range(20):
        got = take(str(tmp_path / "main.lock"), 1000, 5000, 1, never)
        assert isinstance(got, Got)
        ids.add(got.lock.id)
        got.lock.release()
    assert len(ids) == 20


def test_the_heart_beats(tmp_path):
    path = str(tmp_path / "main.lock")
    got = take(path, 10, 300, 1, never)
    assert isinstance(got, Got)
    first = look_at(path)
    until = time.monotonic() + 10
    while look_at(path) == first:
        assert time.monotonic() < until
    assert os.stat(path).st_size == SIZE
    got.lock.release()


def test_a_living_lock_is_waited_for_and_not_taken(tmp_path):
    path = str(tmp_path / "main.lock")
    got = take(path, 10, 100, 1, never)
    assert isinstance(got, Got)
    assert take(path, 10, 100, 0.5, never) is None
    assert got.lock.owns()
    got.lock.release()


def test_what_was_waited_for_ends_the_wait(tmp_path):
    path = str(tmp_path / "main.lock")
    dead_lock(tmp_path / "main.lock", stale_ms=60_000)
    assert take(path, 10, 100, 5, lambda: "found") == "found"


def _race(folder: str, start, won) -> None:
    start.wait()
    got = take(os.path.join(folder, "main.lock"), 20, 400, 20, never)
    assert isinstance(got, Got)
    # whoever is in here is alone: the marker is made exclusively
    marker = os.open(os.path.join(folder, "inside"), os.O_CREAT | os.O_EXCL)
    time.sleep(0.003)
    os.close(marker)
    os.unlink(os.path.join(folder, "inside"))
    won.put(got.took_over_ms)
    got.lock.release()


@pytest.mark.parametrize("turn", range(3))
def test_a_dead_lock_raced_by_many_processes_has_one_winner(tmp_path, turn):
    dead_lock(tmp_path / "main.lock", stale_ms=200)
    fresh = multiprocessing.get_context("spawn" if turn == 0 else "fork")
    start, won = fresh.Event(), fresh.Queue()
    racers = [fresh.Process(target=_race, args=(str(tmp_path), start, won)) for _ in range(4 if turn == 0 else 16)]
    for racer in racers:
        racer.start()
    start.set()
    found = [won.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(30)
        assert racer.exitcode == 0
    assert sum(age is not None for age in found) == 1, found
    assert list(tmp_path.iterdir()) == []


def test_a_claim_whose_claimer_died_is_followed_by_the_next_number(tmp_path):
    dead_lock(tmp_path / "main.lock", stale_ms=100)
    (tmp_path / f"main.lock.{DEAD}.1").write_bytes(b"")
    (tmp_path / f"main.lock.{DEAD}.2").write_bytes(b"")
    began = time.monotonic()
    got = take(str(tmp_path / "main.lock"), 50, 300, 10, never)
    assert isinstance(got, Got) and got.took_over_ms is not None
    assert time.monotonic() - began >= 0.3
    got.lock.release()
    assert {p.name for p in tmp_path.iterdir()} == {f"main.lock.{DEAD}.1", f"main.lock.{DEAD}.2"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id": 7}', b"\xff" * 256, json.dumps({"version": 1, "id": "../../x", "beat": "1", "stale_ms": 1}).encode()])
def test_an_unreadable_lock_counts_as_dead_after_five_seconds(tmp_path, data):
    seen = look_at_after_writing(tmp_path, data)
    assert (seen.id, seen.stale_ms) == ("unreadable", 5000)


def look_at_after_writing(tmp_path, data):
    dead_lock(tmp_path / "main.lock", data=data)
    seen = look_at(str(tmp_path / "main.lock"))
    assert seen is not None
    return seen


@pytest.mark.parametrize(("said", "counts"), [(1, 100), (99, 100), (100, 100), (60_000, 60_000), (10**9, 60_000)])
def test_measures_of_staleness_are_bounded(tmp_path, said, counts):
    assert look_at_after_writing(tmp_path, content(DEAD, 1, 50, said)).stale_ms == counts


def test_an_unreadable_lock_is_taken_over(tmp_path):
    dead_lock(tmp_path / "main.lock", data=b"half a li")
    moments = iter(float(n) for n in range(0, 1000, 3))
    got = take(str(tmp_path / "main.lock"), 50, 300, 900, never, monotonic=lambda: next(moments))
    assert isinstance(got, Got) and got.took_over_ms is not None and got.took_over_ms >= 5000
    got.lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_heartbeat_never_touches_the_lock_of_another(tmp_path):
    """A holder sleeps, its lock is taken over by rename, it wakes up: its beats go to the file that is gone."""
    path = str(tmp_path / "main.lock")
    sleeper = take(path, 10, 300, 1, never)
    assert isinstance(sleeper, Got)
    theirs = content("e" * 32, 3, 50, 300)
    (tmp_path / "new").write_bytes(theirs)
    os.rename(tmp_path / "new", path)
    time.sleep(0.1)  # ten beats of the sleeper, by its own thread
    assert (tmp_path / "main.lock").read_bytes() == theirs
    assert not sleeper.lock.owns()
    sleeper.lock.release()
    assert (tmp_path / "main.lock").read_bytes() == theirs


def test_giving_up_ends_the_wait(tmp_path):
    dead_lock(tmp_path / "main.lock", stale_ms=60_000)
    assert take(str(tmp_path / "main.lock"), 10, 100, 60, never, lambda: True) is None


def test_leftovers_older_than_a_minute_are_swept(tmp_path):
    old = [f"main.lock.{DEAD}.1", "main.lock.unreadable.2", f"main.lock.{DEAD}.tmp", f"main.json.{DEAD}.tmp"]
    kept = ["main.json", "main.json.corrupt", "main.lock.x.json", "other.lock.unreadable.1", "mainXlock.unreadable.1"]
    for name in old + kept:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - 61, time.time() - 61))
    (tmp_path / "main.lock.unreadable.1").write_bytes(b"")
    got = take(str(tmp_path / "main.lock"), 50, 300, 1, never)
    assert isinstance(got, Got)
    got.lock.release()
    assert {p.name for p in tmp_path.iterdir()} == {*kept, "main.lock.unreadable.1"}


def test_what_the_dead_holder_was_writing_is_removed_at_once(tmp_path):
    dead_lock(tmp_path / "main.lock", stale_ms=100)
    for name in (f"main.json.{DEAD}.tmp", f"main.json.{'e' * 32}.tmp", "main.json"):
        (tmp_path / name).write_bytes(b"half")
    got = take(str(tmp_path / "main.lock"), 50, 300, 10, never)
    assert isinstance(got, Got)
    got.lock.release()
    assert {p.name for p in tmp_path.iterdir()} == {f"main.json.{'e' * 32}.tmp", "main.json"}


@pytest.mark.parametrize("beat", [8, None])
def test_a_holder_that_woke_up_before_the_claim_keeps_its_lock(tmp_path, beat):
    path = tmp_path / "main.lock"
    dead_lock(path)
    dead = look_at(str(path))
    assert dead is not None
    if beat is None:
        path.unlink()
    else:
        path.write_bytes(content(DEAD, beat, 50, 100))
    before = path.read_bytes() if path.exists() else None
    assert _take_over(str(path), dead, 50, 100, 100) is None
    assert (path.read_bytes() if path.exists() else None) == before
    assert {p.name for p in tmp_path.iterdir()} <= {"main.lock"}


def test_a_forked_copy_of_a_lock_is_none(tmp_path):
    got = take(str(tmp_path / "main.lock"), 50, 300, 1, never)
    assert isinstance(got, Got)
    child = os.fork()
    if child == 0:
        owns = got.lock.owns()
        got.lock.release()
        os._exit(1 if owns else 0)
    assert os.waitpid(child, 0)[1] == 0
    assert got.lock.owns()
    got.lock.release()


# -- the store around it


def record(generation=1, **more):
    return {"version": 1, "owner": "o" * 64, "generation": generation, **more}


def test_a_record_is_written_whole_and_privately(tmp_path):
    store = FileStore(tmp_path / "new" / "folder", "main")
    taken = store.take_lock(lambda _: False, 1, lambda: False)
    assert isinstance(taken, Taken)
    taken.lock.write(record(access_token="t", later={"unknown": True}))
    taken.lock.release()
    found = store.read()
    assert found is not None and found.generation == 1 and found.raw["later"] == {"unknown": True}
    folder = tmp_path / "new" / "folder"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(p.name, p.stat().st_mode & 0o777) for p in folder.iterdir()] == [("main.json", 0o600)]


def test_a_reader_never_sees_half_a_record(tmp_path):
    store = FileStore(tmp_path, "main")
    over, seen = threading.Event(), []

    def read():
        while not over.is_set():
            found = store.read()
            if found is not None:
                seen.append(found.generation)

    tmp_path.chmod(0o700)
    reader = threading.Thread(target=read)
    reader.start()
    for generation in range(100):
        taken = store.take_lock(lambda _: False, 5, lambda: False)
        assert isinstance(taken, Taken)
        taken.lock.write(record(generation, padding="x" * 20_000))
        taken.lock.release()
    over.set()
    reader.join()
    assert seen == sorted(seen) and seen


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_may_write_to_is_refused(tmp_path, what):
    tmp_path.chmod(0o700)
    (tmp_path / "main.json").write_text(json.dumps(record()))
    (tmp_path if what == "folder" else tmp_path / "main.json").chmod(0o777 if what == "folder" else 0o666)
    store = FileStore(tmp_path, "main")
    with pytest.raises(Misconfigured, match="others may write"):
        if what == "file":
            store.read()
        store.take_lock(lambda _: False, 1, lambda: False)


@pytest.mark.parametrize("name", ["", ".hidden", "Main", "a/b", "a" * 65, "-x", "ä", "a\n"])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(Misconfigured):
        FileStore(tmp_path, name)


def test_patience_ends(tmp_path):
    tmp_path.chmod(0o700)
    dead_lock(tmp_path / "main.lock", stale_ms=60_000)
    with pytest.raises(LockTimeout):
        FileStore(tmp_path, "main").take_lock(lambda _: False, 0.05, lambda: False)




# -- fencing: what a holder whose lock was taken over may do


def overtaken(tmp_path, their_record):
    """A renewal during which the lock is taken over, and `their_record` (or nothing) is written; gives the session and what is stored then."""
    from mandate_session import Answer, Session

    tmp_path.chmod(0o700)
    path = tmp_path / "main.lock"
    events = []

    class Issuer:
        def send(self, request, timeout):
            (tmp_path / "new").write_bytes(content("e" * 32, 3, 50, 60_000))
            os.rename(tmp_path / "new", path)
            if their_record is not None:
                (tmp_path / "main.json").write_text(json.dumps({**their_record, "owner": ours.settings.owner()}))
                (tmp_path / "main.json").chmod(0o600)
            return Answer(200, {}, b'{"access_token": "mine", "refresh_token": "my-refresh", "expires_in": 600}')

    ours = Session.refresh_token("app", "given", token_endpoint="https://issuer.example/token", transport=Issuer(),
                                 store=FileStore(tmp_path, "main", beat_ms=20, stale_ms=100), observer=lambda e: events.append(e.name))
    token = ours.token().reveal()
    assert path.read_bytes() == content("e" * 32, 3, 50, 60_000), "the other one's lock is untouched"
    return token, json.loads((tmp_path / "main.json").read_text()), events


def test_an_overtaken_holder_takes_what_the_newer_one_wrote(tmp_path):
    future = round(time.time() * 1000) + 600_000
    theirs = {"version": 1, "generation": 1, "access_token": "theirs", "token_type": "Bearer", "refresh_token": "their-refresh",
              "sent_at": future - 600_000, "ends_at": future, "renew_at": future - 60_000, "usable_until": future - 5_000}
    token, stored, events = overtaken(tmp_path, theirs)
    assert token == "theirs"
    assert (stored["access_token"], stored["refresh_token"], stored["generation"]) == ("theirs", "their-refresh", 1)
    assert "taken_from_store" in events


def test_an_overtaken_holder_writes_if_nobody_else_did(tmp_path):
    token, stored, _ = overtaken(tmp_path, None)
    assert token == "mine"
    assert (stored["access_token"], stored["refresh_token"]) == ("mine", "my-refresh")


def test_a_lock_without_an_id_is_not_known_again(tmp_path):
    """Two locks that are being made look the same: what was seen of one says nothing of the other."""
    path, watch, moments = str(tmp_path / "main.lock"), Watch(), iter([1.0, 1.0, 90.0, 90.0])
    for _ in range(2):
        with open(path, "wb"):
            pass
        assert take(path, 50, 300, 0, never, monotonic=lambda: next(moments), watch=watch) is None
        assert watch.known is None
