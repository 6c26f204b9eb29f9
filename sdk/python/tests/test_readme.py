"""Every Python block of README.md runs, against the scripted server."""

from __future__ import annotations

import json
import re
import sys
import threading
import types
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from pathlib import Path

import pytest
import requests

from interpreter import NoRedirect
from world import World

TEXT = (Path(__file__).resolve().parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"(?:<!-- issuer: (.*?) -->\n)?```python\n(.*?)```", TEXT, re.S)
JWK = {"kty": "EC", "crv": "P-256"}


def test_the_page_has_its_blocks():
    assert len(BLOCKS) >= 14 and TEXT.count("```python") == len(BLOCKS)


def key() -> dict:
    from mandate_session.crypto import new_dpop_jwk

    return new_dpop_jwk()


def alpaca() -> dict[str, types.ModuleType]:
    """What of alpaca-py 0.44.0 matters here: a `requests.Session` at `_session`, headers of its own for each request, no redirects."""

    class TradingClient:
        def __init__(self, oauth_token: str, url_override: str) -> None:
            self._oauth_token, self._base_url = oauth_token, url_override
            self._session = requests.Session()

        def get_account(self) -> dict:
            headers = {"Authorization": "Bearer " + self._oauth_token, "User-Agent": "APCA-PY/0.44.0"}
            response = self._session.request("GET", self._base_url + "/v2/account", headers=headers, allow_redirects=False)
            response.raise_for_status()
            return response.json()

    module = types.ModuleType("alpaca.trading.client")
    module.TradingClient = TradingClient  # type: ignore[attr-defined]
    return {"alpaca": types.ModuleType("alpaca"), "alpaca.trading": types.ModuleType("alpaca.trading"), "alpaca.trading.client": module}


def way_back(url: str) -> str:
    """A person who agrees at once."""
    try:
        urllib.request.build_opener(NoRedirect).open(url, timeout=10)
    except urllib.error.HTTPError as error:
        return error.headers["Location"]
    raise AssertionError("no redirect came")


@pytest.mark.parametrize(("issuer", "code"), BLOCKS, ids=[str(n) for n in range(len(BLOCKS))])
def test_block(server, tmp_path, monkeypatch, issuer, code):
    settings = json.loads(issuer or "{}")
    private = key()
    if settings.get("client_jwk") == "@jwk":
        settings["client_jwk"] = {k: v for k, v in private.items() if k != "d"}
        monkeypatch.setenv("APP_KEY", json.dumps(private))
    world = World(server, new={"now_ms": None, "issuer": settings})
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, module in alpaca().items():
        monkeypatch.setitem(sys.modules, name, module)

    def browser(url: str) -> bool:
        back = way_back(url)
        threading.Thread(target=lambda: urllib.request.urlopen(back, timeout=10).read(), daemon=True).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    approving = threading.Timer(0.3, lambda: world.order({"op": "approve"}))
    approving.daemon = True
    if "begin_device" in code:
        approving.start()
    code = code.replace("https://issuer.example", world.issuer).replace("https://api.example", world.api)
    exec(compile(code, "README.md", "exec"), {"redirect_the_person_to": way_back, "__name__": "readme"})
