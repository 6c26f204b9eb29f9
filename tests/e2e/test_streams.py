"""Websockets through the gate, as a plain client sees them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import requests

from harness.binary import Server
from harness.demo import Demo
from harness.platform import Key
from harness.refusals import refusal
from harness.streams import Login, admitted, by_key, by_token, data_ws, market, opened, trades, ws


def long_login(key: Key) -> Login:
    return {"action": "authenticate", "data": {"key_id": key.id, "secret_key": key.secret}}


def ordered(demo: Demo, key: Key) -> str:
    answer = demo.order(key.headers, key.environment)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


# -- what a stream is for -------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [by_key, long_login])
def test_trade_updates_with_a_key(demo: Demo, login: type) -> None:
    key = demo.keys["paper"]
    with trades(demo, login(key)) as stream:
        admitted(stream)
        stream.send({"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert stream.next() == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        order = ordered(demo, key)
        events = [stream.next()["data"] for _ in range(2)]
        assert [(e["event"], e["order"]["id"]) for e in events] == [("new", order), ("fill", order)]
        ordered(demo, demo.keys["live"])
        with pytest.raises(TimeoutError):
            stream.next(0.5)


@pytest.mark.parametrize("packed", [False, True])
def test_market_data_in_json_and_in_messagepack(demo: Demo, packed: bool) -> None:
    with market(demo, by_key(demo.keys["paper"]), packed=packed) as stream:
        admitted(stream)
        stream.send({"action": "subscribe", "trades": ["AAPL"], "quotes": ["AAPL"], "bars": ["AAPL"]})
        standing = stream.until(lambda one: one["T"] == "subscription")
        assert standing["trades"] == ["AAPL"] and standing["bars"] == ["AAPL"]
        for letter in "btq":
            assert stream.until(lambda one, letter=letter: one["T"] == letter)["S"] == "AAPL"


def test_tokens_open_streams_where_scope_and_licence_allow_it(demo: Demo) -> None:
    token = demo.token(demo.clients["app-licensed"], scope="trading data")
    with trades(demo, by_token(token)) as stream, market(demo, by_token(token)) as data:
        admitted(stream), admitted(data)
        data.send({"action": "subscribe", "trades": ["MSFT"]})
        assert data.until(lambda one: one["T"] == "t")["S"] == "MSFT"


def test_the_headers_of_the_opening_request_may_hold_the_credential(demo: Demo) -> None:
    key = demo.keys["paper"]
    with opened(data_ws(demo), headers=key.headers) as stream:
        assert stream.next() == [{"T": "success", "msg": "connected"}]
        admitted(stream)
        stream.send(by_key(key))
        assert stream.next()[0]["code"] == 403
        assert stream.is_open()
    with opened(ws(demo), headers=key.headers) as stream:
        stream.send(by_key(key))
        stream.closed().says(demo, "credential.ambiguous")


# -- who is refused -------------------------------------------------------------------------------------------


def test_wrong_keys_get_the_vendors_words_and_ours(demo: Demo) -> None:
    key = demo.keys["paper"]
    for wrong in (Key(key.id, "wrong-" * 6), Key("PKNOBODYNOBODYNOBODY", key.secret)):
        with market(demo, by_key(wrong)) as stream:
            end = stream.closed()
            assert (end.said["T"], end.said["code"], end.said["msg"]) == ("error", 402, "auth failed")
            end.says(demo, "credential.rejected")
        with trades(demo, by_key(wrong)) as stream:
            end = stream.closed()
            assert end.said["data"]["status"] == "unauthorized"
            end.says(demo, "credential.rejected")


def test_a_key_of_the_other_environment_is_told_so(demo: Demo) -> None:
    with trades(demo, by_key(demo.keys["live"]), "paper") as stream:
        found = stream.closed().says(demo, "environment.mismatch")
        assert found["failed"]["check"] == "environment"


def test_a_missing_scope_is_411_and_a_missing_licence_409(demo: Demo) -> None:
    with market(demo, by_token(demo.token(demo.clients["app-licensed"], scope="trading"))) as stream:
        end = stream.closed()
        assert (end.said["code"], end.said["msg"]) == (411, "insufficient scope")
        end.says(demo, "scope.missing")
    with market(demo, by_token(demo.token(demo.clients["app"], scope="data"))) as stream:
        end = stream.closed()
        assert (end.said["code"], end.said["msg"]) == (409, "insufficient subscription")
        end.says(demo, "licence.delegated_access")
    with trades(demo, by_token(demo.token(demo.clients["app"], scope="data"))) as stream:
        stream.closed().says(demo, "scope.missing")


def test_a_second_connection_on_a_feed_is_406_and_the_first_goes_on(demo: Demo) -> None:
    key = demo.keys["paper"]
    with market(demo, by_key(key)) as first:
        admitted(first)
        with market(demo, by_key(key)) as second:
            end = second.closed()
            assert (end.said["code"], end.said["msg"]) == (406, "connection limit exceeded")
            end.says(demo, "stream.connection_limit")
        with market(demo, by_key(key), "sip") as other_feed, market(demo, by_key(demo.keys["live"])) as other_account:
            admitted(other_feed), admitted(other_account)
        assert first.is_open()
    deadline = time.monotonic() + 5
    while True:
        with market(demo, by_key(key)) as again:
            if again.next() == [{"T": "success", "msg": "authenticated"}]:
                return
        assert time.monotonic() < deadline, "the place was not given back"


def test_r24_channels_are_decided_by_their_product(demo: Demo) -> None:
    with market(demo, by_key(demo.keys["paper"])) as own:
        admitted(own).send({"action": "subscribe", "imbalances": ["AAPL"]})
        assert own.until(lambda one: one["T"] == "i")["S"] == "AAPL"
    with market(demo, by_token(demo.token(demo.clients["app-licensed"], scope="data")), "sip") as delegated:
        admitted(delegated).send({"action": "subscribe", "imbalances": ["AAPL"], "trades": ["AAPL"]})
        said = delegated.next()[0]
        assert (said["code"], said["msg"], said["cause"]) == (409, "insufficient subscription", "licence.delegated_access")
        assert demo.explain(said["decision_id"])["cause"] == "licence.delegated_access"
        delegated.send({"action": "subscribe", "trades": ["AAPL"]})
        assert delegated.until(lambda one: one["T"] == "subscription")["imbalances"] == [], "the refused message got through in part"


def test_r24_before_the_login_nothing_but_a_login_is_read(demo: Demo) -> None:
    for first, code, cause in (
        ({"action": "subscribe", "trades": ["AAPL"]}, 401, "stream.not_logged_in"),
        ({"action": "unsubscribe"}, 401, "stream.not_logged_in"),
        ("hello", 400, "request.malformed"),
        ({"action": "auth"}, 401, "credential.missing"),
        ({"action": "auth", "key": "a", "secret": "b", "oauth_token": "c"}, 402, "credential.ambiguous"),
    ):
        with market(demo, first) as stream:
            end = stream.closed()
            assert end.said["code"] == code, end
            end.says(demo, cause)


def test_r24_a_login_is_bounded_in_size_and_time(demo: Demo) -> None:
    with market(demo, {"action": "auth", "key": "x" * 40_000, "secret": "y"}) as stream:
        stream.closed().says(demo, "request.too_large", 1009)
    begun = time.monotonic()
    with opened(data_ws(demo)) as stream:
        assert stream.next() == [{"T": "success", "msg": "connected"}]
        end = stream.closed(15)
        assert (end.said["code"], end.said["msg"]) == (404, "auth timeout")
        end.says(demo, "stream.login_timeout")
    assert 9 < time.monotonic() - begun < 14


def test_messages_after_the_login_that_mean_nothing_are_refused_and_the_stream_goes_on(demo: Demo) -> None:
    with market(demo, by_key(demo.keys["paper"])) as stream:
        admitted(stream)
        for message in ({"action": "other"}, [1, 2], {"nothing": 1}):
            stream.send(message)
            assert stream.next()[0]["code"] == 400
        stream.socket.send('{"action":"subscribe","action":"auth","trades":["AAPL"]}')
        assert stream.next()[0]["message"].endswith("a name stands twice in the message")
        assert stream.is_open()


# -- the opening request ----------------------------------------------------------------------------------------

HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def test_handshakes_are_read_strictly(demo: Demo) -> None:
    stream, rest = f"{demo.data}/v2/iex", f"{demo.data}/v2/stocks/bars"
    get = lambda url, **headers: requests.get(url, headers=headers, timeout=5)  # noqa: E731
    refusal(get(stream), 426, "request.malformed")
    refusal(get(rest, **HANDSHAKE), 400, "request.malformed")
    refusal(get(f"{demo.data}/nothing", **HANDSHAKE), 404, "request.path_unknown")
    refusal(get(stream, **HANDSHAKE | {"Sec-WebSocket-Key": "short"}), 400, "request.malformed")
    refusal(get(stream, **HANDSHAKE | {"Sec-WebSocket-Version": "8"}), 426, "request.malformed")
    refusal(get(f"{stream}?access_token=t", **HANDSHAKE), 401, "credential.malformed")
    refusal(requests.post(stream, headers=HANDSHAKE, timeout=5), 405, "request.method_not_allowed")


def applied(demo: Demo, folder: Path, old: str, new: str) -> None:
    """Applies the platform's file with one change."""
    exported = demo.cli.run("export", "alpaca").out
    assert old in exported, exported[:300]
    file = folder / "alpaca.toml"
    file.write_text(exported.replace(old, new))
    done = demo.cli.run("apply", str(file), "--yes")
    assert done.code == 0, done.err


