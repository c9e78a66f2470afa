"""A bound on the request bytes in memory, over all connections and both transports."""

from __future__ import annotations

import threading

from spanloft_collector.errors import Overloaded

HEAVY_BYTES = 2 * 1024 * 1024
"""Requests beyond this are decoded one at a time: several at once are no faster and need that many times the memory."""


class InflightBudget:
    """Counts request bytes from their arrival to their acknowledgement. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._lock = threading.Lock()

    def take(self, size: int, *, held: int = 0) -> None:
        """Reserve ``size`` bytes beside the ``held`` ones that the same request has reserved already.

        Raises:
            Overloaded: the budget is spent by other requests. One that is alone is never refused, however large.
        """
        with self._lock:
            if self.used > held and self.used + size > self.limit:
                raise Overloaded("too many request bytes in flight; try again", retry_after_s=1)
            self.used += size

    def give(self, size: int) -> None:
        """Return bytes."""
        with self._lock:
            self.used -= size
