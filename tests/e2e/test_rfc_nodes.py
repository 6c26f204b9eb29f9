"""The platform of the RFCs on `mandate serve`: keys of two nodes over one database, and key sets fetched over TLS."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.binary import ROOT, Ran, wait_until
from harness.databases import fresh_database
from harness.platform import FORM, HTTP
from harness.rfc import Key, b64, header_of
from harness.serve import Installation, Node, answers, secret_file

SAMPLE = ROOT / "platforms" / "rfc.toml"


@dataclass
class Site:
    """The platform at one node."""

    installation: Installation
    node: Node
    client: tuple[str, str] = ("", "")

    def call(self, method: str, port: int, path: str, **options: Any) -> requests.Response:
        url, host = self.node.route(f"{self.installation.url(port)}{path}")
        headers = options.pop("headers", {}) | ({"Host": host} if host else {})
        return HTTP.request(method, url, headers=headers, timeout=30, **options)

    def token(self) -> str:
        fields = {"grant_type": "client_credentials"}
        answer = self.call("POST", 7100, "/token", headers=FORM, data=fields, auth=self.client)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def kids(self) -> list[str]:
        return [key["kid"] for key in self.call("GET", 7100, "/jwks").json()["keys"]]

    def accounts(self, token: str) -> int:
        return self.call("GET", 7101, "/accounts", headers={"Authorization": f"Bearer {token}"}).status_code

    def keys(self, *arguments: str) -> Ran:
        admin = ("--server", self.node.admin, "--token-file", str(self.installation.folder / "operator.token"))
        return self.installation.cli.run("signing-key", *arguments, "--platform", "rfc", *admin, "--json")


def set_up(installation: Installation) -> None:
    applied = installation.cli.run("apply", str(installation.platform_file), "--yes")
    assert applied.code == 0, applied.err
    wait_until("the platform's hosts", lambda: answers(f"{installation.url(7100)}/jwks"))


def client(installation: Installation, **settings: Any) -> dict[str, Any]:
    file = installation.folder / "settings.json"
    file.write_text(json.dumps({"grants": ["client_credentials"]} | settings))
    arguments = ("--platform", "rfc", "--name", "Own", "--scope", "accounts", "--settings", str(file))
    made: dict[str, Any] = installation.cli.json("client", "create", *arguments)
    return made


@pytest.fixture
def sites(cluster_url: str, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    with fresh_database(cluster_url) as url:
        installation = Installation(tmp_path, url, SAMPLE)
        with installation.node("node-a") as a:
            set_up(installation)
            made = client(installation)
            credentials = (made["client_id"], made["client_secret"])
            operator = installation.cli.json("admin", "create", "--name", "operator", "--rights", "write")
            secret_file(tmp_path, "operator.token", operator["token"])
            with installation.node("node-b") as b:
                second = Site(installation, b, credentials)
                wait_until("the second node's keys", lambda: bool(second.kids()))
                yield Site(installation, a, credentials), second


def soon(holds: Callable[[], bool]) -> None:
    """DESIGN D8: another node hears of it within two seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 2, "not heard of two seconds later"
        time.sleep(0.01)


@pytest.mark.postgresql
def test_two_nodes_have_one_line_of_keys(sites: tuple[Site, Site]) -> None:
    a, b = sites
    assert sorted(a.kids()) == sorted(b.kids()) and len(a.kids()) == 4
    assert header_of(a.token())["kid"] == header_of(b.token())["kid"]
    # both at once: one makes the successor; others are told that there is one, or bring it forward by a moment
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda turn: sites[turn % 2].keys("rotate", "--alg", "ES256", "--after", "1h"), range(8)))
    assert any(ran.code == 0 for ran in done), [ran.err for ran in done]
    assert all(ran.code == 0 or "published already" in ran.err for ran in done), [ran.err for ran in done]
    soon(lambda: sorted(a.kids()) == sorted(b.kids()) and len(b.kids()) == 5)


