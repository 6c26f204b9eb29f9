"""alpaca-trade-api 3.2.0, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.binary import ROOT, environment
from harness.demo import Demo

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def python() -> Path:
    tool = [str(ROOT / "tests/tools/venv"), "legacy", str(HERE / "requirements-legacy.txt")]
    folder = subprocess.run(tool, capture_output=True, text=True, timeout=600, check=True).stdout.strip()
    return Path(folder) / "bin" / "python"


def run(python: Path, demo: Demo, **credentials: str) -> dict[str, Any]:
    task = {"api": demo.api["paper"], "data": demo.data} | credentials
    done = subprocess.run(
        [str(python), str(HERE / "clients/legacy.py")],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_account_orders_and_bars_with_a_key_pair(python: Path, demo: Demo) -> None:
    key = demo.keys["paper"]
    answers = run(python, demo, key_id=key.id, secret=key.secret)
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    assert "ok" in answers["orders"], answers
    assert len(answers["bars"]["ok"]) > 0, answers


def test_connect_token_of_a_licensed_app(python: Path, demo: Demo) -> None:
    answers = run(python, demo, token=demo.token(demo.clients["app-licensed"]))
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    assert len(answers["bars"]["ok"]) > 0, answers


def test_refusals_read_as_its_own_errors(python: Path, demo: Demo) -> None:
    answers = run(python, demo, token=demo.token(demo.clients["app"]))
    assert answers["account"] == {"ok": demo.alice.accounts["paper"]}
    assert answers["bars"]["status"] == 401
    assert answers["bars"]["code"] == 40110000
    assert "licence" in answers["bars"]["message"].lower()

    wrong = run(python, demo, key_id=demo.keys["paper"].id, secret="wrong" * 8)
    for name in ("account", "orders", "bars"):
        assert (wrong[name]["status"], wrong[name]["code"]) == (401, 40110000), wrong
