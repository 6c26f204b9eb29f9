"""The platform of the RFCs over TLS, asked with one certificate or another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from .certificates import Authority, Identity
from .demo import Demo
from .forms import Browser
from .rfc import EVERYTHING, Bank, Json, Party

WEB = ["authorization_code", "refresh_token"]


def session(authority: Path, shown: Identity | None) -> requests.Session:
    """Connections of their own: a kept one would show the certificate of another call."""
    made = requests.Session()
    made.trust_env = False
    made.verify = str(authority)
    made.cert = shown.pair if shown else None
    return made


@dataclass
class MutualBank(Bank):
    trust: Path = Path()
    folder: Path = Path()
    shown: Identity | None = None
    made: list[str] = field(default_factory=list)

    def showing(self, shown: Identity | None) -> MutualBank:
        """The same, with this certificate."""
        return replace(self, shown=shown)

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        with session(self.trust, self.shown) as http:
            return http.request(method, url, allow_redirects=False, timeout=60, **options)

    def browser(self, name: str = "alice") -> Browser:
        """A person's browser has no certificate."""
        if name not in self.browsers:
            browser = Browser()
            browser.session = session(self.trust, None)
            self.browsers[name] = browser
        return self.browsers[name]

    def client(self, scope: str = EVERYTHING, **settings: Any) -> Party:
        """A new client with these settings."""
        self.made.append("client")
        return self.register(self.folder, f"client-{len(self.made)}", settings, scope)


def confirmed(token: Json) -> Any:
    """What the claims of a token are bound to."""
    return token.get("cnf", {}).get("x5t#S256")


Starter = Callable[..., AbstractContextManager[Demo]]


@contextmanager
def mutual_bank(start: Starter, name: str, folder: Path) -> Iterator[tuple[MutualBank, Authority]]:
    authority = Authority(folder / "authority")
    server = authority.server()
    clients = Authority(folder / "clients", "CN=Client Authority,O=Example")
    arguments = ("--tls-certificate", str(server.certificate), "--tls-key", str(server.key))
    with start(name, *arguments, "--tls-client-ca", str(clients.file)) as demo:
        bank = MutualBank.of(demo)
        assert isinstance(bank, MutualBank)
        bank.trust, bank.folder = authority.file, folder
        yield bank, clients
