"""The real server behind the faults: answers are those of `mandate demo`, reached through this process."""

import http.client
import json
import urllib.parse


class Sheet:
    """What `mandate demo --json` printed."""

    def __init__(self, sheet: dict):
        self.sheet = sheet

    def scenario(self, scenario, given: dict) -> "Behind":
        return Behind(self.sheet, scenario, given.get("as") or "service")


# Who a scenario may be, and the paths that it calls.
TOKEN_PATH = {"service": "/token", "machine": "/auth/oauth2/v1/token"}
REVOKE_PATH = {"service": "/revoke", "machine": "/auth/oauth2/v1/revoke"}
# what the scenarios call their API's path, and what the real one has
API_PATH = {"service": {"/data": "/accounts", "/other": "/accounts"},
            "machine": {"/data": "/data/news/v1/headlines?query=x", "/other": "/data/news/v1/headlines?query=y"}}


class Behind:
    """Answers of one scenario."""

    delay_ms = 0
    logs_calls = True

    def __init__(self, sheet: dict, scenario, who: str):
        self.scenario, self.who, self.secrets = scenario, who, set()
        platforms = sheet["platforms"]
        self.clock, self.admin, self.unmoved_ms = sheet["clock"]["url"], sheet["admin"]["token"], 0
        if who == "service":
            rfc = platforms["rfc"]
            client = next(c for c in rfc["clients"] if c["role"] == "service")
            self.token_base, self.api_base = rfc["issuer"], rfc["environments"]["live"]["api"]
            self.session = {"grant": "client_credentials", "client_id": client["client_id"], "client_secret": client["client_secret"],
                            "scope": " ".join(client["scopes"])}
            self.secrets.add(client["client_secret"])
        elif who == "machine":
            lseg = platforms["lseg"]
            machine = lseg["machine_ids"][0]
            self.token_base, self.api_base = lseg["issuer"], lseg["environments"]["live"]["api"]
            self.session = {"grant": "password", "client_id": machine["app_key"], "username": machine["username"],
                            "password": machine["password"], "scope": "trapi", "extra": {"takeExclusiveSignOnControl": "True"}}
            self.secrets.add(machine["password"])
        else:
            raise ValueError(f"unknown role {who!r}")

    def made(self) -> dict:
        return {"session": self.session}

    def ordered(self, op: str, asked: dict) -> dict:
        raise ValueError(f"the real server takes no order {op!r}")

    def advanced(self, ms: int) -> None:
        """Moves the real server's clock, which goes in whole seconds."""
        seconds, self.unmoved_ms = divmod(self.unmoved_ms + ms, 1000)
        if seconds == 0:
            return
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.admin}"}
        status, _, content = send("POST", self.clock, headers, json.dumps({"advance_s": seconds}).encode())
        if status != 200:
            raise ValueError(f"the demo's clock answered {status}: {content[:200]!r}")

    def answer(self, heard):
        from issuer import Said

        if heard.to == "token":
            url = self.token_base + TOKEN_PATH[self.who]
        elif heard.to == "revoke":
            url = self.token_base + REVOKE_PATH[self.who]
        elif heard.to == "api":
            path = heard.path[len("/api"):]
            url = self.api_base + API_PATH[self.who].get(path, path)
        else:
            return Said(404, {}, b"")
        headers = {k: v for k, v in heard.headers.items() if k not in ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")}
        status, answered, content = send(heard.method, url, headers, heard.body)
        if heard.to == "token" and status == 200:
            body = json.loads(content)
            self.secrets |= {body[k] for k in ("access_token", "refresh_token") if body.get(k)}
        skipped = ("connection", "content-length", "transfer-encoding", "date", "server", "keep-alive")
        return Said(status, {k: v for k, v in answered if k.lower() not in skipped}, content)


def send(method: str, url: str, headers: dict, body: bytes):
    """One request, without redirects."""
    split = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname, split.port, timeout=10)
    try:
        connection.request(method, split.path + (f"?{split.query}" if split.query else ""), body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()
