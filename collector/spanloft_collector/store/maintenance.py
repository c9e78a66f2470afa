"""Keeps the number of files small, the disk clean and old data out while the store is in use."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from spanloft_collector.store.background import KEEP_ALL, Background
from spanloft_collector.store.compact import Staged, merge, plan, sweep, switch, writers
from spanloft_collector.store.expire import expire, plan_expiry
from spanloft_collector.store.manifest import LiveFile, load_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import Retention
from spanloft_collector.store.rewrite import maintenance_lock

logger = logging.getLogger(__name__)

PUT_OFF_FILES = 384
"""Merges wait for a quieter moment up to so many small files of one dataset and day; more would make queries slow."""


class Maintenance(Background):
    """Merges small files, sweeps retired ones and expires old days."""

    def __init__(
        self,
        store: ParquetStore,
        *,
        interval_s: float = 10.0,
        grace_s: float = 600.0,
        retention: Retention = KEEP_ALL,
        pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare.

        Args:
            store: what is looked after.
            interval_s: how often to look.
            grace_s: how long a retired file stays for readers that opened it.
            retention: what is too old or too much.
            pressed: whether the cores are needed for something more urgent than merging.
        """
        super().__init__(interval_s=interval_s, grace_s=grace_s, retention=retention)
        self.store = store
        self.pressed = pressed
        self._staged: list[Staged] = []

    def step(self) -> int:
        """Switch what has settled, merge what is due, sweep; returns the number of merges started.

        Does nothing while a command holds the maintenance lock.
        """
        try:
            with maintenance_lock(self.store.root, wait=False):
                return self._step()
        except BlockingIOError:
            return 0

    def _step(self) -> int:
        now = time.monotonic()
        self.store.refresh_views()
        settled = [staged for staged in self._staged if staged.ready_at <= now]
        self._staged = [staged for staged in self._staged if staged.ready_at > now]
        for staged in settled:
            switch(self.store, staged)
        merges = 0
        for writer in writers(self.store):
            busy = frozenset(file.file for staged in self._staged for file in staged.inputs)
            files = load_manifest(self.store.manifest_path(writer)).files
            due = most_of_a_kind(files) >= PUT_OFF_FILES
            for inputs in plan(files, busy=busy):
                if self._stop.is_set():
                    return merges
                if self.pressed() and not due:
                    break
                self._staged.append(merge(self.store, writer, inputs))
                merges += 1
        if self._expiry_due(now):
            plans = plan_expiry(self.store, self.retention, datetime.now(UTC).date())
            expire(self.store, plans)
            for gone in plans:
                logger.info("expired %s: %s", gone.day, gone.reason)
        if self._sweep_due(now):
            sweep(self.store, self.grace_s)
        return merges


def most_of_a_kind(files: Iterable[LiveFile]) -> int:
    """Files of the dataset, day and level that has most."""
    return max(Counter((file.dataset, file.day, file.level) for file in files).values(), default=0)
