"""Two `mandate serve` nodes over one PostgreSQL database: nothing lives in one node alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.databases import fresh_database
from harness.platform import Platform, bearer
from harness.refusals import allowed, refusal
from harness.serve import Installation, Node

pytestmark = pytest.mark.postgresql


class Nodes:
    """The platform at node A, at node B, and at both in turn, request by request."""

    def __init__(self, installation: Installation, a: Node, b: Node) -> None:
        self.installation = installation
        self.a, self.b = installation.through(a), installation.through(b)
        turn = itertools.cycle((a.route, b.route))
        self.asked = {"a": 0, "b": 0}

        def in_turn(url: str) -> tuple[str, str | None]:
            route = next(turn)
            self.asked["a" if route == a.route else "b"] += 1
            return route(url)

        self.both = replace(installation.platform, route=in_turn)


@pytest.fixture(scope="module")
def nodes(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with fresh_database(cluster_url) as url:
        installation = Installation(tmp_path_factory.mktemp("nodes"), url)
        with installation.node("node-a") as a:
            installation.set_up()
            with installation.node("node-b") as b:
                yield Nodes(installation, a, b)


def soon_refused(platform: Platform, token: str, cause: str) -> float:
    """Seconds until this node refuses the token. DESIGN D8: the lag has a measured bound."""
    began = time.monotonic()
    while True:
        answer = platform.account(bearer(token))
        if answer.status_code == 401:
            refusal(answer, 401, cause, 40110000)
            return time.monotonic() - began
        assert time.monotonic() - began < 2, "still allowed two seconds after the revocation was answered"
        time.sleep(0.01)


def test_one_consent_flow_request_by_request_in_turn(nodes: Nodes) -> None:
    app = nodes.installation.client("Turn App")
    for shift in range(2):  # whichever node is asked first
        if shift:
            nodes.both.call("GET", f"{nodes.both.issuer}/login")
        token = nodes.both.token(app)
        for platform in (nodes.a, nodes.b, nodes.both):
            allowed(platform.account(bearer(token)))
    assert min(nodes.asked.values()) >= 4 and abs(nodes.asked["a"] - nodes.asked["b"]) <= 1


def test_a_code_is_spent_for_both(nodes: Nodes) -> None:
    app = nodes.installation.client("Spent App")
    code = nodes.a.code(app)
    token = nodes.b.redeem(app, code).json()["access_token"]
    allowed(nodes.a.account(bearer(token)))
    refusal(nodes.a.redeem(app, code), 400, "code.replayed")
    soon_refused(nodes.b, token, "code.replayed")


def test_revocation_on_a_refuses_on_b(nodes: Nodes) -> None:
    app = nodes.installation.client("Revoked App")
    for here, there in ((nodes.a, nodes.b), (nodes.b, nodes.a)):
        browser = here.browser()
        token = here.token(app, browser)
        allowed(there.account(bearer(token)))
        here.withdraw(browser, app)
        refusal(here.account(bearer(token)), 401, "grant.revoked", 40110000)
        soon_refused(there, token, "grant.revoked")


def test_a_key_made_on_a_works_on_b(nodes: Nodes) -> None:
    """Also when B has just said that it does not exist."""
    account = nodes.a.alice.accounts["paper"]
    made = nodes.a.admin("key", "create", "--account", account)
    headers = {"APCA-API-KEY-ID": made["id"], "APCA-API-SECRET-KEY": made["secret"]}
    allowed(nodes.b.account(headers))
    nodes.a.admin("key", "revoke", made["id"])
    began = time.monotonic()
    while nodes.b.account(headers).status_code != 401:
        assert time.monotonic() - began < 2
        time.sleep(0.01)
    refusal(nodes.b.account(headers), 401, "credential.revoked", 40110000)


def test_a_session_is_everywhere(nodes: Nodes) -> None:
    browser = nodes.both.browser()
    nodes.both.sign_in(browser, nodes.both.alice)
    for _ in range(4):
        assert browser.get(f"{nodes.both.issuer}/apps").path == "/apps"


def test_explanations_are_everywhere(nodes: Nodes) -> None:
    token = nodes.a.token(nodes.installation.client("Explained App"))
    refused = refusal(nodes.a.bars(bearer(token)), 401, "licence.delegated_access")
    began = time.monotonic()
    while nodes.b.call("GET", f"{nodes.b.issuer}/explain/{refused.decision}").status_code != 200:
        assert time.monotonic() - began < 3, "records are written behind, but not that far"
        time.sleep(0.05)
    assert nodes.b.explain_public(refused.decision)["cause"] == refused.cause


def test_one_node_stops_and_the_other_serves(cluster_url: str, tmp_path: Path) -> None:
    with fresh_database(cluster_url) as url:
        installation = Installation(tmp_path, url)
        with installation.node("leaving-a") as a:
            platform = installation.set_up()
            app = installation.client("Staying App")
            with installation.node("staying-b") as b:
                token = platform.token(app)
                there = installation.through(b)
                allowed(there.account(bearer(token)))
                code = platform.code(app)
                a.crash()
                allowed(there.account(bearer(token)))
                assert there.redeem(app, code).status_code == 200
                with installation.node("leaving-a-again") as again:
                    allowed(installation.through(again).account(bearer(token)))
                    allowed(there.account(bearer(token)))
