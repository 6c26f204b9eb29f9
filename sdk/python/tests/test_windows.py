"""Sections 3 and 4 as tables: lifetimes, moments, backoff."""

from __future__ import annotations

import json

import pytest

from mandate_session.windows import TEN_YEARS_S, backoff_ms, retry_after_ms, seconds, windows

SENT = 1_000_000


@pytest.mark.parametrize(("value", "means"), [
    (600, 600), ("600", 600), (600.9, 600), ("600.9", 600), (" 600 ", 600), ("0600", 600), (1, 1),
    (0, None), (0.9, None), (-5, None), ("0", None), ("-5", None), ("", None), ("soon", None), ("6e2", None), ("٦٠٠", None), (None, None),
    (True, None), ([600], None), ({}, None), (float("nan"), None), (float("inf"), TEN_YEARS_S), (float("-inf"), None),
    (1e300, TEN_YEARS_S), (10**400, TEN_YEARS_S), ("9" * 5000, TEN_YEARS_S), (TEN_YEARS_S + 1, TEN_YEARS_S),
])
def test_lifetimes(value, means):
    assert seconds(value) == means


@pytest.mark.parametrize(("life", "advice", "u", "renew", "usable"), [
    # (lifetime, refresh_in, u) -> renew_at and usable_until, in seconds after sending
    (600, None, 0.0, 540.0, 595.0),
    (600, None, 0.99, 480.6, 595.0),
    (12, None, 0.0, 10.8, 11.4),
    (1, None, 0.0, 0.9, 0.95),
    (1500, None, 0.0, 1350.0, 1495.0),
    (86400, None, 0.0, 86250.0, 86395.0),
    (86400, None, 0.5, 86175.0, 86395.0),
    (600, 100, 0.0, 100.0, 595.0),
    (600, "100", 0.5, 115.0, 595.0),
    (600, 590, 0.5, 590.5, 595.0),
    (600, 600, 0.0, 540.0, 595.0),
    (600, "700", 0.0, 540.0, 595.0),
    (600, 0, 0.0, 540.0, 595.0),
    (600, "never", 0.0, 540.0, 595.0),
])
def test_moments(life, advice, u, renew, usable):
    found = windows(SENT, life, advice, u)
    assert found.ends_at == SENT + life * 1000
    assert (found.renew_at - SENT) / 1000 == pytest.approx(renew, abs=0.002)
    assert (found.usable_until - SENT) / 1000 == pytest.approx(usable, abs=0.002)
    assert SENT <= found.renew_at <= found.usable_until < found.ends_at


def test_a_lone_token_is_used_to_its_end():
    found = windows(SENT, 600, None, 0.5, renewable=False)
    assert found.renew_at == found.usable_until == found.ends_at == SENT + 600_000


def test_an_unknown_end():
    assert windows(SENT, None, 100, 0.5) == (None, None, None)


@pytest.mark.parametrize(("failures", "u", "retry_after", "wait"), [
    (0, 0.0, None, 250), (0, 0.999, None, 499), (1, 0.0, None, 500), (5, 0.0, None, 8_000), (6, 0.0, None, 15_000), (6, 1.0, None, 30_000),
    (60, 0.0, None, 15_000), (10**9, 0.0, None, 15_000),
    (0, 0.0, 120_000, 120_000), (0, 0.5, 120_000, 120_500), (0, 0.5, 0, 500), (8, 0.0, 1_000, 15_000), (0, 0.5, 7_200_000, 3_600_000),
])
def test_backoff(failures, u, retry_after, wait):
    assert backoff_ms(failures, u, retry_after) == wait


@pytest.mark.parametrize(("text", "means"), [
    (None, None), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("٣", None), ("0", 0), ("120", 120_000), (" 7 ", 7_000), ("9" * 30, 3_600_000),
    ("Mon, 05 Jan 2026 09:02:00 GMT", 120_000), ("Mon, 05 Jan 2026 08:00:00 GMT", 0), ("Mon, 99 Jan 2026 09:02:00 GMT", None),
])
def test_retry_after(text, means):
    issuer_now = 1767603600000  # 2026-01-05T09:00:00Z
    assert retry_after_ms(text, issuer_now) == means


def test_numbers_as_issuers_write_them():
    assert seconds(json.loads('{"expires_in": 1e999}')["expires_in"]) == TEN_YEARS_S
    assert seconds(json.loads('{"expires_in": NaN}')["expires_in"]) is None
