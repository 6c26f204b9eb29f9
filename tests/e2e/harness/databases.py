"""Fresh PostgreSQL databases for single runs, made with psql."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .binary import ROOT


def sql(url: str, statement: str) -> str:
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", url, "--command", statement],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{statement}\n{done.stderr}"
    return done.stdout.strip()


@contextmanager
def fresh_database(cluster: str) -> Iterator[str]:
    """The URL of a new database beside the one that `cluster` names; it is dropped afterwards."""
    name = f"mandate_{secrets.token_hex(6)}"
    sql(cluster, f'CREATE DATABASE "{name}"')
    try:
        yield f"{cluster.rsplit('/', 1)[0]}/{name}"
    finally:
        sql(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL cluster of our own."""

    folder: Path
    url: str

    @staticmethod
    def tool(verb: str, folder: Path) -> str:
        done = subprocess.run(
            [str(ROOT / "tests" / "tools" / "postgres"), verb, str(folder)], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def crash(self) -> None:
        """kill -9 of the postmaster."""
        self.tool("crash", self.folder)

    def start(self) -> None:
        self.tool("start", self.folder)


@contextmanager
def private_cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="mandate-pg-") as folder:
        os.chmod(folder, 0o755)
        inner = Path(folder) / "cluster"
        url = Cluster.tool("start", inner)
        try:
            yield Cluster(inner, url)
        finally:
            Cluster.tool("stop", inner)
