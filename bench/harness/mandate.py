"""The server under test: a demo in a folder of its own, and plans made from its sheet of credentials."""

import base64
import json
import urllib.parse

from .load import Plan

EXTRA_ACCOUNTS = 5000
SCOPE = "general"
ACCOUNT_PATH = "/v2/account"
OPEN_PATH = "/v2/clock"


class Mandate:
    """A running `mandate demo`: the same code as `mandate serve`, with accounts and keys already in it."""

    def __init__(self, house, store=None, upstream=None, extra_accounts=EXTRA_ACCOUNTS, port_base=0, folder=None):
        self.folder = folder or house.folder("mandate")
        sheet = self.folder.parent / f"{self.folder.name}.json"
        argv = [house.mandate, "demo", "--json", "--port-base", port_base, "--dir", self.folder, "--no-rate-limit"]
        argv += ["--store", store] if store else []
        argv += ["--upstream", f"http://127.0.0.1:{upstream}"] if upstream else []
        argv += ["--extra-accounts", extra_accounts] if extra_accounts else []
        with sheet.open("wb") as output:
            self.server = house.start("mandate", argv, stdout=output)
        self.server.wait_for(lambda: sheet.read_bytes().endswith(b"\n"), seconds=120)
        printed = json.loads(sheet.read_text())
        self.admin, self.platform = printed["admin"], printed["platforms"]["alpaca"]
        extra = self.folder / "extra-keys.json"
        self.extra = json.loads(extra.read_text()) if extra.exists() else []
        self.partner = self.platform["partners"][0]
        self.client = next(
            client for client in self.platform["clients"] if self.partner["name"] in client.get("visible_to", [])
        )

    def accounts(self):
        """All accounts of the first partner, as rows."""
        extra = [entry["account"] for entry in self.extra if entry.get("partner") == self.partner["name"]]
        return [[account] for account in self.partner["accounts"] + extra]

    def broker(self, path, capture):
        """A Broker OAuth call that names one account after the other: an access token, or a code."""
        host = urllib.parse.urlsplit(self.platform["environments"]["paper"]["broker"]).netloc
        credentials = f"{self.partner['key']}:{self.partner['secret']}".encode()
        body = {
            "client_id": self.client["client_id"],
            "client_secret": self.client["client_secret"],
            "redirect_uri": self.client["redirect_uris"][0],
            "scope": SCOPE,
            "account_id": "$0",
        }
        return Plan(
            address=host,
            method="POST",
            path=path,
            headers={
                "Host": host,
                "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
                "Content-Type": "application/json",
            },
            body=json.dumps(body),
            contains=[f'"{capture}":', '"scope":'],
            rows=self.accounts(),
            capture=capture,
        )

    def issue(self, capture=None):
        """Issuing tokens; `capture` hands them back."""
        plan = self.broker("/v1/oauth/token", "access_token")
        plan.capture = capture
        return plan

    def redeem(self, generator, number):
        """Redeeming `number` codes that are issued here and now, each once."""
        codes = generator.run(self.broker("/v1/oauth/authorize", "code"), seconds=60, count=number)["captured"]
        host = urllib.parse.urlsplit(self.platform["issuer"]).netloc
        fixed = urllib.parse.urlencode({
            "grant_type": "authorization_code",
            "client_id": self.client["client_id"],
            "client_secret": self.client["client_secret"],
            "redirect_uri": self.client["redirect_uris"][0],
        })
        return Plan(
            address=host,
            method="POST",
            path="/oauth/token",
            headers={"Host": host, "Content-Type": "application/x-www-form-urlencoded"},
            body=f"{fixed}&code=$0",
            contains=['"access_token":', '"token_type":'],
            rows=[[code] for code in codes],
            once=True,
        )

    def api(self, path, headers, rows):
        """A request for the upstream, through the gate of the paper environment."""
        host = urllib.parse.urlsplit(self.platform["environments"]["paper"]["api"]).netloc
        return Plan(
            address=host,
            method="GET",
            path=path,
            headers={"Host": host, **headers},
            body=None,
            contains=['"is_open":true'],
            rows=rows,
        )

    def without_authorization(self):
        return self.api(OPEN_PATH, {}, [[]])

    def keys(self):
        """As many API keys as there are extra accounts, in turn."""
        headers = {"APCA-API-KEY-ID": "$0", "APCA-API-SECRET-KEY": "$1"}
        return self.api(ACCOUNT_PATH, headers, [[entry["id"], entry["secret"]] for entry in self.extra])

    def tokens(self, generator):
        """As many opaque tokens, issued here and now, in turn."""
        tokens = generator.run(self.issue(capture="access_token"), seconds=60, count=EXTRA_ACCOUNTS)["captured"]
        return self.api(ACCOUNT_PATH, {"Authorization": "Bearer $0"}, [[token] for token in tokens])
