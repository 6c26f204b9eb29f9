"""What the sample bank refuses, by plain HTTP: proofs of possession."""

from __future__ import annotations

from typing import Any

import pytest

from harness.rfc import (
    Bank,
    Key,
    b64,
    challenged,
    claims_of,
    denied,
    digest,
    ok,
    said,
)


# -- DPoP -----------------------------------------------------------------------------------------------------


def test_a_proof_serves_once_at_the_token_endpoint(bank: Bank) -> None:
    """RFC 9449 section 11.1."""
    key = Key()
    tokens = bank.tokens(bank["web"], key)
    proof = bank.token_proof(key)
    fresh = ok(bank.refresh(bank["web"], tokens["refresh_token"], proof))
    denied(bank.refresh(bank["web"], fresh["refresh_token"], proof), 400, "invalid_dpop_proof", "dpop.reused")
    ok(bank.refresh(bank["web"], fresh["refresh_token"], bank.token_proof(key)))


def test_a_proof_serves_once_at_protected_resources(bank: Bank) -> None:
    key = Key()
    token = bank.tokens(bank["web"], key)["access_token"]
    for url, send in ((f"{bank.api}/accounts", bank.accounts), (f"{bank.issuer}/userinfo", bank.userinfo)):
        proof = bank.proof(key, "GET", url, token)
        ok(send(token, scheme="DPoP", proof=proof))
        challenged(send(token, scheme="DPoP", proof=proof), "invalid_dpop_proof", "dpop.reused", "DPoP")
        ok(send(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token)))


BAD_PROOFS: list[tuple[str, dict[str, Any]]] = [
    ("htm", {"htm": "PUT"}),
    ("htm-case", {"htm": "post"}),
    ("htm-missing", {"htm": None}),
    ("htu-host", {"htu": "https://other.example.test/token"}),
    ("htu-path", {"htu": "PATH"}),
    ("htu-missing", {"htu": None}),
    ("htu-relative", {"htu": "/token"}),
    ("jti-missing", {"jti": None}),
    ("jti-empty", {"jti": ""}),
    ("iat-missing", {"iat": None}),
    ("iat-old", {"iat": -600}),
    ("iat-ahead", {"iat": 120}),
    ("iat-text", {"iat": "soon"}),
    ("typ", {"header": {"typ": "JWT"}}),
    ("alg-none", {"header": {"alg": "none"}}),
    ("no-jwk", {"header": {"jwk": None}}),
    ("other-jwk", {"header": {"jwk": Key().public()}}),
    ("private-jwk", {"header": {"jwk": "PRIVATE"}}),
]


def spoiled(bank: Bank, key: Key, url: str, bad: dict[str, Any]) -> dict[str, Any]:
    bad = {name: dict(value) if isinstance(value, dict) else value for name, value in bad.items()}
    if isinstance(bad.get("iat"), int):
        bad["iat"] += bank.now()
    if bad.get("htu") == "PATH":
        bad["htu"] = url + "/more"
    if bad.get("header", {}).get("jwk") == "PRIVATE":
        bad["header"]["jwk"] = key.public() | {"d": b64(b"\1" * 32)}
    return bad


@pytest.mark.parametrize("bad", [bad for _, bad in BAD_PROOFS], ids=[name for name, _ in BAD_PROOFS])
def test_a_bad_proof_at_the_token_endpoint(bank: Bank, bad: dict[str, Any]) -> None:
    """RFC 9449 section 4.3."""
    key = Key()
    code = bank.code(bank["web"])
    proof = bank.token_proof(key, **spoiled(bank, key, f"{bank.issuer}/token", bad))
    denied(bank.redeem(bank["web"], code, proof), 400, "invalid_dpop_proof", "dpop.invalid")
    ok(bank.redeem(bank["web"], code, bank.token_proof(key)))


@pytest.mark.parametrize(
    "bad",
    [{"htm": "POST"}, *[bad for name, bad in BAD_PROOFS if name not in ("htm-case",)], {"ath": "WRONG"}, {"ath": None}],
    ids=["htm-post", *[name for name, _ in BAD_PROOFS if name not in ("htm-case",)], "ath", "ath-missing"],
)
@pytest.mark.parametrize("resource", ["accounts", "userinfo"])
def test_a_bad_proof_at_a_protected_resource(bank: Bank, resource: str, bad: dict[str, Any]) -> None:
    key = Key()
    token = bank.tokens(bank["web"], key)["access_token"]
    url, send = (f"{bank.api}/accounts", bank.accounts) if resource == "accounts" else (f"{bank.issuer}/userinfo", bank.userinfo)
    changes = spoiled(bank, key, url, bad)
    if changes.get("ath") == "WRONG":
        changes["ath"] = digest("another token")
    answer = send(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token, **changes))
    challenged(answer, "invalid_dpop_proof", "dpop.invalid", "DPoP")
    ok(send(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token)))


