"""Every scenario of `sdk/scenarios`, with threads and with tasks."""

from __future__ import annotations

import json

import pytest

from interpreter import Interpreter
from world import SCENARIOS, World

ALL = [
    (f"{path.stem}/{one['name']}", one)
    for path in sorted(SCENARIOS.glob("*.json"))
    for one in json.loads(path.read_text())["scenarios"]
    if "python" in one.get("only", ["python"])
]


def test_there_are_scenarios():
    assert len(ALL) >= 100
    known = {"name", "about", "issuer", "session", "steps", "real", "only", "because"}
    for name, one in ALL:
        assert not set(one) - known, f"{name}: unknown words {set(one) - known}"


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("given", [one for _, one in ALL], ids=[name for name, _ in ALL])
def test_scenario(server, tmp_path, given, driver):
    world = World(server, given.get("issuer"), given["session"].get("clock_off", 0))
    Interpreter(world, given, driver, tmp_path / "store").run()
