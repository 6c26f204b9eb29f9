"""Row W3: what a gate holds for each idle websocket: memory and files, and both again once the API has been asked for
something on it."""

import asyncio
import pathlib
import sys
import time
import urllib.parse
import urllib.request

from .idle import Idle, raise_limit
from .mandate import Mandate
from .process import LOAD_CORE, free_port

TITLE = "idle websockets held by one gate; and, of them, as many as may open, each with a connection to the API"
BARS = {"streams": 10_000, "kib_each": 8.0, "revoked_ms": 1000.0}
# For memory to come to rest, and for the first pings to have gone both ways.
SETTLED_SECONDS = 40
SPARE_FILES = 100


def measure_streams(house, count, seconds, tell):
    # One for each stream, at the server as at the clients, and what is open anyway.
    files = raise_limit(100_000) - SPARE_FILES
    possible = files
    if count > possible:
        tell(f"    this machine's hard limit of open files leaves room for {possible} streams, not {count}")
        count = possible
    port = free_port()
    house.listening("idle", [sys.executable, pathlib.Path(__file__).with_name("idle.py"), port], port, core=LOAD_CORE)
    mandate = Mandate(house, upstream=port, extra_accounts=count)
    address = urllib.parse.urlsplit(mandate.platform["environments"]["paper"]["data_ws"]).netloc
    extra = mandate.extra[:count]
    # A second one for those that subscribe, as far as the limit goes.
    subscribing = min(count - 1, files - count)
    return asyncio.run(measured(mandate, address, extra, subscribing, seconds, tell))


async def measured(mandate, address, extra, subscribing, seconds, tell):
    server, idle = mandate.server, Idle(address, "/v2/iex")
    keys = [(entry["id"], entry["secret"]) for entry in extra]
    # One of them first: what is made once is no stream's.
    await idle.all(keys[:1])
    before, files = server.resident(), server.open_files()
    began = time.monotonic()
    await idle.all(keys[1:])
    took = time.monotonic() - began
    opened = server.resident()
    tell(f"    {idle.open} streams in {took:.1f} s")
    busy = server.cpu_seconds()
    await asyncio.sleep(seconds)
    busy = (server.cpu_seconds() - busy) / seconds
    after, held = server.resident(), server.open_files() - files
    server.check_alive()
    if idle.open != len(keys):
        raise RuntimeError(f"{len(keys) - idle.open} of {len(keys)} streams did not stay open")
    revoked = await one_ends(mandate, idle, extra[len(extra) // 2])
    if idle.open != len(keys) - 1:
        raise RuntimeError("a revocation ended streams that it was not about")
    subscribed = await all_ask(server, idle, subscribing, seconds, tell)
    each = (len(keys) - 1) * 1024
    return [{
        "name": "mandate",
        "note": "each of an account of its own; the account's facts and the accounting are counted in",
        "files_each": held / (len(keys) - 1),
        "streams": len(keys),
        "revoked_ms": revoked * 1000,
        "kib_each": (after - before) / each,
        "kib_each_at_once": (opened - before) / each,
        "memory_mib": after / 2**20,
        "busy": busy,
        "per_second": (len(keys) - 1) / took,
        **subscribed,
    }]


async def all_ask(server, idle, count, seconds, tell):
    """So many streams ask the API for something: what one takes more from then on."""
    before, files, streams = server.resident(), server.open_files(), idle.open
    idle.subscribe(count)
    ends = time.monotonic() + 60
    while server.open_files() - files < count:
        if time.monotonic() > ends:
            raise RuntimeError(f"{server.open_files() - files} of {count} connections to the API were opened")
        await asyncio.sleep(0.1)
    tell(f"    {count} of them have subscribed")
    await asyncio.sleep(seconds)
    after, held = server.resident(), server.open_files() - files
    server.check_alive()
    if idle.open != streams:
        raise RuntimeError(f"{streams - idle.open} of {streams} streams did not stay open after they had subscribed")
    return {"subscribed": count, "subscribed_kib_more": (after - before) / count / 1024, "subscribed_files_more": held / count}


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
