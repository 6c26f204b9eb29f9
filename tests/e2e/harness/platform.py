"""The Alpaca-shaped platform as its callers see it, whoever started the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from .binary import Cli
from .forms import Browser, Page

CALLBACK = "https://rp.example.test/cb"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HTTP = requests.Session()
HTTP.trust_env = False


@dataclass(frozen=True)
class Key:
    id: str
    secret: str
    account: str = ""
    environment: str = "paper"

    @property
    def headers(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self.id, "APCA-API-SECRET-KEY": self.secret}


@dataclass(frozen=True)
class Client:
    id: str
    secret: str
    redirect_uri: str = CALLBACK
    name: str = ""
    role: str = ""


@dataclass(frozen=True)
class Person:
    name: str
    password: str
    accounts: dict[str, str]
    """environment -> account id"""


@dataclass(frozen=True)
class Partner:
    name: str
    key: str
    secret: str
    accounts: tuple[str, ...]
    client: Client | None = None

    @property
    def auth(self) -> tuple[str, str]:
        return self.key, self.secret


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _same(url: str) -> tuple[str, str | None]:
    return url, None


@dataclass
class Platform:
    """Addresses and credentials. `route` is for a node that does not listen at the address it serves."""

    issuer: str
    api: dict[str, str]
    data: str
    broker: str
    cli: Cli
    people: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    partners: list[Partner] = field(default_factory=list)
    route: Callable[[str], tuple[str, str | None]] = _same
    advance: Callable[[float], None] = lambda seconds: None
    admin_url: str = ""
    admin_token: str = ""

    # -- plain HTTP -------------------------------------------------------------------------------------------

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        address, host = self.route(url)
        headers = dict(options.pop("headers", None) or {})
        if host:
            headers["Host"] = host
        return HTTP.request(method, address, headers=headers, allow_redirects=False, timeout=30, **options)

    def account(self, headers: dict[str, str], environment: str = "paper") -> requests.Response:
        return self.call("GET", f"{self.api[environment]}/v2/account", headers=headers)

    def bars(self, headers: dict[str, str]) -> requests.Response:
        return self.call("GET", f"{self.data}/v2/stocks/bars?symbols=AAPL&timeframe=1Day", headers=headers)

    def order(self, headers: dict[str, str], environment: str = "paper") -> requests.Response:
        body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
        return self.call("POST", f"{self.api[environment]}/v2/orders", headers=headers, json=body)

    # -- Connect ----------------------------------------------------------------------------------------------

    @property
    def alice(self) -> Person:
        return self.people["alice"]

    def browser(self) -> Browser:
        return Browser(self.route)

    def authorize_url(self, client: Client, **changes: str | None) -> str:
        query = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": client.redirect_uri,
            "scope": "account:write trading data",
            "state": "state-1",
            "env": "paper",
        } | changes
        return f"{self.issuer}/oauth/authorize?{urlencode({name: value for name, value in query.items() if value is not None})}"

    def sign_in(self, browser: Browser, person: Person, page: Page | None = None) -> Page:
        page = page or browser.get(f"{self.issuer}/login")
        assert page.path == "/login", f"not the login page: {page.url} ({page.status})\n{page.text[:500]}"
        return browser.submit(page, "login-submit", {"username": person.name, "password": person.password})

    def consent_page(self, browser: Browser, client: Client, person: Person | None = None, **changes: str | None) -> Page:
        page = browser.get(self.authorize_url(client, **changes))
        if page.path == "/login":
            page = self.sign_in(browser, person or self.alice, page)
        assert page.path == "/consent", f"no consent page: {page.url} ({page.status})\n{page.text[:600]}"
        return page

    def consent(
        self, client: Client, browser: Browser | None = None, button: str = "consent-allow", **changes: str | None
    ) -> dict[str, str]:
        """Login if needed, consent page, answer: the query that the client's redirect URI receives."""
        browser = browser or self.browser()
        done = browser.submit(self.consent_page(browser, client, **changes), button)
        assert done.location is not None and done.location.startswith(changes.get("redirect_uri") or client.redirect_uri), (
            f"{done.status} {done.url} -> {done.location}\n{done.text[:500]}"
        )
        return done.answer

    def code(self, client: Client, browser: Browser | None = None, **changes: str | None) -> str:
        return self.consent(client, browser, **changes)["code"]

    def redeem(self, client: Client, code: str, /, **changes: str | None) -> requests.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client.id,
            "client_secret": client.secret,
            "redirect_uri": client.redirect_uri,
        } | changes
        kept = {name: value for name, value in fields.items() if value is not None}
        return self.call("POST", f"{self.issuer}/oauth/token", headers=FORM, data=urlencode(kept))

    def token(self, client: Client, browser: Browser | None = None, **changes: str | None) -> str:
        answer = self.redeem(client, self.code(client, browser, **changes), redirect_uri=changes.get("redirect_uri") or client.redirect_uri)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def grants_of(self, client: Client) -> list[dict[str, Any]]:
        """Live grants of a client, as the operator lists them."""
        return [grant for grant in self.admin_rows("grant", "list") if grant["client_id"] == client.id and grant["status"] == "ACTIVE"]

    def withdraw(self, browser: Browser, client: Client) -> Page:
        """Takes a client's access back on the page of connected apps. The client has one live grant."""
        (grant,) = self.grants_of(client)
        page = browser.get(f"{self.issuer}/apps")
        assert page.status == 200 and page.path == "/apps", f"{page.status} {page.url}\n{page.text[:400]}"
        return browser.submit(page, grant["id"])

    # -- Broker OAuth -----------------------------------------------------------------------------------------

    def broker_body(self, partner: Partner, client: Client, **changes: Any) -> dict[str, Any]:
        return {
            "client_id": client.id,
            "client_secret": client.secret,
            "redirect_uri": client.redirect_uri,
            "scope": "general",
            "account_id": partner.accounts[0],
        } | changes

    def broker_call(self, method: str, path: str, auth: tuple[str, str], **options: Any) -> requests.Response:
        return self.call(method, f"{self.broker}/v1{path}", auth=auth, **options)

    # -- explanations and administration ----------------------------------------------------------------------

    def explain_public(self, decision: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self.call("GET", f"{self.issuer}/explain/{decision}", headers={"Accept": "application/json"} | (headers or {}))
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
        assert answer.headers["Content-Type"].startswith("application/json"), answer.headers["Content-Type"]
        found: dict[str, Any] = answer.json()
        return found

    def explain_as(self, browser: Browser, decision: str) -> dict[str, Any]:
        """What the person signed in in this browser sees."""
        address, host = self.route(f"{self.issuer}/explain/{decision}")
        headers = {"Accept": "application/json"} | ({"Host": host} if host else {})
        answer = browser.session.get(address, headers=headers, allow_redirects=False, timeout=30)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
        found: dict[str, Any] = answer.json()
        return found

    def explain(self, decision: str) -> dict[str, Any]:
        """What the operator's command prints."""
        found: dict[str, Any] = self.cli.json("explain", decision)
        return found

    def admin(self, *arguments: str) -> Any:
        return self.cli.json(*arguments, "--platform", "alpaca")

    def admin_rows(self, *arguments: str) -> list[dict[str, Any]]:
        return self.cli.rows(*arguments, "--platform", "alpaca")
