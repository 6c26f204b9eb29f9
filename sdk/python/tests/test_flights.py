"""One renewal for all: threads, tasks, loops, forks, and what may come between."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time

import pytest

from mandate_session import Answer, AsyncSession, Closed, FileStore, NeedsLogin, Request

from standins import URL, Clock, Issuer, session


def test_threads_share_one_renewal_and_its_failure():
    issuer = Issuer()
    issuer.answers = [Answer(400, {}, b'{"error": "invalid_scope"}')]
    issuer.gate = threading.Event()
    ours = session(issuer)
    errors: list[BaseException] = []

    def call() -> None:
        try:
            ours.token()
        except NeedsLogin as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    issuer.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(issuer.asked) == 1 and len(errors) == 20
    assert len({id(e) for e in errors}) > 1, "each thread has an error of its own"


def test_a_leader_that_is_interrupted_leaves_no_flight():
    issuer = Issuer()
    issuer.answers = [KeyboardInterrupt()]  # type: ignore[list-item]
    ours = session(issuer)

    def send(request: Request, timeout: float) -> Answer:
        del ours._transport.send  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    issuer.answers = []
    issuer.send = send  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ours.token()
    assert ours.token().reveal() == "access-1"


def test_tasks_share_one_renewal_and_a_cancelled_caller_does_not_end_it():
    issuer = Issuer()
    issuer.gate = threading.Event()
    ours = session(issuer, AsyncSession)

    async def go() -> None:
        first = asyncio.ensure_future(ours.token())
        others = [asyncio.ensure_future(ours.token()) for _ in range(20)]
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0)
        issuer.gate.set()
        assert {(await other).reveal() for other in others} == {"access-1"}
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(go())
    assert len(issuer.asked) == 1


def test_an_async_session_outlives_its_loop():
    clock, issuer = Clock(), Issuer()
    ours = session(issuer, AsyncSession, clock=clock)
    assert asyncio.run(ours.token()).reveal() == "access-1"
    clock.now += 601
    assert asyncio.run(ours.token()).reveal() == "access-2"


def test_a_cancelled_task_gives_the_lock_back(tmp_path):
    issuer = Issuer()
    issuer.gate = threading.Event()
    ours = session(issuer, AsyncSession, store=FileStore(tmp_path / "s", "main"))

    async def go() -> None:
        asking = asyncio.ensure_future(ours.token())
        while not issuer.asked:
            await asyncio.sleep(0.005)
        assert (tmp_path / "s" / "main.lock").exists()
        closing = asyncio.ensure_future(ours.close())
        await closing
        with pytest.raises(Closed):
            await asking
        issuer.gate.set()

    asyncio.run(go())
    assert not (tmp_path / "s" / "main.lock").exists()


def test_a_loop_that_ends_leaves_nobody_waiting_for_the_lock(tmp_path):
    holder = FileStore(tmp_path / "s", "main").take_lock(lambda _: False, 1, lambda: False)
    ours = session(Issuer(), AsyncSession, store=FileStore(tmp_path / "s", "main"))

    async def go() -> None:
        asyncio.ensure_future(ours.token())  # noqa: RUF006
        while not any(t.name == "mandate-session" for t in threading.enumerate()):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)

    asyncio.run(go())
    until = time.monotonic() + 5
    while any(t.name == "mandate-session" for t in threading.enumerate()):
        assert time.monotonic() < until, "a thread still waits"
        time.sleep(0.01)
    holder.lock.release()  # type: ignore[union-attr]
    assert not (tmp_path / "s" / "main.lock").exists()


def test_closing_ends_a_wait():
    issuer = Issuer()
    issuer.answers = [Answer(503, {"retry-after": "50"})]
    ours = session(issuer)
    threading.Timer(0.1, ours.close).start()
    began = time.monotonic()
    with pytest.raises(Closed):
        ours.token()
    assert time.monotonic() - began < 10


def test_a_session_that_is_inherited_by_fork_has_locks_of_its_own():
    """The parent forks while one of its threads renews; the child must not wait for that thread, which it does not have."""
    issuer = Issuer()
    issuer.gate = threading.Event()
    ours = session(issuer)
    renewing = threading.Thread(target=ours.token)
    renewing.start()
    while not issuer.asked:
        time.sleep(0.005)
    with ours._changed:  # the condition is held by this very thread too
        child = os.fork()
        if child == 0:
            try:
                issuer.gate = None
                os._exit(0 if ours.token().reveal() == "access-2" else 1)
            finally:
                os._exit(2)
    status = os.waitpid(child, 0)[1]
    issuer.gate.set()
    renewing.join(10)
    assert status == 0
    assert ours.token().reveal() == "access-1"


def test_threads_whose_tokens_are_refused_at_random_never_fail():
    import random

    class Api(Issuer):
        """Refuses a token for good, now and then, but not before it took it once."""

        def __init__(self) -> None:
            super().__init__()
            self.dead: set[str] = set()
            self.taken: set[str] = set()
            self.number = 0
            self.lock = threading.Lock()

        def send(self, request: Request, timeout: float) -> Answer:
            with self.lock:
                if request.url.endswith("/token"):
                    self.number += 1
                    return Answer(200, {}, json.dumps({"access_token": f"access-{self.number}", "expires_in": 600}).encode())
                token = request.headers["Authorization"]
                if token in self.taken and random.random() < 0.02:
                    self.dead.add(token)
                self.taken.add(token)
                return Answer(401 if token in self.dead else 200)

    api = Api()
    ours = session(api)
    wrong: list[object] = []
    sys.setswitchinterval(1e-6)

    def work() -> None:
        for _ in range(500):
            try:
                status = ours.fetch("GET", URL).status
                # the token of the repetition may be refused too: that answer is the program's
                if status not in (200, 401):
                    wrong.append(status)
            except Exception as error:  # noqa: BLE001
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(0.005)
    assert not wrong and api.number > 10


def test_a_dead_lock_is_taken_over_by_callers_that_do_not_wait_for_it(tmp_path):
    from mandate_session.store.lock import content

    clock, issuer = Clock(), Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"), clock=clock, patience=0)
    ours.token()
    clock.now += 541
    (tmp_path / "s" / "main.lock").write_bytes(content("d" * 32, 1, 50, 300))
    assert [ours.token().reveal() for _ in range(20)] == ["access-1"] * 20
    until = time.monotonic() + 10
    while ours.token().reveal() == "access-1":
        assert time.monotonic() < until, "nobody took it over"
        time.sleep(0.005)  # the lock's time is real
        clock.now += 0.101
    assert len(issuer.asked) == 2 and not (tmp_path / "s" / "main.lock").exists()
