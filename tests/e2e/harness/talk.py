"""Programs that use a library and leave to the test what they cannot do themselves."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .binary import environment


def converse(
    command: list[str],
    task: dict[str, Any],
    helpers: Mapping[str, Callable[[Any], str]],
    env: dict[str, str] | None = None,
    timeout_s: float = 120,
) -> Any:
    """Runs a program with a task, a line of JSON. Each line that it writes asks one of the helpers for a line, or is the
    result, or an error."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment() | (env or {})
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

    about = f"{command[-1]} {task['flow']}"
    try:
        write(json.dumps(task))
        while line := lines.get(timeout=timeout_s):
            said = json.loads(line)
            if "error" in said:
                raise AssertionError(f"{about}: {json.dumps(said['error'], indent=1)}\nthe last exchange:\n{said['last']}")
            if "result" in said:
                return said["result"]
            ((name, question),) = said.items()
            write(helpers[name](question))
        raise AssertionError(f"{about} ended without a result:\n{process.stderr.read()}")
    finally:
        process.kill()
        process.wait(10)
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
