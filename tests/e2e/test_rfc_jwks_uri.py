"""Clients that publish their keys themselves: what is fetched, what is not, and how often."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.binary import Ran
from harness.demo import Demo
from harness.rfc import Bank, Key, Party, denied, ok
from harness.rfc import said as told

SLOW_S = 4


class Host:
    """A client's own web server. `answers` says what it does at a path."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                host.asked.append(self.path)
                host.answers[self.path](self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def uri(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def publish(self, path: str, *keys: Key, headers: dict[str, str] | None = None) -> str:
        body = json.dumps({"keys": [key.public() | ({"kid": key.kid} if key.kid else {}) for key in keys]}).encode()
        self.answers[path] = lambda handler: send(handler, 200, body, headers)
        return self.uri(path)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def running() -> Iterator[Host]:
    host = Host()
    try:
        yield host
    finally:
        host.server.shutdown()


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("rfc-jwks-uri") as demo:
        yield Bank.of(demo)


@pytest.fixture
def host() -> Iterator[Host]:
    with running() as host:
        yield host


def registered(bank: Bank, folder: Path, **settings: Any) -> Ran:
    file = folder / "settings.json"
    given = {"auth_method": "private_key_jwt", "grants": ["client_credentials", "authorization_code"]} | settings
    file.write_text(json.dumps(given))
    arguments = ("--platform", "rfc", "--name", "Publisher", "--scope", "accounts", "--settings", str(file))
    return bank.demo.cli.run("client", "create", *arguments, "--redirect-uri", "http://127.0.0.1/callback", "--json")


def named(kid: str, key: Key | None = None) -> Key:
    key = key or Key()
    key.kid = kid
    return key


@pytest.fixture
def client(bank: Bank, tmp_path: Path) -> Callable[[str], Party]:
    def made(uri: str) -> Party:
        answer = registered(bank, tmp_path, jwks_uri=uri).json()
        return Party("publisher", answer["client_id"], "private_key_jwt", redirect_uri="http://127.0.0.1/callback")

    return made


def own_token(bank: Bank, party: Party, key: Key) -> Any:
    fields = {
        "grant_type": "client_credentials",
        "client_id": party.id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": bank.assertion(party, key=key),
    }
    return bank.token(None, **fields)


def unread(answer: Any, why: str) -> None:
    body = denied(answer, 401, "invalid_client", "client.keys_unread")
    assert "jwks_uri could not be read" in body["error_description"] and why in body["error_description"], told(answer)


def test_assertions_are_verified_with_published_keys(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    key = named("one")
    party = client(host.publish("/jwks", key))
    for _ in range(5):
        ok(bank.accounts(ok(own_token(bank, party, key))["access_token"]))
    assert host.asked == ["/jwks"], "fetched once, and kept"
    denied(own_token(bank, party, named("one")), 401, "invalid_client", "client.rejected")


def test_request_objects_are_verified_with_published_keys(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    key = named("one")
    party = client(host.publish("/jwks", key))
    now = bank.now()
    claims = bank.request(party, code_challenge="a" * 43, code_challenge_method="S256", scope="accounts")
    claims |= {"iss": party.id, "aud": bank.issuer, "iat": now, "nbf": now, "exp": now + 60}
    text = key.sign({"alg": "ES256", "kid": "one", "typ": "oauth-authz-req+jwt"}, claims)
    assert "code=" in bank.follow(bank.url_of({"client_id": party.id, "request": text}))
    assert host.asked == ["/jwks"]


def test_rolled_keys_are_found_at_a_bounded_rate(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    old, new = named("old"), named("new")
    party = client(host.publish("/jwks", old))
    ok(own_token(bank, party, old))
    host.publish("/jwks", new)
    for _ in range(5):
        denied(own_token(bank, party, new), 401, "invalid_client", "client.rejected")
    assert len(host.asked) == 1, "not within a minute of the last time"
    bank.demo.advance(61)
    ok(own_token(bank, party, new))
    assert len(host.asked) == 2
    denied(own_token(bank, party, old), 401, "invalid_client", "client.rejected")
    bank.demo.advance(61)
    for attempt in range(5):
        denied(own_token(bank, party, named(f"made up {attempt}")), 401, "invalid_client", "client.rejected")
    assert len(host.asked) == 3, "whatever kid is asked for"


def test_a_set_lives_as_long_as_its_server_says_within_bounds(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    key = named("one")
    for path, said, early_s, late_s in [
        ("/short", {"Cache-Control": "no-store"}, 50, 15),
        ("/usual", {}, 3590, 15),
        ("/long", {"Cache-Control": "max-age=99999999"}, 86390, 15),
    ]:
        party = client(host.publish(path, key, headers=said))
        ok(own_token(bank, party, key))
        bank.demo.advance(early_s)
        ok(own_token(bank, party, key))
        assert host.asked.count(path) == 1, path
        bank.demo.advance(late_s)
        ok(own_token(bank, party, key))
        assert host.asked.count(path) == 2, path


def test_what_cannot_be_read_is_said(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    key = named("one")
    host.publish("/elsewhere", key)
    large = b'{"keys":[]}' + b" " * 65536

    def in_pieces(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(large)

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"{")
        time.sleep(SLOW_S)

    for path, answer, why in [
        ("/redirect", lambda h: send(h, 302, b"", {"Location": host.uri("/elsewhere")}), "redirect"),
        ("/moved", lambda h: send(h, 308, b"", {"Location": host.uri("/elsewhere")}), "redirect"),
        ("/missing", lambda h: send(h, 404, b"{}"), "status 200"),
        ("/large", lambda h: send(h, 200, large), "64 KiB"),
        ("/pieces", in_pieces, "64 KiB"),
        ("/page", lambda h: send(h, 200, b"<html>"), "no key set"),
        ("/empty", lambda h: send(h, 200, b'{"keys":[]}'), "no key that can be used"),
        ("/private", lambda h: send(h, 200, json.dumps({"keys": [key.public() | {"d": "AA"}]}).encode()), "no key set"),
        ("/slow", slow, "three seconds"),
    ]:
        host.answers[path] = answer
        party = client(host.uri(path))
        unread(own_token(bank, party, key), why)
        unread(own_token(bank, party, key), why)
        assert host.asked.count(path) == 1, f"{path}: tried again at once"
    assert "/elsewhere" not in host.asked


def test_a_host_that_comes_back_is_asked_again(bank: Bank, host: Host, client: Callable[[str], Party]) -> None:
    key = named("one")
    host.answers["/jwks"] = lambda handler: send(handler, 503, b"")
    party = client(host.uri("/jwks"))
    unread(own_token(bank, party, key), "status 200")
    host.publish("/jwks", key)
    bank.demo.advance(11)
    ok(own_token(bank, party, key))
    # and one that goes away does no harm to what is known
    host.answers["/jwks"] = lambda handler: send(handler, 503, b"")
    bank.demo.advance(7200)
    ok(own_token(bank, party, key))


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://client.example/jwks", "https"),
        ("ftp://client.example/jwks", "https"),
        ("https://10.0.0.1/jwks", "not public"),
        ("https://169.254.169.254/jwks", "not public"),
        ("https://[fd00::1]/jwks", "not public"),
        ("https://[::ffff:192.168.0.1]/jwks", "not public"),
        ("https://user@client.example/jwks", "user name"),
        ("https://client.example/jwks#a", "fragment"),
        ("no address", "ASCII"),
    ],
)
def test_r18_addresses_that_are_not_registered(bank: Bank, tmp_path: Path, uri: str, why: str) -> None:
    refused = registered(bank, tmp_path, jwks_uri=uri)
    assert refused.code != 0 and "jwks_uri" in refused.err and why in refused.err, refused.err


def test_keys_that_are_not_registered(bank: Bank, tmp_path: Path) -> None:
    key = Key()
    weak = key.public() | {"kty": "RSA", "n": "_" * 170 + "8", "e": "AQAB"}
    for keys, why in [
        ([], "no key"),
        ([key.public() | {"d": "AA"}], "private key"),
        ([named("a").public() | {"kid": "a"}, named("a").public() | {"kid": "a"}], "same `kid`"),
        ([key.public(), weak], "modulus"),
        ([{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}], "`x`"),
        ([{"kty": "OKP", "crv": "Ed448", "x": "AA"}], "no key"),
    ]:
        refused = registered(bank, tmp_path, jwks=json.dumps({"keys": keys}))
        assert refused.code != 0 and "`jwks`" in refused.err and why in refused.err, refused.err
    both = registered(bank, tmp_path, jwks=json.dumps({"keys": [key.public()]}), jwks_uri="https://client.example/jwks")
    assert both.code != 0 and "not both" in both.err
