"""The npm packages openid-client 6.8.9 and oauth4webapi 3.8.8, each through the same flows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.demo import Demo
from harness.node import converse, modules
from harness.rfc import EVERYTHING, Bank, Party

VERSIONS = {"openid-client": "6.8.9", "oauth4webapi": "3.8.8"}


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    """A demo whose clock stays with the machine's: the packages know no other."""
    with start_demo("rfc-node") as demo:
        yield Bank.of(demo)


@dataclass
class Library:
    name: str
    bank: Bank

    def run(self, flow: str, role: str, **more: Any) -> Any:
        party = self.bank[role]
        client = {"client_id": party.id, "client_secret": party.secret, "auth_method": party.method, "jwk": party.jwk}
        task = {
            "flow": flow,
            "issuer": self.bank.issuer,
            "api": self.bank.api,
            "client": client,
            "redirect_uri": party.redirect_uri,
            "scope": EVERYTHING,
            "algorithm": "oidc",
            "skew": self.bank.skew(),
        }
        return converse(f"rfc/{self.name}.mjs", task | more, self.posted if "form_post" in more.get("response_mode", "") else self.bank.follow)

    def posted(self, url: str) -> str:
        """Address and body of the form that posts itself."""
        action, fields = self.bank.follow_form(url)
        return f"{action} {urlencode(fields)}"

    def code(self, role: str, **more: Any) -> dict[str, Any]:
        """The code flow and a refresh, and what holds for every client's."""
        result = self.run("code", role, **({"pkce": True, "id_token_alg": "ES256"} | more))
        check(self.bank, self.bank[role], result, bound=bool(more.get("dpop")))
        return dict(result)


@pytest.fixture(params=VERSIONS)
def library(bank: Bank, request: pytest.FixtureRequest) -> Library:
    package = json.loads((modules() / request.param / "package.json").read_text())
    assert package["version"] == VERSIONS[request.param]
    return Library(request.param, bank)


def check(bank: Bank, party: Party, result: dict[str, Any], bound: bool) -> None:
    tokens, claims = result["tokens"], result["claims"]
    assert tokens["token_type"] == ("dpop" if bound else "bearer"), tokens  # the packages give it in lower case
    assert set(tokens["scope"].split()) == set(EVERYTHING.split()), tokens
    assert result["access_token"]["typ"].lower() == "at+jwt" and result["access_token"]["alg"] == "ES256", result["access_token"]
    assert claims["iss"] == bank.issuer and claims["aud"] == party.id, claims
    assert claims["nonce"] and claims["auth_time"] and claims["sub"] == bank.subjects["alice"], claims
    assert result["userinfo"]["sub"] == claims["sub"] and result["userinfo"]["name"] and result["userinfo"]["email"], result["userinfo"]
    account = bank.people["alice"].accounts["live"]
    for name in ("accounts", "refreshed_accounts"):
        assert result[name]["status"] == 200 and account in result[name]["body"], result[name]
    assert result["refreshed"]["access_token"] != tokens["access_token"]
    assert result["refreshed"]["token_type"] == tokens["token_type"]


@pytest.mark.parametrize("algorithm", ["oidc", "oauth2"])
def test_discovery(library: Library, algorithm: str) -> None:
    found = library.run("discovery", "spa", algorithm=algorithm)
    assert found["issuer"] == library.bank.issuer
    assert found["authorization_endpoint"] == f"{library.bank.issuer}/authorize"
    assert found["token_endpoint"] == f"{library.bank.issuer}/token"
    assert found["response_types_supported"] == ["code"]


@pytest.mark.parametrize("role", ["web", "web-post", "spa", "jwt"])
def test_code_flow_userinfo_refresh_and_revocation(library: Library, role: str) -> None:
    result = library.code(role, revoke=True)
    assert result["id_token"]["alg"] == "ES256"
    assert result["tokens"]["refresh_token"] != result["refreshed"]["refresh_token"]
    after = result["after"]
    assert after["status"] == 401 and after["challenges"][0]["parameters"]["error"] == "invalid_token", after
    assert result["refreshed_after"] == {"type": "ResponseBodyError", "status": 400, "error": "invalid_grant"}


