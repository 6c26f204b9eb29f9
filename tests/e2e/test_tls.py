"""The TLS listener (RFC 9325): versions and suites, slow handshakes, certificates that change while it serves."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from harness.binary import Cli, Server, free_port, wait_until
from harness.certificates import Authority, Identity
from harness.demo import Demo
from harness.mutual import MutualBank, mutual_bank
from harness.platform import HTTP
from harness.serve import answers

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")


@pytest.fixture(scope="module")
def begun(
    start_demo: Callable[..., AbstractContextManager[Demo]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MutualBank, Authority]]:
    with mutual_bank(start_demo, "tls", tmp_path_factory.mktemp("tls")) as made:
        yield made


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def port(begun: tuple[MutualBank, Authority]) -> int:
    return port_of(begun[0].issuer)


def context(trust: Path | None = None) -> ssl.SSLContext:
    """A client that would take anything: what is refused is refused by the server."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if trust else ssl.CERT_NONE
    if trust:
        made.load_verify_locations(str(trust))
    made.minimum_version = ssl.TLSVersion.TLSv1
    made.set_ciphers("ALL:@SECLEVEL=0")
    return made


def handshake(port: int, with_context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        return with_context.wrap_socket(plain, server_hostname="127.0.0.1")
    except BaseException:
        plain.close()
        raise


GOOD = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]
BAD = ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-CCM", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"]


@pytest.mark.parametrize("suite", GOOD)
def test_rfc9325_4_2_recommended_suites(port: int, suite: str) -> None:
    asking = context()
    asking.maximum_version = ssl.TLSVersion.TLSv1_2
    asking.set_ciphers(suite)
    with handshake(port, asking) as made:
        assert made.version() == "TLSv1.2" and (made.cipher() or ("",))[0] == suite


@pytest.mark.parametrize("suite", BAD)
def test_rfc9325_4_2_other_suites_are_refused(port: int, suite: str) -> None:
    """Block ciphers with MAC, shortened tags, no forward secrecy."""
    asking = context()
    asking.maximum_version = ssl.TLSVersion.TLSv1_2
    asking.set_ciphers(suite + ":@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE|handshake failure"):
        handshake(port, asking)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_rfc9325_3_1_1_old_versions_are_refused(port: int, version: ssl.TLSVersion) -> None:
    asking = context()
    asking.maximum_version = version
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION|ALERT_HANDSHAKE_FAILURE"):
        handshake(port, asking)


def test_tls_1_3_and_http_1_1(port: int) -> None:
    asking = context()
    asking.set_alpn_protocols(["h2", "http/1.1"])
    with handshake(port, asking) as made:
        assert made.version() == "TLSv1.3" and made.selected_alpn_protocol() == "http/1.1"


def test_plain_http_gets_no_answer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /jwks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = plain.recv(4096)
    assert not answer.startswith(b"HTTP"), answer


def test_possession_is_proven_in_the_handshake(begun: tuple[MutualBank, Authority], port: int) -> None:
    """A certificate with somebody else's key does not even load; one that is only named is never asked for again."""
    asking = context()
    authority = begun[1]
    own, other = authority.issue("CN=own"), authority.issue("CN=other")
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH|key values mismatch"):
        asking.load_cert_chain(str(own.certificate), str(other.key))
    with handshake(port, asking) as made:
        assert made.version() == "TLSv1.3"


# -- a server of one's own -------------------------------------------------------------------------------------


