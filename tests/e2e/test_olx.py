"""The marketplace by hand: the eleven authorization errors as its documentation has them, both encodings, both addresses of the
token endpoint, versions, codes and refresh tokens that are late, lost or foreign."""

from __future__ import annotations

import re
import select
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.demo import Demo
from harness.market import TOKEN, Market, bare
from harness.platform import CALLBACK, HTTP

DOCUMENTED: dict[int, dict[str, Any]] = {
    1: {"error": "invalid_request", "error_description": 'Missing parameter: "code" is required'},
    2: {"error": "invalid_grant", "error_description": "Authorization code doesn't exist or is invalid for the client"},
    3: {"error": "invalid_request", "error_description": "The grant type was not specified in the request"},
    4: {"error": "invalid_scope", "error_description": "The scope requested is invalid for this client"},
    5: {"error": "invalid_client", "error_description": "Client is not active"},
    6: {"error": "invalid_client", "error_description": "The client credentials are invalid"},
    7: {"error": "invalid_token", "error_description": "The access token provided is invalid"},
    8: {
        "error": "insufficient_scope",
        "error_description": "The request requires higher privileges than provided by the access token",
        "error_human_title": "Insufficient scope.",
    },
    9: {"error": {"status": 400, "title": "Bad Request", "detail": "Invalid owner in token"}},
    10: {
        "error": "unauthorized_client",
        "error_description": "The grant type is unauthorized for this client_id",
        "error_human_title": "Unauthorized client.",
    },
    11: {
        "error": "invalid_grant",
        "error_description": "Invalid refresh token",
        "error_human_title": "Provided authorization credentials are invalid or expired.",
    },
}
STATUS = {number: 401 if number in (5, 7, 8) else 400 for number in DOCUMENTED}
CODE = {"grant_type": "authorization_code"}


@pytest.fixture
def market(demo: Demo) -> Market:
    return Market.of(demo)


@pytest.fixture
def own_market(own_demo: Demo) -> Market:
    return Market.of(own_demo)


def refused(answer: Any, number: int, cause: str) -> None:
    assert bare(answer, STATUS[number], cause) == DOCUMENTED[number]


# -- the eleven authorization errors --------------------------------------------------------------------------


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
@pytest.mark.parametrize("slash", [False, True], ids=["bare", "slash"])
@pytest.mark.parametrize("origin", ["issuer", "api"])
def test_what_the_token_endpoint_says(market: Market, form: bool, slash: bool, origin: str) -> None:
    app, machine = market["app"], market["app-machine"]

    def post(fields: dict[str, str]) -> Any:
        return market.post(fields, slash=slash, form=form, origin=getattr(market, origin))

    refused(post(app.own | CODE), 1, "request.parameter_missing")
    refused(post(app.own | CODE | {"code": "x" * 40}), 2, "code.invalid")
    refused(post(app.own), 3, "request.parameter_missing")
    wrong = market["app-read-write"].own | CODE | {"code": "x", "scope": "read write v2"}
    refused(post(wrong), 4, "scope.invalid")
    refused(post(market["app-inactive"].own | CODE | {"code": "x"}), 5, "client.disabled")
    refused(post(app.own | CODE | {"code": "x", "client_secret": "wrong" * 8}), 6, "client.rejected")
    refused(post(machine.own | CODE | {"code": "x"}), 10, "client.grant_not_allowed")
    refused(post(app.own | {"grant_type": "client_credentials"}), 10, "client.grant_not_allowed")
    refused(post(app.own | {"grant_type": "refresh_token", "refresh_token": "x"}), 11, "refresh.invalid")


def test_an_unknown_client_is_a_wrong_secret_and_states_are_told_to_those_who_know_it(market: Market) -> None:
    code = CODE | {"code": "x"}
    answers = [
        market.post(market["app"].own | code | {"client_id": "299999"}),
        market.post(market["app"].own | code | {"client_id": 299999}),
        market.post(market["app"].own | code | {"client_secret": market["app-machine"].secret}),
        market.post(market["app-inactive"].own | code | {"client_secret": "wrong" * 8}),
        market.post({"client_id": market["app"].id} | code),
    ]
    for answer in answers:
        refused(answer, 6, "client.rejected")
    explained = [market.explained(answer) for answer in answers]
    for name in ("title", "summary", "remedy", "facts", "told"):
        values = [{key: value for key, value in one.items() if key == name} for one in explained]
        same = [[f for f in value["facts"] if f["name"] != "server_time"] if name == "facts" else value for value in values]
        assert all(value == same[0] for value in same), name


