"""Row W3: what a gate holds in memory for each idle websocket, its connection to the API included."""

import asyncio
import pathlib
import sys
import time
import urllib.parse
import urllib.request

from .idle import Idle, raise_limit
from .mandate import Mandate
from .process import LOAD_CORE, free_port

TITLE = "idle websockets held by one gate, each with a connection to the API behind it"
BARS = {"streams": 10_000, "kib_each": 8.0, "revoked_ms": 1000.0}
# For memory to come to rest, and for the first pings to have gone both ways.
SETTLED_SECONDS = 40
SPARE_FILES = 100


def measure_streams(house, count, seconds, tell):
    # Two for each stream, at the server, and what it has open anyway.
    possible = (raise_limit(100_000) - SPARE_FILES) // 2
    if count > possible:
        tell(f"    this machine's hard limit of open files leaves room for {possible} streams, not {count}")
        count = possible
    port = free_port()
    house.listening("idle", [sys.executable, pathlib.Path(__file__).with_name("idle.py"), port], port, core=LOAD_CORE)
    mandate = Mandate(house, upstream=port, extra_accounts=count)
    address = urllib.parse.urlsplit(mandate.platform["environments"]["paper"]["data_ws"]).netloc
    extra = mandate.extra[:count]
    return asyncio.run(measured(mandate, address, extra, seconds, tell))


async def measured(mandate, address, extra, seconds, tell):
    server, idle = mandate.server, Idle(address, "/v2/iex")
    keys = [(entry["id"], entry["secret"]) for entry in extra]
    # One of them first: what is made once is no stream's.
    await idle.all(keys[:1])
    before = server.resident()
    began = time.monotonic()
    await idle.all(keys[1:])
    took = time.monotonic() - began
    opened = server.resident()
    tell(f"    {idle.open} streams in {took:.1f} s")
    busy = server.cpu_seconds()
    await asyncio.sleep(seconds)
    busy = (server.cpu_seconds() - busy) / seconds
    after = server.resident()
    server.check_alive()
    if idle.open != len(keys):
        raise RuntimeError(f"{len(keys) - idle.open} of {len(keys)} streams did not stay open")
    revoked = await one_ends(mandate, idle, extra[len(extra) // 2])
    if idle.open != len(keys) - 1:
        raise RuntimeError("a revocation ended streams that it was not about")
    each = (len(keys) - 1) * 1024
    return [{
        "name": "mandate",
        "note": "each of an account of its own; the account's facts and the accounting are counted in",
        "streams": len(keys),
        "revoked_ms": revoked * 1000,
        "kib_each": (after - before) / each,
        "kib_each_at_once": (opened - before) / each,
        "memory_mib": after / 2**20,
        "busy": busy,
        "per_second": (len(keys) - 1) / took,
    }]


async def one_ends(mandate, idle, entry):
    """Switches one account off; the seconds from the request to the end of its stream."""
    url = f"{mandate.admin['url']}/admin/v1/platforms/alpaca/accounts/{entry['account']}/disable"
    headers = {"Authorization": f"Bearer {mandate.admin['token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=b"{}", headers=headers, method="POST")
    began = time.monotonic()
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).close())
    if await asyncio.wait_for(idle.ended.get(), timeout=10) != entry["id"]:
        raise RuntimeError("another stream than the revoked one ended")
    return time.monotonic() - began
