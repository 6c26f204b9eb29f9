"""Whatever a sign-in leaves in somebody's hands, presented by anybody else or elsewhere: refused, nothing is spent, and
afterwards the right party succeeds. One row for each artefact and presenter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harness.demo import Demo
from harness.nodes import rival_of
from harness.presented import (
    Artefact,
    Json,
    World,
    at_alpaca,
    bad_proof,
    denied_as,
    invalid_client,
    invalid_grant,
    lift,
    no_page,
    not_told,
    refused,
    revoked_in_vain,
    strangers,
    unknown_at,
    without_credentials,
)
from harness.rfc import ASSERTION_TYPE, DEVICE_GRANT, Bank, Code, Fields, Key, Party, denied, digest, ok, said


@pytest.fixture(scope="module")
def shared(
    start_demo: Callable[[str], AbstractContextManager[Demo]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with start_demo("rfc-presented") as demo:
        bank = Bank.of(demo)
        yield World(bank, rival_of(bank, tmp_path_factory.mktemp("rival")), demo)


@pytest.fixture
def world(shared: World) -> World:
    """Limits count per minute: each test begins with all of them."""
    shared.bank.demo.advance(61)
    return shared


# -- authorization codes --------------------------------------------------------------------------------------


def redeem(world: World, state: Json, party: Party, proof: str | None = None, **changes: str | None) -> requests.Response:
    return world.bank.redeem(party, state["code"], proof, **changes)


def code_fields(world: World, state: Json) -> Fields:
    return world.bank.code_fields(state["code"])


def code_of(role: str, key: bool = False) -> Artefact:
    def make(world: World) -> Json:
        bound = Key() if key or world.bank[role].strict else None
        more = {"dpop_jkt": bound.thumbprint} if key and bound else {}
        return {"code": world.bank.code(world.bank[role], **more), "key": bound}

    def proof(world: World, state: Json) -> str | None:
        return world.bank.token_proof(state["key"]) if state["key"] else None

    def own(answered: Callable[[requests.Response], None], **changes: str | None) -> Callable[[World, Json], None]:
        return lambda world, state: answered(redeem(world, state, world.bank[role], proof(world, state), **changes))

    wrong = lift(lambda state: strangers(lambda world, party, given: redeem(world, state, party, given or proof(world, state)), role))
    wrong |= {
        "another redirect URI of the client": own(invalid_grant, redirect_uri="http://127.0.0.1/cb"),
        "a longer redirect URI": own(invalid_grant, redirect_uri="https://rp.example.test/cb/"),
        "another's redirect URI": own(invalid_grant, redirect_uri="https://evil.example.test/cb"),
        "no redirect URI": own(refused, redirect_uri=None),
        "another verifier": own(invalid_grant, code_verifier="w" * 43),
        "no verifier": own(invalid_grant, code_verifier=None),
        "as a refresh token": lambda world, state: invalid_grant(
            world.bank.refresh(world.bank[role], state["code"].code, proof(world, state))
        ),
        "ended by another client": lambda world, state: revoked_in_vain(world.bank.revoke(world.bank["web-post"], state["code"].code)),
        "at another platform, by its client": lambda world, state: invalid_grant(world.rival.redeem(world.rival["web"], state["code"])),
        "at another platform, by ours": lambda world, state: invalid_client(world.rival.redeem(world.bank["web"], state["code"])),
        "at a platform of another dialect": lambda world, state: refused(at_alpaca(world, code_fields(world, state))),
    }
    if role != "spa":
        wrong["the same name alone"] = lambda world, state: invalid_client(
            without_credentials(world.bank, world.bank[role], code_fields(world, state), proof(world, state))
        )
    if key:
        wrong |= {
            "another key": lambda world, state: bad_proof(redeem(world, state, world.bank[role], world.bank.token_proof(Key()))),
            "no key": lambda world, state: bad_proof(redeem(world, state, world.bank[role])),
        }

    def right(world: World, state: Json) -> None:
        tokens = ok(redeem(world, state, world.bank[role], proof(world, state)))
        alive(world, tokens, state["key"])
        ok(world.bank.refresh(world.bank[role], tokens["refresh_token"], proof(world, state)))

    return Artefact(make, wrong, right)


def alive(world: World, tokens: Json, key: Key | None) -> None:
    """The access token serves, so nothing of its chain or grant was ended."""
    bank, token = world.bank, tokens["access_token"]
    ok(bank.accounts_proven(token, key) if key else bank.accounts(token))


# -- refresh tokens -------------------------------------------------------------------------------------------


def refresh_of(role: str, bound: bool = False) -> Artefact:
    def make(world: World) -> Json:
        key = Key() if bound else None
        return {"tokens": world.bank.tokens(world.bank[role], key), "key": key}

    def proof(world: World, state: Json) -> str | None:
        return world.bank.token_proof(state["key"]) if bound else None

    def text(state: Json) -> str:
        return str(state["tokens"]["refresh_token"])

    wrong = lift(
        lambda state: strangers(lambda world, party, given: world.bank.refresh(party, text(state), given or proof(world, state)), role)
    )
    wrong |= {
        "as an authorization code": lambda world, state: invalid_grant(
            world.bank.redeem(world.bank[role], Code(text(state), "v" * 43, world.bank[role].redirect_uri), proof(world, state))
        ),
        "as an access token": lambda world, state: refused(world.bank.accounts(text(state))),
        "ended by another client": lambda world, state: revoked_in_vain(world.bank.revoke(world.bank["web-post"], text(state))),
        "asked about by a client that may not": lambda world, state: not_told(
            world.bank.post("/introspect", world.bank["web-post"], {"token": text(state)})
        ),
        "at another platform, by its client": lambda world, state: invalid_grant(world.rival.refresh(world.rival["web"], text(state))),
        "at another platform, by ours": lambda world, state: invalid_client(world.rival.refresh(world.bank["web"], text(state))),
        "ended at another platform": lambda world, state: revoked_in_vain(world.rival.revoke(world.rival["web"], text(state))),
        "asked about at another platform": lambda world, state: unknown_at(world.rival, text(state)),
        "at a platform of another dialect": lambda world, state: refused(
            at_alpaca(world, {"grant_type": "refresh_token", "refresh_token": text(state)})
        ),
    }
    if role != "spa":
        wrong["the same name alone"] = lambda world, state: invalid_client(
            without_credentials(
                world.bank, world.bank[role], {"grant_type": "refresh_token", "refresh_token": text(state)}, proof(world, state)
            )
        )
    if bound:
        wrong["no key"] = lambda world, state: bad_proof(world.bank.refresh(world.bank[role], text(state)))
    if bound and role == "spa":
        # A confidential client may change its key (RFC 9449 section 5).
        wrong["another key"] = lambda world, state: bad_proof(world.bank.refresh(world.bank[role], text(state), world.bank.token_proof(Key())))

    def right(world: World, state: Json) -> None:
        alive(world, state["tokens"], state["key"])
        fresh = ok(world.bank.refresh(world.bank[role], text(state), proof(world, state)))
        alive(world, fresh, state["key"])

    return Artefact(make, wrong, right)


# -- device codes ---------------------------------------------------------------------------------------------


def device(decided: bool) -> Artefact:
    def make(world: World) -> Json:
        bank = world.bank
        flow = ok(bank.post("/device_authorization", bank["device"], {"scope": "openid accounts offline_access"}))
        if decided:
            assert bank.decide_device(flow["user_code"]).status == 200
        return dict(flow)

    def poll(bank: Bank, state: Json, party: Party) -> requests.Response:
        return bank.token(party, grant_type=DEVICE_GRANT, device_code=state["device_code"])

    wrong: dict[str, Callable[[World, Json], None]] = {
        "another device's client": lambda world, state: invalid_grant(poll(world.bank, state, world.bank["device-2"])),
        "a client without the grant": lambda world, state: denied_as(poll(world.bank, state, world.bank["web"]), "unauthorized_client"),
        "a public client without the grant": lambda world, state: denied_as(
            poll(world.bank, state, world.bank["spa"]), "unauthorized_client"
        ),
        "the user code in its place": lambda world, state: invalid_grant(
            poll(world.bank, {"device_code": state["user_code"]}, world.bank["device"])
        ),
        "as a refresh token": lambda world, state: invalid_grant(world.bank.refresh(world.bank["device"], state["device_code"])),
        "at another platform, by its client": lambda world, state: invalid_grant(poll(world.rival, state, world.rival["device"])),
        "at another platform, by ours": lambda world, state: invalid_client(poll(world.rival, state, world.bank["device"])),
        "its user code at another platform": lambda world, state: no_page(world.rival.decide_device(state["user_code"])),
        "at a platform of another dialect": lambda world, state: refused(
            at_alpaca(world, {"grant_type": DEVICE_GRANT, "device_code": state["device_code"]})
        ),
    }

    def right(world: World, state: Json) -> None:
        bank = world.bank
        if not decided:
            # A stranger's polls do not slow the device down, either.
            denied(poll(bank, state, bank["device"]), 400, "authorization_pending", "device.pending")
            assert bank.decide_device(state["user_code"]).status == 200
            bank.demo.advance(6)
        tokens = ok(poll(bank, state, bank["device"]))
        alive(world, tokens, None)
        ok(bank.refresh(bank["device"], tokens["refresh_token"]))

    return Artefact(make, wrong, right)


# -- pushed requests ------------------------------------------------------------------------------------------


def pushed_by(role: str, bound: bool = False) -> Artefact:
    def make(world: World) -> Json:
        bank, verifier, key = world.bank, "v" * 43, Key() if bound or world.bank[role].strict else None
        fields = bank.request(bank[role], code_challenge=digest(verifier), code_challenge_method="S256")
        proof = bank.proof(key, "POST", f"{bank.issuer}/par") if bound and key else None
        return {"fields": bank.pushed(bank[role], fields, proof), "verifier": verifier, "key": key}

    def opened(at: Callable[[World], Bank], **changes: Callable[[World], str] | None) -> Callable[[World, Json], None]:
        def present(world: World, state: Json) -> None:
            fields = dict(state["fields"])
            for name, value in changes.items():
                fields.pop(name)
                if value:
                    fields[name] = value(world)
            no_page(at(world).page(at(world).url_of(fields)))

        return present

    def to_the_end(world: World, state: Json) -> Code:
        found = parse_qs(urlsplit(world.bank.follow(world.bank.url_of(state["fields"]))).query)
        return Code(found["code"][0], state["verifier"], world.bank[role].redirect_uri)

    wrong: dict[str, Callable[[World, Json], None]] = {
        f"another client, {other}": opened(lambda world: world.bank, client_id=lambda world, other=other: world.bank[other].id)
        for other in ("web", "web-2", "spa", "fapi", "fapi-2")
        if other != role
    }
    wrong |= {
        "nobody's name": opened(lambda world: world.bank, client_id=None),
        "at another platform, in its client's name": opened(lambda world: world.rival, client_id=lambda world: world.rival["web"].id),
        "at another platform, in ours": opened(lambda world: world.rival),
        "at a platform of another dialect": lambda world, state: no_page(
            world.bank.browser().get(f"{world.demo.issuer}/oauth/authorize", state["fields"] | {"response_type": "code"})
        ),
        "inside another push": lambda world, state: denied_as(
            world.bank.post("/par", world.bank["web-2"], {"request_uri": state["fields"]["request_uri"]}), "invalid_request"
        ),
        "as a code": lambda world, state: invalid_grant(
            world.bank.redeem(
                world.bank[role],
                Code(state["fields"]["request_uri"], state["verifier"], world.bank[role].redirect_uri),
                world.bank.token_proof(state["key"]) if state["key"] else None,
            )
        ),
    }

    def right(world: World, state: Json) -> None:
        code = to_the_end(world, state)
        if bound:
            # RFC 9449 section 10.1: the key of the push is the code's.
            for proof in (world.bank.token_proof(Key()), None):
                bad_proof(world.bank.redeem(world.bank[role], code, proof))
        proof = world.bank.token_proof(state["key"]) if state["key"] else None
        alive(world, ok(world.bank.redeem(world.bank[role], code, proof)), state["key"])

    return Artefact(make, wrong, right)


# -- access tokens and ID tokens ------------------------------------------------------------------------------


def bound_token(role: str) -> Artefact:
    def make(world: World) -> Json:
        key = Key()
        return {"tokens": world.bank.tokens(world.bank[role], key), "key": key}

    def sent(
        to: str, scheme: str = "DPoP", key: Callable[[Json], Key | None] = lambda state: state["key"], **changes: Any
    ) -> Callable[[World, Json], None]:
        def present(world: World, state: Json) -> None:
            token, prover = state["tokens"]["access_token"], key(state)
            url = {
                "api": f"{world.bank.api}/accounts",
                "userinfo": f"{world.bank.issuer}/userinfo",
                "rival": f"{world.rival.api}/accounts",
                "rival's userinfo": f"{world.rival.issuer}/userinfo",
                "alpaca": f"{world.demo.api['live']}/v2/account",
            }[to]
            headers = {"Authorization": f"{scheme} {token}"}
            if prover:
                headers["DPoP"] = world.bank.proof(prover, "GET", changes.get("htu") or url, changes.get("ath") or token)
            answer = world.bank.call("GET", url, headers=headers)
            assert answer.status_code == 401, f"401 was expected{said(answer)}"

        return present

    wrong: dict[str, Callable[[World, Json], None]] = {}
    for to in ("api", "userinfo"):
        wrong |= {
            f"{to}: another key": sent(to, key=lambda state: Key()),
            f"{to}: no proof": sent(to, key=lambda state: None),
            f"{to}: as a bearer token": sent(to, "Bearer", key=lambda state: None),
            f"{to}: as a bearer token beside its proof": sent(to, "Bearer"),
            f"{to}: a proof for another token": sent(to, ath="another"),
            f"{to}: a proof for another address": sent(to, htu="https://rp.example.test/accounts"),
        }
    wrong |= {
        "another platform's API, with its key": sent("rival"),
        "another platform's userinfo, with its key": sent("rival's userinfo"),
        "another dialect's API": sent("alpaca", "Bearer", key=lambda state: None),
        "as a refresh token": lambda world, state: invalid_grant(
            world.bank.refresh(world.bank[role], state["tokens"]["access_token"], world.bank.token_proof(state["key"]))
        ),
        "ended by another client": lambda world, state: revoked_in_vain(
            world.bank.revoke(world.bank["web-post"], state["tokens"]["access_token"])
        ),
        "ended at another platform": lambda world, state: revoked_in_vain(
            world.rival.revoke(world.rival["web"], state["tokens"]["access_token"])
        ),
        "asked about by a client that may not": lambda world, state: not_told(
            world.bank.post("/introspect", world.bank["web-post"], {"token": state["tokens"]["access_token"]})
        ),
        "asked about at another platform": lambda world, state: unknown_at(world.rival, state["tokens"]["access_token"]),
    }

    def right(world: World, state: Json) -> None:
        token, key = state["tokens"]["access_token"], state["key"]
        ok(world.bank.accounts_proven(token, key))
        url = f"{world.bank.issuer}/userinfo"
        ok(world.bank.userinfo(token, scheme="DPoP", proof=world.bank.proof(key, "GET", url, token)))

    return Artefact(make, wrong, right)


def id_token(role: str) -> Artefact:
    """It says who signed in to whom, and opens nothing."""

    def shown(to: Callable[[World], str], scheme: str = "Bearer") -> Callable[[World, Json], None]:
        def present(world: World, state: Json) -> None:
            answer = world.bank.call("GET", to(world), headers={"Authorization": f"{scheme} {state['tokens']['id_token']}"})
            assert answer.status_code == 401, f"401 was expected{said(answer)}"

        return present

    wrong: dict[str, Callable[[World, Json], None]] = {
        "as an access token of the API": shown(lambda world: f"{world.bank.api}/accounts"),
        "as an access token of userinfo": shown(lambda world: f"{world.bank.issuer}/userinfo"),
        "at another platform's API": shown(lambda world: f"{world.rival.api}/accounts"),
        "at another dialect's API": shown(lambda world: f"{world.demo.api['live']}/v2/account"),
        "as a refresh token": lambda world, state: invalid_grant(world.bank.refresh(world.bank[role], state["tokens"]["id_token"])),
        "as a code": lambda world, state: invalid_grant(
            world.bank.redeem(world.bank[role], Code(state["tokens"]["id_token"], "v" * 43, world.bank[role].redirect_uri))
        ),
        "as a client's assertion": lambda world, state: invalid_client(
            world.bank.post(
                "/token",
                None,
                {
                    "grant_type": "client_credentials",
                    "client_id": world.bank["jwt"].id,
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": state["tokens"]["id_token"],
                },
            )
        ),
        "asked about": lambda world, state: unknown_at(world.bank, state["tokens"]["id_token"]),
        "ended": lambda world, state: revoked_in_vain(world.bank.revoke(world.bank[role], state["tokens"]["id_token"])),
    }

    def right(world: World, state: Json) -> None:
        alive(world, state["tokens"], None)
        ok(world.bank.refresh(world.bank[role], state["tokens"]["refresh_token"]))

    return Artefact(lambda world: {"tokens": world.bank.tokens(world.bank[role])}, wrong, right)


ARTEFACTS: dict[str, Artefact] = {
    "code of a secret": code_of("web"),
    "code of a public client": code_of("spa"),
    "code of a key": code_of("jwt"),
    "code on fapi2": code_of("fapi"),
    "code bound to a DPoP key": code_of("web", key=True),
    "public code bound to a DPoP key": code_of("spa", key=True),
    "refresh token, idempotent": refresh_of("web"),
    "refresh token, strict": refresh_of("strict"),
    "refresh token, static": refresh_of("fapi", bound=True),
    "refresh token of a public client": refresh_of("spa"),
    "refresh token bound to a DPoP key": refresh_of("spa", bound=True),
    "refresh token of a key": refresh_of("jwt"),
    "device code that waits": device(decided=False),
    "device code that was allowed": device(decided=True),
    "request_uri": pushed_by("web"),
    "request_uri of a public client": pushed_by("spa"),
    "request_uri on fapi2": pushed_by("fapi"),
    "request_uri bound to a DPoP key": pushed_by("web", bound=True),
    "access token bound to a DPoP key": bound_token("web"),
    "public access token bound to a DPoP key": bound_token("spa"),
    "ID token": id_token("web"),
}
ROWS = [(name, presenter) for name, artefact in ARTEFACTS.items() for presenter in artefact.wrong]


@pytest.mark.parametrize("name, presenter", ROWS, ids=[f"{name} - {presenter}" for name, presenter in ROWS])
def test_presented_by_another(world: World, name: str, presenter: str) -> None:
    artefact = ARTEFACTS[name]
    state = artefact.make(world)
    for _ in range(2):
        artefact.wrong[presenter](world, state)
    artefact.right(world, state)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_presented_by_everybody_and_then_by_the_right_one(world: World, name: str) -> None:
    artefact = ARTEFACTS[name]
    state = artefact.make(world)
    for present in artefact.wrong.values():
        present(world, state)
    artefact.right(world, state)
