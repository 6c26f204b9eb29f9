"""Starts everything that is measured, and what it needs: programs of ours, peers, databases."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from .process import LOAD_CORE, Server, free_port, own_user

HERE = pathlib.Path(__file__).resolve().parent.parent
PEERS = HERE / "peers"
CACHE = HERE.parent / ".cache" / "bench"
# Debian keeps servers where the path of an ordinary user does not lead.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


class Missing(Exception):
    """A program that is needed is not there and cannot be had; the message says what to do."""


class House:
    """Everything that runs for one row of the table; leaving the `with` block stops and removes it all."""

    def __init__(self, programs, mandate):
        self.programs = programs
        self.mandate = mandate
        self.servers = []
        CACHE.mkdir(parents=True, exist_ok=True)
        # On the disk of the checkout: a file system in memory would make durability free.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
        self.dir.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        for server in reversed(self.servers):
            server.stop(signal.SIGINT if server.is_database else signal.SIGTERM)
        if failure is None:
            shutil.rmtree(self.dir, ignore_errors=True)

    def folder(self, name):
        made = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.dir))
        made.chmod(0o755)
        return made

    def start(self, name, argv, is_database=False, **settings):
        server = Server(argv, self.dir / f"{name}.log", **settings)
        server.is_database = is_database
        self.servers.append(server)
        return server

    def listening(self, name, argv, port, **settings):
        """Starts a program and waits until it takes connections."""
        server = self.start(name, argv, **settings)
        server.wait_for_port(port)
        return server

    # Ours

    def upstream(self):
        """The port of the API behind the proxies; it shares the load generator's core."""
        port = free_port()
        self.listening("upstream", [self.programs / "upstream", port], port, core=LOAD_CORE)
        return port

    def limit_token(self, store=None):
        port = free_port()
        argv = [self.programs / "limit", "token", port] + ([store] if store else [])
        return self.listening("limit-token", argv, port), port

    def limit(self, what, *more):
        """Any other of the limit programs."""
        port = free_port()
        return self.listening(f"limit-{what}", [self.programs / "limit", what, port, *more], port), port

    def limit_proxy(self, upstream, digests=None):
        port = free_port()
        argv = [self.programs / "limit", "proxy", port, f"127.0.0.1:{upstream}"] + ([digests] if digests else [])
        return self.listening("limit-proxy", argv, port), port

    # Peers

    def oidc_provider(self, *words):
        """With a place for what it keeps and `signed`, as server.mjs takes them."""
        port = free_port()
        argv = [need("node"), "server.mjs", port, *words]
        where = install_oidc_provider()
        return self.listening("oidc-provider", argv, port, cwd=where, env={"NODE_ENV": "production"}), port

    def haproxy(self, upstream, config="haproxy.cfg", **places):
        port = free_port()
        folder = self.folder("haproxy")
        written = fill(PEERS / config, folder, PORT=port, UPSTREAM=upstream, DIR=folder, **places)
        argv = [need("haproxy", "haproxy"), "-db", "-f", written]
        return self.listening("haproxy", argv, port), port

    def nginx(self, upstream, config="nginx.conf", **settings):
        port = free_port()
        folder = self.folder("nginx")
        written = fill(PEERS / config, folder, PORT=port, UPSTREAM=upstream, DIR=folder, **settings)
        argv = [need("nginx", "nginx-light"), "-p", folder, "-c", written]
        return self.listening("nginx", argv, port), port

    def postgres(self):
        """A private cluster, and the URL of a database in it."""
        port = free_port()
        folder = self.folder("postgres")
        user = own_user()
        if user:
            os.chown(folder, user["user"], user["group"])
        argv = [postgres_program("initdb"), "-D", folder / "data", "-A", "trust", "-U", "bench", "--no-locale", "-E", "UTF8"]
        made = subprocess.run(argv, capture_output=True, cwd=folder, **user)
        if made.returncode != 0:
            raise Missing(f"initdb failed: {made.stderr.decode(errors='replace')}")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write((PEERS / "postgresql.conf").read_text())
        argv = [postgres_program("postgres"), "-D", folder / "data", "-p", port]
        server = self.start("postgres", argv, is_database=True, cwd=folder, as_user=user)
        # It listens before it has started; the last line of this file says when it has.
        state = folder / "data" / "postmaster.pid"
        server.wait_for(lambda: state.exists() and state.read_text().rstrip().endswith("ready"))
        return server, f"postgresql://bench@127.0.0.1:{port}/postgres"


def fill(template, folder, **places):
    """Writes a peer's settings into its folder, with the places marked `@NAME@` filled in."""
    text = template.read_text()
    for name, value in places.items():
        text = text.replace(f"@{name}@", str(value))
    written = folder / template.name
    written.write_text(text)
    return written


def need(program, package=None):
    """The path of a program; a missing Debian package is installed if we may."""
    found = shutil.which(program, path=PATH)
    if found is None and package and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", package], capture_output=True)
        found = shutil.which(program, path=PATH)
    if found is None:
        raise Missing(f"{program} is not installed" + (f" (Debian package {package})" if package else ""))
    return found


def versions():
    """The versions of the peers that are installed."""
    asked = {"haproxy": "-v", "nginx": "-v", "node": "--version", "postgres": "--version"}
    found = {}
    for name, option in asked.items():
        program = postgres_program(name) if name == "postgres" else shutil.which(name, path=PATH)
        if program:
            said = subprocess.run([str(program), option], capture_output=True, text=True)
            found[name] = re.search(r"v?\d+\.[\w.+-]*", said.stdout + said.stderr)[0]
    package = json.loads((PEERS / "oidc-provider" / "package.json").read_text())
    return found | package["dependencies"]


def postgres_program(name):
    """A program of PostgreSQL: on the path, or where Debian keeps it, the newest version."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return versions[-1] if versions else need(name, "postgresql")


def install_oidc_provider():
    """Installs the npm peer below `.cache/bench` unless it is there in the right version."""
    source, target = PEERS / "oidc-provider", CACHE / "oidc-provider"
    target.mkdir(parents=True, exist_ok=True)
    wanted = (source / "package.json").read_text()
    have = target / "package.json"
    fresh = have.exists() and have.read_text() == wanted and (target / "node_modules" / "oidc-provider").exists()
    for file in source.iterdir():
        shutil.copy(file, target)
    if not fresh:
        argv = [need("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund"]
        done = subprocess.run(argv, cwd=target, capture_output=True)
        if done.returncode != 0:
            have.unlink()
            raise Missing(f"npm install failed: {done.stderr.decode(errors='replace')[-1000:]}")
    return target
