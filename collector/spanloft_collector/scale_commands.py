"""``spanloft migrate``: from one machine to many."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal

from spanloft_collector.errors import SpanloftError
from spanloft_collector.location import LakeAddress
from spanloft_collector.maintenance.migrate import migrate
from spanloft_collector.maintenance_commands import progress_bar
from spanloft_collector.settings import Settings
from spanloft_collector.store.opening import open_store
from spanloft_collector.store.parquet import META_FILE, ParquetStore


def run_migrate(settings: Settings, source: Path) -> int:
    """Take the store in the directory ``source`` into the DuckLake that the settings name."""
    if not isinstance(settings.store, LakeAddress):
        raise SpanloftError(
            f"--store {settings.store}: expected the DuckLake to migrate to, ducklake:postgres:CONNECTION;data=PATH"
        )
    if not (source / META_FILE).exists():
        raise SpanloftError(f"{source}: no store here; name the directory of the store that is to be migrated")
    target = open_store(settings)
    if isinstance(target, ParquetStore):
        raise SpanloftError(f"{settings.store}: no DuckLake")
    began = time.monotonic()
    try:
        with progress_bar("Taking over files") as advance:
            result = migrate(ParquetStore(source), target, lambda done, total: advance(done, total))
    finally:
        target.close()
    console = Console(highlight=False)
    others = sum(result.rows.values()) - result.rows["spans"]
    console.print(
        f"{result.rows['spans']:,} spans and {others:,} other rows in {result.files:,} files ({decimal(result.bytes)}) "
        f"in {time.monotonic() - began:.1f} s. The old store is as it was; remove it when you need it no more.",
        soft_wrap=True,
    )
    return 0
