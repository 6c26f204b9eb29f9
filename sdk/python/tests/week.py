#!/usr/bin/env python3
"""A week of three programs in some seconds, against a model of an issuer that checks strictly and fails often.

    python3 tests/week.py [--seed N] [--calls 120000]

Faults at the token endpoint and at the API: 2 % of answers are lost (half of them after the work was done), 5 % are 5xx, now and then a
burst of 429. Clocks are wrong by minutes and are corrected in the middle; every night the machine sleeps; the issuer restarts and forgets
its access tokens. What must hold: no 401 reaches a program, and no call fails for a reason of the session's. Faults in a row may last longer
than the minute of a call's patience: then, and only then, a call is told that the issuer is away. It happens once in some dozens of weeks.
"""

from __future__ import annotations

import argparse
import base64
import collections
import email.utils
import json
import os
import random
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from mandate_session import Answer, Lost, MemoryStore, NotSent, Request, Session, SessionError, Unavailable  # noqa: E402
from mandate_session.crypto import new_dpop_jwk  # noqa: E402

WEEK_S = 7 * 86_400
DAY_S, NIGHT_S = 16 * 3_600, 8 * 3_600
START = 1_800_000_000.0
PATIENCE_S = 60


class Model:
    """Issuer and API; also the transport of the programs. Time is its own, and passes with each request."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = START
        self.access: dict[str, float] = {}
        self.refresh = {"given": None}
        self.successors: dict[str, str] = {}
        self.jtis: set[str] = set()
        self.burst_until = 0.0
        self.failed: list[float] = []
        """When requests to the token endpoint failed, since the last that did not."""
        self.count: collections.Counter[str] = collections.Counter()

    def send(self, request: Request, timeout: float) -> Answer:
        answer: Answer | None = None
        try:
            answer = self.sent(request, timeout)
        finally:
            if request.url.endswith("/token"):
                self.failed = [] if answer and answer.status == 200 else [*self.failed, self.now]
        return answer

    def sent(self, request: Request, timeout: float) -> Answer:
        token = request.url.endswith("/token")
        where = "token" if token else "api"
        self.count[f"requests to {where}"] += 1
        self.now += self.chance.uniform(0.02, 0.3)
        if self.chance.random() < (0.03 if token else 0.0004) and self.burst_until < self.now:
            self.burst_until = self.now + self.chance.uniform(5, 20)
        draw = self.chance.random()
        if draw < 0.01:
            self.count[f"lost before, {where}"] += 1
            self.now += self.chance.uniform(0, timeout)
            raise self.chance.choice([NotSent("no connection"), Lost("connection cut")])
        if self.now < self.burst_until:
            self.count[f"429, {where}"] += 1
            return self._said(429, {"error": "slow_down_please"}, {"retry-after": str(self.chance.randint(1, 4))})
        if draw < 0.06:
            self.count[f"5xx, {where}"] += 1
            return Answer(self.chance.choice([500, 502, 503, 504]), self._dated({}), b"<html>sorry</html>")
        answer = self.at_token(request) if token else self.at_api(request)
        if draw > 0.99:
            self.count[f"lost after, {where}"] += 1
            self.now += self.chance.uniform(0, timeout)
            raise Lost("connection cut")
        return answer

    def _dated(self, headers: dict[str, str]) -> dict[str, str]:
        return {"date": email.utils.formatdate(self.now, usegmt=True), **headers}

    def _said(self, status: int, body: dict, headers: dict[str, str] | None = None) -> Answer:
        return Answer(status, self._dated(headers or {}), json.dumps(body).encode())

    def at_token(self, request: Request) -> Answer:
        form = dict(urllib.parse.parse_qsl((request.body or b"").decode()))
        if "client_assertion" in form:
            part = form["client_assertion"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            if not claims["iat"] <= self.now + 30 or not self.now < claims["exp"] or claims["jti"] in self.jtis:
                self.count["assertions refused"] += 1
                return self._said(401, {"error": "invalid_client"})
            self.jtis.add(claims["jti"])
        body: dict[str, object] = {"token_type": "bearer"}
        if form["grant_type"] == "refresh_token":
            given = form["refresh_token"]
            if given not in self.refresh:
                return self._said(400, {"error": "invalid_grant"})
            # as some real ones do: the same token gets the same successor, until that is used
            successor = self.successors.get(given)
            if successor is None:
                successor = self.successors[given] = f"r{len(self.successors)}"
                self.refresh[successor] = given
                before = self.refresh[given]
                if before is not None:
                    self.refresh.pop(before, None)
            body["refresh_token"] = successor
        life = self.chance.choice([300, 600, 600, 900, 3600])
        access = f"a{len(self.access)}-{self.count['tokens']}"
        self.count["tokens"] += 1
        self.access[access] = self.now + life
        return self._said(200, {**body, "access_token": access, "expires_in": self.chance.choice([life, str(life)])})

    def at_api(self, request: Request) -> Answer:
        token = request.headers["Authorization"].partition(" ")[2]
        if self.now >= self.access.get(token, 0):
            self.count["401 of the API"] += 1
            return self._said(401, {"message": "token expired"})
        return self._said(200, {"ok": True})


class Program:
    """One program, with a clock that may be wrong."""

    def __init__(self, model: Model, off: float, make) -> None:
        self.model, self.off = model, off
        self.session = make(
            token_endpoint="https://issuer.example/token", transport=model, clock=lambda: model.now + self.off, sleep=self.sleep,
            random=model.chance.random, observer=lambda event: model.count.update([f"event {event.name}"]))

    def sleep(self, seconds: float) -> None:
        self.model.now += seconds

    def call(self) -> None:
        count = self.model.count
        count["calls"] += 1
        try:
            answer = self.session.fetch("GET", "https://api.example/data")
        except (Lost, NotSent):
            count["calls: the API's connection"] += 1
            return
        except SessionError as error:
            failed = self.model.failed
            # the last wait before giving up is half a minute at most
            if isinstance(error, Unavailable) and len(failed) >= 4 and failed[-1] - failed[0] >= PATIENCE_S - 40:
                count["calls: the issuer was away"] += 1
                return
            count["calls: THE SESSION"] += 1
            print(f"  failed at {self.model.now - START:.0f} s: {type(error).__name__}: {error}", file=sys.stderr)
            return
        count[f"calls: {answer.status}"] += 1


def simulate(seed: int, calls: int = 120_000) -> dict[str, int]:
    """One week; the counts."""
    chance = random.Random(seed)
    model = Model(chance)
    store = MemoryStore()
    programs = [
        Program(model, 240.0, lambda **given: Session.refresh_token("app", "given", store=store, **given)),
        Program(model, 240.0, lambda **given: Session.refresh_token("app", "given", store=store, **given)),
        Program(model, -200.0, lambda **given: Session.client_credentials("signed", jwk=new_dpop_jwk(), **given)),
    ]
    pause = 7 * DAY_S / calls
    corrections = [(0.5, 0, 0.0), (0.5, 1, 0.0), (0.62, 2, 45.0), (0.81, 0, -3600.0), (0.81, 1, -3600.0)]
    restarts = [chance.random() for _ in range(5)]
    night = START + DAY_S
    made = 0
    while model.now < START + WEEK_S or made < calls:
        passed = (model.now - START) / WEEK_S
        while corrections and passed >= corrections[0][0]:
            _, who, off = corrections.pop(0)
            programs[who].off = off
        if restarts and passed >= min(restarts):
            restarts.remove(min(restarts))
            model.access = dict.fromkeys(model.access, 0.0)
        if model.now >= night:
            model.now += NIGHT_S
            night += DAY_S + NIGHT_S
        # programs work in spells: some calls in a row, then a pause that is long now and then
        for _ in range(chance.randint(1, 40)):
            chance.choice(programs).call()
            made += 1
        model.now += chance.expovariate(1 / (20 * max(pause - 0.2, 0.01)))
    return dict(model.count)


def verdict(counts: dict[str, int]) -> list[str]:
    """What does not hold."""
    wrong = []
    if counts["calls"] < 100_000:
        wrong.append("fewer than 100,000 calls")
    if counts.get("calls: 401", 0):
        wrong.append(f"{counts['calls: 401']} times a program saw 401")
    if counts.get("calls: the issuer was away", 0) > 3:
        wrong.append(f"{counts['calls: the issuer was away']} calls were told that the issuer is away")
    if counts.get("calls: THE SESSION", 0):
        wrong.append(f"{counts['calls: THE SESSION']} calls failed for a reason of the session's")
    for fault in ("lost before, token", "lost after, token", "5xx, token", "429, token", "401 of the API", "event skew"):
        if not counts.get(fault):
            wrong.append(f"this week had no {fault!r}: it proves nothing of it")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--calls", type=int, default=120_000)
    given = parser.parse_args()
    print(f"seed {given.seed}")
    began = time.monotonic()
    counts = simulate(given.seed, given.calls)
    for name in sorted(counts):
        print(f"{counts[name]:>9}  {name}")
    print(f"{time.monotonic() - began:.1f} s")
    wrong = verdict(counts)
    for line in wrong:
        print("WRONG:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
