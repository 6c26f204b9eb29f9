#!/usr/bin/env python3
"""Plays issuer and API for the scenarios of the client libraries, over real sockets, with faults on request.

    python3 server.py            prints {"port": N}; ends when standard input is closed
    python3 server.py --real F   the same, with a real server's answers; F holds the sheet of `mandate demo --json`

What README.md beside it says of the server is the contract. Needs Python 3.11 and nothing else.
"""

import argparse
import json
import os
import secrets
import socket
import string
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import issuer as model  # noqa: E402
import real as behind  # noqa: E402

SCENARIOS: dict[str, "Scenario"] = {}
REAL: "behind.Sheet | None" = None
BASE = ""


class Scenario:
    """One scenario: its clock, its faults, its log, and who answers."""

    def __init__(self, name: str, given: dict):
        self.name = name
        self.lock = threading.RLock()
        self.holding = threading.Condition(self.lock)
        self.held = 0
        self.may_go = 0
        self.moved_ms = given.get("now_ms", 0)
        self.faults: list[dict] = []
        self.log: list[dict] = []
        self.connections: set[socket.socket] = set()
        self.base = f"{BASE}/s/{name}"
        if REAL is not None:
            self.answers = REAL.scenario(self, given)
        else:
            self.answers = model.Issuer(self, given.get("issuer") or {})

    @property
    def now_ms(self) -> int:
        """The issuer's time. Without a time of its own the scenario follows the machine's clock."""
        return int(time.time() * 1000) if self.moved_ms is None else self.moved_ms

    def fault_for(self, to: str) -> dict | None:
        """Takes the next fault of this endpoint."""
        with self.lock:
            for fault in self.faults:
                if fault["on"] == to and fault["left"] > 0:
                    fault["left"] -= 1
                    return fault
        return None

    def control(self, asked: dict) -> dict:
        """One order of a runner."""
        op = asked.get("op")
        with self.lock:
            if op == "advance":
                if self.moved_ms is not None:
                    self.moved_ms += int(asked["ms"])
                self.answers.advanced(int(asked["ms"]))
                return {"now_ms": self.now_ms}
            if op == "fault":
                fault = {k: v for k, v in asked.items() if k != "op"}
                known = {"status", "cut_before", "cut_after", "hang", "hold", "garbage", "html", "date"}
                if fault.get("do") not in known:
                    raise ValueError(f"unknown fault {fault.get('do')!r}")
                fault["left"] = int(fault.get("times", 1))
                self.faults.append(fault)
                return {}
            if op == "held":  # answers once a request is kept, or after 10 s
                return {"held": self.holding.wait_for(lambda: self.held > 0, 10)}
            if op == "let_go":
                self.held -= 1
                self.may_go += 1
                self.holding.notify_all()
                return {}
            if op == "log":
                log, self.log = self.log, []
                return {"requests": log}
            if op == "clear_faults":
                self.faults.clear()
                return {}
            if op == "secrets":
                return {"secrets": sorted(self.answers.secrets)}
            if op == "end":
                left = [f for f in self.faults if f["left"] > 0]
                SCENARIOS.pop(self.name, None)
                return {"faults_left": left}
            if op == "restart":
                for connection in self.connections:
                    try:
                        connection.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
                self.connections.clear()
            return self.answers.ordered(op, asked)


    def hold(self) -> None:
        """Keeps a request until it is let go, or for 10 s."""
        with self.holding:
            self.held += 1
            self.holding.notify_all()
            if self.holding.wait_for(lambda: self.may_go > 0, 10):
                self.may_go -= 1
            else:
                self.held -= 1


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def version_string(self):
        return "scenario"

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self._date if hasattr(self, "_date") else timestamp)

    def body(self) -> bytes:
        if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, headers: dict, content: bytes):
        self.send_response(status)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name, str(one))
        if "content-length" not in {n.lower() for n in headers}:
            self.send_header("Content-Length", str(len(content)))
        for name, value in CORS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_json(self, status: int, body: object, headers: dict | None = None):
        self.answer(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body).encode())

    def cut(self):
        """Closes the connection with a reset, as a broken network does."""
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.wfile = open(os.devnull, "wb")
            self.connection.close()
        except OSError:
            pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ValueError, OSError):
            self.close_connection = True

    def serve(self):
        body = self.body()
        if self.command == "OPTIONS":
            return self.answer(204, {}, b"")
        split = urllib.parse.urlsplit(self.path)
        parts = split.path.split("/")
        if parts[1] == "control":
            return self.controlled(parts[2] if len(parts) > 2 else "", body)
        name = parts[2] if parts[1] == "s" and len(parts) > 2 else ""
        path = "/" + "/".join(parts[3:])
        if parts[1] == ".well-known" and len(parts) > 4 and parts[3] == "s":  # RFC 8414 3.1: before the issuer's path
            name, path = parts[4], f"/.well-known/{parts[2]}"
        scenario = SCENARIOS.get(name)
        if scenario is None:
            return self.answer_json(404, {"error": "no such scenario"})
        with scenario.lock:
            scenario.connections.add(self.connection)
        return self.played(scenario, path, split.query, body)

    def controlled(self, name: str, body: bytes):
        try:
            asked = json.loads(body or b"{}")
            if name == "new":
                # letters alone: every secret of a scenario has another character, so no name holds one by chance
                name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
                scenario = SCENARIOS[name] = Scenario(name, asked)
                made = {"id": name, "issuer": scenario.base, "api": scenario.base + "/api"}
                return self.answer_json(200, made | scenario.answers.made())
            if name not in SCENARIOS:
                return self.answer_json(404, {"error": "no such scenario"})
            return self.answer_json(200, SCENARIOS[name].control(asked))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer_json(400, {"error": f"{type(error).__name__}: {error}"})

    def played(self, scenario: Scenario, path: str, query: str, body: bytes):
        to = model.endpoint_of(path)
        heard = model.Heard(
            to=to, method=self.command, path=path, query=query, body=body, path_behind=self.path.startswith("/.well-known/"),
            headers={k.lower(): v for k, v in self.headers.items()},
            form=dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if to in model.FORMS else {},
            pairs=urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if to in model.FORMS else [],
        )
        fault = scenario.fault_for(to) if to != "page" else None
        do = fault["do"] if fault else None
        line = {"to": to, "method": self.command, "path": path, "form": heard.form, "headers": heard.headers, "status": None, "cut": False}
        if do == "hold":
            scenario.hold()
        self._date = scenario.now_ms / 1000
        done = None
        with scenario.lock:
            if do == "status":
                content = fault.get("body", {"error": "temporarily_unavailable"})
                text = content if isinstance(content, str) else json.dumps(content)
                kind = "text/plain" if isinstance(content, str) else "application/json"
                done = model.Said(int(fault["status"]), {"Content-Type": kind, **fault.get("headers", {})}, text.encode())
            elif do == "html":
                done = model.Said(503, {"Content-Type": "text/html"}, b"<html><body>Service Unavailable</body></html>")
            elif do != "cut_before":
                done = scenario.answers.answer(heard)
            line["status"] = done.status if done else None
            line["cut"] = do in ("cut_before", "cut_after")
            if do == "garbage":
                done = model.Said(200, {"Content-Type": "application/json"}, b'{"access_token": "half of a')
            if do == "date":
                self._date += float(fault["seconds"])
            if to != "page":
                line["at_ms"] = scenario.now_ms
                if to != "api" or scenario.answers.logs_calls:
                    scenario.log.append(line)
        if line["cut"]:
            return self.cut()
        if do == "hang":
            time.sleep(3)
        if to == "token" and (delay := scenario.answers.delay_ms):
            time.sleep(delay / 1000)
        return self.answer(done.status, done.headers, done.content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = lambda self: self.serve()


# the libraries run in browsers too
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type, dpop, accept, apca-api-key-id, apca-api-secret-key",
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Expose-Headers": "date, dpop-nonce, mandate-cause, mandate-decision, retry-after, www-authenticate",
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass


def main() -> None:
    global REAL, BASE
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", metavar="SHEET", help="the JSON line of `mandate demo --json`, in a file")
    given = parser.parse_args()
    if given.real:
        with open(given.real) as file:
            REAL = behind.Sheet(json.load(file))
    server = Server(("127.0.0.1", 0), Handler)
    BASE = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
