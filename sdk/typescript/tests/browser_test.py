"""The built package in a real browser: signs in by code with PKCE, two tabs share one session, calls go through expiries.

Run with the Python of `tests/tools/venv e2e tests/e2e/requirements.txt`, after the package was built.
"""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PACKAGE = Path(__file__).resolve().parent.parent
SERVER = PACKAGE.parent / "scenarios" / "server.py"
LIFETIME = 3

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><script type="module">
import { NeedsLogin, Session, WebLocksStore } from "/dist/index.js";
const issuer = new URLSearchParams(location.search).get("issuer") ?? localStorage.getItem("issuer");
localStorage.setItem("issuer", issuer);
window.said = [];
window.session = Session.authorizationCode({
  issuer, clientId: "app", scope: "read", dpop: localStorage.getItem("dpop") === "yes",
  store: new WebLocksStore("app"),
  observer: (event) => window.said.push(event.name),
});
window.back = location.origin + "/";
window.hammer = async (url, ms) => {
  const made = { calls: 0, failed: [] };
  for (const end = Date.now() + ms; Date.now() < end; made.calls++) {
    try {
      const response = await session.fetch(url);
      await response.text();
      if (response.status >= 400) made.failed.push(String(response.status));
    } catch (error) { made.failed.push(String(error)); }
  }
  return made;
};
if (new URLSearchParams(location.search).has("code")) {
  try { await session.login.finish(location.href); } catch (error) { window.broken = String(error); }
  history.replaceState(null, "", "/");
}
window.NeedsLogin = NeedsLogin;
window.ready = true;
</script><h1>App</h1></html>"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """The app's origin: its page, and the built package."""

    extensions_map = {".js": "text/javascript", ".html": "text/html"}

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, directory=str(PACKAGE))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if not self.path.startswith("/dist/"):
            body = PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Scenario:
    """A scenario of the scripted server, which follows the machine's clock."""

    def __init__(self, port: int, issuer: dict) -> None:
        self.control = f"http://127.0.0.1:{port}/control/"
        made = self.post("new", {"now_ms": None, "issuer": issuer})
        self.id, self.issuer, self.api = made["id"], made["issuer"], made["api"]

    def post(self, name: str, body: dict) -> dict:
        with urllib.request.urlopen(urllib.request.Request(self.control + name, json.dumps(body).encode())) as answer:
            return json.load(answer)

    def token_requests(self) -> list[dict]:
        return [r for r in self.post(self.id, {"op": "log"})["requests"] if r["to"] == "token" and r["method"] == "POST"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin and server.stdout
    yield json.loads(server.stdout.readline())["port"]
    server.stdin.close()
    server.wait(10)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser and driver, "chromium and chromium-driver must be installed"
    options = ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={tmp_path}/profile",
                 "--host-resolver-rules=EXCLUDE localhost, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND"):
        options.add_argument(flag)
    opened = Chrome(options=options, service=Service(driver))
    opened.set_page_load_timeout(30)
    opened.set_script_timeout(60)
    yield opened
    opened.quit()


def wait(chrome: Chrome) -> None:
    end = time.monotonic() + 20
    while not chrome.execute_script("return window.ready === true"):
        assert time.monotonic() < end, chrome.page_source
        time.sleep(0.05)


def run(chrome: Chrome, code: str) -> object:
    """Runs code that may wait; what it raises is an answer too."""
    return chrome.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        f"(async () => {{ {code} }})().then(done, (error) => done('raised ' + error.name + ': ' + error.message));"
    )


def sign_in(chrome: Chrome, scenario: Scenario, origin: str) -> None:
    chrome.get(f"{origin}/?issuer={scenario.issuer}")
    wait(chrome)
    assert chrome.execute_script("return session.state().kind") == "needs_login"
    assert str(run(chrome, f"return (await session.fetch('{scenario.api}/data')).status")).startswith("raised NeedsLogin")
    url = run(chrome, "return (await session.login.begin(back)).url")
    # The page is left; its verifier waits in the store.
    chrome.get(str(url))
    wait(chrome)
    assert chrome.execute_script("return window.broken ?? null") is None
    assert chrome.current_url == f"{origin}/"


