"""The built binary: started as a server, called as a command."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
OUTPUT = ROOT / "test-output"
BINARY = Path(os.environ.get("MANDATE_BIN", ROOT / "target" / "release" / "mandate")).resolve()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, ready: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Polls a condition outside the demo's clock: a process that starts, a port that opens."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment() -> dict[str, str]:
    """The caller's environment without anything that would lead a command to another server or a proxy. A rule that is switched
    off (tests/tools/musts) stays so."""

    def leads(name: str) -> bool:
        return name.lower().endswith("_proxy") or (name.startswith("MANDATE_") and name != "MANDATE_MUTATION")

    return {name: value for name, value in os.environ.items() if not leads(name)} | {"RUST_BACKTRACE": "1"}


class Server:
    """A running `mandate` process. Its standard error is kept under test-output/logs."""

    def __init__(self, name: str, *arguments: str, cwd: Path | None = None, wrapper: tuple[str, ...] = ()) -> None:
        logs = OUTPUT / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"{name}.log"
        self._errors = self.log.open("ab")
        self._wrapped = bool(wrapper)
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [*wrapper, str(BINARY), *arguments],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=cwd,
            env=environment(),
            text=True,
        )
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def line(self, timeout_s: float = 30.0) -> str:
        """The next line of standard output."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"no line from the server within {timeout_s} s\n{self.tail()}") from None
        assert line, f"the server ended with {self.process.wait(5)}\n{self.tail()}"
        return line

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def pid(self) -> int:
        """The server itself, also under a wrapper that started it."""
        if not self._wrapped:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def running(self) -> bool:
        return self.process.poll() is None

    def terminate(self, within_s: float = 5.0) -> int:
        """SIGTERM, and the exit code. A server that does not stop in time is a failure."""
        if self.running():
            os.kill(self.pid(), signal.SIGTERM)
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {within_s} s of SIGTERM\n{self.tail()}") from None
        self._close()
        return code

    def kill(self) -> None:
        if self.running():
            os.kill(self.pid(), signal.SIGKILL)
        self.process.wait(10)
        self._close()

    def _close(self) -> None:
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, f"exit code {self.code}\n{self.out}{self.err}"
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """`mandate <command>`, with where the server is."""

    server: tuple[str, ...] = ()
    cwd: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, timeout_s: float = 30.0) -> Ran:
        done = subprocess.run(
            [str(BINARY), *arguments, *self.server],
            capture_output=True,
            text=True,
            cwd=self.cwd,
            env=environment() | self.variables,
            timeout=timeout_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        return self.run(*arguments, "--json").json()

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a `list` prints: an array of objects."""
        value = self.json(*arguments)
        assert isinstance(value, list), f"{arguments}: {value!r} is no list"
        return value
