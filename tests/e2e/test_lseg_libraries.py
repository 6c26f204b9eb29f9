"""lseg-data 2.1.1 and refinitiv-data 1.6.2, unmodified, each in an environment and with a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import library
from harness.desk import Desk, desk
from harness.library import Served

pytestmark = pytest.mark.patient


@pytest.fixture(scope="module", params=["lseg", "refinitiv"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(name: str, store: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    """Access tokens of 12 s: the library refreshes at half of it, by a clock of its own."""
    with library.served(store, tmp_path_factory.mktemp(f"served-{name}"), request, access_lifetime_s=12, requests_per_minute=1000) as running:
        yield running


@pytest.fixture
def held(name: str, tmp_path: Path) -> Iterator[Desk]:
    with desk(name, tmp_path) as program:
        yield program


def test_it_reads_what_it_makes_tables_of(held: Desk, server: Served) -> None:
    held.opened(server.url, **server.machine(takes_over=True))
    library.reads_everything(held)


def test_its_session_lives_through_refreshes_and_closes(held: Desk, server: Served) -> None:
    """Twice as long as it takes a server that misbehaves to kill it (test_lseg_failure.py)."""
    library.lives_through_refreshes(held, server, times=4)
    library.closes(held, server)


def test_a_missing_scope_is_a_scope_error(held: Desk, server: Served) -> None:
    library.misses_a_scope(held, server)


def test_the_quota_and_a_takeover(name: str, server: Served, tmp_path: Path) -> None:
    library.meets_the_quota(name, server, tmp_path)


def test_it_watches_prices(held: Desk, server: Served) -> None:
    library.watches_prices(held, server)


def test_a_service_account(held: Desk, server: Served) -> None:
    held.opened(server.url, client_id=server.service["client_id"], client_secret=server.service["client_secret"])
    assert len(held.history()["rows"]) == 3
    assert held.do("close")["state"] == "Closed"


def test_five_refusals_by_the_limiter_and_the_sixth_refresh_succeeds(
    held: Desk, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    with library.served(store, folder, request, access_lifetime_s=12, requests_per_minute=2) as server:
        library.is_limited_and_lives(held, server)