def test_what_the_api_says(own_market: Market) -> None:
    market, app = own_market, own_market["app"]
    # 8: the scope v2 was not asked for
    old = market.tokens(app, scope="read write")["access_token"]
    answer = market.call("users/me", old)
    refused(answer, 8, "scope.missing")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="v2"' in answer.headers["WWW-Authenticate"]
    assert market.call("regions", old).status_code == 200
    # 9: nobody owns what an app got for itself
    own = market.own_token(market["app-machine"])
    for path in ("users/me", "adverts"):
        refused(market.call(path, own), 9, "token.no_owner")
    assert market.call("cities?limit=2&offset=1", own).json()["data"][0]["id"] == 2
    # 7: garbage, revoked, expired
    tokens = market.tokens(app)["access_token"], market.tokens(app, "bob")["access_token"]
    for token in tokens:
        assert market.call("users/me", token).status_code == 200
    page = market.page(f"{market.issuer}/apps", "bob")
    market.browser("bob").submit(page, re.compile("withdraw|revoke|remove", re.IGNORECASE))
    revoked = market.call("users/me", tokens[1])
    market.demo.advance(86_401)
    garbage, expired = market.call("users/me", "0" * 40), market.call("users/me", tokens[0])
    for answer in (garbage, revoked, expired):
        refused(answer, 7, "credential.rejected")
    assert garbage.headers["WWW-Authenticate"].split(", error_uri")[0] == expired.headers["WWW-Authenticate"].split(", error_uri")[0]

    # what it really was: for those who show the token, or whose it is
    for answer in (garbage, revoked, expired):
        said = market.explained(answer)
        assert (said["cause"], said["told"]) == ("credential.rejected", "public")
    for answer, token, cause in ((revoked, tokens[1], "grant.revoked"), (expired, tokens[0], "token.expired")):
        said = market.explained(answer, token)
        assert (said["cause"], said["told"]) == (cause, "holder"), said
    assert market.explained(expired, tokens[1])["cause"] == "credential.rejected"
    assert market.explained(garbage, tokens[0])["cause"] == "credential.rejected"
    record = market.demo.cli.json("explain", expired.json()["decision_id"], "--platform", "olx")
    assert record["true_cause"]["cause"] == "token.expired", record


# -- codes ----------------------------------------------------------------------------------------------------


def test_a_code_gives_typed_tokens_whatever_the_order_of_scopes(market: Market) -> None:
    for path, scope in (("/oauth/authorize", "v2 read write"), ("/oauth/authorize/", "write v2 read")):
        answer = market.answer(market["app"], path=path, scope=scope, state="a b&c")
        assert answer["state"] == "a b&c" and answer["iss"] == market.issuer
        body = market.redeem(market["app"], answer["code"], scope="read write v2").json()
        assert set(body) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
        assert body["expires_in"] == 86_400 and body["token_type"] == "bearer"
        assert set(body["scope"].split()) == {"v2", "read", "write"}
        assert re.fullmatch("[0-9a-f]{40}", body["access_token"])
        me = market.call("users/me", body["access_token"]).json()["data"]
        assert isinstance(me["id"], int)


def test_a_redirect_uri_that_was_sent_is_sent_again(market: Market) -> None:
    app = market["app"]
    sent = market.code(app, redirect_uri=CALLBACK)
    for other in (None, "https://rp.example.test/CB"):
        refused(market.redeem(app, sent, redirect_uri=other), 2, "code.redirect_mismatch")
    assert market.redeem(app, sent, redirect_uri=CALLBACK).status_code == 200
    assert market.redeem(app, market.code(app)).status_code == 200
    page = market.page(market.authorize_url(app, redirect_uri="https://elsewhere.example.test/cb"))
    assert page.location is None and page.has("error")


def test_a_code_is_good_for_ten_minutes_once_and_for_its_app(own_market: Market) -> None:
    market, app = own_market, own_market["app"]
    code = market.code(app)
    market.demo.advance(599)
    foreign = market["app-read-write"].own | CODE | {"code": code}
    refused(market.post(foreign), 2, "code.invalid")
    first = market.redeem(app, code)
    assert first.status_code == 200
    late = market.code(app)
    market.demo.advance(601)
    refused(market.redeem(app, late), 2, "code.expired")
    # a code that comes again ends what it gave
    refused(market.redeem(app, code), 2, "code.replayed")
    refused(market.call("users/me", first.json()["access_token"]), 7, "credential.rejected")


def test_scopes_that_the_app_may_not_have_are_refused_before_the_code_is_spent(market: Market) -> None:
    app = market["app-read-write"]
    page = market.page(market.authorize_url(app))
    assert page.answer["error"] == "invalid_scope" and page.answer["cause"] == "scope.invalid"
    code = market.code(app, scope="write read")
    refused(market.redeem(app, code, scope="read write v2"), 4, "scope.invalid")
    refused(market.redeem(app, code, scope="read admin"), 4, "scope.invalid")
    body = market.redeem(app, code, scope="read write").json()
    assert set(body["scope"].split()) == {"read", "write"}


