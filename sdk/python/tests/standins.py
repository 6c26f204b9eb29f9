"""What the tests put in the place of issuer and clock."""

from __future__ import annotations

import json
import threading

from mandate_session import Answer, Request, Session

URL = "https://api.example/data"


class Issuer:
    """A transport that is the issuer: numbered tokens, and what it was asked."""

    def __init__(self, **body: object) -> None:
        self.asked: list[Request] = []
        self.body = {"expires_in": 600, **body}
        self.gate: threading.Event | None = None
        self.answers: list[Answer | Exception] = []

    def send(self, request: Request, timeout: float) -> Answer:
        self.asked.append(request)
        if self.gate is not None:
            self.gate.wait(10)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        number = len(self.asked)
        return Answer(200, {}, json.dumps({"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", **self.body}).encode())


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def session(issuer: Issuer, kind: type = Session, **options):
    given = {"token_endpoint": "https://issuer.example/token", "transport": issuer, "random": lambda: 0.0, **options}
    return kind.client_credentials("app", "s3cret-of-client", **given)
