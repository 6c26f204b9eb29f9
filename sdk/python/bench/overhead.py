#!/usr/bin/env python3
"""What one authorized call costs beyond the call itself, with a token that is live: this library beside google-auth and Authlib.

    python3 bench/overhead.py [--rounds 30] [--calls 2000] [--json]

All are timed in one run, in rounds that take turns, so that a busy machine is busy for each of them. The figure is the median round,
in nanoseconds for each call; the lowest round stands beside it. Nothing is sent.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import google.oauth2.credentials  # noqa: E402
import httpx  # noqa: E402
import requests  # noqa: E402
from authlib.integrations.httpx_client import OAuth2Client  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402

import mandate_session.httpx  # noqa: E402
import mandate_session.requests  # noqa: E402
from mandate_session import AsyncSession, Session  # noqa: E402

URL = "https://api.example/v2/account?page=1"
Loop = Callable[[int], None]


def live(kind: type) -> object:
    """A session that holds a live token which it can renew, as after a first call."""
    session = kind.client_credentials("app", "s3cret", token_endpoint="https://issuer.example/token")
    from mandate_session.answer import Granted

    session._core.granted(Granted({"access_token": "a" * 40, "expires_in": 3600}, "Bearer"), int(time.time() * 1000), 0.0, False)
    return session


def subjects() -> dict[str, Loop]:
    """Each adds a live token to one request, `n` times."""
    session = live(Session)
    assert isinstance(session, Session)
    ours_httpx, ours_requests = mandate_session.httpx.Auth(session), mandate_session.requests.Auth(session)

    def authorize(n: int) -> None:
        for _ in range(n):
            session.authorize("GET", URL)

    aio = live(AsyncSession)
    assert isinstance(aio, AsyncSession)

    def authorize_async(n: int) -> None:
        async def go() -> None:
            for _ in range(n):
                await aio.authorize("GET", URL)

        asyncio.run(go())

    request = httpx.Request("GET", URL)
    response = httpx.Response(200, request=request)

    def flow(auth: httpx.Auth) -> Loop:
        def loop(n: int) -> None:
            for _ in range(n):
                going = auth.sync_auth_flow(request)
                next(going)
                try:
                    going.send(response)
                except StopIteration:
                    pass

        return loop

    prepared = requests.Request("GET", URL).prepare()

    def hook(auth: Callable[[requests.PreparedRequest], object]) -> Loop:
        def loop(n: int) -> None:
            for _ in range(n):
                auth(prepared)
            prepared.hooks["response"].clear()

        return loop

    google_credentials = google.oauth2.credentials.Credentials(
        token="a" * 40, refresh_token="r", client_id="app", client_secret="s", token_uri="https://issuer.example/token",
        expiry=(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).replace(tzinfo=None))

    def google_auth(n: int) -> None:
        for _ in range(n):
            google_credentials.before_request(None, "GET", URL, {})

    token = {"access_token": "a" * 40, "token_type": "Bearer", "expires_in": 3600, "expires_at": int(time.time()) + 3600, "refresh_token": "r"}
    # the auth objects that these clients put into each request: they see whether the token is live, and add it
    of_requests = OAuth2Session("app", "s", token=dict(token), token_endpoint="https://issuer.example/token").token_auth
    of_httpx = OAuth2Client("app", "s", token=dict(token), token_endpoint="https://issuer.example/token").token_auth

    return {
        "mandate-session authorize": authorize,
        "mandate-session authorize (async)": authorize_async,
        "mandate-session httpx.Auth": flow(ours_httpx),
        "mandate-session requests.Auth": hook(ours_requests),
        "google-auth before_request": google_auth,
        "Authlib OAuth2Client (httpx)": flow(of_httpx),
        "Authlib OAuth2Session (requests)": hook(of_requests),
    }


#: what each of ours is compared with
AGAINST = {
    "mandate-session authorize": ("google-auth before_request", "Authlib OAuth2Session (requests)"),
    "mandate-session httpx.Auth": ("Authlib OAuth2Client (httpx)",),
    "mandate-session requests.Auth": ("google-auth before_request", "Authlib OAuth2Session (requests)"),
}


def measure(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """Nanoseconds of each call: the median of the rounds and the lowest."""
    loops = subjects()
    times: dict[str, list[float]] = {name: [] for name in loops}
    for loop in loops.values():
        loop(calls // 10 or 1)
    for turn in range(rounds):
        names = list(loops)
        for name in names[turn % len(names):] + names[: turn % len(names)]:
            began = time.perf_counter_ns()
            loops[name](calls)
            times[name].append((time.perf_counter_ns() - began) / calls)
    return {name: {"median_ns": round(statistics.median(t)), "lowest_ns": round(min(t))} for name, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=2000, help="in each round")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.rounds, given.calls)
    ratios = {
        ours: {theirs: round(figures[theirs]["median_ns"] / figures[ours]["median_ns"], 2) for theirs in others} for ours, others in AGAINST.items()
    }
    if given.json:
        print(json.dumps({"python": sys.version.split()[0], "rounds": given.rounds, "calls": given.calls, "figures": figures, "ratios": ratios}))
        return
    print(f"{'one authorized call, token live':42} {'median ns':>10} {'lowest ns':>10}")
    for name, figure in figures.items():
        print(f"{name:42} {figure['median_ns']:>10} {figure['lowest_ns']:>10}")
    for ours, others in ratios.items():
        for theirs, ratio in others.items():
            print(f"{theirs} takes {ratio} times as long as {ours}")


if __name__ == "__main__":
    main()
