"""Runs the steps of a scenario against one driver of the library."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mandate_session.store.file as file_store
from mandate_session import AsyncSession, FileStore, NeedsLogin, Refused, Session, SessionError, StdTransport, Unavailable
from mandate_session.held import stored_of

from drivers import AsyncProgram, Got, SyncProgram, same_origin_only
from world import SCENARIOS, World

KNOWN_SETTINGS = {
    "grant", "client_id", "client_secret", "auth", "jwk", "scope", "resource", "username", "password", "refresh_token", "access_token", "key_id",
    "key_secret", "extra", "dpop", "discover", "pushed", "patience", "timeout", "store", "clock_off", "random", "origins", "authorize",
    "redirect_uri", "issuer", "token_endpoint", "authorization_endpoint", "device_endpoint", "revocation_endpoint", "pushed_endpoint",
    "insecure_http", "assertion_audience",
}
DEAD_LOCK = {"version": 1, "id": "d" * 32, "pid": 999999999, "beat_ms": 50, "stale_ms": 300, "beat": "0000000000000007"}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Interpreter:
    """One scenario, one driver."""

    def __init__(self, world: World, given: dict, driver: str, folder: Path, *, simulated: bool = True) -> None:
        self.world, self.given, self.driver, self.folder = world, given, driver, folder
        self.simulated = simulated
        self.programs: dict[str, Any] = {}
        self.events: dict[str, list[Any]] = {}
        self.seen: dict[str, int] = {}
        self.slept_from = 0
        self.last: Got | None = None
        self.said: list[str] = []
        self.full = False
        self.leftovers: set[str] = set()
        self.loop = asyncio.new_event_loop() if driver == "async" else None

    # -- programs

    def program(self, name: str, more: dict | None = None) -> Any:
        if name not in self.programs:
            self.programs[name] = self._made(name, {**self.given["session"], **(more or {})})
        return self.programs[name]

    def _made(self, name: str, asked: dict) -> Any:
        unknown = set(asked) - KNOWN_SETTINGS
        assert not unknown, f"unknown settings: {unknown}"
        kind: Any = AsyncSession if self.loop else Session
        options: dict[str, Any] = {"observer": self._observer(name)}
        if self.simulated:
            u = asked.get("random", 0)
            options |= {"clock": self.world.clock, "sleep": self.world.sleep_async if self.loop else self.world.sleep, "random": lambda: u}
        for key in ("auth", "jwk", "scope", "resource", "extra", "dpop", "pushed", "patience", "timeout", "origins", "authorize", "insecure_http", "assertion_audience"):
            if key in asked:
                options[key] = asked[key]
        options["transport"] = same_origin_only(StdTransport(), self.world.issuer) if self.simulated else StdTransport()
        if asked.get("store"):
            options["store"] = FileStore(self.folder, "main", beat_ms=50, stale_ms=300)
        if asked.get("issuer"):
            options["issuer"] = asked["issuer"]
        elif asked.get("discover"):
            options["issuer"] = self.world.issuer
        if not asked.get("discover"):
            base = self.world.issuer
            ways = {"token_endpoint": "/token", "authorization_endpoint": "/authorize", "device_endpoint": "/device",
                    "revocation_endpoint": "/revoke", "pushed_endpoint": "/par"}
            options |= {key: asked.get(key, base + path) for key, path in ways.items() if key in asked or self.simulated}
        grant = asked["grant"]
        client = {"client_id": asked.get("client_id"), "client_secret": asked.get("client_secret")}
        if grant == "api_key":
            made = kind.api_key({"APCA-API-KEY-ID": asked["key_id"], "APCA-API-SECRET-KEY": asked["key_secret"]}, **options)
        elif grant == "access_token":
            made = kind.access_token(asked["access_token"], **options)
        elif grant == "password":
            made = kind.password(username=asked["username"], password=asked["password"], **client, **options)
        elif grant == "refresh_token":
            made = kind.refresh_token(refresh_token=asked["refresh_token"], **client, **options)
        else:
            made = getattr(kind, grant)(**client, **options)
        ways_of = ("plain", "httpx") if self.loop else ("plain", "httpx", "requests")
        number = int(hashlib.sha256(f"{self.given['name']}/{name}".encode()).hexdigest(), 16)
        integration = ways_of[number % len(ways_of)]
        return AsyncProgram(made, integration, self.loop) if self.loop else SyncProgram(made, integration)

    def _observer(self, name: str) -> Any:
        self.events.setdefault(name, [])

        def observe(event: Any) -> None:
            self.events[name].append(event)
            self.said.append(repr(event))

        return observe

    # -- running

    def run(self) -> None:
        try:
            for number, step in enumerate(self.given["steps"], 1):
                try:
                    self.step(dict(step))
                except Exception as error:
                    raise AssertionError(f"step {number} {json.dumps(step)[:300]}: {type(error).__name__}: {error}") from error
            self.afterwards()
        finally:
            self.world_restored()
            for program in self.programs.values():
                program.close()
            if self.loop:
                self.loop.close()

    def afterwards(self) -> None:
        """What holds in every scenario."""
        for program in self.programs.values():
            self.said += [repr(program.session), repr(program.session.settings), repr(program.session.state()), repr(program.session._core.token)]
        secrets = [s for s in self.world.secrets() if len(s) >= 4] if self.simulated else []
        for text in self.said:
            for secret in secrets:
                assert secret not in text, f"a secret was said: {text.replace(secret, '<HERE>')}"
        if self.folder.exists():
            left = {p.name for p in self.folder.iterdir() if p.name.endswith((".lock", ".tmp")) or ".lock." in p.name}
            assert not left - self.leftovers, f"left over: {left}"
        if self.simulated:
            left = self.world.order({"op": "end"}).get("faults_left")
            assert not left, f"faults that nobody met: {left}"

    def world_restored(self) -> None:
        if self.full:
            self.store_free()

    def step(self, step: dict) -> None:
        name, more = step.pop("session", "main"), step.pop("with", None)
        words = set(step) - {"expect", "as", "after", "plus"}
        assert len(words) == 1, f"unknown words: {words}"
        word = words.pop()
        handler = getattr(self, "do_" + word, None)
        assert handler is not None, f"unknown step {word!r}"
        handler(step.pop(word), self.program(name, more), step)
        assert not step, f"unknown words: {set(step)}"

    def expecting(self, work: Any, expect: dict) -> Any:
        """Runs something and compares how it ends with `expect`."""
        unknown = set(expect) - {"status", "body", "error", "check"}
        assert not unknown, f"unknown words in expect: {unknown}"
        try:
            result = work()
            if isinstance(result, Exception):
                raise result
            if expect.get("check") and isinstance(result, Got):
                self.last = result
                next(iter(self.programs.values())).session.check(result.native)
        except SessionError as error:
            self.said += [str(error), repr(error)]
            if error.__cause__ is not None:
                self.said += [str(error.__cause__), repr(error.__cause__)]
            assert "error" in expect, f"{type(error).__name__}: {error}"
            self.compare_error(error, expect["error"])
            return None
        assert "error" not in expect, f"no error came, but {result}"
        if isinstance(result, Got):
            self.last = result
            if "status" in expect:
                assert result.status == expect["status"], f"status {result.status}: {result.body[:300]!r}"
            else:
                assert result.status < 400, f"status {result.status}: {result.body[:300]!r}"
            if "body" in expect:
                body = json.loads(result.body)
                for key, value in expect["body"].items():
                    assert body.get(key) == value, f"body {body}"
        return result

    def compare_error(self, error: SessionError, expect: dict) -> None:
        for key, value in expect.items():
            if key == "kind":
                assert type(error).__name__ == value, f"{type(error).__name__}: {error}"
            elif key == "text":
                assert value in str(error), str(error)
            elif key == "retry_in":
                assert isinstance(error, Unavailable) and error.retry_at is not None, repr(error)
                left = error.retry_at / 1000 - self.world.clock()
                assert value[0] <= left <= value[1], f"retry in {left}"
            elif isinstance(error, Refused):
                found = getattr(error.refusal, key)
                assert (list(found) if isinstance(found, tuple) else found) == value, f"{key}: {found}"
            else:
                assert isinstance(error, NeedsLogin), f"{type(error).__name__}: {error}"
                assert getattr(error, key) == value, f"{key}: {getattr(error, key)}"

    # -- steps

    def do_call(self, asked: dict, program: Any, step: dict) -> None:
        known = {"path", "method", "body", "times", "parallel", "stream_body", "sessions", "late"}
        assert not set(asked) - known, f"unknown words in call: {set(asked) - known}"
        expect = step.pop("expect", {})
        url, method = self.url(asked["path"]), asked.get("method", "GET")
        body, stream = asked.get("body"), asked.get("stream_body", False)
        if "late" in asked:
            with self.late(asked["late"]):
                self.expecting(lambda: program.call(method, url, body, stream), expect)
            return
        if "parallel" in asked:
            programs = [self.program(n) for n in asked["sessions"]] if "sessions" in asked else [program]
            turns = [programs[i % len(programs)] for i in range(asked["parallel"])]
            for result in program.calls(turns, method, url, body, stream):
                self.expecting(lambda result=result: result, expect)
            return
        for _ in range(asked.get("times", 1)):
            self.expecting(lambda: program.call(method, url, body, stream), expect)

    @contextmanager
    def late(self, times: list[float]) -> Iterator[None]:
        """Lets time pass while requests of a call are on the way."""
        kept: list[bool] = []

        def pass_time() -> None:
            for seconds in times:
                kept.append(self.world.order({"op": "held"})["held"])
                self.world.advance(seconds)
                self.world.order({"op": "let_go"})

        passing = threading.Thread(target=pass_time)
        passing.start()
        yield
        passing.join()
        assert kept == [True] * len(times), "fewer requests were sent than time was to pass for"

    def url(self, path: str) -> str:
        return self.world.api + (getattr(self.world, "path", None) or path)

    def do_wait(self, seconds: float, program: Any, step: dict) -> None:
        time.sleep(seconds)

    def do_peer_advance(self, seconds: float, program: Any, step: dict) -> None:
        self.world.peer_advance(seconds)

    def do_token(self, _: bool, program: Any, step: dict) -> None:
        self.expecting(lambda: program.run("token"), step.pop("expect", {}))

    def do_state(self, expect: dict, program: Any, step: dict) -> None:
        state = program.session.state()
        now = self.world.clock()
        for key, value in expect.items():
            if key in ("until_in", "ends_in"):
                moment = state.until if key == "until_in" else state.ends_at
                assert moment is not None, state
                left = moment / 1000 - now
                low, high = value if isinstance(value, list) else (value - 1, value + 1)
                assert low <= left <= high, f"{key}: {left}"
            else:
                assert getattr(state, key) == value, f"{key}: {state}"

    def do_advance(self, seconds: float, program: Any, step: dict) -> None:
        self.world.advance(seconds)

    def do_advance_to(self, which: str, program: Any, step: dict) -> None:
        token = program.session._core.token
        moment = {"renew_at": token.renew_at, "usable_until": token.usable_until, "end": token.ends_at}[which]
        self.world.advance(moment / 1000 + step.pop("plus", 0) - self.world.clock())

    def do_fault(self, fault: dict, program: Any, step: dict) -> None:
        self.world.order({"op": "fault", **fault})

    def do_issuer(self, order: dict, program: Any, step: dict) -> None:
        self.world.order(order)

    def do_store_has(self, members: dict, program: Any, step: dict) -> None:
        record = json.loads((self.folder / "main.json").read_text())
        for key, value in members.items():
            assert record.get(key) is not None if value == "*" else record.get(key) == value, f"{key}: {record.get(key)!r}"

    def do_store_lacks(self, what: list[str], program: Any, step: dict) -> None:
        for one in what:
            path = self.folder / {"lock": "main.lock", "file": "main.json"}[one]
            assert not path.exists(), path

    def do_close(self, _: bool, program: Any, step: dict) -> None:
        self._sync_or_async(program, "close")

    def do_logout(self, _: bool, program: Any, step: dict) -> None:
        self.expecting(lambda: self._sync_or_async(program, "logout"), step.pop("expect", {}))

    def _sync_or_async(self, program: Any, name: str) -> None:
        program.run(name)

    def do_watch(self, asked: dict, program: Any, step: dict) -> None:
        found = program.watch(self.world, asked["during"])
        assert len(found) == asked["expect_tokens"], f"{len(found)} tokens"

    def do_refusal(self, expect: dict, program: Any, step: dict) -> None:
        assert self.last is not None
        refusal = program.session.refusal(self.last.native)
        assert refusal is not None
        self.said += [repr(refusal), refusal.text()]
        for key, value in expect.items():
            found = getattr(refusal, key)
            assert (list(found) if isinstance(found, tuple) else found) == value, f"{key}: {found!r}"

    def do_slept(self, bounds: list[float], program: Any, step: dict) -> None:
        slept = (self.world.slept_ms - self.slept_from) / 1000
        self.slept_from = self.world.slept_ms
        assert bounds[0] <= slept <= bounds[1], f"slept {slept}"

    def _new_events(self, program: Any) -> list[str]:
        name = next(n for n, p in self.programs.items() if p is program)
        start = self.seen.get(name, 0)
        self.seen[name] = len(self.events[name])
        return [event.name for event in self.events[name][start:]]

    def do_events(self, expect: list[str], program: Any, step: dict) -> None:
        assert (found := self._new_events(program)) == expect, found

    def do_events_have(self, expect: list[str], program: Any, step: dict) -> None:
        found = self._new_events(program)
        assert set(expect) <= set(found), found

    def do_count(self, expect: dict, program: Any, step: dict) -> None:
        log = self.world.log()
        for to, number in expect.items():
            found = [line for line in log if line["to"] == to]
            assert len(found) == number, f"{to}: {len(found)}"

    def do_requests(self, expect: list[dict], program: Any, step: dict) -> None:
        log = self.world.log()
        shown = [(line["to"], line["status"], "cut" if line["cut"] else "") for line in log]
        wanted: list[dict] = []
        more = False
        for line in expect:
            if line.get("more"):
                more = True
                continue
            wanted += [line] * line.get("count", 1)
        assert len(log) == len(wanted) or (more and len(log) > len(wanted)), f"{len(wanted)} requests expected, found {shown}"
        for want, found in zip(wanted, log, strict=False):
            unknown = set(want) - {"to", "status", "form", "headers", "cut", "count"}
            assert not unknown, f"unknown words: {unknown}"
            assert found["to"] == want["to"], shown
            for key in ("status", "cut"):
                assert key not in want or found[key] == want[key], f"{key}: {shown}"
            for part in ("form", "headers"):
                for key, value in want.get(part, {}).items():
                    had = found[part].get(key)
                    assert (had is not None) if value == "*" else had == value, f"{part} {key}: {had!r}"

    # -- the store

    def do_store(self, what: str, program: Any, step: dict) -> None:
        getattr(self, "store_" + what)()

    @property
    def _file(self) -> Path:
        return self.folder / "main.json"

    def store_corrupt(self) -> None:
        data = self._file.read_bytes()
        self._file.write_bytes(data[: len(data) // 2])

    def store_empty(self) -> None:
        self._file.write_bytes(b"")

    def store_remove(self) -> None:
        self._file.unlink()

    def store_dead_lock(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "main.lock").write_bytes(json.dumps(DEAD_LOCK).encode().ljust(255) + b"\n")

    def store_dead_claim(self) -> None:
        self.store_dead_lock()
        name = f"main.lock.{DEAD_LOCK['id']}.1"
        (self.folder / name).write_bytes(b"")
        self.leftovers.add(name)

    def store_remove_lock(self) -> None:
        (self.folder / "main.lock").unlink()

    def store_foreign(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._file.write_text(json.dumps({"version": 1, "owner": "0" * 64, "generation": 3, "access_token": "foreign"}))
        self._file.chmod(0o600)

    def store_full(self) -> None:
        def full(_: Any, __: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self._write, self.full = file_store._Held.write, True
        file_store._Held.write = full  # type: ignore[assignment,method-assign]

    def store_free(self) -> None:
        file_store._Held.write = self._write  # type: ignore[method-assign]
        self.full = False

    def store_other_process_renewed(self) -> None:
        record = json.loads(self._file.read_text())
        form = {"grant_type": "refresh_token", "refresh_token": record["refresh_token"]}
        asked = self.given["session"]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form |= {"client_id": asked["client_id"]} | ({"client_secret": asked["client_secret"]} if "client_secret" in asked else {})
        request = urllib.request.Request(self.world.issuer + "/token", urllib.parse.urlencode(form).encode(), headers)
        body = json.load(urllib.request.urlopen(request, timeout=10))
        now = round(self.world.clock() * 1000)
        life = int(body["expires_in"]) * 1000
        record |= {"generation": record["generation"] + 1, "access_token": body["access_token"], "refresh_token": body["refresh_token"],
                   "sent_at": now, "ends_at": now + life, "renew_at": now + life * 9 // 10, "usable_until": now + life - 5000}
        stored_of(record)
        self._file.write_text(json.dumps(record))

    # -- the browser

    def do_login(self, way: str, program: Any, step: dict) -> None:
        as_, after, expect = step.pop("as", "allow"), step.pop("after", 0), step.pop("expect", {})
        if way == "browser":
            self._login_browser(program)
            return
        handler = {"code": self._login_code, "loopback": self._login_loopback, "device": self._login_device}[way]
        self.expecting(lambda: handler(program, as_, after), expect)

    def _browse(self, url: str, as_: str) -> str:
        mark = "&" if "?" in url else "?"
        opener = urllib.request.build_opener(NoRedirect)
        try:
            opener.open(f"{url}{mark}as={as_}", timeout=10)
        except urllib.error.HTTPError as error:
            assert error.code == 302, error.read()
            return error.headers["Location"]
        raise AssertionError("no redirect came")

    def _login_code(self, program: Any, as_: str, after: float) -> None:
        prompt = program.run("login.begin", "http://127.0.0.1:1/callback")
        self.said += [repr(prompt)]
        program.run("login.finish", self._browse(prompt.url, as_))

    def _login_browser(self, program: Any) -> None:
        user = self.world.peer.get("user", {"name": "alice", "password": "p4ss-of-person"})
        who = ["--name", user["name"], "--password", user["password"]]
        browser = [sys.executable, str(SCENARIOS / "peers" / "browser.py")]
        if self.given["session"]["grant"] == "device":
            prompt = program.run("login.begin_device")
            assert prompt.verification_uri_complete is not None
            subprocess.run([*browser, prompt.verification_uri_complete, "--device", *who], check=True, timeout=60)
            program.run("login.finish_device", prompt)
            return
        back = self.given["session"].get("redirect_uri", "http://127.0.0.1:1/callback")
        prompt = program.run("login.begin", back)
        done = subprocess.run([*browser, prompt.url, back, *who], check=True, timeout=60, stdout=subprocess.PIPE, text=True)
        program.run("login.finish", done.stdout.strip())

    def _login_loopback(self, program: Any, as_: str, after: float) -> None:
        def show(url: str) -> None:
            back = self._browse(url, as_)

            def come_back() -> None:
                base = back.split("/callback")[0]
                for wrong in ("/favicon.ico", "/callback?code=x&state=wrong"):
                    try:
                        urllib.request.urlopen(base + wrong, timeout=10)
                    except urllib.error.HTTPError as error:
                        assert error.code == 404
                assert urllib.request.urlopen(back, timeout=10).status == 200

            threading.Thread(target=come_back, daemon=True).start()

        program.run("login.loopback", show)

    def _login_device(self, program: Any, as_: str, after: float) -> None:
        began = self.world.slept_ms
        done = as_ == "nobody"
        sleep, asleep = self.world.sleep, self.world.sleep_async
        order = {"allow": "approve", "deny": "deny"}.get(as_, "")

        def watching(seconds: float) -> None:
            nonlocal done
            sleep(seconds)
            if not done and self.world.slept_ms - began >= after * 1000:
                done = True
                self.world.order({"op": order})

        async def watching_async(seconds: float) -> None:
            watching(seconds)

        session = program.session
        session._sleep = watching_async if self.loop else watching
        try:
            prompt = program.run("login.begin_device")
            self.said += [repr(prompt)]
            program.run("login.finish_device", prompt)
        finally:
            session._sleep = asleep if self.loop else sleep
