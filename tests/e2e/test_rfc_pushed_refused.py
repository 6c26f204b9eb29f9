"""What the sample bank refuses, by plain HTTP: pushed and signed authorization requests."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.rfc import (
    EVERYTHING,
    Bank,
    Code,
    Key,
    denied,
    digest,
    ok,
    page_denied,
    said,
    with_secret,
)


# -- pushed authorization requests ----------------------------------------------------------------------------


def push(bank: Bank, role: str, **changes: str | None) -> tuple[dict[str, str], str]:
    verifier = secrets.token_urlsafe(32)
    challenge = {"code_challenge": digest(verifier), "code_challenge_method": "S256"}
    return bank.pushed(bank[role], bank.request(bank[role], **(challenge | changes))), verifier


def redeem_at(bank: Bank, role: str, location: str, verifier: str, proof: str | None = None) -> dict[str, Any]:
    found = parse_qs(urlsplit(location).query)
    assert "code" in found, location
    return ok(bank.redeem(bank[role], Code(found["code"][0], verifier, bank[role].redirect_uri), proof))


@pytest.mark.parametrize("role, other", [("web", "web-2"), ("fapi", "fapi-2")])
def test_a_request_uri_is_its_clients(bank: Bank, role: str, other: str) -> None:
    pushed, verifier = push(bank, role)
    page = bank.page(bank.url_of(pushed | {"client_id": bank[other].id}))
    page_denied(page, "invalid_request_uri", "request_uri.invalid")
    assert page.location is None
    proof = bank.token_proof(Key()) if bank[role].strict else None
    redeem_at(bank, role, bank.follow(bank.url_of(pushed)), verifier, proof)


@pytest.mark.parametrize("role", ["web", "fapi"])
def test_a_request_uri_serves_once(bank: Bank, role: str) -> None:
    pushed, verifier = push(bank, role)
    location = bank.follow(bank.url_of(pushed))
    page_denied(bank.page(bank.url_of(pushed)), "invalid_request_uri", "request_uri.invalid")
    redeem_at(bank, role, location, verifier, bank.token_proof(Key()) if bank[role].strict else None)


def test_opening_a_request_uri_does_not_spend_it(bank: Bank) -> None:
    """RFC 9126 section 4: people reload pages."""
    pushed, verifier = push(bank, "web")
    for _ in range(3):
        assert bank.page(bank.url_of(pushed)).has("consent-allow")
    redeem_at(bank, "web", bank.follow(bank.url_of(pushed)), verifier)


def test_nothing_beside_the_request_uri_counts(bank: Bank) -> None:
    """RFC 9101 section 6.3: what stands outside is ignored, or the request refused."""
    pushed, _ = push(bank, "web", state="pushed", scope="openid")
    browser = bank.browser()
    page = bank.page(bank.url_of(pushed | {"state": "outside", "scope": EVERYTHING, "redirect_uri": "https://evil.example.test/"}), browser)
    if page.has("consent-allow"):
        page = browser.submit(page, "consent-allow")
        assert page.location is not None and page.location.startswith(bank["web"].redirect_uri + "?"), page.location
        assert page.answer["state"] == "pushed", page.location
    else:
        assert page.location is None and page.has("error"), f"{page.status} {page.url} -> {page.location}"


def test_an_unknown_request_uri(bank: Bank) -> None:
    for value in ("urn:ietf:params:oauth:request_uri:unknown", "https://rp.example.test/request.jwt"):
        page = bank.page(bank.url_of({"client_id": bank["web"].id, "request_uri": value}))
        assert page.location is None and page.has("error") and page.status == 400, f"{value}: {page.status} {page.url} -> {page.location}"


def test_no_request_uri_in_a_push(bank: Bank) -> None:
    """RFC 9126 section 2.1, step 2."""
    pushed, _ = push(bank, "web")
    answer = bank.post("/par", bank["web"], bank.request(bank["web"]) | {"request_uri": pushed["request_uri"]})
    denied(answer, 400, "invalid_request", "request.parameter_invalid")
    denied(bank.post("/par", bank["web"], {"request_uri": pushed["request_uri"]}), 400, "invalid_request")


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"redirect_uri": "https://evil.example.test/cb"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ],
    ids=["redirect_uri", "response_type", "scope", "no challenge"],
)
def test_a_push_is_checked_at_once(bank: Bank, changes: dict[str, str | None], error: str) -> None:
    """RFC 9126 section 2.3."""
    fields = bank.request(bank["web"], **({"code_challenge": digest("v" * 43), "code_challenge_method": "S256"} | changes))
    denied(bank.post("/par", bank["web"], fields), 400, error)


def test_a_push_is_authenticated(bank: Bank) -> None:
    fields = bank.request(bank["web"], code_challenge=digest("v" * 43), code_challenge_method="S256")
    denied(bank.post("/par", with_secret(bank["web"], "wrong" * 8), fields), 401, "invalid_client", "client.rejected")
    denied(bank.post("/par", None, fields), 401, "invalid_client")
    answer = bank.post("/par", bank["web-2"], fields)
    assert answer.status_code in (400, 401), f"another client's client_id in the body{said(answer)}"


def test_par_takes_only_posts(bank: Bank) -> None:
    answer = bank.call("GET", f"{bank.issuer}/par")
    assert answer.status_code == 405 and answer.headers["Allow"] == "POST", said(answer)


def test_fapi_clients_must_push(bank: Bank) -> None:
    """FAPI 2.0 Security Profile section 5.3.2.2."""
    challenge = {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    page_denied(bank.page(bank.authorize_url(bank["fapi"], **challenge)), "invalid_request", "request.must_be_pushed")
    fapi = bank["fapi"]
    fields = bank.request(fapi, **challenge)
    now = bank.now()
    signed = fapi.key.sign(
        {"alg": "ES256", "kid": fapi.key.kid}, fields | {"iss": fapi.id, "aud": bank.issuer, "iat": now, "nbf": now, "exp": now + 60}
    )
    page = bank.page(bank.url_of({"client_id": fapi.id, "request": signed}))
    page_denied(page, "invalid_request", "request.must_be_pushed")


def test_fapi_tokens_are_bound(bank: Bank) -> None:
    """FAPI 2.0 Security Profile section 5.3.2.1: sender-constrained access tokens only."""
    code = bank.code(bank["fapi"])
    denied(bank.redeem(bank["fapi"], code), 400, "invalid_dpop_proof", "dpop.missing")
    ok(bank.redeem(bank["fapi"], code, bank.token_proof(Key())))


def test_a_pushed_proof_binds_the_code(bank: Bank) -> None:
    """RFC 9449 section 10.1."""
    key = Key()
    verifier = secrets.token_urlsafe(32)
    fields = bank.request(bank["web"], code_challenge=digest(verifier), code_challenge_method="S256")
    pushed = bank.pushed(bank["web"], fields, bank.proof(key, "POST", f"{bank.issuer}/par"))
    found = parse_qs(urlsplit(bank.follow(bank.url_of(pushed))).query)
    code = Code(found["code"][0], verifier, bank["web"].redirect_uri)
    answer = bank.redeem(bank["web"], code, bank.token_proof(Key()))
    assert answer.status_code in (400, 401), said(answer)
    ok(bank.redeem(bank["web"], code, bank.token_proof(key)))


# -- signed authorization requests ----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["iss", "aud", "exp", "key", "none", "client_id"])
def test_a_bad_request_object(bank: Bank, wrong: str) -> None:
    """RFC 9101 sections 4 to 6."""
    jwt, now = bank["jwt"], bank.now()
    claims: dict[str, Any] = bank.request(jwt, code_challenge=digest("v" * 43), code_challenge_method="S256")
    claims |= {"iss": jwt.id, "aud": bank.issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": secrets.token_urlsafe(8)}
    header, key = {"alg": "ES256", "kid": jwt.key.kid}, jwt.key
    good = jwt.key.sign(header, claims | {"jti": secrets.token_urlsafe(8)})
    spoiled_claims: dict[str, dict[str, Any]] = {
        "iss": {"iss": bank["web"].id},
        "aud": {"aud": "https://other.example.test"},
        "exp": {"exp": now - 60, "iat": now - 120, "nbf": now - 120},
        "client_id": {"client_id": bank["web"].id},
    }
    bad = spoiled_claims.get(wrong, {})
    if wrong == "none":
        header = {"alg": "none"}
    text = (Key() if wrong == "key" else key).sign(header, claims | bad)
    if wrong == "none":
        text = text.rsplit(".", 1)[0] + "."
    page = bank.page(bank.url_of({"client_id": jwt.id, "request": text}))
    page_denied(page, "invalid_request_object", "request_object.invalid")
    assert "code=" in bank.follow(bank.url_of({"client_id": jwt.id, "request": good}))
