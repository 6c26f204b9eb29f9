"""The model of an issuer and its API: small, strict, and with settings for what real ones do differently."""

import base64
import dataclasses
import hashlib
import hmac
import html
import json
import secrets
import urllib.parse

import signed

FORMS = {"token", "device", "revoke", "par"}

# Settings of `issuer`, with what counts if one is absent.
DEFAULTS = {
    "access_seconds": 600,
    "expires_in": "number",          # "number", "text", "absent", or any other JSON: sent as it is
    "refresh_in": None,              # sent as it is
    "refresh": "idempotent",         # "idempotent", "strict", "static", "none"
    "refresh_seconds": None,         # lifetime of refresh tokens
    "rotation_omits": False,         # "static" only: the answer to a refresh names no refresh token
    "token_type": "Bearer",          # what the answer says; null: nothing
    "scope_in_answer": True,
    "scope": None,                   # what is granted, whatever was asked for
    "client_id": "app",
    "client_secret": "s3cret",
    "client_jwk": None,              # public key for private_key_jwt
    "assertion_audience": None,      # what `aud` of assertions must be, instead of its own address
    "username": "GE-A-1", "password": "p4ss-of-person",
    "refresh_token": "given-refresh",  # a refresh token that is good at the start
    "access_token": "given-access",    # an access token that is good at the start
    "key_id": "PKTEST", "key_secret": "k3y-of-program",
    "dpop_nonces": False,            # the issuer wants nonces
    "api_nonces": False,             # the API too
    "api_causes": True,              # the API names causes; otherwise a bare 401
    "issuer_in_metadata": None,      # what the metadata says instead of its own address
    "metadata": "oauth",             # "oauth", "appended" and "openid" (only the second or the third address answers), "none"
    "auth_methods": None,            # token_endpoint_auth_methods_supported; None: absent
    "pushed_required": False,
    "iss_in_callback": True,
    "device_interval": 5,
    "device_seconds": 600,
    "scopes": {},                    # API path -> scope that it needs
    "token_delay_ms": 0,             # real time before the answer of the token endpoint, after it is done
    "log_calls": True,               # whether calls of the API are logged
}


@dataclasses.dataclass
class Heard:
    """A request, read."""

    to: str
    method: str
    path: str
    query: str
    body: bytes
    headers: dict
    form: dict
    pairs: list
    path_behind: bool = False
    """The issuer's path stood behind the well-known one (RFC 8414 3.1)."""


@dataclasses.dataclass
class Said:
    """An answer."""

    status: int
    headers: dict
    content: bytes


def said(status: int, body: object, **headers: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, {"Content-Type": "application/json", "Cache-Control": "no-store", **named}, json.dumps(body).encode())


def refused(error: str, description: str = "", status: int = 400, cause: str | None = None, **headers: str) -> Said:
    body = {"error": error}
    if description:
        body["error_description"] = description
    if cause:
        body["cause"] = cause
        body["decision_id"] = "d_" + cause.replace(".", "_")
        headers["Mandate_Cause"] = cause
    return said(status, body, **headers)


def endpoint_of(path: str) -> str:
    """The name that the log and the faults have for a path."""
    first = path.split("/")[1]
    if first == ".well-known":
        return "metadata"
    return first if first in ("token", "api", "device", "revoke", "par") else "page"


class Refused(Exception):
    """Carries the answer that refuses."""

    def __init__(self, answer: Said):
        super().__init__(answer.status)
        self.answer = answer


def once(heard: Heard) -> None:
    """Refuses a parameter that is given twice (RFC 6749 3.2)."""
    names = [name for name, _ in heard.pairs]
    twice = {n for n in names if names.count(n) > 1 and n != "resource"}
    if twice:
        raise Refused(refused("invalid_request", f"parameters given twice: {sorted(twice)}"))


