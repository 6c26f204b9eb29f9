"""httpx and requests where they differ from a plain call: redirects, files, cookies, nonces of answers that are good, providers of tokens."""

from __future__ import annotations

import asyncio
import http.server
import io
import threading

import httpx
import pytest
import requests

import mandate_session.httpx
import mandate_session.requests
from mandate_session import AsyncSession, NeedsLogin, Refused, Session, Unavailable

from standins import URL, Clock, Issuer, session

KEYS = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "k3y-of-program"}


class Elsewhere:
    """Two origins: the first redirects to where `to` says; both note the headers that they were sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str, dict[str, str]]] = []
        self.to = "/same"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.heard.append((self.server.server_address[1], self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(302 if self.path == "/first" else 200)
                if self.path == "/first":
                    self.send_header("Location", outer.to)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
        self.bases = [f"http://127.0.0.1:{s.server_address[1]}" for s in self.servers]
        for one in self.servers:
            threading.Thread(target=one.serve_forever, daemon=True).start()

    def stop(self) -> None:
        for one in self.servers:
            one.shutdown()
            one.server_close()


@pytest.fixture
def elsewhere():
    made = Elsewhere()
    yield made
    made.stop()


def by_requests(session: Session, url: str) -> None:
    requests.get(url, auth=mandate_session.requests.Auth(session), timeout=10)


def by_httpx(session: Session, url: str) -> None:
    with httpx.Client(follow_redirects=True) as client:
        mandate_session.httpx.guard(client, session)
        client.get(url)


def by_async_httpx(session: Session, url: str) -> None:
    async def go() -> None:
        async with httpx.AsyncClient(follow_redirects=True) as client:
            mandate_session.httpx.guard(client, AsyncSession(session.settings))
            await client.get(url)

    asyncio.run(go())


@pytest.mark.parametrize("way", [by_requests, by_httpx, by_async_httpx])
@pytest.mark.parametrize("make", [lambda: Session.api_key(KEYS), lambda: Session.access_token("given-access")], ids=["key", "token"])
def test_a_redirect_to_another_origin_loses_the_headers(elsewhere, way, make):
    names = {"apca-api-key-id", "apca-api-secret-key", "authorization", "dpop"}
    elsewhere.to = elsewhere.bases[1] + "/other"
    way(make(), elsewhere.bases[0] + "/first")
    elsewhere.to = "/same"
    way(make(), elsewhere.bases[0] + "/first")
    (_, p1, first), (_, p2, other), (_, p3, again), (_, p4, same) = elsewhere.heard
    assert [p1, p2, p3, p4] == ["/first", "/other", "/first", "/same"]
    assert names & set(first) and names & set(again) and names & set(same)
    assert not names & set(other)


def token_session(world, kind=Session, **more):
    return kind.refresh_token("app", "given-refresh", "s3cret", token_endpoint=world.issuer + "/token", **more)


def real_time(server, **issuer):
    from world import World

    return World(server, new={"now_ms": None, "issuer": issuer})


def test_a_file_is_sent_again_from_where_it_began(server):
    world = real_time(server)
    web = requests.Session()
    web.auth = mandate_session.requests.Auth(token_session(world))
    web.get(world.api + "/data", timeout=10)
    world.order({"op": "revoke", "what": "access"})
    file = io.BytesIO(b"skipped|the rest")
    file.seek(8)
    response = web.post(world.api + "/data", data=file, timeout=10)
    assert (response.status_code, response.json()["length"]) == (200, 8)
    assert [r.status_code for r in response.history] == [401]


def test_a_renewal_that_fails_after_a_401_names_the_refusal(server):
    world = real_time(server)
    for send in (
        lambda s: requests.get(world.api + "/data", auth=mandate_session.requests.Auth(s), timeout=10),
        lambda s: httpx.get(world.api + "/data", auth=mandate_session.httpx.Auth(s)),
        lambda s: s.fetch("GET", world.api + "/data"),
    ):
        ours = token_session(world, patience=0)
        ours.token()
        world.order({"op": "revoke", "what": "access"})
        world.order({"op": "fault", "on": "token", "do": "status", "status": 503})
        with pytest.raises(Unavailable) as caught:
            send(ours)
        assert isinstance(caught.value.__cause__, Refused)
        assert caught.value.__cause__.refusal.cause == "token.revoked"


def test_sessions_and_clients_of_different_kinds_are_told_apart():
    with pytest.raises(TypeError, match="needs a Session"):
        httpx.get("http://127.0.0.1:9/", auth=mandate_session.httpx.Auth(AsyncSession.api_key(KEYS)))


def test_a_program_of_threads_over_one_requests_session(server):
    """As programs with alpaca-py do: one `requests.Session` with the session's auth, many threads, a token that ends meanwhile."""
    world = real_time(server, access_seconds=2)
    web = requests.Session()
    web.auth = mandate_session.requests.Auth(token_session(world))
    wrong: list[int] = []

    def work() -> None:
        for _ in range(60):
            status = web.get(world.api + "/v2/account", headers={"Authorization": "Bearer replaced"}, timeout=10).status_code
            if status != 200:
                wrong.append(status)
            threading.Event().wait(0.05)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    log = world.log()
    assert 2 <= sum(line["to"] == "token" for line in log) <= 5
    assert {line["status"] for line in log if line["to"] == "token"} == {200}


def test_a_provider_of_tokens_renews(server):
    world = real_time(server, access_seconds=1)
    ours = token_session(world)

    def provide() -> str:
        return ours.token().reveal()

    first = provide()
    assert provide() == first
    threading.Event().wait(1.0)
    assert provide() != first


def test_what_the_integration_explains(server):
    world = real_time(server, scopes={"/orders": "trading"}, scope="data")
    ours = token_session(world)
    for response in (
        requests.get(world.api + "/orders", auth=mandate_session.requests.Auth(ours), timeout=10),
        httpx.get(world.api + "/orders", auth=mandate_session.httpx.Auth(ours)),
    ):
        refusal = ours.refusal(response)
        assert refusal is not None and refusal.scopes_missing == ("trading",)


def test_needs_login_through_httpx(server):
    world = real_time(server)
    ours = Session.authorization_code("app", token_endpoint=world.issuer + "/token", authorization_endpoint=world.issuer + "/authorize")
    with pytest.raises(NeedsLogin):
        httpx.get(world.api + "/data", auth=mandate_session.httpx.Auth(ours))


def test_taking_an_account_back(server):
    world = real_time(server)
    ours = Session.password("app", "GE-A-1", "p4ss-of-person", "s3cret", token_endpoint=world.issuer + "/token")
    ours.token()
    world.order({"op": "displace"})
    assert ours.fetch("GET", world.api + "/data").status == 401
    with pytest.raises(NeedsLogin):
        ours.token()
    ours.login.again()
    assert ours.fetch("GET", world.api + "/data").status == 200


def test_answered_by_hand():
    clock, issuer = Clock(), Issuer()
    ours = session(issuer, clock=clock)
    sent = ours.authorize("GET", URL)
    assert ours.answered("GET", URL, sent, 200, {}) is None
    refused = {"www-authenticate": 'Bearer error="invalid_token"'}
    clock.now += 1
    again = ours.answered("GET", URL, sent, 401, refused)
    assert again is not None and again != sent
    # when the first was refused is not known here: the time that a call takes makes no token an old one
    clock.now += 1
    assert ours.answered("GET", URL, again, 401, refused, repeated=True) is None
    # an answer to the token of before: the newer one is given without a renewal
    assert ours.answered("GET", URL, sent, 401, refused) == again
    assert len(issuer.asked) == 2
