#!/usr/bin/env python3
"""Threads that call an API over one shared session until a file appears; prints what happened as one line of JSON.

    hammer.py --store DIR --name NAME --token-endpoint URL --api URL --client-id X [--client-secret Y] [--refresh-token R]
              --threads N --until-file PATH [--beat-ms B --stale-ms S]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from mandate_session import Event, FileStore, Session  # noqa: E402


class Counted:
    """What the threads saw."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = self.failed = self.renewals = self.takeovers = 0
        self.errors: list[str] = []

    def event(self, event: Event) -> None:
        with self.lock:
            self.renewals += event.name == "renewed"
            self.takeovers += event.name == "lock_taken_over"

    def call(self, problem: str | None) -> None:
        with self.lock:
            self.calls += 1
            if problem is not None:
                self.failed += 1
                self.errors.append(problem)

    def line(self) -> str:
        return json.dumps({
            "calls": self.calls, "failed": self.failed, "renewals": self.renewals, "takeovers": self.takeovers, "errors": self.errors[:5],
        })


def work(session: Session, api: str, until: str, counted: Counted) -> None:
    while not os.path.exists(until):
        try:
            answer = session.fetch("GET", api)
            counted.call(None if answer.status < 400 else f"{answer.status} {answer.body[:200]!r}")
        except Exception as error:  # noqa: BLE001 - any error is a failed call
            counted.call(f"{type(error).__name__}: {error}")
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--store", "--name", "--token-endpoint", "--api", "--client-id", "--until-file"):
        parser.add_argument(name, required=True)
    parser.add_argument("--client-secret")
    parser.add_argument("--refresh-token")
    parser.add_argument("--threads", type=int, default=10)
    parser.add_argument("--beat-ms", type=int, default=1000)
    parser.add_argument("--stale-ms", type=int, default=5000)
    given = parser.parse_args()
    counted = Counted()
    store = FileStore(given.store, given.name, beat_ms=given.beat_ms, stale_ms=given.stale_ms)
    if given.refresh_token:
        session = Session.refresh_token(
            given.client_id, given.refresh_token, given.client_secret, token_endpoint=given.token_endpoint, store=store, observer=counted.event)
    else:
        session = Session.client_credentials(
            given.client_id, given.client_secret, token_endpoint=given.token_endpoint, store=store, observer=counted.event)
    threads = [threading.Thread(target=work, args=(session, given.api, given.until_file, counted)) for _ in range(given.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.close()
    print(counted.line(), flush=True)


if __name__ == "__main__":
    main()
