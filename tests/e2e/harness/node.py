"""Node scripts that use a package and leave the browser's part to the test."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .binary import ROOT, environment

E2E = Path(__file__).resolve().parents[1]


def tool(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout.strip()


def modules() -> Path:
    """The installed packages of this folder's lock file."""
    return Path(tool(str(ROOT / "tests/tools/node-modules"), str(E2E)))


def converse(script: str, task: dict[str, Any], browse: Callable[[str], str], timeout_s: float = 120) -> Any:
    """Runs a script of clients/ with a task. For each address that it asks to open, `browse` says where that ended."""
    process = subprocess.Popen(
        [f"{tool(str(ROOT / 'tests/tools/node'))}/node", str(E2E / "clients" / script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | {"NODE_MODULES": str(modules())},
    )
    assert process.stdin and process.stdout and process.stderr
    lines: queue.Queue[str] = queue.Queue()

    def drain() -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=drain, daemon=True).start()

    def write(text: str) -> None:
        assert process.stdin
        process.stdin.write(text + "\n")
        process.stdin.flush()

    try:
        write(json.dumps(task))
        while line := lines.get(timeout=timeout_s):
            said = json.loads(line)
            if "open" in said:
                write(browse(said["open"]))
            elif "error" in said:
                error = said["error"]
                raise AssertionError(f"{script} {task['flow']}: {json.dumps(error, indent=1)}\nthe last exchange:\n{said['last']}")
            else:
                return said["result"]
        raise AssertionError(f"{script} ended without a result:\n{process.stderr.read()}")
    finally:
        process.kill()
        process.wait(10)
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
