"""What a live token costs, and when the fast path is left."""

from __future__ import annotations

import os

import pytest

from mandate_session import Answer, FileStore, Unavailable

from standins import URL, Clock, Issuer, session


def test_a_live_token_is_given_without_lock_file_generator_or_request(tmp_path, monkeypatch):
    issuer = Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"))
    first = ours.authorize("GET", URL)
    for owner, name in ((ours, "_run"), (ours, "_perform"), (ours, "_ensure"), (ours._core, "step"), (os, "open")):
        monkeypatch.setattr(owner, name, lambda *_: pytest.fail("the fast path left its lane"))
    ours._changed = None
    assert ours.authorize("GET", URL) == first == {"Authorization": "Bearer access-1"}
    assert len(issuer.asked) == 1


def test_the_headers_are_the_callers_to_change():
    ours = session(Issuer())
    ours.authorize("GET", URL)["Authorization"] = "changed"
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-1"}


def test_a_clock_that_was_set_back_renews_early():
    clock, issuer = Clock(), Issuer()
    ours = session(issuer, clock=clock)
    ours.authorize("GET", URL)
    clock.now -= 3600
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-2"}
    assert ours.authorize("GET", URL) == {"Authorization": "Bearer access-2"}


def test_a_clock_that_was_set_back_does_not_prolong_a_wait():
    clock, issuer = Clock(), Issuer()
    issuer.answers = [Answer(503, {"retry-after": "90"})]
    ours = session(issuer, clock=clock)
    with pytest.raises(Unavailable):
        ours.token()
    clock.now -= 3600
    with pytest.raises(Unavailable) as caught:
        ours.token()
    assert caught.value.retry_at is not None and caught.value.retry_at / 1000 - clock.now <= 91
    clock.now += 91
    assert ours.token().reveal() == "access-2"
