"""`mandate login` and `token` where the issuer is far: over TLS, and through the proxy of a company."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from harness.binary import Cli, Ran, wait_until
from harness.demo import Demo
from harness.mutual import MutualBank, mutual_bank

pytestmark = pytest.mark.sqlite
PASSWORD = "s3cret of jane"


@pytest.fixture(scope="module")
def bank(start_demo: Callable[..., AbstractContextManager[Demo]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MutualBank]:
    with mutual_bank(start_demo, "session-tls", tmp_path_factory.mktemp("session-tls")) as (made, _):
        yield made


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A proxy that knows Jane."""
    folder = tmp_path_factory.mktemp("proxy")
    told = folder / "port"
    given = ("--hostname", "127.0.0.1", "--port", "0", "--port-file", str(told), "--num-workers", "1", "--log-level", "e")
    command = [sys.executable, "-m", "proxy", *given, "--basic-auth", f"jane:{PASSWORD}"]
    proxy = subprocess.Popen(command, env=os.environ | {"HOME": str(folder)})
    try:
        wait_until("the proxy", lambda: proxy.poll() is not None or (told.exists() and told.read_text() != ""))
        yield int(told.read_text())
    finally:
        proxy.terminate()
        proxy.wait(10)


@pytest.fixture
def login(bank: MutualBank, tmp_path: Path) -> Callable[..., Ran]:
    secret = tmp_path / "secret"
    secret.write_text(bank["service"].secret)

    def run(name: str, **variables: str) -> Ran:
        cli = Cli(cwd=tmp_path, variables={"MANDATE_SESSIONS": str(tmp_path / "sessions"), **variables})
        made = cli.run(
            *("login", name, "--issuer", bank.issuer, "--client-id", bank["service"].id, "--grant", "client_credentials"),
            *("--client-secret-file", str(secret), "--patience", "0"),
        )
        if made.code == 0:
            token = cli.run("token", name)
            assert token.code == 0 and bank.introspect(token.out.strip())["active"] is True
        return made

    return run


def test_over_tls(bank: MutualBank, login: Callable[..., Ran]) -> None:
    assert login("app", SSL_CERT_FILE=str(bank.trust)).code == 0
    stranger = login("other")
    assert stranger.code != 0 and "no TLS with 127.0.0.1" in stranger.err, "an authority that nobody here trusts"
    missing = login("third", SSL_CERT_FILE="nothing.pem")
    assert missing.code != 0 and "the certificates in nothing.pem cannot be read" in missing.err


def test_through_a_proxy(bank: MutualBank, login: Callable[..., Ran], port: int) -> None:
    trust = str(bank.trust)
    through = f"http://jane:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}"
    assert login("app", SSL_CERT_FILE=trust, HTTPS_PROXY=through).code == 0
    wrong = login("wrong", SSL_CERT_FILE=trust, HTTPS_PROXY=f"http://jane:guess@127.0.0.1:{port}")
    assert wrong.code != 0 and f"the proxy 127.0.0.1:{port} answered 407 for 127.0.0.1" in wrong.err and "guess" not in wrong.err
    assert login("straight", SSL_CERT_FILE=trust, HTTPS_PROXY=through.replace(PASSWORD[:2], "x"), NO_PROXY="127.0.0.1").code == 0
    gone = login("gone", SSL_CERT_FILE=trust, HTTPS_PROXY="http://127.0.0.1:9")
    assert gone.code != 0 and "the proxy 127.0.0.1:9 cannot be reached" in gone.err
