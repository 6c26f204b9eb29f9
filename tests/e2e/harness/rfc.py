"""The platform of the RFCs as its callers see it: parties, flows, assertions and proofs made by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from .binary import Cli
from .demo import Demo
from .forms import Browser, Page
from .platform import CALLBACK, FORM, HTTP, Person

EVERYTHING = "openid profile email offline_access accounts quotes"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Json = dict[str, Any]
Fields = dict[str, str]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def digest(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


def claims_of(token: str) -> Json:
    return dict(json.loads(unb64(token.split(".")[1])))


def header_of(token: str) -> Json:
    return dict(json.loads(unb64(token.split(".")[0])))


# -- keys -----------------------------------------------------------------------------------------------------


class Key:
    """A private key that signs any header and any claims, good or bad."""

    def __init__(self, alg: str = "ES256", jwk: Json | None = None) -> None:
        self.alg = alg
        self.kid = (jwk or {}).get("kid")
        self._private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
        if jwk is not None:
            self._private = ec.derive_private_key(number(jwk["d"]), ec.SECP256R1())
        elif alg == "ES256":
            self._private = ec.generate_private_key(ec.SECP256R1())
        elif alg == "EdDSA":
            self._private = ed25519.Ed25519PrivateKey.generate()
        else:
            self._private = rsa.generate_private_key(65537, 2048)

    def public(self) -> Json:
        private = self._private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            point = private.public_key().public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw())}
        modulus = private.public_key().public_numbers()
        return {"kty": "RSA", "n": b64(modulus.n.to_bytes(256, "big")), "e": b64(modulus.e.to_bytes(3, "big"))}

    def private(self) -> Json:
        """Of P-256 keys."""
        assert isinstance(self._private, ec.EllipticCurvePrivateKey)
        return self.public() | {"d": b64(self._private.private_numbers().private_value.to_bytes(32, "big"))}

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        return digest(json.dumps(self.public(), sort_keys=True, separators=(",", ":")))

    def sign(self, header: Json, claims: Json) -> str:
        text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        private = self._private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            r, s = utils.decode_dss_signature(private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        elif isinstance(private, ed25519.Ed25519PrivateKey):
            signature = private.sign(text.encode())
        else:
            signature = private.sign(text.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return f"{text}.{b64(signature)}"


# -- what is said about an exchange ---------------------------------------------------------------------------


def said(answer: requests.Response) -> str:
    """Request and answer, for the message of an expectation that fails."""
    request = answer.request
    sent = "".join(f"{name}: {value!s}\n" for name, value in request.headers.items() if name not in ("User-Agent", "Accept-Encoding"))
    body = request.body.decode(errors="replace") if isinstance(request.body, bytes) else str(request.body or "")
    received = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    return f"\n> {request.method} {request.url}\n{sent}\n{body}\n\n< {answer.status_code}\n{received}\n{answer.text[:3000]}"


def ok(answer: requests.Response, status: int = 200) -> Json:
    assert answer.status_code == status, f"{status} was expected{said(answer)}"
    found: Json = answer.json()
    return found


def denied(answer: requests.Response, status: int, error: str, *causes: str) -> Json:
    """RFC 6749 section 5.2: status, error code, and what this server adds to every refusal."""
    body = ok(answer, status)
    assert body.get("error") == error, f"error {error} was expected{said(answer)}"
    assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+", body["error_description"]), said(answer)
    cause = answer.headers.get("Mandate-Cause")
    assert cause and cause == body["cause"] and answer.headers.get("Mandate-Decision") == body["decision_id"], said(answer)
    assert not causes or cause in causes, f"cause {' or '.join(causes)} was expected{said(answer)}"
    assert "no-store" in answer.headers.get("Cache-Control", ""), said(answer)
    if status == 401:
        assert "WWW-Authenticate" in answer.headers, f"RFC 9110 section 11.6.1: a 401 has a challenge{said(answer)}"
    return body


def challenged(answer: requests.Response, error: str, cause: str | None = None, scheme: str = "Bearer") -> None:
    """RFC 6750 section 3, RFC 9449 section 7.1: what a protected resource says to a bad token."""
    assert answer.status_code == 401, f"401 was expected{said(answer)}"
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert re.search(rf"\b{scheme}\b", challenge) and f'error="{error}"' in challenge, f"{scheme} error={error} was expected{said(answer)}"
    assert cause is None or answer.headers.get("Mandate-Cause") == cause, f"cause {cause} was expected{said(answer)}"


def page_denied(page: Page, error: str, cause: str, status: int = 400) -> None:
    """A page in place of a redirect, or the redirect with an error: what a browser gets to see."""
    about = f"\n{page.url}\n< {page.status} {dict(page.headers)}\n{page.text[:800]}"
    if page.location is not None:
        assert page.answer.get("error") == error and page.answer.get("cause") == cause, f"{error} ({cause}) was expected{about}"
    else:
        assert page.status == status and page.has("error"), f"an error page was expected{about}"
        assert page.headers.get("Mandate-Cause") == cause, f"cause {cause} was expected{about}"


def answer_form(page: Page) -> tuple[str, Fields]:
    """The page that posts itself (OAuth 2.0 Form Post Response Mode): where to, and what."""
    about = f"{page.url}\n< {page.status} {dict(page.headers)}\n{page.text[:800]}"
    assert page.status == 200 and page.has("answer-send"), f"no form that posts itself\n{about}"
    (form,) = page.forms
    assert form.attributes["method"].lower() == "post", about
    names = [given["name"] for given in form.inputs]
    assert len(names) == len(set(names)), f"a field stands twice\n{about}"
    return form.attributes["action"], {given["name"]: given["value"] for given in form.inputs}


# -- parties --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Party:
    """A client of the sheet."""

    role: str
    id: str
    method: str
    secret: str = ""
    jwk: Json | None = None
    redirect_uri: str = CALLBACK
    strict: bool = False

    @property
    def key(self) -> Key:
        assert self.jwk is not None
        return Key("ES256", self.jwk)


@dataclass(frozen=True)
class Code:
    """An authorization code and what its redemption needs."""

    code: str
    verifier: str | None
    redirect_uri: str


class Operated(Protocol):
    """What runs the platform: a demo, or nodes that were set up with the commands."""

    @property
    def cli(self) -> Cli: ...

    @property
    def advance(self) -> Callable[[float], None]: ...

    def now(self) -> str: ...


Door = tuple[str, str | None]
"""Where a node serves an origin, and under which Host."""


@dataclass
class Bank:
    demo: Operated
    issuer: str
    api: str
    parties: dict[str, Party]
    people: dict[str, Person]
    subjects: dict[str, str]
    browsers: dict[str, Browser] = field(default_factory=dict)
    doors: Callable[[str], list[Door]] = lambda origin: [(origin, None)]
    """An origin at each node."""
    platform: str = "rfc"

    @classmethod
    def of(cls, demo: Demo) -> Bank:
        sheet = demo.sheet["platforms"]["rfc"]
        parties = [
            Party(
                given["role"],
                given["client_id"],
                given["auth_method"],
                given.get("client_secret", ""),
                given.get("jwk"),
                (given.get("redirect_uris") or [CALLBACK])[0],
                given.get("profile") == "fapi2",
            )
            for given in sheet["clients"]
        ]
        people = [
            Person(user["name"], user["password"], {account["environment"]: account["id"] for account in user["accounts"]})
            for user in sheet["users"]
        ]
        return cls(
            demo,
            sheet["issuer"],
            sheet["environments"]["live"]["api"],
            {party.role: party for party in parties},
            {person.name: person for person in people},
            {user["name"]: user.get("sub", "") for user in sheet["users"]},
        )

    def __getitem__(self, role: str) -> Party:
        return self.parties[role]

    def register(self, folder: Path, role: str, settings: Json, scope: str = EVERYTHING) -> Party:
        """One more client, made with the commands, with a secret or key of its own if its settings want one."""
        method, jwk = settings.get("auth_method", "client_secret_basic"), None
        if method == "private_key_jwt":
            key = Key()
            jwk = key.private()
            settings = settings | {"jwks": json.dumps({"keys": [key.public()]})}
        file = folder / f"{role}.json"
        file.write_text(json.dumps(settings))
        arguments = ["--platform", self.platform, "--name", f"Sample {role}", "--scope", scope, "--redirect-uri", CALLBACK]
        made = self.demo.cli.json("client", "create", *arguments, "--live-approved", "--settings", str(file))
        secret, strict = made.get("client_secret") or "", settings.get("profile") == "fapi2"
        self.parties[role] = Party(role, made["client_id"], method, secret, jwk, CALLBACK, strict)
        return self.parties[role]

    def now(self) -> int:
        return int(datetime.fromisoformat(self.demo.now().replace("Z", "+00:00")).timestamp())

    def skew(self) -> int:
        """How far the demo's clock is ahead of the machine's."""
        ahead = self.now() - int(time.time())
        return ahead if abs(ahead) > 2 else 0

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        return HTTP.request(method, url, allow_redirects=False, timeout=60, **options)

    # -- the browser's part -----------------------------------------------------------------------------------

    def browser(self, name: str = "alice") -> Browser:
        """A person's browser, the same in all of a file's flows."""
        return self.browsers.setdefault(name, Browser())

    def page(self, url: str, browser: Browser | None = None, person: str = "alice") -> Page:
        """Opens an address, signs in where that is asked for: the consent page, an error page, or the redirect."""
        browser = browser or self.browser(person)
        page = browser.get(url)
        if page.location is None and page.path == "/login" and not page.has("error"):
            who = self.people[person]
            page = browser.submit(page, "login-submit", {"username": who.name, "password": who.password})
        return page

    def follow(self, url: str, browser: Browser | None = None, button: str = "consent-allow", person: str = "alice") -> str:
        """From an authorization request to the redirect that leaves the server."""
        browser = browser or self.browser(person)
        page = self.page(url, browser, person)
        if page.location is None and page.has(button):
            page = browser.submit(page, button)
        assert page.location is not None, f"no redirect\n{url}\n-> {page.url}\n< {page.status} {dict(page.headers)}\n{page.text[:1000]}"
        return page.location

    def follow_form(self, url: str, browser: Browser | None = None, button: str = "consent-allow", person: str = "alice") -> tuple[str, Fields]:
        """From an authorization request to the page that posts itself: where to, and what."""
        browser = browser or self.browser(person)
        page = self.page(url, browser, person)
        if page.has(button):
            page = browser.submit(page, button)
        return answer_form(page)

    def request(self, party: Party, **changes: str | None) -> Fields:
        """An authorization request's parameters, without PKCE."""
        fields = {
            "response_type": "code",
            "client_id": party.id,
            "redirect_uri": party.redirect_uri,
            "scope": EVERYTHING,
            "state": secrets.token_urlsafe(8),
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    def authorize_url(self, party: Party, **changes: str | None) -> str:
        return self.url_of(self.request(party, **changes))

    def url_of(self, fields: Fields) -> str:
        return f"{self.issuer}/authorize?{urlencode(fields)}"

    def code(self, party: Party, *, pkce: bool = True, pushed: bool | None = None, person: str = "alice", **changes: str | None) -> Code:
        verifier = secrets.token_urlsafe(32) if pkce else None
        challenge = {"code_challenge": digest(verifier), "code_challenge_method": "S256"} if verifier else {}
        fields = self.request(party, **(challenge | changes))
        if party.strict if pushed is None else pushed:
            fields = self.pushed(party, fields)
        answer = parse_qs(urlsplit(self.follow(self.url_of(fields), person=person)).query)
        assert "code" in answer, answer
        assert answer["iss"] == [self.issuer], answer
        return Code(answer["code"][0], verifier, changes.get("redirect_uri") or party.redirect_uri)

    def pushed(self, party: Party, fields: Fields, proof: str | None = None) -> Fields:
        body = ok(self.post("/par", party, fields, proof), 201)
        return {"client_id": party.id, "request_uri": body["request_uri"]}

    def decide_device(self, typed: str, button: str = "consent-allow") -> Page:
        """RFC 8628 section 3.3, the person's part: types the code, signs in where that is asked for, decides."""
        browser = self.browser()
        page = browser.submit(browser.get(f"{self.issuer}/device"), "device-submit", {"user_code": typed})
        if page.path == "/login":
            alice = self.people["alice"]
            page = browser.submit(page, "login-submit", {"username": alice.name, "password": alice.password})
        return browser.submit(page, button) if page.has(button) else page

    # -- endpoints --------------------------------------------------------------------------------------------

    def assertion(self, party: Party, *, header: Json | None = None, key: Key | None = None, **changes: Any) -> str:
        """RFC 7523 section 3; a claim of None is left out."""
        now = self.now()
        claims = {"iss": party.id, "sub": party.id, "aud": self.issuer, "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + 60}
        key = key or party.key
        kid = {"kid": key.kid} if key.kid else {}
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return key.sign({"alg": key.alg} | kid | (header or {}), kept)

    def proof(self, key: Key, method: str, url: str, token: str | None = None, *, header: Json | None = None, **changes: Any) -> str:
        """RFC 9449 section 4.2."""
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": self.now()}
        if token is not None:
            claims["ath"] = digest(token)
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return key.sign({"typ": "dpop+jwt", "alg": key.alg, "jwk": key.public()} | (header or {}), kept)

    def credentials(self, party: Party) -> tuple[Fields, Fields]:
        """Headers and fields of a client's own way of authentication."""
        if party.method == "client_secret_basic":
            pair = f"{quote(party.id, safe='')}:{quote(party.secret, safe='')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
        if party.method == "client_secret_post":
            return {}, {"client_id": party.id, "client_secret": party.secret}
        if party.method == "private_key_jwt":
            return {}, {"client_id": party.id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(party)}
        return {}, {"client_id": party.id}

    def ready(self, party: Party | None, fields: Fields, proof: str | None = None) -> tuple[Fields, bytes]:
        """Headers and body of a request to an endpoint. What `fields` holds wins over the client's own credentials."""
        headers, own = self.credentials(party) if party else ({}, {})
        headers = headers | FORM | ({"DPoP": proof} if proof else {})
        return headers, urlencode(own | fields).encode()

    def post(self, path: str, party: Party | None, fields: Fields, proof: str | None = None) -> requests.Response:
        headers, body = self.ready(party, fields, proof)
        return self.call("POST", f"{self.issuer}{path}", headers=headers, data=body)

    def token(self, party: Party | None, proof: str | None = None, **fields: str | None) -> requests.Response:
        return self.post("/token", party, {name: value for name, value in fields.items() if value is not None}, proof)

    def token_proof(self, key: Key, **changes: Any) -> str:
        return self.proof(key, "POST", f"{self.issuer}/token", **changes)

    def code_fields(self, code: Code, **changes: str | None) -> Fields:
        fields = {
            "grant_type": "authorization_code",
            "code": code.code,
            "redirect_uri": code.redirect_uri,
            "code_verifier": code.verifier,
        } | changes
        return {name: value for name, value in fields.items() if value is not None}

    def redeem(self, party: Party, code: Code, proof: str | None = None, **changes: str | None) -> requests.Response:
        return self.token(party, proof, **self.code_fields(code, **changes))

    def refresh(self, party: Party, token: str, proof: str | None = None, **changes: str | None) -> requests.Response:
        fields = {"grant_type": "refresh_token", "refresh_token": token} | changes
        return self.token(party, proof, **fields)

    def tokens(self, party: Party, key: Key | None = None, **changes: Any) -> Json:
        """The whole flow."""
        proof = self.token_proof(key) if key else None
        return ok(self.redeem(party, self.code(party, **changes), proof))

    def own_token(self, party: Party, **fields: str | None) -> requests.Response:
        return self.token(party, **({"grant_type": "client_credentials"} | fields))

    def introspect(self, token: str, asker: Party | None = None) -> Json:
        return ok(self.post("/introspect", asker or self["api"], {"token": token}))

    def active(self, token: str) -> bool:
        return bool(self.introspect(token)["active"])

    def revoke(self, party: Party, token: str, **fields: str) -> requests.Response:
        return self.post("/revoke", party, {"token": token} | fields)

    # -- protected resources ----------------------------------------------------------------------------------

    def accounts(self, token: str, *, scheme: str = "Bearer", proof: str | None = None, query: str = "") -> requests.Response:
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        return self.call("GET", f"{self.api}/accounts{query}", headers=headers)

    def accounts_proven(self, token: str, key: Key, **changes: Any) -> requests.Response:
        proof = self.proof(key, "GET", f"{self.api}/accounts", token, **changes)
        return self.accounts(token, scheme="DPoP", proof=proof)

    def userinfo(self, token: str, *, scheme: str = "Bearer", proof: str | None = None) -> requests.Response:
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        return self.call("GET", f"{self.issuer}/userinfo", headers=headers)

    def metadata(self) -> Json:
        return ok(self.call("GET", f"{self.issuer}/.well-known/openid-configuration"))


def with_secret(party: Party, secret: str) -> Party:
    return replace(party, secret=secret)
