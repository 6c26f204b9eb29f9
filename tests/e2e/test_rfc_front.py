"""The front channel: how answers travel back to the app, and what an app may ask about person and sign-in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from harness.forms import Browser, Page
from harness.rfc import Bank, Code, Party, answer_form, claims_of, digest, header_of, number, ok, unb64

ACR = "urn:mandate:password"
PASSWORD = "login-submit"


def challenged(bank: Bank, party: Party, **changes: str | None) -> tuple[str, str]:
    """An authorization request with PKCE, and its verifier."""
    verifier = secrets.token_urlsafe(32)
    pkce = {"code_challenge": digest(verifier), "code_challenge_method": "S256"}
    return bank.authorize_url(party, **(pkce | changes)), verifier


def opened(bank: Bank, jwt: str, party: Party) -> dict[str, Any]:
    """JARM section 2.4: the signature by a published key, issuer, audience and end."""
    header, claims = header_of(jwt), claims_of(jwt)
    assert header["alg"] == "ES256", header
    (key,) = [key for key in ok(bank.call("GET", f"{bank.issuer}/jwks"))["keys"] if key["kid"] == header["kid"]]
    public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
    text, _, signature = jwt.rpartition(".")
    raw = unb64(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(der, text.encode(), ec.ECDSA(hashes.SHA256()))
    assert claims["iss"] == bank.issuer and claims["aud"] == party.id, claims
    assert 0 < claims["exp"] - bank.now() <= 600, claims
    return claims


def answered(bank: Bank, mode: str, page: Page, party: Party) -> dict[str, Any]:
    """The parameters of an answer in a mode, whatever carries them."""
    if mode.startswith("form_post"):
        action, fields = answer_form(page)
        assert action == party.redirect_uri
    else:
        fields = page.answer
    if mode.endswith("jwt"):
        assert list(fields) == ["response"], fields
        return opened(bank, fields["response"], party)
    assert fields["iss"] == bank.issuer, fields
    return dict(fields)


def decided(bank: Bank, url: str, button: str) -> Page:
    browser = bank.browser()
    page = bank.page(url, browser)
    return browser.submit(page, button) if page.has(button) else page


MODES = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"]


@pytest.mark.parametrize("mode", MODES)
def test_codes_and_errors_come_in_the_mode_asked_for(bank: Bank, mode: str) -> None:
    party = bank["web"]
    url, verifier = challenged(bank, party, state="a&b <c>", response_mode=mode)
    fields = answered(bank, mode, decided(bank, url, "consent-allow"), party)
    assert fields["state"] == "a&b <c>", fields
    ok(bank.redeem(party, Code(fields["code"], verifier, party.redirect_uri)))

    denied = answered(bank, mode, decided(bank, url, "consent-deny"), party)
    assert denied["error"] == "access_denied" and denied["state"] == "a&b <c>" and denied["cause"] == "access.denied", denied
    assert "code" not in denied
    wrong = bank.authorize_url(party, response_mode=mode, state="s")
    missing = answered(bank, mode, bank.page(wrong), party)
    assert missing["error"] == "invalid_request" and missing["state"] == "s", missing


@pytest.mark.parametrize("mode", ["jwt", "form_post.jwt"])
def test_pushed_requests_keep_their_mode(bank: Bank, mode: str) -> None:
    party = bank["jwt"]
    verifier = secrets.token_urlsafe(32)
    fields = bank.request(party, code_challenge=digest(verifier), code_challenge_method="S256", response_mode=mode)
    page = decided(bank, bank.url_of(bank.pushed(party, fields)), "consent-allow")
    ok(bank.redeem(party, Code(answered(bank, mode, page, party)["code"], verifier, party.redirect_uri)))


@pytest.mark.parametrize("mode", ["fragment", "fragment.jwt", "web_message", "QUERY"])
def test_other_modes_are_refused_in_the_query(bank: Bank, mode: str) -> None:
    url, _ = challenged(bank, bank["web"], response_mode=mode)
    page = bank.page(url)
    assert page.location and "#" not in page.location
    assert page.answer["error"] == "invalid_request" and "response_mode" in page.answer["error_description"]


def test_the_page_that_posts_itself_runs_one_script_and_posts_to_one_place(bank: Bank) -> None:
    url, _ = challenged(bank, bank["web"], response_mode="form_post")
    page = decided(bank, url, "consent-allow")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    (script,) = re.findall(r"<script>(.*?)</script>", page.body, re.S)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'sha256-{hashed}'" and policy["default-src"] == "'none'"
    assert policy["form-action"] == "https://rp.example.test" and policy["frame-ancestors"] == "'none'"
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "origin"
    assert page.body.count("<script") == 1
    for other in ("/login", "/apps", "/logout"):
        headers = bank.browser().get(f"{bank.issuer}{other}").headers
        assert "script-src" not in headers["Content-Security-Policy"]


def test_metadata_says_what_there_is(bank: Bank) -> None:
    found = bank.metadata()
    assert found["response_modes_supported"] == MODES
    assert "ES256" in found["authorization_signing_alg_values_supported"]
    assert found["end_session_endpoint"] == f"{bank.issuer}/end_session"
    assert found["claims_parameter_supported"] is True and found["acr_values_supported"] == [ACR]
    assert set(found["prompt_values_supported"]) == {"none", "login", "consent", "select_account"}


# -- prompt and max_age ---------------------------------------------------------------------------------------


def silent(bank: Bank, browser: Browser, party: Party, **changes: str | None) -> dict[str, str]:
    url, _ = challenged(bank, party, prompt="none", **changes)
    return browser.get(url).answer


def test_prompt_none_says_what_is_missing(bank: Bank) -> None:
    """OpenID Connect Core section 3.1.2.6."""
    party, browser = bank["web-2"], Browser()
    assert silent(bank, browser, party)["error"] == "login_required"
    bank.page(f"{bank.issuer}/apps", browser)
    assert silent(bank, browser, party)["error"] == "consent_required"
    bank.follow(challenged(bank, party, scope="openid accounts")[0], browser)
    assert "code" in silent(bank, browser, party, scope="openid accounts")
    assert silent(bank, browser, party, scope="openid accounts quotes")["error"] == "consent_required"
    bank.demo.advance(30)
    assert silent(bank, browser, party, scope="openid accounts", max_age="20")["error"] == "login_required"
    assert silent(bank, browser, party, scope="openid accounts", max_age="0")["error"] == "login_required"
    other = bank.browser("bob")
    bank.page(f"{bank.issuer}/apps", other, "bob")
    assert silent(bank, other, party, scope="openid accounts")["error"] == "consent_required", "another person's consent"


def test_prompt_none_when_an_account_is_gone(own_demo: Any) -> None:
    bank = Bank.of(own_demo)
    party, browser = bank["web-2"], Browser()
    bank.follow(challenged(bank, party, scope="openid accounts")[0], browser)
    ran = own_demo.cli.run("account", "disable", bank.people["alice"].accounts["live"], "--platform", "rfc")
    assert ran.code == 0, ran
    assert silent(bank, browser, party, scope="openid accounts")["error"] == "interaction_required"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}], ids=str)
def test_a_fresh_sign_in_is_asked_for_once(bank: Bank, asked: dict[str, str]) -> None:
    party, browser = bank["web"], Browser()
    bank.page(f"{bank.issuer}/apps", browser)
    bank.demo.advance(5)
    before = bank.now()
    url, verifier = challenged(bank, party, **asked)
    page = browser.get(url)
    assert page.path == "/login", "signed in already, and asked all the same"
    alice = bank.people["alice"]
    page = browser.submit(page, PASSWORD, {"username": alice.name, "password": alice.password})
    assert page.path == "/consent", "and not asked for ever"
    bank.demo.advance(20)
    page = browser.submit(page, "consent-allow")
    tokens = ok(bank.redeem(party, Code(page.answer["code"], verifier, party.redirect_uri)))
    assert claims_of(tokens["id_token"])["auth_time"] >= before


def test_prompt_consent_and_unknown_prompts(bank: Bank) -> None:
    bank.tokens(bank["web"])
    assert bank.page(challenged(bank, bank["web"], prompt="consent")[0]).has("consent-allow")
    for prompt in ("none login", "create"):
        assert bank.page(challenged(bank, bank["web"], prompt=prompt)[0]).answer["error"] == "invalid_request"


def test_hints_that_change_nothing(bank: Bank) -> None:
    url, _ = challenged(bank, bank["web"], display="touch", ui_locales="fr-CA fr", claims_locales="de", acr_values="urn:other 2")
    assert "code" in parse_qs(urlsplit(bank.follow(url)).query)


# -- who is meant ---------------------------------------------------------------------------------------------


def test_id_token_hint_names_the_person(bank: Bank) -> None:
    party = bank["web"]
    hint = bank.tokens(party)["id_token"]
    url, _ = challenged(bank, party, id_token_hint=hint, prompt="none")
    assert "code" in bank.page(url).answer
    bob = bank.browser("bob")
    bank.follow(challenged(bank, party)[0], bob, person="bob")
    assert bob.get(url).answer["error"] == "login_required", "somebody else is signed in"
    # asked to sign in, and signing in as the wrong one again ends at the app
    url, _ = challenged(bank, party, id_token_hint=hint)
    assert bank.page(url, bob, "bob").answer["error"] == "login_required"
    broken = hint[:-4] + ("AAAA" if not hint.endswith("AAAA") else "BBBB")
    assert bank.page(challenged(bank, party, id_token_hint=broken)[0]).answer["error"] == "invalid_request"


def test_claims_may_name_the_person(bank: Bank) -> None:
    """OpenID Connect Core section 5.5.1: never an answer about somebody else."""
    for subject, expected in (("alice", "code"), ("bob", "error")):
        claims = json.dumps({"id_token": {"sub": {"value": bank.subjects[subject]}}})
        url, _ = challenged(bank, bank["web"], claims=claims, prompt="none")
        bank.tokens(bank["web"])
        assert expected in bank.page(url).answer, subject


# -- claims ---------------------------------------------------------------------------------------------------


def test_claims_are_asked_for_one_by_one(bank: Bank) -> None:
    party = bank["web"]
    claims = {"userinfo": {"email": {"essential": True}}, "id_token": {"name": None, "phone_number": {"essential": True}, "auth_time": None}}
    url, verifier = challenged(bank, party, scope="openid", claims=json.dumps(claims), nonce="n")
    page = bank.page(url)
    assert page.has("consent-allow")
    answer = bank.browser().submit(page, "consent-allow").answer
    tokens = ok(bank.redeem(party, Code(answer["code"], verifier, party.redirect_uri)))
    about = claims_of(tokens["id_token"])
    assert about["name"] == "alice" and "email" not in about and "phone_number" not in about, about
    assert about["acr"] == ACR and about["auth_time"] and about["nonce"] == "n"
    assert set(tokens["scope"].split()) == {"openid", "profile", "email"}, "what the owner was shown is what was given"
    userinfo = ok(bank.userinfo(tokens["access_token"]))
    assert userinfo["email"], userinfo
    plain = claims_of(bank.tokens(party, scope="openid profile email")["id_token"])
    assert "name" not in plain, "claims of scopes are told at the userinfo endpoint"


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"id_token": {"acr": {"essential": True, "values": ["urn:other"]}}}, "unmet_authentication_requirements"),
        ({"id_token": {"acr": {"essential": True, "values": ["urn:other", ACR]}}}, None),
        ({"id_token": {"acr": {"values": ["urn:other"]}}}, None),
        ({"userinfo": ["name"]}, "invalid_request"),
        ("{", "invalid_request"),
    ],
    ids=str,
)
def test_claims_that_can_and_cannot_be(bank: Bank, claims: Any, error: str | None) -> None:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    page = decided(bank, challenged(bank, bank["web"], claims=text)[0], "consent-allow")
    assert page.answer.get("error") == error, page.answer
    assert ("code" in page.answer) == (error is None)


def test_claims_in_a_signed_and_pushed_request(bank: Bank) -> None:
    """RFC 9101 section 4: an object there, a text elsewhere."""
    party = bank["jwt"]
    verifier = secrets.token_urlsafe(32)
    now = bank.now()
    wish = {"id_token": {"email": None}}
    request = bank.request(party, scope="openid", code_challenge=digest(verifier), code_challenge_method="S256")
    signed = party.key.sign(
        {"alg": "ES256", "kid": party.key.kid, "typ": "oauth-authz-req+jwt"},
        request | {"iss": party.id, "aud": bank.issuer, "iat": now, "nbf": now, "exp": now + 60, "claims": wish},
    )
    page = decided(bank, bank.url_of(bank.pushed(party, {"client_id": party.id, "request": signed})), "consent-allow")
    tokens = ok(bank.redeem(party, Code(page.answer["code"], verifier, party.redirect_uri)))
    assert claims_of(tokens["id_token"])["email"]


# -- refresh tokens that come again (SECURITY R15) ------------------------------------------------------------


def test_r15_the_owner_sees_what_came_again(own_demo: Any) -> None:
    bank = Bank.of(own_demo)
    party = bank["web"]
    first = bank.tokens(party)["refresh_token"]

    def apps() -> str:
        return bank.browser().get(f"{bank.issuer}/apps").text

    second = ok(bank.refresh(party, first))["refresh_token"]
    ok(bank.refresh(party, first))
    assert "used again" not in apps(), "a retry at once is nothing to be told of"
    bank.demo.advance(90)
    assert ok(bank.refresh(party, first))["refresh_token"] == second
    text = apps()
    assert "was used again at 20" in text and "127.0.0.0/24" in text and "two programs" in text, text
    ok(bank.refresh(party, second))
    replayed = bank.refresh(party, first)
    assert replayed.status_code == 400 and replayed.json()["cause"] == "refresh.replayed"
    text = apps()
    assert "An old refresh token of this app came again" in text and "somebody else" in text, text

    # the explanation: the owner is told more than others
    about = replayed.json()["decision_id"]
    owner = bank.browser().get(f"{bank.issuer}/explain/{about}").text
    stranger = Browser().get(f"{bank.issuer}/explain/{about}").text
    for told in ("127.0.0.0/24", "Sample web", "Refresh repeats"):
        assert told in owner and told not in stranger, (told, owner)
    assert bank.browser("bob").get(f"{bank.issuer}/explain/{about}").text.count("127.0.0.0/24") == 0
