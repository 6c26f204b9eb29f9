"""What the data platform's libraries suffer from a server that misbehaves: the failure that ours must not cause."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.desk import desk
from harness.misbehaving import misbehaving

# Our server has no part in this, so one run of the suite is enough.
pytestmark = pytest.mark.sqlite


@pytest.fixture(params=["lseg", "refinitiv"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("refusal", [400, 503])
def test_one_refused_refresh_leaves_a_session_that_says_opened_and_is_dead(name: str, refusal: int, tmp_path: Path) -> None:
    with misbehaving(6, refusal) as stub, desk(name, tmp_path) as held:
        held.opened(stub.url, username="GE-A-1", password="p", app_key="key")
        assert len(held.history()["rows"]) == 2

        failed = held.until("SessionAuthenticationFailed", within_s=10)
        assert failed["state"] == "Opened", "the session does not show it"
        assert len(held.history()["rows"]) == 2, "the token that it has is still good"
        time.sleep(max(0.0, max(stub.tokens.values()) - time.monotonic()) + 0.1)

        for _ in range(2):
            refused = held.history()
            assert refused["raised"] in ("LDError", "RDError") and "token expired" in refused["message"], refused
        assert held.do("state")["state"] == "Opened"
        assert [status for _, status in stub.refreshes] == [refusal], "nothing was tried again, for ever"


def test_five_limited_refreshes_are_survived(name: str, tmp_path: Path) -> None:
    with misbehaving(6, *[429] * 5) as stub, desk(name, tmp_path) as held:
        held.opened(stub.url, username="GE-A-1", password="p", app_key="key")
        held.refreshed(1, within_s=40)
        times = [at for at, _ in stub.refreshes]
        assert [status for _, status in stub.refreshes][:6] == [429] * 5 + [200]
        assert 30 < times[5] - times[0] < 33, "a server that lets go later than this ends the session"
        assert len(held.history()["rows"]) == 2