# -- refresh --------------------------------------------------------------------------------------------------


def test_refresh_tokens_rotate_and_live_thirty_days_from_each_use(own_market: Market) -> None:
    market, app = own_market, own_market["app"]
    token = market.tokens(app)["refresh_token"]
    seen = {token}
    for _ in range(3):
        market.demo.advance(29 * 86_400)
        body = market.refresh(app, token).json()
        token = body["refresh_token"]
        assert token not in seen
        seen.add(token)
        assert market.call("users/me", body["access_token"]).status_code == 200
    refused(market.refresh(market["app-read-write"], token), 11, "refresh.invalid")
    market.demo.advance(2_592_001)
    refused(market.refresh(app, token), 11, "refresh.expired")


def test_a_lost_answer_is_given_again(market: Market) -> None:
    app = market["app"]
    token = market.tokens(app)["refresh_token"]
    body = f'{{"client_id":"{app.id}","client_secret":"{app.secret}","grant_type":"refresh_token","refresh_token":"{token}"}}'
    where = urlsplit(market.issuer)
    head = f"POST {TOKEN}/ HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((where.hostname or "", where.port or 80), 10) as connection:
        connection.sendall(head.encode() + body.encode())
        assert select.select([connection], [], [], 10)[0], "no answer"
    first, second = market.refresh(app, token).json(), market.refresh(app, token).json()
    assert first["refresh_token"] == second["refresh_token"] != token
    assert first["access_token"] != second["access_token"]
    for answer in (first, second):
        assert market.call("users/me", answer["access_token"]).status_code == 200
    # once the successor was used, the old one is a replay
    assert market.refresh(app, first["refresh_token"]).status_code == 200
    refused(market.refresh(app, token), 11, "refresh.replayed")


# -- requests -------------------------------------------------------------------------------------------------


def test_the_api_wants_to_be_told_its_version(market: Market) -> None:
    token = market.tokens(market["app"])["access_token"]
    missing = {"data": {"error": {"status": 400, "title": "Bad Request", "detail": "Missing required 'Version' header!"}}}
    unsupported = {"error": {"type": "NotFoundException", "message": "Unsupported API version"}}
    for given in (token, None, "0" * 40):
        assert bare(market.call("users/me", given, version=None), 400, "version.missing") == missing
        assert bare(market.call("users/me", given, version="1.0"), 404, "version.unsupported") == unsupported
    assert market.call("users/me", token).status_code == 200


def test_everything_else_comes_in_the_envelope(market: Market) -> None:
    token = market.tokens(market["app"])["access_token"]
    for answer, status, cause in (
        (market.call("users/me", None), 401, "credential.missing"),
        (market.call("nothing", token), 404, "request.path_unknown"),
        (market.call("users/me", token, "DELETE"), 405, "request.method_not_allowed"),
    ):
        error = bare(answer, status, cause)["error"]
        assert error["status"] == status and error["title"] and error["detail"], error
    advert = market.call("adverts", token, "POST", json={"title": "x"})
    assert advert.status_code == 400 and advert.json()["error"]["validation"], "the API's own refusals pass unchanged"


@pytest.mark.parametrize(
    ("kind", "body", "cause"),
    [
        ("application/json", '{"grant_type":"refresh_token","grant_type":"client_credentials"}', "request.parameter_repeated"),
        ("application/x-www-form-urlencoded", "code=a&code=b", "request.parameter_repeated"),
        ("application/json", '{"grant_type":"refresh_token",}', "request.body_malformed"),
        ("application/json", '["grant_type"]', "request.body_malformed"),
        ("text/plain", "{}", "request.content_type"),
    ],
)
def test_r22_bodies_that_say_two_things_or_nothing(market: Market, kind: str, body: str, cause: str) -> None:
    answer = HTTP.post(f"{market.issuer}{TOKEN}/", data=body, headers={"Content-Type": kind}, timeout=10)
    assert answer.json()["cause"] == cause and answer.json()["error"] == "invalid_request", answer.text


def test_the_token_endpoint_is_never_redirected_and_reads_no_query(market: Market) -> None:
    app = market["app"]
    for slash in ("", "/"):
        url = f"{market.issuer}{TOKEN}{slash}"
        assert HTTP.get(url, allow_redirects=False, timeout=10).status_code == 405
        asked = HTTP.post(f"{url}?grant_type=client_credentials", json=app.own, allow_redirects=False, timeout=10)
        refused(asked, 3, "request.parameter_missing")
