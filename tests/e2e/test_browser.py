"""The pages in a real browser: the consent flow in headless Chromium, with screenshots kept as test output."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness.chrome import DESKTOP, PHONE, Callback, fits, keep, labelled, press, size
from harness.demo import Demo
from harness.platform import bearer
from harness.refusals import allowed, refusal


def sign_in(chrome: Chrome, demo: Demo) -> None:
    chrome.find_element(By.NAME, "username").send_keys(demo.alice.name)
    chrome.find_element(By.NAME, "password").send_keys(demo.alice.password)
    press(chrome, "login-submit")


def test_consent_flow(demo: Demo, chrome: Chrome, callback: Callback) -> None:
    app = demo.clients["app"]
    size(chrome, *DESKTOP)
    chrome.get(demo.authorize_url(app, redirect_uri="http://localhost", state="from-chromium", env="paper"))
    assert urlsplit(chrome.current_url).path == "/login"
    labelled(chrome)
    fits(chrome)
    keep(chrome, "login")
    size(chrome, *PHONE)
    fits(chrome)
    keep(chrome, "login-narrow")
    size(chrome, *DESKTOP)

    sign_in(chrome, demo)
    WebDriverWait(chrome, 10).until(lambda page: urlsplit(page.current_url).path == "/consent")
    labelled(chrome)
    fits(chrome)
    keep(chrome, "consent")
    size(chrome, *PHONE)
    fits(chrome)
    for button in ("consent-allow", "consent-deny"):
        assert chrome.find_element(By.ID, button).is_displayed()
        assert chrome.find_element(By.ID, button).size["height"] >= 40, "too small for a finger"
    keep(chrome, "consent-narrow")
    size(chrome, *DESKTOP)
    for box in chrome.find_elements(By.CSS_SELECTOR, "input[type=checkbox]:not(:checked)"):
        box.click()

    press(chrome, "consent-allow")
    WebDriverWait(chrome, 10).until(lambda page: page.find_elements(By.ID, "arrived"))
    answer = {name: found[0] for name, found in parse_qs(urlsplit(callback.received[-1]).query).items()}
    assert answer["state"] == "from-chromium" and answer["iss"] == demo.issuer
    redeemed = demo.redeem(app, answer["code"], redirect_uri="http://localhost")
    assert redeemed.status_code == 200, redeemed.text
    token = redeemed.json()["access_token"]
    allowed(demo.account(bearer(token)))

    # The owner sees the app, and why it was refused something.
    chrome.get(f"{demo.issuer}/apps")
    labelled(chrome)
    fits(chrome)
    keep(chrome, "apps")
    size(chrome, *PHONE)
    fits(chrome)
    keep(chrome, "apps-narrow")
    size(chrome, *DESKTOP)

    refused = refusal(demo.bars(bearer(token)), 401, "licence.delegated_access")
    chrome.get(refused.uri)
    text = chrome.find_element(By.TAG_NAME, "body").text
    assert "licence" in text.lower() and refused.decision in text
    labelled(chrome)
    fits(chrome)
    keep(chrome, "explain")
    size(chrome, *PHONE)
    fits(chrome)
    keep(chrome, "explain-narrow")
    size(chrome, *DESKTOP)

    for page in ("keys", "sessions", "password"):
        chrome.get(f"{demo.issuer}/{page}")
        labelled(chrome)
        fits(chrome)
        keep(chrome, page)

    # Taking it back.
    (grant,) = demo.grants_of(app)
    chrome.get(f"{demo.issuer}/apps")
    form = next(form for form in chrome.find_elements(By.TAG_NAME, "form") if grant["id"] in (form.get_attribute("outerHTML") or ""))
    form.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(chrome, 10).until(lambda page: not demo.grants_of(app))
    refusal(demo.account(bearer(token)), 401, "grant.revoked")


def test_deny(demo: Demo, chrome: Chrome, callback: Callback) -> None:
    chrome.get(demo.authorize_url(demo.clients["app"], redirect_uri="http://localhost", state="no"))
    sign_in(chrome, demo)
    WebDriverWait(chrome, 10).until(lambda page: page.find_elements(By.ID, "consent-deny"))
    press(chrome, "consent-deny")
    WebDriverWait(chrome, 10).until(lambda page: page.find_elements(By.ID, "arrived"))
    answer = parse_qs(urlsplit(callback.received[-1]).query)
    assert answer["error"] == ["access_denied"] and answer["state"] == ["no"] and "code" not in answer


def test_error_page(demo: Demo, chrome: Chrome) -> None:
    chrome.get(demo.authorize_url(demo.clients["app"], redirect_uri="https://evil.example.test/cb"))
    assert chrome.find_element(By.ID, "error").is_displayed()
    assert urlsplit(chrome.current_url).netloc == urlsplit(demo.issuer).netloc
    fits(chrome)
    keep(chrome, "error")
    size(chrome, *PHONE)
    fits(chrome)
    keep(chrome, "error-narrow")


def test_wrong_password(demo: Demo, chrome: Chrome) -> None:
    chrome.get(f"{demo.issuer}/login")
    chrome.find_element(By.NAME, "username").send_keys(demo.alice.name)
    chrome.find_element(By.NAME, "password").send_keys("not it")
    press(chrome, "login-submit")
    WebDriverWait(chrome, 10).until(lambda page: page.find_elements(By.ID, "error"))
    assert chrome.find_element(By.NAME, "username"), "the form is there for another try"
    labelled(chrome)
    keep(chrome, "login-refused")
