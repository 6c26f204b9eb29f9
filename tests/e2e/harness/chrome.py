"""A real browser: headless Chromium, and the app's own page that it comes back to."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from .binary import OUTPUT

SCREENSHOTS = OUTPUT / "screenshots"
DESKTOP, PHONE = (1280, 900), (390, 844)


class Posted(NamedTuple):
    """What a form posted to the app."""

    path: str
    body: str
    origin: str | None
    referrer: str | None


class Callback:
    """The app's own page, where the redirect arrives."""

    def __init__(self) -> None:
        received: list[str] = []
        posted: list[Posted] = []
        self.received, self.posted = received, posted

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/?"):
                    received.append(self.path)
                self.arrived()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                posted.append(Posted(self.path, body, self.headers.get("Origin"), self.headers.get("Referer")))
                self.arrived()

            def arrived(self) -> None:
                body = b"<!doctype html><title>App</title><p id=arrived>The app has the answer."
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def opened_chrome(folder: Path, callback: Callback, scripts: bool = True) -> Iterator[Chrome]:
    """A browser with a profile of its own. `http://localhost` is the app's page; no other name exists."""
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
        f"--user-data-dir={folder}/profile",
        f"--host-resolver-rules=MAP localhost:80 127.0.0.1:{callback.server.server_port}, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND",
    ):
        options.add_argument(flag)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
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


def labelled(chrome: Chrome) -> None:
    """Every control a person fills in has a name that is read out, and the page says its language and title."""
    assert chrome.find_element(By.TAG_NAME, "html").get_attribute("lang")
    assert chrome.title.strip()
    assert len(chrome.find_elements(By.TAG_NAME, "h1")) == 1
    for control in chrome.find_elements(By.CSS_SELECTOR, "input:not([type=hidden]), select, textarea"):
        if not control.is_displayed():
            continue  # inside a closed disclosure: it has no name until it is opened
        assert control.accessible_name.strip(), control.get_attribute("outerHTML")
