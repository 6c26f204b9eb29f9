"""`mandate demo`: started, read from its one line of JSON, moved in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .binary import Cli, Server
from .platform import HTTP, Client, Key, Partner, Person, Platform


class Demo(Platform):
    """A running demo of one store."""

    server: Server
    sheet: dict[str, Any]

    @classmethod
    def read(cls, server: Server, sheet: dict[str, Any], token_file: Path) -> Demo:
        alpaca = sheet["platforms"]["alpaca"]
        environments = alpaca["environments"]
        clients = {}
        for given in alpaca["clients"]:
            client = Client(
                id=given["client_id"],
                secret=given["client_secret"],
                redirect_uri=given["redirect_uris"][-1],
                name=given.get("name", ""),
                role=given["role"],
            )
            clients[client.role if "visible_to" not in given else f"of {given['visible_to'][0]}"] = client
        admin = sheet["admin"]
        token_file.write_text(admin["token"])
        token_file.chmod(0o600)
        demo = cls(
            issuer=alpaca["issuer"],
            api={name: environment["api"] for name, environment in environments.items()},
            data=environments["paper"]["data"],
            broker=environments["paper"]["broker"],
            cli=Cli(("--server", admin["url"], "--token-file", str(token_file))),
            people={
                user["name"]: Person(
                    user["name"], user["password"], {account["environment"]: account["id"] for account in user["accounts"]}
                )
                for user in alpaca["users"]
            },
            keys={key["environment"]: Key(key["id"], key["secret"], key["account"], key["environment"]) for key in alpaca["keys"]},
            clients=clients,
            partners=[
                Partner(
                    partner["name"],
                    partner["key"],
                    partner["secret"],
                    tuple(partner["accounts"]),
                    clients.get(f"of {partner['name']}"),
                )
                for partner in alpaca["partners"]
            ],
            admin_url=admin["url"],
            admin_token=admin["token"],
        )
        demo.server = server
        demo.sheet = sheet
        demo.advance = demo._advance
        return demo

    def _clock(self) -> tuple[str, dict[str, str]]:
        clock = self.sheet["clock"]
        return clock["url"], {"Authorization": f"Bearer {clock.get('token', self.admin_token)}"}

    def _advance(self, seconds: float) -> None:
        url, headers = self._clock()
        answer = HTTP.post(url, json={"advance_s": seconds}, headers=headers, timeout=10)
        assert answer.status_code == 200 and "now" in answer.json(), answer.text

    def now(self) -> str:
        url, headers = self._clock()
        answer = HTTP.get(url, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["now"])


@contextmanager
def running_demo(name: str, folder: Path, *arguments: str) -> Iterator[Demo]:
    server = Server(f"demo-{name}", "demo", "--json", "--port-base", "0", *arguments)
    try:
        sheet = json.loads(server.line())
        assert sheet["ready"] is True
        yield Demo.read(server, sheet, folder / "admin-token")
        assert server.running(), f"the demo died\n{server.tail()}"
    finally:
        if server.running():
            server.terminate(within_s=5)
    assert "panicked" not in server.log.read_text(errors="replace"), server.tail()
