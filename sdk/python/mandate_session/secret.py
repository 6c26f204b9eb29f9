"""Texts that must not print."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

HIDDEN = "[secret]"


class Secret:
    """A secret text. `reveal()` gives it; nothing else does: `repr`, `str` and formatting say `[secret]`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, to be sent and never to be shown."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def digest(text: str) -> str:
    """A short name for a secret, which does not tell it: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """`text` without these secrets. Very short ones are left: they would tear words apart and hide nothing."""
    for secret in sorted({s for s in secrets if len(s) >= 4}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
