"""A browser that knows HTML forms, cookies and redirects, and no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

Attributes = dict[str, str]


@dataclass
class Button:
    attributes: Attributes
    text: str = ""

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")


@dataclass
class Form:
    attributes: Attributes
    inputs: list[Attributes] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def names(self, kind: str) -> list[str]:
        return [given["name"] for given in self.inputs if given.get("type", "text") == kind and "name" in given]


class _Reader(HTMLParser):
    """Collects forms, ids and links. A control outside its form names it with the form attribute."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.ids: dict[str, str] = {}
        self.links: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.tags: set[str] = set()
        self._form: Form | None = None
        self._button: Button | None = None
        self._link: str | None = None
        self._select: Attributes | None = None
        self._hidden = 0

    def _owner(self, attributes: Attributes) -> Form | None:
        if "form" in attributes:
            return next((form for form in self.forms if form.attributes.get("id") == attributes["form"]), None)
        return self._form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if "id" in attributes:
            self.ids[attributes["id"]] = tag
        if tag in ("script", "style"):
            self._hidden += 1
        elif tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag == "a" and "href" in attributes:
            self.links.append((attributes["href"], attributes.get("id", "")))
        elif tag == "select":
            self._select = attributes
        elif tag == "option" and self._select is not None:
            owner = self._owner(self._select)
            if owner is not None and "name" in self._select:
                name = self._select["name"]
                known = [given for given in owner.inputs if given.get("name") == name]
                if not known:
                    owner.inputs.append({"type": "select", "name": name, "value": attributes.get("value", "")})
                elif "selected" in attributes:
                    known[0]["value"] = attributes.get("value", "")
        elif tag == "button" or (tag == "input" and attributes.get("type") == "submit"):
            owner = self._owner(attributes)
            button = Button(attributes, attributes.get("value", "") if tag == "input" else "")
            if owner is not None:
                owner.buttons.append(button)
            if tag == "button":
                self._button = button
        elif tag in ("input", "textarea"):
            owner = self._owner(attributes)
            if owner is not None:
                owner.inputs.append(attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "button":
            self._button = None
        elif tag == "select":
            self._select = None
        elif tag in ("script", "style"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.text.append(data)
        if self._button is not None:
            self._button.text += data


class Page:
    """An answer, read."""

    def __init__(self, response: requests.Response, url: str) -> None:
        self.url = url
        self.status = response.status_code
        self.headers = response.headers
        self.body = response.text
        self.location = urljoin(url, response.headers["Location"]) if response.is_redirect else None
        reader = _Reader()
        if "html" in response.headers.get("Content-Type", ""):
            reader.feed(response.text)
        self.forms = reader.forms
        self.ids = reader.ids
        self.links = reader.links
        self.tags = reader.tags
        self.text = " ".join("".join(reader.text).split())

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def answer(self) -> dict[str, str]:
        """The query of the redirect that leaves the issuer. No parameter may be repeated."""
        assert self.location is not None, f"no redirect: {self.status} at {self.url}\n{self.text[:600]}"
        found = parse_qs(urlsplit(self.location).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values()), self.location
        return {name: values[0] for name, values in found.items()}

    def button(self, wanted: str | re.Pattern[str]) -> tuple[Form, Button]:
        """The button with this id, or the first whose words match, or that of the form which names this value."""
        for form in self.forms:
            for button in form.buttons:
                if button.id == wanted if isinstance(wanted, str) else wanted.search(button.text):
                    return form, button
        for form in self.forms:
            named = [form.attributes.get("action", "").rsplit("/", 1)[-1], *(given.get("value", "") for given in form.inputs)]
            if wanted in named and form.buttons:
                return form, form.buttons[0]
        raise AssertionError(f"no button {wanted} at {self.url} ({self.status})\n{self.text[:800]}")

    def has(self, element_id: str) -> bool:
        return element_id in self.ids


def _same(url: str) -> tuple[str, str | None]:
    return url, None


class Browser:
    """One person's browser. `route` says where a URL is really served, and under which Host."""

    def __init__(self, route: Callable[[str], tuple[str, str | None]] = _same) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.route = route

    def _send(self, method: str, url: str, **options: object) -> Page:
        address, host = self.route(url)
        headers = {"Accept": "text/html,application/xhtml+xml"} | ({"Host": host} if host else {})
        response = self.session.request(method, address, headers=headers, allow_redirects=False, timeout=30, **options)  # type: ignore[arg-type]
        return Page(response, url)

    def _settle(self, page: Page) -> Page:
        """Follows redirects as long as they stay with the origin; the one that leaves is the answer."""
        for _ in range(10):
            if page.location is None or urlsplit(page.location)[:2] != urlsplit(page.url)[:2]:
                return page
            page = self._send("GET", page.location)
        raise AssertionError(f"more than ten redirects, now at {page.url}")

    def get(self, url: str, params: dict[str, str] | None = None) -> Page:
        if params:
            url = requests.Request("GET", url, params=params).prepare().url or url
        return self._settle(self._send("GET", url))

    def submit(
        self,
        page: Page,
        wanted: str | re.Pattern[str],
        fill: dict[str, str] | None = None,
        tick: Callable[[Attributes], bool] = lambda given: True,
    ) -> Page:
        """Presses a button. Boxes are ticked where `tick` says so; of radio buttons the checked or first one counts."""
        form, button = page.button(wanted)
        data: list[tuple[str, str]] = []
        radios: dict[str, str] = {}
        for given in form.inputs:
            name, kind = given.get("name"), given.get("type", "text")
            if not name or "disabled" in given:
                continue
            if fill and name in fill:
                continue
            if kind == "checkbox":
                if tick(given):
                    data.append((name, given.get("value", "on")))
            elif kind == "radio":
                if "checked" in given or name not in radios:
                    radios[name] = given.get("value", "on")
            else:
                data.append((name, given.get("value", "")))
        data += list(radios.items()) + list((fill or {}).items())
        if "name" in button.attributes:
            data.append((button.attributes["name"], button.attributes.get("value", "")))
        action = button.attributes.get("formaction", form.attributes.get("action", ""))
        method = form.attributes.get("method", "get").upper()
        target = urljoin(page.url, action)
        if method == "GET":
            return self._settle(self._send("GET", target, params=data))
        return self._settle(self._send("POST", target, data=data))