# -- what ends streams ------------------------------------------------------------------------------------------


def test_r24_revoking_one_account_closes_its_streams_within_a_second_and_no_others(own_demo: Demo) -> None:
    demo = own_demo
    paper, live = demo.keys["paper"], demo.keys["live"]
    token = demo.token(demo.clients["app-licensed"], scope="trading data")
    with (
        trades(demo, by_key(paper)) as one,
        market(demo, by_key(paper)) as two,
        trades(demo, by_token(token)) as three,
        trades(demo, by_key(live), "live") as other,
    ):
        for stream in (one, two, three, other):
            admitted(stream)
        begun = time.monotonic()
        demo.admin("account", "disable", paper.account)
        ends = [stream.closed(3) for stream in (one, two, three)]
        took = time.monotonic() - begun
        for end in ends:
            end.says(demo, "account.disabled")
        assert took < 2, f"{took:.2f} s, the command's own start included"
        assert other.is_open()


def test_r24_every_way_to_end_a_credential_ends_its_streams(own_demo: Demo) -> None:
    demo = own_demo
    client = demo.clients["app-licensed"]
    browser = demo.browser()

    def token() -> str:
        return demo.token(client, browser, scope="trading data")

    with trades(demo, by_token(token())) as stream:
        admitted(stream)
        demo.withdraw(browser, client)
        stream.closed(3).says(demo, "grant.revoked")
    with trades(demo, by_token(token())) as stream:
        admitted(stream)
        demo.admin("client", "disable", client.id)
        stream.closed(3).says(demo, "client.disabled")
    with trades(demo, by_key(demo.keys["paper"])) as stream, trades(demo, by_key(demo.keys["live"]), "live") as other:
        admitted(stream), admitted(other)
        demo.admin("key", "revoke", demo.keys["paper"].id)
        stream.closed(3).says(demo, "credential.revoked")
        assert other.is_open()


