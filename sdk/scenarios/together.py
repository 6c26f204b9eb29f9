#!/usr/bin/env python3
"""Many processes and threads on one session, through many expiries, some killed while they hold the lock.

    python3 together.py --programs python=CMD,rust=CMD ... [--processes 20] [--threads 10] [--expiries 50] [--kills 5]

CMD is the hammer of a library (each library has one with the same options). What must hold: no call fails; the issuer is asked once for
each expiry, and at most once more for each process that was killed with the lock in its hands.
"""

import argparse
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Run:
    """One run: a server, a store, and programs."""

    def __init__(self, given: argparse.Namespace):
        self.given = given
        self.random = random.Random(given.seed)
        self.folder = tempfile.mkdtemp(prefix="together-")
        self.until = os.path.join(self.folder, "until")
        self.server = subprocess.Popen([sys.executable, os.path.join(HERE, "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = json.loads(self.server.stdout.readline())["port"]
        self.control = f"http://127.0.0.1:{port}/control/"
        self.made = post(self.control + "new", {"now_ms": None, "issuer": {
            "access_seconds": given.lifetime, "token_delay_ms": given.delay, "log_calls": False}})
        self.programs = dict(p.split("=", 1) for p in given.programs)
        self.names = sorted(self.programs)
        self.running: list[tuple[str, subprocess.Popen]] = []
        self.killed: list[dict] = []
        self.started = 0

    def start(self) -> None:
        name = self.names[self.started % len(self.names)]
        self.started += 1
        command = shlex.split(self.programs[name]) + [
            "--store", os.path.join(self.folder, "store"), "--name", "shared", "--token-endpoint", self.made["issuer"] + "/token",
            "--api", self.made["api"] + "/data", "--client-id", "app", "--client-secret", "s3cret", "--refresh-token", "given-refresh",
            "--threads", str(self.given.threads), "--until-file", self.until,
            "--beat-ms", str(self.given.beat), "--stale-ms", str(self.given.stale)]
        log = open(os.path.join(self.folder, f"{self.started}-{name}.err"), "w")
        self.running.append((name, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)))

    def log(self) -> list[dict]:
        return [r for r in post(self.control + self.made["id"], {"op": "log"})["requests"] if r["to"] == "token"]

    def kill_holder(self) -> bool:
        """Kills the process that holds the lock, if there is one now, and sees that it still held it when it died."""
        lock = os.path.join(self.folder, "store", "shared.lock")
        try:
            with open(lock) as file:
                held = json.loads(file.read())
        except (OSError, ValueError):
            return False
        for name, process in self.running:
            if process.pid == held["pid"]:
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.running.remove((name, process))
                self.start()
                try:
                    with open(lock) as file:
                        with_it = json.loads(file.read())["id"] == held["id"]
                except (OSError, ValueError):
                    with_it = False
                self.killed.append({"program": name, "with_the_lock": with_it, "at_ms": int(time.time() * 1000)})
                return with_it
        return False

    def go(self) -> dict:
        for _ in range(self.given.processes):
            self.start()
        asked: list[dict] = []
        kill_from, kills_at = None, []
        deadline = time.monotonic() + 60 + self.given.expiries * self.given.lifetime * 3
        spoken = time.monotonic()
        while time.monotonic() < deadline:
            asked += self.log()
            good = [r for r in asked if r["status"] == 200]
            with_lock = sum(k["with_the_lock"] for k in self.killed)
            if len(good) > self.given.expiries + with_lock:
                break
            # spread over the run: the next kill is due after a share of the expiries
            if with_lock < self.given.kills and len(good) > (with_lock + 1) * self.given.expiries / (self.given.kills + 1):
                end = time.monotonic() + self.given.lifetime * 2
                while time.monotonic() < end and not self.kill_holder():
                    time.sleep(0.002)
            else:
                time.sleep(0.05)
            if time.monotonic() - spoken > 10:
                spoken = time.monotonic()
                print(f"  {len(good)} renewals, {with_lock} killed with the lock", file=sys.stderr, flush=True)
        # the last lifetime is used up to its half, so that no program is stopped within a renewal
        time.sleep(self.given.lifetime / 2)
        asked += self.log()
        open(self.until, "w").close()
        said = []
        for name, process in self.running:
            try:
                out, _ = process.communicate(timeout=30)
                said.append({"program": name, **json.loads(out.strip().splitlines()[-1])})
            except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
                process.kill()
                said.append({"program": name, "calls": 0, "failed": 1, "errors": [f"did not report: {type(error).__name__}"]})
        left = [f for f in os.listdir(os.path.join(self.folder, "store")) if not f.endswith(".json")]
        self.server.stdin.close()
        return self.verdict(asked, said, left)

    def verdict(self, asked: list[dict], said: list[dict], left: list[str]) -> dict:
        good = sorted(r["at_ms"] for r in asked if r["status"] == 200)
        lifetime = self.given.lifetime * 1000
        window = min(lifetime / 5, 300_000)
        # A token may be renewed from its window on, never sooner. Lives count from sending, these moments from arrival: on a
        # busy machine that is some way behind.
        soon = [b - a for a, b in zip(good, good[1:]) if b - a < lifetime - window - 300]
        with_lock = sum(k["with_the_lock"] for k in self.killed)
        calls = sum(s["calls"] for s in said)
        failed = sum(s["failed"] for s in said)
        silent = [s["program"] for s in said if not s["calls"]]
        refused = [r["status"] for r in asked if r["status"] != 200]
        verdict = {
            "programs": self.names, "processes": self.given.processes, "threads": self.given.processes * self.given.threads,
            "expiries": len(good) - 1 - len(soon), "token_requests": len(asked), "refused": len(refused), "sooner_than_needed": len(soon),
            "killed_with_the_lock": with_lock, "killed": len(self.killed), "calls": calls, "failed": failed, "left_over": left,
            "errors": [e for s in said for e in s.get("errors", [])][:5], "folder": self.folder,
        }
        verdict["holds"] = (failed == 0 and not refused and not silent and not left and len(soon) <= with_lock
                            and with_lock >= min(self.given.kills, 1) and verdict["expiries"] >= self.given.expiries)
        return verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", nargs="+", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=10, help="of each process")
    parser.add_argument("--expiries", type=int, default=50)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--lifetime", type=float, default=2, help="of a token, in seconds of real time")
    parser.add_argument("--delay", type=int, default=60, help="of the token endpoint, in ms")
    parser.add_argument("--beat", type=int, default=100)
    parser.add_argument("--stale", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    verdict = Run(parser.parse_args()).go()
    print(json.dumps(verdict))
    sys.exit(0 if verdict["holds"] else 1)


if __name__ == "__main__":
    main()
