"""What the sample bank refuses, by plain HTTP: status, error, cause, and that nothing was spent by it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from harness.demo import Demo
from harness.forms import Browser
from harness.platform import FORM
from harness.rfc import (
    ASSERTION_TYPE,
    EVERYTHING,
    Bank,
    Code,
    Key,
    b64,
    challenged,
    claims_of,
    denied,
    digest,
    header_of,
    ok,
    page_denied,
    said,
    with_secret,
)


@pytest.fixture(scope="module")
def shared(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("rfc-refusals") as demo:
        yield Bank.of(demo)


@pytest.fixture
def bank(shared: Bank) -> Bank:
    """Limits count per minute: each test begins with all of them."""
    shared.demo.advance(61)
    return shared


# -- authorization codes --------------------------------------------------------------------------------------


def test_a_code_is_its_clients(bank: Bank) -> None:
    code = bank.code(bank["web"])
    denied(bank.redeem(bank["web-2"], code), 400, "invalid_grant", "code.invalid")
    denied(bank.redeem(with_secret(bank["web"], "wrong" * 8), code), 401, "invalid_client", "client.rejected")
    ok(bank.redeem(bank["web"], code))


def test_an_unknown_code_and_anothers_code_are_one_answer(bank: Bank) -> None:
    code = bank.code(bank["web"])
    unknown = denied(bank.redeem(bank["web-2"], Code("unknown", code.verifier, code.redirect_uri)), 400, "invalid_grant")
    other = denied(bank.redeem(bank["web-2"], code), 400, "invalid_grant")
    varying = ("decision_id", "error_uri")
    assert {n: v for n, v in unknown.items() if n not in varying} == {n: v for n, v in other.items() if n not in varying}


def test_the_redirect_uri_is_that_of_the_request(bank: Bank) -> None:
    code = bank.code(bank["web"])
    for wrong in ("http://127.0.0.1/cb", "https://rp.example.test/cb/", "https://rp.example.test/CB"):
        denied(bank.redeem(bank["web"], code, redirect_uri=wrong), 400, "invalid_grant", "code.redirect_mismatch")
    ok(bank.redeem(bank["web"], code))


def test_the_redirect_uri_may_not_be_left_out(bank: Bank) -> None:
    """RFC 6749 section 4.1.3: required if it was in the authorization request."""
    code = bank.code(bank["web"])
    answer = bank.redeem(bank["web"], code, redirect_uri=None)
    assert answer.status_code == 400 and answer.json()["error"] in ("invalid_grant", "invalid_request"), said(answer)
    ok(bank.redeem(bank["web"], code))


@pytest.mark.parametrize("role", ["web", "spa"])
def test_the_verifier_is_that_of_the_challenge(bank: Bank, role: str) -> None:
    code = bank.code(bank[role])
    denied(bank.redeem(bank[role], code, code_verifier="w" * 43), 400, "invalid_grant", "pkce.verifier_mismatch")
    denied(bank.redeem(bank[role], code, code_verifier=None), 400, "invalid_grant", "pkce.verifier_missing")
    assert code.verifier is not None
    denied(bank.redeem(bank[role], code, code_verifier=digest(code.verifier)), 400, "invalid_grant", "pkce.verifier_mismatch")
    ok(bank.redeem(bank[role], code))


def test_a_verifier_without_a_challenge(bank: Bank) -> None:
    """RFC 9700 section 2.1.1: it would let an attacker take the challenge out of a request."""
    code = bank.code(bank["no-pkce"], pkce=False)
    denied(bank.redeem(bank["no-pkce"], code, code_verifier="w" * 43), 400, "invalid_grant", "pkce.verifier_mismatch")
    ok(bank.redeem(bank["no-pkce"], code))


def test_who_has_used_pkce_once_may_not_come_without(own_demo: Demo) -> None:
    bank = Bank.of(own_demo)
    ok(bank.redeem(bank["no-pkce"], bank.code(bank["no-pkce"], pkce=False)))
    early = bank.code(bank["no-pkce"], pkce=False)
    ok(bank.redeem(bank["no-pkce"], bank.code(bank["no-pkce"])))
    denied(bank.redeem(bank["no-pkce"], early), 400, "invalid_grant", "pkce.verifier_missing")
    page = bank.page(bank.authorize_url(bank["no-pkce"]))
    assert page.answer["error"] == "invalid_request" and "code_challenge" in page.answer["error_description"], page.location
    ok(bank.redeem(bank["no-pkce"], bank.code(bank["no-pkce"])))


def test_pkce_is_demanded(bank: Bank) -> None:
    for role in ("web", "web-post", "spa", "jwt"):
        page = bank.page(bank.authorize_url(bank[role]))
        assert page.location is not None and page.answer["error"] == "invalid_request", f"{page.url} {page.status} {page.text[:300]}"
        assert "code_challenge" in page.answer["error_description"], page.location


def test_only_s256(bank: Bank) -> None:
    for method in ("plain", None, "S512"):
        page = bank.page(bank.authorize_url(bank["web"], code_challenge="w" * 43, code_challenge_method=method))
        assert page.location is not None and page.answer["error"] == "invalid_request", (
            f"{method}: {page.url} {page.status} {page.location}"
        )


@pytest.mark.parametrize("role", ["web", "spa"])
def test_a_code_used_twice_takes_back_what_it_gave(bank: Bank, role: str) -> None:
    code = bank.code(bank[role])
    tokens = ok(bank.redeem(bank[role], code))
    ok(bank.accounts(tokens["access_token"]))
    ok(bank.userinfo(tokens["access_token"]))
    denied(bank.redeem(bank[role], code), 400, "invalid_grant", "code.replayed")
    assert bank.introspect(tokens["access_token"]) == {"active": False}
    assert bank.introspect(tokens["refresh_token"]) == {"active": False}
    challenged(bank.accounts(tokens["access_token"]), "invalid_token")
    challenged(bank.userinfo(tokens["access_token"]), "invalid_token")
    denied(bank.refresh(bank[role], tokens["refresh_token"]), 400, "invalid_grant")


def test_a_code_used_twice_takes_back_refreshed_tokens_too(bank: Bank) -> None:
    code = bank.code(bank["web"])
    tokens = ok(bank.redeem(bank["web"], code))
    fresh = ok(bank.refresh(bank["web"], tokens["refresh_token"]))
    denied(bank.redeem(bank["web"], code), 400, "invalid_grant", "code.replayed")
    challenged(bank.accounts(fresh["access_token"]), "invalid_token")
    denied(bank.refresh(bank["web"], fresh["refresh_token"]), 400, "invalid_grant")


def test_anothers_second_use_takes_nothing_back(bank: Bank) -> None:
    code = bank.code(bank["web"])
    tokens = ok(bank.redeem(bank["web"], code))
    denied(bank.redeem(bank["web-2"], code), 400, "invalid_grant", "code.invalid")
    denied(bank.redeem(bank["web"], code, code_verifier="w" * 43), 400, "invalid_grant")
    ok(bank.accounts(tokens["access_token"]))
    ok(bank.refresh(bank["web"], tokens["refresh_token"]))


def test_two_codes_of_one_person_are_apart(bank: Bank) -> None:
    """A replay of one takes nothing of the other's."""
    first, second = bank.code(bank["web"]), bank.code(bank["web"])
    kept = ok(bank.redeem(bank["web"], second))
    ok(bank.redeem(bank["web"], first))
    denied(bank.redeem(bank["web"], first), 400, "invalid_grant", "code.replayed")
    ok(bank.accounts(kept["access_token"]))
    ok(bank.refresh(bank["web"], kept["refresh_token"]))


