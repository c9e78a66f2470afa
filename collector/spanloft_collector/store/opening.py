"""Opens the store that the settings name, whichever kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from spanloft_collector.errors import SpanloftError
from spanloft_collector.location import LakeAddress, Location, local_folder
from spanloft_collector.settings import Settings
from spanloft_collector.store.parquet import VIEW_FILE, ParquetStore

# DuckDB and all that works with lakes are imported where they are used: the pipeline of a directory needs neither, and
# the library takes 26 MB.
if TYPE_CHECKING:
    from spanloft_collector.store.ducklake import DuckLakeStore
    from spanloft_collector.store.reader import DuckDBReader

AnyStore: TypeAlias = "ParquetStore | DuckLakeStore"


def open_store(settings: Settings) -> AnyStore:
    """The store, for writing; what is missing of it is created.

    Raises:
        StoreError: it can't be opened; says what to do.
    """
    if isinstance(settings.store, LakeAddress):
        from spanloft_collector.store.ducklake import DuckLakeStore

        return DuckLakeStore(settings.store, local_folder(settings.store, settings.local))
    return ParquetStore(settings.store)


def open_directory(settings: Settings, command: str) -> ParquetStore:
    """The store, where it is a directory.

    Raises:
        SpanloftError: it is a DuckLake, which ``command`` can't work on.
    """
    if isinstance(settings.store, LakeAddress):
        raise SpanloftError(f"{command} works on a store in a directory, not on a DuckLake; see docs/scale.md")
    return ParquetStore(settings.store)


def open_reader(location: Location, local: Path | None) -> DuckDBReader:
    """A reader of a store; its first query raises StoreError where there is none."""
    from spanloft_collector.store.ducklake import LakeReader
    from spanloft_collector.store.reader import DuckDBReader

    if isinstance(location, LakeAddress):
        return LakeReader(location, local_folder(location, local) / VIEW_FILE)
    return DuckDBReader(location.expanduser().resolve() / VIEW_FILE)
