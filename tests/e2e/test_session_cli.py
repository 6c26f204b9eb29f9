"""`mandate login`, `token` and `logout`: one session for shells and for any number of processes."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from harness.binary import BINARY, Ran, environment, wait_until
from harness.demo import Demo
from harness.forms import Browser
from harness.rfc import Bank, claims_of, ok


@pytest.fixture(scope="module")
def bank(start_demo: Callable[[str], AbstractContextManager[Demo]]) -> Iterator[Bank]:
    with start_demo("session-cli") as demo:
        yield Bank.of(demo)


class Sessions:
    """The commands over a folder of this test's own."""

    def __init__(self, folder: Path, bank: Bank) -> None:
        self.folder, self.bank = folder / "sessions", bank
        self.environment = environment() | {"MANDATE_SESSIONS": str(self.folder)}
        self.secret = folder / "client-secret"
        self.secret.write_text(bank["service"].secret + "\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(BINARY), *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=self.environment, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def run(self, *arguments: str, given: str = "") -> Ran:
        process = self.start(*arguments)
        out, err = process.communicate(given, timeout=60)
        return Ran(process.returncode, out, err)

    def login(self, name: str = "app", *more: str, given: str = "", secret: str | None = None) -> Ran:
        client = self.bank["service"]
        return self.run(
            *("login", name, "--issuer", self.bank.issuer, "--client-id", client.id, "--grant", "client_credentials"),
            *("--client-secret-file", secret or str(self.secret), *more),
            given=given,
        )

    def token(self, name: str = "app") -> str:
        ran = self.run("token", name)
        assert ran.code == 0, ran.err
        assert re.fullmatch(r"\S+\n", ran.out), "the token stands alone"
        return ran.out.strip()

    def stored(self, name: str = "app") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def at_its_end(self, name: str = "app") -> None:
        """As if the token's time were over."""
        past = int(time.time() * 1000) - 1000
        ended = self.stored(name) | {"renew_at": past, "usable_until": past, "ends_at": past}
        (self.folder / f"{name}.json").write_text(json.dumps(ended))


@pytest.fixture
def sessions(tmp_path: Path, bank: Bank) -> Sessions:
    return Sessions(tmp_path, bank)


def test_a_program_signs_in_and_a_shell_uses_its_token(sessions: Sessions, bank: Bank) -> None:
    done = sessions.login()
    assert done.code == 0 and "mandate token app" in done.out and str(sessions.folder) in done.out, done.err
    token = sessions.token()
    assert sessions.token() == token, "while it is good it is the same"
    ok(bank.accounts(token))
    assert claims_of(token)["iss"] == bank.issuer
    header = sessions.run("token", "app", "--header").out
    assert header == f"Authorization: Bearer {token}\n"
    told = sessions.run("token", "app", "--json").json()
    assert told["access_token"] == token and told["token_type"] == "Bearer" and told["ends_at"].endswith("Z")


def test_secrets_are_named_not_copied_and_files_are_their_owners(sessions: Sessions, bank: Bank) -> None:
    assert sessions.login().code == 0
    secret = bank["service"].secret
    assert secret not in (sessions.folder / "app.profile").read_text()
    assert sessions.login("piped", given=secret, secret="-").code == 0
    assert secret in (sessions.folder / "piped.secret").read_text()
    for file in sessions.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(sessions.folder.stat().st_mode) == 0o700


def test_twenty_processes_make_one_renewal(sessions: Sessions) -> None:
    assert sessions.login().code == 0
    before = sessions.stored()
    sessions.at_its_end()
    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(lambda _: sessions.token(), range(20)))
    assert len(tokens) == 1 and before["access_token"] not in tokens
    assert sessions.stored()["generation"] == before["generation"] + 1
    assert not (sessions.folder / "app.lock").exists()


def test_a_token_whose_time_is_over_is_replaced(sessions: Sessions, bank: Bank, tmp_path: Path) -> None:
    exported = bank.demo.cli.run("export", "rfc").out
    file = tmp_path / "rfc.toml"
    file.write_text(re.sub(r"access_lifetime_s = \d+", "access_lifetime_s = 10", exported))
    applied = bank.demo.cli.run("apply", str(file), "--yes")
    assert applied.code == 0, applied.out + applied.err
    assert sessions.login().code == 0
    first, end = sessions.token(), sessions.stored()["usable_until"]
    wait_until("the token's time is over", lambda: time.time() * 1000 > end)
    assert sessions.token() != first
    file.write_text(exported)
    assert bank.demo.cli.run("apply", str(file), "--yes").code == 0


