"""Fresh tokens that an API refused in a row."""

from __future__ import annotations

import threading

from .secret import Secret
from .windows import backoff_ms

#: So long after a wait the row is forgotten.
FORGOTTEN_MS = 60_000


class Fresh:
    """Keeps an API that takes no token of this issuer from costing the issuer a token for each call."""

    def __init__(self) -> None:
        self.row = 0
        self.until = 0
        #: each counts once, however many callers had it
        self.last: Secret | None = None
        self.mutex = threading.Lock()

    def refused(self, token: Secret, now: int, u: float) -> None:
        """One was refused, that had not ended."""
        with self.mutex:
            if token == self.last:
                return
            if now - self.until > FORGOTTEN_MS:
                self.row = 0
            # the first may be chance: another caller's token died meanwhile
            self.until = now + (backoff_ms(self.row - 1, u, None) if self.row else 0)
            self.row += 1
            self.last = token

    def holds(self, now: int) -> bool:
        """Is a 401 no reason to ask for another? A clock that was set back does not make that longer."""
        return 0 < self.until - now <= 30_000

    def taken(self) -> None:
        """The API took a token."""
        if self.row:
            with self.mutex:
                self.row, self.until, self.last = 0, 0, None
