"""A simulated week; its seed is printed, and `WEEK_SEED` repeats one."""

from __future__ import annotations

import os
import random

from week import simulate, verdict


def test_a_week_of_faults_is_not_felt(capsys):
    seed = int(os.environ.get("WEEK_SEED") or random.SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"[week: seed {seed}] ", end="", flush=True)
    counts = simulate(seed)
    assert not verdict(counts), f"WEEK_SEED={seed} repeats it: {verdict(counts)}"


def test_a_week_is_the_same_for_the_same_seed():
    one, other = simulate(3, 5_000), simulate(3, 5_000)
    assert {k: v for k, v in one.items() if "assertion" not in k} == {k: v for k, v in other.items() if "assertion" not in k}
