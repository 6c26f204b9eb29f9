"""Machine users on `mandate serve`: made with the commands, signed on with name and password, counted, displaced.

The platform is that of the RFCs with `password_grant` switched on; Authlib is one of the clients.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from harness.binary import ROOT, wait_until
from harness.databases import fresh_database
from harness.platform import FORM, HTTP
from harness.serve import Installation, Node, answers, secret_file

SAMPLE = ROOT / "platforms" / "rfc.toml"
PASSWORD = "correct horse battery staple"


@dataclass
class Bank:
    """The platform, and what one of its nodes says."""

    installation: Installation
    node: Node
    client: str

    def call(self, method: str, port: int, path: str, **options: Any) -> requests.Response:
        url, host = self.node.route(f"{self.installation.url(port)}{path}")
        headers = options.pop("headers", {}) | ({"Host": host} if host else {})
        return HTTP.request(method, url, headers=headers, timeout=30, **options)

    def token(self, **fields: str) -> requests.Response:
        return self.call("POST", 7100, "/token", headers=FORM, data={"client_id": self.client} | fields)

    def sign_on(self, name: str = "GE-A-1", **fields: str) -> requests.Response:
        return self.token(grant_type="password", username=name, password=PASSWORD, scope="accounts", **fields)

    def refresh(self, tokens: requests.Response) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=tokens.json()["refresh_token"])

    def accounts(self, tokens: requests.Response) -> requests.Response:
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        return self.call("GET", 7101, "/accounts", headers=bearer)

    def admin(self, *arguments: str) -> Any:
        return self.installation.cli.json(*arguments, "--platform", "rfc")


def said(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["cause"]


@pytest.fixture
def bank(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bank]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(request.getfixturevalue("cluster_url"))) if store == "postgresql" else None
        installation = Installation(tmp_path, url, SAMPLE)
        file = installation.platform_file
        file.write_text(file.read_text() + "\n[legacy]\npassword_grant = true\n")
        node = stack.enter_context(installation.node(f"machines-{store}"))
        installation.apply()
        wait_until("the platform's hosts", lambda: answers(f"{installation.url(7100)}/jwks"))
        password = str(secret_file(tmp_path, "machine.password", PASSWORD))
        made = installation.create("user", "--name", "GE-A-1", "--machine", "--password-file", password)
        assert (made["kind"], made["sessions"]) == ("machine", 1)
        installation.create("user", "--name", "alice", "--password-file", password)
        installation.create("account", "--user", "GE-A-1", "--environment", "live")
        settings = tmp_path / "settings.json"
        settings.write_text(json.dumps({"auth_method": "none", "grants": ["password", "refresh_token"]}))
        client = installation.create("client", "--name", "Terminal", "--scope", "accounts quotes", "--settings", str(settings))
        yield Bank(installation, node, client["client_id"])


def test_a_machine_signs_on_and_calls_the_api(bank: Bank) -> None:
    tokens = bank.sign_on()
    assert tokens.status_code == 200, tokens.text
    assert len(bank.accounts(tokens).json()) == 1
    fresh = bank.refresh(tokens)
    assert fresh.status_code == 200 and bank.accounts(fresh).status_code == 200, fresh.text
    live = bank.admin("user", "sign-ons", "GE-A-1")
    assert [(on["client"], on["network"]) for on in live] == [(bank.client, "127.0.0.0/24")]


def test_authlib_signs_on(bank: Bank) -> None:
    session = OAuth2Session(bank.client, token_endpoint_auth_method="none", scope="accounts")
    issuer = bank.installation.url(7100)
    token = session.fetch_token(f"{issuer}/token", username="GE-A-1", password=PASSWORD)
    assert token["scope"] == "accounts" and session.refresh_token(f"{issuer}/token")["access_token"]


def test_people_and_machines_each_have_their_door(bank: Bank) -> None:
    person = bank.sign_on("alice")
    assert said(person) == (400, "invalid_grant", "password.rejected")
    nobody = bank.sign_on("nobody")
    own = ("decision_id", "error_uri")
    assert [{k: v for k, v in each.json().items() if k not in own} for each in (person, nobody)] == [
        {k: v for k, v in person.json().items() if k not in own}
    ] * 2
    metadata = bank.call("GET", 7100, "/.well-known/oauth-authorization-server").json()
    assert "password" in metadata["grant_types_supported"]


def test_the_quota_and_who_takes_control(bank: Bank) -> None:
    first = bank.sign_on()
    assert bank.accounts(first).status_code == 200
    full = bank.sign_on(takeExclusiveSignOnControl="False")
    assert said(full) == (400, "access_denied", "session.quota_reached")
    assert (full.json()["facts"]["sessions_live"], full.json()["facts"]["limit"]) == (1, 1)

    second = bank.sign_on(takeExclusiveSignOnControl="True")
    assert second.status_code == 200, second.text
    assert bank.accounts(first).status_code == 401, "at once"
    assert bank.accounts(second).status_code == 200
    displaced = bank.refresh(first)
    assert said(displaced) == (400, "invalid_grant", "session.displaced")
    assert "127.0.0.0" not in displaced.text, "the displacer is its owner's to know"

    # the operator sees both ends
    told = bank.installation.cli.json("explain", displaced.json()["decision_id"], "--platform", "rfc")
    assert "127.0.0.0/24" in json.dumps(told), told
    (live,) = bank.admin("user", "sign-ons", "GE-A-1")
    assert f"session:{live['id']}" in json.dumps(told), told

    changed = bank.admin("user", "change", "GE-A-1", "--sessions", "2")
    assert changed["sessions"] == 2
    assert bank.sign_on().status_code == 200
    assert said(bank.sign_on())[2] == "session.quota_reached"


def test_a_new_password_ends_the_others(bank: Bank) -> None:
    bank.admin("user", "change", "GE-A-1", "--sessions", "3")
    first, second = bank.sign_on(), bank.sign_on(newPassword="another horse")
    assert second.status_code == 200, second.text
    assert bank.accounts(first).status_code == 401 and bank.accounts(second).status_code == 200
    assert said(bank.refresh(first)) == (400, "invalid_grant", "refresh.ended")
    assert said(bank.sign_on())[2] == "password.rejected"


def test_sixty_four_at_once(bank: Bank) -> None:
    assert bank.sign_on().status_code == 200, "the password is known from now on"
    with ThreadPoolExecutor(32) as pool:
        full = list(pool.map(lambda _: bank.sign_on(), range(64)))
        assert {said(answer)[2] for answer in full} == {"session.quota_reached"}
        taken = list(pool.map(lambda _: bank.sign_on(takeExclusiveSignOnControl="true"), range(64)))
    assert [answer.status_code for answer in taken] == [200] * 64
    alive = [tokens for tokens in taken if bank.accounts(tokens).status_code == 200]
    assert len(alive) == 1
    assert sum(bank.refresh(tokens).status_code == 200 for tokens in taken) == 1


@pytest.mark.postgresql
def test_on_two_nodes(bank: Bank) -> None:
    with bank.installation.node("machines-second") as node:
        other = Bank(bank.installation, node, bank.client)
        wait_until("the second node", lambda: other.call("GET", 7100, "/jwks").status_code == 200)
        first = bank.sign_on()
        assert other.accounts(first).status_code == 200
        assert said(other.sign_on())[2] == "session.quota_reached"
        second = other.sign_on(takeExclusiveSignOnControl="true")
        began = time.monotonic()
        while bank.accounts(first).status_code != 401:
            assert time.monotonic() - began < 2, "the first node has not heard of it"
            time.sleep(0.01)
        assert bank.accounts(second).status_code == 200
        # a password that one node has changed is not remembered by the other
        changed = bank.sign_on(newPassword="another horse", takeExclusiveSignOnControl="true")
        assert changed.status_code == 200, changed.text
        assert said(other.sign_on())[2] == "password.rejected"
