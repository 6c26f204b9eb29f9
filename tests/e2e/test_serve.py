"""`mandate serve` from an empty folder to a client that works, and again after a restart."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient

from harness.binary import BINARY, Server, environment, free_port, listens, wait_until
from harness.databases import fresh_database
from harness.platform import HTTP, Key, Platform, bearer
from harness.refusals import allowed, refusal
from harness.serve import Installation, Node


def use(platform: Platform) -> None:
    """What a client of the platform does all day."""
    key = platform.keys["paper"]
    assert str(TradingClient(key.id, key.secret, url_override=platform.api["paper"]).get_account().id) == key.account
    bars = StockHistoricalDataClient(key.id, key.secret, url_override=platform.data).get_stock_bars(
        StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, limit=3)
    )
    assert len(bars["AAPL"]) > 0


def starter(store: str, installation: Installation) -> Callable[[str], AbstractContextManager[Node]]:
    """SQLite needs no configuration at all; PostgreSQL is named in one."""
    return installation.plain if store == "sqlite" else installation.node


@pytest.fixture
def installation(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(request.getfixturevalue("cluster_url"))) if store == "postgresql" else None
        yield Installation(tmp_path, url)


def test_from_an_empty_folder(store: str, installation: Installation) -> None:
    start = starter(store, installation)
    with start(f"serve-{store}") as node:
        platform = installation.set_up()
        use(platform)
        app = installation.client("Chart App")
        token = platform.token(app)
        allowed(platform.account(bearer(token)))
        refused = refusal(platform.bars(bearer(token)), 401, "licence.delegated_access", 40110000)
        assert platform.explain(refused.decision)["cause"] == refused.cause
        assert HTTP.get(f"{node.admin}/healthz", timeout=5).status_code == 200
        assert "mandate_" in HTTP.get(f"{node.admin}/metrics", timeout=5).text
        assert HTTP.get(f"{node.admin}/admin/v1/openapi.json", timeout=5).json()["openapi"].startswith("3.")
        assert HTTP.get(f"{node.admin}/admin/v1/clients", timeout=5).status_code == 401
        secrets = [file for file in (installation.folder / "mandate-data").rglob("*") if "token" in file.name or "key" in file.name]
        for file in secrets:
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, f"{file} can be read by others"

    with start(f"serve-{store}-again"):
        use(platform)
        allowed(platform.account(bearer(token)))
        refusal(platform.bars(bearer(token)), 401, "licence.delegated_access")
        assert platform.token(app), "the same user, client and secret"
        assert platform.explain(refused.decision)["cause"] == refused.cause, "explanations outlive a restart"


def test_keys_and_clients_with_the_commands(store: str, installation: Installation) -> None:
    with starter(store, installation)(f"serve-{store}-commands"):
        platform = installation.set_up()
        old = platform.keys["paper"]

        listed = platform.admin_rows("key", "list", "--account", old.account)
        assert [row["id"] for row in listed] == [old.id]
        assert old.secret not in json.dumps(listed), "a secret is shown once"

        made = platform.admin("key", "replace", old.id)
        new = Key(made["id"], made["secret"], old.account)
        allowed(platform.account(new.headers))
        allowed(platform.account(old.headers))  # they overlap, so that nothing breaks
        platform.admin("key", "revoke", new.id)
        refusal(platform.account(new.headers), 401, "credential.revoked", 40110000)

        reset = platform.admin("account", "reset", old.account)["key"]
        refusal(platform.account(old.headers), 401, "credential.superseded", 40110000)
        allowed(platform.account(Key(reset["id"], reset["secret"], old.account).headers))
        assert installation.cli.run("account", "reset", platform.alice.accounts["live"], "--platform", "alpaca").code != 0

        app = installation.client("Switched App")
        token = platform.token(app)
        platform.admin("client", "disable", app.id)
        refusal(platform.account(bearer(token)), 401, "client.disabled", 40110000)
        assert platform.redeem(app, "00000000-0000-4000-8000-000000000000").status_code == 401
        platform.admin("client", "enable", app.id)
        refusal(platform.account(bearer(token)), 401, "token.revoked", 40110000)  # dead for good
        allowed(platform.account(bearer(platform.token(app))))

        live = platform.token(app, env="live")
        refusal(platform.account(bearer(live), "live"), 401, "client.live_not_approved", 40110000)
        platform.admin("client", "approve-live", app.id)
        allowed(platform.account(bearer(live), "live"))

        for grant in platform.grants_of(app):
            platform.admin("grant", "revoke", grant["id"])
        refusal(platform.account(bearer(live), "live"), 401, "grant.revoked", 40110000)


def test_sigterm_stops_it_gracefully(store: str, installation: Installation) -> None:
    start = starter(store, installation)
    with start(f"serve-{store}-stop") as node:
        platform = installation.set_up()
        use(platform)
        idle = [socket.create_connection(("127.0.0.1", installation.moved[port])) for port in (7110, 7111)]
        assert node.stop() == 0, "connections that wait for nothing must not hold it up"
        for connection in idle:
            connection.close()
        assert not listens(installation.moved[7111])
        assert "panicked" not in node.server.tail()
    with start(f"serve-{store}-stopped"):
        use(platform)


def test_connections_that_arrive_as_it_stops_do_not_hold_it_up(store: str, installation: Installation) -> None:
    """Each may be accepted before the signal and looked at after it."""
    held: list[socket.socket] = []

    def arrive(port: int) -> None:
        try:
            while True:
                held.append(socket.create_connection(("127.0.0.1", port), timeout=1))
        except OSError:
            pass  # nobody listens any more

    with starter(store, installation)(f"serve-{store}-arrivals") as node:
        installation.set_up()
        callers = [threading.Thread(target=arrive, args=(installation.moved[port],)) for port in (7110, 7111)]
        for caller in callers:
            caller.start()
        wait_until("connections arrive", lambda: len(held) > 50)
        assert node.stop() == 0
        for caller in callers:
            caller.join(5)
        assert not any(caller.is_alive() for caller in callers)
    for connection in held:
        connection.close()


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[subprocess.CompletedProcess[str]]:
    yield subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, cwd=folder, env=environment(), timeout=30, check=False)


def test_commands_say_what_is_wrong(store: str, installation: Installation) -> None:
    with command(installation.folder, "user", "list", "--platform", "alpaca") as nobody:
        assert nobody.returncode != 0 and "mandate-data" in nobody.stderr, "no server was started here, and it should say so"
    with starter(store, installation)(f"serve-{store}-wrong"):
        installation.set_up()
        for arguments in (
            ("user", "create", "--platform", "alpaca", "--name", "alice", "--password-file", str(installation.folder / "alice.password")),
            ("account", "create", "--platform", "alpaca", "--user", "nobody", "--environment", "paper"),
            ("account", "create", "--platform", "alpaca", "--user", "alice", "--environment", "papre"),
            ("key", "create", "--platform", "alpaca", "--account", "nothing"),
            ("key", "revoke", "PKNOTHING", "--platform", "alpaca"),
            ("client", "disable", "nothing", "--platform", "alpaca"),
            ("user", "list", "--platform", "alpca"),
            ("grant", "revoke", "nothing", "--platform", "alpaca"),
        ):
            with command(installation.folder, *arguments, "--json") as done:
                assert done.returncode != 0, arguments
                assert done.stderr.strip() and "panicked" not in done.stderr, arguments
        with command(installation.folder, "user", "list", "--platform", "alpaca", "--json") as listed:
            assert "argon2" not in listed.stdout and len(json.loads(listed.stdout)) == 1


def test_a_demo_store_is_refused(store: str, installation: Installation) -> None:
    """SECURITY R25: what a demo made is for demos only."""
    data = installation.folder / "demo"
    arguments = ("--store", installation.store) if installation.store else ()
    demo = Server(f"demo-store-{store}", "demo", "--json", "--port-base", "0", "--dir", str(data), *arguments)
    demo.line()
    demo.terminate(within_s=5)
    if installation.store is None:
        (file,) = (file for file in data.rglob("*") if file.is_file() and file.read_bytes().startswith(b"SQLite format 3"))
        installation.store = f"sqlite:{file}"
    refused = Server(f"refused-{store}", "serve", "--config", str(installation.config("refused", free_port(), {})), cwd=data)
    assert refused.process.wait(15) != 0
    refused.kill()
    assert "demo" in refused.tail().lower()
