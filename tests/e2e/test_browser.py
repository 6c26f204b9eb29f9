"""The pages in a real browser: the consent flow in headless Chromium, with screenshots kept as test output."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness.binary import OUTPUT
from harness.demo import Demo
from harness.platform import bearer
from harness.refusals import allowed, refusal

SCREENSHOTS = OUTPUT / "screenshots"
DESKTOP, PHONE = (1280, 900), (390, 844)


class Callback:
    """The app's own page, where the redirect arrives."""

    def __init__(self) -> None:
        received: list[str] = []
        self.received = received

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/?"):
                    received.append(self.path)
                body = b"<!doctype html><title>App</title><p id=arrived>The app has the answer."
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def callback() -> Iterator[Callback]:
    page = Callback()
    yield page
    page.server.shutdown()


@pytest.fixture
def chrome(tmp_path: Path, callback: Callback, store: str) -> Iterator[Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser and driver, "chromium and chromium-driver must be installed"
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path}/profile",
        f"--host-resolver-rules=MAP localhost:80 127.0.0.1:{callback.server.server_port}, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = Chrome(options=options, service=Service(driver))
    opened.set_page_load_timeout(30)
    yield opened
    complaints = [entry["message"] for entry in opened.get_log("browser") if "favicon" not in entry["message"]]
    opened.quit()
    broken = [text for text in complaints if "Content Security Policy" in text or "Failed to load" in text and "40" not in text]
    assert not broken, broken


def size(chrome: Chrome, width: int, height: int) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    )


def keep(chrome: Chrome, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    file = SCREENSHOTS / f"{name}.png"
    assert chrome.save_screenshot(str(file)) and file.stat().st_size > 2000


def fits(chrome: Chrome) -> None:
    """Nothing has to be scrolled sideways."""
    wide = chrome.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} wide in a window of {wide[1]}"


def press(chrome: Chrome, element_id: str) -> None:
    chrome.find_element(By.ID, element_id).click()


def sign_in(chrome: Chrome, demo: Demo) -> None:
    chrome.find_element(By.NAME, "username").send_keys(demo.alice.name)
    chrome.find_element(By.NAME, "password").send_keys(demo.alice.password)
    press(chrome, "login-submit")


def labelled(chrome: Chrome) -> None:
    """Every control a person fills in has a name that is read out, and the page says its language and title."""
    assert chrome.find_element(By.TAG_NAME, "html").get_attribute("lang")
    assert chrome.title.strip()
    assert len(chrome.find_elements(By.TAG_NAME, "h1")) == 1
    for control in chrome.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]), select, textarea"):
        if not control.is_displayed():
            continue  # inside a closed disclosure: it has no name until it is opened
        assert control.accessible_name.strip(), control.get_attribute("outerHTML")


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
