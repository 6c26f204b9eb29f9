"""What the data platform's libraries do against ours, whichever it is: sessions that live, and what ends them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from .binary import ROOT, wait_until
from .databases import fresh_database
from .desk import Desk, desk
from .platform import HTTP
from .serve import Installation, secret_file
from .vendor import HISTORY

SAMPLE = ROOT / "platforms" / "lseg.toml"
PASSWORD = "correct horse battery staple"
SCOPES = (
    "trapi.data.historical-pricing.read trapi.data.news.read trapi.data.quantitative-analytics.read trapi.streaming.pricing.read"
)


@dataclass
class Served:
    """The data platform on `mandate serve`, with one machine, one application key and one service account."""

    installation: Installation
    url: str
    app_key: str
    service: dict[str, Any]
    admin: str
    username: str = "GE-A-01234567-3-1234"

    def busy_clients(self) -> list[dict[str, Any]]:
        """Clients that ran towards the limit of token requests, as the operator sees them."""
        token = (self.installation.folder / "mandate-data" / "cli.token").read_text().strip()
        url = f"{self.admin}/admin/v1/platforms/lseg/busy-clients"
        answer = HTTP.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def machine(self, **more: Any) -> dict[str, Any]:
        return {"username": self.username, "password": PASSWORD, "app_key": self.app_key} | more


@contextmanager
def served(store: str, folder: Path, request: pytest.FixtureRequest, **tokens: int) -> Iterator[Served]:
    """`tokens`: keys of the platform file's section of that name, other than the sample's."""
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(request.getfixturevalue("cluster_url"))) if store == "postgresql" else None
        lines = SAMPLE.read_text().splitlines()
        for key, value in tokens.items():
            place = next(n for n, line in enumerate(lines) if line.startswith(f"{key} ="))
            lines[place] = f"{key} = {value}"
        changed = folder / "sample" / "lseg.toml"
        changed.parent.mkdir()
        changed.write_text("\n".join(lines) + "\n")
        installation = Installation(folder, url, changed)
        node = stack.enter_context(installation.node(f"{request.node.name.split('[')[0]}-{store}"))
        installation.apply()
        base = installation.url(7130)
        wait_until("the platform's hosts", lambda: listens_at(base))
        password = str(secret_file(folder, "machine.password", PASSWORD))
        name = Served.username
        installation.create("user", "--name", name, "--machine", "--password-file", password)
        installation.create("account", "--user", name, "--environment", "live")

        def client(name: str, settings: dict[str, Any]) -> dict[str, Any]:
            file = folder / f"{name}.json"
            file.write_text(json.dumps(settings))
            return installation.create("client", "--name", name, "--scope", SCOPES, "--settings", str(file))

        app = client("workspace", {"auth_method": "none", "grants": ["password", "refresh_token"]})
        service = client("service", {"auth_method": "client_secret_post", "grants": ["client_credentials"]})
        yield Served(installation, base, app["client_id"], service, node.admin)


def listens_at(base: str) -> bool:
    try:
        return HTTP.get(f"{base}/nothing", timeout=2).status_code == 404
    except requests.RequestException:
        return False


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    assert "rows" in found, found
    read: list[dict[str, Any]] = found["rows"]
    return read


def raised(found: dict[str, Any], kind: str) -> str:
    assert found.get("raised", "").endswith(kind), found
    return str(found["message"])


def reads_everything(held: Desk) -> None:
    """Prices of the past in three shapes, news, a batch of contracts: what the library makes tables of."""
    days = rows(held.history(interval="P1D", fields=["BID", "ASK", "TRDPRC_1"]))
    assert len(days) == 3 and all(row["BID"] < row["ASK"] and row["TRDPRC_1"] > 0 for row in days), days
    two = rows(held.do("history", universe=["IBM.N", "EUR="], count=2, interval="PT1H"))
    assert len(two) >= 2, two
    stretch = rows(held.do("history", universe=["EUR="], interval="PT1H", start="2024-05-07T00:00:00", end="2024-05-08T00:00:00"))
    assert len(stretch) == 24, stretch
    assert len(rows(held.do("events", universe=["IBM.N"]))) == 5
    headlines = rows(held.do("headlines", query="IBM", count=3))
    assert len(headlines) == 3, headlines
    story = held.do("story", id=headlines[0]["storyId"])
    assert story["headline"] == headlines[0]["headline"] and "sample" in story["text"], story
    batch = rows(held.do("contracts", tags=["a", "b", "c"]))
    assert [row["InstrumentTag"] for row in batch] == ["a", "b", "c"], batch


def lives_through_refreshes(held: Desk, server: Served, times: int) -> None:
    """Data all the time, over several refreshes that the library times on its own clock."""
    held.opened(server.url, **server.machine(takes_over=True))
    tokens = [held.do("state")["token"]]
    deadline = time.monotonic() + 60
    while len(tokens) <= times and time.monotonic() < deadline:
        assert len(held.history()["rows"]) == 3
        token = held.do("state")["token"]
        if token != tokens[-1]:
            tokens.append(token)
        time.sleep(0.3)
    assert len(tokens) == times + 1, f"{len(tokens) - 1} refreshes"
    state = held.do("state")
    assert state["state"] == "Opened" and not state["failures"], state
    assert not [event for event in state["events"] if event[0] == "SessionAuthenticationFailed"], state


def closes(held: Desk, server: Served) -> None:
    """Both tokens are given back, the second with a Bearer that has just died."""
    last = held.do("state")["token"]
    closed = held.do("close")
    assert closed["state"] == "Closed" and not closed["hangs"], closed
    gone = HTTP.get(server.url + HISTORY, headers={"Authorization": f"Bearer {last}"}, timeout=10)
    assert gone.status_code == 401 and gone.json()["cause"] == "token.revoked", gone.text
    assert server.installation.cli.rows("user", "sign-ons", server.username, "--platform", "lseg") == []


def watches_prices(held: Desk, server: Served) -> None:
    """Found by discovery, signed in with the session's token, and again with each new one."""
    held.opened(server.url, **server.machine(takes_over=True))
    watched = held.do("watch", universe=["IBM.N", "EUR="])
    assert watched["ticks"] > 0, watched
    held.refreshed(2, within_s=30)
    assert held.do("ticks", more=2)["ticks"] >= 2, "prices go on after the first token's end"
    assert held.do("close")["state"] == "Closed"


