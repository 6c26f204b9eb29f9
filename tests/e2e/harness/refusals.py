"""What every refusal must look like, in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from .sockets import Answer

VARYING = ("date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "connection", "keep-alive")


@dataclass(frozen=True)
class Refusal:
    status: int
    code: int
    message: str
    cause: str
    decision: str
    uri: str
    body: dict[str, Any]
    text: str
    headers: dict[str, str]

    def masked(self) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers with the decision's id and what counts time or requests taken out."""

        def mask(text: str) -> str:
            return text.replace(self.decision, "<id>")

        headers = {name: mask(value) for name, value in self.headers.items() if name not in VARYING}
        return self.status, mask(self.text), headers

    def public(self) -> str:
        """Everything the caller was told."""
        return self.text + "\n".join(f"{name}: {value}" for name, value in self.headers.items())


def _parts(answer: requests.Response | Answer) -> tuple[int, Mapping[str, str], str]:
    if isinstance(answer, Answer):
        return answer.status, answer.headers, answer.body.decode()
    return answer.status_code, answer.headers, answer.content.decode()


def refusal(
    answer: requests.Response | Answer | None,
    status: int | tuple[int, ...] | None = None,
    cause: str | None = None,
    code: int | None = None,
) -> Refusal:
    """Checks the shape that all refusals of the dialect share, then what the caller expects of this one."""
    assert answer is not None, "the server closed the connection without an answer"
    found, raw, text = _parts(answer)
    headers = {name.lower(): value for name, value in raw.items()}
    assert 400 <= found < 500 or found == 503, f"{found}: {text[:500]}"
    assert "location" not in headers, headers
    assert headers.get("content-type", "").startswith("application/json"), f"{found} {headers}\n{text[:300]}"
    body = json.loads(text)
    assert isinstance(body.get("code"), int) and not isinstance(body["code"], bool), text
    assert isinstance(body.get("message"), str) and body["message"], text
    for name in ("cause", "decision_id", "error_uri"):
        assert isinstance(body.get(name), str) and body[name], f"{name} is missing: {text}"
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", body["cause"]), text
    assert len(body["decision_id"]) >= 16, text
    assert body["error_uri"].endswith(f"/explain/{body['decision_id']}"), text
    assert headers.get("mandate-cause") == body["cause"], headers
    assert headers.get("mandate-decision") == body["decision_id"], headers
    assert "no-store" in headers.get("cache-control", ""), headers
    if found == 401:
        challenge = headers.get("www-authenticate", "")
        assert body["cause"] in challenge and body["decision_id"] in challenge, f"WWW-Authenticate: {challenge}"
    if status is not None:
        assert found in (status if isinstance(status, tuple) else (status,)), f"{found}: {text}"
    if cause is not None:
        assert body["cause"] == cause, text
    if code is not None:
        assert body["code"] == code, text
    return Refusal(found, body["code"], body["message"], body["cause"], body["decision_id"], body["error_uri"], body, text, headers)


def allowed(answer: requests.Response) -> requests.Response:
    """A request that went through, with the limits that every answer carries."""
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
    for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-ID"):
        assert name in answer.headers, f"{name} is missing: {dict(answer.headers)}"
    return answer


def values(explanation: dict[str, Any], tier: str | None = None) -> list[str]:
    """The facts' values as text, of one tier or of all."""
    return [str(fact["value"]) for fact in explanation["facts"] if tier is None or fact["tier"] == tier]