@pytest.mark.parametrize("wrong", ["other key", "no proof"])
@pytest.mark.parametrize("role", ["spa", "web"])
def test_dpop_jkt_binds_the_code(bank: Bank, role: str, wrong: str) -> None:
    """RFC 9449 section 10; the errors of a token endpoint are those of RFC 6749 section 5.2 and RFC 9449 section 5."""
    key = Key()
    code = bank.code(bank[role], dpop_jkt=key.thumbprint)
    answer = bank.redeem(bank[role], code, bank.token_proof(Key()) if wrong == "other key" else None)
    error = answer.json().get("error")
    assert answer.status_code == 400 and error in ("invalid_grant", "invalid_dpop_proof"), f"400 invalid_grant was expected{said(answer)}"
    tokens = ok(bank.redeem(bank[role], code, bank.token_proof(key)))
    ok(bank.accounts_proven(tokens["access_token"], key))


# -- refresh tokens -------------------------------------------------------------------------------------------


def test_a_refresh_token_is_its_clients(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["refresh_token"]
    denied(bank.refresh(bank["web-2"], token), 400, "invalid_grant", "refresh.invalid")
    denied(bank.refresh(bank["spa"], token), 400, "invalid_grant", "refresh.invalid")
    ok(bank.refresh(bank["web"], token))


def test_a_changed_refresh_token(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["refresh_token"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for wrong in (changed, token[:-2], token + "A", token.upper(), "unknown"):
        denied(bank.refresh(bank["web"], wrong), 400, "invalid_grant", "refresh.invalid")
    ok(bank.refresh(bank["web"], token))


def test_refresh_never_widens_and_narrows_once(bank: Bank) -> None:
    """RFC 6749 section 6."""
    first = bank.tokens(bank["web"], scope="openid offline_access accounts")
    assert set(first["scope"].split()) == {"openid", "offline_access", "accounts"}
    denied(bank.refresh(bank["web"], first["refresh_token"], scope="openid accounts quotes"), 400, "invalid_scope", "scope.invalid")
    narrow = ok(bank.refresh(bank["web"], first["refresh_token"], scope="openid"))
    assert narrow["scope"] == "openid" and claims_of(narrow["access_token"])["scope"] == "openid"
    answer = bank.accounts(narrow["access_token"])
    denied(answer, 403, "insufficient_scope", "scope.missing")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"], said(answer)
    full = ok(bank.refresh(bank["web"], narrow["refresh_token"]))
    assert set(full["scope"].split()) == {"openid", "offline_access", "accounts"}
    ok(bank.accounts(full["access_token"]))


@pytest.mark.parametrize("role", ["web", "spa"])
def test_a_lost_answer_is_given_again(bank: Bank, role: str) -> None:
    first = bank.tokens(bank[role])["refresh_token"]
    second = ok(bank.refresh(bank[role], first))
    again = ok(bank.refresh(bank[role], first))
    assert again["refresh_token"] == second["refresh_token"] != first
    assert again["access_token"] != second["access_token"]
    ok(bank.accounts(second["access_token"]))
    ok(bank.accounts(again["access_token"]))

    third = ok(bank.refresh(bank[role], second["refresh_token"]))
    assert third["refresh_token"] not in (first, second["refresh_token"])
    denied(bank.refresh(bank[role], first), 400, "invalid_grant", "refresh.replayed")
    denied(bank.refresh(bank[role], third["refresh_token"]), 400, "invalid_grant", "refresh.ended")
    for tokens in (second, again, third):
        challenged(bank.accounts(tokens["access_token"]), "invalid_token")
        assert bank.introspect(tokens["access_token"]) == {"active": False}
        assert bank.introspect(tokens["refresh_token"]) == {"active": False}


def test_strict_knows_no_second_use(bank: Bank) -> None:
    """RFC 9700 section 4.14.2."""
    first = bank.tokens(bank["strict"])["refresh_token"]
    second = ok(bank.refresh(bank["strict"], first))
    denied(bank.refresh(bank["strict"], first), 400, "invalid_grant", "refresh.replayed")
    denied(bank.refresh(bank["strict"], second["refresh_token"]), 400, "invalid_grant", "refresh.ended")
    challenged(bank.accounts(second["access_token"]), "invalid_token")


def test_a_chain_ends_alone(bank: Bank) -> None:
    """Another sign-in of the same person at the same client goes on."""
    kept, lost = bank.tokens(bank["strict"]), bank.tokens(bank["strict"])
    ok(bank.refresh(bank["strict"], lost["refresh_token"]))
    denied(bank.refresh(bank["strict"], lost["refresh_token"]), 400, "invalid_grant", "refresh.replayed")
    ok(bank.accounts(kept["access_token"]))
    ok(bank.refresh(bank["strict"], kept["refresh_token"]))


def test_a_bound_refresh_token_wants_its_key(bank: Bank) -> None:
    """RFC 9449 section 5: refresh tokens of public clients are bound."""
    key, other = Key(), Key()
    tokens = bank.tokens(bank["spa"], key)
    assert tokens["token_type"] == "DPoP"
    for proof in (None, bank.token_proof(other)):
        answer = bank.refresh(bank["spa"], tokens["refresh_token"], proof)
        assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_grant", "invalid_dpop_proof"), said(answer)
    fresh = ok(bank.refresh(bank["spa"], tokens["refresh_token"], bank.token_proof(key)))
    ok(bank.accounts_proven(fresh["access_token"], key))


@pytest.mark.parametrize("role", ["web", "jwt"])
def test_what_began_with_a_key_never_goes_on_without(bank: Bank, role: str) -> None:
    """A confidential client may change its key (RFC 9449 section 5), and never gets an unbound token from a bound chain."""
    first, second = Key(), Key()
    tokens = bank.tokens(bank[role], first)
    denied(bank.refresh(bank[role], tokens["refresh_token"]), 400, "invalid_dpop_proof", "dpop.missing")
    fresh = ok(bank.refresh(bank[role], tokens["refresh_token"], bank.token_proof(second)))
    assert fresh["token_type"] == "DPoP"
    ok(bank.accounts_proven(fresh["access_token"], second))


def test_a_token_may_be_for_one_api(bank: Bank) -> None:
    """RFC 8707 section 2."""
    own = ok(bank.own_token(bank["service"], resource=bank.api))
    assert claims_of(own["access_token"])["aud"] == bank.api, claims_of(own["access_token"])
    ok(bank.accounts(own["access_token"]))
    denied(bank.own_token(bank["service"], resource="https://elsewhere.example.test"), 400, "invalid_target", "resource.invalid")
    code = bank.code(bank["web"], resource=bank.api)
    denied(bank.redeem(bank["web"], code, resource="https://elsewhere.example.test"), 400, "invalid_target", "resource.invalid")
    assert claims_of(ok(bank.redeem(bank["web"], code))["access_token"])["aud"] == bank.api


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


# -- client authentication ------------------------------------------------------------------------------------


def asserted(bank: Bank, text: str, **more: str) -> Any:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text} | more
    return bank.token(None, **fields)


def test_an_assertion_serves_once(bank: Bank) -> None:
    """RFC 7523 section 3: the server may demand that; this one does."""
    text = bank.assertion(bank["jwt"])
    ok(asserted(bank, text))
    denied(asserted(bank, text), 401, "invalid_client", "assertion.reused")
    same = bank.assertion(bank["jwt"], jti=claims_of(text)["jti"], exp=bank.now() + 50)
    denied(asserted(bank, same), 401, "invalid_client", "assertion.reused")
    ok(bank.own_token(bank["jwt"]))


def test_an_assertion_serves_once_at_all_endpoints(bank: Bank) -> None:
    text = bank.assertion(bank["jwt"])
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    assert bank.post("/revoke", None, fields | {"token": "unknown"}).status_code == 200
    denied(bank.post("/revoke", None, fields | {"token": "unknown"}), 401, "invalid_client", "assertion.reused")
    denied(asserted(bank, text), 401, "invalid_client", "assertion.reused")
    push = bank.request(bank["jwt"], code_challenge=digest("v" * 43), code_challenge_method="S256")
    denied(bank.post("/par", None, fields | push), 401, "invalid_client", "assertion.reused")


def test_jti_is_each_clients_own(bank: Bank) -> None:
    jti = secrets.token_urlsafe(16)
    key = Key()
    ok(asserted(bank, bank.assertion(bank["jwt"], jti=jti)))
    code = bank.code(bank["fapi"])
    text = bank.assertion(bank["fapi"], jti=jti)
    fields = bank.code_fields(code, client_assertion_type=ASSERTION_TYPE, client_assertion=text)
    ok(bank.token(None, bank.token_proof(key), **fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example.test"},
        {"aud": None},
        {"aud": []},
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"exp": None},
        {"exp": "text"},
        {"exp": "past"},
        {"iat": "ahead"},
        {"nbf": "ahead"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
    ],
    ids=lambda changes: "-".join(f"{name}={value}" for name, value in changes.items()).replace("/", "_"),
)
def test_a_bad_assertion(bank: Bank, changes: dict[str, Any]) -> None:
    now = bank.now()
    values = {"text": str(now + 60), "past": now - 1, "ahead": now + 60}
    changes = {name: values.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    text = bank.assertion(bank["jwt"], **({"exp": now + 120} | changes))
    denied(asserted(bank, text, client_id=bank["jwt"].id), 401, "invalid_client", "assertion.invalid", "client.rejected")
    ok(bank.own_token(bank["jwt"]))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_eight_seconds_ahead_is_forgiven(bank: Bank, claim: str) -> None:
    """FAPI 2.0 Security Profile section 5.3.2.1: up to 10 seconds must be, more than 60 must not."""
    now = bank.now()
    changes: dict[str, Any] = {claim: now + 8, "exp": now + 120}
    ok(asserted(bank, bank.assertion(bank["jwt"], **changes)))


@pytest.mark.parametrize("audience", ["issuer", "token endpoint", "list"])
def test_audiences_of_assertions(bank: Bank, audience: str) -> None:
    """RFC 7523 section 3: the token endpoint's address may be meant."""
    endpoint = f"{bank.issuer}/token"
    value: Any = {"issuer": bank.issuer, "token endpoint": endpoint, "list": [bank.issuer, "https://other.example.test"]}[audience]
    ok(asserted(bank, bank.assertion(bank["jwt"], aud=value)))
    # FAPI 2.0 Security Profile section 5.3.2.1: the issuer as a string and nothing else.
    code, key = bank.code(bank["fapi"]), Key()
    fields = bank.code_fields(code, client_assertion_type=ASSERTION_TYPE, client_assertion=bank.assertion(bank["fapi"], aud=value))
    answer = bank.token(None, bank.token_proof(key), **fields)
    if audience == "issuer":
        ok(answer)
    else:
        denied(answer, 401, "invalid_client", "assertion.invalid")
        ok(bank.redeem(bank["fapi"], code, bank.token_proof(key)))


def test_an_assertion_must_be_signed_by_the_clients_key(bank: Bank) -> None:
    jwt = bank["jwt"]
    claims = claims_of(bank.assertion(jwt))
    none = f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims).encode())}."
    good = bank.assertion(jwt)
    head, body, signature = good.split(".")
    changed = f"{head}.{b64(json.dumps(claims_of(good) | {'x': 1}).encode())}.{signature}"
    for text in (
        none,
        bank.assertion(jwt, key=Key()),
        bank.assertion(jwt, key=bank["fapi"].key),
        changed,
        f"{head}.{body}.",
        "text",
        "a.b.c",
    ):
        denied(asserted(bank, text, client_id=jwt.id), 401, "invalid_client", "client.rejected", "assertion.invalid")
    ok(asserted(bank, good))


