"""Row S6: from the start of the program to its first right answer, what it holds in memory idle, how large it is."""

import pathlib
import random
import shutil
import statistics
import subprocess
import time

from .mandate import Mandate
from .process import status_of
from .rows import limit_plan, oidc_plan, proxy_plan

TITLE = "start to first answer with an existing store, idle memory, binary"
BARS = {"start_ms": 50, "memory_mib": 16, "binary_mib": 24}
REPEATS = 5
IDLE_SECONDS = 2


def contenders(house, wanted):
    """Name, note, how it is started (server and plan of a first request), program file."""
    if wanted("mandate"):
        start = mandate_again(house)
        yield "mandate", "demo in an existing folder, sample platforms and upstreams included", start, house.mandate
    if wanted("limit"):
        store = house.folder("limit") / "limit.db"
        yield "limit", "an existing SQLite file", with_plan(lambda: house.limit_token(store), limit_plan), \
            house.programs / "limit"
    if wanted("oidc-provider"):
        yield "oidc-provider", "in memory", with_plan(house.oidc_provider, oidc_plan), None
    upstream = house.upstream()
    if wanted("haproxy"):
        yield "haproxy", "proxy only", with_plan(lambda: house.haproxy(upstream), proxy_plan), None
    if wanted("nginx"):
        yield "nginx", "proxy only", with_plan(lambda: house.nginx(upstream), proxy_plan), None


def with_plan(start, plan):
    def started():
        server, port = start()
        return server, plan(port)
    return started


def mandate_again(house):
    """Starts a demo once, for the store and the credentials; what is returned starts it again in the same folder."""
    base, folder = random.randrange(200, 320) * 100, house.folder("mandate")
    first = Mandate(house, extra_accounts=0, port_base=base, folder=folder)
    plan = first.issue()
    first.server.stop()

    def started():
        argv = [house.mandate, "demo", "--json", "--port-base", base, "--dir", folder, "--no-rate-limit"]
        return house.start("mandate", argv), plan
    return started


def measure_starts(house, wanted, tell):
    results = []
    for name, note, start, binary in contenders(house, wanted):
        times, memory = [], []
        for _ in range(REPEATS):
            server, plan = start()
            request, port = plan.first_request(), plan.port()
            times.append(1000 * server.wait_for(lambda: status_of(port, request) == plan.status))
            time.sleep(IDLE_SECONDS)
            memory.append(server.resident() / 2**20)
            server.stop()
        tell(f"    {name}: {statistics.median(times):.0f} ms")
        results.append({
            "name": name,
            "note": note,
            "start_ms": statistics.median(times),
            "start_ms_all": times,
            "memory_mib": statistics.median(memory),
            "binary_mib": stripped_size(house, binary) / 2**20 if binary else None,
        })
    return results


def stripped_size(house, binary):
    """The size of a program without its symbols."""
    copy = house.folder("strip") / pathlib.Path(binary).name
    shutil.copy(binary, copy)
    if shutil.which("strip"):
        # What is no program (a wrapper script, say) has nothing to strip.
        subprocess.run(["strip", str(copy)], stderr=subprocess.DEVNULL)
    return copy.stat().st_size
