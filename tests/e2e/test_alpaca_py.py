"""alpaca-py 0.44.0 as it is published, pointed at the built binary."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from alpaca.broker.client import BrokerClient
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.models import TradeAccount
from alpaca.trading.requests import GetOrdersRequest, LimitOrderRequest, MarketOrderRequest

from harness.demo import Demo
from harness.platform import bearer

BARS = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, start=datetime(2024, 1, 2, tzinfo=UTC), limit=5)


def trading(demo: Demo, environment: str = "paper", token: str | None = None) -> TradingClient:
    if token:
        return TradingClient(oauth_token=token, url_override=demo.api[environment])
    key = demo.keys[environment]
    return TradingClient(key.id, key.secret, paper=environment == "paper", url_override=demo.api[environment])


def data(demo: Demo, token: str | None = None) -> StockHistoricalDataClient:
    if token:
        return StockHistoricalDataClient(oauth_token=token, url_override=demo.data)
    key = demo.keys["paper"]
    return StockHistoricalDataClient(key.id, key.secret, url_override=demo.data)


def broker(demo: Demo) -> BrokerClient:
    partner = demo.partners[0]
    return BrokerClient(partner.key, partner.secret, sandbox=True, url_override=demo.broker)


def test_the_published_version_is_used() -> None:
    assert version("alpaca-py") == "0.44.0"


@pytest.mark.parametrize("environment", ["paper", "live"])
def test_account_with_a_key_pair(demo: Demo, environment: str) -> None:
    account = trading(demo, environment).get_account()
    assert str(account.id) == demo.alice.accounts[environment]


def test_orders_with_a_key_pair(demo: Demo) -> None:
    client = trading(demo)
    market = client.submit_order(MarketOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY))
    limit = client.submit_order(LimitOrderRequest(symbol="MSFT", qty=2, limit_price=1.5, side=OrderSide.BUY, time_in_force=TimeInForce.GTC))
    listed = {order.id: order for order in client.get_orders(GetOrdersRequest(symbols=["AAPL", "MSFT"]))}
    assert limit.id in listed and listed[limit.id].symbol == "MSFT"
    assert market.symbol == "AAPL"
    client.cancel_order_by_id(limit.id)
    assert client.get_order_by_id(limit.id).status in (OrderStatus.CANCELED, OrderStatus.PENDING_CANCEL)
    client.cancel_orders()


def test_bars_with_a_key_pair(demo: Demo) -> None:
    bars = data(demo).get_stock_bars(BARS)
    assert len(bars["AAPL"]) > 0
    assert all(bar.high >= bar.low for bar in bars["AAPL"])


def test_wrong_secret_is_an_api_error_that_reads(demo: Demo) -> None:
    client = TradingClient(demo.keys["paper"].id, "wrong" * 8, url_override=demo.api["paper"])
    with pytest.raises(APIError) as raised:
        client.get_account()
    assert raised.value.status_code == 401
    assert raised.value.code == 40110000
    assert raised.value.message


def test_connect_token_reads_the_account_and_orders(demo: Demo) -> None:
    token = demo.token(demo.clients["app"])
    client = trading(demo, token=token)
    assert str(client.get_account().id) == demo.alice.accounts["paper"]
    order = client.submit_order(MarketOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY))
    assert order.symbol == "AAPL"


def test_connect_token_is_refused_the_bars_by_the_licence(demo: Demo) -> None:
    token = demo.token(demo.clients["app"])
    with pytest.raises(APIError) as raised:
        data(demo, token).get_stock_bars(BARS)
    assert raised.value.status_code == 401
    assert raised.value.code == 40110000
    body = json.loads(str(raised.value))
    assert body["cause"] == "licence.delegated_access"
    # The first sentence carries the whole point, since wrappers cut off the rest.
    assert "licence" in body["message"].lower()
    explained = demo.explain(body["decision_id"])
    text = json.dumps(explained).lower()
    assert "licence" in text
    assert "no scope" in text and "consent" in text, explained
    assert "delegated" in text, explained
    assert trading(demo, token=token).get_account(), "the control: the same token is good for the account"


def test_a_licensed_app_gets_the_bars(demo: Demo) -> None:
    token = demo.token(demo.clients["app-licensed"])
    assert len(data(demo, token).get_stock_bars(BARS)["AAPL"]) > 0


def test_the_four_broker_calls(demo: Demo) -> None:
    partner, client = demo.partners[0], broker(demo)
    app = partner.client
    assert app is not None, "one of the clients belongs to each partner"
    query = {"response_type": "code", "redirect_uri": app.redirect_uri, "scope": "general"}
    shown = client.get(f"/oauth/clients/{app.id}", query)
    assert shown["client_id"] == app.id
    assert shown["status"] == "ACTIVE"
    assert app.redirect_uri in shown["redirect_uri"]
    assert set(shown) >= {"name", "description", "url", "terms_of_use", "privacy_policy", "live_trading_approved"}

    body = demo.broker_body(partner, app)
    code = client.post("/oauth/authorize", body)
    assert code["client_id"] == app.id and code["redirect_uri"] == app.redirect_uri and code["code"]

    token = client.post("/oauth/token", body)
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "general"
    assert any(demo.account(bearer(token["access_token"]), environment).status_code == 200 for environment in demo.api)

    assert client.delete(f"/oauth/token/{token['access_token']}") is None
    assert all(demo.account(bearer(token["access_token"]), environment).status_code == 401 for environment in demo.api)


def under_pressure(demo: Demo, headers: dict[str, str]) -> tuple[float, TradeAccount]:
    """The client's account call, and how long it took, while others use up the limit for 1.5 s."""
    stop = threading.Event()

    def press() -> None:
        while not stop.is_set():
            demo.account(headers)

    press_for = threading.Timer(1.5, stop.set)
    pressing = threading.Thread(target=press)
    pressing.start()
    press_for.start()
    began = time.monotonic()
    try:
        account = trading(demo).get_account()
        took = time.monotonic() - began
    finally:
        press_for.cancel()
        stop.set()
        pressing.join()
    assert isinstance(account, TradeAccount)
    return took, account


def test_retries_survive_a_429(demo: Demo) -> None:
    headers = demo.keys["paper"].headers
    statuses: list[int] = []
    while 429 not in statuses:
        assert len(statuses) < 400, "200 a minute were never exceeded"
        statuses.append(demo.account(headers).status_code)
    assert 180 <= len(statuses) <= 320, f"the limit is 200 a minute, refused after {len(statuses)}"
    refused = demo.account(headers)
    if refused.status_code == 429:
        assert refused.json()["code"] == 42910000
        assert refused.headers["X-RateLimit-Limit"] == "200"
        assert int(refused.headers["X-RateLimit-Reset"]) > 0
        assert int(refused.headers["Retry-After"]) <= 9, "real clients give up after nine seconds"
        assert refused.headers["Mandate-Decision"]

    # Others keep the limit exhausted for as long as the client's first request takes. Every 300 ms there is room for one
    # request, and now and then that is the client's: then it met no refusal, and has to ask again.
    for _ in range(5):
        took, account = under_pressure(demo, headers)
        assert str(account.id) == demo.alice.accounts["paper"]
        if took > 1:
            break
    assert 2.9 < took < 9.5, f"answered after {took:.1f} s: its own retries come every 3 s"
