"""`mandate serve`: nodes in a folder, set up with the commands only."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from .binary import ROOT, Cli, Server, free_port, wait_until
from .platform import CALLBACK, HTTP, Client, Key, Person, Platform

SAMPLE = ROOT / "platforms" / "alpaca.toml"
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
ADMIN = "http://127.0.0.1:7190"
PASSWORD = "correct horse battery staple"


@dataclass
class Node:
    """One running `mandate serve`. It listens at addresses of its own and serves those of the platform."""

    server: Server
    admin: str
    ports: dict[int, int] = field(default_factory=dict)
    """Port in the platform's URLs -> port where this node listens for it."""
    ended: bool = False

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.ended = True
        return self.server.terminate(within_s=5)

    def crash(self) -> None:
        self.ended = True
        self.server.kill()

    def route(self, url: str) -> tuple[str, str | None]:
        parts = urlsplit(url)
        port = self.ports.get(parts.port or 80)
        if port is None:
            return url, None
        return parts._replace(netloc=f"127.0.0.1:{port}").geturl(), parts.netloc


def answers(url: str) -> bool:
    try:
        return HTTP.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def secret_file(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return file


class Installation:
    """A folder with a platform file on free ports, and the nodes that serve it. `store` is None for SQLite."""

    def __init__(self, folder: Path, store: str | None, sample: Path = SAMPLE, more: str = "") -> None:
        """`more`: further sections of every node's configuration."""
        self.folder, self.store, self.more = folder, store, more
        self.cli = Cli(cwd=folder)
        given = sample.read_text()
        self.id = sample.stem
        self.moved = {int(port): free_port() for port in dict.fromkeys(ADDRESS.findall(given))}
        self.platform_file = folder / sample.name
        self.platform_file.write_text(ADDRESS.sub(lambda found: f"127.0.0.1:{self.moved[int(found[1])]}", given))
        self.platform: Platform
        self.nodes = 0

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{self.moved[port]}"

    def config(self, name: str, admin: int, ports: dict[int, int]) -> Path:
        lines = [
            f'store = "{self.store}"' if self.store else 'store = "sqlite:mandate-data/store.db"',
            'data_dir = "mandate-data"',
            "",
            "[admin]",
            f'listen = "127.0.0.1:{admin}"',
        ]
        if ports:
            lines += ["", "[listen]", *(f'"127.0.0.1:{theirs}" = "127.0.0.1:{ours}"' for theirs, ours in ports.items())]
        file = self.folder / f"{name}.toml"
        file.write_text("\n".join(lines) + f"\n{self.more}")
        return file

    @contextmanager
    def plain(self, name: str) -> Iterator[Node]:
        """Without any configuration: the defaults."""
        with self._running(Server(name, "serve", cwd=self.folder), ADMIN, {}) as node:
            yield node

    @contextmanager
    def node(self, name: str) -> Iterator[Node]:
        """With a configuration of its own. The second and later nodes listen elsewhere than the platform file says."""
        admin = free_port()
        ports = {port: free_port() for port in self.moved.values()} if self.nodes else {}
        self.nodes += 1
        config = self.config(name, admin, ports)
        server = Server(name, "serve", "--config", str(config), cwd=self.folder)
        try:
            with self._running(server, f"http://127.0.0.1:{admin}", ports) as node:
                yield node
        finally:
            self.nodes -= 1

    @contextmanager
    def _running(self, server: Server, admin: str, ports: dict[int, int]) -> Iterator[Node]:
        try:
            wait_until(f"{admin}/readyz", lambda: not server.running() or answers(f"{admin}/readyz"))
            assert server.running(), f"the server ended\n{server.tail()}"
            node = Node(server, admin, ports)
            yield node
            assert node.ended or server.running(), f"the server died\n{server.tail()}"
        finally:
            if server.running():
                assert server.terminate(within_s=5) == 0, server.tail()

    # -- with the commands --------------------------------------------------------------------------------------

    def apply(self) -> None:
        applied = self.cli.run("apply", str(self.platform_file), "--yes")
        assert applied.code == 0, applied.err

    def set_up(self) -> Platform:
        """Platform, a user with two accounts and a key for each."""
        self.apply()
        self.platform = Platform(
            issuer=self.url(7110),
            api={"paper": self.url(7111), "live": self.url(7112)},
            data=self.url(7113),
            broker=self.url(7114),
            cli=self.cli,
        )
        password = secret_file(self.folder, "alice.password", PASSWORD)
        self.create("user", "--name", "alice", "--password-file", str(password))
        accounts = {}
        for environment in ("paper", "live"):
            account = self.create("account", "--user", "alice", "--environment", environment)
            assert account["environment"] == environment
            accounts[environment] = account["id"]
            key = self.create("key", "--account", account["id"])
            self.platform.keys[environment] = Key(key["id"], key["secret"], account["id"], environment)
        self.platform.people["alice"] = Person("alice", PASSWORD, accounts)
        wait_until("the platform's hosts", lambda: answers(f"{self.platform.issuer}/login"))
        return self.platform

    def create(self, noun: str, *arguments: str) -> dict[str, Any]:
        made: dict[str, Any] = self.cli.json(noun, "create", "--platform", self.id, *arguments)
        return made

    def client(self, name: str, scope: str = "account:write trading data") -> Client:
        made = self.create("client", "--name", name, "--redirect-uri", CALLBACK, "--scope", scope)
        return Client(made["client_id"], made["client_secret"], CALLBACK, name)

    def through(self, node: Node) -> Platform:
        """The same platform, asked at one node."""
        return replace(self.platform, route=node.route)