def test_an_hmac_with_the_public_key_is_no_signature(bank: Bank) -> None:
    jwt = bank["jwt"]
    claims = claims_of(bank.assertion(jwt))
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': jwt.key.kid}).encode())}.{b64(json.dumps(claims).encode())}"
    for secret in (jwt.id.encode(), json.dumps(jwt.key.public()).encode(), b""):
        signature = b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())
        denied(asserted(bank, f"{text}.{signature}", client_id=jwt.id), 401, "invalid_client")


def test_one_authentication_per_request(bank: Bank) -> None:
    """RFC 6749 section 2.3."""
    web = bank["web"]
    code = bank.code(web)
    fields = bank.code_fields(code)
    denied(bank.token(web, **(fields | {"client_id": web.id, "client_secret": web.secret})), 400, "invalid_request", "credential.ambiguous")
    both = fields | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": bank.assertion(bank["jwt"])}
    denied(bank.token(web, **both), 400, "invalid_request", "credential.ambiguous")
    headers, body = bank.ready(web, fields | {"client_id": bank["web-2"].id})
    answer = bank.call("POST", f"{bank.issuer}/token", headers=headers, data=body)
    assert answer.status_code in (400, 401), said(answer)
    ok(bank.redeem(web, code, client_id=web.id))


def test_the_registered_way_of_authentication_only(bank: Bank) -> None:
    web, post, spa = bank["web"], bank["web-post"], bank["spa"]
    code = bank.code(web)
    denied(
        bank.token(None, **bank.code_fields(code, client_id=web.id, client_secret=web.secret)), 401, "invalid_client", "client.method_wrong"
    )
    denied(bank.token(None, **bank.code_fields(code, client_id=web.id)), 401, "invalid_client")
    ok(bank.redeem(web, code))
    code = bank.code(post)
    basic = base64.b64encode(f"{post.id}:{post.secret}".encode()).decode()
    answer = bank.call(
        "POST", f"{bank.issuer}/token", headers=FORM | {"Authorization": f"Basic {basic}"}, data=urlencode(bank.code_fields(code))
    )
    denied(answer, 401, "invalid_client", "client.method_wrong")
    ok(bank.redeem(post, code))
    code = bank.code(spa)
    denied(bank.token(None, **bank.code_fields(code, client_id=spa.id, client_secret="anything")), 401, "invalid_client")
    ok(bank.redeem(spa, code))


