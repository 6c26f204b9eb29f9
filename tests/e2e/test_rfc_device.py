"""Devices without a browser (RFC 8628): what they are answered while a person decides on another one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.rfc import DEVICE_GRANT, Bank, Key, claims_of, denied, ok


def begin(bank: Bank, role: str = "device", scope: str = "openid accounts") -> dict[str, Any]:
    return ok(bank.post("/device_authorization", bank[role], {"scope": scope}))


def poll(bank: Bank, flow: dict[str, Any], role: str = "device", proof: str | None = None) -> Any:
    return bank.token(bank[role], proof, grant_type=DEVICE_GRANT, device_code=flow["device_code"])


def test_a_device_gets_its_tokens_once(bank: Bank) -> None:
    flow = begin(bank)
    assert flow["verification_uri"] == f"{bank.issuer}/device" and flow["interval"] == 5 and flow["expires_in"] == 600
    assert flow["verification_uri_complete"].endswith(flow["user_code"])
    denied(poll(bank, flow), 400, "authorization_pending", "device.pending")
    assert bank.decide_device(flow["user_code"].lower().replace("-", " ")).status == 200
    bank.demo.advance(6)
    tokens = ok(poll(bank, flow))
    assert claims_of(tokens["access_token"])["sub"] == bank.subjects["alice"] and tokens["id_token"]
    ok(bank.accounts(tokens["access_token"]))
    ok(bank.refresh(bank["device"], tokens["refresh_token"]))
    bank.demo.advance(6)
    denied(poll(bank, flow), 400, "invalid_grant", "device.invalid")


def test_a_device_that_asks_too_often_is_slowed_down(bank: Bank) -> None:
    flow = begin(bank)
    denied(poll(bank, flow), 400, "authorization_pending")
    answer = poll(bank, flow)
    denied(answer, 400, "slow_down", "device.slow_down")
    assert answer.headers["Retry-After"] == "10"
    bank.demo.advance(6)
    denied(poll(bank, flow), 400, "slow_down")
    bank.demo.advance(16)
    denied(poll(bank, flow), 400, "authorization_pending")


def test_the_person_says_no(bank: Bank) -> None:
    flow = begin(bank)
    assert "gets no access" in bank.decide_device(flow["user_code"], "consent-deny").text
    denied(poll(bank, flow), 400, "access_denied", "device.denied")
    assert bank.decide_device(flow["user_code"]).has("error")


def test_a_code_waits_ten_minutes(bank: Bank) -> None:
    flow = begin(bank)
    bank.demo.advance(601)
    denied(poll(bank, flow), 400, "expired_token", "device.expired")
    page = bank.decide_device(flow["user_code"])
    assert page.has("error") and page.path == "/device", f"{page.status} {page.text[:500]}"


@pytest.mark.parametrize("typed", ["", "BCDF-GHJK", "AAAA-AAAA", "x" * 16, "<script>"])
def test_a_code_that_no_device_shows(bank: Bank, typed: str) -> None:
    page = bank.decide_device(typed)
    assert page.has("error") and "<script>" not in page.text, f"{page.status} {page.text[:500]}"


def test_a_device_code_is_its_clients(bank: Bank) -> None:
    flow = begin(bank)
    bank.decide_device(flow["user_code"])
    denied(poll(bank, flow, "device-2"), 400, "invalid_grant", "device.invalid")
    denied(poll(bank, flow, "web"), 400, "unauthorized_client", "client.grant_not_allowed")
    denied(bank.post("/device_authorization", bank["web"], {"scope": "openid"}), 400, "unauthorized_client")
    denied(bank.post("/device_authorization", bank["device"], {"scope": "trading"}), 400, "invalid_scope")
    ok(poll(bank, flow))


def test_a_device_may_prove_a_key(bank: Bank) -> None:
    flow, key = begin(bank), Key()
    bank.decide_device(flow["user_code"])
    tokens = ok(poll(bank, flow, proof=bank.token_proof(key)))
    assert tokens["token_type"] == "DPoP"
    ok(bank.accounts_proven(tokens["access_token"], key))
