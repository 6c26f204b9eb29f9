"""What clients may ask of the sample bank, by plain HTTP: forms of authorization requests, consent, programs in browsers."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harness.demo import Demo
from harness.forms import Form, Page
from harness.platform import FORM, bearer
from harness.rfc import EVERYTHING, Bank, Code, Key, challenged, claims_of, denied, digest, ok, said

VERIFIER = "v" * 43
CHALLENGE = {"code_challenge": digest(VERIFIER), "code_challenge_method": "S256"}
ELSEWHERE = "https://app.example.test"


@pytest.fixture(scope="module")
def shared(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("rfc-requests") as demo:
        yield Bank.of(demo)


@pytest.fixture
def bank(shared: Bank) -> Bank:
    """Limits count per minute: each test begins with all of them, and with browsers that nobody signed in."""
    shared.demo.advance(61)
    shared.browsers.clear()
    return shared


def redeemed(bank: Bank, role: str, location: str) -> dict[str, str]:
    found = parse_qs(urlsplit(location).query)
    assert "code" in found, location
    return ok(bank.redeem(bank[role], Code(found["code"][0], VERIFIER, bank[role].redirect_uri)))


def back(page: Page) -> dict[str, str]:
    assert page.location is not None, f"no redirect: {page.status} {page.url}\n{page.text[:400]}"
    return page.answer


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256", "RS256"])
def test_access_tokens_are_signed_as_registered(bank: Bank, tmp_path: Path, alg: str) -> None:
    """RFC 9068 section 2.1; the gate takes them all, and the key stands in the key set."""
    settings = {"grants": ["authorization_code", "refresh_token"], "access_token_alg": alg}
    party = bank.register(tmp_path, f"access-{alg}", settings)
    token = bank.tokens(party)["access_token"]
    header = json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["alg"] == alg and header["typ"] == "at+jwt", header
    keys = requests.get(f"{bank.issuer}/jwks", timeout=30).json()
    assert [key["alg"] for key in keys["keys"] if key["kid"] == header["kid"]] == [alg], keys
    ok(bank.accounts(token))
    assert bank.active(token)


# -- the request ----------------------------------------------------------------------------------------------


def test_an_authorization_request_may_be_posted(bank: Bank) -> None:
    """OpenID Connect Core section 3.1.2.1: servers must support GET and POST."""
    browser = bank.browser()
    answer = browser.session.post(
        f"{bank.issuer}/authorize", data=bank.request(bank["web"], **CHALLENGE), allow_redirects=False, timeout=30
    )
    assert answer.status_code in (200, 302, 303), f"a login page, or the way there, was expected{said(answer)}"
    page = Page(answer, f"{bank.issuer}/authorize")
    redeemed(bank, "web", bank.follow(page.location or page.url))


@pytest.mark.parametrize("state", ["a b", "a+b", "a&b=c#d", "%20", "\u00e9\u2603", '{"a": [1]}', "x" * 500])
def test_state_comes_back_as_it_was(bank: Bank, state: str) -> None:
    """RFC 6749 section 4.1.2: the exact value."""
    found = parse_qs(urlsplit(bank.follow(bank.authorize_url(bank["web"], state=state, **CHALLENGE))).query)
    assert found["state"] == [state]


def test_the_loopback_redirect_takes_any_port(bank: Bank) -> None:
    """RFC 8252 section 7.3; the port is the only thing that may differ."""
    uri = "http://127.0.0.1:40123/cb"
    code = bank.code(bank["spa"], redirect_uri=uri)
    denied(bank.redeem(bank["spa"], code, redirect_uri="http://127.0.0.1:40124/cb"), 400, "invalid_grant", "code.redirect_mismatch")
    ok(bank.redeem(bank["spa"], code))
    for wrong in (
        "http://127.0.0.1:40123/other",
        "https://127.0.0.1:40123/cb",
        "http://127.0.0.2:40123/cb",
        "http://localhost:40123/cb",
        "http://127.0.0.1:40123@evil.example.test/cb",
        "http://127.0.0.1.evil.example.test/cb",
    ):
        page = bank.page(bank.authorize_url(bank["spa"], redirect_uri=wrong, **CHALLENGE))
        assert page.location is None and page.has("error"), f"{wrong}: {page.status} -> {page.location}"


def test_repeated_parameters(bank: Bank) -> None:
    """RFC 6749 section 3.1."""
    for more in ("&scope=openid", "&state=other", "&redirect_uri=https%3A%2F%2Fevil.example.test", "&client_id=x"):
        page = bank.page(bank.authorize_url(bank["web"], **CHALLENGE) + more)
        if page.location is None:
            assert page.has("error") and page.status == 400, f"{more}: {page.status} {page.url}"
        else:
            assert page.location.startswith(bank["web"].redirect_uri) and page.answer["error"] == "invalid_request", page.location


def test_unknown_parameters_are_ignored(bank: Bank) -> None:
    """RFC 6749 section 3.1."""
    more = {"claims": "{}", "ui_locales": "de", "login_hint": "bob", "display": "popup", "surprise": "1"}
    redeemed(bank, "web", bank.follow(bank.authorize_url(bank["web"], **CHALLENGE, **more)))


def test_resource(bank: Bank) -> None:
    """RFC 8707."""
    tokens = bank.tokens(bank["web"], resource=bank.api)
    assert claims_of(tokens["access_token"])["aud"] in (bank.api, [bank.api])
    ok(bank.accounts(tokens["access_token"]))
    answer = back(bank.page(bank.authorize_url(bank["web"], resource="https://other.example.test", **CHALLENGE)))
    assert answer["error"] == "invalid_target", answer


# -- prompt ---------------------------------------------------------------------------------------------------


def test_prompt_none(bank: Bank) -> None:
    """OpenID Connect Core section 3.1.2.6."""
    browser = bank.browser("bob")
    answer = back(bank.page(bank.authorize_url(bank["web-2"], prompt="none", **CHALLENGE), browser, "bob"))
    assert answer["error"] == "login_required", answer
    assert bank.page(bank.authorize_url(bank["web-2"], **CHALLENGE), browser, "bob").has("consent-allow")
    answer = back(bank.page(bank.authorize_url(bank["web-2"], prompt="none", **CHALLENGE), browser, "bob"))
    assert answer["error"] in ("consent_required", "interaction_required"), answer
    bank.code(bank["web-2"], person="bob", scope="openid accounts")
    page = bank.page(bank.authorize_url(bank["web-2"], prompt="none", scope="openid accounts", **CHALLENGE), browser, "bob")
    assert redeemed(bank, "web-2", str(page.location))["scope"] == "accounts openid"
    answer = back(bank.page(bank.authorize_url(bank["web-2"], prompt="none", scope="openid accounts quotes", **CHALLENGE), browser, "bob"))
    assert answer["error"] in ("consent_required", "interaction_required"), f"more than was allowed: {answer}"


def test_prompt_login(bank: Bank) -> None:
    first = claims_of(bank.tokens(bank["web"])["id_token"])
    bank.demo.advance(30)
    page = bank.browser().get(bank.authorize_url(bank["web"], prompt="login", **CHALLENGE))
    assert page.path == "/login", f"{page.status} {page.url}"
    again = claims_of(bank.tokens(bank["web"], prompt="login")["id_token"])
    assert again["auth_time"] >= first["auth_time"] + 30, (first, again)


def test_prompt_consent(bank: Bank) -> None:
    bank.tokens(bank["web"])
    assert bank.page(bank.authorize_url(bank["web"], prompt="consent", **CHALLENGE)).has("consent-allow")


def test_a_refreshed_id_token(bank: Bank) -> None:
    """OpenID Connect Core section 12.2."""
    first = bank.tokens(bank["web"], nonce="n-1")
    bank.demo.advance(30)
    fresh = ok(bank.refresh(bank["web"], first["refresh_token"]))
    old, new = claims_of(first["id_token"]), claims_of(fresh["id_token"])
    for name in ("iss", "sub", "aud", "auth_time"):
        assert old[name] == new[name], name
    assert new["iat"] == old["iat"] + 30 and new.get("nonce", "n-1") == "n-1"


# -- consent --------------------------------------------------------------------------------------------------


def test_what_was_allowed_can_be_taken_back(bank: Bank) -> None:
    key = Key()
    taken, bound = bank.tokens(bank["web"]), bank.tokens(bank["web"], key)
    kept = bank.tokens(bank["web-post"])
    take_back(bank, "web")
    challenged(bank.accounts(taken["access_token"]), "invalid_token", "grant.revoked")
    challenged(bank.userinfo(taken["access_token"]), "invalid_token", "grant.revoked")
    assert bank.accounts_proven(bound["access_token"], key).status_code == 401
    assert bank.introspect(taken["access_token"]) == {"active": False}
    denied(bank.refresh(bank["web"], taken["refresh_token"]), 400, "invalid_grant")
    ok(bank.accounts(kept["access_token"]))
    ok(bank.refresh(bank["web-post"], kept["refresh_token"]))

    # Allowed again: what was given before stays dead.
    ok(bank.accounts(bank.tokens(bank["web"])["access_token"]))
    challenged(bank.accounts(taken["access_token"]), "invalid_token")
    denied(bank.refresh(bank["web"], taken["refresh_token"]), 400, "invalid_grant")


def test_a_refresh_token_of_what_was_taken_back_is_not_active(bank: Bank) -> None:
    """RFC 7662 section 2.2: active is what has not been revoked by the resource owner."""
    token = bank.tokens(bank["web"])["refresh_token"]
    assert bank.active(token)
    take_back(bank, "web")
    answer = bank.post("/introspect", bank["api"], {"token": token})
    assert answer.json() == {"active": False}, f"the grant was taken back{said(answer)}"


def test_a_code_of_what_was_taken_back(bank: Bank) -> None:
    bank.tokens(bank["web"])
    code = bank.code(bank["web"])
    take_back(bank, "web")
    denied(bank.redeem(bank["web"], code), 400, "invalid_grant", "code.grant_ended")


def take_back(bank: Bank, role: str) -> None:
    """What a person does on the page of connected apps."""
    browser = bank.browser()
    page = browser.get(f"{bank.issuer}/apps")
    (form,) = (form for form in page.forms if names(bank, form, role))
    data = {given["name"]: given.get("value", "") for given in form.inputs if "name" in given}
    done = browser.session.post(f"{bank.issuer}{form.attributes['action']}", data=data, allow_redirects=False, timeout=30)
    assert done.status_code in (200, 302, 303), said(done)


def names(bank: Bank, form: Form, role: str) -> bool:
    """Whether a form of the page of connected apps is about this client: it names the client's live grant."""
    rows = bank.demo.cli.rows("grant", "list", "--platform", "rfc")
    grants = {row["id"] for row in rows if row["client_id"] == bank[role].id and row["status"] == "ACTIVE"}
    return bool(grants & {given.get("value", "") for given in form.inputs})


