"""What may be used once, under contention: many connections, each written before any answer is read."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from harness.databases import fresh_database
from harness.demo import Demo
from harness.nodes import two_nodes
from harness.rfc import ASSERTION_TYPE, DEVICE_GRANT, Bank, Fields, Key, Party, claims_of, denied, ok
from harness.scale import Scale
from harness.sockets import Answer, Connection

ROUNDS = 3
"""So often each race is run."""


@pytest.fixture(scope="module")
def shared(
    store: str,
    start_demo: Callable[[str], AbstractContextManager[Demo]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bank]:
    """SQLite: one binary. PostgreSQL: two nodes over one database, and every other request of a race goes to the second."""
    if store == "sqlite":
        with start_demo("rfc-races") as demo:
            yield Bank.of(demo)
    else:
        with (
            fresh_database(request.getfixturevalue("cluster_url")) as url,
            two_nodes(tmp_path_factory.mktemp("nodes"), url, "rfc-races") as bank,
        ):
            yield bank


@pytest.fixture(params=range(ROUNDS))
def bank(shared: Bank) -> Bank:
    shared.demo.advance(61)
    return shared


def at_once(bank: Bank, origin: str, requests: list[tuple[str, str, Fields, bytes]]) -> list[Answer]:
    """Method, path, headers and body of each, all on connections that are open already."""
    doors = bank.doors(origin)

    async def run() -> list[Answer]:
        connections = [Connection(*doors[index % len(doors)]) for index in range(len(requests))]
        await asyncio.gather(*(connection.open() for connection in connections))
        sent = (
            connection.request(method, path, body, headers)
            for connection, (method, path, headers, body) in zip(connections, requests, strict=True)
        )
        answers = await asyncio.gather(*sent)
        for connection in connections:
            await connection.close()
        return list(answers)

    return asyncio.run(run())


def ended(bank: Bank, token: str) -> None:
    """The API refuses the token at every node. DESIGN D8: other nodes learn of it within a bound."""
    began = time.monotonic()
    for door in bank.doors(bank.api):
        while True:
            answer = asyncio.run(Connection(*door).request("GET", "/accounts", headers={"Authorization": f"Bearer {token}"}))
            if answer.status == 401 and 'error="invalid_token"' in answer.headers["www-authenticate"]:
                break
            assert len(bank.doors(bank.api)) > 1 and time.monotonic() - began < 2, f"still {answer.status} {answer.body.decode()}"
            time.sleep(0.01)


def token_requests(
    bank: Bank, party: Party | None, fields: Fields, count: int, proofs: list[str] | None = None
) -> list[tuple[str, str, Fields, bytes]]:
    """The same request so often, each with a client assertion of its own."""
    return [("POST", "/token", *bank.ready(party, fields, proofs[index] if proofs else None)) for index in range(count)]


def counted(answers: list[Answer]) -> Counter[tuple[int, str, str]]:
    found: Counter[tuple[int, str, str]] = Counter()
    for answer in answers:
        body: dict[str, Any] = answer.json()
        found[answer.status, body.get("error", ""), answer.headers.get("mandate-cause", "")] += 1
    return found


def example(answers: list[Answer], wanted: int) -> str:
    odd = next((answer for answer in answers if answer.status != wanted), None)
    return "" if odd is None else f"\nfor example: {odd.status} {odd.headers}\n{odd.body.decode()}"


@pytest.mark.parametrize("role", ["web", "spa", "jwt", "fapi"])
def test_one_code(bank: Bank, scale: Scale, role: str) -> None:
    code, key = bank.code(bank[role]), Key()
    proofs = [bank.token_proof(key) for _ in range(scale.tasks)] if bank[role].strict else None
    answers = at_once(bank, bank.issuer, token_requests(bank, bank[role], bank.code_fields(code), scale.tasks, proofs))
    found = counted(answers)
    assert found == {(200, "", ""): 1, (400, "invalid_grant", "code.replayed"): scale.tasks - 1}, f"{found}{example(answers, 200)}"
    (tokens,) = (answer.json() for answer in answers if answer.status == 200)
    if not bank[role].strict:
        ended(bank, tokens["access_token"])
    assert bank.introspect(tokens["access_token"]) == bank.introspect(tokens["refresh_token"]) == {"active": False}


def test_one_refresh_token_idempotent(bank: Bank, scale: Scale) -> None:
    token = bank.tokens(bank["web"])["refresh_token"]
    answers = at_once(bank, bank.issuer, token_requests(bank, bank["web"], {"grant_type": "refresh_token", "refresh_token": token}, scale.tasks))
    found = counted(answers)
    assert found == {(200, "", ""): scale.tasks}, f"{found}{example(answers, 200)}"
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1 and token not in successors, successors
    accesses = [answer.json()["access_token"] for answer in answers]
    assert len(set(accesses)) == scale.tasks
    ok(bank.accounts(accesses[0]))
    ok(bank.refresh(bank["web"], successors.pop()))


def test_few_at_once_with_one_refresh_token(bank: Bank) -> None:
    """A program that starts several processes at the same instant."""
    for role in ("web", "spa"):
        token = bank.tokens(bank[role])["refresh_token"]
        answers = at_once(bank, bank.issuer, token_requests(bank, bank[role], {"grant_type": "refresh_token", "refresh_token": token}, 8))
        found = counted(answers)
        assert found == {(200, "", ""): 8}, f"{role}: {found}{example(answers, 200)}"
        (successor,) = {answer.json()["refresh_token"] for answer in answers}
        ok(bank.refresh(bank[role], successor))


def test_one_refresh_token_strict(bank: Bank, scale: Scale) -> None:
    token = bank.tokens(bank["strict"])["refresh_token"]
    answers = at_once(
        bank, bank.issuer, token_requests(bank, bank["strict"], {"grant_type": "refresh_token", "refresh_token": token}, scale.tasks)
    )
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: 1, 400: scale.tasks - 1}, f"{counted(answers)}{example(answers, 200)}"
    assert {answer.json()["error"] for answer in answers if answer.status != 200} == {"invalid_grant"}
    (tokens,) = (answer.json() for answer in answers if answer.status == 200)
    ended(bank, tokens["access_token"])
    assert bank.introspect(tokens["refresh_token"]) == {"active": False}
    denied(bank.refresh(bank["strict"], tokens["refresh_token"]), 400, "invalid_grant")


def test_one_refresh_token_static(bank: Bank, scale: Scale) -> None:
    key = Key()
    token = bank.tokens(bank["fapi"], key)["refresh_token"]
    proofs = [bank.token_proof(key) for _ in range(scale.tasks)]
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    answers = at_once(bank, bank.issuer, token_requests(bank, bank["fapi"], fields, scale.tasks, proofs))
    found = counted(answers)
    assert found == {(200, "", ""): scale.tasks}, f"{found}{example(answers, 200)}"
    assert {answer.json().get("refresh_token", token) for answer in answers} == {token}


def test_one_client_assertion(bank: Bank, scale: Scale) -> None:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": bank.assertion(bank["jwt"])}
    answers = at_once(bank, bank.issuer, token_requests(bank, None, fields, scale.tasks))
    found = counted(answers)
    assert found == {(200, "", ""): 1, (401, "invalid_client", "assertion.reused"): scale.tasks - 1}, f"{found}{example(answers, 200)}"


def test_one_client_assertion_at_several_endpoints(bank: Bank, scale: Scale) -> None:
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": bank.assertion(bank["jwt"])}
    push = bank.request(bank["jwt"], code_challenge="w" * 43, code_challenge_method="S256")
    kinds = [("/token", {"grant_type": "client_credentials"}), ("/par", push), ("/revoke", {"token": "unknown"})]
    requests = []
    for index in range(scale.tasks):
        path, fields = kinds[index % len(kinds)]
        requests.append(("POST", path, *bank.ready(None, fields | shown)))
    answers = at_once(bank, bank.issuer, requests)
    statuses = Counter(answer.status // 100 for answer in answers)
    assert statuses == {2: 1, 4: scale.tasks - 1}, f"{counted(answers)}"


def test_one_proof_at_the_token_endpoint(bank: Bank, scale: Scale) -> None:
    key = Key()
    token = bank.tokens(bank["fapi"], key)["refresh_token"]
    proofs = [bank.token_proof(key)] * scale.tasks
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    answers = at_once(bank, bank.issuer, token_requests(bank, bank["fapi"], fields, scale.tasks, proofs))
    found = counted(answers)
    assert found == {(200, "", ""): 1, (400, "invalid_dpop_proof", "dpop.reused"): scale.tasks - 1}, f"{found}{example(answers, 200)}"


@pytest.mark.parametrize("resource", ["accounts", "userinfo"])
def test_one_proof_at_a_protected_resource(bank: Bank, scale: Scale, resource: str) -> None:
    """Each gate keeps its own marks and takes a proof once (SECURITY R16); the issuer's are everybody's."""
    key = Key()
    token = bank.tokens(bank["web"], key)["access_token"]
    origin = bank.api if resource == "accounts" else bank.issuer
    winners = len(bank.doors(origin)) if resource == "accounts" else 1
    headers = {"Authorization": f"DPoP {token}", "DPoP": bank.proof(key, "GET", f"{origin}/{resource}", token)}
    answers = at_once(bank, origin, [("GET", f"/{resource}", headers, b"")] * scale.tasks)
    found = Counter(answer.status for answer in answers)
    assert found == {200: winners, 401: scale.tasks - winners}, f"{counted(answers)}{example(answers, 200)}"
    assert {answer.headers["mandate-cause"] for answer in answers if answer.status == 401} == {"dpop.reused"}
    ok(bank.accounts_proven(token, key))


@pytest.mark.parametrize("bound", [False, True], ids=["bearer", "dpop"])
def test_one_device_code(bank: Bank, scale: Scale, bound: bool) -> None:
    flow, key = ok(bank.post("/device_authorization", bank["device"], {"scope": "openid accounts offline_access"})), Key()
    assert bank.decide_device(flow["user_code"]).status == 200
    proofs = [bank.token_proof(key) for _ in range(scale.tasks)] if bound else None
    fields = {"grant_type": DEVICE_GRANT, "device_code": flow["device_code"]}
    answers = at_once(bank, bank.issuer, token_requests(bank, bank["device"], fields, scale.tasks, proofs))
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: 1, 400: scale.tasks - 1}, f"{counted(answers)}{example(answers, 200)}"
    # Too early for a further poll, or spent: either way nothing more is given.
    assert {answer.json()["error"] for answer in answers if answer.status != 200} <= {"slow_down", "invalid_grant"}, counted(answers)
    (tokens,) = (answer.json() for answer in answers if answer.status == 200)
    ok(bank.accounts_proven(tokens["access_token"], key) if bound else bank.accounts(tokens["access_token"]))
    ok(bank.refresh(bank["device"], tokens["refresh_token"], bank.token_proof(key) if bound else None))


@pytest.mark.parametrize("role", ["spa", "jwt"])
def test_one_bound_refresh_token_idempotent(bank: Bank, scale: Scale, role: str) -> None:
    """A proof for each attempt: the same successor, and access tokens that are bound to the key."""
    key = Key()
    token = bank.tokens(bank[role], key)["refresh_token"]
    proofs = [bank.token_proof(key) for _ in range(scale.tasks)]
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    answers = at_once(bank, bank.issuer, token_requests(bank, bank[role], fields, scale.tasks, proofs))
    found = counted(answers)
    assert found == {(200, "", ""): scale.tasks}, f"{found}{example(answers, 200)}"
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert {claims_of(answer.json()["access_token"])["cnf"]["jkt"] for answer in answers} == {key.thumbprint}


def test_one_request_uri(bank: Bank) -> None:
    """Two consent pages of one pushed request: one of them gives a code."""
    fields = bank.request(bank["web"], code_challenge="w" * 43, code_challenge_method="S256")
    url = bank.url_of(bank.pushed(bank["web"], fields))
    first, second = bank.browser("alice"), bank.browser("bob")
    pages = [bank.page(url, first, "alice"), bank.page(url, second, "bob")]
    done = [browser.submit(page, "consent-allow") for browser, page in zip((first, second), pages, strict=True)]
    assert done[0].location is not None and "code=" in done[0].location, f"{done[0].status} {done[0].url}"
    assert done[1].location is None or "code=" not in done[1].location, done[1].location
