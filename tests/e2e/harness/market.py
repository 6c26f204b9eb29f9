"""The marketplace as its callers see it: apps with a secret in the body, an API that wants to be told its version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests

from .demo import Demo
from .forms import Browser, Page
from .platform import CALLBACK, HTTP, Person

TOKEN = "/api/open/oauth/token"
VERSION = {"Version": "2.0"}
OURS = ("cause", "decision_id", "error_uri")
"""What this server adds to every refusal."""

Json = dict[str, Any]


@dataclass(frozen=True)
class App:
    role: str
    id: str
    secret: str

    @property
    def own(self) -> Json:
        return {"client_id": self.id, "client_secret": self.secret}


@dataclass
class Market:
    demo: Demo
    issuer: str
    api: str
    apps: dict[str, App]
    people: dict[str, Person]
    browsers: dict[str, Browser] = field(default_factory=dict)

    @classmethod
    def of(cls, demo: Demo) -> Market:
        sheet = demo.sheet["platforms"]["olx"]
        return cls(
            demo,
            sheet["issuer"],
            sheet["environments"]["live"]["api"],
            {given["role"]: App(given["role"], given["client_id"], given["client_secret"]) for given in sheet["clients"]},
            {user["name"]: Person(user["name"], user["password"], {}) for user in sheet["users"]},
        )

    def __getitem__(self, role: str) -> App:
        return self.apps[role]

    # -- the browser's part -----------------------------------------------------------------------------------

    def browser(self, person: str) -> Browser:
        return self.browsers.setdefault(person, Browser())

    def authorize_url(self, app: App, path: str = "/oauth/authorize/", **changes: str | None) -> str:
        query = {"response_type": "code", "client_id": app.id, "scope": "read write v2", "state": "s"} | changes
        return f"{self.issuer}{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"

    def page(self, url: str, person: str = "alice") -> Page:
        browser = self.browser(person)
        page = browser.get(url)
        if page.location is None and page.path == "/login" and not page.has("error"):
            who = self.people[person]
            page = browser.submit(page, "login-submit", {"username": who.name, "password": who.password})
        return page

    def answer(self, app: App, person: str = "alice", **changes: str | None) -> dict[str, str]:
        """What the app's redirect URI receives once the person has agreed."""
        page = self.page(self.authorize_url(app, **changes), person)
        if page.has("consent-allow"):
            page = self.browser(person).submit(page, "consent-allow")
        assert page.location is not None and page.location.startswith(CALLBACK), f"{page.url} ({page.status})\n{page.text[:600]}"
        return page.answer

    def code(self, app: App, person: str = "alice", **changes: str | None) -> str:
        return self.answer(app, person, **changes)["code"]

    # -- the app's part ---------------------------------------------------------------------------------------

    def post(self, fields: Json, *, slash: bool = False, form: bool = False, origin: str = "") -> requests.Response:
        url = f"{origin or self.issuer}{TOKEN}{'/' if slash else ''}"
        body: Json = {"data": fields} if form else {"json": fields}
        return HTTP.post(url, allow_redirects=False, timeout=30, **body)

    def redeem(self, app: App, code: str, **changes: Any) -> requests.Response:
        fields = app.own | {"grant_type": "authorization_code", "code": code} | changes
        return self.post({name: value for name, value in fields.items() if value is not None})

    def tokens(self, app: App, person: str = "alice", **changes: str | None) -> Json:
        answer = self.redeem(app, self.code(app, person, **changes))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def refresh(self, app: App, token: str, **changes: Any) -> requests.Response:
        return self.post(app.own | {"grant_type": "refresh_token", "refresh_token": token} | changes)

    def own_token(self, app: App) -> str:
        """The app for itself."""
        answer = self.post(app.own | {"grant_type": "client_credentials"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def call(self, path: str, token: str | None, method: str = "GET", version: str | None = "2.0", **options: Any) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers |= {} if version is None else {"Version": version}
        return HTTP.request(method, f"{self.api}/api/partner/{path}", headers=headers, allow_redirects=False, timeout=30, **options)

    def explained(self, answer: requests.Response, token: str | None = None, browser: Browser | None = None) -> Json:
        """What the decision's page says, to somebody, to who shows the token, or to who is signed in."""
        headers = {"Accept": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        cookies = browser.session.cookies if browser else None
        found = HTTP.get(answer.json()["error_uri"], headers=headers, cookies=cookies, timeout=30)
        assert found.status_code == 200, found.text
        body: Json = found.json()
        return body


def bare(answer: requests.Response, status: int, cause: str) -> Json:
    """The body of a refusal without what this server adds, which must be there."""
    body: Json = answer.json()
    about = f"{answer.status_code} {body}"
    assert (answer.status_code, body.get("cause")) == (status, cause), about
    assert (answer.headers["Mandate-Cause"], answer.headers["Mandate-Decision"]) == (cause, body["decision_id"]), about
    assert body["error_uri"].endswith(f"/explain/{body['decision_id']}"), about
    assert "no-store" in answer.headers["Cache-Control"], about
    assert status != 401 or "WWW-Authenticate" in answer.headers, about
    return {name: value for name, value in body.items() if name not in OURS}
