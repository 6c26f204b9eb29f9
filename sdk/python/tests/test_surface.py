"""Types, and what must be installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mandate_session import Session

ROOT = Path(__file__).resolve().parents[1]


def test_the_types_hold():
    """The library under `mypy --strict`, and a program that uses it: what is wrong there must be found."""
    done = subprocess.run([sys.executable, "-m", "mypy", "--no-error-summary"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "tests/typed_surface.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_library_needs_nothing_but_python():
    code = ("import sys; sys.modules.update(dict.fromkeys(('httpx', 'requests', 'cryptography', 'keyring')));"
            "import mandate_session; mandate_session.Session.api_key({'a': 'b'}).authorize('GET', 'https://x.example/')")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_missing_extra_is_said():
    code = ("import sys; sys.modules['cryptography'] = None; import mandate_session;"
            "s = mandate_session.Session.refresh_token('app', 'r', token_endpoint='https://x.example/t', dpop=True);"
            "s.token()")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "mandate-session[crypto]" in done.stderr
