"""The causes behind code 40110000, told apart: each with what passed, its facts, a remedy, a control and a twin."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from harness.demo import Demo
from harness.forms import Browser
from harness.platform import Key, bearer
from harness.refusals import allowed, refusal, values

Call = Callable[[], requests.Response]
Expected = str | Callable[[Any], bool]
CHECKS = "possession not_ended kind client grant environment account not_killed reach approval scope licence limit".split()
WHO = {"caller", "owner", "end_user", "operator", "time"}


@dataclass
class Case:
    """One situation. The request, the same with a credential that is worth nothing, and one that succeeds."""

    cause: str
    refused: Call
    control: Call
    twin: Call
    generic: Call
    who: set[str]
    facts: dict[str, Expected] = field(default_factory=dict)
    """Facts of the full explanation and what the store or the request says about them."""
    passed: bool = True
    hidden: list[str] = field(default_factory=list)
    """What only an owner may know: never in an answer."""
    owner: Browser | None = None
    """The browser of the account's owner, where the refusal is about an account."""
    says: list[str] = field(default_factory=list)
    """Words that the whole explanation must hold."""


def words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def holds(*parts: str) -> Callable[[Any], bool]:
    return lambda value: all(part in words(value) for part in parts)


def near(now: str) -> Callable[[Any], bool]:
    """A time within some seconds of the demo's clock."""
    moment = datetime.fromisoformat(now)
    return lambda value: abs(datetime.fromisoformat(str(value)) - moment) < timedelta(seconds=30)


