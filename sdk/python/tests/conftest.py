"""The scripted server, once for all tests."""

from __future__ import annotations

import pytest

from world import Server, World


@pytest.fixture(scope="session")
def server():
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def world(server):
    return World(server)
