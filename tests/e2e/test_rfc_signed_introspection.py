"""RFC 9701: answers about tokens that their reader can keep as evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from authlib.jose import JsonWebKey, JsonWebToken

from harness.demo import Demo
from harness.node import converse
from harness.rfc import Bank, Party, denied, header_of, ok

SIGNED = "application/token-introspection+jwt"


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("rfc-signed-introspection") as demo:
        yield Bank.of(demo)


def asked(bank: Bank, asker: Party, token: str, accept: str) -> Any:
    headers, body = bank.ready(asker, {"token": token})
    return bank.call("POST", f"{bank.issuer}/introspect", headers=headers | {"Accept": accept}, data=body)


def verified(bank: Bank, text: str, alg: str) -> dict[str, Any]:
    keys = JsonWebKey.import_key_set(ok(bank.call("GET", f"{bank.issuer}/jwks")))
    return dict(JsonWebToken([alg]).decode(text, keys))


def test_signed_answer(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["access_token"]
    plain = bank.introspect(token)
    answer = asked(bank, bank["api"], token, SIGNED)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == SIGNED and "no-store" in answer.headers["Cache-Control"]
    assert header_of(answer.text)["typ"] == "token-introspection+jwt"
    claims = verified(bank, answer.text, "ES256")
    assert claims["iss"] == bank.issuer and claims["aud"] == bank["api"].id and abs(claims["iat"] - bank.now()) < 60
    assert claims["token_introspection"] == plain
    assert not {"sub", "exp", "scope", "client_id", "active"} & set(claims), "RFC 9701 section 5: nobody takes it for a token"


def test_unknown_tokens_are_inactive(bank: Bank) -> None:
    claims = verified(bank, asked(bank, bank["api"], "unknown", SIGNED).text, "ES256")
    assert claims["token_introspection"] == {"active": False}


@pytest.mark.parametrize("accept", ["application/json", "*/*", f"{SIGNED};q=0"])
def test_plain_stays_the_default(bank: Bank, accept: str) -> None:
    answer = asked(bank, bank["api"], "unknown", accept)
    assert answer.headers["Content-Type"] == "application/json" and answer.json() == {"active": False}


def test_a_refusal_is_plain(bank: Bank) -> None:
    denied(asked(bank, bank["web"], "unknown", SIGNED), 401, "invalid_client", "introspection.not_allowed")


def test_it_is_no_access_token(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["access_token"]
    text = asked(bank, bank["api"], token, SIGNED).text
    assert bank.accounts(text).status_code == 401 and not bank.active(text)


def test_signed_as_the_registration_says(bank: Bank, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"grants": ["client_credentials"], "may_introspect": True, "introspection_alg": "PS256"}))
    arguments = ("--platform", "rfc", "--name", "Reader", "--scope", "accounts", "--settings", str(settings))
    made = bank.demo.cli.json("client", "create", *arguments)
    reader = Party("reader", made["client_id"], "client_secret_basic", made["client_secret"])
    claims = verified(bank, asked(bank, reader, "unknown", SIGNED).text, "PS256")
    assert claims["aud"] == reader.id


def test_metadata(bank: Bank) -> None:
    assert {"ES256", "PS256"} <= set(bank.metadata()["introspection_signing_alg_values_supported"])


def test_openid_client_and_oauth4webapi_take_it(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["access_token"]
    party = bank["api"]
    client = {"client_id": party.id, "client_secret": party.secret, "auth_method": party.method, "jwk": party.jwk}
    task = {"flow": "introspection", "issuer": bank.issuer, "client": client, "algorithm": "oidc", "skew": bank.skew()}
    result = converse("rfc/oauth4webapi.mjs", task | {"token": token, "signed": "ES256"}, bank.follow)
    assert result["type"] == SIGNED and result["about"] == bank.introspect(token) and result["about"]["active"] is True
    result = converse("rfc/openid-client.mjs", task | {"token": token, "signed": "ES256"}, bank.follow)
    assert result == bank.introspect(token)
