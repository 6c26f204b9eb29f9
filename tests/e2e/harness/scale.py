"""How much the races and crashes do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of the long tests: as they are meant (`--full`), or enough to notice a mistake."""

    codes: int
    tasks: int
    kills: int
    database_kills: int


FULL = Scale(codes=500, tasks=64, kills=50, database_kills=50)
REDUCED = Scale(codes=40, tasks=64, kills=3, database_kills=2)