class Issuer:
    """Issuer and API of one scenario. All calls are made under the scenario's lock."""

    def __init__(self, scenario, given: dict):
        unknown = set(given) - set(DEFAULTS)
        if unknown:
            raise ValueError(f"unknown settings of the issuer: {sorted(unknown)}")
        self.scenario = scenario
        self.set = DEFAULTS | given
        self.access: dict[str, dict] = {}
        self.chains: dict[str, dict] = {}
        self.codes: dict[str, dict] = {}
        self.devices: dict[str, dict] = {}
        self.pushed: dict[str, dict] = {}
        self.seen_jti: set[str] = set()
        self.nonce = 1
        self.displaced = False
        self.secrets = {self.set[k] for k in ("client_secret", "password", "key_secret", "refresh_token", "access_token")} - {None}
        chain = self.chain("given", None)
        chain["current"] = self.set["refresh_token"]
        self.access[self.set["access_token"]] = self.token_facts(chain, None)

    # -- orders of the runner

    def made(self) -> dict:
        return {}

    def advanced(self, ms: int) -> None:
        pass

    def ordered(self, op: str, asked: dict) -> dict:
        if op == "set":
            unknown = set(asked) - set(DEFAULTS) - {"op"}
            if unknown:
                raise ValueError(f"unknown settings of the issuer: {sorted(unknown)}")
            self.set.update({k: v for k, v in asked.items() if k != "op"})
        elif op == "restart":
            self.access.clear()
        elif op == "forget_all":
            self.access.clear(), self.chains.clear(), self.codes.clear()
        elif op == "revoke":
            what = asked["what"]
            if what not in ("access", "refresh", "all"):
                raise ValueError(f"revoke what? {what!r}")
            if what in ("access", "all"):
                for token in self.access.values():
                    token["ended"] = "token.revoked"
            if what in ("refresh", "all"):
                for chain in self.chains.values():
                    chain["ended"] = "refresh.ended"
        elif op == "displace":
            for token in self.access.values():
                token["ended"] = "session.displaced"
            for chain in self.chains.values():
                chain["ended"] = "session.displaced"
        elif op == "scopes":
            self.set["scopes"] = self.set["scopes"] | {asked["path"]: asked["scope"]}
        elif op in ("approve", "deny"):
            for device in self.devices.values():
                device["status"] = op
        else:
            raise ValueError(f"unknown order {op!r}")
        return {}

    @property
    def delay_ms(self) -> int:
        return self.set["token_delay_ms"]

    @property
    def logs_calls(self) -> bool:
        return self.set["log_calls"]

    # -- what it answers

    @property
    def now(self) -> int:
        return self.scenario.now_ms

    def answer(self, heard: Heard) -> Said:
        try:
            handler = getattr(self, "at_" + heard.to)
            return handler(heard)
        except Refused as refusal:
            return refusal.answer

    def at_metadata(self, heard: Heard) -> Said:
        kind = "openid" if heard.path.endswith("openid-configuration") else "oauth" if heard.path_behind else "appended"
        if self.set["metadata"] != kind:
            return said(404, {"error": "not found"})
        base = self.scenario.base
        return said(200, {
            "issuer": self.set["issuer_in_metadata"] or base,
            "token_endpoint": base + "/token", "authorization_endpoint": base + "/authorize",
            "device_authorization_endpoint": base + "/device", "revocation_endpoint": base + "/revoke",
            "pushed_authorization_request_endpoint": base + "/par",
            "require_pushed_authorization_requests": self.set["pushed_required"],
            "authorization_response_iss_parameter_supported": self.set["iss_in_callback"],
            "code_challenge_methods_supported": ["S256"],
            **({} if self.set["auth_methods"] is None else {"token_endpoint_auth_methods_supported": self.set["auth_methods"]}),
        })

    def at_page(self, heard: Heard) -> Said:
        if heard.path != "/authorize":
            return said(404, {"error": "not found"})
        asked = dict(urllib.parse.parse_qsl(heard.query))
        if "request_uri" in asked:
            asked = self.pushed.pop(asked["request_uri"], {})
        elif self.set["pushed_required"]:
            return said(400, {"error": "invalid_request", "error_description": "the request must be pushed"})
        for needed in ("client_id", "redirect_uri", "state", "code_challenge"):
            if not asked.get(needed):
                return said(400, {"error": "invalid_request", "error_description": f"{needed} is missing"})
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return said(400, {"error": "invalid_request"})
        as_ = asked.get("as") or dict(urllib.parse.parse_qsl(heard.query)).get("as") or "allow"
        back = {"state": asked["state"] + ("x" if as_ == "wrong_state" else "")}
        if self.set["iss_in_callback"]:
            back["iss"] = self.scenario.base + ("/other" if as_ == "wrong_issuer" else "")
        if as_ == "deny":
            back["error"] = "access_denied"
        else:
            code = secrets.token_urlsafe(24)
            self.secrets.add(code)
            self.codes[code] = {"asked": asked, "ends": self.now + 60_000, "answer": None}
            back["code"] = code
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        where = asked["redirect_uri"] + joint + urllib.parse.urlencode(back)
        text = f'<!doctype html><title>Signed in</title><a href="{html.escape(where)}">back</a>'
        return Said(302, {"Location": where, "Content-Type": "text/html"}, text.encode())

    def at_par(self, heard: Heard) -> Said:
        once(heard)
        self.client(heard)
        name = "urn:ietf:params:oauth:request_uri:" + secrets.token_urlsafe(16)
        self.pushed[name] = dict(heard.form)
        return said(201, {"request_uri": name, "expires_in": 60})

    def at_device(self, heard: Heard) -> Said:
        once(heard)
        self.client(heard)
        code = secrets.token_urlsafe(24)
        self.secrets.add(code)
        self.devices[code] = {
            "status": "pending", "ends": self.now + self.set["device_seconds"] * 1000, "last": None,
            "interval": self.set["device_interval"] or 5, "scope": heard.form.get("scope"), "chain": None,
        }
        body = {"device_code": code, "user_code": "BDWP-HQPK", "verification_uri": self.scenario.base + "/go",
                "verification_uri_complete": self.scenario.base + "/go?user_code=BDWP-HQPK", "expires_in": self.set["device_seconds"]}
        if self.set["device_interval"] is not None:
            body["interval"] = self.set["device_interval"]
        return said(200, body)

    def at_revoke(self, heard: Heard) -> Said:
        self.client(heard)
        given = heard.form.get("token", "")
        if given in self.access:
            self.access[given]["ended"] = "token.revoked"
        for chain in self.chains.values():
            if given and given in (chain["current"], chain["previous"]):
                chain["ended"] = "refresh.ended"
        return said(200, {})

    def at_token(self, heard: Heard) -> Said:
        if heard.method != "POST":
            return refused("invalid_request", "POST is needed")
        once(heard)
        if not heard.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return refused("invalid_request", "a form is needed")
        bound = self.proof(heard, self.scenario.base + "/token", None, self.set["dpop_nonces"])
        self.client(heard)
        grant = heard.form.get("grant_type", "")
        ways = {
            "client_credentials": self.by_client, "password": self.by_password, "authorization_code": self.by_code,
            "refresh_token": self.by_refresh, "urn:ietf:params:oauth:grant-type:device_code": self.by_device,
        }
        if grant not in ways:
            return refused("unsupported_grant_type")
        return ways[grant](heard, bound)

    def at_api(self, heard: Heard) -> Said:
        path = heard.path[len("/api"):] or "/"
        form = heard.headers.get("authorization", "")
        scheme, _, token = form.partition(" ")
        if heard.headers.get("apca-api-key-id"):
            good = heard.headers["apca-api-key-id"] == self.set["key_id"] and heard.headers.get("apca-api-secret-key") == self.set["key_secret"]
            return said(200, {"path": path, "as": "key"}) if good else self.unauthorized("credential.rejected")
        if scheme not in ("Bearer", "DPoP") or not token:
            return self.unauthorized("credential.missing")
        held = self.access.get(token)
        if held is None:
            return self.unauthorized("credential.rejected")
        if held["ended"]:
            return self.unauthorized(held["ended"])
        if held["ends"] is not None and self.now >= held["ends"]:
            return self.unauthorized("token.expired")
        if (held["bound"] is not None) != (scheme == "DPoP"):
            return self.unauthorized("dpop.missing" if held["bound"] else "credential.rejected")
        if held["bound"] is not None:
            url = self.scenario.base + heard.path
            shown = self.proof(heard, url, token, self.set["api_nonces"])
            if shown != held["bound"]:
                return self.unauthorized("dpop.key_mismatch")
        needed = self.set["scopes"].get(path)
        if needed and needed not in held["scope"].split():
            body = {"message": "token is not authorized for this scope", "cause": "scope.missing", "decision_id": "d_scope",
                    "error_uri": self.scenario.base + "/explain/d_scope", "who_can_act": "caller",
                    "remedy": f"Ask for {needed} and sign in again.",
                    "facts": {"scopes_needed": needed, "scopes_held": held["scope"].split()}}
            challenge = f'Bearer realm="api", error="insufficient_scope", scope="{needed}", cause="scope.missing", decision_id="d_scope"'
            return said(403, body, WWW_Authenticate=challenge, Mandate_Cause="scope.missing", Mandate_Decision="d_scope")
        length = len(heard.body)
        return said(200, {"path": path, "method": heard.method, "length": length, "scope": held["scope"], "token": held["number"]})

    def unauthorized(self, cause: str) -> Said:
        if not self.set["api_causes"]:
            return Said(401, {"Content-Type": "text/plain", "WWW-Authenticate": "Bearer"}, b"unauthorized")
        text = {"token.expired": "token expired", "credential.missing": "forbidden."}.get(cause, "request is not authorized")
        body = {"message": text, "code": 40110000, "cause": cause, "decision_id": "d_" + cause.replace(".", "_"),
                "error_uri": self.scenario.base + "/explain/d"}
        challenge = f'Bearer realm="api", error="invalid_token", error_description="{text}", cause="{cause}"'
        return said(401, body, WWW_Authenticate=challenge, Mandate_Cause=cause, Mandate_Decision=body["decision_id"])

    # -- who asks

    def client(self, heard: Heard) -> None:
        """Authenticates the client, in the one way that it uses."""
        form, wanted = heard.form, self.set["client_id"]
        basic = heard.headers.get("authorization", "")
        wrong = Refused(refused("invalid_client", "client authentication failed", 401, cause="client.rejected"))
        if "client_assertion" in form:
            if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                raise wrong
            problem = signed.assertion(form["client_assertion"], self.set["client_jwk"], wanted,
                                       self.audiences(), self.now // 1000, self.seen_jti)
            if problem:
                raise Refused(refused("invalid_client", problem, 401, cause="assertion.invalid"))
            return
        if basic.startswith("Basic "):
            try:
                name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            except ValueError:
                raise wrong from None
            name, secret = urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)
            if "client_secret" in form or form.get("client_id", name) != name:
                raise Refused(refused("invalid_request", "the client authenticates twice"))
        else:
            name, secret = form.get("client_id", ""), form.get("client_secret")
        if name != wanted:
            raise wrong
        expected = self.set["client_secret"]
        if expected is None:
            return
        if secret is None or not hmac.compare_digest(secret.encode(), expected.encode()):
            raise wrong

    def audiences(self) -> set:
        """Whom an assertion may be meant for."""
        named = self.set["assertion_audience"]
        return {named} if named else {self.scenario.base, self.scenario.base + "/token"}

    def proof(self, heard: Heard, url: str, token: str | None, nonces: bool) -> str | None:
        """The thumbprint of the key of a DPoP proof, or None where there is none."""
        text = heard.headers.get("dpop")
        if text is None:
            return None
        thumb, problem = signed.proof(text, heard.method, url, token, self.now // 1000, self.seen_jti,
                                      f"nonce-{self.nonce}" if nonces else None)
        if problem == "nonce":
            fresh = {"DPoP_Nonce": f"nonce-{self.nonce}"}
            if token is None:
                raise Refused(refused("use_dpop_nonce", "a nonce is needed", **fresh))
            raise Refused(said(401, {"message": "use_dpop_nonce"}, WWW_Authenticate='DPoP error="use_dpop_nonce"', **fresh))
        if problem:
            if token is None:
                raise Refused(refused("invalid_dpop_proof", problem, cause="dpop.invalid"))
            raise Refused(said(401, {"message": problem, "cause": "dpop.invalid"}, WWW_Authenticate='DPoP error="invalid_dpop_proof"'))
        return thumb

    # -- grants

    def chain(self, scope: str | None, bound: str | None) -> dict:
        chain = {"current": None, "previous": None, "answered": False, "scope": scope or "", "bound": bound, "ended": None, "ends": None}
        self.chains[secrets.token_hex(8)] = chain
        return chain

    def token_facts(self, chain: dict | None, bound: str | None) -> dict:
        seconds = self.set["access_seconds"]
        return {"ends": None if seconds is None else self.now + int(seconds * 1000), "ended": None, "bound": bound, "chain": chain,
                "scope": (self.set["scope"] if self.set["scope"] is not None else chain["scope"] if chain else "") or "", "number": len(self.access)}

    def issue(self, chain: dict | None, bound: str | None, scope: str, with_refresh: bool, rotated: bool = False) -> Said:
        token = secrets.token_urlsafe(24)
        self.secrets.add(token)
        facts = self.access[token] = self.token_facts(chain, bound)
        if chain is None and self.set["scope"] is None:
            facts["scope"] = scope
        body = {"access_token": token}
        kind = self.set["token_type"]
        if kind is not None:
            body["token_type"] = "DPoP" if bound and kind == "Bearer" else kind
        if self.set["expires_in"] == "number":
            body["expires_in"] = self.set["access_seconds"]
        elif self.set["expires_in"] == "text":
            body["expires_in"] = str(self.set["access_seconds"])
        elif self.set["expires_in"] != "absent":
            body["expires_in"] = self.set["expires_in"]
        if self.set["refresh_in"] is not None:
            body["refresh_in"] = self.set["refresh_in"]
        if self.set["scope_in_answer"]:
            body["scope"] = facts["scope"]
        if with_refresh and chain is not None and not (rotated and self.set["rotation_omits"]):
            body["refresh_token"] = chain["current"]
            self.secrets.add(chain["current"])
        fresh = {"DPoP_Nonce": f"nonce-{self.nonce}"} if self.set["dpop_nonces"] else {}
        return said(200, body, **fresh)

    def started(self, scope: str, bound: str | None) -> Said:
        """A chain's first tokens."""
        if self.set["refresh"] == "none":
            return self.issue(None, bound, scope, False)
        chain = self.chain(scope, bound)
        chain["current"] = secrets.token_urlsafe(24)
        chain["ends"] = self.refresh_end()
        return self.issue(chain, bound, scope, True)

    def refresh_end(self) -> int | None:
        seconds = self.set["refresh_seconds"]
        return None if seconds is None else self.now + int(seconds * 1000)

    def by_client(self, heard: Heard, bound: str | None) -> Said:
        return self.issue(None, bound, heard.form.get("scope", ""), False)

    def by_password(self, heard: Heard, bound: str | None) -> Said:
        form = heard.form
        if form.get("username") != self.set["username"] or form.get("password") != self.set["password"]:
            return refused("invalid_grant", "wrong name or password", cause="password.rejected")
        return self.started(form.get("scope", ""), bound)

    def by_code(self, heard: Heard, bound: str | None) -> Said:
        form = heard.form
        code = self.codes.get(form.get("code", ""))
        if code is None or self.now >= code["ends"]:
            return refused("invalid_grant", "the code is not good", cause="code.invalid")
        asked = code["asked"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if challenge != asked["code_challenge"]:
            return refused("invalid_grant", "the verifier is wrong", cause="pkce.verifier_mismatch")
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return refused("invalid_grant", "another redirect_uri", cause="code.redirect_mismatch")
        if code["answer"] is None:
            code["answer"] = self.started(asked.get("scope", ""), bound)
        return code["answer"]

    def by_device(self, heard: Heard, bound: str | None) -> Said:
        device = self.devices.get(heard.form.get("device_code", ""))
        if device is None:
            return refused("invalid_grant", cause="device.invalid")
        if self.now >= device["ends"]:
            return refused("expired_token", cause="device.expired")
        last, device["last"] = device["last"], self.now
        if last is not None and self.now - last < device["interval"] * 1000:
            device["interval"] += 5
            return refused("slow_down", cause="device.slow_down")
        if device["status"] == "pending":
            return refused("authorization_pending", cause="device.pending")
        if device["status"] == "deny":
            return refused("access_denied", cause="device.denied")
        if device["chain"] is None:
            device["chain"] = self.started(device["scope"] or "", bound)
        return device["chain"]

    def by_refresh(self, heard: Heard, bound: str | None) -> Said:
        given = heard.form.get("refresh_token", "")
        for chain in self.chains.values():
            if given and given in (chain["current"], chain["previous"]):
                break
        else:
            return refused("invalid_grant", "Refresh token does not exist.", cause="refresh.invalid")
        if chain["ended"]:
            return refused("invalid_grant", "the chain has ended", cause=chain["ended"])
        if chain["ends"] is not None and self.now >= chain["ends"]:
            return refused("invalid_grant", "the refresh token expired", cause="refresh.expired")
        if chain["bound"] is not None and chain["bound"] != bound:
            return refused("invalid_grant", "another key", cause="refresh.invalid")
        rule = self.set["refresh"]
        if rule in ("static", "none"):
            return self.issue(chain, bound, chain["scope"], True, rotated=True)
        if given == chain["current"]:
            chain["previous"], chain["current"] = chain["current"], secrets.token_urlsafe(24)
            chain["ends"] = self.refresh_end()
            return self.issue(chain, bound, chain["scope"], True)
        if rule == "idempotent":
            return self.issue(chain, bound, chain["scope"], True)
        chain["ended"] = "refresh.replayed"
        return refused("invalid_grant", "the refresh token was used before", cause="refresh.replayed")
