"""Where tokens may go, and what is refused before any request."""

from __future__ import annotations

import pytest

from mandate_session import Misconfigured, Session

from standins import URL, Issuer, session


@pytest.mark.parametrize("url", [
    "http://api.example/data", "ftp://api.example/", "data", "", "https://", "https://good.example\\@evil.example/", "https://good.example /",
    "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.1/", "https://good.example:x/",
])
def test_tokens_do_not_go_there(url):
    ours = session(Issuer())
    ours.authorize("GET", URL)
    with pytest.raises(Misconfigured):
        ours.authorize("GET", url)


@pytest.mark.parametrize("url", ["https://api.example/x", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/x", "https://API.example", "https://api.example?x=/"])
def test_tokens_go_there(url):
    assert session(Issuer()).authorize("GET", url)


def test_only_origins_that_are_named():
    ours = session(Issuer(), origins=["https://api.example", "https://data.example:8443"])
    for good in (URL, "https://api.example:443/", "https://data.example:8443/x", "https://API.EXAMPLE/x"):
        assert ours.authorize("GET", good)
        assert ours.authorize("GET", good)
    # one letter of a good origin's prefix is missing, after that prefix was learned
    for bad in ("https://api.exampl", "https://api.examplex", "https://api.example.evil.example/", "https://api.examplex/", "https://data.example/x", "https://api.example@evil.example/"):
        with pytest.raises(Misconfigured):
            ours.authorize("GET", bad)


@pytest.mark.parametrize("make", [
    lambda: Session.client_credentials("", "s", token_endpoint="https://x.example/t"),
    lambda: Session.client_credentials("app", "s"),
    lambda: Session.client_credentials("app", token_endpoint="https://x.example/t"),
    lambda: Session.client_credentials("app", "s", token_endpoint="http://x.example/t"),
    lambda: Session.client_credentials("app", token_endpoint="https://x.example/t", auth="basic"),
    lambda: Session.refresh_token("app", "", token_endpoint="https://x.example/t"),
    lambda: Session.device("app", token_endpoint="https://x.example/t"),
    lambda: Session.authorization_code("app", token_endpoint="https://x.example/t"),
    lambda: Session.access_token(""),
    lambda: Session.api_key({}),
    lambda: Session.client_credentials("app", "s", token_endpoint="https://x.example/t", origins=["api"]),
    lambda: Session.client_credentials("app", "s", token_endpoint="https://x.example/t", timeout=0),
])
def test_misconfigured_before_any_request(make):
    with pytest.raises(Misconfigured):
        make()


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match="tokn_endpoint"):
        Session.client_credentials("app", "s", tokn_endpoint="https://x.example/t")  # type: ignore[call-arg]


def test_the_owner_of_a_file():
    made = Session.client_credentials("app", "s", token_endpoint="https://issuer.example/token", scope="write read")
    assert made.settings.owner() == "564e8affa87c50a6ddf27b00e9abb678787aa0e8deb3800a08eeff4eeb23c714"
