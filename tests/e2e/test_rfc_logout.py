"""Signing out at an app's wish: OpenID Connect RP-Initiated Logout 1.0."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from harness.forms import Browser, Page
from harness.rfc import Bank

BYE = "https://rp.example.test/bye"


def end(bank: Bank, browser: Browser, **fields: str) -> Page:
    return browser.get(f"{bank.issuer}/end_session?{urlencode(fields)}")


def signed_in(bank: Bank, browser: Browser) -> bool:
    return browser.get(f"{bank.issuer}/apps").path == "/apps"


def session(bank: Bank, role: str = "web") -> tuple[Browser, str]:
    """A fresh browser, signed in through an app, and the ID token of that."""
    bank.browsers["alice"] = browser = Browser()
    return browser, bank.tokens(bank[role])["id_token"]


def test_the_sessions_own_id_token_signs_out_at_once(bank: Bank) -> None:
    browser, hint = session(bank)
    bank.demo.advance(3600)
    page = end(bank, browser, id_token_hint=hint, post_logout_redirect_uri=BYE, state="a&b", ui_locales="fr", logout_hint="x")
    assert page.location == f"{BYE}?state=a%26b", "though the ID token has expired"
    assert not signed_in(bank, browser)


def test_without_an_address_the_page_says_so(bank: Bank) -> None:
    browser, hint = session(bank)
    page = end(bank, browser, id_token_hint=hint)
    assert page.location is None and page.status == 200 and "signed out" in page.text
    assert not signed_in(bank, browser)


@pytest.mark.parametrize("how", ["no hint", "an earlier session", "another person"])
def test_the_person_is_asked_otherwise(bank: Bank, how: str) -> None:
    browser, hint = session(bank)
    fields = {"client_id": bank["web"].id, "post_logout_redirect_uri": BYE, "state": "s"}
    if how == "an earlier session":
        browser, _ = session(bank)
        fields["id_token_hint"] = hint
    elif how == "another person":
        browser = bank.browser("bob")
        bank.page(f"{bank.issuer}/apps", browser, "bob")
        fields["id_token_hint"] = hint
    page = end(bank, browser, **fields)
    assert page.has("logout-confirm") and "Sample web" in page.text, page.text
    assert signed_in(bank, browser), "a link signs nobody out"
    left = browser.submit(page, "logout-confirm")
    assert left.location == f"{BYE}?state=s" and not signed_in(bank, browser)


def test_the_confirmation_belongs_to_this_session_and_this_wish(bank: Bank) -> None:
    browser, _ = session(bank)
    mine = end(bank, browser, client_id=bank["web"].id, post_logout_redirect_uri=BYE)
    other = end(bank, browser, client_id=bank["web"].id)
    form, _ = mine.button("logout-confirm")
    ticket = next(given["value"] for given in form.inputs if given["name"] == "leave")
    for fields in (
        {"leave": ticket},
        {"leave": ticket, "form_token": next(g["value"] for g in other.button("logout-confirm")[0].inputs if g["name"] == "form_token")},
    ):
        answer = browser.session.post(f"{bank.issuer}/logout", data=fields, allow_redirects=False, timeout=30)
        assert answer.status_code == 403, answer.text[:500]
    assert signed_in(bank, browser)
    elsewhere, _ = session(bank)
    token = {given["name"]: given["value"] for given in form.inputs}
    assert elsewhere.session.post(f"{bank.issuer}/logout", data=token, allow_redirects=False, timeout=30).status_code == 403
    assert signed_in(bank, elsewhere)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"post_logout_redirect_uri": "https://evil.example.test/"}, "sign_out.redirect_mismatch"),
        ({"post_logout_redirect_uri": f"{BYE}/"}, "sign_out.redirect_mismatch"),
        ({"post_logout_redirect_uri": "https://rp.example.test/cb"}, "sign_out.redirect_mismatch"),
        ({"post_logout_redirect_uri": "javascript:alert(1)"}, "sign_out.redirect_mismatch"),
        ({"client_id": "", "post_logout_redirect_uri": BYE}, "request.parameter_missing"),
        ({"client_id": "unknown", "post_logout_redirect_uri": BYE}, "client.rejected"),
        ({"id_token_hint": "a.b.c"}, "request.parameter_invalid"),
        ({"id_token_hint": "of another client"}, "request.parameter_invalid"),
        ({"id_token_hint": "an access token"}, "request.parameter_invalid"),
        ({"id_token_hint": "tampered"}, "request.parameter_invalid"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_wrong_is_shown_in_place_and_nobody_is_signed_out(bank: Bank, fields: dict[str, str], cause: str, method: str) -> None:
    browser, hint = session(bank)
    fields = {"client_id": bank["web"].id} | fields
    given = fields.get("id_token_hint")
    if given == "of another client":
        fields["id_token_hint"] = bank.tokens(bank["web-2"])["id_token"]
    elif given == "an access token":
        fields["id_token_hint"] = bank.tokens(bank["web"])["access_token"]
    elif given == "tampered":
        head, body, signature = hint.split(".")
        fields["id_token_hint"] = f"{head}.{body}.{signature[:-6]}AAAAAA"
    browser = bank.browser()
    fields = {name: value for name, value in fields.items() if value}
    page = end(bank, browser, **fields) if method == "GET" else post(bank, browser, fields)
    assert page.location is None and page.has("error"), page.text[:500]
    assert page.headers["Mandate-Cause"] == cause
    assert signed_in(bank, browser)


def post(bank: Bank, browser: Browser, fields: dict[str, str]) -> Page:
    """What an app's page posts: from another site, so without the cookie (SameSite=Lax); redirects are followed with it."""
    url = f"{bank.issuer}/end_session"
    headers = {"Accept": "text/html", "Origin": "https://rp.example.test", "Sec-Fetch-Site": "cross-site"}
    without = Browser().session.post(url, data=fields, headers=headers, allow_redirects=False, timeout=30)
    page = Page(without, url)
    return browser.get(page.location) if page.location else page


def test_by_post(bank: Bank) -> None:
    browser, hint = session(bank)
    page = post(bank, browser, {"client_id": bank["web"].id, "post_logout_redirect_uri": BYE})
    assert page.has("logout-confirm") and signed_in(bank, browser)
    page = post(bank, browser, {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "p"})
    assert page.location == f"{BYE}?state=p" and not signed_in(bank, browser)


def test_nobody_is_signed_in(bank: Bank) -> None:
    page = end(bank, Browser(), client_id=bank["web"].id, post_logout_redirect_uri=BYE, state="s")
    assert page.location == f"{BYE}?state=s"
    page = end(bank, Browser())
    assert page.location is None and "signed out" in page.text


def test_other_sessions_and_tokens_stay(bank: Bank) -> None:
    other, _ = session(bank)
    browser, hint = session(bank)
    tokens = bank.tokens(bank["web"])
    end(bank, browser, id_token_hint=hint)
    assert not signed_in(bank, browser) and signed_in(bank, other)
    assert bank.accounts(tokens["access_token"]).status_code == 200
