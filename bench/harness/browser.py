"""The least browser that gets through sign-in and consent: forms, cookies, redirects."""

import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class Forms(html.parser.HTMLParser):
    """The forms of a page: where they go, their inputs, the names and values of their buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "fields": {}, "buttons": {}})
        elif tag == "button" and self.forms and "id" in given:
            self.forms[-1]["buttons"][given["id"]] = given
        elif tag == "input" and self.forms and "name" in given:
            if given.get("type") != "radio" or "checked" in given:
                self.forms[-1]["fields"][given["name"]] = given.get("value", "")


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """One person's browser."""

    def __init__(self, person, password):
        self.person, self.password = person, password
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar, Stay)

    def redirected(self, url):
        """From an authorization request to the parameters of the redirect that leaves the server."""
        origin, data = urllib.parse.urlsplit(url)[:2], None
        for _ in range(12):
            try:
                with self.opener.open(urllib.request.Request(url, data), timeout=30) as answer:
                    url, data = self.press(url, answer.read().decode())
            except urllib.error.HTTPError as answer:
                with answer:
                    if answer.code not in (302, 303):
                        raise RuntimeError(f"{url}: {answer.code} {answer.read()[:500]}") from answer
                    url, data = urllib.parse.urljoin(url, answer.headers["Location"]), None
                if urllib.parse.urlsplit(url)[:2] != origin:
                    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        raise RuntimeError(f"no end of pages at {url}")

    def press(self, url, text):
        """Signs in, or allows what is asked for: where that goes, and what is sent."""
        typed = {"login-submit": {"username": self.person, "password": self.password}, "consent-allow": {}}
        for form in Forms(text).forms:
            for name, button in form["buttons"].items():
                if name in typed:
                    pressed = {button["name"]: button.get("value", "")} if "name" in button else {}
                    fields = form["fields"] | typed[name] | pressed
                    return urllib.parse.urljoin(url, form["action"]), urllib.parse.urlencode(fields).encode()
        raise RuntimeError(f"{url} has no form to go on with: {text[:500]}")
