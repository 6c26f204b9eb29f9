"""Programs behind the proxy of a company: a real one, with a password, and an issuer that only it is asked for."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from mandate_session import NotSent, Request, Session, StdTransport
from mandate_session.proxy import proxy_of

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


class Issuer(BaseHTTPRequestHandler):
    """Gives a token, and repeats what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"access_token": "access-1", "expires_in": 600})

    def do_GET(self) -> None:
        self.answer({"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}})

    def answer(self, what: dict[str, object]) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def issuer(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = serving(context)
    yield f"https://localhost:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A proxy that knows Jane."""
    folder = tmp_path_factory.mktemp("proxy")
    told = folder / "port"
    given = ("--hostname", "127.0.0.1", "--port", "0", "--port-file", str(told), "--num-workers", "1", "--log-level", "e")
    command = [sys.executable, "-m", "proxy", *given, "--basic-auth", "jane:s3cret of jane"]
    proxy = subprocess.Popen(command, env=os.environ | {"HOME": str(folder)})
    try:
        while not (told.exists() and told.read_text().strip()):
            assert proxy.poll() is None, "it ended"
            time.sleep(0.02)
        yield int(told.read_text())
    finally:
        proxy.terminate()
        proxy.wait(10)


def test_an_issuer_behind_the_proxy(issuer, port, trusting, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://jane:s3cret%20of%20jane@127.0.0.1:{port}")
    transport = StdTransport(trusting)
    session = Session.client_credentials("app", "s3cret", token_endpoint=f"{issuer}/token", transport=transport)
    answer = session.fetch("GET", f"{issuer}/data?a=b")
    heard = answer.json()
    assert heard["path"] == "/data?a=b" and heard["headers"]["authorization"] == "Bearer access-1"
    assert "proxy-authorization" not in heard["headers"], "the password is for the proxy alone"
    assert heard["headers"]["host"] == issuer.removeprefix("https://")
    kept = [connection for connections in transport._idle.values() for _, connection in connections]
    assert len(kept) == 1 and kept[0].sock.getpeername()[1] == port, "and the tunnel is used again"


def test_a_proxy_that_refuses(issuer, port, trusting, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://jane:wrong@127.0.0.1:{port}")
    with pytest.raises(NotSent, match="through the proxy of the environment: it answered 407$"):
        StdTransport(trusting).send(Request("GET", f"{issuer}/data", {}), 5)
    for straight in ({"NO_PROXY": "localhost"}, {"NO_PROXY": "*"}, {"NO_PROXY": issuer.removeprefix("https://")}):
        with monkeypatch.context() as patched:
            for name, value in straight.items():
                patched.setenv(name, value)
            assert StdTransport(trusting).send(Request("GET", f"{issuer}/data", {}), 5).status == 200
    assert StdTransport(trusting, proxies=False).send(Request("GET", f"{issuer}/data", {}), 5).status == 200


def test_plain_requests_ask_the_proxy_for_the_whole_address(port, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"jane:s3cret%20of%20jane@127.0.0.1:{port}")
    # a name of this machine that is not known as one: what is known as this machine goes straight, as below
    monkeypatch.setattr("mandate_session.proxy.is_loopback", lambda origin: False)
    server = serving()
    url = f"http://127.0.0.1:{server.server_port}/data?a=b"
    heard = StdTransport().send(Request("GET", url, {"Accept": "x/y"}), 5).json()
    assert heard["path"] == "/data?a=b" and heard["headers"]["accept"] == "x/y" and "proxy-authorization" not in heard["headers"]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    assert StdTransport().send(Request("GET", url, {}), 5).status == 407
    server.shutdown()


def test_what_is_plain_because_it_stays_here_stays_here(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_of("http://127.0.0.1:8080") is None and proxy_of("http://localhost:80") is None
    assert proxy_of("http://api.example:80") is not None and proxy_of("https://localhost:443") is not None


@pytest.mark.parametrize(("named", "words"), [
    ("socks5://jane:s3cret@proxy.example:1080", "spoken to by socks5"), ("https://proxy.example", "spoken to by https"),
    ("http://proxy.example:99999", "not by an address"), ("http://", "not by an address"),
])
def test_a_proxy_that_cannot_be_used_is_said(named, words, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", named)
    with pytest.raises(NotSent, match=words) as caught:
        proxy_of("https://issuer.example:443")
    assert "s3cret" not in str(caught.value)


def test_a_password_does_not_print(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://jane:s3cret@proxy.example:3128")
    found = proxy_of("https://issuer.example:443")
    assert found is not None and (found.host, found.port) == ("proxy.example", 3128)
    assert "s3cret" not in repr(found) and found.headers["Proxy-Authorization"] == "Basic amFuZTpzM2NyZXQ="
