"""Signing keys and the keys of refresh tokens: published, active, retired, gone; on schedule and by command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from harness.binary import wait_until
from harness.demo import Demo
from harness.node import converse
from harness.rfc import EVERYTHING, Bank, Key, challenged, denied, header_of, ok

DAY_S = 86400
ROTATE_S, PUBLISH_S = 90 * DAY_S, 7 * DAY_S
"""The schedule of a demo."""


class Keys:
    """What an operator sees and does."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.cli = bank.demo.cli

    def list(self, alg: str = "ES256") -> list[dict[str, Any]]:
        return [key for key in self.cli.json("signing-key", "list", "--platform", "rfc") if key["alg"] == alg]

    def kid(self, status: str, alg: str = "ES256") -> str:
        [found] = [key["kid"] for key in self.list(alg) if key["status"] == status]
        return str(found)

    def rotate(self, *arguments: str) -> None:
        self.cli.json("signing-key", "rotate", "--platform", "rfc", *arguments)

    def retire(self, kid: str, *arguments: str) -> dict[str, Any]:
        return dict(self.cli.json("signing-key", "retire", kid, "--platform", "rfc", *arguments))

    def published(self) -> list[str]:
        document = ok(self.bank.call("GET", f"{self.bank.issuer}/jwks"))
        assert all("d" not in key and key["kty"] != "oct" for key in document["keys"])
        return [key["kid"] for key in document["keys"]]

    def signed_by(self) -> str:
        return str(header_of(ok(self.bank.own_token(self.bank["service"]))["access_token"])["kid"])

    def soon(self, what: str, holds: Callable[[], bool]) -> None:
        """The clock was moved: the node notices within a moment."""
        wait_until(what, holds)


@pytest.fixture
def keys(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Keys]:
    with start_demo("rfc-keys") as demo:
        yield Keys(Bank.of(demo))


def test_rotation_on_schedule(keys: Keys) -> None:
    """DESIGN D6: a key is published before it signs, and stays published until what it signed last has expired."""
    bank = keys.bank
    first = keys.signed_by()
    assert keys.published().count(first) == 1 and len(keys.list()) == 1

    bank.demo.advance(ROTATE_S - PUBLISH_S + 5)
    keys.soon("the successor is published", lambda: len(keys.list()) == 2)
    second = keys.kid("PUBLISHED")
    keys.soon("the key set shows it", lambda: second in keys.published())
    assert keys.signed_by() == first, "it signs nothing yet"

    # up to the last seconds of the first key
    bank.demo.advance(PUBLISH_S - 30)
    bank.browsers.clear()
    tokens = bank.tokens(bank["web"])
    assert {header_of(tokens[name])["kid"] for name in ("access_token", "id_token")} == {first}
    bank.demo.advance(60)
    keys.soon("the second key signs", lambda: keys.signed_by() == second)
    assert {first, second} <= set(keys.published())
    ok(bank.accounts(tokens["access_token"]))
    assert bank.active(tokens["access_token"])
    fresh = ok(bank.refresh(bank["web"], tokens["refresh_token"]))
    assert header_of(fresh["access_token"])["kid"] == second
    ok(bank.accounts(fresh["access_token"]))

    bank.demo.advance(tokens["expires_in"])
    challenged(bank.accounts(tokens["access_token"]), "invalid_token", "token.expired")
    bank.demo.advance(600)
    keys.soon("the first key is gone", lambda: first not in keys.published())
    assert keys.kid("GONE") == first and keys.kid("ACTIVE") == second


@pytest.mark.parametrize("alg", ["EdDSA", "PS256", "RS256"])
def test_every_algorithm_has_a_line_of_its_own(keys: Keys, alg: str) -> None:
    before = keys.kid("ACTIVE", alg)
    keys.rotate("--alg", alg, "--after", "1h")
    assert keys.kid("ACTIVE", alg) == before and keys.kid("PUBLISHED", alg) in keys.published()
    assert len(keys.list()) == 1, "others stay"


def test_rotation_by_command(keys: Keys) -> None:
    first = keys.signed_by()
    keys.rotate("--after", "1h")
    second = keys.kid("PUBLISHED")
    assert second in keys.published() and keys.signed_by() == first
    again = keys.cli.run("signing-key", "rotate", "--platform", "rfc", "--after", "1h")
    assert again.code != 0 and "published already" in again.err
    assert len(keys.list()) == 2
    keys.rotate("--alg", "ES256", "--after", "0")
    assert keys.signed_by() == second and keys.kid("ACTIVE") == second and first in keys.published()
    assert keys.cli.run("signing-key", "rotate", "--platform", "rfc", "--alg", "none").code != 0
    acts = [act for act in keys.cli.json("audit") if act["action"] == "signing_key.rotate"]
    assert acts and all(act["platform"] == "rfc" and act["actor"].startswith("admin:") for act in acts)


def test_a_retired_key_signs_no_more_and_its_tokens_live_on(keys: Keys) -> None:
    bank = keys.bank
    old = ok(bank.own_token(bank["service"]))["access_token"]
    first = keys.signed_by()
    assert keys.retire(first)["status"] == "RETIRED"
    assert keys.signed_by() != first and first in keys.published()
    ok(bank.accounts(old))
    assert keys.cli.run("signing-key", "retire", first, "--platform", "rfc").code != 0, "once"
    assert keys.cli.run("signing-key", "retire", "no-such-key", "--platform", "rfc").code != 0


