"""The rows about signed tokens, refreshing and introspection, on the platform of platform.toml."""

import hashlib
import urllib.request

from .bank import Bank
from .load import Plan
from .measure import Subject
from .rows import MANDATE, OIDC_MEMORY, OIDC_POSTGRES, Bar, Row, oidc_plan, on_core

# People with a refresh chain each: as many as there are connections by default.
CHAINS = 32
TOKENS = 5000
LIMIT_SIGNED = "limit, signing"
LIMIT_KNOWN = "limit, digest in a set"
LIMIT_VERIFY = "limit, verifying proxy"
COLD = "mandate, first sight"
TWO_CORES = "mandate, two cores"


def oidc_refresh(port):
    """As many refresh chains of oidc-provider as there are people."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bench/refresh?count={CHAINS}") as answer:
        tokens = answer.read().decode().split()
    plan = oidc_plan(port)
    plan.body = ("grant_type=refresh_token&client_id=bench"
                 "&client_secret=bench-secret-of-more-than-thirty-two-characters&refresh_token=$0")
    plan.contains, plan.chain, plan.rows = ['"access_token":', '"refresh_token":'], "refresh_token", [[t] for t in tokens]
    return plan


def oidc_introspect(generator, port):
    """Introspection of opaque tokens of oidc-provider, issued here and now."""
    issue = oidc_plan(port)
    issue.capture = "access_token"
    tokens = generator.run(issue, seconds=60, count=TOKENS)["captured"]
    plan = oidc_plan(port)
    plan.path, plan.contains, plan.rows = "/token/introspection", ['"active":true'], [[token] for token in tokens]
    plan.body = "token=$0&client_id=bench&client_secret=bench-secret-of-more-than-thirty-two-characters"
    return plan


def limit_plan(port, method="GET", body=None, contains=(), rows=None):
    headers = on_core(port) | ({"Content-Type": "application/x-www-form-urlencoded"} if body else {})
    return Plan(f"127.0.0.1:{port}", method, "/", headers, body, list(contains), rows or [[]])


def limit_signed(house):
    server, port = house.limit("signed")
    body = "grant_type=client_credentials&client_id=0123456789abcdef&client_secret=0123456789abcdef0123456789abcdef"
    return Subject(LIMIT_SIGNED, "ES256, nothing checked and nothing kept", [server],
                   limit_plan(port, "POST", body, ['"access_token":']))


def limit_known(house, tokens):
    file = house.folder("tokens") / "digests"
    file.write_text("".join(hashlib.sha256(token.encode()).hexdigest() + "\n" for token in tokens))
    server, port = house.limit("known", file)
    return Subject(LIMIT_KNOWN, "nobody authenticated, the same answer for every token", [server],
                   limit_plan(port, "POST", "client_id=0123456789&client_secret=0123456789&token=$0", ['"active":true'],
                              [[token] for token in tokens]))


def issuing_signed(house, _generator, wanted):
    if wanted(MANDATE):
        bank = Bank(house)
        yield Subject(MANDATE, "POST /token, client authenticated, grant and scopes checked; nothing stored for a token",
                      [bank.server], bank.issue(bank.service))
    if wanted("limit"):
        yield limit_signed(house)
    if wanted("oidc-provider"):
        server, port = house.oidc_provider("signed")
        yield Subject(OIDC_MEMORY, "JWT by ES256, not stored there either", [server], oidc_plan(port))


def refreshing(house, _generator, wanted):
    if wanted(MANDATE):
        bank = Bank(house, people=CHAINS)
        yield Subject(MANDATE, "chain moved on durably in SQLite, then a new access token by ES256", [bank.server],
                      bank.refresh())
    if wanted("limit"):
        yield limit_signed(house)
    if wanted("oidc-provider"):
        server, port = house.oidc_provider("signed")
        yield Subject(OIDC_MEMORY, "rotation too, access token by ES256; nothing durable", [server], oidc_refresh(port))


def introspecting(house, generator, wanted):
    tokens = ["none"]
    if wanted(MANDATE):
        bank = Bank(house, people=CHAINS)
        tokens = bank.own(generator, bank.opaque, TOKENS)
        yield Subject(MANDATE, f"{TOKENS} opaque tokens in turn, known to the node", [bank.server], bank.introspect(tokens))
        yield Subject("mandate, signed tokens", f"{TOKENS} signed tokens in turn", [bank.server],
                      bank.introspect(bank.delegated(generator, TOKENS)))
    if wanted("limit"):
        yield limit_known(house, tokens)
    if wanted("oidc-provider"):
        server, port = house.oidc_provider("map")
        yield Subject(OIDC_MEMORY, f"{TOKENS} opaque tokens in turn, in a Map", [server], oidc_introspect(generator, port))


def documents(house, _generator, wanted):
    served = {}
    if wanted(MANDATE):
        bank = Bank(house)
        for what, path in (("JWKS", "/jwks"), ("metadata", "/.well-known/oauth-authorization-server")):
            served[what] = bank.fetch(path)
            yield Subject(f"mandate, {what}", f"GET {path}, {len(served[what])} bytes", [bank.server], bank.document(path))
    if wanted("limit"):
        for what in ("JWKS", "metadata"):
            file = house.folder("document") / "document"
            file.write_bytes(served.get(what, b'{"keys":[]}'))
            server, port = house.limit("fixed", file)
            yield Subject(f"limit, {what}", "the same bytes", [server], limit_plan(port))
    if wanted("oidc-provider"):
        server, port = house.oidc_provider("signed")
        for what, path in (("JWKS", "/jwks"), ("metadata", "/.well-known/openid-configuration")):
            plan = Plan(f"127.0.0.1:{port}", "GET", path, on_core(port), None, ['"'])
            yield Subject(f"oidc-provider, {what}", f"GET {path}, one key", [server], plan)


def two_cores(house, _generator, wanted):
    if wanted(MANDATE):
        one, two = Bank(house), Bank(house, cores={0, 1})
        yield Subject("mandate, one core", "client credentials, ES256, as in S2", [one.server], one.issue(one.service))
        yield Subject(TWO_CORES, "the same on both cores, one of them shared with the load generator", [two.server],
                      two.issue(two.service))


def verifying(house, generator, wanted, alg="ES256"):
    upstream = house.upstream()
    bank = Bank(house, upstream=upstream, people=CHAINS, alg=alg)
    tokens = bank.delegated(generator, TOKENS)
    # The others see the same tokens again and again: neither of them remembers any.
    if wanted(MANDATE):
        yield Subject(MANDATE, "tokens of 32 people issued just before, each sent once: verified and decided in full",
                      [bank.server], spends=lambda number: bank.quotes(bank.delegated(generator, number), once=True))
        yield Subject("mandate, tokens known", f"{TOKENS} tokens in turn, verified before, decided in full each time",
                      [bank.server], bank.quotes(tokens))
        yield Subject("mandate, no authorization", "GET /v2/clock: our own G1", [bank.server], bank.open_route())
    if wanted("limit"):
        server, port = house.limit("verify", f"127.0.0.1:{upstream}", alg, bank.key().hex())
        yield Subject(LIMIT_VERIFY, f"signature and end checked, nothing decided; {TOKENS} tokens in turn", [server],
                      bank.quotes(tokens, port))
    if wanted("haproxy"):
        server, port = house.haproxy(upstream, "haproxy-jwt.cfg", ALG=alg, KEY=bank.pem(), ISSUER=bank.url())
        yield Subject("haproxy, jwt_verify", f"claims and scope checked, one counter; {TOKENS} tokens in turn", [server],
                      bank.quotes(tokens, port))


def verifying_rsa(house, generator, wanted):
    yield from verifying(house, generator, wanted, "RS256")


def refreshing_on_postgres(house, _generator, wanted):
    if wanted(MANDATE):
        database, url = house.postgres()
        bank = Bank(house, store=url, people=CHAINS)
        yield Subject(MANDATE, "chain moved on durably, access token by ES256; database counted in",
                      [bank.server, database], bank.refresh())
    if wanted("oidc-provider"):
        database, url = house.postgres()
        server, port = house.oidc_provider(url, "signed")
        yield Subject(OIDC_POSTGRES, "rotation too, access token by ES256; database counted in", [server, database],
                      oidc_refresh(port))


def introspecting_on_postgres(house, generator, wanted):
    tokens = ["none"]
    if wanted(MANDATE):
        database, url = house.postgres()
        bank = Bank(house, store=url)
        tokens = bank.own(generator, bank.opaque, TOKENS)
        yield Subject(MANDATE, f"{TOKENS} opaque tokens in turn, known to the node; database counted in",
                      [bank.server, database], bank.introspect(tokens))
        yield Subject(COLD, "opaque tokens issued just before, each asked about once; database counted in",
                      [bank.server, database],
                      spends=lambda number: bank.introspect(bank.own(generator, bank.opaque, number), once=True))
    if wanted("limit"):
        yield limit_known(house, tokens)
    if wanted("oidc-provider"):
        database, url = house.postgres()
        server, port = house.oidc_provider(url)
        yield Subject(OIDC_POSTGRES, f"{TOKENS} opaque tokens in turn; database counted in", [server, database],
                      oidc_introspect(generator, port))


ROWS = {
    "S2": Row("client credentials to a signed token, ES256, nothing stored", issuing_signed,
              [Bar(1.25, LIMIT_SIGNED), Bar(1 / 5, OIDC_MEMORY)]),
    "S3": Row("refresh with rotation, access token by ES256, durable in SQLite before the answer", refreshing,
              [Bar(135), Bar(1 / 4, OIDC_MEMORY)]),
    "S4": Row("introspection, state in memory", introspecting,
              [Bar(2.0, LIMIT_KNOWN), Bar(1 / 17, OIDC_MEMORY), Bar(2.0, LIMIT_KNOWN, "mandate, signed tokens")]),
    "S5": Row("JWKS and metadata", documents,
              [Bar(1.3, "limit, JWKS", "mandate, JWKS"), Bar(1.3, "limit, metadata", "mandate, metadata")]),
    "S7": Row("two cores over one, client credentials to a signed token", two_cores,
              [Bar(1.15, "mandate, one core", TWO_CORES)]),
    "G2": Row("proxying, signed tokens (ES256) verified each time, full decision", verifying,
              [Bar(1.10, LIMIT_VERIFY), Bar(0.80, "haproxy, jwt_verify")]),
    "G2-rsa": Row("the same with tokens signed by RS256", verifying_rsa,
                  [Bar(0.72, "haproxy, jwt_verify")]),
    "P2": Row("refresh with rotation, access token by ES256, durable in PostgreSQL before the answer",
              refreshing_on_postgres, [Bar(200), Bar(1 / 10, OIDC_POSTGRES)]),
    "P3": Row("introspection of opaque tokens on PostgreSQL", introspecting_on_postgres,
              [Bar(2.5, LIMIT_KNOWN), Bar(300, who=COLD)]),
}
