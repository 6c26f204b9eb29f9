"""The server under test with the platform of platform.toml: `mandate serve`, set up with its own commands and pages."""

import base64
import concurrent.futures
import hashlib
import json
import os
import secrets
import subprocess
import urllib.parse
import urllib.request

from .browser import Browser
from .house import HERE, fill
from .load import Plan
from .process import answers, free_port, status_of

REDIRECT = "https://app.example/cb"
SCOPE = "accounts quotes"
PASSWORD = "correct horse battery staple"
FORM = "application/x-www-form-urlencoded"
# A DER SubjectPublicKeyInfo of P-256 begins so; the uncompressed point follows.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
# The AlgorithmIdentifier of RSA.
RSA = bytes.fromhex("300d06092a864886f70d0101010500")


class Bank:
    """A running `mandate serve` with clients, and people who have allowed one of them to act for them."""

    def __init__(self, house, store=None, upstream=None, people=0, cores=None, alg="ES256"):
        self.house, self.folder = house, house.folder("mandate")
        self.issuer, self.api, admin = free_port(), free_port(), free_port()
        platform = fill(HERE / "platform.toml", self.folder, ISSUER=self.issuer, API=self.api, UPSTREAM=upstream or self.api)
        settings = self.folder / "mandate.toml"
        settings.write_text(
            f'data_dir = "mandate-data"\nstore = "{store or "sqlite:mandate-data/mandate.db"}"\n'
            f'[admin]\nlisten = "127.0.0.1:{admin}"\n[log]\nlevel = "warn"\n'
        )
        pinned = {"core": cores} if cores else {}
        self.server = house.start("mandate", [house.mandate, "serve", "--config", settings], cwd=self.folder, **pinned)
        ready = f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{admin}\r\nConnection: close\r\n\r\n".encode()
        self.server.wait_for(lambda: status_of(admin, ready) == 200)
        self.run("apply", platform, "--yes")
        self.server.wait_for(lambda: answers(self.issuer), seconds=60)
        self.service = self.client("service", ["client_credentials"])
        self.opaque = self.client("opaque", ["client_credentials"], access_token="opaque")
        self.asker = self.client("asker", ["client_credentials"], may_introspect=True)
        self.alg = alg
        self.web = self.client("web", ["authorization_code", "refresh_token"], access_token_alg=alg)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.chains = list(pool.map(self.chain, range(people)))

    def run(self, *argv):
        """One of the program's commands; what it prints."""
        argv = [str(part) for part in [self.house.mandate, *argv]]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, env=os.environ | {"MANDATE_PLATFORM": "bench"})
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def create(self, noun, *argv):
        return json.loads(self.run(noun, "create", "--json", *argv))

    def client(self, name, grants, **settings):
        """A client with a secret: the fields that authenticate it."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps({"auth_method": "client_secret_post", "grants": grants} | settings))
        made = self.create("client", "--name", name, "--redirect-uri", REDIRECT, "--scope", SCOPE, "--settings", file,
                           "--licence", "redistribution", "--live-approved")
        return {"client_id": made["client_id"], "client_secret": made["client_secret"]}

    def chain(self, number):
        """A further person with an account, who signs in and allows the app to act: the first refresh token."""
        name, file = f"person-{number}", self.folder / f"password-{number}"
        file.write_text(PASSWORD)
        self.create("user", "--name", name, "--password-file", file)
        self.create("account", "--user", name, "--environment", "live")
        verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.web["client_id"],
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        answer = Browser(name, PASSWORD).redirected(f"{self.url()}/authorize?{urllib.parse.urlencode(asked)}")
        fields = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": REDIRECT,
                  "code_verifier": verifier} | self.web
        with urllib.request.urlopen(f"{self.url()}/token", urllib.parse.urlencode(fields).encode()) as given:
            return json.load(given)["refresh_token"]

    def url(self):
        return f"http://127.0.0.1:{self.issuer}"

    # Plans

    def post(self, path, fields, contains, rows=None, **options):
        host = f"127.0.0.1:{self.issuer}"
        # The places for fields of a row stay as they are.
        body = urllib.parse.urlencode(fields, safe="$")
        return Plan(host, "POST", path, {"Host": host, "Content-Type": FORM}, body, contains, rows or [[]], **options)

    def issue(self, client, **options):
        """A token for a client itself."""
        return self.post("/token", {"grant_type": "client_credentials"} | client, ['"access_token":'], **options)

    def refresh(self, **options):
        """Each connection with a refresh chain of its own; the plan knows where the chains stand."""
        fields = {"grant_type": "refresh_token", "refresh_token": "$0"} | self.web
        contains = ['"access_token":', '"refresh_token":']
        rows = [[token] for token in self.chains]
        return self.post("/token", fields, contains, rows=rows, chain="refresh_token", **options)

    def delegated(self, generator, number):
        """Signed access tokens that people gave to an app, issued here and now."""
        plan = self.refresh(capture="access_token")
        tokens = generator.run(plan, seconds=60, count=number)["captured"]
        self.chains = [row[0] for row in plan.rows]
        return tokens

    def own(self, generator, client, number):
        """Access tokens of a client itself, issued here and now."""
        return generator.run(self.issue(client, capture="access_token"), seconds=60, count=number)["captured"]

    def introspect(self, tokens, **options):
        fields = {"token": "$0"} | self.asker
        rows = [[token] for token in tokens]
        return self.post("/introspect", fields, ['"active":true', '"client_id":'], rows=rows, **options)

    def document(self, path):
        host = f"127.0.0.1:{self.issuer}"
        return Plan(host, "GET", path, {"Host": host}, None, ['"'])

    def quotes(self, tokens, port=None, **options):
        """Licensed data behind the gate, or behind another proxy at `port`."""
        host = f"127.0.0.1:{port or self.api}"
        headers = {"Host": host, "Authorization": "Bearer $0"}
        rows = [[token] for token in tokens]
        return Plan(host, "GET", "/v2/quotes/ABC", headers, None, ['"is_open":true'], rows, **options)

    def open_route(self):
        host = f"127.0.0.1:{self.api}"
        return Plan(host, "GET", "/v2/clock", {"Host": host}, None, ['"is_open":true'])

    # Keys

    def fetch(self, path):
        with urllib.request.urlopen(self.url() + path) as answer:
            return answer.read()

    def key(self):
        """The key that access tokens are signed with, as DER SubjectPublicKeyInfo."""
        key = next(key for key in json.loads(self.fetch("/jwks"))["keys"] if key["alg"] == self.alg)
        if self.alg == "ES256":
            return SPKI + b"\4" + part(key, "x") + part(key, "y")
        rsa = der(0x30, der(0x02, b"\0" + part(key, "n")) + der(0x02, part(key, "e")))
        return der(0x30, RSA + der(0x03, b"\0" + rsa))

    def pem(self):
        """The same as a file that HAProxy reads."""
        text = base64.encodebytes(self.key()).decode()
        file = self.house.folder("key") / "key.pem"
        file.write_text(f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n")
        return file


def part(key, name):
    """A number of a JWK, big-endian."""
    return base64.urlsafe_b64decode(key[name] + "=" * (-len(key[name]) % 4))


def der(tag, content):
    """A DER element (X.690 section 8.1)."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