def test_unknown_clients_and_wrong_secrets_are_one_answer(bank: Bank) -> None:
    def answer(name: str, secret: str) -> dict[str, Any]:
        pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
        fields = urlencode({"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://rp.example.test/cb"})
        got = bank.call("POST", f"{bank.issuer}/token", headers=FORM | {"Authorization": f"Basic {pair}"}, data=fields)
        body = denied(got, 401, "invalid_client", "client.rejected")
        assert got.headers["WWW-Authenticate"].startswith("Basic"), f"RFC 6749 section 5.2{said(got)}"
        return {name: value for name, value in body.items() if name not in ("decision_id", "error_uri")}

    assert answer(bank["web"].id, "x" * 43) == answer("f" * len(bank["web"].id), "x" * 43)


def test_grants_that_a_client_may_not_use(bank: Bank) -> None:
    denied(bank.own_token(bank["web"]), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.own_token(bank["spa"]), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.refresh(bank["service"], "unknown"), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.own_token(bank["service"], scope="accounts quotes"), 400, "invalid_scope", "scope.invalid")
    denied(bank.own_token(bank["service"], scope="openid"), 400, "invalid_scope", "scope.invalid")
    assert ok(bank.own_token(bank["service"]))["scope"] == "accounts"
    for name in ("password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange", "Authorization_Code", ""):
        answer = bank.token(bank["web"], grant_type=name, username="alice", password=bank.people["alice"].password)
        denied(answer, 400, "unsupported_grant_type" if name else "invalid_request")
    denied(bank.token(bank["web"]), 400, "invalid_request", "request.parameter_missing")