def test_two_tabs_share_one_session_through_expiries(chrome: Chrome, port: int, origin: str) -> None:
    scenario = Scenario(port, {"client_secret": None, "access_seconds": LIFETIME, "refresh": "strict"})
    sign_in(chrome, scenario, origin)
    assert run(chrome, f"return (await session.fetch('{scenario.api}/data')).status") == 200
    first = chrome.current_window_handle
    chrome.switch_to.new_window("tab")
    chrome.get(f"{origin}/")
    wait(chrome)
    second = chrome.current_window_handle
    assert run(chrome, "return (await session.look()).kind") == "live", "the other tab has no need to sign in"
    assert run(chrome, f"return (await session.fetch('{scenario.api}/data')).status") == 200
    redeemed = scenario.token_requests()
    assert redeemed[0]["form"]["grant_type"] == "authorization_code"
    assert all(r["status"] == 200 for r in redeemed)

    for tab in (first, second):
        chrome.switch_to.window(tab)
        chrome.execute_script(f"window.said.length = 0; window.made = hammer('{scenario.api}/data', {LIFETIME * 3500})")
    made = []
    for tab in (first, second):
        chrome.switch_to.window(tab)
        made.append(run(chrome, "return { ...(await window.made), said: window.said, state: session.state().kind }"))
    for one in made:
        assert one["failed"] == [] and one["calls"] > 20 and one["state"] == "live", made
    asked = scenario.token_requests()
    # Refresh tokens are good once here: had two tabs spent the same one, the chain would have ended.
    assert all(r["status"] == 200 and r["form"]["grant_type"] == "refresh_token" for r in asked), asked
    assert 3 <= len(asked) <= 5, [r["at_ms"] for r in asked]
    assert sum(one["said"].count("renewed") for one in made) == len(asked)


def test_a_tab_that_is_closed_with_the_lock_in_its_hands(chrome: Chrome, port: int, origin: str) -> None:
    scenario = Scenario(port, {"client_secret": None, "access_seconds": LIFETIME, "refresh": "idempotent"})
    sign_in(chrome, scenario, origin)
    first = chrome.current_window_handle
    chrome.switch_to.new_window("tab")
    chrome.get(f"{origin}/")
    wait(chrome)
    chrome.switch_to.window(first)
    scenario.post(scenario.id, {"op": "fault", "on": "token", "do": "hang"})
    time.sleep(LIFETIME)
    chrome.execute_script(f"void session.fetch('{scenario.api}/data')")
    time.sleep(0.5)
    chrome.close()
    chrome.switch_to.window(chrome.window_handles[0])
    assert run(chrome, f"return (await session.fetch('{scenario.api}/data')).status") == 200


def test_proofs_and_the_key_beside_the_token(chrome: Chrome, port: int, origin: str) -> None:
    scenario = Scenario(port, {"client_secret": None, "access_seconds": LIFETIME, "refresh": "strict", "dpop_nonces": True, "api_nonces": True})
    chrome.get(f"{origin}/?issuer={scenario.issuer}")
    wait(chrome)
    chrome.execute_script("localStorage.setItem('dpop', 'yes')")
    sign_in(chrome, scenario, origin)
    made = run(chrome, f"return await hammer('{scenario.api}/data', {LIFETIME * 1500})")
    assert made["failed"] == [] and made["calls"] > 10, made
    kept = run(chrome, """return JSON.parse(await new Promise((resolve) => {
      const asked = indexedDB.open('mandate.session');
      asked.onsuccess = () => {
        const got = asked.result.transaction('kept').objectStore('kept').get('mandate.session.app');
        got.onsuccess = () => { asked.result.close(); resolve(got.result); };
      };
    }))""")
    assert kept["token_type"] == "DPoP" and kept["dpop_jwk"]["d"]


def test_a_way_back_to_another_sign_in_is_not_redeemed(chrome: Chrome, port: int, origin: str) -> None:
    scenario = Scenario(port, {"client_secret": None})
    chrome.get(f"{origin}/?issuer={scenario.issuer}")
    wait(chrome)
    run(chrome, "return (await session.login.begin(back)).url")
    chrome.get(f"{origin}/?code=stolen&state=other&iss={scenario.issuer}")
    wait(chrome)
    assert "another state" in chrome.execute_script("return window.broken")
    assert scenario.token_requests() == []
