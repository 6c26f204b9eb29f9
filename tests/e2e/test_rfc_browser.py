"""The pages of the front channel in headless Chromium, with and without scripts; screenshots are kept as test output."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness.chrome import DESKTOP, PHONE, Callback, fits, keep, labelled, opened_chrome, press, size
from harness.rfc import Bank, claims_of, digest, ok
from harness.rfc import Code as Answered

VERIFIER = "v" * 43
APP = "http://localhost"


def url(bank: Bank, callback: Callback, **changes: str | None) -> str:
    fields = {"redirect_uri": f"{callback.address}/cb", "code_challenge": digest(VERIFIER), "code_challenge_method": "S256"}
    return bank.authorize_url(bank["web"], **(fields | changes))


def sign_in(chrome: Chrome, bank: Bank) -> None:
    alice = bank.people["alice"]
    chrome.find_element(By.NAME, "username").send_keys(alice.name)
    chrome.find_element(By.NAME, "password").send_keys(alice.password)
    press(chrome, "login-submit")


def wait(chrome: Chrome, element_id: str) -> None:
    WebDriverWait(chrome, 15).until(lambda page: page.find_elements(By.ID, element_id))


def looked_at(chrome: Chrome, name: str) -> None:
    """Wide and narrow, dark and light."""
    for look in ("light", "dark"):
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": look}]})
        for width, window in (("", DESKTOP), ("-narrow", PHONE)):
            size(chrome, *window)
            fits(chrome)
            keep(chrome, f"rfc-{name}{width}{'-dark' if look == 'dark' else ''}")
    size(chrome, *DESKTOP)
    labelled(chrome)


def redeemed(bank: Bank, callback: Callback) -> str:
    posted = callback.posted[-1]
    fields = {name: values[0] for name, values in parse_qs(posted.body).items()}
    if "response" in fields:
        fields = claims_of(fields["response"])
    assert posted.path == "/cb" and fields["iss"] == bank.issuer, posted
    tokens = ok(bank.redeem(bank["web"], Answered(fields["code"], VERIFIER, f"{callback.address}/cb")))
    return str(tokens["id_token"])


@pytest.mark.parametrize("mode", ["form_post", "form_post.jwt"])
def test_the_form_posts_itself(bank: Bank, chrome: Chrome, callback: Callback, mode: str) -> None:
    chrome.get(url(bank, callback, response_mode=mode))
    sign_in(chrome, bank)
    wait(chrome, "consent-allow")
    press(chrome, "consent-allow")
    wait(chrome, "arrived")
    redeemed(bank, callback)
    posted = callback.posted[-1]
    assert posted.origin == bank.issuer and posted.referrer in (None, f"{bank.issuer}/"), posted


def test_a_button_where_there_are_no_scripts(bank: Bank, tmp_path: Path, callback: Callback) -> None:
    with opened_chrome(tmp_path, callback, scripts=False) as chrome:
        chrome.get(url(bank, callback, response_mode="form_post"))
        sign_in(chrome, bank)
        wait(chrome, "consent-allow")
        press(chrome, "consent-allow")
        wait(chrome, "answer-send")
        for width, window in (("", DESKTOP), ("-narrow", PHONE)):
            size(chrome, *window)
            assert chrome.find_element(By.ID, "answer-send").size["height"] >= 40
            keep(chrome, f"rfc-form-post{width}")
        before = len(callback.posted)
        press(chrome, "answer-send")
        wait(chrome, "arrived")
        assert len(callback.posted) == before + 1
        redeemed(bank, callback)


def test_signing_out_at_an_apps_wish(bank: Bank, chrome: Chrome, callback: Callback) -> None:
    party = bank["web"]
    chrome.get(url(bank, callback, response_mode="form_post"))
    sign_in(chrome, bank)
    wait(chrome, "consent-allow")
    press(chrome, "consent-allow")
    wait(chrome, "arrived")
    redeemed(bank, callback)

    asked = {"client_id": party.id, "post_logout_redirect_uri": f"{APP}/bye", "state": "s"}
    chrome.get(f"{bank.issuer}/end_session?{urlencode(asked)}")
    wait(chrome, "logout-confirm")
    looked_at(chrome, "end-session")
    press(chrome, "logout-confirm")
    wait(chrome, "arrived")
    assert chrome.current_url == f"{APP}/bye?state=s", "the page's policy lets the redirect through"
    chrome.get(f"{bank.issuer}/apps")
    assert urlsplit(chrome.current_url).path == "/login"

    chrome.get(f"{bank.issuer}/end_session?{urlencode(asked | {'post_logout_redirect_uri': 'https://evil.example.test/'})}")
    wait(chrome, "error")
    looked_at(chrome, "end-session-error")


def test_signing_out_by_a_form_of_the_app(bank: Bank, chrome: Chrome, callback: Callback) -> None:
    """A form that another site posts comes without the cookie; the redirect after it has it."""
    chrome.get(url(bank, callback, response_mode="form_post"))
    sign_in(chrome, bank)
    wait(chrome, "consent-allow")
    press(chrome, "consent-allow")
    wait(chrome, "arrived")
    hint = redeemed(bank, callback)
    chrome.get(f"{APP}/")
    chrome.execute_script(
        """const form = Object.assign(document.createElement("form"), {method: "post", action: arguments[0]});
        for (const [name, value] of Object.entries(arguments[1])) {
          form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
        }
        document.body.append(form);
        form.submit();""",
        f"{bank.issuer}/end_session",
        {"id_token_hint": hint, "post_logout_redirect_uri": f"{APP}/bye", "state": "posted"},
    )
    WebDriverWait(chrome, 15).until(lambda page: page.current_url == f"{APP}/bye?state=posted")
    chrome.get(f"{bank.issuer}/apps")
    assert urlsplit(chrome.current_url).path == "/login"


def test_what_came_again_on_the_page_of_apps(bank: Bank, chrome: Chrome) -> None:
    party = bank["web"]
    first = bank.tokens(party)["refresh_token"]
    ok(bank.refresh(party, first))
    bank.demo.advance(90)
    ok(bank.refresh(party, first))
    other = bank.tokens(bank["web-2"])["refresh_token"]
    ok(bank.refresh(bank["web-2"], ok(bank.refresh(bank["web-2"], other))["refresh_token"]))
    assert bank.refresh(bank["web-2"], other).status_code == 400
    chrome.get(f"{bank.issuer}/apps")
    sign_in(chrome, bank)
    wait(chrome, "app-1")
    looked_at(chrome, "apps-repeats")
