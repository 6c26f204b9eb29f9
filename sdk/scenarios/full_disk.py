#!/usr/bin/env python3
"""Sessions on a disk that fills up under them, and is freed again. A small file system of its own is mounted for it: needs root on Linux.

    python3 full_disk.py --programs python=CMD rust=CMD ...      CMD is the hammer of a library

What must hold: no call fails through three lives of the token while nothing can be written, the store is not damaged, and it is written again afterwards.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def tried(control: str, command: list[str]) -> dict:
    """One program's run on a disk of 64 KiB."""
    with tempfile.TemporaryDirectory(prefix="full-disk-") as disk, tempfile.TemporaryDirectory(prefix="full-disk-end-") as elsewhere:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", disk], check=True)
        try:
            store, until = os.path.join(disk, "store"), os.path.join(elsewhere, "until")
            made = post(control + "new", {"now_ms": None, "issuer": {"access_seconds": 2, "log_calls": False}})
            program = subprocess.Popen(command + [
                "--store", store, "--name", "shared", "--token-endpoint", made["issuer"] + "/token", "--api", made["api"] + "/data",
                "--client-id", "app", "--client-secret", "s3cret", "--refresh-token", "given-refresh", "--threads", "3", "--until-file", until,
            ], stdout=subprocess.PIPE, text=True)

            def generation() -> int:
                with open(os.path.join(store, "shared.json")) as file:
                    return json.load(file)["generation"]

            started = time.monotonic()
            while not os.path.exists(os.path.join(store, "shared.json")) and time.monotonic() - started < 20:
                time.sleep(0.05)
            time.sleep(0.5)
            filler = os.path.join(disk, "filler")
            try:
                with open(filler, "wb", buffering=0) as file:
                    while True:
                        file.write(b"x" * 4096)
            except OSError:
                pass
            before = generation()
            time.sleep(6)
            full = generation()
            os.remove(filler)
            time.sleep(4)
            after = generation()
            open(until, "w").close()
            out, _ = program.communicate(timeout=30)
            said = json.loads(out.strip().splitlines()[-1])
            left = sorted(f for f in os.listdir(store) if f != "shared.json")
            holds = said["failed"] == 0 and said["calls"] > 0 and before == full < after and said["renewals"] >= 4 and not left
            return {**said, "generations": [before, full, after], "left_over": left, "holds": holds}
        finally:
            subprocess.run(["umount", "-l", disk], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", nargs="+", required=True, metavar="NAME=COMMAND")
    given = parser.parse_args()
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    control = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}/control/"
    try:
        all_hold = True
        for program in given.programs:
            name, command = program.split("=", 1)
            verdict = tried(control, shlex.split(command))
            all_hold &= verdict["holds"]
            print(json.dumps({"program": name, **verdict}), flush=True)
    finally:
        server.stdin.close()
    sys.exit(0 if all_hold else 1)


if __name__ == "__main__":
    main()
