"""Which store is tested, and the demos that the tests talk to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from harness.binary import BINARY
from harness.chrome import Callback, opened_chrome
from harness.databases import Cluster, fresh_database, private_cluster
from harness.demo import Demo, running_demo
from harness.rfc import Bank
from harness.scale import FULL, REDUCED, Scale


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", choices=("sqlite", "postgresql"), default="sqlite", help="where the server keeps its state")
    parser.addoption("--full", action="store_true", help="races and crashes in full numbers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test about the other store is not part of this run."""
    other = "postgresql" if config.getoption("--store") == "sqlite" else "sqlite"
    in_haste = other == "sqlite" and not config.getoption("--full")
    gone = [item for item in items if item.get_closest_marker(other) or (in_haste and item.get_closest_marker("patient"))]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def pytest_report_header(config: pytest.Config) -> str:
    return f"mandate: {BINARY}, store: {config.getoption('--store')}, numbers: {'full' if config.getoption('--full') else 'reduced'}"


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> str:
    assert BINARY.exists(), f"no binary at {BINARY}: build it, or name it in MANDATE_BIN"
    return str(request.config.getoption("--store"))


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    return FULL if request.config.getoption("--full") else REDUCED


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The cluster of the whole run: the one that is named in the environment, or one of our own."""
    given = os.environ.get("MANDATE_TEST_POSTGRES")
    if given:
        yield given
        return
    with private_cluster() as cluster:
        yield cluster.url


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster that a test may kill."""
    with private_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_store(store: str, request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[tuple[str, ...]]]:
    """A fresh store, as arguments of `mandate demo`."""

    @contextmanager
    def fresh() -> Iterator[tuple[str, ...]]:
        if store == "sqlite":
            yield ()
        else:
            with fresh_database(request.getfixturevalue("cluster_url")) as url:
                yield "--store", url

    return fresh


@pytest.fixture(scope="session")
def start_demo(
    new_store: Callable[[], AbstractContextManager[tuple[str, ...]]], store: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Demo]]:
    @contextmanager
    def start(name: str, *more: str) -> Iterator[Demo]:
        with ExitStack() as stack:
            arguments = stack.enter_context(new_store())
            folder = tmp_path_factory.mktemp("demo")
            yield stack.enter_context(running_demo(f"{store}-{name}", folder, *arguments, *more))

    return start


@pytest.fixture(scope="module")
def demo(start_demo: Callable[..., AbstractContextManager[Demo]], request: pytest.FixtureRequest) -> Iterator[Demo]:
    """One demo for a file's tests that leave its users, keys and clients as they are."""
    with start_demo(request.module.__name__.rsplit(".", 1)[-1]) as running:
        yield running


@pytest.fixture
def own_demo(start_demo: Callable[..., AbstractContextManager[Demo]], request: pytest.FixtureRequest) -> Iterator[Demo]:
    """A demo for one test that changes it."""
    with start_demo(request.node.name.replace("[", "-").replace("]", "").replace("/", "-")) as running:
        yield running


@pytest.fixture(scope="module")
def shared_bank(demo: Demo) -> Bank:
    """The bank of a file's demo, with the browsers of its people."""
    return Bank.of(demo)


@pytest.fixture
def bank(shared_bank: Bank) -> Bank:
    """Limits count per minute: each test begins with all of them."""
    shared_bank.demo.advance(61)
    return shared_bank


@pytest.fixture(autouse=True)
def fresh_limits(request: pytest.FixtureRequest) -> None:
    """Limits count per minute: each test of a shared demo begins with all of them."""
    if "demo" in request.fixturenames:
        request.getfixturevalue("demo").advance(61)


@pytest.fixture(scope="module")
def callback() -> Iterator[Callback]:
    page = Callback()
    yield page
    page.server.shutdown()


@pytest.fixture
def chrome(tmp_path: Path, callback: Callback) -> Iterator[Chrome]:
    with opened_chrome(tmp_path, callback) as browser:
        yield browser
