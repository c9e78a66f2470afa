"""The thread that looks after a store, whichever kind it is: what every kind's upkeep has in common."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from spanloft_collector.store.retention import Retention

logger = logging.getLogger(__name__)

KEEP_ALL = Retention()

SWEEP_S = 60.0
RETENTION_S = 600.0
"""How often retention is looked at; it works on whole days."""


class Background(ABC):
    """Calls ``step`` every ``interval_s`` in a thread; a context manager around the process that owns the store."""

    def __init__(self, *, interval_s: float, grace_s: float, retention: Retention) -> None:
        """Prepare.

        Args:
            interval_s: how often to look.
            grace_s: how long what no reader finds any more stays for those that had found it.
            retention: what is too old or too much.
        """
        self.interval_s = interval_s
        self.grace_s = grace_s
        self.retention = retention
        self._swept = 0.0
        self._expired = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    @abstractmethod
    def step(self) -> int:
        """Do what is due; returns the number of merges. Does nothing while another process does it."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _expiry_due(self, now: float) -> bool:
        """Whether to look at retention; from then on it is not due for a while."""
        if not self.retention.limited or (self._expired and now - self._expired <= RETENTION_S):
            return False
        self._expired = now
        return True

    def _sweep_due(self, now: float) -> bool:
        """The same for deleting what nobody needs: seldom, and many at once, so that readers rarely meet it."""
        if now - self._swept <= max(SWEEP_S, self.grace_s):
            return False
        self._swept = now
        return True

    def _run(self) -> None:
        while not self._stop.wait(self.interval_s):
            try:
                self.step()
            except Exception as error:
                # The store is whole without this; whatever it was may be gone next time.
                self._report(error)

    def _report(self, error: Exception) -> None:
        logger.error("maintenance failed, will try again", exc_info=error)
