"""The streams of alpaca-py 0.44.0 as it is published, pointed at the built binary."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alpaca.data.live import StockDataStream
from alpaca.data.models import Bar, Quote, Trade
from alpaca.trading.models import TradeUpdate
from alpaca.trading.stream import TradingStream

from harness.demo import Demo
from harness.platform import Key
from harness.streams import data_ws, ws


def patiently(wanted: Callable[[], bool], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not wanted():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def running(stream: Any) -> Iterator[Any]:
    """The library's own loop, in a thread of its own."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield stream
    finally:
        if thread.is_alive() and stream._loop is not None:
            asyncio.run_coroutine_threadsafe(stream.stop_ws(), stream._loop)
            thread.join(8)
        assert not thread.is_alive(), "the library's loop did not stop"


def trading(demo: Demo, key: Key) -> TradingStream:
    return TradingStream(key.id, key.secret, url_override=ws(demo, key.environment))


def stock(demo: Demo, key: Key, feed: str = "iex") -> StockDataStream:
    return StockDataStream(key.id, key.secret, url_override=data_ws(demo, feed))


def test_trade_updates_of_an_order(demo: Demo) -> None:
    key, seen = demo.keys["paper"], []

    async def take(update: TradeUpdate) -> None:
        seen.append(update)

    stream = trading(demo, key)
    stream.subscribe_trade_updates(take)
    with running(stream):
        patiently(lambda: stream._running)
        time.sleep(0.3)
        order = demo.order(key.headers).json()["id"]
        patiently(lambda: len(seen) >= 2)
    assert [update.event for update in seen[:2]] == ["new", "fill"]
    assert {str(update.order.id) for update in seen[:2]} == {order}
    assert seen[1].price is not None and seen[1].price > 0 and seen[1].qty == 1


def test_market_data_by_the_librarys_models(demo: Demo) -> None:
    seen: list[Any] = []

    async def take(one: Any) -> None:
        seen.append(one)

    stream = stock(demo, demo.keys["paper"])
    stream.subscribe_trades(take, "AAPL")
    stream.subscribe_quotes(take, "AAPL")
    stream.subscribe_bars(take, "MSFT")
    with running(stream):
        patiently(lambda: {type(one) for one in seen} == {Trade, Quote, Bar})
    trade = next(one for one in seen if isinstance(one, Trade))
    bar = next(one for one in seen if isinstance(one, Bar))
    assert trade.symbol == "AAPL" and trade.price > 0 and trade.timestamp.year >= 2024
    assert bar.symbol == "MSFT" and bar.low <= bar.close <= bar.high


def test_a_subscription_is_changed_while_it_runs(demo: Demo) -> None:
    seen: list[Any] = []

    async def take(one: Any) -> None:
        seen.append(one.symbol)

    stream = stock(demo, demo.keys["paper"], "sip")
    stream.subscribe_trades(take, "AAPL")
    with running(stream):
        patiently(lambda: "AAPL" in seen)
        stream.subscribe_trades(take, "TSLA")
        patiently(lambda: "TSLA" in seen)
        stream.unsubscribe_trades("AAPL")
        seen.clear()
        patiently(lambda: len(seen) > 2)
        assert "AAPL" not in seen[2:]


def test_a_wrong_key_is_a_failed_login_in_the_librarys_words(demo: Demo, caplog: pytest.LogCaptureFixture) -> None:
    key = demo.keys["paper"]
    wrong = Key(key.id, "wrong-secret-of-this-test")

    async def take(_: Any) -> None: ...

    with caplog.at_level(logging.INFO):
        stream = stock(demo, wrong)
        stream.subscribe_trades(take, "AAPL")
        with running(stream):
            patiently(lambda: "auth failed" in caplog.text)
        trades = trading(demo, wrong)
        trades.subscribe_trade_updates(take)
        with running(trades):
            patiently(lambda: "failed to authenticate" in caplog.text)


def test_a_second_stream_on_a_feed_is_told_the_limit_and_gets_in_once_the_first_is_gone(
    demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    async def first(_: Any) -> None:
        seen.append("first")

    async def second(_: Any) -> None:
        seen.append("second")

    one, two = stock(demo, demo.keys["live"]), stock(demo, demo.keys["live"])
    one.subscribe_trades(first, "AAPL")
    two.subscribe_trades(second, "AAPL")
    with caplog.at_level(logging.INFO):
        with running(one):
            patiently(lambda: "first" in seen)
            thread = threading.Thread(target=two.run, daemon=True)
            thread.start()
            patiently(lambda: "connection limit exceeded" in caplog.text)
            assert "second" not in seen
        patiently(lambda: "second" in seen, 20)
    asyncio.run_coroutine_threadsafe(two.stop_ws(), two._loop)
    thread.join(8)


def test_a_revoked_key_ends_the_stream_and_the_librarys_logins_are_refused_cheaply(
    own_demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    demo, key, seen = own_demo, own_demo.keys["paper"], []

    async def take(one: Any) -> None:
        seen.append(one)

    stream = stock(demo, key)
    stream.subscribe_trades(take, "AAPL")
    with caplog.at_level(logging.INFO), running(stream):
        patiently(lambda: bool(seen))
        demo.admin("key", "revoke", key.id)
        patiently(lambda: "credential.revoked" in caplog.text)
        patiently(lambda: "auth failed" in caplog.text, 15)
