"""Behind a proxy that ends TLS: a header says the client's certificate, from trusted proxies only (SECURITY R20)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from requests.adapters import HTTPAdapter

from harness.binary import Cli, Server, free_port, wait_until
from harness.certificates import Authority, Identity
from harness.platform import HTTP
from harness.rfc import Json, challenged, claims_of, denied, ok
from harness.serve import answers

HEADER = "X-Client-Certificate"
TRUSTED, UNTRUSTED = "127.0.0.2", "127.0.0.1"
pytestmark = pytest.mark.sqlite


class From(HTTPAdapter):
    """Connects from an address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **options: object) -> None:
        super().init_poolmanager(*args, source_address=(self.address, 0), **options)  # type: ignore[no-untyped-call]


class Echo(BaseHTTPRequestHandler):
    """An API that says which headers reached it."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def escaped(identity: Identity) -> str:
    """nginx: $ssl_client_escaped_cert."""
    return quote(identity.pem, safe="")


def structured(identity: Identity) -> str:
    """RFC 9440 section 2.1."""
    return f":{base64.b64encode(identity.der).decode()}:"


class Behind:
    def __init__(self, folder: Path) -> None:
        self.clients = Authority(folder / "clients", "CN=Client Authority")
        self.api_server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=self.api_server.serve_forever, daemon=True).start()
        self.admin = free_port()
        ports = {port: free_port() for port in (7100, 7101)}
        text = (Path(__file__).parents[2] / "platforms" / "rfc.toml").read_text()
        text = text.replace("builtin:sample", f"http://127.0.0.1:{self.api_server.server_port}")
        for given, mine in ports.items():
            text = text.replace(f":{given}", f":{mine}")
        (folder / "rfc.toml").write_text(text)
        self.issuer, self.api = (f"http://127.0.0.1:{port}" for port in ports.values())
        (folder / "mandate.toml").write_text(
            f'store = "sqlite:mandate-data/store.db"\ndata_dir = "mandate-data"\ntrusted_proxies = ["{TRUSTED}"]\n'
            f'[admin]\nlisten = "127.0.0.1:{self.admin}"\n'
            f'[tls]\nclient_certificate_header = "{HEADER}"\nclient_ca_file = "{self.clients.file}"\n'
        )
        self.cli, self.folder = Cli(cwd=folder), folder
        self.server = Server("serve-tls-proxy", "serve", "--config", str(folder / "mandate.toml"), cwd=folder)

    def client(self, name: str, **settings: object) -> str:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps({"grants": ["client_credentials"]} | settings))
        arguments = ("--name", name, "--scope", "accounts", "--live-approved", "--settings", str(file))
        return str(self.cli.json("client", "create", "--platform", "rfc", *arguments)["client_id"])

    def call(self, method: str, url: str, address: str, said: dict[str, str], **options: object) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            http.mount("http://", From(address))
            headers = said | dict(options.pop("headers", {}))  # type: ignore[call-overload]
            return http.request(method, url, headers=headers, timeout=30, **options)  # type: ignore[arg-type]

    def token(self, client: str, address: str, said: dict[str, str]) -> requests.Response:
        fields = {"grant_type": "client_credentials", "scope": "accounts", "client_id": client}
        return self.call("POST", f"{self.issuer}/token", address, said, data=fields)

    def accounts(self, token: str, address: str, said: dict[str, str]) -> requests.Response:
        return self.call("GET", f"{self.api}/accounts", address, said, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("behind")
    made = Behind(folder)
    try:
        wait_until("ready", lambda: not made.server.running() or answers(f"http://127.0.0.1:{made.admin}/readyz"))
        applied = made.cli.run("apply", str(folder / "rfc.toml"), "--yes")
        assert applied.code == 0, applied.err
        wait_until("the platform's hosts", lambda: answers(f"{made.issuer}/jwks"))
        yield made
        assert made.server.running(), made.server.tail()
    finally:
        made.api_server.shutdown()
        if made.server.running():
            assert made.server.terminate(within_s=15) == 0, made.server.tail()


@pytest.fixture(scope="module")
def app(behind: Behind) -> Identity:
    return behind.clients.issue("CN=app")


@pytest.fixture(scope="module")
def client(behind: Behind) -> str:
    bound = {"tls_client_certificate_bound_access_tokens": True}
    return behind.client("app", auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=app", **bound)


@pytest.mark.parametrize("form", [escaped, structured])
def test_a_trusted_proxy_hands_on_the_certificate(behind: Behind, app: Identity, client: str, form: object) -> None:
    said = {HEADER: form(app)}  # type: ignore[operator]
    token = ok(behind.token(client, TRUSTED, said))["access_token"]
    assert claims_of(token)["cnf"] == {"x5t#S256": app.thumbprint}
    answer = behind.accounts(token, TRUSTED, said)
    assert answer.status_code == 200, answer.text
    reached: Json = answer.json()
    assert "mandate-identity" in reached and not any("cert" in name for name in reached), reached


def test_a_header_of_anybody_else_counts_for_nothing(behind: Behind, app: Identity, client: str) -> None:
    for said in ({HEADER: escaped(app)}, {HEADER: structured(app)}, {HEADER.replace("-", "_"): escaped(app)}):
        denied(behind.token(client, UNTRUSTED, said), 401, "invalid_client", "client.rejected")
    token = ok(behind.token(client, TRUSTED, {HEADER: escaped(app)}))["access_token"]
    challenged(behind.accounts(token, UNTRUSTED, {HEADER: escaped(app)}), "invalid_token", "certificate.missing")
    challenged(behind.accounts(token, TRUSTED, {}), "invalid_token", "certificate.missing")
    challenged(behind.accounts(token, TRUSTED, {HEADER: escaped(behind.clients.issue("CN=app"))}), "invalid_token", "certificate.mismatch")


def test_forged_headers_reach_no_api(behind: Behind, app: Identity) -> None:
    """Not even those that counted for nothing."""
    free = behind.client("free", auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=app")
    token = ok(behind.token(free, TRUSTED, {HEADER: escaped(app)}))["access_token"]
    forged = {HEADER: escaped(app), HEADER.replace("-", "_"): "x", "Client-Cert": structured(app), "Client-Cert-Chain": structured(app)}
    answer = behind.accounts(token, UNTRUSTED, forged)
    assert answer.status_code == 200 and not any("cert" in name for name in answer.json()), answer.text


def test_a_chain_in_its_own_header(behind: Behind, tmp_path: Path) -> None:
    """RFC 9440 section 2.3: an authority between, which only the proxy hands on; a foreign authority there helps nobody."""
    stranger = Authority(tmp_path, "CN=Stranger")
    forged = stranger.issue("CN=chained")
    client = behind.client("chained", auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=chained")
    root = base64.b64encode(Identity(stranger.file, stranger.file).der).decode()
    said = {HEADER: structured(forged), "Client-Cert-Chain": f":{root}:"}
    denied(behind.token(client, TRUSTED, said), 401, "invalid_client", "client.rejected")
    between = behind.clients.between(tmp_path / "between", "CN=Between")
    leaf = between.issue("CN=chained")
    denied(behind.token(client, TRUSTED, {HEADER: structured(leaf)}), 401, "invalid_client", "client.rejected")
    chain = base64.b64encode(Identity(between.file, between.file).der).decode()
    ok(behind.token(client, TRUSTED, {HEADER: structured(leaf), "Client-Cert-Chain": f":{chain}:"}))


def test_what_the_proxy_says_illegibly_is_refused(behind: Behind, client: str) -> None:
    denied(behind.token(client, TRUSTED, {HEADER: "(null)"}), 400, "invalid_request", "request.malformed")
    denied(behind.token(client, TRUSTED, {HEADER: ""}), 401, "invalid_client", "client.rejected")


def test_metadata(behind: Behind) -> None:
    found = HTTP.get(f"{behind.issuer}/.well-known/oauth-authorization-server", timeout=10).json()
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(found["token_endpoint_auth_methods_supported"])
