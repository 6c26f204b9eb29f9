"""The data platform: machines that sign on, service accounts, and its API, by raw requests."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from .demo import Demo
from .platform import HTTP

V1 = "/auth/oauth2/v1/token"
V2 = "/auth/oauth2/v2/token"
REVOKE = "/auth/oauth2/v1/revoke"
HISTORY = "/data/historical-pricing/v1/views/interday-summaries/IBM.N?count=1"
SNAPSHOTS = "/data/pricing/snapshots/v1/?universe=IBM.N"
LEAVES = {
    "trapi.data.historical-pricing.read",
    "trapi.data.news.read",
    "trapi.data.quantitative-analytics.read",
    "trapi.streaming.pricing.read",
}


@dataclass(frozen=True)
class Machine:
    username: str
    password: str
    app_key: str


@dataclass(frozen=True)
class Vendor:
    demo: Demo
    url: str
    machine: Machine
    other: Machine
    by_secret: dict[str, Any]
    by_assertion: dict[str, Any]

    @classmethod
    def of(cls, demo: Demo) -> Vendor:
        sheet = demo.sheet["platforms"]["lseg"]
        machines = [Machine(m["username"], m["password"], m["app_key"]) for m in sheet["machine_ids"]]
        return cls(demo, sheet["issuer"], *machines, *sheet["service_accounts"])

    def post(self, path: str, form: dict[str, Any], **headers: str) -> requests.Response:
        return HTTP.post(self.url + path, data=form, headers=headers, timeout=30, allow_redirects=False)

    def get(self, path: str, token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return HTTP.get(self.url + path, headers=headers, timeout=30, allow_redirects=False)

    def login(self, machine: Machine | None = None, **more: str) -> dict[str, str]:
        machine = machine or self.machine
        return {
            "grant_type": "password",
            "username": machine.username,
            "password": machine.password,
            "client_id": machine.app_key,
            "scope": "trapi",
            "takeExclusiveSignOnControl": "true",
        } | more

    def signed_on(self, machine: Machine | None = None, **more: str) -> dict[str, Any]:
        answer = self.post(V1, self.login(machine, **more))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def refresh(self, refresh_token: str, machine: Machine | None = None, **headers: str) -> requests.Response:
        machine = machine or self.machine
        form = {
            "client_id": machine.app_key,
            "grant_type": "refresh_token",
            "username": machine.username,
            "refresh_token": refresh_token,
        }
        return self.post(V1, form, **headers)

    def explained(self, answer: requests.Response) -> dict[str, Any]:
        """The decision, as an operator reads it."""
        explained: dict[str, Any] = self.demo.cli.json("explain", answer.json()["decision_id"])
        return explained

    def busy_clients(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.demo.cli.json("busy", "--platform", "lseg")
        return items

    def assertion(self, **claims: Any) -> str:
        """As the vendor's own samples make it: for a foreign audience, without `jti`."""
        account = self.by_assertion
        now = int(datetime.fromisoformat(self.demo.now()).timestamp())
        held = {"iss": account["client_id"], "sub": account["client_id"], "aud": account["audience"], "iat": now, "exp": now + 3600}
        key = ECKey.import_key(account["jwk"])
        header = {"alg": "ES256", "typ": "JWT", "kid": account["jwk"]["kid"]}
        held = {name: value for name, value in (held | claims).items() if value is not None}
        return str(jwt.encode(header, held, key))


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def token_refused(answer: requests.Response, status: int, error: str, cause: str) -> dict[str, Any]:
    """The shape that all refusals of the token endpoints share."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert (body["error"], body["cause"]) == (error, cause), body
    assert body["error_description"] and body["error_uri"].endswith(f"/explain/{body['decision_id']}"), body
    assert answer.headers["Mandate-Cause"] == cause and answer.headers["Mandate-Decision"] == body["decision_id"]
    assert "no-store" in answer.headers["Cache-Control"]
    return body


def data_refused(answer: requests.Response, status: int, code: str, cause: str) -> dict[str, Any]:
    """The shape that all refusals of the API share; `error` as clients read it."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    error: dict[str, Any] = body["error"]
    assert (error["code"], body["cause"]) == (code, cause), body
    assert error["id"] == body["decision_id"] == answer.headers["Mandate-Decision"], body
    assert body["error_uri"].endswith(f"/explain/{error['id']}"), body
    assert error["status"] == requests.status_codes._codes[status][0].replace("_", " ").title(), body
    return error


def unknown() -> str:
    return uuid.uuid4().hex