def test_parameters_stand_once_and_in_the_body(bank: Bank) -> None:
    """RFC 6749 section 3.2."""
    web = bank["web"]
    code = bank.code(web)
    headers, body = bank.ready(web, bank.code_fields(code))
    twice = bank.call("POST", f"{bank.issuer}/token", headers=headers, data=body + b"&" + urlencode({"code": code.code}).encode())
    denied(twice, 400, "invalid_request", "request.parameter_repeated")
    query = bank.call("POST", f"{bank.issuer}/token?{body.decode()}", headers=headers)
    denied(query, 400, "invalid_request")
    wrong = bank.call(
        "POST", f"{bank.issuer}/token", headers=headers | {"Content-Type": "application/json"}, data=json.dumps(bank.code_fields(code))
    )
    assert wrong.status_code in (400, 415) and wrong.json()["error"] == "invalid_request", said(wrong)
    get = bank.call("GET", f"{bank.issuer}/token?{body.decode()}", headers=headers)
    assert get.status_code == 405 and get.headers["Allow"] == "POST", said(get)
    answer = bank.redeem(web, code)
    ok(answer)
    assert "no-store" in answer.headers["Cache-Control"] and answer.headers["Content-Type"].startswith("application/json"), said(answer)


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


# -- tokens ---------------------------------------------------------------------------------------------------


