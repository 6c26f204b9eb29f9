"""The scripted server, and a clock that is moved instead of waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
START_MS = 1767603600000  # 2026-01-05T09:00:00Z


class Server:
    """`server.py` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, str(SCENARIOS / "server.py"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.base = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"

    def order(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(f"{self.base}/control/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"the server refused {body}: {error.read().decode()}") from None

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


class World:
    """One scenario at the server, and the clock of its programs."""

    def __init__(self, server: Server, settings: dict | None = None, clock_off: float = 0, new: dict | None = None) -> None:
        self.server = server
        made = server.order("new", {"now_ms": START_MS, **(new or {"issuer": settings or {}})})
        self.made, self.id, self.issuer, self.api = made, made["id"], made["issuer"], made["api"]
        self.now_ms = START_MS
        self.off_ms = round(clock_off * 1000)
        self.slept_ms = 0
        self._lock = threading.Lock()

    def clock(self) -> float:
        """The program's clock, in seconds."""
        return (self.now_ms + self.off_ms) / 1000

    def sleep(self, seconds: float) -> None:
        """Moves the clock, and adds up."""
        self.slept_ms += round(seconds * 1000)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            ms = round(seconds * 1000)
            self.now_ms += ms
            self.order({"op": "advance", "ms": ms})

    def order(self, body: dict) -> dict:
        return self.server.order(self.id, body)

    def log(self) -> list[dict]:
        return self.order({"op": "log"})["requests"]

    def secrets(self) -> list[str]:
        return self.order({"op": "secrets"})["secrets"]


class Peer:
    """A server of another make, in real time."""

    def __init__(self, peer: dict) -> None:
        self.peer, self.api, self.issuer, self.path = peer, peer["api"], "", peer.get("path")

    def clock(self) -> float:
        return time.time()

    def peer_advance(self, seconds: float) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.peer['clock_token']}"}
        request = urllib.request.Request(self.peer["clock"], json.dumps({"advance_s": seconds}).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