def test_a_machine_signs_on_by_name_and_password(sessions: Sessions, bank: Bank) -> None:
    """At an issuer without metadata, whose refresh tokens change; the lifetime comes as a text."""
    assert isinstance(bank.demo, Demo)
    vendor = bank.demo.sheet["platforms"]["lseg"]
    machine = vendor["machine_ids"][0]
    done = sessions.run(
        *("login", "news", "--token-endpoint", vendor["issuer"] + "/auth/oauth2/v1/token", "--client-id", machine["app_key"]),
        *("--grant", "password", "--username", machine["username"], "--password-file", "-", "--scope", "trapi"),
        *("--extra", "takeExclusiveSignOnControl=True", "--json"),
        given=machine["password"] + "\n",
    )
    assert done.json()["name"] == "news", done.err
    token, refresh = sessions.token("news"), sessions.stored("news")["refresh_token"]
    sessions.at_its_end("news")
    assert sessions.token("news") != token and sessions.stored("news")["refresh_token"] != refresh
    assert sessions.run("logout", "news").code == 0 and not list(sessions.folder.iterdir())


def test_a_person_signs_in_on_another_device(sessions: Sessions, bank: Bank) -> None:
    process = sessions.start("login", "tv", "--issuer", bank.issuer, "--client-id", bank["device"].id, "--device", "--scope", "openid accounts")
    assert process.stderr is not None
    said = process.stderr.readline() + process.stderr.readline()
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", said)
    assert code, said
    assert bank.decide_device(code.group()).status == 200
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    token = sessions.token("tv")
    assert claims_of(token)["sub"] == bank.subjects["alice"]
    ok(bank.accounts(token))


def test_a_person_signs_in_with_a_browser(sessions: Sessions, bank: Bank, tmp_path: Path) -> None:
    settings = tmp_path / "native.json"
    settings.write_text(json.dumps({"auth_method": "none"}))
    made = bank.demo.cli.json(
        *("client", "create", "--platform", "rfc", "--name", "Sample native", "--scope", "openid accounts", "--live-approved"),
        *("--redirect-uri", "http://127.0.0.1/callback", "--settings", str(settings)),
    )
    process = sessions.start("login", "cli", "--issuer", bank.issuer, "--client-id", made["client_id"], "--scope", "openid accounts")
    assert process.stderr is not None
    address = ""
    while not address.startswith("http"):
        line = process.stderr.readline()
        assert line, f"no address was printed, exit code {process.wait(5)}"
        address = line.strip()
    back = bank.follow(address, Browser())
    assert back.startswith("http://127.0.0.1:") and "/callback?" in back
    assert "Signed in" in bank.call("GET", back).text
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err


def test_what_a_person_must_do_is_said(sessions: Sessions) -> None:
    nobody = sessions.run("token", "nobody")
    assert nobody.code == 1 and "mandate login nobody" in nobody.err and not nobody.out
    sessions.secret.write_text("wrong\n")
    refused = sessions.login()
    assert refused.code == 3 and "Who can act: whoever runs this program" in refused.err and not refused.out, refused
    assert "wrong" not in refused.err


def test_what_did_not_succeed_is_not_remembered(sessions: Sessions, bank: Bank) -> None:
    secret = bank["service"].secret
    mistyped = sessions.login("app", "--scope", "quotse", given=secret, secret="-")
    assert mistyped.code == 3 and not list(sessions.folder.iterdir()), mistyped
    assert sessions.login("app", given=secret, secret="-").code == 0, "the right settings need no sign-out before"
    other = sessions.login("app", "--scope", "quotes", given="another-secret", secret="-")
    assert other.code == 1 and "mandate logout app" in other.err
    assert (sessions.folder / "app.secret").read_text().strip() == secret, "a refused login changes nothing"
    token = sessions.token()
    wrong = sessions.login("app", given="another-secret", secret="-")
    assert wrong.code == 3, "also while a live token needs no secret"
    assert (sessions.folder / "app.secret").read_text().strip() == secret and sessions.token() == token
    assert sessions.login("app", given=secret, secret="-").code == 0 and sessions.token() == token


def test_an_issuer_that_is_away_is_no_reason_to_sign_in(sessions: Sessions, bank: Bank) -> None:
    assert sessions.login().code == 0
    sessions.at_its_end()
    stored = sessions.stored() | {"not_before": int(time.time() * 1000) + 3_000_000, "failures": 9}
    (sessions.folder / "app.json").write_text(json.dumps(stored))
    later = sessions.run("token", "app")
    assert later.code == 4 and "tried again in" in later.err and not later.out, later


def test_logout_forgets(sessions: Sessions) -> None:
    assert sessions.login().code == 0
    token = sessions.token()
    assert sessions.run("logout", "app").code == 0
    assert not list(sessions.folder.iterdir())
    assert sessions.run("token", "app").code == 1
    assert token and os.path.exists(sessions.secret), "a file that was named stays"


def test_a_name_belongs_to_one_session(sessions: Sessions) -> None:
    assert sessions.login().code == 0
    other = sessions.login("app", "--scope", "quotes")
    assert other.code == 1 and "mandate logout app" in other.err
    assert sessions.run("login", "app").code == 0, "the same again needs no settings"
    for name in ("../app", "App", ""):
        assert sessions.run("token", name).code in (1, 2)
