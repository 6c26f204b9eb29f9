"""What the sample bank refuses, by plain HTTP: codes and refresh tokens."""

from __future__ import annotations

import pytest

from harness.demo import Demo
from harness.rfc import (
    Bank,
    Code,
    Key,
    challenged,
    claims_of,
    denied,
    digest,
    ok,
    said,
    with_secret,
)


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
