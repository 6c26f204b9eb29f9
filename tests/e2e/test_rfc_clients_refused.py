"""What the sample bank refuses, by plain HTTP: client authentication."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.platform import FORM
from harness.rfc import (
    ASSERTION_TYPE,
    Bank,
    Key,
    b64,
    claims_of,
    denied,
    digest,
    ok,
    said,
)


# -- client authentication ------------------------------------------------------------------------------------


def asserted(bank: Bank, text: str, **more: str) -> Any:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text} | more
    return bank.token(None, **fields)


def test_an_assertion_serves_once(bank: Bank) -> None:
    """RFC 7523 section 3: the server may demand that; this one does."""
    text = bank.assertion(bank["jwt"])
    ok(asserted(bank, text))
    denied(asserted(bank, text), 401, "invalid_client", "assertion.reused")
    same = bank.assertion(bank["jwt"], jti=claims_of(text)["jti"], exp=bank.now() + 50)
    denied(asserted(bank, same), 401, "invalid_client", "assertion.reused")
    ok(bank.own_token(bank["jwt"]))


def test_an_assertion_serves_once_at_all_endpoints(bank: Bank) -> None:
    text = bank.assertion(bank["jwt"])
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    assert bank.post("/revoke", None, fields | {"token": "unknown"}).status_code == 200
    denied(bank.post("/revoke", None, fields | {"token": "unknown"}), 401, "invalid_client", "assertion.reused")
    denied(asserted(bank, text), 401, "invalid_client", "assertion.reused")
    push = bank.request(bank["jwt"], code_challenge=digest("v" * 43), code_challenge_method="S256")
    denied(bank.post("/par", None, fields | push), 401, "invalid_client", "assertion.reused")


def test_jti_is_each_clients_own(bank: Bank) -> None:
    jti = secrets.token_urlsafe(16)
    key = Key()
    ok(asserted(bank, bank.assertion(bank["jwt"], jti=jti)))
    code = bank.code(bank["fapi"])
    text = bank.assertion(bank["fapi"], jti=jti)
    fields = bank.code_fields(code, client_assertion_type=ASSERTION_TYPE, client_assertion=text)
    ok(bank.token(None, bank.token_proof(key), **fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example.test"},
        {"aud": None},
        {"aud": []},
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"exp": None},
        {"exp": "text"},
        {"exp": "past"},
        {"iat": "ahead"},
        {"nbf": "ahead"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
    ],
    ids=lambda changes: "-".join(f"{name}={value}" for name, value in changes.items()).replace("/", "_"),
)
def test_a_bad_assertion(bank: Bank, changes: dict[str, Any]) -> None:
    now = bank.now()
    values = {"text": str(now + 60), "past": now - 1, "ahead": now + 60}
    changes = {name: values.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    text = bank.assertion(bank["jwt"], **({"exp": now + 120} | changes))
    denied(asserted(bank, text, client_id=bank["jwt"].id), 401, "invalid_client", "assertion.invalid", "client.rejected")
    ok(bank.own_token(bank["jwt"]))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_eight_seconds_ahead_is_forgiven(bank: Bank, claim: str) -> None:
    """FAPI 2.0 Security Profile section 5.3.2.1: up to 10 seconds must be, more than 60 must not."""
    now = bank.now()
    changes: dict[str, Any] = {claim: now + 8, "exp": now + 120}
    ok(asserted(bank, bank.assertion(bank["jwt"], **changes)))


@pytest.mark.parametrize("audience", ["issuer", "token endpoint", "list"])
def test_audiences_of_assertions(bank: Bank, audience: str) -> None:
    """RFC 7523 section 3: the token endpoint's address may be meant."""
    endpoint = f"{bank.issuer}/token"
    value: Any = {"issuer": bank.issuer, "token endpoint": endpoint, "list": [bank.issuer, "https://other.example.test"]}[audience]
    ok(asserted(bank, bank.assertion(bank["jwt"], aud=value)))
    # FAPI 2.0 Security Profile section 5.3.2.1: the issuer as a string and nothing else.
    code, key = bank.code(bank["fapi"]), Key()
    fields = bank.code_fields(code, client_assertion_type=ASSERTION_TYPE, client_assertion=bank.assertion(bank["fapi"], aud=value))
    answer = bank.token(None, bank.token_proof(key), **fields)
    if audience == "issuer":
        ok(answer)
    else:
        denied(answer, 401, "invalid_client", "assertion.invalid")
        ok(bank.redeem(bank["fapi"], code, bank.token_proof(key)))


def test_an_assertion_must_be_signed_by_the_clients_key(bank: Bank) -> None:
    jwt = bank["jwt"]
    claims = claims_of(bank.assertion(jwt))
    none = f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims).encode())}."
    good = bank.assertion(jwt)
    head, body, signature = good.split(".")
    changed = f"{head}.{b64(json.dumps(claims_of(good) | {'x': 1}).encode())}.{signature}"
    for text in (
        none,
        bank.assertion(jwt, key=Key()),
        bank.assertion(jwt, key=bank["fapi"].key),
        changed,
        f"{head}.{body}.",
        "text",
        "a.b.c",
    ):
        denied(asserted(bank, text, client_id=jwt.id), 401, "invalid_client", "client.rejected", "assertion.invalid")
    ok(asserted(bank, good))


