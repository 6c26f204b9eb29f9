"""Plans for the load generator, and running it."""

import dataclasses
import json
import os
import subprocess

from .process import LOAD_CORE


@dataclasses.dataclass
class Plan:
    """What to send and what has to come back; the fields are those of src/load/plan.rs."""

    address: str
    method: str
    path: str
    headers: dict
    body: str | None
    contains: list
    rows: list = dataclasses.field(default_factory=lambda: [[]])
    status: int = 200
    once: bool = False
    capture: str | None = None
    # Of refresh chains: the field of the answer that is asked with next. Each run goes on where the last one ended.
    chain: str | None = None

    def as_json(self, connections, seconds, count):
        template = {"method": self.method, "path": self.path, "headers": self.headers, "body": self.body}
        return json.dumps({
            "address": self.address,
            "connections": connections,
            "seconds": seconds,
            "count": count,
            "once": self.once,
            "capture": self.capture,
            "chain": self.chain,
            "expect": {"status": self.status, "contains": self.contains},
            "template": template,
            "rows": self.rows,
        })

    def first_request(self):
        """The first request as bytes, for asking by hand, on a connection of its own."""
        def fill(text):
            for index in reversed(range(len(self.rows[0]))):
                text = text.replace(f"${index}", self.rows[0][index])
            return text

        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, "Connection": "close"}.items()]
        body = fill(self.body) if self.body is not None else None
        if body is not None:
            lines.append(f"Content-Length: {len(body.encode())}")
        return (fill("\r\n".join(lines)) + "\r\n\r\n" + (body or "")).encode()

    def port(self):
        return int(self.address.rpartition(":")[2])


class Generator:
    """The load generator, on the core where no server under test is."""

    def __init__(self, program, connections):
        self.program = program
        self.connections = connections

    def run(self, plan, seconds, count=None):
        """Runs the plan; an answer that is not as expected ends the measurement."""
        done = subprocess.run(
            [str(self.program)],
            input=plan.as_json(self.connections, seconds, count).encode(),
            capture_output=True,
            timeout=seconds + 60,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )
        if done.returncode != 0:
            raise RuntimeError(f"load: {done.stderr.decode(errors='replace')}")
        outcome = json.loads(done.stdout)
        if outcome["errors"]:
            raise RuntimeError(
                f"{plan.method} {plan.path}: {outcome['errors']} of {outcome['errors'] + outcome['requests']} "
                f"answers are wrong, the first: {outcome['first_error']}"
            )
        if plan.chain:
            plan.rows = outcome["rows"]
        return outcome
