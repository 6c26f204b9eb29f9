"""The platform of the RFCs otherwise than in the demo: on two `mandate serve` nodes over one database, and a second time
on one server."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .binary import ROOT, Cli, free_port, wait_until
from .platform import Person
from .rfc import DEVICE_GRANT, Bank, Json
from .serve import ADDRESS, PASSWORD, Installation, answers, secret_file

SAMPLE = ROOT / "platforms" / "rfc.toml"

WEB: Json = {"grants": ["authorization_code", "refresh_token"]}
KEYED: Json = {"auth_method": "private_key_jwt"}
DEVICE: Json = {"auth_method": "none", "grants": [DEVICE_GRANT, "refresh_token"]}
ROLES: dict[str, Json] = {
    "web": WEB,
    "web-2": WEB,
    "spa": WEB | {"auth_method": "none"},
    "strict": WEB | {"refresh": "strict"},
    "jwt": KEYED | {"grants": ["authorization_code", "refresh_token", "client_credentials"]},
    "fapi": WEB | KEYED | {"profile": "fapi2", "refresh": "static", "dpop_bound": True, "requires_par": True},
    "device": DEVICE,
    "device-2": DEVICE,
    "api": {"grants": [], "may_introspect": True},
}
"""The clients of the demo that tests need elsewhere."""


def stay(seconds: float) -> None:
    """Nodes know no other clock than the machine's."""


@dataclass
class Served:
    """Nodes as a Bank wants what runs it."""

    cli: Cli
    advance: Callable[[float], None] = stay

    def now(self) -> str:
        return datetime.now(UTC).isoformat()


def person(bank: Bank, folder: Path, name: str) -> Person:
    """Somebody with one account, made with the commands."""
    password = secret_file(folder, f"{name}.password", PASSWORD)
    cli, platform = bank.demo.cli, ("--platform", bank.platform)
    cli.json("user", "create", *platform, "--name", name, "--password-file", str(password))
    account = cli.json("account", "create", *platform, "--user", name, "--environment", "live")
    return Person(name, PASSWORD, {"live": account["id"]})


@contextmanager
def two_nodes(folder: Path, store: str, name: str) -> Iterator[Bank]:
    """The second node joins when everything is there. What is asked one by one is asked at the first."""
    installation = Installation(folder, store, SAMPLE)
    issuer, api = installation.url(7100), installation.url(7101)
    with installation.node(f"{name}-a") as a:
        installation.apply()
        bank = Bank(Served(installation.cli), issuer, api, {}, {}, {})
        for name_of in ("alice", "bob"):
            bank.people[name_of] = person(bank, folder, name_of)
        for role, settings in ROLES.items():
            bank.register(folder, role, settings)
        wait_until("the platform's hosts", lambda: answers(f"{issuer}/login"))
        with installation.node(f"{name}-b") as b:
            bank.doors = lambda origin: [a.route(origin), b.route(origin)]
            yield bank


def rival_of(bank: Bank, folder: Path) -> Bank:
    """One more platform on the same server, with the same people's names, the same roles, and hosts of its own."""
    text = SAMPLE.read_text().replace('id = "rfc"', 'id = "rival"', 1)
    for port in dict.fromkeys(ADDRESS.findall(text)):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}").replace(f"localhost:{port}", f"localhost:{free_port()}")
    file = folder / "rival.toml"
    file.write_text(text)
    applied = bank.demo.cli.run("apply", str(file), "--yes")
    assert applied.code == 0, applied.err
    issuer, api = (tomllib.loads(text)["hosts"][host]["url"] for host in ("issuer", "api"))
    rival = Bank(bank.demo, issuer, api, {}, {}, {}, platform="rival")
    rival.people["alice"] = person(rival, folder, "alice")
    for role, settings in ROLES.items():
        rival.register(folder, role, settings)
    wait_until("the rival's hosts", lambda: answers(f"{issuer}/login"))
    return rival
