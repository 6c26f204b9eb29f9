"""Where an issuer's endpoints are: given, or read from its metadata (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .answer import PASSING_STATUS, Final, Garbled, Passing
from .core import Core
from .effects import Flow, now, send
from .message import Lost, NotSent, Request


@dataclass(frozen=True)
class Endpoints:
    """The addresses of one issuer."""

    issuer: str | None
    token: str
    authorization: str | None = None
    device: str | None = None
    revocation: str | None = None
    pushed: str | None = None
    pushed_required: bool = False
    iss_announced: bool = False
    #: the metadata name client_secret_post and not client_secret_basic
    secret_in_body: bool = False


def metadata_addresses(issuer: str) -> list[str]:
    """The places of an issuer's metadata: RFC 8414 3.1 (its path behind), the same with its path before (some issuers have it
    so), and OpenID Connect Discovery 4."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    behind = parts._replace(path=f"/.well-known/oauth-authorization-server{path}", query="", fragment="").geturl()
    before = issuer.rstrip("/") + "/.well-known/"
    places = [behind, before + "oauth-authorization-server", before + "openid-configuration"]
    return list(dict.fromkeys(places))


def endpoints(core: Core) -> Flow[Endpoints | Passing | Garbled | Final]:
    """The endpoints; read once, at first need."""
    if core.endpoints is not None:
        return core.endpoints
    given = core.settings
    made = Endpoints(
        given.issuer, given.token_endpoint or "", given.authorization_endpoint, given.device_endpoint, given.revocation_endpoint, given.pushed_endpoint
    )
    missing = not made.token
    missing = missing or (given.grant == "authorization_code" and not made.authorization) or (given.grant == "device" and not made.device)
    if missing and given.issuer is not None:
        found = yield from _read(core, given.issuer)
        if not isinstance(found, dict):
            return found
        texts = {name: value for name, value in found.items() if isinstance(value, str)}
        made = replace(
            made,
            token=made.token or texts.get("token_endpoint", ""),
            authorization=made.authorization or texts.get("authorization_endpoint"),
            device=made.device or texts.get("device_authorization_endpoint"),
            revocation=made.revocation or texts.get("revocation_endpoint"),
            pushed=made.pushed or texts.get("pushed_authorization_request_endpoint"),
            pushed_required=found.get("require_pushed_authorization_requests") is True,
            iss_announced=found.get("authorization_response_iss_parameter_supported") is True,
            secret_in_body=_secret_in_body(found.get("token_endpoint_auth_methods_supported")),
        )
        for url in (made.token, made.authorization, made.device, made.revocation, made.pushed):
            if url and not given.secure(url):
                return Final("", None, "the metadata names an address that secrets must not go to")
    if not made.token:
        return Final("", None, "the metadata names no token endpoint")
    core.endpoints = made
    return made


def _secret_in_body(methods: object) -> bool:
    return isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods


def _read(core: Core, issuer: str) -> Flow[dict[str, object] | Passing | Garbled | Final]:
    status = 0
    for url in metadata_addresses(issuer):
        sent = yield from now()
        try:
            answer = yield from send(Request("GET", url, {"Accept": "application/json"}))
        except (NotSent, Lost) as error:
            return Passing(f"metadata: {error}", None)
        core.learn(sent, (yield from now()), answer)
        status = answer.status
        if status >= 500 or status in PASSING_STATUS:
            return Passing(f"metadata: {status}", answer.headers.get("retry-after"))
        if status == 200:
            found = answer.json()
            if not found:
                return Garbled("metadata: not a JSON object")
            if found.get("issuer") != issuer:
                return Final("", None, "the metadata is that of another issuer (RFC 8414 3.3)")
            return found
    return Final("", None, f"the issuer's metadata cannot be read: {status}")
