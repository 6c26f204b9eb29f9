"""The Rust crate openidconnect 4.1.0, through every flow that it has."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import talk
from harness.binary import ROOT
from harness.demo import Demo
from harness.node import E2E, tool
from harness.rfc import EVERYTHING, Bank, Party

VERSION = "4.1.0"
FOLDER = E2E / "clients" / "openidconnect"


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    """A demo whose clock stays close to the machine's: the crate knows no other."""
    with start_demo("rfc-openidconnect") as demo:
        yield Bank.of(demo)


@pytest.fixture(scope="module")
def program() -> str:
    locked = tomllib.loads((FOLDER / "Cargo.lock").read_text())["package"]
    (crate,) = (package for package in locked if package["name"] == "openidconnect")
    assert crate["version"] == VERSION and crate["source"].startswith("registry+"), crate
    return tool(str(ROOT / "tests/tools/rust-client"), str(FOLDER))


@dataclass
class Crate:
    program: str
    bank: Bank

    def run(self, flow: str, role: str, sleep: Callable[[Any], str] | None = None, **more: Any) -> Any:
        party = self.bank[role]
        task = {
            "flow": flow,
            "issuer": self.bank.issuer,
            "api": self.bank.api,
            "client": {"client_id": party.id, "client_secret": party.secret, "auth_method": party.method},
            "redirect_uri": party.redirect_uri,
            "scope": EVERYTHING,
            "pkce": True,
        }
        helpers: dict[str, Callable[[Any], str]] = {"open": self.bank.follow}
        if sleep:
            helpers["sleep"] = sleep
        return talk.converse([self.program], task | more, helpers)


@pytest.fixture
def crate(bank: Bank, program: str) -> Crate:
    return Crate(program, bank)


def test_discovery(crate: Crate) -> None:
    found = crate.run("discovery", "spa")
    bank = crate.bank
    assert found["issuer"] == bank.issuer and found["jwks_uri"] == f"{bank.issuer}/jwks"
    assert found["device_authorization_endpoint"] == f"{bank.issuer}/device_authorization"
    assert {"ES256", "EdDSA", "PS256", "RS256"} <= set(found["id_token_signing_alg_values_supported"]), found


def check(bank: Bank, party: Party, result: dict[str, Any]) -> None:
    """What holds for every client's code flow, refresh and revocation."""
    claims, userinfo = result["claims"], result["userinfo"]
    assert claims["iss"] == bank.issuer and party.id in claims["aud"], claims
    assert claims["sub"] == userinfo["sub"] == bank.subjects["alice"] and claims["nonce"], claims
    assert result["auth_time"] and userinfo["name"] and userinfo["email"], userinfo
    assert set(result["scopes"]) == set(EVERYTHING.split()), result["scopes"]
    account = bank.people["alice"].accounts["live"]
    for name in ("accounts", "refreshed_accounts"):
        assert result[name]["status"] == 200 and account in result[name]["body"], result[name]
    assert result["refreshed"] != result["access_token"] and result["successor"] != result["refresh_token"]
    assert result["after"]["status"] == 401, result["after"]
    assert "error: invalid_grant" in result["refreshed_after"], result["refreshed_after"]


@pytest.mark.parametrize("role", ["web", "web-post", "spa", "strict"])
def test_code_flow_with_pkce_userinfo_refresh_and_revocation(crate: Crate, role: str) -> None:
    result = crate.run("code", role)
    check(crate.bank, crate.bank[role], result)
    assert "code_challenge_method=S256" in result["url"] and "nonce=" in result["url"], result["url"]


def test_code_flow_without_pkce(crate: Crate) -> None:
    result = crate.run("code", "no-pkce", pkce=False)
    check(crate.bank, crate.bank["no-pkce"], result)
    assert "code_challenge" not in result["url"] and result["alg"] == "RsaSsaPkcs1V15Sha256", result["alg"]


def test_loopback_redirect_with_any_port(crate: Crate) -> None:
    """RFC 8252 section 7.3."""
    check(crate.bank, crate.bank["spa"], crate.run("code", "spa", redirect_uri="http://127.0.0.1:51234/cb"))


@pytest.mark.parametrize(
    ("alg", "name"),
    [("ES256", "EcdsaP256Sha256"), ("EdDSA", "EdDsa"), ("PS256", "RsaSsaPssSha256"), ("RS256", "RsaSsaPkcs1V15Sha256")],
)
def test_id_tokens_of_every_algorithm(crate: Crate, tmp_path: Path, alg: str, name: str) -> None:
    settings = {"grants": ["authorization_code", "refresh_token"], "id_token_alg": alg}
    party = crate.bank.register(tmp_path, f"openidconnect-{alg}", settings)
    result = crate.run("code", party.role)
    check(crate.bank, party, result)
    assert result["alg"] == name


def test_client_credentials(crate: Crate) -> None:
    result = crate.run("credentials", "service", scope="accounts")
    assert result["scopes"] == ["accounts"] and result["accounts"]["status"] == 200, result
    assert result["refresh_token"] is False, "RFC 6749 section 4.4.3"


def test_introspection(crate: Crate) -> None:
    bank = crate.bank
    tokens = bank.tokens(bank["web"])
    about = crate.run("introspection", "api", token=tokens["access_token"])
    assert about["active"] is True and about["client_id"] == bank["web"].id and about["sub"] == bank.subjects["alice"], about
    assert set(about["scopes"]) == set(EVERYTHING.split()) and about["iss"] == bank.issuer and about["exp"], about
    assert crate.run("introspection", "api", token=tokens["refresh_token"])["active"] is True
    nothing = {"active": False, "client_id": None, "sub": None, "iss": None, "scopes": [], "exp": None}
    assert crate.run("introspection", "api", token="unknown") == nothing


def person(bank: Bank, button: str, slept: list[int]) -> Callable[[Any], str]:
    """While the crate sleeps: nothing at first, and less than was asked for; then the decision."""

    def sleep(wait: dict[str, Any]) -> str:
        slept.append(wait["seconds"])
        if len(slept) == 1:
            bank.demo.advance(1)
        else:
            if len(slept) == 2:
                bank.decide_device(wait["user_code"], button)
            bank.demo.advance(wait["seconds"] + 1)
        return "woken"

    return sleep


def test_device_flow(crate: Crate) -> None:
    bank, slept = crate.bank, list[int]()
    result = crate.run("device", "device", person(bank, "consent-allow", slept))
    assert result["verification_uri"] == f"{bank.issuer}/device"
    assert result["claims"]["sub"] == bank.subjects["alice"]
    assert result["accounts"]["status"] == 200, result["accounts"]
    assert slept == [5, 10], f"RFC 8628 section 3.5: slow_down adds five seconds; {slept}"


def test_device_flow_when_the_person_says_no(crate: Crate) -> None:
    result = crate.run("device", "device", person(crate.bank, "consent-deny", []))
    assert "error: access_denied" in result["refused"], result
