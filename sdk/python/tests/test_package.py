"""The wheel: what is in it, and that a clean environment can use it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_installs_and_works(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".mypy_cache", "__pycache__", "tests", "bench"))
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path), str(source)],
                   check=True, timeout=110)
    wheel = next(tmp_path.glob("mandate_session-0.1.0-py3-none-any.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "mandate_session/py.typed" in names and "mandate_session/store/lock.py" in names
    assert all(name.startswith(("mandate_session/", "mandate_session-0.1.0.dist-info/")) for name in names)
    metadata = zipfile.ZipFile(wheel).read("mandate_session-0.1.0.dist-info/METADATA").decode()
    assert "Requires-Python: >=3.10" in metadata and "License-Expression: Apache-2.0" in metadata
    assert all("extra ==" in line for line in metadata.splitlines() if line.startswith("Requires-Dist:"))
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", str(wheel)], check=True, timeout=110)
    code = "import mandate_session as m; print(m.__version__, m.Session.api_key({'a': 'b'}).authorize('GET', 'https://x.example/'))"
    done = subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "0.1.0 {'a': 'b'}"
