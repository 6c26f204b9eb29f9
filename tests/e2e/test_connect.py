"""The Connect authorization-code flow and the owner's pages, by plain HTML forms without scripts."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from harness.demo import Demo
from harness.forms import Browser, Page
from harness.platform import CALLBACK, Client, Person, bearer
from harness.refusals import allowed, refusal

SIGN_OUT_EVERYWHERE = re.compile("everywhere", re.IGNORECASE)


def check_page(page: Page) -> None:
    """What holds for each page of a session: no scripts, strict headers, nothing kept by caches."""
    assert "script" not in page.tags
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, policy
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] in ("no-referrer", "same-origin")


# -- the flow -------------------------------------------------------------------------------------------------


def test_the_whole_flow_step_by_step(demo: Demo) -> None:
    app, browser = demo.clients["app"], demo.browser()
    login = browser.get(demo.authorize_url(app, state="a b&c"))
    assert login.path == "/login" and login.status == 200
    check_page(login)
    consent = demo.sign_in(browser, demo.alice, login)
    assert consent.path == "/consent" and consent.status == 200
    check_page(consent)
    assert consent.has("consent-allow") and consent.has("consent-deny")
    assert demo.alice.accounts["paper"][:8] in consent.text or "paper" in consent.text.lower()
    done = browser.submit(consent, "consent-allow")
    assert done.status in (302, 303)
    assert done.location is not None and done.location.startswith(f"{app.redirect_uri}?")
    assert done.answer["state"] == "a b&c"
    assert done.answer["iss"] == demo.issuer
    uuid.UUID(done.answer["code"])

    answer = demo.redeem(app, done.answer["code"])
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    token = answer.json()
    assert set(token) == {"access_token", "token_type", "scope"}, "no expires_in, no refresh_token"
    assert token["token_type"] == "bearer"
    assert set(token["scope"].split()) == {"account:write", "trading", "data"}
    assert uuid.UUID(token["access_token"]).version == 4
    assert allowed(demo.account(bearer(token["access_token"]))).json()["id"] == demo.alice.accounts["paper"]


def test_the_same_browser_need_not_sign_in_again(demo: Demo) -> None:
    browser = demo.browser()
    demo.token(demo.clients["app"], browser)
    again = browser.get(demo.authorize_url(demo.clients["app-approved"]))
    assert again.path == "/consent"


def test_deny(demo: Demo) -> None:
    before = demo.grants_of(demo.clients["app-licensed"])
    answer = demo.consent(demo.clients["app-licensed"], button="consent-deny", state="no thanks")
    assert answer["error"] == "access_denied"
    assert answer["error_description"]
    assert answer["state"] == "no thanks"
    assert answer["iss"] == demo.issuer
    assert "code" not in answer
    assert answer["cause"] and answer["decision_id"] and answer["error_uri"].endswith(answer["decision_id"])
    assert demo.grants_of(demo.clients["app-licensed"]) == before


def test_without_state_none_comes_back(demo: Demo) -> None:
    assert "state" not in demo.consent(demo.clients["app"], state=None)


def test_without_scope_the_account_can_be_read_and_no_more(demo: Demo) -> None:
    token = demo.token(demo.clients["app"], scope=None)
    allowed(demo.account(bearer(token)))
    refusal(demo.order(bearer(token)), 401, "scope.missing", 40110000)


@pytest.mark.parametrize("environment, other", [("paper", "live"), ("live", "paper")])
def test_env_binds_the_token(demo: Demo, environment: str, other: str) -> None:
    token = demo.token(demo.clients["app-approved"], env=environment)
    assert allowed(demo.account(bearer(token), environment)).json()["id"] == demo.alice.accounts[environment]
    refusal(demo.account(bearer(token), other), 401, "environment.mismatch", 40110000)


def test_without_env_one_token_covers_both(demo: Demo) -> None:
    token = demo.token(demo.clients["app-approved"], env=None)
    for environment in ("paper", "live"):
        assert allowed(demo.account(bearer(token), environment)).json()["id"] == demo.alice.accounts[environment]


def test_each_registered_redirect_uri_works(demo: Demo) -> None:
    local = next(client for client in demo.sheet["platforms"]["alpaca"]["clients"] if client["role"] == "app")["redirect_uris"][0]
    assert local != CALLBACK
    assert demo.token(demo.clients["app"], redirect_uri=local)


# -- refused before the client can be trusted: a page, no redirect ----------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "0" * 32},
        {"client_id": None},
        {"redirect_uri": "https://evil.example.test/cb"},
        {"redirect_uri": CALLBACK + "/more"},
        {"redirect_uri": CALLBACK + "?a=b"},
        {"redirect_uri": "https://rp.example.test:443/cb"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": None},
    ],
    ids=lambda changes: "-".join(f"{name}={value}" for name, value in changes.items()).replace("/", "_"),
)
def test_error_page_in_place_of_a_redirect(demo: Demo, changes: dict[str, str | None]) -> None:
    page = demo.browser().get(demo.authorize_url(demo.clients["app"], **changes))
    assert page.location is None
    assert 400 <= page.status < 500
    assert page.has("error")
    assert page.headers["Mandate-Cause"] in page.text
    assert page.headers["Mandate-Decision"] in page.text
    check_page(page)


def test_disabled_client_is_not_offered(demo: Demo) -> None:
    page = demo.browser().get(demo.authorize_url(demo.clients["app-disabled"]))
    assert page.location is None and page.has("error") and 400 <= page.status < 500


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "trading everything"}, "invalid_scope"),
        ({"env": "sandbox"}, "invalid_request"),
    ],
    ids=["response_type", "no response_type", "scope", "env"],
)
def test_errors_that_go_back_to_the_client(demo: Demo, changes: dict[str, str | None], error: str) -> None:
    browser = demo.browser()
    page = browser.get(demo.authorize_url(demo.clients["app"], **changes))
    if page.path == "/login":
        page = demo.sign_in(browser, demo.alice, page)
    assert page.location is not None and page.location.startswith(CALLBACK), f"{page.status} {page.url}"
    assert page.answer["error"] == error
    assert page.answer["state"] == "state-1"
    assert page.answer["iss"] == demo.issuer
    assert page.answer["cause"] and page.answer["decision_id"]


# -- codes ----------------------------------------------------------------------------------------------------


def test_code_lives_ten_minutes(demo: Demo) -> None:
    app, browser = demo.clients["app"], demo.browser()
    just, late = demo.code(app, browser), demo.code(app, browser)
    demo.advance(570)
    assert demo.redeem(app, just).status_code == 200
    demo.advance(35)
    found = refusal(demo.redeem(app, late), 400, "code.expired")
    assert found.body["error"] == "invalid_grant"


def test_replay_revokes_what_the_code_gave(demo: Demo) -> None:
    app = demo.clients["app"]
    code = demo.code(app)
    token = demo.redeem(app, code).json()["access_token"]
    allowed(demo.account(bearer(token)))
    found = refusal(demo.redeem(app, code), 400, "code.replayed")
    assert found.body["error"] == "invalid_grant"
    refusal(demo.account(bearer(token)), 401, "code.replayed", 40110000)


def test_nothing_is_spent_by_what_does_not_match(demo: Demo) -> None:
    app, other = demo.clients["app"], demo.clients["app-approved"]
    code = demo.code(app)
    wrong = replace(app, secret="wrong" * 8)
    assert refusal(demo.redeem(wrong, code), 401).body["error"] == "invalid_client"
    assert refusal(demo.redeem(other, code), 400).body["error"] == "invalid_grant"
    assert refusal(demo.redeem(app, code, redirect_uri="http://localhost"), 400).body["error"] == "invalid_grant"
    assert refusal(demo.redeem(app, code, grant_type="refresh_token"), 400).body["error"] == "unsupported_grant_type"
    token = demo.redeem(app, code)
    assert token.status_code == 200, "the code was spent by a request that did not match"

    # Nor revoked afterwards, by others.
    refusal(demo.redeem(wrong, code), 401)
    refusal(demo.redeem(other, code), 400)
    refusal(demo.redeem(app, code, redirect_uri="http://localhost"), 400)
    allowed(demo.account(bearer(token.json()["access_token"])))


def test_unknown_client_and_wrong_secret_are_one_answer(demo: Demo) -> None:
    app = demo.clients["app"]
    wrong = refusal(demo.redeem(replace(app, secret="x" * len(app.secret)), "no-such-code"), 401)
    unknown = refusal(demo.redeem(Client("f" * len(app.id), "x" * len(app.secret)), "no-such-code"), 401)
    assert wrong.cause == unknown.cause == "client.rejected"
    assert wrong.masked() == unknown.masked()


@pytest.mark.parametrize("missing", ["grant_type", "code", "client_id", "client_secret", "redirect_uri"])
def test_all_five_parameters_are_required(demo: Demo, missing: str) -> None:
    app = demo.clients["app"]
    code = demo.code(app)
    found = refusal(demo.redeem(app, code, **{missing: None}), (400, 401))
    assert found.body["error"] in ("invalid_request", "invalid_client")
    assert demo.redeem(app, code).status_code == 200


def test_the_token_endpoint_reads_no_query(demo: Demo) -> None:
    app = demo.clients["app"]
    code = demo.code(app)
    answer = demo.call(
        "POST",
        f"{demo.issuer}/oauth/token?grant_type=authorization_code&code={code}&client_id={app.id}"
        f"&client_secret={app.secret}&redirect_uri={CALLBACK}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    refusal(answer, (400, 401))
    assert demo.redeem(app, code).status_code == 200


def test_only_one_credential_per_request(demo: Demo) -> None:
    token = demo.token(demo.clients["app"])
    both = bearer(token) | demo.keys["paper"].headers
    refusal(demo.account(both), (400, 401), "credential.ambiguous")


def test_upstream_learns_the_caller_only_from_the_gate(demo: Demo) -> None:
    """Forged identity headers change nothing (SECURITY R20): the account stays that of the key."""
    key = demo.keys["paper"]
    plain = allowed(demo.account(key.headers)).json()
    forged = {"Mandate-Account": "other", "X-Mandate-Account": "other", "Mandate-Principal": "e30.e30.x", "X-Forwarded-User": "bob"}
    assert allowed(demo.account(key.headers | forged)).json()["id"] == plain["id"]


# -- forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example.test"}, {"Sec-Fetch-Site": "cross-site"}], ids=["origin", "sec-fetch-site"]
)
def test_posts_from_elsewhere_are_refused(demo: Demo, headers: dict[str, str]) -> None:
    app, browser = demo.clients["app"], demo.browser()
    consent = demo.consent_page(browser, app)
    browser.session.headers.update(headers)
    refused = browser.submit(consent, "consent-allow")
    assert refused.location is None and refused.has("error") and refused.status in (400, 403)
    for name in headers:
        del browser.session.headers[name]
    assert "code" in demo.consent(app, browser)


def test_a_form_is_bound_to_its_session(demo: Demo) -> None:
    app, mine, theirs = demo.clients["app"], demo.browser(), demo.browser()
    consent = demo.consent_page(mine, app)
    demo.consent_page(theirs, app)
    refused = theirs.submit(consent, "consent-allow")
    assert refused.location is None and refused.has("error") and 400 <= refused.status < 500


def test_the_session_changes_at_login(demo: Demo) -> None:
    browser = demo.browser()
    login = browser.get(demo.authorize_url(demo.clients["app"]))
    before = browser.session.cookies.get_dict()
    demo.sign_in(browser, demo.alice, login)
    after = browser.session.cookies.get_dict()
    assert any("alpaca" in name for name in after), after
    assert not set(before.items()) & {item for item in after.items() if len(item[1]) > 20}, "a cookie survived the login"


def test_pkce_that_was_sent_is_enforced(own_demo: Demo) -> None:
    demo, app = own_demo, own_demo.clients["app"]
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    code = demo.code(app, code_challenge=challenge, code_challenge_method="S256")
    assert refusal(demo.redeem(app, code), 400).cause == "pkce.verifier_missing"
    assert refusal(demo.redeem(app, code, code_verifier=challenge), 400).cause == "pkce.verifier_mismatch"
    plain, early = demo.code(app), demo.code(app)
    assert refusal(demo.redeem(app, plain, code_verifier=verifier), 400).cause == "pkce.verifier_mismatch"
    assert demo.redeem(app, plain).status_code == 200
    assert demo.redeem(app, code, code_verifier=verifier).status_code == 200
    # From now on this client may not come without (SECURITY R22), with a code from before neither.
    assert refusal(demo.redeem(app, early), 400).cause == "pkce.verifier_missing"
    answer = demo.browser().get(demo.authorize_url(app))
    assert "error=invalid_request" in answer.location and "code_challenge" in answer.location
    again = demo.code(app, code_challenge=challenge, code_challenge_method="S256")
    assert demo.redeem(app, again, code_verifier=verifier).status_code == 200
    assert demo.code(demo.clients["app-approved"])


# -- the owner's pages ----------------------------------------------------------------------------------------


def test_connected_apps_show_and_take_back(own_demo: Demo) -> None:
    demo, browser = own_demo, own_demo.browser()
    app, kept = demo.clients["app"], demo.clients["app-approved"]
    token, other = demo.token(app, browser), demo.token(kept, browser)
    allowed(demo.account(bearer(token)))
    page = browser.get(f"{demo.issuer}/apps")
    check_page(page)
    assert page.path == "/apps"
    for words in ("cancel orders", "paper"):
        assert words in page.text.lower()
    demo.withdraw(browser, app)
    refusal(demo.account(bearer(token)), 401, "grant.revoked", 40110000)
    allowed(demo.account(bearer(other)))
    assert not demo.grants_of(app) and demo.grants_of(kept)

    # Consent may be given again; the old token stays dead.
    again = demo.token(app, browser)
    allowed(demo.account(bearer(again)))
    refusal(demo.account(bearer(token)), 401, "grant.revoked")


def test_pages_want_a_session(demo: Demo) -> None:
    for path in ("/apps", "/keys", "/sessions"):
        assert demo.browser().get(f"{demo.issuer}{path}").path == "/login", path


def test_sign_out(demo: Demo) -> None:
    browser = demo.browser()
    demo.sign_in(browser, demo.alice)
    assert browser.get(f"{demo.issuer}/apps").path == "/apps"
    done = browser.submit(browser.get(f"{demo.issuer}/logout"), "logout-confirm")
    assert done.status == 200
    assert browser.get(f"{demo.issuer}/apps").path == "/login"


def test_sign_out_everywhere(own_demo: Demo) -> None:
    demo = own_demo
    here, there = demo.browser(), demo.browser()
    for browser in (here, there):
        demo.sign_in(browser, demo.alice)
    sessions = here.get(f"{demo.issuer}/sessions")
    assert sessions.path == "/sessions"
    check_page(sessions)
    here.submit(sessions, SIGN_OUT_EVERYWHERE)
    assert there.get(f"{demo.issuer}/apps").path == "/login"
    assert here.get(f"{demo.issuer}/apps").path == "/login"


def change_password(demo: Demo, browser: Browser, old: str, new: str) -> Page:
    page = browser.get(f"{demo.issuer}/password")
    form = next(form for form in page.forms if len(form.names("password")) >= 2)
    names = form.names("password")
    return browser.submit(page, form.buttons[0].id, {name: old if name == names[0] else new for name in names})


def test_change_of_password(own_demo: Demo) -> None:
    demo = own_demo
    here, there = demo.browser(), demo.browser()
    for browser in (here, there):
        demo.sign_in(browser, demo.alice)
    wrong = change_password(demo, here, "not my password", "a new, long password")
    assert wrong.has("error") and 400 <= wrong.status < 500
    done = change_password(demo, here, demo.alice.password, "a new, long password")
    assert done.status == 200 and not done.has("error"), done.text
    assert there.get(f"{demo.issuer}/apps").path == "/login", "the other session outlived the password"
    old = demo.browser()
    assert demo.sign_in(old, demo.alice).has("error")
    new = demo.browser()
    demo.sign_in(new, Person("alice", "a new, long password", demo.alice.accounts))
    assert new.get(f"{demo.issuer}/apps").path == "/apps"


def test_unknown_user_and_wrong_password_are_one_answer(demo: Demo) -> None:
    pages = []
    for name in ("alice", "nobody"):
        browser = demo.browser()
        page = demo.sign_in(browser, Person(name, "wrong password", {}))
        assert page.has("error") and page.status in (400, 401, 403)
        masked = re.sub(r'(value="[^"]{16,}")', "value", page.body).replace(name, "<name>")
        pages.append((page.status, masked.replace(page.headers.get("Mandate-Decision", "\0"), "<id>")))
    assert pages[0] == pages[1]


def test_login_is_throttled_and_let_go(own_demo: Demo) -> None:
    demo = own_demo
    statuses: list[int] = []
    while not statuses or statuses[-1] != 429:
        assert len(statuses) < 100, "a hundred wrong passwords were tried"
        page = demo.sign_in(demo.browser(), Person("alice", f"guess {len(statuses)}", {}))
        statuses.append(page.status)
    assert page.has("error") and int(page.headers["Retry-After"]) > 0
    assert "locked" not in page.text.lower()
    demo.advance(int(page.headers["Retry-After"]) + 1)
    browser = demo.browser()
    demo.sign_in(browser, demo.alice)
    assert browser.get(f"{demo.issuer}/apps").path == "/apps", "an account is never blocked blindly"


def test_no_page_leaves_the_origin(demo: Demo) -> None:
    browser = demo.browser()
    demo.sign_in(browser, demo.alice)
    for path in ("/apps", "/keys", "/sessions", "/password"):
        page = browser.get(f"{demo.issuer}{path}")
        assert page.status == 200, path
        check_page(page)
        for link, _ in page.links:
            assert urlsplit(link).netloc in ("", urlsplit(demo.issuer).netloc), link
