"""The same upkeep for either kind of store: hold the right to it, compact, expire, export, free."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from spanloft_collector.maintenance.export import Progress, export_otlp
from spanloft_collector.maintenance.lake_export import export_lake_otlp
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.store import lake_maintenance
from spanloft_collector.store.compact import sweep, writers
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.expire import expire, plan_expiry
from spanloft_collector.store.lake_expire import expire_lake, plan_lake_expiry
from spanloft_collector.store.manifest import load_manifest
from spanloft_collector.store.opening import AnyStore
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import Expiry, Retention
from spanloft_collector.store.rewrite import maintenance_lock


def upkeep(store: AnyStore) -> AbstractContextManager[None]:
    """Hold the right to change what is stored; waits for a collector that is at it."""
    if isinstance(store, ParquetStore):
        return maintenance_lock(store.root)
    return store.lease(lake_maintenance.LEASE, wait=True)


def expiries(store: AnyStore, retention: Retention) -> list[Expiry]:
    """What expires now, oldest day first."""
    today = datetime.now(UTC).date()
    if isinstance(store, ParquetStore):
        return plan_expiry(store, retention, today)
    return plan_lake_expiry(store, retention, today)


def carry_out(store: AnyStore, plans: Iterable[Expiry], progress: Callable[[Expiry], None]) -> int:
    """Expire; returns the number of days that changed meanwhile and were left."""
    if isinstance(store, ParquetStore):
        return expire(store, plans, progress=progress)
    expire_lake(store, plans, progress=progress)
    return 0


def free(store: AnyStore, grace_s: float) -> int:
    """Delete files that no query can be reading any more; returns how many wait for the end of the grace period."""
    if isinstance(store, DuckLakeStore):
        lake_maintenance.sweep(store, grace_s, orphans=True)
        return lake_maintenance.waiting(store)
    sweep(store, grace_s)
    return sum(len(load_manifest(store.manifest_path(writer)).retired) for writer in writers(store))


def otlp_exporter(store: AnyStore) -> Callable[[Path, Selection, Progress], dict[str, int]]:
    """The function that writes a store as OTLP files."""
    if isinstance(store, ParquetStore):
        return partial(export_otlp, store)
    return partial(export_lake_otlp, store)