class Served:
    """`mandate serve` with the platform of the RFCs over TLS."""

    def __init__(self, folder: Path, *, reload_s: int) -> None:
        self.folder = folder
        self.authority = Authority(folder / "authority")
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.put(self.authority.server("CN=first"))
        self.admin = free_port()
        self.ports = {port: free_port() for port in (7100, 7101)}
        text = (Path(__file__).parents[2] / "platforms" / "rfc.toml").read_text()
        for given, mine in self.ports.items():
            text = text.replace(f"http://127.0.0.1:{given}", f"https://127.0.0.1:{mine}").replace(f":{given}", f":{mine}")
        (folder / "rfc.toml").write_text(text)
        (folder / "mandate.toml").write_text(
            f'store = "sqlite:mandate-data/store.db"\ndata_dir = "mandate-data"\n[admin]\nlisten = "127.0.0.1:{self.admin}"\n'
            f'[tls]\ncertificate_file = "{self.certificate}"\nkey_file = "{self.key}"\nhandshake_timeout_s = 1\nreload_s = {reload_s}\n'
        )
        self.server = Server(f"serve-tls-{reload_s}", "serve", "--config", str(folder / "mandate.toml"), cwd=folder)

    def put(self, identity: Identity) -> None:
        self.key.write_bytes(identity.key.read_bytes())
        self.certificate.write_bytes(identity.certificate.read_bytes())

    @property
    def issuer(self) -> int:
        return self.ports[7100]

    def metric(self, name: str) -> int:
        page = HTTP.get(f"http://127.0.0.1:{self.admin}/metrics", timeout=5).text
        return int(next(line.split()[1] for line in page.splitlines() if line.startswith(f"mandate_{name} ")))

    def subject(self) -> str:
        with handshake(self.issuer, context(self.authority.file)) as made:
            found = made.getpeercert()
        assert found
        return str(dict(pair for part in found["subject"] for pair in part)["commonName"])


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(tmp_path, reload_s=getattr(request, "param", 0))
    try:
        wait_until("ready", lambda: not made.server.running() or answers(f"http://127.0.0.1:{made.admin}/readyz"))
        applied = Cli(cwd=tmp_path).run("apply", str(tmp_path / "rfc.toml"), "--yes")
        assert applied.code == 0, applied.err
        wait_until("the platform's hosts", lambda: socket.socket().connect_ex(("127.0.0.1", made.issuer)) == 0)
        yield made
        assert made.server.running(), made.server.tail()
    finally:
        if made.server.running():
            assert made.server.terminate(within_s=15) == 0, made.server.tail()


def get(connection: ssl.SSLSocket, port: int) -> bytes:
    connection.sendall(f"GET /jwks HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    answer = b""
    while b"]}" not in answer:
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer


@pytest.mark.sqlite
def test_certificates_change_while_it_serves(served: Served) -> None:
    """At SIGHUP. What cannot be used leaves the old certificate, and says so."""
    with closing(handshake(served.issuer, context(served.authority.file))) as kept:
        assert get(kept, served.issuer).startswith(b"HTTP/1.1 200") and served.subject() == "first"
        served.put(served.authority.server("CN=second"))
        os.kill(served.server.pid(), signal.SIGHUP)
        wait_until("the second certificate", lambda: served.subject() == "second")
        assert get(kept, served.issuer).startswith(b"HTTP/1.1 200"), "an open connection goes on"
        assert (served.metric("tls_reloads"), served.metric("tls_stale")) == (1, 0)

        served.certificate.write_text("no certificate")
        os.kill(served.server.pid(), signal.SIGHUP)
        wait_until("the failure", lambda: served.metric("tls_stale") == 1)
        assert served.subject() == "second" and served.metric("tls_reload_failures") == 1
        assert "server.pem holds no certificate" in served.server.tail()

        served.certificate.write_bytes(served.authority.server("CN=third").certificate.read_bytes())
        os.kill(served.server.pid(), signal.SIGHUP)
        wait_until("the second failure", lambda: served.metric("tls_reload_failures") == 2)
        assert served.subject() == "second", "a certificate of another key"

        served.put(served.authority.server("CN=fourth"))
        os.kill(served.server.pid(), signal.SIGHUP)
        wait_until("the fourth certificate", lambda: served.subject() == "fourth")
        assert served.metric("tls_stale") == 0


@pytest.mark.sqlite
@pytest.mark.parametrize("served", [1], indirect=True)
def test_changed_files_are_noticed(served: Served) -> None:
    served.put(served.authority.server("CN=second"))
    wait_until("the second certificate", lambda: served.subject() == "second")
    assert served.metric("tls_reloads") == 1
    served.key.write_text("no key")
    wait_until("the failure", lambda: served.metric("tls_stale") == 1)
    assert served.subject() == "second"


@pytest.mark.sqlite
def test_slow_handshakes_hold_nobody_up_and_end(served: Served) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", served.issuer), timeout=10)) for _ in range(50)]
        with closing(handshake(served.issuer, context(served.authority.file))) as quick:
            assert get(quick, served.issuer).startswith(b"HTTP/1.1 200")
        for one in silent:
            assert one.recv(1) == b"", "closed by the server after a second"
    wait_until("the count", lambda: served.metric("tls_handshake_failures") >= 50)
