"""What the scenarios do not show: the fast path, forks, secrets, origins, one flight, typed causes, adapters."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

import mandate_session
from mandate_session import (
    Answer, AsyncSession, Cause, Closed, FileStore, Lost, MemoryStore, Misconfigured, NeedsLogin, Request, Secret, Session, StdTransport, Unavailable,
)

ROOT = Path(__file__).resolve().parents[1]
SECRETS = ("s3cret-of-client", "p4ss-of-person", "refresh-1", "refresh-2", "access-1", "access-2")


class Issuer:
    """A transport that is the issuer: numbered tokens, and what it was asked."""

    def __init__(self, **body: object) -> None:
        self.asked: list[Request] = []
        self.body = {"expires_in": 600, **body}
        self.gate: threading.Event | None = None
        self.answers: list[Answer | Exception] = []

    def send(self, request: Request, timeout: float) -> Answer:
        self.asked.append(request)
        if self.gate is not None:
            self.gate.wait(10)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        number = len(self.asked)
        return Answer(200, {}, json.dumps({"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", **self.body}).encode())


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def session(issuer: Issuer, kind: type = Session, **options):
    given = {"token_endpoint": "https://issuer.example/token", "transport": issuer, "random": lambda: 0.0, **options}
    return kind.client_credentials("app", "s3cret-of-client", **given)


URL = "https://api.example/data"


# -- the fast path


def test_a_live_token_is_given_without_lock_file_generator_or_request(tmp_path, monkeypatch):
    issuer = Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"))
    first = ours.authorize("GET", URL)
    for owner, name in ((ours, "_run"), (ours, "_perform"), (ours, "_ensure"), (ours._core, "step"), (os, "open")):
        monkeypatch.setattr(owner, name, lambda *_: pytest.fail("the fast path left its lane"))
    ours._changed = None
    assert ours.authorize("GET", URL) == first == {"Authorization": "Bearer access-1"}
    assert len(issuer.asked) == 1


def test_the_headers_are_the_callers_to_change():
    ours = session(Issuer())
    ours.authorize("GET", URL)["Authorization"] = "changed"
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-1"}


def test_the_fast_path_takes_less_than_30_microseconds():
    ours = session(Issuer())
    ours.authorize("GET", URL)
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(500):
            ours.authorize("GET", URL)
        best = min(best, (time.perf_counter() - began) / 500)
    assert best < 30e-6


def test_a_clock_that_was_set_back_renews_early():
    clock, issuer = Clock(), Issuer()
    ours = session(issuer, clock=clock)
    ours.authorize("GET", URL)
    clock.now -= 3600
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-2"}
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-2"}


def test_a_clock_that_was_set_back_does_not_prolong_a_wait():
    clock, issuer = Clock(), Issuer()
    issuer.answers = [Answer(503, {"retry-after": "90"})]
    ours = session(issuer, clock=clock)
    with pytest.raises(Unavailable):
        ours.token()
    clock.now -= 3600
    with pytest.raises(Unavailable) as caught:
        ours.token()
    assert caught.value.retry_at is not None and caught.value.retry_at / 1000 - clock.now <= 91
    clock.now += 91
    assert ours.token().reveal() == "access-2"


# -- one flight


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


# -- forks


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


# -- secrets


def everything_said(*values: object) -> str:
    parts = []
    for value in values:
        parts += [repr(value), str(value), f"{value}", f"{value!r:>1}"]
        if isinstance(value, BaseException):
            parts.append("".join(traceback.format_exception(value)))
    return "\n".join(parts)


def test_nothing_prints_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    events: list[object] = []
    issuer = Issuer()
    description = f"refresh-1 of {SECRETS[0]} is no good"
    ours = Session.password("app", "user", "p4ss-of-person", "s3cret-of-client", token_endpoint="https://issuer.example/token", auth="post",
                            transport=issuer, observer=events.append, clock=(clock := Clock()))
    token = ours.token()
    clock.now += 601
    issuer.answers = [Lost("cut"), Answer(400, {}, json.dumps({"error": "invalid_client", "error_description": description}).encode())]
    ours._sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    with pytest.raises(NeedsLogin) as caught:
        ours.token()
    refusal = ours.refusal(Answer(401, {}, b'{"message": "the token access-1 is not good"}'))
    prompt = mandate_session.CodePrompt("https://x/?state=refresh-1", "http://127.0.0.1/callback", Secret("refresh-1"), Secret("access-1"))
    said = everything_said(ours, ours._core, ours.settings, ours.state(), token, caught.value, caught.value.need, refusal, prompt, ours.login,
                           issuer.asked[0], Secret("access-1"), [Secret("access-1")], *events) + caplog.text
    for secret in SECRETS:
        assert secret not in said
    assert "[secret]" in said and "no good" in str(caught.value)


def test_secrets_are_neither_pickled_nor_copied_into_json():
    ours = session(Issuer())
    token = ours.token()
    for value in (ours, token, token.secret):
        with pytest.raises(TypeError):
            pickle.dumps(value)
    with pytest.raises(TypeError):
        json.dumps(token.secret)
    with pytest.raises(TypeError):
        copy.deepcopy(ours)


def test_a_token_that_does_not_fit_into_a_header_is_no_token():
    issuer = Issuer()
    issuer.answers = [Answer(200, {}, json.dumps({"access_token": "access-1\r\nX: y"}).encode())] * 3
    ours = session(issuer, sleep=lambda _: None, clock=(clock := Clock()))
    ours._sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    with pytest.raises(Unavailable) as caught:
        ours.token()
    assert "access-1" not in everything_said(caught.value)


# -- origins and settings


@pytest.mark.parametrize("url", [
    "http://api.example/data", "ftp://api.example/", "data", "", "https://", "https://good.example\\@evil.example/", "https://good.example /",
    "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.1/", "https://good.example:x/",
])
def test_tokens_do_not_go_there(url):
    ours = session(Issuer())
    ours.authorize("GET", URL)
    with pytest.raises(Misconfigured):
        ours.authorize("GET", url)


@pytest.mark.parametrize("url", ["https://api.example/x", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x", "https://API.example", "https://api.example?x=/"])
def test_tokens_go_there(url):
    assert session(Issuer()).authorize("GET", url)


def test_only_origins_that_are_named():
    ours = session(Issuer(), origins=["https://api.example", "https://data.example:8443"])
    for good in (URL, "https://api.example:443/", "https://data.example:8443/x", "https://API.EXAMPLE/x"):
        assert ours.authorize("GET", good)
        assert ours.authorize("GET", good)
    # one letter of a good origin's prefix is missing, after that prefix was learned
    for bad in ("https://api.exampl", "https://api.examplex", "https://api.example.evil.example/", "https://api.examplex/", "https://data.example/x", "https://api.example@evil.example/"):
        with pytest.raises(Misconfigured):
            ours.authorize("GET", bad)


@pytest.mark.parametrize("make", [
    lambda: Session.client_credentials("", "s", token_endpoint="https://x.example/t"),
    lambda: Session.client_credentials("app", "s"),
    lambda: Session.client_credentials("app", token_endpoint="https://x.example/t"),
    lambda: Session.client_credentials("app", "s", token_endpoint="http://x.example/t"),
    lambda: Session.client_credentials("app", token_endpoint="https://x.example/t", auth="basic"),
    lambda: Session.refresh_token("app", "", token_endpoint="https://x.example/t"),
    lambda: Session.device("app", token_endpoint="https://x.example/t"),
    lambda: Session.authorization_code("app", token_endpoint="https://x.example/t"),
    lambda: Session.access_token(""),
    lambda: Session.api_key({}),
    lambda: Session.client_credentials("app", "s", token_endpoint="https://x.example/t", origins=["api"]),
    lambda: Session.client_credentials("app", "s", token_endpoint="https://x.example/t", timeout=0),
])
def test_misconfigured_before_any_request(make):
    with pytest.raises(Misconfigured):
        make()


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match="tokn_endpoint"):
        Session.client_credentials("app", "s", tokn_endpoint="https://x.example/t")  # type: ignore[call-arg]


def test_the_owner_of_a_file():
    made = Session.client_credentials("app", "s", token_endpoint="https://issuer.example/token", scope="write read")
    assert made.settings.owner() == "564e8affa87c50a6ddf27b00e9abb678787aa0e8deb3800a08eeff4eeb23c714"


def test_a_refresh_token_that_a_person_replaced_is_used(tmp_path):
    def made(given: str) -> tuple[Session, Issuer]:
        issuer = Issuer()
        store = FileStore(tmp_path / "s", "main")
        return Session.refresh_token("app", given, token_endpoint="https://issuer.example/token", transport=issuer, store=store), issuer

    first, issuer = made("given-1")
    assert first.token().reveal() == "access-1"
    again, issuer = made("given-1")
    assert again.token().reveal() == "access-1" and not issuer.asked
    other, issuer = made("given-2")
    other.token()
    assert b"given-2" in (issuer.asked[0].body or b"")
    assert json.loads((tmp_path / "s" / "main.json").read_text())["refresh_token"] == "refresh-1"


def test_sessions_of_one_program_share_a_memory_store():
    issuer, store = Issuer(), MemoryStore()
    assert session(issuer, store=store).token() == session(issuer, store=store).token()
    assert len(issuer.asked) == 1


def test_unknown_members_of_the_file_are_kept(tmp_path):
    clock, issuer = Clock(), Issuer()
    store = FileStore(tmp_path / "s", "main")
    session(issuer, store=store, clock=clock).token()
    path = tmp_path / "s" / "main.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "of_tomorrow": [1, 2]}))
    clock.now += 601
    session(issuer, store=store, clock=clock).token()
    said = json.loads(path.read_text())
    assert said["of_tomorrow"] == [1, 2] and said["generation"] == 2


def test_the_keyring_keeps_tokens_too(tmp_path):
    import keyring
    import keyring.backend

    from mandate_session.store.keyring import KeyringStore

    class Ring(keyring.backend.KeyringBackend):
        priority = 1
        held: dict = {}

        def get_password(self, service, username):
            return self.held.get((service, username))

        def set_password(self, service, username, password):
            self.held[service, username] = password

        def delete_password(self, service, username):
            del self.held[service, username]

    keyring.set_keyring(Ring())
    issuer = Issuer()
    session(issuer, store=KeyringStore("main", tmp_path / "s")).token()
    again = session(issuer, store=KeyringStore("main", tmp_path / "s"))
    assert again.token().reveal() == "access-1" and len(issuer.asked) == 1
    again.logout()
    assert Ring.held == {} and list((tmp_path / "s").iterdir()) == []


# -- transport


def test_a_kept_connection_that_the_server_closed_is_not_used(world):
    transport = StdTransport()
    url = world.api + "/data"
    assert transport.send(Request("GET", url, {}), 5).status == 401
    (_, connection), = transport._idle[next(iter(transport._idle))]
    world.order({"op": "restart"})
    connection.sock.shutdown(2)
    assert transport.send(Request("GET", url, {}), 5).status in (200, 401)


def test_a_connection_is_kept_for_the_next_request(world):
    transport = StdTransport()
    for _ in range(3):
        transport.send(Request("GET", world.api + "/data", {}), 5)
        kept = [c for connections in transport._idle.values() for c in connections]
        assert len(kept) == 1
    transport.close()


def test_nobody_listens():
    with pytest.raises(mandate_session.NotSent, match="no connection"):
        StdTransport().send(Request("GET", "http://127.0.0.1:9/", {}), 1)


# -- the surface


def test_causes_are_constants_and_in_step_with_the_catalogue():
    assert Cause.TOKEN_EXPIRED == "token.expired" and Cause.TOKEN_EXPIRED.renew
    assert str(Cause.SESSION_DISPLACED) == "session.displaced" and not Cause.SESSION_DISPLACED.renew
    assert Cause.SCOPE_MISSING.title and Cause.SCOPE_MISSING.remedy and Cause.SCOPE_MISSING.who_can_act == "caller"
    assert Cause.named("moon.full") is None
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_causes.py"), "--check"], check=True)


def test_the_check_of_the_causes_can_fail(tmp_path):
    for part in ("tools", "mandate_session"):
        (tmp_path / "sdk" / "python" / part).mkdir(parents=True)
    text = (ROOT / "tools" / "make_causes.py").read_text()
    (tmp_path / "sdk" / "python" / "tools" / "make_causes.py").write_text(text)
    (tmp_path / "causes.json").write_bytes((ROOT.parents[1] / "causes.json").read_bytes())
    (tmp_path / "sdk" / "python" / "mandate_session" / "cause.py").write_text("# behind\n")
    done = subprocess.run([sys.executable, str(tmp_path / "sdk/python/tools/make_causes.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 1 and "behind" in done.stderr


def test_the_types_hold():
    """The library under `mypy --strict`, and a program that uses it: what is wrong there must be found."""
    done = subprocess.run([sys.executable, "-m", "mypy", "--no-error-summary"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "tests/typed_surface.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_library_needs_nothing_but_python():
    code = ("import sys; sys.modules.update(dict.fromkeys(('httpx', 'requests', 'cryptography', 'keyring')));"
            "import mandate_session; mandate_session.Session.api_key({'a': 'b'}).authorize('GET', 'https://x.example/')")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_missing_extra_is_said():
    code = ("import sys; sys.modules['cryptography'] = None; import mandate_session;"
            "s = mandate_session.Session.refresh_token('app', 'r', token_endpoint='https://x.example/t', dpop=True);"
            "s.token()")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "mandate-session[crypto]" in done.stderr


# -- races


def test_what_is_read_while_a_renewal_is_being_written_does_not_undo_it(tmp_path, monkeypatch):
    """Between answer and file, the store still holds the old refresh token; a reader of this process must not take it back."""
    import mandate_session.store.file as file_store
    from mandate_session.renewal import load_store

    clock, issuer = Clock(), Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"), clock=clock)
    ours.token()
    clock.now += 541
    write = file_store._Held.write

    def reading_first(lock, record):
        ours._run(load_store(ours._core))
        write(lock, record)

    monkeypatch.setattr(file_store._Held, "write", reading_first)
    assert ours.token().reveal() == "access-2"
    assert json.loads((tmp_path / "s" / "main.json").read_text())["refresh_token"] == "refresh-2"
    clock.now += 541
    ours.token()
    assert b"refresh-2" in (issuer.asked[-1].body or b"")


def test_threads_whose_tokens_are_refused_at_random_never_fail():
    import random

    class Api(Issuer):
        """Refuses a token for good, now and then."""

        def __init__(self) -> None:
            super().__init__()
            self.dead: set[str] = set()
            self.number = 0
            self.lock = threading.Lock()

        def send(self, request: Request, timeout: float) -> Answer:
            with self.lock:
                if request.url.endswith("/token"):
                    self.number += 1
                    return Answer(200, {}, json.dumps({"access_token": f"access-{self.number}", "expires_in": 600}).encode())
                token = request.headers["Authorization"]
                if random.random() < 0.02:
                    self.dead.add(token)
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


def test_a_dead_lock_costs_an_early_caller_its_wait_once(tmp_path):
    from mandate_session.store.lock import content

    clock, issuer = Clock(), Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"), clock=clock, timeout=0.2)
    ours.token()
    clock.now += 541
    (tmp_path / "s" / "main.lock").write_bytes(content("d" * 32, 1, 50, 60_000))
    began = time.monotonic()
    for _ in range(20):
        assert ours.token().reveal() == "access-1"
    assert time.monotonic() - began < 2


def test_signing_out_does_not_remove_the_file_of_another(tmp_path):
    store = FileStore(tmp_path / "s", "main")
    session(Issuer(), store=store).token()
    other = session(Issuer(), store=store, scope="other")
    other.state()
    try:
        other.logout()
    except Misconfigured:
        pass
    assert (tmp_path / "s" / "main.json").exists()


@pytest.mark.parametrize(("cause", "dead"), [
    ("credential.rejected", True), ("credential.superseded", True), ("credential.revoked", True), ("moon.full", True), (None, True),
    ("environment.mismatch", False), ("account.not_covered", False), ("licence.delegated_access", False), ("token.audience", False),
])
def test_which_refusals_kill_a_key(cause, dead):
    ours = Session.api_key({"K": "key-of-program"})
    sent = ours.authorize("GET", URL)
    assert ours.answered("GET", URL, sent, 401, {"mandate-cause": cause} if cause else {}) is None
    assert (ours.state().reason == "key_refused") is dead


class Raw:
    """A server that says exactly these pieces to each connection, with a pause before each, and closes."""

    def __init__(self, *pieces: bytes, pause: float = 0) -> None:
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

        def serve() -> None:
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        time.sleep(pause)
                        try:
                            connection.sendall(piece)
                        except OSError:
                            break

        threading.Thread(target=serve, daemon=True).start()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("pieces", [
    (b"",), (b"HTTP/1.1 2",), (OK + b"Content-Length: 10\r\n\r\n12345",), (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123",),
    (b"\x16\x03\x01 what is this",),
])
def test_half_an_answer_is_a_lost_one(pieces):
    with pytest.raises(Lost):
        StdTransport().send(Request("GET", Raw(*pieces).url, {}), 2)


def test_a_server_that_drips_does_not_hold_the_caller():
    drip = Raw(OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 100, pause=0.1)
    began = time.monotonic()
    with pytest.raises(Lost, match="no answer in time"):
        StdTransport().send(Request("GET", drip.url, {}), 0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("pieces", [
    (OK + b"Content-Length: 2\r\n\r\n{}",), (OK + b"Content-", b"Length: 2\r\n\r\n", b"{", b"}"), (OK + b"Connection: close\r\n\r\n{}",),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",), (b"HTTP/1.0 200 OK\r\n\r\n{}",),
])
def test_whole_answers(pieces):
    assert StdTransport().send(Request("GET", Raw(*pieces, pause=0.01).url, {}), 2).body == b"{}"


def test_an_answer_without_a_body():
    assert StdTransport().send(Request("POST", Raw(b"HTTP/1.1 204 No Content\r\n\r\n").url, {}), 2).status == 204
    assert StdTransport().send(Request("HEAD", Raw(OK + b"Content-Length: 10\r\n\r\n").url, {}), 2).body == b""


def test_a_program_that_knows_no_lock_renewed_during_our_request(tmp_path):
    """Our refresh token is refused, and another one lies in the store by now: that is used, once."""
    clock, issuer = Clock(), Issuer()
    path = tmp_path / "s" / "main.json"
    ours = Session.refresh_token("app", "given", token_endpoint="https://issuer.example/token", transport=issuer, clock=clock,
                                 store=FileStore(tmp_path / "s", "main"))
    ours.token()
    clock.now += 601
    send = issuer.send

    def meanwhile(request: Request, timeout: float) -> Answer:
        issuer.send = send  # type: ignore[method-assign]
        path.write_text(json.dumps({**json.loads(path.read_text()), "refresh_token": "of-the-other"}))
        return Answer(400, {}, b'{"error": "invalid_grant"}')

    issuer.send = meanwhile  # type: ignore[method-assign]
    assert ours.token().reveal() == "access-2"
    assert b"of-the-other" in (issuer.asked[-1].body or b"")


def test_a_proof_that_the_api_finds_too_old_is_made_anew_by_its_clock():
    import base64
    import email.utils

    class Api(Issuer):
        def send(self, request: Request, timeout: float) -> Answer:
            if request.url.endswith("/token"):
                return Answer(200, {}, json.dumps({"access_token": "access-1", "token_type": "DPoP", "expires_in": 600}).encode())
            self.asked.append(request)
            part = request.headers["DPoP"].split(".")[1]
            iat = json.loads(base64.urlsafe_b64decode(part + "=="))["iat"]
            if abs(iat - (clock.now + 600)) < 30:
                return Answer(200)
            date = email.utils.formatdate(clock.now + 600, usegmt=True)
            return Answer(401, {"date": date, "www-authenticate": 'DPoP error="invalid_dpop_proof"', "mandate-cause": "dpop.invalid"})

    clock, api = Clock(), Api()
    ours = session(api, dpop=True, clock=clock)
    assert ours.fetch("GET", URL).status == 200 and len(api.asked) == 2
    assert ours.fetch("GET", URL).status == 200 and len(api.asked) == 3
    clock.now += 100
    assert ours.fetch("GET", URL).status == 200
