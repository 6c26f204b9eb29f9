"""The data platform's own Python libraries: a program that holds one of their sessions and does what it is told."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .binary import ROOT, environment

E2E = ROOT / "tests" / "e2e"


def library(name: str) -> Path:
    """The interpreter of the environment with `lseg` or `refinitiv`, which is made once."""
    tool = [str(ROOT / "tests/tools/venv"), name, str(E2E / f"requirements-{name}.txt")]
    folder = subprocess.run(tool, capture_output=True, text=True, timeout=900, check=True).stdout.strip()
    return Path(folder) / "bin" / "python"


class Desk:
    """One session of one library."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [str(library(name)), str(E2E / "clients/desk.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=environment(),
        )
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def do(self, name: str, *, timeout_s: float = 90, **task: Any) -> dict[str, Any]:
        """Has something done, and says what came of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": name, **task}) + "\n")
        self.process.stdin.flush()
        line = self._lines.get(timeout=timeout_s)
        assert line, f"the program with {self.name} ended"
        found: dict[str, Any] = json.loads(line)
        assert "broken" not in found, found
        return found

    def opened(self, base_url: str, **task: Any) -> dict[str, Any]:
        found = self.do("open", base_url=base_url, **task)
        assert found["state"] == "Opened" and not found["hangs"], found
        return found

    def history(self, **task: Any) -> dict[str, Any]:
        return self.do("history", universe=["IBM.N"], count=3, **task)

    def until(self, event: str, within_s: float) -> dict[str, Any]:
        """Waits for one of the session's events: the library times them on a clock of its own."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            found = self.do("state")
            if any(name == event for name, _ in found["events"]):
                return found
            time.sleep(0.1)
        raise AssertionError(f"no {event} within {within_s} s: {found}")

    def refreshed(self, times: int, within_s: float) -> list[str]:
        """Waits until the session has had so many further access tokens; all of them."""
        seen = [self.do("state")["token"]]
        deadline = time.monotonic() + within_s
        while len(seen) <= times and time.monotonic() < deadline:
            token = self.do("state")["token"]
            if token != seen[-1]:
                seen.append(token)
            time.sleep(0.1)
        assert len(seen) > times, f"{len(seen) - 1} refreshes within {within_s} s"
        return seen

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def desk(name: str, folder: Path) -> Iterator[Desk]:
    held = Desk(name, folder)
    try:
        yield held
    finally:
        held.end()
