"""Node scripts that use a package and leave the browser's part to the test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import talk
from .binary import ROOT

E2E = Path(__file__).resolve().parents[1]


def tool(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout.strip()


def modules() -> Path:
    """The installed packages of this folder's lock file."""
    return Path(tool(str(ROOT / "tests/tools/node-modules"), str(E2E)))


def converse(script: str, task: dict[str, Any], browse: Callable[[str], str]) -> Any:
    """Runs a script of clients/ with a task. For each address that it asks to open, `browse` says where that ended."""
    command = [f"{tool(str(ROOT / 'tests/tools/node'))}/node", str(E2E / "clients" / script)]
    return talk.converse(command, task, {"open": browse}, {"NODE_MODULES": str(modules())})
