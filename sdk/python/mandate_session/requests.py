"""A session as the `auth` of requests (extra `requests`): `requests.get(url, auth=Auth(session))`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import rewind_body

from .calls import Exchange
from .message import Answer, lowered, origin_of
from .session import Session


class Auth(AuthBase):
    """Authorizes each request, and repeats one that is answered 401 where a renewal helps.

    Works wherever a `requests.Session` is: set its `auth`. Redirects to another origin lose the session's headers.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = ("Authorization", "DPoP", *session.settings.key_headers)
        self._hook = self._answered

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """What requests calls for each request."""
        headers = request.headers
        for name, value in self._session.authorize(request.method or "GET", request.url or "").items():
            headers[name] = value
        request.hooks["response"].append(self._hook)
        return request

    def _answered(self, response: requests.Response, **given: Any) -> requests.Response:
        """Looks at each answer, those of redirects included."""
        if response.status_code < 300 and not self._session.listens():
            return response
        request = response.request
        if response.is_redirect:
            target = urljoin(response.url, response.headers.get("location", ""))
            if origin_of(target) != origin_of(request.url or ""):
                # requests takes Authorization away, but knows nothing of key headers and proofs
                for name in self._names:
                    request.headers.pop(name, None)
            return response
        sent = {name: request.headers[name] for name in self._names if name in request.headers}
        if not sent or (response.status_code != 401 and not self._session.listens()):
            return response
        exchange = Exchange(request.method or "GET", request.url or "", _replayable(request), sent)
        while True:
            body = response.content if response.status_code == 401 else b""
            again = self._session.exchanged(exchange, Answer(response.status_code, lowered(response.headers), body))
            if again is None:
                return response
            response = _repeated(response, again, given)


def _repeated(response: requests.Response, sent: dict[str, str], given: dict[str, Any]) -> requests.Response:
    """The same request with other headers, over the same adapter."""
    response.close()
    request = response.request.copy()
    if not isinstance(request.body, (str, bytes, type(None))):
        rewind_body(request)
    jar = getattr(request, "_cookies")  # noqa: B009 - stubs do not know it
    extract_cookies_to_jar(jar, response.request, response.raw)  # type: ignore[no-untyped-call]
    request.headers.pop("Cookie", None)
    request.prepare_cookies(jar)
    request.headers.update(sent)
    again: requests.Response = response.connection.send(request, **given)
    again.history.append(response)
    again.request = request
    return again


def _replayable(request: requests.PreparedRequest) -> bool:
    body = request.body
    if body is None or isinstance(body, (str, bytes)):
        return True
    # requests noted where the file began, if it can be asked
    return isinstance(getattr(request, "_body_position", None), int) and hasattr(body, "seek")
