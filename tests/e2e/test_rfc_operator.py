"""What the operator ends at the sample bank is dead everywhere, at once, and stays dead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.demo import Demo
from harness.rfc import Bank, Key, Party, challenged, denied, digest, ok, said, with_secret


@pytest.fixture
def bank(own_demo: Demo) -> Bank:
    return Bank.of(own_demo)


def operate(bank: Bank, *arguments: str) -> None:
    ran = bank.demo.cli.run(*arguments, "--platform", "rfc")
    assert ran.code == 0, f"{arguments}: {ran.out}{ran.err}"


def inactive(bank: Bank, what: str, token: str) -> None:
    answer = bank.post("/introspect", bank["api"], {"token": token})
    assert answer.status_code == 200 and answer.json() == {"active": False}, f"the {what} ended{said(answer)}"


def test_disabled_client(bank: Bank) -> None:
    web, challenge = bank["web"], {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    tokens, kept = bank.tokens(web), bank.tokens(bank["web-2"])
    code = bank.code(web)
    pushed = bank.pushed(web, bank.request(web, **challenge))
    operate(bank, "client", "disable", web.id)

    challenged(bank.accounts(tokens["access_token"]), "invalid_token")
    challenged(bank.userinfo(tokens["access_token"]), "invalid_token")
    for answer in (bank.refresh(web, tokens["refresh_token"]), bank.redeem(web, code), bank.revoke(web, tokens["refresh_token"])):
        assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_client", "unauthorized_client"), said(answer)
    for url in (bank.url_of(pushed), bank.authorize_url(web, **challenge)):
        page = bank.page(url)
        assert not page.has("consent-allow") and "code=" not in (page.location or ""), f"{page.status} {page.url} -> {page.location}"
    inactive(bank, "access token", tokens["access_token"])
    ok(bank.accounts(kept["access_token"]))
    ok(bank.refresh(bank["web-2"], kept["refresh_token"]))

    operate(bank, "client", "enable", web.id)
    challenged(bank.accounts(tokens["access_token"]), "invalid_token")
    denied(bank.refresh(web, tokens["refresh_token"]), 400, "invalid_grant")
    denied(bank.redeem(web, code), 400, "invalid_grant")
    fresh = bank.tokens(web)
    ok(bank.accounts(fresh["access_token"]))
    ok(bank.refresh(web, fresh["refresh_token"]))


def test_refresh_tokens_of_a_disabled_client_are_not_active(bank: Bank) -> None:
    """RFC 7662 section 2.2."""
    token = bank.tokens(bank["web"])["refresh_token"]
    operate(bank, "client", "disable", bank["web"].id)
    inactive(bank, "refresh token", token)
    operate(bank, "client", "enable", bank["web"].id)
    inactive(bank, "refresh token", token)


def test_disabled_client_that_signs(bank: Bank) -> None:
    jwt, fapi, key = bank["jwt"], bank["fapi"], Key()
    own = ok(bank.own_token(jwt))["access_token"]
    bound = bank.tokens(fapi, key)
    ok(bank.accounts(own))
    ok(bank.accounts_proven(bound["access_token"], key))
    for party in (jwt, fapi):
        operate(bank, "client", "disable", party.id)
    assert bank.own_token(jwt).status_code in (400, 401)
    challenged(bank.accounts(own), "invalid_token")
    assert bank.accounts_proven(bound["access_token"], key).status_code == 401
    assert bank.refresh(fapi, bound["refresh_token"], bank.token_proof(key)).status_code in (400, 401)
    for party in (jwt, fapi):
        operate(bank, "client", "enable", party.id)
    challenged(bank.accounts(own), "invalid_token")
    assert bank.accounts_proven(bound["access_token"], key).status_code == 401
    denied(bank.refresh(fapi, bound["refresh_token"], bank.token_proof(key)), 400, "invalid_grant")
    ok(bank.accounts(ok(bank.own_token(jwt))["access_token"]))


@pytest.mark.parametrize("role", ["web", "spa", "service"])
def test_revoked_grant(bank: Bank, role: str) -> None:
    party = bank[role]
    tokens = ok(bank.own_token(party)) if role == "service" else bank.tokens(party)
    ok(bank.accounts(tokens["access_token"]))
    (grant,) = (row for row in bank.demo.cli.rows("grant", "list", "--platform", "rfc") if row["client_id"] == party.id)
    operate(bank, "grant", "revoke", grant["id"])
    challenged(bank.accounts(tokens["access_token"]), "invalid_token", "grant.revoked")
    inactive(bank, "access token", tokens["access_token"])
    if role != "service":
        denied(bank.refresh(party, tokens["refresh_token"]), 400, "invalid_grant")
    fresh = ok(bank.own_token(party)) if role == "service" else bank.tokens(party)
    ok(bank.accounts(fresh["access_token"]))
    challenged(bank.accounts(tokens["access_token"]), "invalid_token")
    if role != "service":
        inactive(bank, "refresh token", tokens["refresh_token"])


def test_disabled_account(bank: Bank) -> None:
    """Tokens that reach it end; the other person's go on."""
    mine, theirs = bank.tokens(bank["web"]), bank.tokens(bank["web-2"], person="bob")
    account = bank.people["alice"].accounts["live"]
    operate(bank, "account", "disable", account)
    assert bank.accounts(mine["access_token"]).status_code in (401, 403)
    ok(bank.accounts(theirs["access_token"]))
    ok(bank.refresh(bank["web-2"], theirs["refresh_token"]))
    operate(bank, "account", "enable", account)
    assert bank.accounts(mine["access_token"]).status_code in (401, 403), "it ended for good"


def test_a_further_secret(bank: Bank) -> None:
    """Both serve until the first is ended: secrets can be changed without a pause."""
    web, code = bank["web"], bank.code(bank["web"])
    made = bank.demo.cli.json("client", "secret", web.id, "--platform", "rfc")
    secret = made.get("client_secret") or made.get("secret")
    assert secret, made
    denied(bank.redeem(with_secret(web, "wrong" * 8), code), 401, "invalid_client")
    tokens = ok(bank.redeem(with_secret(web, secret), code))
    ok(bank.refresh(bank["web"], tokens["refresh_token"]))


def test_opaque_tokens_and_what_they_cannot_be(bank: Bank, tmp_path: Path) -> None:
    """A client whose tokens are opaque gets signed ones where they are bound to a key: only those can say so."""
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"grants": ["client_credentials"], "access_token": "opaque"}))
    made = bank.demo.cli.json("client", "create", "--platform", "rfc", "--name", "Opaque", "--scope", "accounts", "--settings", str(settings))
    party = Party("opaque", made["client_id"], "client_secret_basic", made["client_secret"], None, "", False)
    opaque = ok(bank.own_token(party))
    assert opaque["token_type"] == "Bearer" and "." not in opaque["access_token"], opaque
    ok(bank.accounts(opaque["access_token"]))
    assert bank.active(opaque["access_token"])
    key = Key()
    bound = ok(bank.token(party, bank.token_proof(key), grant_type="client_credentials"))
    assert bound["token_type"] == "DPoP" and bound["access_token"].count(".") == 2, bound
    assert bank.accounts(bound["access_token"]).status_code == 401
    ok(bank.accounts_proven(bound["access_token"], key))
