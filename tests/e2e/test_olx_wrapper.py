"""olx-api-wrapper 1.3.3 from PyPI, unmodified, in an environment of its own: sign-on, data, refreshes, and what it makes of
refusals."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.binary import ROOT, environment
from harness.demo import Demo
from harness.market import App, Market

HERE = Path(__file__).parent
DATA = ["me", "balance", "user", "regions", "region", "cities", "categories", "category", "attributes", "suggestions"]
EVERYTHING = [*DATA, "languages", "currencies", "adverts"]


@pytest.fixture(scope="module")
def python() -> Path:
    tool = [str(ROOT / "tests/tools/venv"), "olx", str(HERE / "requirements-olx.txt")]
    folder = subprocess.run(tool, capture_output=True, text=True, timeout=600, check=True).stdout.strip()
    return Path(folder) / "bin" / "python"


@pytest.fixture
def market(demo: Demo) -> Market:
    return Market.of(demo)


def run(python: Path, market: Market, app: App, one_address: bool = False, **more: Any) -> dict[str, Any]:
    task = app.own | {"issuer": market.api if one_address else market.issuer, "api": market.api} | more
    command = [str(python), str(HERE / "clients/marketplace.py")]
    done = subprocess.run(
        command, input=json.dumps(task), capture_output=True, text=True, timeout=120, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("one_address", [False, True], ids=["two-addresses", "one-address"])
def test_sign_on_data_and_several_refreshes(python: Path, market: Market, one_address: bool) -> None:
    code = market.code(market["app"])
    found = run(python, market, market["app"], one_address, code=code, refreshes=4, calls=EVERYTHING)
    tokens = found.pop("tokens")
    assert [token["type"] for token in tokens] == ["AuthResponse"] * 5
    for field in ("access_token", "refresh_token"):
        assert len({token[field] for token in tokens}) == 5, field
    assert {token["expires_in"] for token in tokens} == {86_400}
    assert set(tokens[-1]["scope"].split()) == {"v2", "read", "write"}

    adverts = found.pop("adverts")
    assert [one["type"] for one in adverts["seen"]] == ["Advert"] * 3
    assert [one["title"] for one in adverts["seen"]] == ["A telephone", "A telephone", "A better telephone"]
    assert adverts["listed"] == ["A better telephone"] and adverts["left"] == 0
    assert adverts["views"]["type"] == "AdvertStatistic"
    for name, value in found.items():
        rows = value if isinstance(value, list) else [value]
        assert rows and all(row["type"] != "ErrorResponse" for row in rows), f"{name}: {value}"
    assert found["me"]["type"] == "AuthenticatedUser" and found["cities"][0]["id"] == 2


def test_a_long_day_in_which_each_token_expires(python: Path, own_demo: Demo) -> None:
    market = Market.of(own_demo)
    app = market["app"]
    token = market.tokens(app)
    for _ in range(3):
        own_demo.advance(86_401)
        stale = run(python, market, app, refresh_token="unused", presented=token["access_token"], calls=["me"])["me"]
        assert stale["error"] == "invalid_token", stale
        found = run(python, market, app, refresh_token=token["refresh_token"], refreshes=1, calls=["me"])
        assert found["me"]["type"] == "AuthenticatedUser", found
        (token,) = found["tokens"]


def test_an_app_without_the_scope_reads_its_error(python: Path, market: Market) -> None:
    app = market["app-read-write"]
    code = market.code(app, scope="read write")
    refused = run(python, market, app, code=code)["tokens"][0]
    assert (refused["type"], refused["error"]) == ("ErrorResponse", "invalid_scope")
    found = run(python, market, app, code=code, scope="read write", calls=["regions", "me"])
    assert [region["type"] for region in found["regions"]] == ["Region"] * 3
    assert found["me"]["error"] == "insufficient_scope"
    assert found["me"]["error_human_title"] == "Insufficient scope."


def test_an_app_for_itself_reads_reference_data_and_no_ones_things(python: Path, market: Market) -> None:
    found = run(python, market, market["app-machine"], scope="v2 read", calls=["categories", "me"])
    (token,) = found["tokens"]
    assert token["type"] == "AuthResponse" and token["refresh_token"] is None
    assert found["categories"][0]["type"] == "Category"
    assert found["me"]["error"]["detail"] == "Invalid owner in token"


def test_every_refusal_of_the_token_endpoint_is_a_value_it_can_read(python: Path, market: Market) -> None:
    wrong = App("", market["app"].id, "wrong" * 8)
    for app, error in ((wrong, "invalid_client"), (market["app-inactive"], "invalid_client"), (market["app"], "invalid_grant")):
        refused = run(python, market, app, code="x" * 40)["tokens"][0]
        assert (refused["type"], refused["error"]) == ("ErrorResponse", error), refused
    refreshed = run(python, market, market["app"], refresh_token="x" * 40, refreshes=1)["tokens"][0]
    assert refreshed["error_human_title"] == "Provided authorization credentials are invalid or expired."