def misses_a_scope(held: Desk, server: Served) -> None:
    """The library takes the sentence apart, and then refuses by itself."""
    held.opened(server.url, **server.machine(takes_over=True))
    for _ in range(2):
        refused = held.do("endpoint", url="/data/pricing/snapshots/v1/?universe=IBM.N")
        assert raised(refused, "ScopeError")
        assert "trapi.data.pricing.read" in refused["message"] and "trapi.data.news.read" in refused["message"], refused


def meets_the_quota(name: str, server: Served, folder: Path) -> None:
    with desk(name, folder) as first, desk(name, folder) as second:
        first.opened(server.url, **server.machine(takes_over=True))
        refused = second.do("open", base_url=server.url, **server.machine(takes_over=False))
        assert refused["state"] == "Closed" and not refused["hangs"], refused
        said = str(refused["failures"]) + str(refused["events"])
        assert "Session quota is reached." in said, refused
        assert len(first.history()["rows"]) == 3, "the first goes on"
        taken = second.do("open", base_url=server.url, **server.machine(takes_over=True))
        assert taken["state"] == "Opened", taken
        message = raised(first.history(), "DError")
        assert "another sign-on of the same machine user took the place of this one" in message, message


def is_limited_and_lives(held: Desk, server: Served) -> None:
    """Two token requests in a minute and a half are allowed; the library asks for a third: five 429s, then it is served."""
    held.opened(server.url, **server.machine(takes_over=True))
    tokens = held.refreshed(3, within_s=90)
    state = held.do("state")
    assert state["state"] == "Opened" and not state["failures"], state
    assert len(tokens) == 4 and len(held.history()["rows"]) == 3
    (busy,) = server.busy_clients()
    assert busy["client_id"] == server.app_key and busy["refused"] == 5, busy