def test_the_scopes_of_a_token_are_those_that_were_asked_for(bank: Bank) -> None:
    """A grant that grew does not make older tokens grow."""
    narrow = bank.tokens(bank["web"], scope="openid offline_access accounts")
    bank.tokens(bank["web"], scope=EVERYTHING)
    fresh = ok(bank.refresh(bank["web"], narrow["refresh_token"]))
    assert set(fresh["scope"].split()) == {"openid", "offline_access", "accounts"}
    again = bank.tokens(bank["web"], scope="openid accounts")
    assert set(again["scope"].split()) == {"openid", "accounts"}


# -- programs in browsers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path, headers",
    [
        ("GET", "/userinfo", "authorization"),
        ("GET", "/userinfo", "authorization,dpop"),
        ("POST", "/token", "dpop"),
        ("POST", "/par", "dpop"),
    ],
)
def test_programs_in_browsers_may_send_their_headers(bank: Bank, method: str, path: str, headers: str) -> None:
    """Fetch standard, CORS-preflight fetch: without an answer no browser sends Authorization or DPoP to another origin."""
    asked = {"Origin": ELSEWHERE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    answer = bank.call("OPTIONS", f"{bank.issuer}{path}", headers=asked)
    assert answer.status_code in (200, 204), f"a preflight is answered with 2xx{said(answer)}"
    allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower().replace(" ", "").split(",")
    assert set(headers.split(",")) <= set(allowed), said(answer)
    assert answer.headers.get("Access-Control-Allow-Origin") in ("*", ELSEWHERE), said(answer)


def test_programs_in_browsers_read_the_nonce(bank: Bank) -> None:
    """RFC 9449 section 8: a nonce that a program in a browser cannot read is of no use to it."""
    headers, body = bank.ready(bank["spa"], {"grant_type": "refresh_token", "refresh_token": "unknown"}, bank.token_proof(Key()))
    answer = bank.call("POST", f"{bank.issuer}/token", headers=headers | {"Origin": ELSEWHERE}, data=body)
    assert "DPoP-Nonce" in answer.headers, said(answer)
    exposed = answer.headers.get("Access-Control-Expose-Headers", "").lower()
    assert "dpop-nonce" in exposed, f"Access-Control-Expose-Headers: DPoP-Nonce was expected{said(answer)}"


def test_pages_are_not_for_programs_of_other_origins(bank: Bank) -> None:
    for path in ("/authorize", "/login", "/consent"):
        answer = bank.call("GET", f"{bank.issuer}{path}", headers={"Origin": ELSEWHERE})
        assert "Access-Control-Allow-Origin" not in answer.headers, said(answer)


# -- what is not well formed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=%FF",
        b"grant_type=authorization_code&code=\xff",
        b"%",
        b"=&=&",
        b"",
        b"\0",
        b"grant_type=authorization_code&code=" + b"x" * 20000,
        b"a" * 100_000,
        b'{"grant_type":"refresh_token"}',
    ],
    ids=["percent", "bytes", "half", "empty names", "empty", "nul", "long", "too long", "json"],
)
@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
def test_bodies_that_cannot_be_read(bank: Bank, path: str, body: bytes) -> None:
    headers, _ = bank.credentials(bank["api"])
    answer = bank.call("POST", f"{bank.issuer}{path}", headers=FORM | headers, data=body)
    assert answer.status_code in (400, 401, 413), said(answer)
    assert answer.json()["error"] in ("invalid_request", "unauthorized_client", "invalid_grant"), said(answer)


@pytest.mark.parametrize(
    "value", ["Basic", "Basic ===", "Basic /zr/", "Basic bm9jb2xvbg==", "Basic JXp6OiU=", "Bearer x", "Negotiate x", ""]
)
def test_authorization_headers_that_cannot_be_read(bank: Bank, value: str) -> None:
    answer = bank.call("POST", f"{bank.issuer}/token", headers=FORM | {"Authorization": value}, data=b"grant_type=client_credentials")
    denied(answer, 401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic"), f"RFC 6749 section 5.2{said(answer)}"


def test_tokens_of_another_platform(bank: Bank) -> None:
    mine = bank.tokens(bank["web"])["access_token"]
    theirs = bank.demo.token(bank.demo.clients["app"])
    assert bank.demo.account(bearer(mine)).status_code == 401
    challenged(bank.accounts(theirs), "invalid_token")
    challenged(bank.userinfo(theirs), "invalid_token")
    assert bank.introspect(theirs) == {"active": False}
    assert bank.revoke(bank["web"], theirs).status_code == 200
    assert bank.demo.account(bearer(theirs)).status_code == 200