def test_htu_ignores_query_and_fragment(bank: Bank) -> None:
    """RFC 9449 section 4.3, check 9."""
    key = Key()
    tokens = bank.tokens(bank["web"], key)
    url = f"{bank.api}/accounts"
    for htu in (f"{url}?a=b", f"{url}#there", url, url.upper().replace("/ACCOUNTS", "/accounts")):
        ok(bank.accounts(tokens["access_token"], scheme="DPoP", proof=bank.proof(key, "GET", htu, tokens["access_token"])))
    proof = bank.proof(key, "GET", f"{url}?limit=1", tokens["access_token"])
    ok(bank.accounts(tokens["access_token"], scheme="DPoP", proof=proof, query="?limit=1"))
    ok(bank.refresh(bank["web"], tokens["refresh_token"], bank.proof(key, "POST", f"{bank.issuer}/token?a=b#c")))


def test_a_bound_token_is_no_bearer_token(bank: Bank) -> None:
    """RFC 9449 section 7.2."""
    key, other = Key(), Key()
    token = bank.tokens(bank["web"], key)["access_token"]
    for url, send in ((f"{bank.api}/accounts", bank.accounts), (f"{bank.issuer}/userinfo", bank.userinfo)):
        proof = bank.proof(key, "GET", url, token)
        for scheme, given in (("Bearer", None), ("Bearer", proof), ("DPoP", None), ("DPoP", bank.proof(other, "GET", url, token))):
            answer = send(token, scheme=scheme, proof=given)
            assert answer.status_code == 401, f"{scheme}, proof {given}{said(answer)}"
            assert "DPoP" in answer.headers.get("WWW-Authenticate", ""), f"a DPoP challenge was expected{said(answer)}"
        ok(send(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token)))


@pytest.mark.parametrize("resource", ["accounts", "userinfo"])
def test_an_unbound_token_is_no_dpop_token(bank: Bank, resource: str) -> None:
    """RFC 9449 section 4.3, check 12: the key to which the access token is bound must be the proof's."""
    key = Key()
    token = bank.tokens(bank["web"])["access_token"]
    url, send = (f"{bank.api}/accounts", bank.accounts) if resource == "accounts" else (f"{bank.issuer}/userinfo", bank.userinfo)
    answer = send(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token))
    assert answer.status_code == 401, f"401 was expected{said(answer)}"
    ok(send(token))


def test_one_proof_per_request(bank: Bank) -> None:
    """RFC 9449 section 4.3, check 1."""
    key = Key()
    code = bank.code(bank["web"])
    headers, body = bank.ready(bank["web"], bank.code_fields(code))
    two = f"{bank.token_proof(key)}, {bank.token_proof(key)}"
    answer = bank.call("POST", f"{bank.issuer}/token", headers=headers | {"DPoP": two}, data=body)
    denied(answer, 400, "invalid_dpop_proof", "dpop.invalid")
    ok(bank.redeem(bank["web"], code, bank.token_proof(key)))


def test_a_nonce_of_ours_is_taken_and_another_is_not(bank: Bank) -> None:
    """RFC 9449 section 8."""
    key = Key()
    tokens = bank.tokens(bank["web"], key)
    answer = bank.refresh(bank["web"], tokens["refresh_token"], bank.token_proof(key, nonce="not-ours"))
    denied(answer, 400, "use_dpop_nonce", "dpop.nonce_needed")
    nonce = answer.headers["DPoP-Nonce"]
    ok(bank.refresh(bank["web"], tokens["refresh_token"], bank.token_proof(key, nonce=nonce)))
    url, token = f"{bank.issuer}/userinfo", tokens["access_token"]
    answer = bank.userinfo(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token, nonce="not-ours"))
    challenged(answer, "use_dpop_nonce", "dpop.nonce_needed", "DPoP")
    ok(bank.userinfo(token, scheme="DPoP", proof=bank.proof(key, "GET", url, token, nonce=answer.headers["DPoP-Nonce"])))


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256"])
def test_advertised_proof_algorithms_work(bank: Bank, alg: str) -> None:
    assert alg in bank.metadata()["dpop_signing_alg_values_supported"]
    key = Key(alg)
    tokens = bank.tokens(bank["web"], key)
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": key.thumbprint}
    about = bank.introspect(tokens["access_token"])
    assert about["token_type"] == "DPoP" and about["cnf"] == {"jkt": key.thumbprint}, about
    ok(bank.accounts_proven(tokens["access_token"], key))
