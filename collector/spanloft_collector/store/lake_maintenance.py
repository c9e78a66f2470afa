"""Keeps a DuckLake's files few, its spans once and its snapshots short while collectors write and readers read.

Every collector has this thread; a lease sees to it that one of them works at a time.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import duckdb

from spanloft_collector.errors import StoreError
from spanloft_collector.store.background import KEEP_ALL, Background
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.lake_connection import lake_sql
from spanloft_collector.store.lake_expire import expire_lake, plan_lake_expiry
from spanloft_collector.store.lake_files import sync_new_files
from spanloft_collector.store.retention import Retention

logger = logging.getLogger(__name__)

LEASE = "maintenance"
WRITER = "maintenance"
FAN_IN = 32
TIERS = (4 << 20, 64 << 20, 512 << 20)
"""Files below a size are merged once a writer has ``FAN_IN`` of them in a day: each row is written again a few times at
the most, as in levels."""
LOOK_BACK = timedelta(days=7)
"""How far apart two copies of a span may have been received to be found: exporters give up far sooner."""
MAX_WINDOW = timedelta(hours=1)
ORPHAN_AGE = timedelta(days=1)
"""A file that no snapshot names and that is older is nobody's: no transaction takes that long."""
ORPHANS_S = 3600.0
WATERMARKS = 500
"""Rows of old watermarks that are left to gather before they are deleted."""


class Merge(NamedTuple):
    """Small files of one dataset, writer and day."""

    dataset: str
    writer: str
    day: str
    files: int
    rows: int
    below_bytes: int


class LakeMaintenance(Background):
    """Merges small files, drops repeats, expires old days and forgets old snapshots."""

    def __init__(
        self,
        store: DuckLakeStore,
        *,
        interval_s: float = 10.0,
        grace_s: float = 600.0,
        retention: Retention = KEEP_ALL,
    ) -> None:
        super().__init__(interval_s=interval_s, grace_s=grace_s, retention=retention)
        self.store = store
        self._orphans = time.monotonic()

    def step(self) -> int:
        """Do what is due; returns the number of merges. Does nothing while another process does it."""
        try:
            with self.store.lease(LEASE, wait=False):
                return self._step()
        except BlockingIOError:
            return 0

    def _step(self) -> int:
        now = time.monotonic()
        drop_repeats(self.store)
        merges = plan_merges(self.store)
        for dataset, below in sorted({(merge.dataset, merge.below_bytes) for merge in merges}):
            if self._stop.is_set():
                return 0
            merge_files(self.store, dataset, below)
        if self._expiry_due(now):
            plans = plan_lake_expiry(self.store, self.retention, datetime.now(UTC).date())
            expire_lake(self.store, plans)
            for gone in plans:
                logger.info("expired %s: %s", gone.day, gone.reason)
        if self._sweep_due(now):
            sweep(self.store, self.grace_s, orphans=now - self._orphans > ORPHANS_S)
            if now - self._orphans > ORPHANS_S:
                self._orphans = now
        return len(merges)

    def _report(self, error: Exception) -> None:
        if isinstance(error, StoreError):
            # Postgres or the bucket is away: a line says it all.
            logger.warning("maintenance failed, will try again: %s", error)
        else:
            super()._report(error)


def plan_merges(store: DuckLakeStore, fan_in: int = FAN_IN, tiers: tuple[int, ...] = TIERS) -> list[Merge]:
    """Groups of small files that are worth one, the smallest tier of each first."""
    found = []
    with store.cursor() as cursor:
        for below in tiers:
            rows = cursor.execute(lake_sql("small_files"), {"below": below, "files": fan_in}).fetchall()
            found += [Merge._make((*row, below)) for row in rows]
    return found


def merge_files(store: DuckLakeStore, dataset: str, below_bytes: int) -> None:
    """Merge the files of a dataset that are smaller; rows stay in order, readers see the same before and after."""

    def change(cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
        began = time.time()
        cursor.execute(lake_sql("merge", table=dataset, below=str(below_bytes))).fetchall()
        sync_new_files(store.address, [(dataset, None)], since=began)

    store.transaction(change)


def drop_repeats(store: DuckLakeStore) -> int:
    """Delete spans that are stored twice, because a client sent them again to another collector; returns how many.

    Looks at what was published since the last time, in steps, and at earlier copies of it.
    """
    dropped = 0
    while True:
        since_us = int(store.watermark(WRITER).get("until_us", 0))
        complete_us = store.complete_until_us()
        if complete_us <= since_us:
            return dropped
        with store.cursor() as cursor:
            if since_us == 0:
                first = cursor.execute(lake_sql("first_ingest")).fetchall()[0][0]
                since_us = max(0, (first or complete_us) - 1)
        until_us = min(complete_us, since_us + int(MAX_WINDOW.total_seconds() * 1e6))
        dropped += _drop_between(store, since_us, until_us)


def _drop_between(store: DuckLakeStore, since_us: int, until_us: int) -> int:
    window = {"since_us": since_us, "until_us": until_us, "earlier_us": int(LOOK_BACK.total_seconds() * 1e6)}
    with store.cursor() as cursor:
        repeated = cursor.execute(lake_sql("repeated"), window).to_arrow_table()

    def change(cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
        if repeated.num_rows:
            cursor.register("repeated", repeated)
            for dataset in ("spans", "payloads"):
                cursor.execute(lake_sql("drop_repeated", table=dataset))
            cursor.unregister("repeated")
        store.write_watermark(cursor, WRITER, {"until_us": until_us})

    store.transaction(change)
    if repeated.num_rows:
        logger.info("%d spans that were stored twice are now stored once", repeated.num_rows)
    return int(repeated.num_rows)


def waiting(store: DuckLakeStore) -> int:
    """Number of files that queries may still read and nobody else needs."""
    with store.cursor() as cursor:
        return int(cursor.execute(lake_sql("waiting")).fetchall()[0][0])


def sweep(store: DuckLakeStore, grace_s: float, *, orphans: bool) -> int:
    """Forget old snapshots and delete the files that only they named; returns the number of files.

    Queries that began within ``grace_s`` still find theirs. With ``orphans``, also files that a crash left behind.
    """
    older: dict[str, Any] = {"older": f"{grace_s:.3f} seconds"}

    def prune(cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
        if cursor.execute(lake_sql("count_watermarks")).fetchall()[0][0] > WATERMARKS:
            cursor.execute(lake_sql("prune_watermarks"))

    store.transaction(prune)
    with store.cursor() as cursor:
        cursor.execute(lake_sql("rewrite_deleted")).fetchall()
        cursor.execute(lake_sql("expire_snapshots", **older)).fetchall()
        deleted = cursor.execute(lake_sql("cleanup", **older)).fetchall()[0][0]
        if orphans:
            age = f"{ORPHAN_AGE.total_seconds():.0f} seconds"
            deleted += cursor.execute(lake_sql("delete_orphans", older=age)).fetchall()[0][0]
    return int(deleted)