def test_r24_a_changed_platform_file_decides_again(own_demo: Demo, tmp_path: Path) -> None:
    demo = own_demo
    token = demo.token(demo.clients["app-licensed"], scope="trading data")
    with market(demo, by_token(token)) as delegated, market(demo, by_key(demo.keys["paper"]), "sip") as own:
        admitted(delegated), admitted(own)
        applied(demo, tmp_path, 'unless_licence = "redistribution"', "")
        delegated.closed(3).says(demo, "licence.delegated_access")
        assert own.is_open()


def test_an_expired_token_closes_its_stream_with_the_reason(own_demo: Demo, tmp_path: Path) -> None:
    demo = own_demo
    applied(demo, tmp_path, "code_lifetime_s = 600", "code_lifetime_s = 600\naccess_lifetime_s = 300")
    token = demo.token(demo.clients["app-licensed"], scope="trading")
    with trades(demo, by_token(token)) as stream, trades(demo, by_key(demo.keys["paper"])) as other:
        admitted(stream), admitted(other)
        demo.advance(290)
        assert stream.is_open()
        demo.advance(20)
        stream.closed(3).says(demo, "token.expired")
        assert other.is_open()


def test_a_stopped_server_says_goodbye(tmp_path: Path) -> None:
    server = Server("demo-streams-stopped", "demo", "--json", "--port-base", "0")
    demo = Demo.read(server, json.loads(server.line()), tmp_path / "admin-token")
    with trades(demo, by_key(demo.keys["paper"])) as stream:
        admitted(stream)
        os.kill(server.pid(), signal.SIGTERM)
        end = stream.closed(5)
        assert (end.code, end.cause) == (1001, "server.stopping")
        server.terminate(within_s=2)