@pytest.mark.postgresql
def test_a_key_of_one_node_is_verified_by_the_other(sites: tuple[Site, Site]) -> None:
    a, b = sites
    old = b.token()
    assert a.accounts(old) == 200
    assert a.keys("rotate", "--alg", "ES256", "--after", "0").code == 0
    fresh = a.token()
    assert header_of(fresh)["kid"] != header_of(old)["kid"]
    soon(lambda: b.accounts(fresh) == 200)
    soon(lambda: header_of(b.token())["kid"] == header_of(fresh)["kid"])
    assert b.accounts(old) == 200


@pytest.mark.postgresql
def test_a_compromised_key_is_refused_by_the_other_node(sites: tuple[Site, Site]) -> None:
    a, b = sites
    seen, unseen = b.token(), b.token()
    assert b.accounts(seen) == 200
    assert a.keys("retire", header_of(seen)["kid"], "--compromised").code == 0
    assert a.accounts(seen) == a.accounts(unseen) == 401
    soon(lambda: b.accounts(seen) == 401)
    assert b.accounts(unseen) == 401
    soon(lambda: b.accounts(b.token()) == 200)


# -- key sets over TLS ----------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of our own."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.signed(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        return builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, folder: Path, *names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.signed(x509.Name([]), key, x509.SubjectAlternativeName(names))
        file = folder / f"{certificate.serial_number}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def publishing(key: Key, tls: ssl.SSLContext) -> tuple[int, Callable[[], None]]:
    body = json.dumps({"keys": [key.public()]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port, server.shutdown


def asserted(site: Site, client_id: str, key: Key) -> requests.Response:
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": site.installation.url(7100), "jti": b64(str(time.monotonic_ns()).encode())}
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": key.sign({"alg": "ES256"}, claims | {"iat": now, "exp": now + 60}),
    }
    return site.call("POST", 7100, "/token", headers=FORM, data=fields)


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.sqlite
def test_key_sets_come_from_hosts_with_trusted_certificates(tmp_path: Path) -> None:
    trusted, other = Authority("trusted"), Authority("other")
    (tmp_path / "ca.pem").write_bytes(trusted.pem())
    installation = Installation(tmp_path, None, SAMPLE, '\n[outbound]\nca_file = "ca.pem"\nloopback = true\n')
    key = Key()
    with installation.node("tls") as node:
        set_up(installation)
        site = Site(installation, node)
        for context, status, why in [
            (trusted.server(tmp_path, LOOPBACK), 200, ""),
            (other.server(tmp_path, LOOPBACK), 401, "certificate"),
            (trusted.server(tmp_path, x509.DNSName("client.example")), 401, "certificate"),
        ]:
            port, stop = publishing(key, context)
            made = client(installation, auth_method="private_key_jwt", jwks_uri=f"https://127.0.0.1:{port}/jwks")
            answer = asserted(site, made["client_id"], key)
            assert answer.status_code == status and why in answer.text, answer.text
            assert status == 200 or answer.json()["cause"] == "client.keys_unread"
            stop()


@pytest.mark.sqlite
def test_r18_a_name_that_leads_to_this_machine_is_not_followed(tmp_path: Path) -> None:
    """As it is installed: nothing on loopback or beside it, under whatever name it goes."""
    name = socket.gethostname()
    found = {ipaddress.ip_address(address[4][0]) for address in socket.getaddrinfo(name, 443)}
    assert found and not any(address.is_global for address in found), f"{name} leads to {found}: this test knows no other name"
    authority = Authority("trusted")
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    installation = Installation(tmp_path, None, SAMPLE, '\n[outbound]\nca_file = "ca.pem"\n')
    key = Key()
    port, stop = publishing(key, authority.server(tmp_path, x509.DNSName(name), LOOPBACK))
    with installation.node("public") as node:
        set_up(installation)
        site = Site(installation, node)
        made = client(installation, auth_method="private_key_jwt", jwks_uri=f"https://{name}:{port}/jwks")
        answer = asserted(site, made["client_id"], key)
        assert answer.status_code == 401 and answer.json()["cause"] == "client.keys_unread", answer.text
        assert "not public" in answer.text, answer.text
    stop()