def test_an_access_token_as_rfc_9068_has_it(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["access_token"]
    assert header_of(token)["typ"].lower() == "at+jwt" and header_of(token)["alg"] == "ES256" and header_of(token)["kid"]
    claims = claims_of(token)
    for name in ("iss", "exp", "aud", "sub", "client_id", "iat", "jti"):
        assert claims.get(name), f"{name}: {claims}"
    assert claims["client_id"] == bank["web"].id and bank.api in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    own = claims_of(ok(bank.own_token(bank["service"]))["access_token"])
    assert own["sub"] == own["client_id"] == bank["service"].id, "RFC 9068 section 2.2"


def test_other_tokens_are_no_access_tokens(bank: Bank) -> None:
    tokens = bank.tokens(bank["web"])
    token = tokens["access_token"]
    head, body, signature = token.split(".")
    none = f"{b64(json.dumps(header_of(token) | {'alg': 'none'}).encode())}.{body}."
    own = Key().sign(header_of(token), claims_of(token))
    wide = f"{head}.{b64(json.dumps(claims_of(token) | {'exp': claims_of(token)['exp'] + 9999}).encode())}.{signature}"
    for wrong in (tokens["id_token"], tokens["refresh_token"], none, own, wide, f"{head}.{body}.", token[:-4]):
        for send in (bank.accounts, bank.userinfo):
            challenged(send(wrong), "invalid_token")
        if wrong != tokens["refresh_token"]:
            assert bank.introspect(wrong) == {"active": False}
    ok(bank.accounts(token))


def test_without_a_token(bank: Bank) -> None:
    """RFC 6750 section 3.1: a challenge without an error code."""
    for url in (f"{bank.api}/accounts", f"{bank.issuer}/userinfo"):
        answer = bank.call("GET", url)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer"), said(answer)
        assert "error=" not in answer.headers["WWW-Authenticate"], said(answer)


def test_a_public_route_wants_no_token(bank: Bank) -> None:
    answer = bank.call("GET", f"{bank.api}/health")
    assert answer.status_code == 200, f"/health is public{said(answer)}"


def test_scopes_at_the_api(bank: Bank) -> None:
    token = bank.tokens(bank["web"], scope="openid accounts")["access_token"]
    ok(bank.accounts(token))
    answer = bank.call("GET", f"{bank.api}/quotes/ACME", headers={"Authorization": f"Bearer {token}"})
    denied(answer, 403, "insufficient_scope", "scope.missing")
    assert 'scope="quotes"' in answer.headers["WWW-Authenticate"], said(answer)
    without = bank.tokens(bank["web"], scope="accounts")
    assert "id_token" not in without, "no openid scope, no ID token"
    answer = bank.userinfo(without["access_token"])
    assert answer.status_code == 403 and 'error="insufficient_scope"' in answer.headers.get("WWW-Authenticate", ""), said(answer)


def test_anothers_account(bank: Bank) -> None:
    token = bank.tokens(bank["web"])["access_token"]
    get = {
        name: bank.call("GET", f"{bank.api}/accounts/{who.accounts['live']}", headers={"Authorization": f"Bearer {token}"})
        for name, who in bank.people.items()
    }
    assert get["alice"].status_code == 200, said(get["alice"])
    assert get["bob"].status_code in (403, 404), said(get["bob"])


def test_introspection(bank: Bank) -> None:
    tokens = bank.tokens(bank["web"])
    for unknown in ("unknown", "", "a.b.c", tokens["id_token"], "\u00e9" * 40, "x" * 3000):
        answer = bank.post("/introspect", bank["api"], {"token": unknown})
        if unknown == "":
            assert answer.status_code in (200, 400), said(answer)
        else:
            assert answer.status_code == 200 and answer.json() == {"active": False}, said(answer)
    assert bank.post("/introspect", bank["api"], {"token": "unknown"}).text.replace(" ", "") == '{"active":false}'
    hinted = bank.post("/introspect", bank["api"], {"token": tokens["access_token"], "token_type_hint": "refresh_token"})
    assert ok(hinted)["active"] is True, "RFC 7662 section 2.1: a wrong hint is only a hint"
    answer = bank.post("/introspect", bank["web-2"], {"token": tokens["access_token"]})
    assert answer.status_code in (401, 403) and answer.json()["cause"] == "introspection.not_allowed" and "active" not in answer.json(), (
        said(answer)
    )
    denied(bank.post("/introspect", None, {"token": tokens["access_token"]}), 401, "invalid_client")
    denied(bank.post("/introspect", bank["api"], {}), 400, "invalid_request", "request.parameter_missing")
    answer = bank.call("GET", f"{bank.issuer}/introspect?token={tokens['access_token']}")
    assert answer.status_code == 405, said(answer)


def test_revocation(bank: Bank) -> None:
    """RFC 7009."""
    web, other = bank["web"], bank["web-2"]
    for unknown in ("unknown", "a.b.c", "x" * 3000):
        answer = bank.revoke(web, unknown)
        assert answer.status_code == 200, f"section 2.2{said(answer)}"
    tokens = bank.tokens(web)
    assert bank.revoke(other, tokens["refresh_token"]).status_code in (200, 400)
    assert bank.revoke(other, tokens["access_token"]).status_code in (200, 400)
    ok(bank.accounts(tokens["access_token"]))
    fresh = ok(bank.refresh(web, tokens["refresh_token"]))
    denied(bank.post("/revoke", web, {}), 400, "invalid_request", "request.parameter_missing")
    denied(bank.post("/revoke", None, {"token": fresh["access_token"]}), 401, "invalid_client")

    assert bank.revoke(web, fresh["access_token"], token_type_hint="refresh_token").status_code == 200
    challenged(bank.accounts(fresh["access_token"]), "invalid_token")
    assert bank.introspect(fresh["access_token"]) == {"active": False}
    last = ok(bank.refresh(web, fresh["refresh_token"]))
    ok(bank.accounts(last["access_token"]))
    assert bank.revoke(web, last["refresh_token"], token_type_hint="nonsense").status_code == 200
    denied(bank.refresh(web, last["refresh_token"]), 400, "invalid_grant", "refresh.ended")
    challenged(bank.accounts(last["access_token"]), "invalid_token")
    assert bank.revoke(web, last["refresh_token"]).status_code == 200


def test_one_token_at_a_resource(bank: Bank) -> None:
    """RFC 6750 section 2."""
    token = bank.tokens(bank["web"])["access_token"]
    answer = bank.call("POST", f"{bank.issuer}/userinfo", headers=FORM | {"Authorization": f"Bearer {token}"}, data=f"access_token={token}")
    denied(answer, 400, "invalid_request", "credential.ambiguous")
    ok(bank.call("POST", f"{bank.issuer}/userinfo", headers=FORM, data=f"access_token={token}"))
    ok(bank.call("POST", f"{bank.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}))


def test_a_token_in_the_query_is_no_credential(bank: Bank) -> None:
    """RFC 9700 section 4.3.2."""
    token = bank.tokens(bank["web"])["access_token"]
    for url in (f"{bank.api}/accounts", f"{bank.issuer}/userinfo"):
        answer = bank.call("GET", f"{url}?access_token={token}")
        assert answer.status_code in (400, 401), said(answer)


# -- authorization requests and metadata ----------------------------------------------------------------------


def test_errors_of_the_authorization_endpoint(bank: Bank) -> None:
    challenge = {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    wrong: list[tuple[dict[str, str | None], str]] = [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ]
    for changes, error in wrong:
        page = bank.page(bank.authorize_url(bank["web"], **(challenge | {"state": "s p"} | changes)))
        assert page.location is not None and page.location.startswith(bank["web"].redirect_uri), (
            f"{changes}: {page.status} {page.url} {page.text[:300]}"
        )
        assert page.answer["error"] == error and page.answer["state"] == "s p" and page.answer["iss"] == bank.issuer, (
            f"{changes}: {page.location}"
        )


def test_no_redirect_to_an_address_that_is_not_registered(bank: Bank) -> None:
    challenge = {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    for uri in (
        "https://evil.example.test/cb",
        "https://rp.example.test/cb/x",
        "https://rp.example.test/cb?a=b",
        "https://rp.example.test:8443/cb",
        "http://127.0.0.1/other",
        "http://localhost/cb",
    ):
        page = bank.page(bank.authorize_url(bank["web"], **(challenge | {"redirect_uri": uri})))
        assert page.location is None and page.has("error") and page.status == 400, f"{uri}: {page.status} -> {page.location}"
    page = bank.page(bank.authorize_url(bank["web"], **(challenge | {"client_id": "f" * 24})))
    assert page.location is None and page.has("error") and page.status in (400, 401), f"{page.status} -> {page.location}"


def test_denial(bank: Bank) -> None:
    challenge = {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    found = parse_qs(urlsplit(bank.follow(bank.authorize_url(bank["web"], state="s", **challenge), button="consent-deny")).query)
    assert found["error"] == ["access_denied"] and found["state"] == ["s"] and found["iss"] == [bank.issuer], found


def test_prompt_none_without_a_session(bank: Bank) -> None:
    challenge = {"code_challenge": digest("v" * 43), "code_challenge_method": "S256"}
    page = Browser().get(bank.authorize_url(bank["web"], prompt="none", **challenge))
    assert page.location is not None and page.answer["error"] == "login_required", f"{page.status} {page.url} -> {page.location}"


def test_metadata_is_true(bank: Bank) -> None:
    found = bank.metadata()
    other = ok(bank.call("GET", f"{bank.issuer}/.well-known/oauth-authorization-server"))
    assert other == found and found["issuer"] == bank.issuer
    assert found["response_types_supported"] == ["code"]
    grants = set(found["grant_types_supported"])
    assert {"authorization_code", "refresh_token", "client_credentials"} <= grants and not grants & {"password", "implicit"}
    for grant in grants:
        answer = bank.token(bank["web"], grant_type=grant)
        assert answer.status_code == 400 and answer.json()["error"] != "unsupported_grant_type", f"{grant} is advertised{said(answer)}"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert set(found["scopes_supported"]) == set(EVERYTHING.split())
    assert found["authorization_response_iss_parameter_supported"] is True
    ways = {party.method for party in bank.parties.values()}
    assert set(found["token_endpoint_auth_methods_supported"]) == ways
    for name, value in found.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            answer = bank.call("GET", value)
            assert answer.status_code in (200, 302, 303, 400, 401, 405), f"{name}{said(answer)}"
            if answer.status_code == 405:
                answer = bank.call("POST", value, headers=FORM, data="")
                assert answer.status_code in (400, 401) and answer.json()["error"], f"{name}{said(answer)}"
    answer = bank.call("GET", found["service_documentation"])
    assert answer.status_code == 200, said(answer)


def test_claims_that_are_given_are_told(bank: Bank) -> None:
    """OpenID Connect Discovery section 3."""
    found = bank.metadata()
    claims = ok(bank.userinfo(bank.tokens(bank["web"])["access_token"]))
    assert set(claims) <= set(found["claims_supported"]), f"given and not told: {set(claims) - set(found['claims_supported'])}"


def test_keys_are_public_and_serve(bank: Bank) -> None:
    found = bank.metadata()
    answer = bank.call("GET", found["jwks_uri"])
    keys = ok(answer)["keys"]
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert keys and not any(private & set(key) for key in keys), "a private key was published"
    assert len({key["kid"] for key in keys}) == len(keys)
    used = {}
    for role in ("web", "no-pkce"):
        used[role] = header_of(bank.tokens(bank[role])["id_token"])
    used["fapi"] = header_of(bank.tokens(bank["fapi"], Key())["id_token"])
    assert {role: header["alg"] for role, header in used.items()} == {"web": "ES256", "no-pkce": "RS256", "fapi": "PS256"}
    for header in used.values():
        assert header["alg"] in found["id_token_signing_alg_values_supported"], header
        assert [key for key in keys if key["kid"] == header["kid"]], header
    assert "RS256" in found["id_token_signing_alg_values_supported"], "OpenID Connect Discovery section 3"


def test_metadata_for_programs_in_browsers(bank: Bank) -> None:
    for path in ("/.well-known/openid-configuration", "/jwks"):
        answer = bank.call("GET", f"{bank.issuer}{path}", headers={"Origin": "https://app.example.test"})
        assert answer.headers.get("Access-Control-Allow-Origin") == "*", said(answer)
