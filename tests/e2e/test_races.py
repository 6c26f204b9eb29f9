"""Authorization codes under contention: spent once, whoever asks and however many at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.databases import fresh_database
from harness.demo import Demo
from harness.platform import Client, Platform, bearer
from harness.refusals import refusal
from harness.scale import Scale
from harness.serve import Installation
from harness.sockets import Answer, Connection

HERE = "/oauth/token"


@dataclass
class Arena:
    """A platform and the addresses at which its nodes serve the issuer."""

    platform: Platform
    app: Client
    other: Client
    addresses: list[tuple[str, str | None]]


@pytest.fixture(scope="module")
def arena(
    store: str,
    start_demo: Callable[[str], AbstractContextManager[Demo]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Arena]:
    """SQLite: the built binary. PostgreSQL: two nodes over one database."""
    with ExitStack() as stack:
        if store == "sqlite":
            demo = stack.enter_context(start_demo("races"))
            yield Arena(demo, demo.clients["app"], demo.clients["app-approved"], [(demo.issuer, None)])
        else:
            url = stack.enter_context(fresh_database(request.getfixturevalue("cluster_url")))
            installation = Installation(tmp_path_factory.mktemp("nodes"), url)
            first = stack.enter_context(installation.node("races-a"))
            installation.set_up()
            second = stack.enter_context(installation.node("races-b"))
            addresses = [node.route(installation.platform.issuer) for node in (first, second)]
            yield Arena(installation.platform, installation.client("Racer"), installation.client("Other"), addresses)


def codes_of(arena: Arena, count: int) -> list[str]:
    browser = arena.platform.browser()
    return [arena.platform.code(arena.app, browser) for _ in range(count)]


def fields(client: Client, code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client.id,
        "client_secret": client.secret,
        "redirect_uri": client.redirect_uri,
    } | changes


async def at_once(connections: list[Connection], forms: list[dict[str, str]]) -> list[Answer]:
    """Each connection sends its form; all are written before any answer is read."""
    return await asyncio.gather(*(connection.post_form(HERE, form) for connection, form in zip(connections, forms, strict=True)))


async def opened(arena: Arena, count: int) -> list[Connection]:
    """Connections, spread over the nodes in turn."""
    connections = [Connection(*arena.addresses[index % len(arena.addresses)]) for index in range(count)]
    await asyncio.gather(*(connection.open() for connection in connections))
    return connections


def test_one_code_many_tasks(arena: Arena, scale: Scale) -> None:
    codes = codes_of(arena, scale.codes)

    async def run() -> list[tuple[list[Answer], list[Answer]]]:
        mine, theirs = await opened(arena, scale.tasks), await opened(arena, 4)
        outcomes = []
        for code in codes:
            outcomes.append(
                await asyncio.gather(
                    at_once(mine, [fields(arena.app, code)] * scale.tasks),
                    at_once(theirs, [fields(arena.other, code), fields(replace(arena.app, secret="x" * 40), code)] * 2),
                )
            )
        for connection in mine + theirs:
            await connection.close()
        return [(mine_answers, their_answers) for mine_answers, their_answers in outcomes]

    outcomes = asyncio.run(run())
    tokens = []
    for mine, theirs in outcomes:
        counted = Counter(answer.status for answer in mine)
        assert counted == {200: 1, 400: scale.tasks - 1}, counted
        tokens += [answer.json()["access_token"] for answer in mine if answer.status == 200]
        for answer in mine:
            if answer.status != 200:
                assert refusal(answer, 400, "code.replayed").body["error"] == "invalid_grant"
        for answer in theirs:
            refusal(answer, (400, 401, 429))
    assert len(tokens) == len(set(tokens)) == scale.codes
    for token in tokens:
        refusal(arena.platform.account(bearer(token)), 401, "code.replayed", 40110000)


def test_others_spend_and_revoke_nothing(arena: Arena, scale: Scale) -> None:
    """Another client, a wrong secret, another redirect URI: before the code is spent and after."""
    codes = codes_of(arena, max(4, scale.codes // 20))

    async def attack(code: str) -> list[Answer]:
        connections = await opened(arena, scale.tasks)
        kinds: list[dict[str, Any]] = [
            fields(arena.other, code),
            fields(replace(arena.app, secret="x" * 40), code),
            fields(arena.app, code, redirect_uri="http://localhost"),
            fields(replace(arena.other, id=arena.app.id), code),
        ]
        answers = await at_once(connections, [kinds[index % len(kinds)] for index in range(scale.tasks)])
        for connection in connections:
            await connection.close()
        return answers

    for code in codes:
        for answer in asyncio.run(attack(code)):
            refusal(answer, (400, 401, 429))
        redeemed = arena.platform.redeem(arena.app, code)
        assert redeemed.status_code == 200, redeemed.text
        for answer in asyncio.run(attack(code)):
            refusal(answer, (400, 401, 429))
        alive = arena.platform.account(bearer(redeemed.json()["access_token"]))
        assert alive.status_code in (200, 429), alive.text