def unknown_key() -> Key:
    """Shaped like a key of the demo, and nobody's."""
    return Key("PK" + "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(18)), secrets.token_hex(20))


def with_wrong_secret(key: Key) -> Key:
    return Key(key.id, secrets.token_hex(len(key.secret) // 2).ljust(len(key.secret), "0"), key.account, key.environment)


def key_case(demo: Demo, cause: str, key: Key, control: Key, environment: str = "paper", **more: Any) -> Case:
    wrong, nobody = with_wrong_secret(key), unknown_key()
    return Case(
        cause,
        refused=lambda: demo.account(key.headers, environment),
        control=lambda: demo.account(control.headers, environment),
        twin=lambda: demo.account(wrong.headers, environment),
        generic=lambda: demo.account(nobody.headers, environment),
        **more,
    )


def token_case(cause: str, token: str, ask: Callable[[dict[str, str]], requests.Response], control: Call, **more: Any) -> Case:
    near_miss = token[:-1] + ("0" if token[-1] != "0" else "1")
    return Case(
        cause,
        refused=lambda: ask(bearer(token)),
        control=control,
        twin=lambda: ask(bearer(near_miss)),
        generic=lambda: ask(bearer(str(uuid.uuid4()))),
        **more,
    )


def wrong_secret(demo: Demo) -> Case:
    key = demo.keys["paper"]
    return key_case(
        demo, "credential.rejected", with_wrong_secret(key), control=key, who={"caller"}, passed=False,
        hidden=[key.account],
    )  # fmt: skip


def unknown_id(demo: Demo) -> Case:
    return key_case(demo, "credential.rejected", unknown_key(), control=demo.keys["paper"], who={"caller"}, passed=False)


def other_environment(demo: Demo) -> Case:
    live = demo.keys["live"]
    return key_case(
        demo, "environment.mismatch", live, control=demo.keys["paper"], who={"caller"},
        facts={
            "host_environments": holds("paper"),
            "credential_environments": holds("live"),
            "right_hosts": holds(demo.api["live"]),
        },
        hidden=[live.account],
        says=["live", "paper", demo.api["live"]],
    )  # fmt: skip


def replaced_by_reset(demo: Demo) -> Case:
    old = demo.keys["paper"]
    allowed(demo.account(old.headers))
    fresh = demo.admin("account", "reset", old.account)["key"]
    successor = Key(fresh["id"], fresh["secret"], old.account)
    browser = demo.browser()
    demo.sign_in(browser, demo.alice)
    return key_case(
        demo, "credential.superseded", old, control=successor, who={"caller", "owner"}, owner=browser,
        facts={"ended_at": near(demo.now()), "end_reason": holds("reset"), "successor_key": successor.id},
        hidden=[successor.id, old.account],
        says=["reset"],
    )  # fmt: skip


def client_id_as_key(demo: Demo) -> Case:
    app = demo.clients["app"]
    return key_case(
        demo, "credential.wrong_kind", Key(app.id, app.secret), control=demo.keys["paper"], who={"caller"},
        facts={"credential_kind": holds("client")},
        hidden=[name for name in [app.name] if name],
        says=["client"],
    )  # fmt: skip


def without_the_scope(demo: Demo) -> Case:
    app, browser = demo.clients["app-licensed"], demo.browser()
    good = demo.token(app, browser, scope="account:write trading data")
    narrow = demo.token(app, browser, scope="account:write trading")
    allowed(demo.account(bearer(narrow)))
    return token_case(
        "scope.missing", narrow, demo.bars, control=lambda: demo.bars(bearer(good)), who={"caller", "owner", "end_user"},
        facts={"scopes_needed": holds("data"), "scopes_held": lambda value: "trading" in words(value) and "data" not in words(value)},
        hidden=[demo.alice.accounts["paper"]], owner=browser, says=["data", "trading"],
    )  # fmt: skip


def against_the_licence(demo: Demo) -> Case:
    browser = demo.browser()
    token = demo.token(demo.clients["app"], browser, scope="account:write trading data")
    allowed(demo.account(bearer(token)))
    return token_case(
        "licence.delegated_access", token, demo.bars, control=lambda: demo.bars(demo.keys["paper"].headers),
        who={"operator", "caller"},
        facts={"product": lambda value: bool(value), "scopes_held": holds("data")},
        hidden=[demo.alice.accounts["paper"]], owner=browser, says=["licence", "delegated", "no scope", "consent", "own api key"],
    )  # fmt: skip


def not_approved_for_live(demo: Demo) -> Case:
    browser = demo.browser()
    token = demo.token(demo.clients["app"], browser, env=None)
    approved = demo.token(demo.clients["app-approved"], browser, env=None)
    allowed(demo.account(bearer(token), "paper"))
    return token_case(
        "client.live_not_approved", token, lambda headers: demo.order(headers, "live"),
        control=lambda: demo.order(bearer(approved), "live"), who={"operator"},
        hidden=[demo.alice.accounts["live"], demo.clients["app"].id], owner=browser, says=["live", "approv"],
    )  # fmt: skip


def disabled_client(demo: Demo) -> Case:
    browser = demo.browser()
    app = demo.clients["app"]
    token, other = demo.token(app, browser), demo.token(demo.clients["app-approved"], browser)
    allowed(demo.account(bearer(token)))
    demo.admin("client", "disable", app.id)
    return token_case(
        "client.disabled", token, demo.account, control=lambda: demo.account(bearer(other)), who={"operator"},
        facts={"client_status": holds("DISABLED"), "since": near(demo.now())},
        hidden=[demo.alice.accounts["paper"], app.id], owner=browser, says=["disabled"],
    )  # fmt: skip


def revoked_by_the_owner(demo: Demo) -> Case:
    browser = demo.browser()
    app = demo.clients["app"]
    token, other = demo.token(app, browser), demo.token(demo.clients["app-approved"], browser)
    allowed(demo.account(bearer(token)))
    (mine,) = demo.grants_of(app)
    demo.withdraw(browser, app)
    return token_case(
        "grant.revoked", token, demo.account, control=lambda: demo.account(bearer(other)), who={"owner", "end_user"},
        facts={"ended_at": near(demo.now()), "ended_by": "owner", "grant": mine["id"]},
        hidden=[demo.alice.accounts["paper"], mine["id"]], owner=browser, says=["owner"],
    )  # fmt: skip


def replayed_code(demo: Demo) -> Case:
    browser = demo.browser()
    app = demo.clients["app"]
    code = demo.code(app, browser)
    token = demo.redeem(app, code).json()["access_token"]
    allowed(demo.account(bearer(token)))
    refusal(demo.redeem(app, code), 400, "code.replayed")
    other = demo.token(app, browser)
    return token_case(
        "code.replayed", token, demo.account, control=lambda: demo.account(bearer(other)), who={"caller"},
        facts={"ended_at": near(demo.now()), "end_reason": holds("presented again")},
        hidden=[demo.alice.accounts["paper"], code], owner=browser, says=["code"],
    )  # fmt: skip


CASES = [
    wrong_secret,
    unknown_id,
    other_environment,
    replaced_by_reset,
    client_id_as_key,
    without_the_scope,
    against_the_licence,
    not_approved_for_live,
    disabled_client,
    revoked_by_the_owner,
    replayed_code,
]

CAUSES = [
    "credential.rejected",
    "environment.mismatch",
    "credential.superseded",
    "credential.wrong_kind",
    "scope.missing",
    "licence.delegated_access",
    "client.live_not_approved",
    "client.disabled",
    "grant.revoked",
    "code.replayed",
]


def check_shape(explanation: dict[str, Any], case: Case, decision: str, told: str) -> None:
    """The document that page, command and API show, for a reader who is told so much."""
    assert explanation["decision_id"] == decision
    assert explanation["cause"] == case.cause
    assert explanation["told"] == told, explanation["told"]
    for name in ("title", "summary", "remedy"):
        assert isinstance(explanation[name], str) and len(explanation[name]) > 10, explanation
    assert explanation["who_can_act"] in WHO, explanation
    tiers = {"public": ["public"], "holder": ["public", "holder"], "owner": ["public", "holder", "owner"]}[told]
    for fact in explanation["facts"]:
        assert set(fact) >= {"name", "value", "tier", "subject"} and fact["tier"] in tiers, fact
    if told == "public":
        assert not explanation["passed"] and "linked" not in explanation, explanation
        return
    for check in explanation["passed"]:
        assert check["check"] in CHECKS and check["note"], explanation
    assert isinstance(explanation["would_fail_next"], list), explanation
    if case.passed:
        assert explanation["failed"]["check"] in CHECKS, explanation
    if told == "owner":
        assert isinstance(explanation["linked"], list), explanation


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_cause(own_demo: Demo, make: Callable[[Demo], Case]) -> None:
    case = make(own_demo)

    # The refusal itself.
    refused = refusal(case.refused(), 401, case.cause, 40110000)
    for text in case.hidden:
        assert text not in refused.public(), f"an owner's fact was told: {text}"

    # Its explanation, in full, for the operator: true facts, what passed, what failed, what to do, who can do it.
    full = own_demo.explain(refused.decision)
    check_shape(full, case, refused.decision, "owner")
    assert full["who_can_act"] in case.who, full["who_can_act"]
    if case.passed:
        names = [check["check"] for check in full["passed"]]
        assert names[:1] == ["possession"], f"possession is proven before anything else: {names}"
        order = [CHECKS.index(name) for name in (*names, full["failed"]["check"])]
        assert order == sorted(set(order)), f"not the public order: {names}, then {full['failed']}"
    facts = {fact["name"]: fact["value"] for fact in full["facts"]}
    for name, expected in case.facts.items():
        assert name in facts, f"{name} is not among {facts}"
        assert expected(facts[name]) if callable(expected) else words(facts[name]) == expected, f"{name}: {facts[name]!r}"
    text = (json.dumps(full) + refused.text).lower()
    for word in case.says:
        assert word.lower() in text, f"{word!r} is not said: {full}"

    # The answer alone says how to find out more, and a proven caller what passed.
    if case.passed:
        assert refused.body["passed"] == [check["check"] for check in full["passed"]]
        assert refused.body["remedy"]

    # No fact of an owner in the answer, nor on the page that anybody with the id can open.
    anybody = own_demo.explain_public(refused.decision)
    check_shape(anybody, case, refused.decision, "public")
    for value in values(full, "owner"):
        if len(value) >= 6 and value != case.cause:
            assert value not in refused.public(), f"an owner's fact was told: {value}"
            assert value not in json.dumps(anybody), f"an owner's fact is public: {value}"

    # The owner, signed in, sees what is the owner's.
    if case.owner is not None:
        seen = own_demo.explain_as(case.owner, refused.decision)
        check_shape(seen, case, refused.decision, "owner")
        mine = {fact["name"] for fact in seen["facts"]}
        assert {fact["name"] for fact in full["facts"] if fact["subject"] in ("account_owner", "credential")} <= mine, seen
        page = case.owner.get(refused.uri)
        assert page.status == 200 and case.cause in page.text and "script" not in page.tags
        assert full["remedy"] in page.text, page.text

    # The control, and the twin that proves nothing: one answer for it and for what never existed.
    assert case.control().status_code == 200, case.control().text
    twin, generic = refusal(case.twin(), 401, "credential.rejected", 40110000), refusal(case.generic(), 401)
    assert twin.masked() == generic.masked()
    assert own_demo.explain_public(twin.decision)["summary"] == own_demo.explain_public(generic.decision)["summary"]


def test_merged_causes_have_identical_pages(demo: Demo) -> None:
    wrong = refusal(demo.account(with_wrong_secret(demo.keys["paper"]).headers), 401, "credential.rejected")
    unknown = refusal(demo.account(unknown_key().headers), 401, "credential.rejected")
    pages = []
    for refused in (wrong, unknown):
        page = demo.browser().get(refused.uri)
        assert page.status == 200
        pages.append(page.body.replace(refused.decision, "<id>"))
    assert pages[0] == pages[1]


def test_unknown_decision_ids_give_one_404(demo: Demo) -> None:
    known = refusal(demo.account(unknown_key().headers), 401).decision
    answers = []
    for decision in (known[:-1] + ("A" if known[-1] != "A" else "B"), secrets.token_urlsafe(len(known) * 3 // 4), "x"):
        answer = demo.call("GET", f"{demo.issuer}/explain/{decision}", headers={"Accept": "application/json"})
        assert answer.status_code == 404, f"{decision}: {answer.status_code} {answer.text[:300]}"
        found = refusal(answer, 404)
        answers.append(found.masked())
    assert answers[0] == answers[1] == answers[2]


def test_every_cause_has_a_page(demo: Demo) -> None:
    for cause in CAUSES:
        page = demo.browser().get(f"{demo.issuer}/causes/{cause}")
        assert page.status == 200 and cause in page.text, cause
    assert demo.browser().get(f"{demo.issuer}/causes/no.such").status == 404
