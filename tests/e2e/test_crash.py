"""What was answered is durable: kill -9 under load, of the server and of the database, and the order of fsync and answer."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from harness.binary import Server
from harness.databases import Cluster, fresh_database, private_cluster, sql
from harness.demo import Demo
from harness.platform import Client, Key, Partner, bearer
from harness.refusals import refusal
from harness.scale import Scale
from harness.sockets import Answer, Connection


@dataclass
class Known:
    """What the server has answered, and so must still hold."""

    tokens: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """An end of these was asked for and not answered."""
    spent: set[str] = field(default_factory=set)
    keys: dict[str, Key] = field(default_factory=dict)
    dead_keys: dict[str, Key] = field(default_factory=dict)


class Crashing:
    """A demo in a folder of its own, started again and again."""

    def __init__(self, name: str, folder: Path, arguments: tuple[str, ...]) -> None:
        self.name, self.folder, self.arguments = name, folder, arguments
        self.demo: Demo

    def start(self) -> None:
        data = self.folder / "data"
        server = Server(f"crash-{self.name}", "demo", "--json", "--port-base", "0", "--dir", str(data), *self.arguments)
        self.demo = Demo.read(server, json.loads(server.line()), self.folder / "admin-token")

    def kill(self) -> None:
        self.demo.server.kill()

    @property
    def partner(self) -> Partner:
        return self.demo.partners[0]

    @property
    def app(self) -> Client:
        assert self.partner.client is not None
        return self.partner.client


# -- load -------------------------------------------------------------------------------------------------------


async def task(crashing: Crashing, known: Known, seed: int) -> None:
    """Asks for codes and tokens, redeems and ends them, until the connection breaks."""
    chance = random.Random(seed)
    demo, partner, app = crashing.demo, crashing.partner, crashing.app
    basic = base64.b64encode(":".join(partner.auth).encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
    body = json.dumps(demo.broker_body(partner, app)).encode()
    broker, issuer = Connection(demo.broker), Connection(demo.issuer)

    def good(answer: Answer, status: int = 200) -> bool:
        assert answer.status in (status, 429, 503), answer
        return answer.status == status

    try:
        while True:
            if chance.random() < 0.5:
                made = await broker.request("POST", "/v1/oauth/authorize", body, headers)
                if not good(made):
                    await asyncio.sleep(0.02)
                    continue
                code = made.json()["code"]
                form = {
                    "grant_type": "authorization_code",
                    "code": code,
                    "client_id": app.id,
                    "client_secret": app.secret,
                    "redirect_uri": app.redirect_uri,
                }
                redeemed = await issuer.post_form("/oauth/token", form)
                if not good(redeemed):
                    continue
                known.spent.add(code)
                token = redeemed.json()["access_token"]
            else:
                made = await broker.request("POST", "/v1/oauth/token", body, headers)
                if not good(made):
                    await asyncio.sleep(0.02)
                    continue
                token = made.json()["access_token"]
            known.tokens.add(token)
            if chance.random() < 0.4:
                known.unsure.add(token)
                ended = await broker.request("DELETE", f"/v1/oauth/token/{token}", b"", headers)
                if good(ended, 204):
                    known.ended.add(token)
                elif ended.status == 429:
                    known.unsure.discard(token)
    except (OSError, asyncio.IncompleteReadError):
        pass


def keys(crashing: Crashing, known: Known, stop: threading.Event) -> None:
    """Makes and revokes keys with the command, until it gets no answer."""
    account = crashing.demo.alice.accounts["live"]
    while not stop.is_set():
        made = crashing.demo.cli.run("key", "create", "--platform", "alpaca", "--account", account, "--json")
        if made.code != 0:
            return
        body = json.loads(made.out)
        key = Key(body["id"], body["secret"], account, "live")
        known.keys[key.id] = key
        known.unsure.add(key.id)
        gone = crashing.demo.cli.run("key", "revoke", key.id, "--platform", "alpaca", "--json")
        if gone.code != 0:
            return
        known.unsure.discard(key.id)
        known.dead_keys[key.id] = known.keys.pop(key.id)


def load_until(crashing: Crashing, known: Known, crash: threading.Event, seed: int) -> None:
    async def run() -> None:
        await asyncio.wait_for(asyncio.gather(*(task(crashing, known, seed * 1000 + index) for index in range(16))), 60)

    with ThreadPoolExecutor() as pool:
        commands = pool.submit(keys, crashing, known, crash)
        asyncio.run(run())
        commands.result(60)


# -- what must hold afterwards ------------------------------------------------------------------------------------


def check(crashing: Crashing, known: Known) -> None:
    demo = crashing.demo

    def state(headers: dict[str, str]) -> str:
        """`alive` is also what is only over its limit: that is looked at last."""
        for environment in demo.api:
            answer = demo.account(headers, environment)
            if answer.status_code in (200, 429):
                return "alive"
            found = refusal(answer, 401)
            if found.cause != "environment.mismatch":
                return found.cause
        return "nowhere"

    for token in known.tokens - known.ended - known.unsure:
        assert state(bearer(token)) == "alive", f"a token that was answered is gone: {token}"
    for token in known.ended:
        assert state(bearer(token)) == "token.revoked", f"a revocation that was answered is gone: {token}"
    for id, key in known.keys.items():
        if id not in known.unsure:
            assert state(key.headers) == "alive", f"a key that was answered is gone: {id}"
    for key in known.dead_keys.values():
        assert state(key.headers) == "credential.revoked", f"the end of a key that was answered is gone: {key.id}"
    for code in known.spent:
        found = refusal(demo.redeem(crashing.app, code), 400)
        assert found.cause in ("code.replayed", "code.expired"), f"a code may be used again: {found.text}"
    # Keys of which the round did not hear again are put away, so that the account has room for the next.
    for row in demo.admin_rows("key", "list", "--account", demo.alice.accounts["live"]):
        if row["id"] != demo.keys["live"].id and row["id"] not in known.dead_keys:
            demo.cli.run("key", "revoke", row["id"], "--platform", "alpaca", "--json")


@pytest.fixture
def crashing(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Crashing]:
    with ExitStack() as stack:
        arguments: tuple[str, ...] = ()
        if store == "postgresql":
            arguments = ("--store", stack.enter_context(fresh_database(request.getfixturevalue("cluster_url"))))
        server = Crashing(store, tmp_path, arguments)
        server.start()
        yield server
        server.kill()


def kill_server(crashing: Crashing, crash: threading.Event) -> None:
    crash.set()
    crashing.demo.server.process.kill()


@pytest.mark.timeout(3000)
def test_server_is_killed_under_load(crashing: Crashing, scale: Scale) -> None:
    answered = keys_made = 0
    for round in range(scale.kills):
        known, crash = Known(), threading.Event()
        crashing.demo.advance(61)
        timer = threading.Timer(random.uniform(0.2, 0.9), kill_server, (crashing, crash))
        timer.start()
        load_until(crashing, known, crash, round)
        timer.join()
        crashing.kill()
        crashing.start()
        crashing.demo.advance(61)
        check(crashing, known)
        answered += len(known.tokens)
        keys_made += len(known.keys) + len(known.dead_keys)
    assert keys_made >= scale.kills
    assert answered > 20 * scale.kills, f"only {answered} tokens were answered: that was no load"


@pytest.mark.postgresql
@pytest.mark.timeout(3000)
def test_database_is_killed_under_load(scale: Scale, tmp_path: Path) -> None:
    with private_cluster() as cluster, fresh_database(cluster.url) as url:
        crashing = Crashing("database", tmp_path, ("--store", url))
        crashing.start()
        try:
            for round in range(scale.database_kills):
                crash_database(crashing, cluster, round)
        finally:
            crashing.kill()


def crash_database(crashing: Crashing, cluster: Cluster, seed: int) -> None:
    """The server stays up, answers 503 while the database is away, and goes on by itself afterwards."""
    known, crash = Known(), threading.Event()
    crashing.demo.advance(61)

    def act() -> None:
        crash.set()
        cluster.crash()

    timer = threading.Timer(random.uniform(0.2, 0.9), act)
    timer.start()

    async def run() -> None:
        tasks = [asyncio.create_task(task(crashing, known, seed * 1000 + index)) for index in range(16)]
        while not crash.is_set():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        for running in tasks:
            running.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    asyncio.run(run())
    timer.join()
    assert crashing.demo.server.running(), "a lost database must not end the server"
    refused = crashing.demo.redeem(crashing.app, "00000000-0000-4000-8000-000000000000")
    found = refusal(refused, 503)
    assert "retry-after" in found.headers
    cluster.start()
    recovered = threading.Event()
    for _ in range(400):
        if crashing.demo.redeem(crashing.app, "00000000-0000-4000-8000-000000000000").status_code == 400:
            recovered.set()
            break
        recovered.wait(0.05)
    assert recovered.is_set(), "the server did not find its database again within 20 s"
    crashing.kill()
    crashing.start()
    crashing.demo.advance(61)
    check(crashing, known)


# -- no answer before its fsync -------------------------------------------------------------------------------------

SYSCALL = re.compile(r"^(\d+) +(?:<\.\.\. )?([a-z0-9_]+)(?:\(| resumed>)(.*)$")


@dataclass(frozen=True)
class Event:
    line: int
    thread: str
    name: str
    text: str
    begins: bool
    ends: bool


def events(trace: Path) -> list[Event]:
    found = []
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        match = SYSCALL.match(line)
        if match:
            resumed = "<... " in line
            found.append(Event(number, match[1], match[2], match[3], not resumed, "<unfinished ...>" not in line))
    return found


@pytest.mark.sqlite
def test_no_answer_precedes_its_fsync(tmp_path: Path, store: str) -> None:
    """Each token answer on the wire comes after an fsync that began after its request had been read."""
    trace = tmp_path / "trace"
    calls = "fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64"
    strace = ("strace", "-f", "-q", "-s", "2000", "-e", f"trace={calls}", "-o", str(trace))
    server = Server("strace", "demo", "--json", "--port-base", "0", "--dir", str(tmp_path / "data"), wrapper=strace)
    demo = Demo.read(server, json.loads(server.line(120)), tmp_path / "admin-token")
    partner = demo.partners[0]
    app = partner.client
    assert app is not None
    body = json.dumps(demo.broker_body(partner, app)).encode()
    basic = base64.b64encode(":".join(partner.auth).encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}

    async def broker(number: int) -> list[str]:
        connection, answered = Connection(demo.broker), []
        for index in range(5):
            marked = {**headers, "X-Mark": f"mark-{number}-{index}-"}
            answer = await connection.request("POST", "/v1/oauth/token", body, marked)
            assert answer.status == 200, answer
            answered.append(f"mark-{number}-{index}-\n{answer.json()['access_token']}")
        await connection.close()
        return answered

    async def redeem(number: int, codes: list[str]) -> list[str]:
        connection, answered = Connection(demo.issuer), []
        for code in codes:
            form = {"grant_type": "authorization_code", "code": code, "client_id": app.id, "client_secret": app.secret}
            sent = urlencode(form | {"redirect_uri": app.redirect_uri}).encode()
            answer = await connection.request("POST", "/oauth/token", sent, {"Content-Type": "application/x-www-form-urlencoded"})
            assert answer.status == 200, answer
            answered.append(f"{code}\n{answer.json()['access_token']}")
        await connection.close()
        return answered

    async def run() -> list[str]:
        codes = [demo.broker_call("POST", "/oauth/authorize", partner.auth, data=body, headers=headers).json()["code"] for _ in range(20)]
        one_by_one = await broker(0)
        together = await asyncio.gather(*(broker(number) for number in range(1, 5)))
        redeemed = await asyncio.gather(*(redeem(number, codes[number * 5 : number * 5 + 5]) for number in range(4)))
        return one_by_one + sum(together, []) + sum(redeemed, [])

    pairs = asyncio.run(run())
    server.terminate(within_s=30)
    seen = events(trace)
    reads = [event for event in seen if event.ends and event.name in ("read", "readv", "recvfrom", "recvmsg")]
    writes = [event for event in seen if event.begins and event.name in ("write", "writev", "sendto", "sendmsg")]
    syncs: list[tuple[int, int]] = []
    open_syncs: dict[str, int] = {}
    for event in seen:
        if event.name in ("fsync", "fdatasync"):
            if event.begins:
                open_syncs[event.thread] = event.line
            if event.ends:
                assert event.text.rstrip().endswith("= 0"), event
                syncs.append((open_syncs.pop(event.thread), event.line))
    assert len(pairs) == 45 and syncs
    for pair in pairs:
        mark, token = pair.split("\n")
        asked = min((event.line for event in reads if mark in event.text), default=None)
        told = min((event.line for event in writes if token in event.text), default=None)
        assert asked is not None and told is not None, f"{mark}: request or answer is not in the trace"
        covered = [sync for sync in syncs if asked < sync[0] and sync[1] < told]
        assert covered, f"the answer to {mark} at line {told} precedes every fsync after its request at line {asked}"
        written = [event for event in seen if event.name == "pwrite64" and asked < event.line < covered[-1][0]]
        assert written, f"nothing was written between the request {mark} and its fsync"


@pytest.mark.postgresql
def test_commits_are_synchronous(cluster_url: str) -> None:
    """On PostgreSQL the database syncs before it says that it committed."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert sql(cluster_url, f"SHOW {setting}") == "on"