def test_code_flow_without_pkce_and_with_rs256(library: Library) -> None:
    result = library.code("no-pkce", pkce=False, id_token_alg="RS256")
    assert result["id_token"]["alg"] == "RS256"
    assert "code_challenge" not in result["url"]


def test_loopback_redirect_with_any_port(library: Library) -> None:
    """RFC 8252 section 7.3."""
    library.code("spa", redirect_uri="http://127.0.0.1:51234/cb")


@pytest.mark.parametrize("role", ["web", "spa", "jwt"])
def test_pushed_authorization_request(library: Library, role: str) -> None:
    result = library.code(role, par=True)
    assert "request_uri=urn" in result["url"] and "scope" not in result["url"], result["url"]


@pytest.mark.parametrize("mode", ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"])
def test_response_mode(library: Library, mode: str) -> None:
    """OAuth 2.0 Form Post Response Mode; JARM with the library's own checks of the signed answer."""
    library.code("web", response_mode=mode)


@pytest.mark.parametrize("mode", ["jwt", "form_post.jwt"])
def test_fapi2_with_signed_responses(library: Library, mode: str) -> None:
    library.code("fapi", par=True, dpop="ES256", id_token_alg="PS256", response_mode=mode)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "PS256"])
@pytest.mark.parametrize("role", ["web", "spa"])
def test_dpop(library: Library, role: str, alg: str) -> None:
    library.code(role, dpop=alg)


def test_signed_authorization_request(library: Library) -> None:
    result = library.code("jwt", jar=True)
    assert "request=ey" in result["url"] and "scope" not in result["url"], result["url"]


def test_signed_and_pushed_authorization_request(library: Library) -> None:
    result = library.code("jwt", jar=True, par=True)
    assert "request=" not in result["url"], result["url"]


def test_everything_at_once(library: Library) -> None:
    library.code("jwt", jar=True, par=True, dpop="ES256")


@pytest.mark.parametrize("role", ["fapi", "fapi-2"])
@pytest.mark.parametrize("jar", [False, True], ids=["plain", "signed"])
def test_fapi2(library: Library, role: str, jar: bool) -> None:
    """FAPI 2.0 Security Profile: pushed, private_key_jwt, DPoP; refresh tokens are not rotated (section 5.3.2.1)."""
    result = library.code(role, par=True, dpop="ES256", id_token_alg="PS256", jar=jar)
    assert result["id_token"]["alg"] == "PS256"
    assert result["refreshed"].get("refresh_token", result["tokens"]["refresh_token"]) == result["tokens"]["refresh_token"]


@pytest.mark.parametrize("role", ["service", "jwt"])
def test_client_credentials(library: Library, role: str) -> None:
    result = library.run("credentials", role, scope="accounts")
    assert result["tokens"]["token_type"] == "bearer" and result["tokens"]["scope"] == "accounts"
    assert "refresh_token" not in result["tokens"], "RFC 6749 section 4.4.3"
    # The request is understood; whether a client without a person has any accounts is the API's own answer.
    assert result["accounts"]["status"] == 200, result["accounts"]


def test_introspection(library: Library) -> None:
    bank = library.bank
    tokens = bank.tokens(bank["web"])
    about = library.run("introspection", "api", token=tokens["access_token"])
    assert about["active"] is True and about["client_id"] == bank["web"].id and about["sub"] == bank.subjects["alice"], about
    assert set(about["scope"].split()) == set(EVERYTHING.split()) and about["iss"] == bank.issuer, about
    assert library.run("introspection", "api", token=tokens["refresh_token"])["active"] is True
    assert library.run("introspection", "api", token="unknown") == {"active": False}


def test_logout_url(bank: Bank) -> None:
    """OpenID Connect RP-Initiated Logout, by the address that the library builds."""
    library = Library("openid-client", bank)
    tokens = bank.tokens(bank["web"], person="bob")
    parameters = {"post_logout_redirect_uri": "https://rp.example.test/bye", "id_token_hint": tokens["id_token"], "state": "out"}
    url = library.run("logout", "web", parameters=parameters)["url"]
    page = bank.browser("bob").get(url)
    assert page.location == "https://rp.example.test/bye?state=out", page.text[:800]
