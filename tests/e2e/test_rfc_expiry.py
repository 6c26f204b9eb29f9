"""Everything that ends by itself, with the demo's clock moved."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.demo import Demo
from harness.forms import Browser
from harness.rfc import Bank, Code, Key, challenged, claims_of, denied, digest, ok, page_denied

DAY_S = 86400


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("rfc-expiry") as demo:
        yield Bank.of(demo)


@pytest.fixture(autouse=True)
def signed_in_anew(bank: Bank) -> None:
    """Sessions end, too: each test begins with its own."""
    bank.browsers.clear()
    bank.demo.advance(61)


def test_answers_are_dated_by_the_clock_that_lifetimes_follow(bank: Bank) -> None:
    """Clients learn from `Date` how wrong their own clock is, and sign by it (RFC 9110 section 6.6.1)."""
    bank.demo.advance(3600)
    tokens = bank.tokens(bank["web"])
    answers = [bank.accounts(tokens["access_token"]), bank.accounts("unknown")]
    now = datetime.fromisoformat(bank.demo.now())
    for answer in answers:
        assert abs(parsedate_to_datetime(answer.headers["Date"]) - now) < timedelta(seconds=5)


def test_access_token(bank: Bank) -> None:
    tokens = bank.tokens(bank["web"])
    token, lifetime = tokens["access_token"], tokens["expires_in"]
    assert claims_of(token)["exp"] - claims_of(token)["iat"] == lifetime
    bank.demo.advance(lifetime - 30)
    ok(bank.accounts(token))
    ok(bank.userinfo(token))
    assert bank.active(token)
    bank.demo.advance(31)
    challenged(bank.accounts(token), "invalid_token", "token.expired")
    challenged(bank.userinfo(token), "invalid_token", "token.expired")
    assert bank.introspect(token) == {"active": False}
    assert bank.revoke(bank["web"], token).status_code == 200
    fresh = ok(bank.refresh(bank["web"], tokens["refresh_token"]))
    ok(bank.accounts(fresh["access_token"]))


def test_bound_access_token(bank: Bank) -> None:
    key = Key()
    tokens = bank.tokens(bank["fapi"], key)
    bank.demo.advance(tokens["expires_in"] + 1)
    challenged(bank.accounts_proven(tokens["access_token"], key), "invalid_token", "token.expired", "DPoP")
    fresh = ok(bank.refresh(bank["fapi"], tokens["refresh_token"], bank.token_proof(key)))
    ok(bank.accounts_proven(fresh["access_token"], key))


def test_own_token_of_a_client(bank: Bank) -> None:
    tokens = ok(bank.own_token(bank["service"]))
    ok(bank.accounts(tokens["access_token"]))
    bank.demo.advance(tokens["expires_in"] + 1)
    challenged(bank.accounts(tokens["access_token"]), "invalid_token", "token.expired")


@pytest.mark.parametrize("role", ["web", "spa"])
def test_code(bank: Bank, role: str) -> None:
    just, late = bank.code(bank[role]), bank.code(bank[role])
    bank.demo.advance(95)
    ok(bank.redeem(bank[role], just))
    bank.demo.advance(26)
    denied(bank.redeem(bank[role], late), 400, "invalid_grant", "code.expired")


def test_request_uri(bank: Bank) -> None:
    def push() -> tuple[dict[str, str], str]:
        verifier = secrets.token_urlsafe(32)
        fields = bank.request(bank["web"], code_challenge=digest(verifier), code_challenge_method="S256")
        return bank.pushed(bank["web"], fields), verifier

    (just, verifier), (late, _) = push(), push()
    bank.demo.advance(270)
    found = parse_qs(urlsplit(bank.follow(bank.url_of(just))).query)
    ok(bank.redeem(bank["web"], Code(found["code"][0], verifier, bank["web"].redirect_uri)))
    bank.demo.advance(31)
    page_denied(bank.page(bank.url_of(late)), "invalid_request_uri", "request_uri.invalid")


def test_refresh_token_that_is_not_used(bank: Bank) -> None:
    used, left = (bank.tokens(bank["web"])["refresh_token"] for _ in range(2))
    for _ in range(2):
        bank.demo.advance(20 * DAY_S)
        used = ok(bank.refresh(bank["web"], used))["refresh_token"]
    denied(bank.refresh(bank["web"], left), 400, "invalid_grant", "refresh.expired")
    assert bank.introspect(left) == {"active": False}
    ok(bank.refresh(bank["web"], used))


def test_refresh_token_that_is_used_all_the_time(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["refresh_token"]
    for _ in range(18):
        bank.demo.advance(20 * DAY_S)
        token = ok(bank.refresh(bank["web"], token))["refresh_token"]
    bank.demo.advance(6 * DAY_S)
    denied(bank.refresh(bank["web"], token), 400, "invalid_grant", "refresh.expired")


def test_client_assertion(bank: Bank) -> None:
    text = bank.assertion(bank["jwt"])
    bank.demo.advance(61)
    fields = {"grant_type": "client_credentials", "client_assertion": text}
    fields["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    denied(bank.token(None, **fields), 401, "invalid_client", "assertion.invalid")


def test_proof(bank: Bank) -> None:
    key = Key()
    tokens = bank.tokens(bank["web"], key)
    proof = bank.proof(key, "GET", f"{bank.api}/accounts", tokens["access_token"])
    at_the_issuer = bank.token_proof(key)
    bank.demo.advance(400)
    challenged(bank.accounts(tokens["access_token"], scheme="DPoP", proof=proof), "invalid_dpop_proof", "dpop.invalid", "DPoP")
    denied(bank.refresh(bank["web"], tokens["refresh_token"], at_the_issuer), 400, "invalid_dpop_proof", "dpop.invalid")
    ok(bank.accounts_proven(tokens["access_token"], key))
    ok(bank.refresh(bank["web"], tokens["refresh_token"], bank.token_proof(key)))


def test_a_used_jti_is_known_for_as_long_as_it_could_serve(bank: Bank) -> None:
    now = bank.now()
    text = bank.assertion(bank["jwt"], exp=now + 3000)
    fields = {"grant_type": "client_credentials", "client_assertion": text}
    fields["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ok(bank.token(None, **fields))
    for _ in range(3):
        bank.demo.advance(900)
        denied(bank.token(None, **fields), 401, "invalid_client", "assertion.reused")
    key = Key()
    refresh = bank.tokens(bank["web"], key)["refresh_token"]
    proof = bank.token_proof(key)
    fresh = ok(bank.refresh(bank["web"], refresh, proof))
    bank.demo.advance(110)
    denied(bank.refresh(bank["web"], fresh["refresh_token"], proof), 400, "invalid_dpop_proof", "dpop.reused")


def test_max_age_and_auth_time(bank: Bank) -> None:
    """OpenID Connect Core section 3.1.2.1: an older sign-in is not enough."""
    browser = Browser()
    bank.browsers["alice"] = browser
    first = claims_of(bank.tokens(bank["web"])["id_token"])
    bank.demo.advance(100)
    again = claims_of(bank.tokens(bank["web"])["id_token"])
    assert again["auth_time"] == first["auth_time"], "the same session"
    recent = claims_of(bank.tokens(bank["web"], max_age="60")["id_token"])
    assert recent["auth_time"] >= first["auth_time"] + 100, recent
    bank.demo.advance(10)
    assert claims_of(bank.tokens(bank["web"], max_age="60")["id_token"])["auth_time"] == recent["auth_time"]


def test_a_lost_answer_of_a_public_client_is_given_again_for_a_minute(bank: Bank) -> None:
    """A refresh token of a client that can prove nothing is a bearer's: the window is short."""
    first = bank.tokens(bank["spa"])["refresh_token"]
    second = ok(bank.refresh(bank["spa"], first))["refresh_token"]
    bank.demo.advance(35)
    assert ok(bank.refresh(bank["spa"], first))["refresh_token"] == second
    bank.demo.advance(3600)
    denied(bank.refresh(bank["spa"], first), 400, "invalid_grant", "refresh.replayed")
    denied(bank.refresh(bank["spa"], second), 400, "invalid_grant", "refresh.ended")


def test_nonce(bank: Bank) -> None:
    """RFC 9449 section 8: an old nonce gets a new one."""
    key = Key()
    first = bank.redeem(bank["web"], bank.code(bank["web"]), bank.token_proof(key))
    token, nonce = ok(first)["refresh_token"], first.headers["DPoP-Nonce"]
    bank.demo.advance(1800)
    answer = bank.refresh(bank["web"], token, bank.token_proof(key, nonce=nonce))
    denied(answer, 400, "use_dpop_nonce", "dpop.nonce_needed")
    assert answer.headers["DPoP-Nonce"] != nonce
    ok(bank.refresh(bank["web"], token, bank.token_proof(key, nonce=answer.headers["DPoP-Nonce"])))
