#!/usr/bin/env python3
"""A browser of few words: opens an address, signs in, agrees to what is asked, and prints the address of the way back without opening it.

    python3 browser.py URL CALLBACK-PREFIX [--name NAME --password PASSWORD] [--deny]
    python3 browser.py URL --device ...      no way back: prints "done" when the device's page says so

Follows redirects, keeps cookies, fills the forms of the server (username, password, consent). Nothing but Python.
"""

import argparse
import http.cookiejar
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class Forms(HTMLParser):
    """The forms of a page: where they go and what they hold; buttons by their ids."""

    def __init__(self, text: str):
        super().__init__()
        self.forms: list[dict] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = {k: v or "" for k, v in attributes}
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "method": given.get("method", "get").lower(), "fields": {}, "buttons": {}})
        elif self.forms and tag in ("input", "button"):
            form = self.forms[-1]
            if tag == "button" or given.get("type") == "submit":
                form["buttons"][given.get("id", "")] = given
            elif given.get("name") and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
                form["fields"][given["name"]] = given.get("value", "")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("callback", nargs="?", default="http://nowhere.invalid/")
    parser.add_argument("--name", default="alice")
    parser.add_argument("--password", default="")
    parser.add_argument("--deny", action="store_true")
    parser.add_argument("--device", action="store_true")
    given = parser.parse_args()
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(Stay, urllib.request.HTTPCookieProcessor(jar))
    url, data = given.url, None
    for _ in range(20):
        if url.startswith(given.callback):
            print(url)
            return
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if data is not None else {}
        try:
            answer = opener.open(urllib.request.Request(url, data, headers), timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        if answer.status in (301, 302, 303, 307, 308):
            url, data = urllib.parse.urljoin(url, answer.headers["Location"]), None
            continue
        text = answer.read().decode()
        forms = [f for f in Forms(text).forms if f["method"] == "post"]
        if answer.status >= 400 or not forms:
            if given.device and answer.status < 400:
                print("done")
                return
            print(f"{answer.status} from {url}: {text[:400]}", file=sys.stderr)
            sys.exit(1)
        wanted = "consent-deny" if given.deny else "consent-allow"
        form = next((f for f in forms if "login-submit" in f["buttons"] or wanted in f["buttons"]), forms[-1])
        fields = dict(form["fields"])
        if "username" in fields:
            fields |= {"username": given.name, "password": given.password}
        button = form["buttons"].get(wanted) or form["buttons"].get("login-submit") or next(iter(form["buttons"].values()), {})
        if button.get("name"):
            fields[button["name"]] = button.get("value", "")
        url, data = urllib.parse.urljoin(url, button.get("formaction") or form["action"] or url), urllib.parse.urlencode(fields).encode()
    print("too many pages", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