def test_an_hmac_with_the_public_key_is_no_signature(bank: Bank) -> None:
    jwt = bank["jwt"]
    claims = claims_of(bank.assertion(jwt))
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': jwt.key.kid}).encode())}.{b64(json.dumps(claims).encode())}"
    for secret in (jwt.id.encode(), json.dumps(jwt.key.public()).encode(), b""):
        signature = b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())
        denied(asserted(bank, f"{text}.{signature}", client_id=jwt.id), 401, "invalid_client")


def test_one_authentication_per_request(bank: Bank) -> None:
    """RFC 6749 section 2.3."""
    web = bank["web"]
    code = bank.code(web)
    fields = bank.code_fields(code)
    denied(bank.token(web, **(fields | {"client_id": web.id, "client_secret": web.secret})), 400, "invalid_request", "credential.ambiguous")
    both = fields | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": bank.assertion(bank["jwt"])}
    denied(bank.token(web, **both), 400, "invalid_request", "credential.ambiguous")
    headers, body = bank.ready(web, fields | {"client_id": bank["web-2"].id})
    answer = bank.call("POST", f"{bank.issuer}/token", headers=headers, data=body)
    assert answer.status_code in (400, 401), said(answer)
    ok(bank.redeem(web, code, client_id=web.id))


def test_the_registered_way_of_authentication_only(bank: Bank) -> None:
    web, post, spa = bank["web"], bank["web-post"], bank["spa"]
    code = bank.code(web)
    denied(
        bank.token(None, **bank.code_fields(code, client_id=web.id, client_secret=web.secret)), 401, "invalid_client", "client.method_wrong"
    )
    denied(bank.token(None, **bank.code_fields(code, client_id=web.id)), 401, "invalid_client")
    ok(bank.redeem(web, code))
    code = bank.code(post)
    basic = base64.b64encode(f"{post.id}:{post.secret}".encode()).decode()
    answer = bank.call(
        "POST", f"{bank.issuer}/token", headers=FORM | {"Authorization": f"Basic {basic}"}, data=urlencode(bank.code_fields(code))
    )
    denied(answer, 401, "invalid_client", "client.method_wrong")
    ok(bank.redeem(post, code))
    code = bank.code(spa)
    denied(bank.token(None, **bank.code_fields(code, client_id=spa.id, client_secret="anything")), 401, "invalid_client")
    ok(bank.redeem(spa, code))


def test_unknown_clients_and_wrong_secrets_are_one_answer(bank: Bank) -> None:
    def answer(name: str, secret: str) -> dict[str, Any]:
        pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
        fields = urlencode({"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://rp.example.test/cb"})
        got = bank.call("POST", f"{bank.issuer}/token", headers=FORM | {"Authorization": f"Basic {pair}"}, data=fields)
        body = denied(got, 401, "invalid_client", "client.rejected")
        assert got.headers["WWW-Authenticate"].startswith("Basic"), f"RFC 6749 section 5.2{said(got)}"
        return {name: value for name, value in body.items() if name not in ("decision_id", "error_uri")}

    assert answer(bank["web"].id, "x" * 43) == answer("f" * len(bank["web"].id), "x" * 43)


def test_grants_that_a_client_may_not_use(bank: Bank) -> None:
    denied(bank.own_token(bank["web"]), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.own_token(bank["spa"]), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.refresh(bank["service"], "unknown"), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.own_token(bank["service"], scope="accounts quotes"), 400, "invalid_scope", "scope.invalid")
    denied(bank.own_token(bank["service"], scope="openid"), 400, "invalid_scope", "scope.invalid")
    assert ok(bank.own_token(bank["service"]))["scope"] == "accounts"
    for name in ("password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange", "Authorization_Code", ""):
        answer = bank.token(bank["web"], grant_type=name, username="alice", password=bank.people["alice"].password)
        denied(answer, 400, "unsupported_grant_type" if name else "invalid_request")
    denied(bank.token(bank["web"]), 400, "invalid_request", "request.parameter_missing")


def test_parameters_stand_once_and_in_the_body(bank: Bank) -> None:
    """RFC 6749 section 3.2."""
    web = bank["web"]
    code = bank.code(web)
    headers, body = bank.ready(web, bank.code_fields(code))
    twice = bank.call("POST", f"{bank.issuer}/token", headers=headers, data=body + b"&" + urlencode({"code": code.code}).encode())
    denied(twice, 400, "invalid_request", "request.parameter_repeated")
    query = bank.call("POST", f"{bank.issuer}/token?{body.decode()}", headers=headers)
    denied(query, 400, "invalid_request")
    wrong = bank.call(
        "POST", f"{bank.issuer}/token", headers=headers | {"Content-Type": "application/json"}, data=json.dumps(bank.code_fields(code))
    )
    assert wrong.status_code in (400, 415) and wrong.json()["error"] == "invalid_request", said(wrong)
    get = bank.call("GET", f"{bank.issuer}/token?{body.decode()}", headers=headers)
    assert get.status_code == 405 and get.headers["Allow"] == "POST", said(get)
    answer = bank.redeem(web, code)
    ok(answer)
    assert "no-store" in answer.headers["Cache-Control"] and answer.headers["Content-Type"].startswith("application/json"), said(answer)
