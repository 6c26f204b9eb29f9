"""What the sample bank refuses, by plain HTTP: access tokens, what is told about them, and authorization requests."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from harness.forms import Browser
from harness.platform import FORM
from harness.rfc import (
    EVERYTHING,
    Bank,
    Key,
    b64,
    challenged,
    claims_of,
    denied,
    digest,
    header_of,
    ok,
    said,
)


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