# -- the API behind a stream -------------------------------------------------------------------------------------


def connections(demo: Demo) -> int:
    """Made to the APIs so far."""
    page = requests.get(f"{demo.admin_url}/metrics", timeout=5).text
    return int(next(line.split()[-1] for line in page.splitlines() if line.startswith("mandate_upstream_connections_opened ")))


def test_an_idle_stream_takes_no_connection_and_its_first_subscription_takes_one(own_demo: Demo) -> None:
    demo = own_demo
    key = demo.keys["paper"]
    before = connections(demo)
    with trades(demo, by_key(key)) as trade, market(demo, by_key(key)) as data, opened(data_ws(demo, "sip"), headers=key.headers) as third:
        admitted(trade), admitted(data)
        assert third.next() == [{"T": "success", "msg": "connected"}]
        admitted(third)
        data.send({"action": "other"})
        assert data.next()[0]["code"] == 400
        assert connections(demo) == before
        for symbol in ("AAPL", "MSFT", "SPY"):
            data.send({"action": "subscribe", "bars": [symbol]})
        standing: list[str] = []
        while len(standing) < 3:
            standing = data.until(lambda one: one["T"] == "subscription" and len(one["bars"]) > len(standing))["bars"]
        assert connections(demo) == before + 1
        trade.send({"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert trade.next() == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        assert connections(demo) == before + 2
        assert third.is_open()


def test_an_api_that_has_gone_is_noticed_when_it_is_needed(own_demo: Demo, tmp_path: Path) -> None:
    demo = own_demo
    paper, live = demo.keys["paper"], demo.keys["live"]
    with (
        socket.socket() as nobody,
        market(demo, by_key(paper)) as idle,
        market(demo, by_key(paper), "sip") as late,
        market(demo, by_key(live)) as early,
    ):
        for stream in (idle, late, early):
            admitted(stream)
        early.send({"action": "subscribe", "trades": ["AAPL"]})
        assert early.until(lambda one: one["T"] == "t")["S"] == "AAPL"
        # bound, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        applied(demo, tmp_path, 'url = "builtin:sample"', f'url = "http://127.0.0.1:{nobody.getsockname()[1]}"')
        late.send({"action": "subscribe", "trades": ["AAPL"]})
        end = late.closed(3)
        assert (end.said["code"], end.said["msg"]) == (500, "internal error")
        end.says(demo, "server.upstream", 1011)
        assert idle.is_open() and early.is_open()
        demo.admin("key", "revoke", paper.id)
        idle.closed(3).says(demo, "credential.revoked")
        assert early.is_open()


# -- logins that fail over and over ------------------------------------------------------------------------------


def reads(demo: Demo) -> int:
    page = requests.get(f"{demo.admin_url}/metrics", timeout=5).text
    return int(next(line.split()[-1] for line in page.splitlines() if line.startswith("mandate_store_reads ")))


def test_a_storm_of_failing_logins_is_answered_without_a_look_up(demo: Demo) -> None:
    key = demo.keys["paper"]
    wrong = by_key(Key(key.id, "wrong-secret-of-a-program-that-never-stops"))
    for _ in range(6):
        with market(demo, wrong) as stream:
            stream.closed().says(demo, "credential.rejected")
    before = reads(demo)
    for _ in range(30):
        with market(demo, wrong) as stream:
            end = stream.closed()
            assert (end.said["code"], end.cause) == (402, "attempts.throttled")
    assert reads(demo) == before
    found = demo.explain(end.decision)
    assert found["cause"] == "attempts.throttled"
    with market(demo, by_key(key)) as stream:
        admitted(stream)
    demo.advance(11)
    with market(demo, wrong) as stream:
        stream.closed().says(demo, "credential.rejected")
