#!/usr/bin/env python3
"""Starts the servers of other makes, and the real one if MANDATE_BIN is set, and prints what a runner needs as one line of JSON.
Ends them when standard input is closed.

    python3 start.py [--seconds 3]     {"oidc-provider": {"api": "...", "sessions": {"code": {...}, ...}}, ...}
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RUNNING: list[subprocess.Popen] = []


def tool(*command: str) -> str:
    return subprocess.run([str(ROOT / "tests/tools" / command[0]), *command[1:]], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def start(command: list[str], **more) -> dict:
    """Starts a server and reads its first line."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)
    RUNNING.append(process)
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{command} did not start")
    return json.loads(line)


def node(folder: str, program: str, seconds: int) -> dict:
    # modules are looked for beside the program, so it runs where they are
    for name in ("oidc-provider.mjs", "oauth2-server.mjs", "package.json"):
        shutil.copy(HERE / name, folder)
    modules = Path(folder) / "node_modules"
    if not modules.exists():
        modules.symlink_to(tool("node-modules", str(HERE)))
    return start([os.path.join(tool("node"), "node"), program, str(seconds)], cwd=folder)


def oidc_provider(folder: str, seconds: int) -> dict:
    made = node(folder, "oidc-provider.mjs", seconds)
    base = f"http://127.0.0.1:{made['port']}"
    secret = {"client_id": "app", "client_secret": "a-secret-of-more-than-thirty-two-characters"}
    found = {"discover": True, "issuer": base}
    return {"api": base + "/api", "sessions": {
        "service": {"grant": "client_credentials", "scope": "read", **secret, **found},
        "code": {"grant": "authorization_code", "scope": "openid offline_access read", "authorize": {"prompt": "consent"}, **secret, **found},
        "native": {"grant": "authorization_code", "scope": "openid offline_access read", "client_id": "native", "dpop": True, **found},
        "device": {"grant": "device", "scope": "openid offline_access read", "client_id": "native", **found},
        "signed": {"grant": "client_credentials", "scope": "read", "client_id": "signed", "auth": "private_key_jwt", "jwk": made["jwk"], **found},
    }}


def oauth2_server(folder: str, seconds: int) -> dict:
    base = f"http://127.0.0.1:{node(folder, 'oauth2-server.mjs', seconds)['port']}"
    common = {"client_id": "app", "client_secret": "s3cret", "token_endpoint": base + "/token"}
    return {"api": base + "/api", "sessions": {
        "service": {"grant": "client_credentials", **common},
        "password": {"grant": "password", "username": "alice", "password": "p4ss-of-person", **common},
    }}


def authlib(_folder: str, seconds: int) -> dict:
    python = os.path.join(tool("venv", "peers", str(HERE / "requirements.txt")), "bin/python")
    base = f"http://127.0.0.1:{start([python, str(HERE / 'authlib_server.py'), str(seconds)])['port']}"
    common = {"client_id": "app", "client_secret": "s3cret", "token_endpoint": base + "/token", "authorization_endpoint": base + "/authorize"}
    return {"api": base + "/api", "sessions": {
        "service": {"grant": "client_credentials", "scope": "read", **common},
        "code": {"grant": "authorization_code", "scope": "read", **common},
    }}


def mandate(binary: str, folder: str) -> dict:
    sheet = start([binary, "demo", "--json", "--port-base", "0"], stderr=open(os.path.join(folder, "demo.err"), "w"), cwd=folder)
    rfc = sheet["platforms"]["rfc"]
    found = {"discover": True, "issuer": rfc["issuer"]}
    client = {c["role"]: c for c in rfc["clients"]}
    alice = rfc["users"][0]

    def of(role: str, grant: str, **more) -> dict:
        c = client[role]
        given = {"grant": grant, "client_id": c["client_id"], "scope": " ".join(c["scopes"]), **found, **more}
        if c.get("client_secret"):
            given["client_secret"] = c["client_secret"]
            given["auth"] = {"client_secret_basic": "basic", "client_secret_post": "post"}[c["auth_method"]]
        if c.get("jwk"):
            given |= {"auth": "private_key_jwt", "jwk": c["jwk"]}
        if c.get("redirect_uris") and grant == "authorization_code":
            given["redirect_uri"] = c["redirect_uris"][0]
        return given

    return {"api": rfc["environments"]["live"]["api"], "path": "/accounts", "clock": sheet["clock"]["url"], "clock_token": sheet["admin"]["token"],
            "user": {"name": alice["name"], "password": alice["password"]}, "sheet": sheet, "sessions": {
                "service": of("service", "client_credentials"), "code": of("web", "authorization_code"),
                "native": of("spa", "authorization_code", dpop=True), "device": of("device", "device"),
                "signed": of("jwt", "client_credentials", scope="accounts"), "fapi": of("fapi", "authorization_code", dpop=True, pushed=True)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3, help="lifetime of access tokens")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        try:
            peers = {"oidc-provider": oidc_provider(folder, given.seconds), "oauth2-server": oauth2_server(folder, given.seconds),
                     "authlib": authlib(folder, given.seconds)}
            if os.environ.get("MANDATE_BIN"):
                peers["mandate"] = mandate(os.path.abspath(os.environ["MANDATE_BIN"]), folder)
            print(json.dumps(peers), flush=True)
            sys.stdin.buffer.read()
        finally:
            for process in RUNNING:
                process.stdin.close()
                process.terminate()


if __name__ == "__main__":
    main()
