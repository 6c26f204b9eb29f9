"""The four Broker OAuth calls, and what a partner may not name."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from harness.demo import Demo
from harness.platform import Client, Partner, bearer
from harness.refusals import refusal


@dataclass
class Two:
    """Two partners, each with a client and an account of its own."""

    demo: Demo
    mine: Partner
    theirs: Partner

    @property
    def app(self) -> Client:
        assert self.mine.client is not None
        return self.mine.client

    @property
    def their_app(self) -> Client:
        assert self.theirs.client is not None
        return self.theirs.client

    def token(self, partner: Partner | None = None, **changes: Any) -> requests.Response:
        partner = partner or self.mine
        assert partner.client is not None
        return self.demo.broker_call("POST", "/oauth/token", partner.auth, json=self.demo.broker_body(partner, partner.client, **changes))

    def code(self, partner: Partner | None = None, **changes: Any) -> requests.Response:
        partner = partner or self.mine
        assert partner.client is not None
        return self.demo.broker_call(
            "POST", "/oauth/authorize", partner.auth, json=self.demo.broker_body(partner, partner.client, **changes)
        )

    def client(self, client: Client, auth: tuple[str, str] | None = None, **changes: str | None) -> requests.Response:
        query = {"response_type": "code", "redirect_uri": client.redirect_uri, "scope": "general"} | changes
        kept = {name: value for name, value in query.items() if value is not None}
        return self.demo.broker_call("GET", f"/oauth/clients/{client.id}", auth or self.mine.auth, params=kept)

    def delete(self, token: str, auth: tuple[str, str] | None = None) -> requests.Response:
        return self.demo.broker_call("DELETE", f"/oauth/token/{token}", auth or self.mine.auth)

    def works(self, token: str) -> bool:
        return any(self.demo.account(bearer(token), environment).status_code == 200 for environment in self.demo.api)

    def grants(self) -> list[dict[str, Any]]:
        rows = self.demo.admin_rows("grant", "list")
        return [{name: row[name] for name in ("id", "client_id", "accounts", "scopes", "status")} for row in rows]


@pytest.fixture
def two(demo: Demo) -> Two:
    return Two(demo, demo.partners[0], demo.partners[1])


def test_client_is_shown(two: Two) -> None:
    shown = two.client(two.app)
    assert shown.status_code == 200, shown.text
    body = shown.json()
    assert body["client_id"] == two.app.id and body["status"] == "ACTIVE"
    assert isinstance(body["live_trading_approved"], bool) and isinstance(body["redirect_uri"], list)
    assert "secret" not in shown.text


@pytest.mark.parametrize("response_type", ["code", "token"])
def test_client_is_shown_for_either_response_type(two: Two, response_type: str) -> None:
    assert two.client(two.app, response_type=response_type).status_code == 200


def test_token_works_and_ends(two: Two) -> None:
    answer = two.token()
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    body = answer.json()
    assert body["token_type"] == "Bearer" and body["scope"] == "general"
    assert uuid.UUID(body["access_token"]).version == 4
    assert two.works(body["access_token"])
    gone = two.delete(body["access_token"])
    assert (gone.status_code, gone.content) == (204, b"")
    assert not two.works(body["access_token"])


def test_code_is_redeemed_by_the_client(two: Two) -> None:
    answer = two.code()
    assert answer.status_code == 200
    body = answer.json()
    assert body["client_id"] == two.app.id and body["redirect_uri"] == two.app.redirect_uri and "scope" in body
    redeemed = two.demo.redeem(two.app, body["code"])
    assert redeemed.status_code == 200, redeemed.text
    assert two.works(redeemed.json()["access_token"])


# -- somebody else's --------------------------------------------------------------------------------------------


def test_another_partners_account(two: Two) -> None:
    before = two.grants()
    found = [
        refusal(two.token(account_id=two.theirs.accounts[0]), 401, code=40110000),
        refusal(two.token(account_id=str(uuid.uuid4())), 401, code=40110000),
        refusal(two.code(account_id=two.theirs.accounts[0]), 401, code=40110000),
        refusal(two.code(account_id=str(uuid.uuid4())), 401, code=40110000),
    ]
    assert found[0].masked() == found[1].masked(), "an account that exists looks different from one that does not"
    assert found[2].masked() == found[3].masked()
    assert two.grants() == before


def test_the_accounts_of_people_are_nobodys(two: Two) -> None:
    before = two.grants()
    for account in two.demo.alice.accounts.values():
        refusal(two.token(account_id=account), 401)
        refusal(two.code(account_id=account), 401)
    assert two.grants() == before


def test_another_partners_client(two: Two) -> None:
    before = two.grants()
    theirs = {"client_id": two.their_app.id, "client_secret": two.their_app.secret, "redirect_uri": two.their_app.redirect_uri}
    nobodys = {"client_id": "0" * len(two.their_app.id), "client_secret": two.their_app.secret, "redirect_uri": two.their_app.redirect_uri}
    for call in (two.token, two.code):
        named, unknown = refusal(call(**theirs), 401, code=40110000), refusal(call(**nobodys), 401, code=40110000)
        assert named.masked() == unknown.masked()
    shown = refusal(two.client(two.their_app), 401, code=40110000)
    unknown = refusal(two.client(Client("0" * len(two.their_app.id), "", two.their_app.redirect_uri)), 401, code=40110000)
    assert shown.masked() == unknown.masked()
    assert two.their_app.redirect_uri not in shown.text
    assert two.grants() == before


def test_another_partners_token(two: Two) -> None:
    token = two.token(two.theirs).json()["access_token"]
    named, unknown = refusal(two.delete(token), 401, code=40110000), refusal(two.delete(str(uuid.uuid4())), 401, code=40110000)
    assert named.masked()[1:] == unknown.masked()[1:]
    assert two.works(token), "the token was ended by a partner that did not ask for it"
    assert two.delete(token, two.theirs.auth).status_code == 204


def test_another_partners_code(two: Two) -> None:
    code = two.code(two.theirs).json()["code"]
    before = two.grants()
    refusal(two.demo.redeem(two.app, code), (400, 401))
    refusal(two.delete(code), 401)
    assert two.grants() == before
    assert two.demo.redeem(two.their_app, code).status_code == 200, "the code was spent by another partner's client"


def test_a_connect_token_is_not_a_partners(two: Two) -> None:
    token = two.demo.token(two.demo.clients["app"])
    refusal(two.delete(token), 401)
    assert two.works(token)


def test_a_partner_may_read_only_its_own_accounts(two: Two) -> None:
    """The partner's key on the REST hosts names no account: nobody's data come out."""
    for environment in two.demo.api:
        answer = two.demo.call("GET", f"{two.demo.api[environment]}/v2/account", auth=two.mine.auth)
        if answer.status_code == 200:
            assert answer.json()["id"] in two.mine.accounts
        else:
            refusal(answer, 401)


# -- not authenticated ------------------------------------------------------------------------------------------


def test_unknown_partner_and_wrong_secret_are_one_answer(two: Two) -> None:
    wrong = (two.mine.key, "x" * len(two.mine.secret))
    unknown = ("Z" * len(two.mine.key), "x" * len(two.mine.secret))
    body = two.demo.broker_body(two.mine, two.app)
    calls = [
        lambda auth: two.client(two.app, auth),
        lambda auth: two.demo.broker_call("POST", "/oauth/token", auth, json=body),
        lambda auth: two.demo.broker_call("POST", "/oauth/authorize", auth, json=body),
        lambda auth: two.delete(str(uuid.uuid4()), auth),
    ]
    before = two.grants()
    for call in calls:
        one, other = refusal(call(wrong), 401, code=40110000), refusal(call(unknown), 401, code=40110000)
        assert one.masked() == other.masked()
    assert two.grants() == before


@pytest.mark.parametrize("path, method", [("/oauth/token", "POST"), ("/oauth/authorize", "POST"), ("/oauth/token/x", "DELETE")])
def test_no_credential(two: Two, path: str, method: str) -> None:
    answer = two.demo.call(method, f"{two.demo.broker}/v1{path}", json={} if method == "POST" else None)
    refusal(answer, 401, "credential.missing", 40110000)


def test_an_accounts_key_is_no_partners(two: Two) -> None:
    key = two.demo.keys["paper"]
    body = two.demo.broker_body(two.mine, two.app)
    refusal(two.demo.broker_call("POST", "/oauth/token", (key.id, key.secret), json=body), 401)


def test_wrong_client_secret(two: Two) -> None:
    before = two.grants()
    refusal(two.token(client_secret="x" * 40), 401, code=40110000)
    refusal(two.code(client_secret="x" * 40), 401, code=40110000)
    assert two.grants() == before


# -- 422 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example.test/cb"},
        {"redirect_uri": "not a uri"},
        {"scope": "everything"},
        {"scope": "general everything"},
    ],
    ids=["redirect", "redirect text", "scope", "one scope"],
)
def test_invalid_redirect_or_scope(two: Two, changes: dict[str, str]) -> None:
    before = two.grants()
    refusal(two.token(**changes), 422, code=42210000)
    refusal(two.code(**changes), 422, code=42210000)
    refusal(two.client(two.app, **changes), 422, code=42210000)
    assert two.grants() == before


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "redirect_uri", "scope", "account_id"])
def test_missing_name(two: Two, missing: str) -> None:
    body = two.demo.broker_body(two.mine, two.app)
    del body[missing]
    before = two.grants()
    for path in ("/oauth/token", "/oauth/authorize"):
        found = refusal(two.demo.broker_call("POST", path, two.mine.auth, json=body), (400, 422))
        assert missing in found.message
    assert two.grants() == before


def post(two: Two, path: str, raw: bytes, content_type: str | None = "application/json") -> requests.Response:
    headers = {"Content-Type": content_type} if content_type else {}
    return two.demo.broker_call("POST", path, two.mine.auth, data=raw, headers=headers)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/authorize"])
def test_bodies_that_are_not_the_object_asked_for(two: Two, path: str) -> None:
    body = two.demo.broker_body(two.mine, two.app)
    good = json.dumps(body).encode()
    before = two.grants()
    cases = {
        "duplicate name": good[:-1] + b', "account_id": "' + two.theirs.accounts[0].encode() + b'"}',
        "unknown name": json.dumps(body | {"account": "x"}).encode(),
        "array": b"[" + good + b"]",
        "number for text": json.dumps(body | {"account_id": 7}).encode(),
        "null for text": json.dumps(body | {"scope": None}).encode(),
        "empty": b"",
        "truncated": good[:-1],
        "trailing": good + b"x",
        "not UTF-8": good.replace(b"general", b"gen\xff\xfe"),
        "deep": b'{"client_id":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "control character": good.replace(b"general", b"gen\x00eral"),
    }
    for name, raw in cases.items():
        found = refusal(post(two, path, raw), (400, 422))
        assert found.cause.startswith(("request.", "scope.", "body.")), f"{name}: {found.text}"
    for content_type in ("application/x-www-form-urlencoded", "text/plain", None):
        refusal(post(two, path, good, content_type), (400, 415, 422))
    assert two.grants() == before
    assert post(two, path, good, "application/json; charset=utf-8").status_code == 200
