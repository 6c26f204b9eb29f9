"""The data platform by raw requests: what its clients send, what they parse, and what is refused."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from harness.demo import Demo
from harness.streams import Stream
from harness.vendor import HISTORY, LEAVES, REVOKE, SNAPSHOTS, V1, V2, Machine, Vendor, basic, data_refused, token_refused, unknown

EXCLUSIVE = "takeExclusiveSignOnControl"


@pytest.fixture
def vendor(demo: Demo) -> Vendor:
    return Vendor.of(demo)


# -- signing on ------------------------------------------------------------------------------------------------


def test_a_machine_signs_on_and_gets_the_leaves_of_the_umbrella(vendor: Vendor) -> None:
    answer = vendor.post(V1, vendor.login())
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}, body
    assert body["expires_in"] == "300" and body["token_type"] == "Bearer", "the lifetime is a text of digits here"
    assert set(body["scope"].split()) == LEAVES
    assert body["access_token"].count(".") == 2, "signed"
    assert answer.headers["Content-Type"] == "application/json"
    for name, value in (("Limit", "50"), ("Remaining", "49")):
        assert answer.headers[f"X-RateLimit-{name}"] == value
    assert vendor.get(HISTORY, body["access_token"]).json()[0]["universe"] == {"ric": "IBM.N"}


@pytest.mark.parametrize("scope", ["trapi trapi.data.news.read", "trapi.data.news.read trapi", "trapi.data.news.read", None])
def test_scopes_in_any_order_or_none(vendor: Vendor, scope: str | None) -> None:
    login = vendor.login()
    login.pop("scope")
    body = vendor.post(V1, login | ({"scope": scope} if scope else {})).json()
    assert set(body["scope"].split()) == ({"trapi.data.news.read"} if scope == "trapi.data.news.read" else LEAVES)


def test_the_app_key_in_body_or_basic_or_both(vendor: Vendor) -> None:
    key = vendor.machine.app_key
    login = vendor.login()
    bare = {name: value for name, value in login.items() if name != "client_id"}
    assert vendor.post(V1, login).status_code == 200
    assert vendor.post(V1, bare, Authorization=basic(key, "")).status_code == 200
    assert vendor.post(V1, login, Authorization=basic(key, "")).status_code == 200
    differ = vendor.post(V1, login, Authorization=basic(unknown(), ""))
    token_refused(differ, 400, "invalid_request", "credential.ambiguous")


def test_an_empty_secret_is_for_public_clients_only(vendor: Vendor) -> None:
    account = vendor.by_secret["client_id"]
    form = {"grant_type": "client_credentials", "client_id": account}
    for answer in (vendor.post(V2, form), vendor.post(V2, form, Authorization=basic(account, ""))):
        token_refused(answer, 401, "invalid_client", "client.rejected")
    with_secret = vendor.post(V1, vendor.login(), Authorization=basic(vendor.machine.app_key, "secret"))
    token_refused(with_secret, 401, "invalid_client", "client.rejected")


@pytest.mark.parametrize("path", [V1, REVOKE])
def test_a_bearer_is_not_looked_at(vendor: Vendor, path: str) -> None:
    held = vendor.signed_on()
    form = vendor.login() if path == V1 else {"token": held["access_token"], "client_id": vendor.machine.app_key}
    for bearer in (held["access_token"], "expired", ""):
        assert vendor.post(path, form, Authorization=f"Bearer {bearer}").status_code == 200


def test_names_and_passwords_get_one_answer(vendor: Vendor) -> None:
    wrong = vendor.post(V1, vendor.login(password="wrong"))
    nobody = vendor.post(V1, vendor.login(Machine("GE-A-0", "wrong", vendor.machine.app_key)))
    bodies = [token_refused(answer, 400, "invalid_grant", "password.rejected") for answer in (wrong, nobody)]
    for body in bodies:
        body.pop("decision_id"), body.pop("error_uri")
    assert bodies[0] == bodies[1]


def test_unknown_app_keys_get_the_exact_sentence(vendor: Vendor) -> None:
    answer = vendor.post(V1, vendor.login() | {"client_id": unknown()})
    body = token_refused(answer, 401, "invalid_client", "client.rejected")
    assert body["error_description"] == "Invalid Application Credential."


# -- sessions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["false", "False", None])
def test_a_second_session_is_over_the_quota(vendor: Vendor, word: str | None) -> None:
    held = vendor.signed_on()
    login = vendor.login()
    login.pop(EXCLUSIVE)
    answer = vendor.post(V1, login | ({EXCLUSIVE: word} if word else {}))
    body = token_refused(answer, 400, "access_denied", "session.quota_reached")
    assert body["error_description"] == "Session quota is reached."
    assert vendor.get(HISTORY, held["access_token"]).status_code == 200, "the one that is there goes on"
    explained = vendor.explained(answer)
    assert any(link["relation"] == "live" for link in explained["linked"]), explained


@pytest.mark.parametrize("word", ["true", "True"])
def test_a_takeover_ends_the_other_session_at_once(vendor: Vendor, word: str) -> None:
    first = vendor.signed_on()
    with ExitStack() as open_now:
        stream = streaming(open_now, vendor, first["access_token"])
        stream.until(is_login_accepted)
        second = vendor.signed_on(**{EXCLUSIVE: word})
        stream.closed(3).says(vendor.demo, "session.displaced")
    refused = vendor.get(HISTORY, first["access_token"])
    data_refused(refused, 401, "401", "session.displaced")
    noticed = vendor.explained(refused)["noticed"]
    assert "took this one's place" in noticed and vendor.machine.app_key in noticed, noticed
    gone = vendor.refresh(first["refresh_token"])
    token_refused(gone, 400, "invalid_grant", "session.displaced")
    assert vendor.get(HISTORY, second["access_token"]).status_code == 200


def test_machines_do_not_displace_each_other(vendor: Vendor) -> None:
    held = vendor.signed_on()
    vendor.signed_on(vendor.other)
    assert vendor.get(HISTORY, held["access_token"]).status_code == 200


# -- refreshing ------------------------------------------------------------------------------------------------


def test_a_refresh_gives_both_tokens_anew(vendor: Vendor) -> None:
    held = vendor.signed_on()
    answer = vendor.refresh(held["refresh_token"], Authorization="Bearer expired")
    body = answer.json()
    assert answer.status_code == 200 and body["expires_in"] == "300", body
    assert body["refresh_token"] != held["refresh_token"] and body["access_token"] != held["access_token"]
    assert set(body["scope"].split()) == LEAVES
    by_basic = vendor.post(
        V1,
        {"grant_type": "refresh_token", "refresh_token": body["refresh_token"], "username": vendor.machine.username},
        Authorization=basic(vendor.machine.app_key, ""),
    )
    assert by_basic.status_code == 200, by_basic.text


def test_a_retried_refresh_gets_the_same_successor_for_half_a_minute(vendor: Vendor) -> None:
    held = vendor.signed_on()
    first = vendor.refresh(held["refresh_token"]).json()
    vendor.demo.advance(31)
    again = vendor.refresh(held["refresh_token"])
    assert again.status_code == 200, again.text
    assert again.json()["refresh_token"] == first["refresh_token"]
    for token in (first["access_token"], again.json()["access_token"]):
        assert vendor.get(HISTORY, token).status_code == 200
    assert vendor.refresh(first["refresh_token"]).status_code == 200


def cut(vendor: Vendor, form: dict[str, str]) -> None:
    """Sends a token request and goes away before the answer: what was done stays done."""
    url = urlsplit(vendor.url)
    body = urlencode(form)
    with socket.create_connection((url.hostname, url.port), timeout=10) as sender:
        head = f"POST {V1} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        sender.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        # the first byte of the answer: the commit has been
        assert sender.recv(1) == b"H"


def lose_a_refresh(vendor: Vendor, held: dict[str, str]) -> None:
    key = vendor.machine.app_key
    cut(vendor, {"grant_type": "refresh_token", "refresh_token": held["refresh_token"], "client_id": key})


def test_a_lost_answer_does_no_harm_to_a_client_that_retries(vendor: Vendor) -> None:
    held = vendor.signed_on()
    lose_a_refresh(vendor, held)
    body = vendor.refresh(held["refresh_token"]).json()
    assert vendor.get(HISTORY, body["access_token"]).status_code == 200
    assert vendor.refresh(body["refresh_token"]).status_code == 200


def test_a_lost_answer_is_explained_to_one_that_does_not(vendor: Vendor) -> None:
    held = vendor.signed_on()
    vendor.demo.advance(150)
    lose_a_refresh(vendor, held)
    vendor.demo.advance(151)
    refused = vendor.get(HISTORY, held["access_token"])
    assert data_refused(refused, 401, "401", "token.expired")["message"] == "token expired"
    noticed = vendor.explained(refused)["noticed"]
    assert "lost on the way" in noticed and re.search(r"refreshed at \d{4}-\d\d-\d\dT", noticed), noticed
    late = vendor.refresh(held["refresh_token"])
    assert late.status_code == 400, "the window for retries is over"
    fresh = vendor.signed_on()
    assert vendor.get(HISTORY, fresh["access_token"]).status_code == 200


def test_a_token_that_expires_in_a_batch_is_explained(vendor: Vendor) -> None:
    held = vendor.signed_on()
    answers = []
    for _ in range(4):
        answers.append(vendor.get(HISTORY, held["access_token"]))
        vendor.demo.advance(100)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401]
    error = data_refused(answers[-1], 401, "401", "token.expired")
    assert error["message"] == "token expired" and error["status"] == "Unauthorized"
    body = answers[-1].json()
    assert "ended at" in body["detail"] and body["facts"]["expired_at"], body
    explained = vendor.explained(answers[-1])
    assert "before the old one ends" in explained["remedy"], explained
    assert "noticed" not in explained, "nothing was refreshed, so nothing was lost"
    page = vendor.demo.cli.run("explain", body["decision_id"])
    assert page.code == 0 and "expired" in page.out
    assert vendor.refresh(held["refresh_token"]).status_code == 200, "the refresh token lives on"


@pytest.mark.parametrize("given", ["", "nonsense", "mrt_" + "A" * 60])
def test_refresh_tokens_that_are_none(vendor: Vendor, given: str) -> None:
    answer = vendor.refresh(given)
    if given:
        token_refused(answer, 400, "invalid_grant", "refresh.invalid")
    else:
        token_refused(answer, 400, "invalid_request", "request.parameter_missing")


# -- service accounts ------------------------------------------------------------------------------------------


def test_a_service_account_by_its_secret(vendor: Vendor) -> None:
    account = vendor.by_secret
    form = {"grant_type": "client_credentials", "scope": "trapi"} | {key: account[key] for key in ("client_id", "client_secret")}
    body = vendor.post(V2, form).json()
    assert set(body) == {"access_token", "expires_in", "scope", "token_type"}, body
    assert body["expires_in"] == 7199, "a number here"
    assert set(body["scope"].split()) == LEAVES
    assert vendor.get(HISTORY, body["access_token"]).status_code == 200
    refused = vendor.post(V2, form | {"client_secret": "wrong"})
    assert token_refused(refused, 401, "invalid_client", "client.rejected")["error_description"] == "Invalid Application Credential."


def streaming(open_now: ExitStack, vendor: Vendor, token: str) -> Stream:
    """A websocket on which somebody signs on."""
    address = vendor.demo.sheet["platforms"]["lseg"]["environments"]["live"]["ws"]
    stream = Stream(open_now.enter_context(connect(f"{address}/WebSocket", subprotocols=[Subprotocol("tr_json2")])))
    elements = {"AuthenticationToken": token, "ApplicationId": "256", "Position": "127.0.0.1/net"}
    stream.send({"ID": 1, "Domain": "Login", "Key": {"NameType": "AuthnToken", "Elements": elements}})
    return stream


def is_login_accepted(message: dict[str, Any]) -> bool:
    return message.get("Domain") == "Login" and message["State"]["Stream"] == "Open"


def test_a_service_account_has_five_streams_at_once(vendor: Vendor) -> None:
    form = {key: vendor.by_secret[key] for key in ("client_id", "client_secret")}
    token = vendor.post(V2, {"grant_type": "client_credentials", "scope": "trapi"} | form).json()["access_token"]
    with ExitStack() as open_now:
        streams = [streaming(open_now, vendor, token) for _ in range(vendor.by_secret["sessions"])]
        for stream in streams:
            stream.until(is_login_accepted)
        streaming(open_now, vendor, token).closed().says(vendor.demo, "stream.connection_limit")
        assert all(stream.is_open() for stream in streams)
        streams.pop().socket.close()
        streaming(open_now, vendor, token).until(is_login_accepted)


def test_a_service_account_by_an_assertion_as_the_vendor_makes_it(vendor: Vendor) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": "trapi",
        "client_id": vendor.by_assertion["client_id"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    answer = vendor.post(V2, form | {"client_assertion": vendor.assertion()})
    assert answer.status_code == 200, answer.text
    other = vendor.post(V2, form | {"client_assertion": vendor.assertion(aud="https://elsewhere.example")})
    token_refused(other, 401, "invalid_client", "assertion.invalid")


@pytest.mark.parametrize(("path", "grant"), [(V1, "client_credentials"), (V2, "password"), (V2, "refresh_token"), (V1, "implicit")])
def test_each_endpoint_has_its_own_grants(vendor: Vendor, path: str, grant: str) -> None:
    answer = vendor.post(path, vendor.login() | {"grant_type": grant})
    token_refused(answer, 400, "unsupported_grant_type", "grant_type.unsupported")


# -- giving back -----------------------------------------------------------------------------------------------


def test_both_tokens_are_given_back_the_second_with_a_dead_bearer(vendor: Vendor) -> None:
    held = vendor.signed_on()
    for kind in ("access_token", "refresh_token"):
        form = {"token": held[kind], "token_type_hint": kind, "client_id": vendor.machine.app_key}
        answer = vendor.post(REVOKE, form, Authorization=f"Bearer {held['access_token']}")
        assert answer.status_code == 200, answer.text
    data_refused(vendor.get(HISTORY, held["access_token"]), 401, "401", "token.revoked")
    token_refused(vendor.refresh(held["refresh_token"]), 400, "invalid_grant", "refresh.ended")
    assert vendor.signed_on(**{EXCLUSIVE: "false"}), "the place is free"


# -- the API ---------------------------------------------------------------------------------------------------


def test_a_missing_scope_is_named_in_the_sentence_that_clients_take_apart(vendor: Vendor) -> None:
    held = vendor.signed_on()
    answer = vendor.get(SNAPSHOTS, held["access_token"])
    error = data_refused(answer, 403, "insufficient_scope", "scope.missing")
    scope = "trapi.data.pricing.read"
    assert error["message"] == f"access denied. Scopes required to access the resource: [{scope}]. Missing scopes: [{scope}]"
    assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]


def test_what_is_no_token_at_all(vendor: Vendor) -> None:
    data_refused(vendor.get(HISTORY, "nonsense"), 401, "401", "credential.rejected")
    assert vendor.get("/nothing", "nonsense").json()["error"]["status"] == "Not Found"


def test_discovery_names_the_websocket_of_the_sheet(vendor: Vendor) -> None:
    held = vendor.signed_on()
    sheet = vendor.demo.sheet["platforms"]["lseg"]["environments"]["live"]["ws"]
    for path in ("/streaming/pricing/v1/", "/streaming/pricing/v1/?transport=websocket"):
        (service,) = vendor.get(path, held["access_token"]).json()["services"]
        assert f"ws://{service['endpoint']}:{service['port']}" == sheet and service["dataFormat"] == ["tr_json2"]


# -- limits ----------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(vendor: Vendor) -> Iterator[Vendor]:
    """Whoever follows begins with all of its limit."""
    yield vendor
    vendor.demo.advance(61)


def test_a_loop_of_refreshes_is_limited_and_lets_go(limited: Vendor) -> None:
    held = limited.signed_on()
    token, answers = held["refresh_token"], []
    for _ in range(51):
        answer = limited.refresh(token)
        answers.append(answer.status_code)
        if answer.status_code == 200:
            token = answer.json()["refresh_token"]
    assert answers == [200] * 50 + [429], "so many a minute"
    body = token_refused(answer, 429, "temporarily_unavailable", "token_requests.limited")
    wait = int(answer.headers["Retry-After"])
    assert 0 < wait <= 31, "real clients give up after 31 s"
    assert answer.headers["X-RateLimit-Limit"] == "50" and answer.headers["X-RateLimit-Remaining"] == "0"
    assert "one timer" in body["remedy"], "what the client should have done"
    explained = limited.explained(answer)
    assert explained["who_can_act"] == "caller" and "Sample workspace" in str(explained["facts"]), explained
    assert limited.get(HISTORY, held["access_token"]).status_code == 200, "nothing is blocked"
    limited.demo.advance(wait)
    assert limited.refresh(token).status_code == 200


def test_a_loop_in_one_program_does_not_stop_another(limited: Vendor) -> None:
    other = limited.signed_on(limited.other)
    answers = [limited.post(V1, limited.login()).status_code for _ in range(51)]
    assert answers == [200] * 50 + [429]
    assert limited.refresh(other["refresh_token"], limited.other).status_code == 200
    assert limited.post(V1, limited.login(limited.other)).status_code == 200
    wrong = [limited.post(V1, limited.login(limited.other, password="wrong")).status_code for _ in range(3)]
    assert wrong == [400] * 3, "who knows no password uses up nobody's limit"


def test_the_operator_sees_who_runs_towards_the_limit(limited: Vendor) -> None:
    for _ in range(52):
        limited.post(V1, limited.login())
    (row,) = [row for row in limited.busy_clients() if row["client_id"] == limited.machine.app_key]
    assert row["requests_per_minute"] == 50 and row["near"] >= 9 and row["refused"] >= 2, row
    shown = limited.demo.cli.run("busy", "--platform", "lseg").out
    assert "REFUSED" in shown and limited.machine.app_key in shown, shown
