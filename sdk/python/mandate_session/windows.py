"""When a token is renewed, how long it is used, and how long is waited after a failure. Pure arithmetic, in milliseconds."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from .message import http_date_ms

TEN_YEARS_S = 10 * 365 * 86_400
HOUR_MS = 3_600_000
_DIGITS = re.compile(r"\s*(\d+)(?:\.\d*)?\s*", re.ASCII)


class Windows(NamedTuple):
    """The three moments of a token; all None if its end is unknown."""

    ends_at: int | None
    renew_at: int | None
    usable_until: int | None


def seconds(value: Any) -> int | None:
    """`expires_in` and its like, as issuers send them: a number or a text of digits. None: absent, unreadable or below 1."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        found = _DIGITS.fullmatch(value)
        if not found:
            return None
        digits = found[1].lstrip("0")
        # ten digits are three hundred years: no need to read more of them
        value = TEN_YEARS_S if len(digits) > 10 else int(digits or "0")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(min(max(value, 0.0), TEN_YEARS_S))
    if not isinstance(value, int) or value < 1:
        return None
    return min(value, TEN_YEARS_S)


def windows(sent_at: int, expires_in: Any, refresh_in: Any, u: float, *, renewable: bool = True) -> Windows:
    """The moments of a token that was asked for at `sent_at`; `u` of [0, 1) keeps many programs from renewing at once."""
    life = seconds(expires_in)
    if life is None:
        return Windows(None, None, None)
    length = life * 1000
    end = sent_at + length
    if not renewable:
        return Windows(end, end, end)
    usable = end - min(length / 20, 5_000)
    early = seconds(refresh_in)
    if early is not None and early < life:
        renew = sent_at + early * 1000 + min((length - early * 1000) / 10, 30_000) * u
    else:
        renew = end - min(length / 5, 300_000) * (0.5 + 0.5 * u)
    return Windows(end, int(renew), int(usable))


def retry_after_ms(text: str | None, issuer_now: int) -> int | None:
    """`Retry-After` (RFC 9110 10.2.3): seconds, or a date by the issuer's clock. None if absent or unreadable."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return HOUR_MS if len(text) > 9 else int(text) * 1000
    moment = http_date_ms(text)
    return None if moment is None else max(0, moment - issuer_now)


def backoff_ms(failures: int, u: float, retry_after: int | None) -> int:
    """How long to wait after `failures` (0: the first) failures in a row."""
    wait = min(500 * 2 ** min(failures, 20), 30_000) * (0.5 + 0.5 * u)
    if retry_after is not None:
        wait = max(wait, min(retry_after + 1000 * u, HOUR_MS))
    return int(wait)
