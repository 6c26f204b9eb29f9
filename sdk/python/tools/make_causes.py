#!/usr/bin/env python3
"""Writes `mandate_session/cause.py` from the catalogue `causes.json` at the root of the repository.

    python3 tools/make_causes.py            writes it
    python3 tools/make_causes.py --check    fails if it is behind the catalogue
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent / "mandate_session" / "cause.py"
CATALOGUE = HERE.parents[2] / "causes.json"

HEAD = '''"""The causes that a Mandate server names. Made by `tools/make_causes.py`; do not edit."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why a request was refused. Each is equal to the text that the server sends: `Cause.TOKEN_EXPIRED == "token.expired"`."""

    title: str  # type: ignore[assignment]
    who_can_act: str
    renew: bool
    remedy: str

    def __new__(cls, text: str, title: str, who_can_act: str, renew: bool, remedy: str) -> Cause:
        made = str.__new__(cls, text)
        made._value_ = text
        made.title = title
        made.who_can_act = who_can_act
        made.renew = renew
        made.remedy = remedy
        return made

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def named(cls, text: str) -> Cause | None:
        """The cause of this name, or None if the catalogue that this library was made with does not have it."""
        return _BY_TEXT.get(text)

'''

TAIL = '''

_BY_TEXT: dict[str, Cause] = {cause.value: cause for cause in Cause}
'''


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def generated() -> str:
    """The module's text."""
    parts = [HEAD]
    for cause in json.loads(CATALOGUE.read_text())["causes"]:
        name = cause["id"].upper().replace(".", "_").replace("-", "_")
        parts.append(f"    {name} = (\n        {quoted(cause['id'])},\n        {quoted(cause['title'])},\n"
                     f"        {quoted(cause['who_can_act'])},\n        {bool(cause['renew'])},\n        {quoted(cause['remedy'])},\n    )\n")
    return "".join(parts) + TAIL


def main() -> int:
    text = generated()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != text:
            print(f"{TARGET.name} is behind causes.json: run tools/make_causes.py", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
