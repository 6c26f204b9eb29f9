"""The rows: which servers stand beside each other for which work, and what Mandate has to reach."""

import dataclasses
import hashlib
import secrets
import urllib.request
from typing import Callable

from .load import Plan
from .mandate import EXTRA_ACCOUNTS, Mandate
from .measure import Subject

# Names that the bars refer to.
MANDATE = "mandate"
OIDC_MEMORY = "oidc-provider, in memory"
OIDC_POSTGRES = "oidc-provider, PostgreSQL"
NGINX_CACHED = "nginx, auth_request cached"
NGINX_AS_IT_COMES = "nginx, auth_request cached, as it comes"


@dataclasses.dataclass
class Bar:
    """A figure to reach: a subject's CPU per request in absolute terms, or as a multiple of another's in the same run."""

    bound: float
    of: str | None = None
    who: str = MANDATE


@dataclasses.dataclass
class Row:
    title: str
    # From a house, the load generator and the question "is this one wanted?" to the subjects.
    build: Callable
    bars: list


def on_core(port):
    return {"Host": f"127.0.0.1:{port}"}


def limit_plan(port):
    headers = {**on_core(port), "Content-Type": "application/json"}
    return Plan(f"127.0.0.1:{port}", "POST", "/v1/oauth/token", headers, '{"account_id":"$0"}', ['"access_token":'],
                [[secrets.token_hex(16)] for _ in range(EXTRA_ACCOUNTS)])


def oidc_plan(port):
    headers = {**on_core(port), "Content-Type": "application/x-www-form-urlencoded"}
    body = ("grant_type=client_credentials&scope=general&client_id=bench"
            "&client_secret=bench-secret-of-more-than-thirty-two-characters")
    return Plan(f"127.0.0.1:{port}", "POST", "/token", headers, body, ['"access_token":'])


