"""The Python package Authlib 1.9.9, with its session for requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from harness.demo import Demo
from harness.rfc import EVERYTHING, Bank, said


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    """A demo whose clock stays with the machine's: the package knows no other."""
    assert version("Authlib") == "1.9.9"
    with start_demo("rfc-authlib") as demo:
        yield Bank.of(demo)


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own switch for servers without TLS."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def session_of(bank: Bank, role: str, scope: str = EVERYTHING, **more: Any) -> OAuth2Session:
    party = bank[role]
    secret: Any = party.secret or None
    if party.method == "private_key_jwt":
        assert party.jwk is not None
        secret = ECKey.import_key({name: party.jwk[name] for name in ("kty", "crv", "x", "y", "d")})
    session = OAuth2Session(
        party.id,
        secret,
        token_endpoint_auth_method=party.method,
        revocation_endpoint_auth_method=party.method,
        scope=scope,
        redirect_uri=party.redirect_uri,
        code_challenge_method="S256",
        token_endpoint=f"{bank.issuer}/token",
        **more,
    )
    session.trust_env = False
    if party.method == "private_key_jwt":
        session.register_client_auth_method(PrivateKeyJWT(f"{bank.issuer}/token", alg="ES256", headers={"kid": party.key.kid}))
    return session


def signed_in(bank: Bank, role: str) -> tuple[OAuth2Session, dict[str, Any]]:
    session = session_of(bank, role)
    verifier = "authlib-verifier-" + "v" * 43
    url, state = session.create_authorization_url(f"{bank.issuer}/authorize", code_verifier=verifier, nonce="n-1")
    location = bank.follow(url)
    token = session.fetch_token(f"{bank.issuer}/token", authorization_response=location, code_verifier=verifier, state=state)
    return session, dict(token)


@pytest.mark.parametrize("role", ["web", "web-post", "spa", "jwt"])
def test_code_flow_and_refresh(bank: Bank, role: str) -> None:
    session, token = signed_in(bank, role)
    assert token["token_type"] == "Bearer" and set(token["scope"].split()) == set(EVERYTHING.split())

    keys = KeySet.import_key_set(session.get(f"{bank.issuer}/jwks", withhold_token=True).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
    rules = jwt.JWTClaimsRegistry(
        leeway=5,
        iss={"essential": True, "value": bank.issuer},
        aud={"essential": True, "value": bank[role].id},
        nonce={"essential": True, "value": "n-1"},
    )
    rules.validate(decoded.claims)
    answer = session.get(f"{bank.issuer}/userinfo")
    assert answer.status_code == 200 and answer.json()["sub"] == decoded.claims["sub"], said(answer)
    answer = session.get(f"{bank.api}/accounts")
    assert answer.status_code == 200 and bank.people["alice"].accounts["live"] in answer.text, said(answer)

    fresh = session.refresh_token(f"{bank.issuer}/token")
    assert fresh["access_token"] != token["access_token"] and fresh["refresh_token"] != token["refresh_token"]
    answer = session.get(f"{bank.api}/accounts")
    assert answer.status_code == 200, said(answer)


@pytest.mark.parametrize("role", ["service", "jwt"])
def test_client_credentials(bank: Bank, role: str) -> None:
    session = session_of(bank, role, "accounts")
    token = session.fetch_token(grant_type="client_credentials")
    assert token["scope"] == "accounts" and "refresh_token" not in token
    answer = session.get(f"{bank.api}/accounts")
    assert answer.status_code == 200, said(answer)


@pytest.mark.parametrize("role", ["web", "web-post", "spa", "jwt"])
def test_revocation(bank: Bank, role: str) -> None:
    session, token = signed_in(bank, role)
    answer = session.revoke_token(f"{bank.issuer}/revoke", token=token["refresh_token"], token_type_hint="refresh_token")
    assert answer.status_code == 200, said(answer)
    with pytest.raises(OAuthError) as refused:
        session.refresh_token(f"{bank.issuer}/token", refresh_token=token["refresh_token"])
    assert refused.value.error == "invalid_grant"
    answer = session.get(f"{bank.api}/accounts")
    assert answer.status_code == 401, f"RFC 7009 section 2.1: access tokens of the same grant should end, too{said(answer)}"


def test_introspection(bank: Bank) -> None:
    _, token = signed_in(bank, "web")
    api = session_of(bank, "api")
    for hint in ("access_token", "refresh_token"):
        answer = api.introspect_token(f"{bank.issuer}/introspect", token=token[hint], token_type_hint=hint)
        assert answer.status_code == 200 and answer.json()["active"] is True, said(answer)
        assert answer.json()["client_id"] == bank["web"].id
    answer = api.introspect_token(f"{bank.issuer}/introspect", token="unknown")
    assert answer.json() == {"active": False}, said(answer)


def test_errors_are_read_as_the_packages_own(bank: Bank) -> None:
    session = session_of(bank, "web")
    with pytest.raises(OAuthError) as refused:
        session.fetch_token(code="unknown", grant_type="authorization_code")
    assert refused.value.error == "invalid_grant" and refused.value.description

    stranger = session_of(bank, "web")
    stranger.client_secret = "wrong"
    with pytest.raises(OAuthError) as refused:
        stranger.fetch_token(code="unknown", grant_type="authorization_code")
    assert refused.value.error == "invalid_client"
