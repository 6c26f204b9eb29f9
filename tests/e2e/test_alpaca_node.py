"""The npm package @alpacahq/alpaca-trade-api 4.0.2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.binary import ROOT, environment
from harness.demo import Demo

HERE = Path(__file__).parent


def tool(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout.strip()


@pytest.fixture(scope="module")
def modules() -> str:
    folder = tool(str(ROOT / "tests/tools/node-modules"), str(HERE))
    package = json.loads((Path(folder) / "@alpacahq/alpaca-trade-api/package.json").read_text())
    assert package["version"] == "4.0.2"
    return folder


def run(modules: str, demo: Demo, **credentials: str) -> dict[str, Any]:
    task = {"api": demo.api["paper"], "data": demo.data} | credentials
    done = subprocess.run(
        [f"{tool(str(ROOT / 'tests/tools/node'))}/node", str(HERE / "clients/node.cjs")],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        timeout=120,
        env=environment() | {"NODE_MODULES": modules},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_account_and_bars_with_a_key_pair(modules: str, demo: Demo) -> None:
    key = demo.keys["paper"]
    answers = run(modules, demo, key_id=key.id, secret=key.secret)
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    assert answers["bars"]["ok"] > 0, answers


def test_connect_token_of_a_licensed_app(modules: str, demo: Demo) -> None:
    answers = run(modules, demo, token=demo.token(demo.clients["app-licensed"]))
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    assert answers["bars"]["ok"] > 0, answers


def test_refusals_read_as_its_own_errors(modules: str, demo: Demo) -> None:
    answers = run(modules, demo, token=demo.token(demo.clients["app"]))
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    refused = answers["bars"]
    assert (refused["type"], refused["status"], refused["code"]) == ("AuthError", 401, 40110000), refused
    assert "licence" in refused["message"].lower()

    wrong = run(modules, demo, key_id=demo.keys["paper"].id, secret="wrong" * 8)
    for name in ("account", "bars"):
        assert (wrong[name]["type"], wrong[name]["status"], wrong[name]["code"]) == ("AuthError", 401, 40110000), wrong
