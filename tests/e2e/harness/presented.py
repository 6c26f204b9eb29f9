"""Who presents what is another's, where, and how that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import requests

from .demo import Demo
from .forms import Page
from .platform import FORM
from .rfc import Bank, Fields, Key, Party, denied, ok, said, with_secret

Json = dict[str, Any]


@dataclass
class World:
    """The bank; another platform of the same kind on the same server; and one of another dialect."""

    bank: Bank
    rival: Bank
    demo: Demo


@dataclass(frozen=True)
class Artefact:
    """How it is made, every wrong way to present it, and the right one."""

    make: Callable[[World], Json]
    wrong: dict[str, Callable[[World, Json], None]]
    right: Callable[[World, Json], None]


# -- how it is refused -------------------------------------------------------------------------------------------


def refused(answer: requests.Response) -> None:
    """In the words of the endpoint's own dialect; no token in it."""
    assert answer.status_code in (400, 401), f"a refusal was expected{said(answer)}"
    assert "token\":\"" not in answer.text and "Mandate-Cause" in answer.headers, said(answer)


def invalid_grant(answer: requests.Response) -> None:
    denied(answer, 400, "invalid_grant")


def invalid_client(answer: requests.Response) -> None:
    denied(answer, 401, "invalid_client")


def bad_proof(answer: requests.Response) -> None:
    """RFC 9449 section 5 has a word of its own for a proof that is missing or of another key."""
    body = ok(answer, 400)
    assert body["error"] in ("invalid_grant", "invalid_dpop_proof"), said(answer)


def revoked_in_vain(answer: requests.Response) -> None:
    """RFC 7009 section 2.2: whether there is such a token, another client is not told."""
    assert answer.status_code in (200, 400), said(answer)


def unknown_at(bank: Bank, token: str) -> None:
    assert bank.introspect(token) == {"active": False}


def denied_as(answer: requests.Response, error: str) -> None:
    denied(answer, 400, error)


def no_page(page: Page) -> None:
    assert page.location is None and page.has("error") and not page.has("consent-allow"), f"{page.status} {page.url} {page.location}"


def not_told(answer: requests.Response) -> None:
    assert answer.status_code in (400, 401, 403), f"a refusal was expected{said(answer)}"
    assert "active" not in answer.json() or answer.json()["active"] is False, said(answer)


# -- who and where ----------------------------------------------------------------------------------------------


def at_alpaca(world: World, fields: Fields, client: str = "app") -> requests.Response:
    """The token endpoint of the other dialect, with a client of its own."""
    theirs = world.demo.clients[client]
    body = {"client_id": theirs.id, "client_secret": theirs.secret} | fields
    return world.bank.call("POST", f"{world.demo.issuer}/oauth/token", headers=FORM, data=body)


def without_credentials(bank: Bank, party: Party, fields: Fields, proof: str | None = None) -> requests.Response:
    """Another way than the client's own: its name alone."""
    return bank.post("/token", None, {"client_id": party.id} | fields, proof)


def strangers(send: Callable[[World, Party, str | None], requests.Response], role: str) -> dict[str, Callable[[World], None]]:
    """Every other client, and those who only say that they are the right one. The last argument of `send` is a proof."""

    def by(other: str) -> Callable[[World], None]:
        def present(world: World) -> None:
            party = world.bank[other]
            proof = world.bank.token_proof(Key()) if party.strict else None
            invalid_grant(send(world, party, proof))

        return present

    def impostor(change: Callable[[Bank], Party]) -> Callable[[World], None]:
        return lambda world: invalid_client(send(world, change(world.bank), None))

    found = {f"another client, {other}": by(other) for other in ("web", "web-2", "web-post", "spa", "jwt", "strict", "fapi") if other != role}
    found["the same name, another secret"] = impostor(lambda bank: with_secret(replace(bank["web"], id=bank[role].id), "wrong" * 8))
    found["the same name, another client's secret"] = impostor(lambda bank: replace(bank["web-2"], id=bank[role].id))
    found["the same name, another's key"] = impostor(lambda bank: replace(bank["fapi-2"], id=bank[role].id))
    return found


def lift(make: Callable[[Json], dict[str, Callable[[World], None]]]) -> dict[str, Callable[[World, Json], None]]:
    """Rows that do not know the artefact yet."""
    return {name: (lambda world, state, name=name: make(state)[name](world)) for name in make({})}
