"""The figures can be made. What they say is measured by itself: see bench/."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_figures_of_one_call():
    command = [sys.executable, "-W", "ignore", "bench/overhead.py", "--rounds", "5", "--calls", "200", "--json"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert set(said["ratios"]) <= set(said["figures"]) and len(said["figures"]) >= 7
    assert all(figure["lowest_ns"] > 0 for figure in said["figures"].values())