def oidc_codes(port, number):
    """Redeeming `number` codes of oidc-provider that are made here and now, each once."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bench/codes?count={number}") as answer:
        codes = answer.read().decode().split()
    plan = oidc_plan(port)
    plan.body = ("grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=bench"
                 "&client_secret=bench-secret-of-more-than-thirty-two-characters&code=$0")
    plan.rows, plan.once = [[code] for code in codes], True
    return plan


def proxy_plan(port, headers=None, rows=None):
    return Plan(f"127.0.0.1:{port}", "GET", "/v2/clock", {**on_core(port), **(headers or {})}, None,
                ['"is_open":true'], rows or [[]])


def issuing_on_sqlite(house, _generator, wanted):
    if wanted(MANDATE):
        mandate = Mandate(house)
        yield Subject(MANDATE, "POST /v1/oauth/token, row durable in SQLite", [mandate.server], mandate.issue())
    if wanted("limit"):
        server, port = house.limit_token(house.folder("limit") / "limit.db")
        yield Subject("limit, SQLite", "one durable row, nothing checked", [server], limit_plan(port))
        server, port = house.limit_token()
        yield Subject("limit, nothing kept", "no row at all", [server], limit_plan(port))
    if wanted("oidc-provider"):
        server, port = house.oidc_provider()
        yield Subject(OIDC_MEMORY, "keeps the newest 1,000 in memory, nothing durable", [server], oidc_plan(port))


def redeeming_on_sqlite(house, generator, wanted):
    if wanted(MANDATE):
        mandate = Mandate(house)
        yield Subject(MANDATE, "POST /oauth/token, code spent and token kept durably in SQLite", [mandate.server],
                      spends=lambda number: mandate.redeem(generator, number))
    if wanted("limit"):
        server, port = house.limit_token(house.folder("limit") / "limit.db")
        yield Subject("limit, SQLite", "one durable row, nothing checked, no code", [server], limit_plan(port))
    if wanted("oidc-provider"):
        server, port = house.oidc_provider("map")
        yield Subject(OIDC_MEMORY, "authorization codes too, without PKCE or ID token; in a Map, nothing durable", [server],
                      spends=lambda number: oidc_codes(port, number))


def issuing_on_postgres(house, _generator, wanted):
    if wanted(MANDATE):
        database, url = house.postgres()
        mandate = Mandate(house, store=url)
        yield Subject(MANDATE, "POST /v1/oauth/token, database counted in", [mandate.server, database], mandate.issue())
    if wanted("limit"):
        database, url = house.postgres()
        server, port = house.limit_token(url)
        yield Subject("limit, PostgreSQL", "one durable row by group commit, database counted in",
                      [server, database], limit_plan(port))
    if wanted("oidc-provider"):
        database, url = house.postgres()
        server, port = house.oidc_provider(url)
        yield Subject(OIDC_POSTGRES, "one durable row, database counted in", [server, database], oidc_plan(port))


def proxying(house, _generator, wanted):
    upstream = house.upstream()
    if wanted(MANDATE):
        mandate = Mandate(house, upstream=upstream, extra_accounts=0)
        yield Subject(MANDATE, "GET /v2/clock, a route without authorization", [mandate.server],
                      mandate.without_authorization())
    if wanted("limit"):
        server, port = house.limit_proxy(upstream)
        yield Subject("limit, proxy", "hop-by-hop header dropped, nothing else", [server], proxy_plan(port))
    if wanted("haproxy"):
        server, port = house.haproxy(upstream)
        yield Subject("haproxy", "one thread, connections reused", [server], proxy_plan(port))
    if wanted("nginx"):
        server, port = house.nginx(upstream)
        yield Subject("nginx", "one worker, connections reused", [server], proxy_plan(port))


def authorizing(house, generator, wanted):
    upstream = house.upstream()
    if wanted(MANDATE):
        mandate = Mandate(house, upstream=upstream)
        server = [mandate.server]
        yield Subject("mandate, API keys", f"GET /v2/account, {EXTRA_ACCOUNTS} keys in turn, full decision", server,
                      mandate.keys())
        yield Subject("mandate, opaque tokens", f"GET /v2/account, {EXTRA_ACCOUNTS} tokens in turn, full decision",
                      server, mandate.tokens(generator))
        yield Subject("mandate, no authorization", "GET /v2/clock: our own G1", server,
                      mandate.without_authorization())
    keys = [["PK" + secrets.token_hex(9).upper(), secrets.token_urlsafe(30)] for _ in range(EXTRA_ACCOUNTS)]
    headers = {"APCA-API-KEY-ID": "$0", "APCA-API-SECRET-KEY": "$1"}
    if wanted("limit"):
        server, port = house.limit_proxy(upstream, digests(house, keys))
        yield Subject("limit, API keys", "digest of the key found in a set, nothing decided", [server],
                      proxy_plan(port, headers, keys))
    if wanted("haproxy"):
        server, port = house.haproxy(upstream, "haproxy-keys.cfg", MAP=key_map(house, keys))
        yield Subject("haproxy, API keys", "digest compared with a map, one counter; no decision", [server],
                      proxy_plan(port, headers, keys))
    if wanted("nginx"):
        for name, open_files in ((NGINX_CACHED, "open_file_cache max=10000 inactive=10m;"), (NGINX_AS_IT_COMES, "")):
            server, port = house.nginx(upstream, "nginx-cached.conf", OPEN_FILES=open_files)
            yield Subject(name, "verdict of a service that always says yes, cached", [server],
                          proxy_plan(port, headers, keys))


def digests(house, keys):
    """What the limit's proxy knows of the keys."""
    file = house.folder("keys") / "digests"
    file.write_text("".join(hashlib.sha256(f"{id}:{secret}".encode()).hexdigest() + "\n" for id, secret in keys))
    return file


def key_map(house, keys):
    """What HAProxy knows of the keys; its `hex` writes capitals."""
    file = house.folder("keys") / "keys.map"
    file.write_text("".join(f"{id} {hashlib.sha256(secret.encode()).hexdigest().upper()}\n" for id, secret in keys))
    return file


ROWS = {
    "S1": Row("client credentials to an opaque token, durable in SQLite before the answer", issuing_on_sqlite,
              [Bar(60), Bar(1 / 4, OIDC_MEMORY)]),
    "S1-code": Row("an authorization code redeemed, durable in SQLite before the answer", redeeming_on_sqlite,
                   [Bar(60), Bar(1 / 4, OIDC_MEMORY)]),
    "G1": Row("proxying, no authorization", proxying, [Bar(1.05, "haproxy"), Bar(1.25, "nginx")]),
    "G3": Row("proxying, credentials known already", authorizing, [
        Bar(1.35, "mandate, no authorization", "mandate, API keys"),
        Bar(1.35, "mandate, no authorization", "mandate, opaque tokens"),
        *(Bar(1 / 3, nginx, f"mandate, {ours}") for nginx in (NGINX_CACHED, NGINX_AS_IT_COMES)
          for ours in ("API keys", "opaque tokens")),
    ]),
    "P1": Row("client credentials to an opaque token, durable in PostgreSQL before the answer", issuing_on_postgres,
              [Bar(60), Bar(1 / 10, OIDC_POSTGRES)]),
}
