"""Requests that no proper client sends: a clear error in the dialect, nothing changed, the server lives on."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode, urlsplit

import pytest

from harness.demo import Demo
from harness.platform import CALLBACK
from harness.refusals import allowed, refusal
from harness.sockets import Answer, exchange

TEXT = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def still_serves(demo: Demo) -> Iterator[None]:
    """After each of these, a proper request is answered by the same process."""
    before = [len(demo.admin_rows("grant", "list")), len(demo.admin_rows("client", "list")), len(demo.admin_rows("user", "list"))]
    yield
    assert demo.server.running()
    allowed(demo.account(demo.keys["paper"].headers))
    after = [len(demo.admin_rows("grant", "list")), len(demo.admin_rows("client", "list")), len(demo.admin_rows("user", "list"))]
    assert before == after, "a malformed request changed something"


def raw(origin: str, line: str, headers: Sequence[bytes] = (), body: bytes = b"") -> Answer | None:
    host = f"Host: {urlsplit(origin).netloc}".encode()
    head = [line.encode("latin-1"), host, b"Connection: close", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}".encode())
    return exchange(origin, b"\r\n".join(head) + b"\r\n\r\n" + body)


def key_headers(demo: Demo) -> list[bytes]:
    return [f"{name}: {value}".encode() for name, value in demo.keys["paper"].headers.items()]


def basic(demo: Demo) -> bytes:
    pair = ":".join(demo.partners[0].auth).encode()
    return b"Authorization: Basic " + base64.b64encode(pair)


def good_form(demo: Demo) -> dict[str, str]:
    app = demo.clients["app"]
    return {
        "grant_type": "authorization_code",
        "code": "00000000-0000-4000-8000-000000000000",
        "client_id": app.id,
        "client_secret": app.secret,
        "redirect_uri": app.redirect_uri,
    }


# -- the token endpoint -------------------------------------------------------------------------------------------


def token(demo: Demo, body: bytes, content_type: bytes | None = TEXT.encode()) -> Answer | None:
    headers = [b"Content-Type: " + content_type] if content_type else []
    return raw(demo.issuer, "POST /oauth/token HTTP/1.1", headers, body)


@pytest.mark.parametrize("name", ["grant_type", "code", "client_id", "client_secret", "redirect_uri"])
def test_token_parameter_repeated(demo: Demo, name: str) -> None:
    body = urlencode(good_form(demo)) + f"&{name}=again"
    found = refusal(token(demo, body.encode()), 400)
    assert found.body["error"] == "invalid_request" and name in found.message, found.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&&&&",
        b"=",
        b"grant_type",
        b"grant_type=authorization_code&code=%",
        b"grant_type=authorization_code&code=%zz&client_id=a&client_secret=b&redirect_uri=c",
        b"grant_type=authorization_code&code=\xff\xfe&client_id=a&client_secret=b&redirect_uri=c",
        b"grant_type=authorization_code&code=%ff%fe&client_id=a&client_secret=b&redirect_uri=c",
        b"grant_type=authorization_code&code=%00&client_id=%00&client_secret=%00&redirect_uri=%00",
        b"grant_type=password&username=alice&password=alice",
        b"grant_type=implicit&client_id=a&client_secret=b",
        b'{"grant_type":"authorization_code"}',
        b"\x00" * 100,
        "grant_type=authorization_code&code=ü&client_id=ü&client_secret=ü&redirect_uri=ü".encode(),
        b"&".join(b"a%d=b" % i for i in range(2000)),
    ],
    ids=lambda body: ascii(body[:40].decode("latin-1")),
)
def test_token_bodies(demo: Demo, body: bytes) -> None:
    found = refusal(token(demo, body), (400, 401, 413))
    assert isinstance(found.body["error"], str)


@pytest.mark.parametrize("content_type", [None, b"application/json", b"text/plain", b"multipart/form-data; boundary=x", b"\xff", b"a/b/c"])
def test_token_content_types(demo: Demo, content_type: bytes | None) -> None:
    refusal(token(demo, urlencode(good_form(demo)).encode(), content_type), (400, 415))


def test_token_body_too_large(demo: Demo) -> None:
    form = good_form(demo) | {"code": "x" * 2_000_000}
    refusal(token(demo, urlencode(form).encode()), (400, 413))


def test_token_value_too_long(demo: Demo) -> None:
    for name in ("code", "client_id", "client_secret", "redirect_uri"):
        refusal(token(demo, urlencode(good_form(demo) | {name: "x" * 20_000}).encode()), (400, 401, 413))


def test_token_two_client_authentications(demo: Demo) -> None:
    pair = base64.b64encode(b"a:b")
    headers = [b"Content-Type: " + TEXT.encode(), b"Authorization: Basic " + pair]
    refusal(raw(demo.issuer, "POST /oauth/token HTTP/1.1", headers, urlencode(good_form(demo)).encode()), (400, 401))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW"])
def test_token_methods(demo: Demo, method: str) -> None:
    found = raw(demo.issuer, f"{method} /oauth/token HTTP/1.1")
    refusal(found, 405)
    assert found is not None and "POST" in found.headers["allow"]


# -- the REST surface ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b"Authorization: Bearer"],
        [b"Authorization: Bearer "],
        [b"Authorization: bearer x y"],
        [b"Authorization: Bearer \xff\xfe\xfd"],
        [b"Authorization: Bearer " + b"x" * 6000],
        [b"Authorization: Basic"],
        [b"Authorization: Basic !!!!"],
        [b"Authorization: Basic " + base64.b64encode(b"no colon")],
        [b"Authorization: Basic " + base64.b64encode(b"\xff\xfe:\xff")],
        [b"Authorization: Digest username=x"],
        [b"Authorization: "],
        [b"APCA-API-KEY-ID: PKX"],
        [b"APCA-API-SECRET-KEY: x"],
        [b"APCA-API-KEY-ID: ", b"APCA-API-SECRET-KEY: "],
        [b"APCA-API-KEY-ID: \xff\xfe", b"APCA-API-SECRET-KEY: \xff"],
        [b"APCA-API-KEY-ID: " + b"x" * 6000, b"APCA-API-SECRET-KEY: " + b"x" * 6000],
        [b"APCA-API-KEY-ID: a", b"APCA-API-KEY-ID: b", b"APCA-API-SECRET-KEY: c"],
        [b"Authorization: Bearer a", b"Authorization: Bearer b"],
        [b"Authorization: Bearer a", b"APCA-API-KEY-ID: a", b"APCA-API-SECRET-KEY: c"],
        [b"Cookie: session=x"],
    ],
    ids=lambda headers: ascii(b"|".join(headers)[:50].decode("latin-1")) or "none",
)
def test_rest_credentials(demo: Demo, headers: list[bytes]) -> None:
    found = refusal(raw(demo.api["paper"], "GET /v2/account HTTP/1.1", headers), (400, 401))
    if found.status == 401:
        assert found.code == 40110000


def test_rest_secret_with_white_space_around_it(demo: Demo) -> None:
    """HTTP drops blanks around a value; a secret with a line end inside it cannot even be sent."""
    key = demo.keys["paper"]
    headers = [f"APCA-API-KEY-ID:  {key.id}  ".encode(), f"APCA-API-SECRET-KEY:\t{key.secret}\t".encode()]
    found = raw(demo.api["paper"], "GET /v2/account HTTP/1.1", headers)
    assert found is not None and found.status == 200
    inside = [f"APCA-API-KEY-ID: {key.id}".encode(), f"APCA-API-SECRET-KEY: {key.secret[:9]} {key.secret[9:]}".encode()]
    refusal(raw(demo.api["paper"], "GET /v2/account HTTP/1.1", inside), 401)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2",
        "/v2/",
        "/v2/nothing",
        "/v2/account/",
        "/v2//account",
        "/v2/./account",
        "/v2/../v2/account",
        "/v2/%2e%2e/v2/account",
        "/v2/account%2f",
        "/v2/acc%6funt",
        "/V2/ACCOUNT",
        "/v2/account;x=y",
        "/v2/%ff",
        "/v2/%00",
        "/v2/%zz",
        "/v2/account\\..\\orders",
        "/" + "a" * 7000,
        "/oauth/token",
        "/demo/clock",
        "/admin/v1/clients",
    ],
    ids=lambda path: path[:30].replace("/", "_"),
)
def test_rest_paths(demo: Demo, path: str) -> None:
    """Only the very path that was decided on is forwarded."""
    found = refusal(raw(demo.api["paper"], f"GET {path} HTTP/1.1", key_headers(demo)), (400, 401, 403, 404, 405, 414))
    assert found.cause != "server.internal"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "PROPFIND", "BREW", "CONNECT"])
def test_rest_methods(demo: Demo, method: str) -> None:
    target = "/v2/account" if method != "CONNECT" else urlsplit(demo.api["paper"]).netloc
    refusal(raw(demo.api["paper"], f"{method} {target} HTTP/1.1", key_headers(demo)), (400, 404, 405))


def test_rest_host_that_is_not_ours(demo: Demo) -> None:
    request = (
        b"GET /v2/account HTTP/1.1\r\nHost: evil.example.test\r\nConnection: close\r\n" + b"\r\n".join(key_headers(demo)) + b"\r\n\r\n"
    )
    refusal(exchange(demo.api["paper"], request), 421)


def test_issuer_host_that_is_not_ours(demo: Demo) -> None:
    request = b"GET /oauth/authorize HTTP/1.1\r\nHost: evil.example.test\r\nConnection: close\r\n\r\n"
    found = exchange(demo.issuer, request)
    assert found is not None and found.status == 421 and "location" not in found.headers


def test_rest_order_too_large(demo: Demo) -> None:
    headers = [*key_headers(demo), b"Content-Type: application/json"]
    refusal(raw(demo.api["paper"], "POST /v2/orders HTTP/1.1", headers, b" " * 20_000_000), (400, 413))


# -- pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "response_type=code&response_type=code&client_id={id}&redirect_uri={uri}",
        "response_type=code&client_id={id}&client_id={id}&redirect_uri={uri}",
        "response_type=code&client_id={id}&redirect_uri={uri}&redirect_uri=https%3A%2F%2Fevil.example.test",
        "response_type=code&client_id=%ff&redirect_uri=%ff",
        "response_type=code&client_id=%00&redirect_uri={uri}",
        "response_type=code&client_id={id}&redirect_uri=%zz",
        "response_type=code&client_id={long}&redirect_uri={uri}",
    ],
    ids=["empty", "twice", "client twice", "redirect twice", "not utf-8", "nul", "bad escape", "long"],
)
def test_authorize_queries_are_an_error_page(demo: Demo, query: str) -> None:
    filled = query.format(id=demo.clients["app"].id, uri=CALLBACK.replace("/", "%2F").replace(":", "%3A"), long="a" * 5000)
    found = raw(demo.issuer, f"GET /oauth/authorize?{filled} HTTP/1.1", [b"Accept: text/html"])
    assert found is not None and 400 <= found.status < 500 and "location" not in found.headers, found
    assert b'id="error"' in found.body
    assert found.headers["mandate-cause"] and found.headers["mandate-decision"]


@pytest.mark.parametrize("path", ["/login", "/consent", "/apps", "/sessions", "/password", "/logout"])
@pytest.mark.parametrize(
    "body",
    [b"", b"username=%ff&password=%ff", b"username=a&username=b", b"x" * 2_000_000, b"csrf=x&token=x"],
    ids=["empty", "bytes", "twice", "large", "forged"],
)
def test_page_posts_without_their_form(demo: Demo, path: str, body: bytes) -> None:
    found = raw(demo.issuer, f"POST {path} HTTP/1.1", [b"Content-Type: " + TEXT.encode()], body)
    assert found is not None
    if found.status in (302, 303):
        assert urlsplit(found.headers["location"]).path == "/login", found.headers
    else:
        assert 400 <= found.status < 500, f"{found.status} {found.body[:300]!r}"


@pytest.mark.parametrize(
    "path", ["/nothing", "/oauth", "/oauth/authorize/", "/%ff", "/..%2f", "/explain", "/explain/", "/explain/%00", "/causes/%ff"]
)
def test_unknown_issuer_paths(demo: Demo, path: str) -> None:
    found = raw(demo.issuer, f"GET {path} HTTP/1.1", [b"Accept: application/json"])
    refusal(found, (400, 404))


# -- the broker surface -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1", "/v1/oauth", "/v1/oauth/token/", "/v1/oauth/clients/", "/v1/oauth/clients/%ff", "/v1/nothing"])
def test_broker_paths(demo: Demo, path: str) -> None:
    refusal(raw(demo.broker, f"GET {path} HTTP/1.1", [basic(demo)]), (400, 401, 404, 405))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "BREW"])
def test_broker_methods(demo: Demo, method: str) -> None:
    refusal(raw(demo.broker, f"{method} /v1/oauth/token HTTP/1.1", [basic(demo)]), 405)


@pytest.mark.parametrize(
    "query",
    ["response_type=code&response_type=token", "redirect_uri=%ff", "scope=%00", "response_type=nothing", "x=y&x=z", "%"],
)
def test_broker_queries(demo: Demo, query: str) -> None:
    app = demo.partners[0].client
    assert app is not None
    refusal(raw(demo.broker, f"GET /v1/oauth/clients/{app.id}?{query} HTTP/1.1", [basic(demo)]), (400, 422))


def test_broker_body_too_large(demo: Demo) -> None:
    app = demo.partners[0].client
    assert app is not None
    body = json.dumps(demo.broker_body(demo.partners[0], app, scope="general " * 300_000)).encode()
    headers = [basic(demo), b"Content-Type: application/json"]
    refusal(raw(demo.broker, "POST /v1/oauth/token HTTP/1.1", headers, body), (400, 413))


# -- what is no HTTP at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(500)) + b"\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda request: ascii(request[:45].decode("latin-1")),
)
def test_no_http(demo: Demo, request_bytes: bytes) -> None:
    """The connection may be closed at once; an answer is a client error."""
    for origin in (demo.issuer, demo.api["paper"], demo.data, demo.broker):
        try:
            found = exchange(origin, request_bytes, timeout_s=5)
        except TimeoutError:
            continue  # it waits for the rest, which is its right: the next test shows that it serves others
        if found is not None:
            assert 400 <= found.status < 500 or found.status in (501, 505), found
            assert "location" not in found.headers


def test_body_shorter_than_announced(demo: Demo) -> None:
    for origin, line in ((demo.issuer, "POST /oauth/token HTTP/1.1"), (demo.api["paper"], "POST /v2/orders HTTP/1.1")):
        host = urlsplit(origin)
        with socket.create_connection((host.hostname or "", host.port or 80), 5) as connection:
            connection.sendall(f"{line}\r\nHost: {host.netloc}\r\nContent-Length: 100\r\n\r\nshort".encode())