def test_a_compromised_key_takes_its_tokens_along(keys: Keys) -> None:
    bank = keys.bank
    seen, unseen = (ok(bank.own_token(bank["service"]))["access_token"] for _ in range(2))
    first = keys.signed_by()
    ok(bank.accounts(seen))  # the gate has verified it, and remembers
    assert keys.retire(first, "--compromised")["status"] == "GONE"
    for token in (seen, unseen):
        challenged(bank.accounts(token), "invalid_token", "credential.rejected")
        challenged(bank.userinfo(token), "invalid_token")
        assert not bank.active(token)
    assert first not in keys.published()
    fresh = ok(bank.own_token(bank["service"]))["access_token"]
    assert header_of(fresh)["kid"] != first
    ok(bank.accounts(fresh))
    # a key that had retired before can be found out later
    second = keys.signed_by()
    keys.rotate("--alg", "ES256", "--after", "0")
    ok(bank.accounts(fresh))
    assert keys.retire(second, "--compromised")["status"] == "GONE"
    challenged(bank.accounts(fresh), "invalid_token", "credential.rejected")


def test_openid_client_goes_on_over_a_rotation(keys: Keys) -> None:
    bank = keys.bank

    def flow() -> dict[str, Any]:
        party = bank["web"]
        client = {"client_id": party.id, "client_secret": party.secret, "auth_method": party.method, "jwk": None}
        task = {"flow": "code", "issuer": bank.issuer, "api": bank.api, "client": client, "redirect_uri": party.redirect_uri}
        more = {"scope": EVERYTHING, "algorithm": "oidc", "skew": bank.skew(), "pkce": True, "id_token_alg": "ES256"}
        return dict(converse("rfc/openid-client.mjs", task | more, bank.follow))

    first = keys.signed_by()
    assert flow()["accounts"]["status"] == 200
    keys.rotate("--after", "0")
    assert keys.signed_by() != first
    result = flow()
    assert result["accounts"]["status"] == 200 and result["refreshed_accounts"]["status"] == 200


# -- refresh tokens (SECURITY R2) -----------------------------------------------------------------------------


def test_r02_refresh_tokens_move_to_the_new_key(keys: Keys) -> None:
    bank = keys.bank
    assert keys.kid("ACTIVE", "HS256") == "1"
    waiting, moving = (bank.tokens(bank["web"])["refresh_token"] for _ in range(2))
    keys.rotate("--alg", "HS256", "--after", "0")
    assert keys.kid("ACTIVE", "HS256") == "2" and keys.kid("RETIRED", "HS256") == "1"
    moved = ok(bank.refresh(bank["web"], moving))["refresh_token"]
    # a retry says the same successor again, whatever key it is under
    assert ok(bank.refresh(bank["web"], moving))["refresh_token"] == moved
    keys.rotate("--alg", "HS256", "--after", "0")
    assert ok(bank.refresh(bank["web"], moving))["refresh_token"] == moved
    # the first key goes only when no chain names it
    bank.demo.advance(2 * 3600)
    keys.soon("the second key stays, a chain names it", lambda: keys.kid("ACTIVE", "HS256") == "3")
    assert [key["status"] for key in keys.list("HS256")] == ["RETIRED", "RETIRED", "ACTIVE"]
    ok(bank.refresh(bank["web"], moved))
    ok(bank.refresh(bank["web"], waiting))
    bank.demo.advance(2 * 3600)
    keys.soon("both are gone", lambda: [key["status"] for key in keys.list("HS256")] == ["GONE", "GONE", "ACTIVE"])
    denied(bank.refresh(bank["web"], moving), 400, "invalid_grant", "refresh.invalid")


def test_r02_a_static_token_is_said_anew_once(keys: Keys) -> None:
    bank = keys.bank
    party = bank["fapi"]
    key = Key()
    old = bank.tokens(party, key)["refresh_token"]
    assert ok(bank.refresh(party, old, bank.token_proof(key)))["refresh_token"] == old, "it is static"
    keys.rotate("--alg", "HS256", "--after", "0")
    new = ok(bank.refresh(party, old, bank.token_proof(key)))["refresh_token"]
    assert new != old
    assert ok(bank.refresh(party, old, bank.token_proof(key)))["refresh_token"] == new, "a retry is answered"
    assert ok(bank.refresh(party, new, bank.token_proof(key)))["refresh_token"] == new, "and from then on it stays"


def test_r02_tokens_under_a_compromised_key_are_refused(keys: Keys) -> None:
    bank = keys.bank
    tokens = bank.tokens(bank["web"])
    keys.rotate("--alg", "HS256", "--after", "0")
    other = bank.tokens(bank["web"])
    assert keys.retire("1", "--compromised")["status"] == "GONE"
    denied(bank.refresh(bank["web"], tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid", "refresh.ended")
    challenged(bank.accounts(tokens["access_token"]), "invalid_token")
    assert not bank.active(tokens["refresh_token"])
    ok(bank.refresh(bank["web"], other["refresh_token"]))
