"""What OAuth 2.1 no longer has: on by the platform file alone, counted per client, never for a strict one (DESIGN D15)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from harness.binary import wait_until
from harness.demo import Demo
from harness.market import Market, bare
from harness.platform import CALLBACK, bearer
from harness.rfc import Bank, Party, denied, ok
from harness.refusals import allowed

IMPLICIT = {"grants": ["implicit"], "access_token": "opaque"}


def used(demo: Demo, platform: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = demo.cli.rows("legacy", "--platform", platform)
    return {(row["client_id"], row["uses"]): row for row in rows}


def counted(demo: Demo, platform: str, client: str, uses: str, times: int) -> dict[str, Any]:
    """Counts are written behind: within two seconds."""

    def seen() -> bool:
        return used(demo, platform).get((client, uses), {}).get("times") == times

    wait_until(f"{client} uses {uses} {times} times: {used(demo, platform)}", seen)
    return used(demo, platform)[client, uses]


def change_file(demo: Demo, folder: Path, platform: str, old: str, new: str) -> None:
    """Applies the platform file with one change, a regular expression."""
    text = demo.cli.run("export", platform).out
    changed, times = re.subn(old, new, text, flags=re.DOTALL)
    assert times == 1, f"{old} stands {times} times in\n{text}"
    file = folder / f"{platform}.toml"
    file.write_text(changed)
    done = demo.cli.run("apply", str(file), "--yes")
    assert done.code == 0, done.out + done.err


def switch_on(demo: Demo, folder: Path, platform: str, key: str) -> None:
    change_file(demo, folder, platform, r"\n\[environments\.live\]", f"\n[legacy]\n{key} = true\n\n[environments.live]")


# -- secrets in bodies ----------------------------------------------------------------------------------------


def test_secrets_in_bodies_are_counted_for_each_client(own_demo: Demo) -> None:
    market = Market.of(own_demo)
    app, machine = market["app"], market["app-machine"]
    began = own_demo.now()
    for _ in range(3):
        market.own_token(machine)
    own_demo.advance(3600)
    market.tokens(app)
    market.post(app.own | {"client_secret": "wrong" * 8, "grant_type": "client_credentials"})
    own_demo.advance(60)
    market.own_token(machine)

    row = counted(own_demo, "olx", machine.id, "secrets_in_body", 4)
    assert row["client_name"] == "Category Mirror" and row["allowed"] is True
    assert row["platform_key"] == "legacy.secrets_in_body" and "private_key_jwt" in row["instead"]
    assert began <= row["first_used"] < row["last_used"] <= own_demo.now()
    assert counted(own_demo, "olx", app.id, "secrets_in_body", 1)["first_used"] > row["first_used"]
    said = own_demo.cli.run("legacy", "--platform", "olx")
    assert said.code == 0 and "Advert Desk" in said.out and "legacy.secrets_in_body" in said.out
    assert own_demo.cli.rows("legacy", "--platform", "rfc") == []


def test_without_the_switch_they_are_refused_and_operators_see_which_it_is(own_demo: Demo, tmp_path: Path) -> None:
    market = Market.of(own_demo)
    change_file(own_demo, tmp_path, "olx", r"secrets_in_body = true", "secrets_in_body = false")
    machine = market["app-machine"]
    asked = machine.own | {"grant_type": "client_credentials"}

    def refused() -> bool:
        return market.post(asked).status_code == 400

    wait_until("the file is in force", refused)
    answer = market.post(asked)
    wrong = market.post(asked | {"client_secret": "wrong" * 8})
    said = {"error": "invalid_client", "error_description": "The client credentials are invalid"}
    assert bare(answer, 400, "client.method_wrong") == bare(wrong, 400, "client.rejected") == said
    assert "legacy" not in answer.text and "legacy" not in str(market.explained(answer))
    record = own_demo.cli.json("explain", answer.json()["decision_id"], "--platform", "olx")
    facts = {fact["name"]: fact["value"] for fact in record["facts"]}
    assert facts["platform_key"] == "legacy.secrets_in_body", facts

    # who is registered for it needs no switch
    file = tmp_path / "post.json"
    file.write_text('{"auth_method": "client_secret_post", "grants": ["client_credentials"]}')
    name = ["--name", "Post", "--scope", "read", "--redirect-uri", CALLBACK, "--settings", str(file)]
    made = own_demo.cli.json("client", "create", "--platform", "olx", *name)
    own = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    assert market.post(own | {"grant_type": "client_credentials"}).status_code == 200


def test_another_way_than_the_registered_one_is_refused_on_the_platform_of_the_rfcs(own_demo: Demo, tmp_path: Path) -> None:
    bank = Bank.of(own_demo)
    service = bank["service"]
    in_body = Party(service.role, service.id, "client_secret_post", service.secret)
    denied(bank.own_token(in_body), 401, "invalid_client", "client.method_wrong")
    switch_on(own_demo, tmp_path, "rfc", "secrets_in_body")
    wait_until("the file is in force", lambda: bank.own_token(in_body).status_code == 200)
    assert used(own_demo, "rfc").keys() <= {(service.id, "secrets_in_body")}
    ok(bank.own_token(service))
    both = bank.call(
        "POST",
        f"{bank.issuer}/token",
        headers=bank.credentials(service)[0],
        data={"grant_type": "client_credentials", "client_id": service.id, "client_secret": service.secret},
    )
    denied(both, 400, "invalid_request", "credential.ambiguous")


# -- tokens without an end ------------------------------------------------------------------------------------


def test_tokens_without_an_end_are_counted_and_need_the_switch(own_demo: Demo, tmp_path: Path) -> None:
    demo, app = own_demo, own_demo.clients["app"]
    for _ in range(2):
        allowed(demo.account(bearer(demo.token(app))))
    counted(demo, "alpaca", app.id, "non_expiring_tokens", 2)
    counted(demo, "alpaca", app.id, "secrets_in_body", 2)

    change_file(demo, tmp_path, "alpaca", r"non_expiring_tokens = true", "non_expiring_tokens = false")
    code = demo.code(app)
    wait_until("the file is in force", lambda: demo.redeem(app, code).json().get("cause") == "legacy.off")
    answer = demo.redeem(app, code)
    assert answer.status_code == 400 and "legacy.non_expiring_tokens" not in answer.text, answer.text
    record = demo.cli.json("explain", answer.json()["decision_id"], "--platform", "alpaca")
    assert "legacy.non_expiring_tokens" in [fact["value"] for fact in record["facts"]], record

    # with an end the same code is good: nothing was spent
    change_file(demo, tmp_path, "alpaca", r"\[tokens\]\n", "[tokens]\naccess_lifetime_s = 60\n")
    wait_until("the file is in force", lambda: demo.redeem(app, code).status_code == 200)
    assert used(demo, "alpaca")[app.id, "non_expiring_tokens"]["times"] == 2


# -- tokens from the authorization endpoint -------------------------------------------------------------------


def implicit_url(bank: Bank, party: Party, **changes: str | None) -> str:
    fields = {
        "response_type": "token",
        "client_id": party.id,
        "redirect_uri": party.redirect_uri,
        "scope": "accounts",
        "state": "a b&c",
    } | changes
    return f"{bank.issuer}/authorize?{urlencode({name: value for name, value in fields.items() if value is not None})}"


def answer_in(location: str, part: str) -> dict[str, str]:
    parts = urlsplit(location)
    other = parts.query if part == "fragment" else parts.fragment
    assert other == "", location
    return {name: values[0] for name, values in parse_qs(getattr(parts, part), keep_blank_values=True).items()}


def test_tokens_from_the_authorization_endpoint(own_demo: Demo, tmp_path: Path) -> None:
    bank = Bank.of(own_demo)
    old = bank.register(tmp_path, "old", IMPLICIT)
    refused = answer_in(bank.page(implicit_url(bank, old)).location or "", "query")
    assert (refused["error"], refused["iss"]) == ("unsupported_response_type", bank.issuer)

    switch_on(own_demo, tmp_path, "rfc", "implicit")
    metadata = f"{bank.issuer}/.well-known/oauth-authorization-server"
    wait_until("the file is in force", lambda: "token" in bank.call("GET", metadata).json()["response_types_supported"])
    found = bank.call("GET", metadata).json()
    assert "implicit" in found["grant_types_supported"] and "fragment" in found["response_modes_supported"]

    answer = answer_in(bank.follow(implicit_url(bank, old)), "fragment")
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope", "state", "iss"}
    assert (answer["token_type"], answer["state"], answer["iss"]) == ("Bearer", "a b&c", bank.issuer)
    assert answer["scope"] == "accounts" and answer["expires_in"] == "600"
    token = bearer(answer["access_token"])
    assert bank.call("GET", f"{bank.api}/accounts", headers=token).status_code == 200
    counted(own_demo, "rfc", old.id, "implicit", 1)
    own_demo.advance(601)
    assert bank.call("GET", f"{bank.api}/accounts", headers=token).status_code == 401, "it always has an end"

    # errors travel the same way; other ways are none
    denied_by_person = answer_in(bank.follow(implicit_url(bank, old), button="consent-deny"), "fragment")
    assert denied_by_person["error"] == "access_denied" and denied_by_person["state"] == "a b&c"
    for changes, error in (({"scope": "admin"}, "invalid_scope"), ({"response_mode": "query"}, "invalid_request")):
        page = bank.page(implicit_url(bank, old, **changes))
        assert answer_in(page.location or "", "fragment")["error"] == error, page.location
    counted(own_demo, "rfc", old.id, "implicit", 1)
    # its registration names nothing else
    assert answer_in(bank.page(implicit_url(bank, old, response_type="code")).location or "", "query")["error"]
    # it is no grant of the token endpoint
    denied(bank.token(old, grant_type="implicit"), 400, "unsupported_grant_type", "grant_type.unsupported")


@pytest.mark.parametrize("role", ["web", "spa", "fapi"])
def test_r22_only_clients_that_are_registered_for_it_and_on_no_strict_profile(
    own_demo: Demo, tmp_path: Path, role: str
) -> None:
    bank = Bank.of(own_demo)
    switch_on(own_demo, tmp_path, "rfc", "implicit")
    metadata = f"{bank.issuer}/.well-known/oauth-authorization-server"
    wait_until("the file is in force", lambda: "token" in bank.call("GET", metadata).json()["response_types_supported"])
    page = bank.page(implicit_url(bank, bank[role]))
    assert page.location is not None, page.text[:500]
    assert answer_in(page.location, "query")["error"] == "unauthorized_client"
    settings = tmp_path / "strict.json"
    settings.write_text('{"profile": "fapi2", "auth_method": "private_key_jwt", "jwks_uri": "https://a.example/k", "dpop_bound": true, "grants": ["implicit"]}')
    name = ["--name", "Strict", "--scope", "accounts", "--redirect-uri", CALLBACK, "--settings", str(settings)]
    made = own_demo.cli.run("client", "create", "--platform", "rfc", *name)
    assert made.code != 0 and "implicit" in made.err, made
