"""Every scenario of `sdk/scenarios`, with threads and with tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from interpreter import Interpreter
from world import SCENARIOS, Peer, Server, World

ALL = [
    (f"{path.stem}/{one['name']}", one)
    for path in sorted(SCENARIOS.glob("*.json"))
    for one in json.loads(path.read_text())["scenarios"]
    if "python" in one.get("only", ["python"])
]

CREDENTIALS = {"client_id", "client_secret", "auth", "jwk", "username", "password", "refresh_token", "access_token", "scope", "extra"}


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


# Against the real server, where MANDATE_BIN names it.
if os.environ.get("MANDATE_BIN"):

    @pytest.fixture(scope="module")
    def real_server(tmp_path_factory):
        folder = tmp_path_factory.mktemp("demo")
        command = [os.path.abspath(os.environ["MANDATE_BIN"]), "demo", "--json", "--port-base", "0"]
        with open(folder / "demo.err", "w") as errors:
            demo = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder)
        assert demo.stdout is not None
        (folder / "sheet.json").write_text(demo.stdout.readline())
        made = Server("--real", str(folder / "sheet.json"))
        yield made
        made.stop()
        demo.terminate()
        demo.wait(20)

    @pytest.mark.parametrize("driver", ["sync", "async"])
    @pytest.mark.parametrize("given", [one for _, one in ALL if one.get("real")], ids=[name for name, one in ALL if one.get("real")])
    def test_scenario_with_the_real_server(real_server, tmp_path, given, driver):
        world = World(real_server, new={"as": given["real"]["as"]})
        kept = {key: value for key, value in given["session"].items() if key not in CREDENTIALS}
        laid_over = {**given, "session": {**kept, **world.made["session"]}}
        Interpreter(world, laid_over, driver, tmp_path / "store").run()


# Against servers of other makes, where MANDATE_PEERS names the file with the line of peers/start.py, or `start` to start them here.
if os.environ.get("MANDATE_PEERS"):
    PEERS = [one for one in json.loads((SCENARIOS / "peers" / "scenarios.json").read_text())["scenarios"]
             if os.environ.get("MANDATE_BIN") or one["peer"] != "mandate"]

    @pytest.fixture(scope="module")
    def peers():
        where = os.environ["MANDATE_PEERS"]
        if where != "start":
            with open(where) as file:
                yield json.load(file)
            return
        command = [sys.executable, str(SCENARIOS / "peers" / "start.py")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdin is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(30)

    @pytest.mark.parametrize("driver", ["sync", "async"])
    @pytest.mark.parametrize("given", PEERS, ids=[one["name"] for one in PEERS])
    def test_scenario_with_another_make(peers, tmp_path, given, driver):
        peer = peers[given["peer"]]
        whole = {**given, "session": peer["sessions"][given["use"]]}
        Interpreter(Peer(peer), whole, driver, tmp_path / "store", simulated=False).run()
