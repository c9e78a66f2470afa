"""``spanloft.connect()``: a read-only DuckDB connection on a store, while the collector writes."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .config import store_path
from .errors import SpanloftError

if TYPE_CHECKING:
    import duckdb


def connect(store: str | os.PathLike[str] | None = None) -> duckdb.DuckDBPyConnection:
    """See :func:`spanloft.connect`."""
    try:
        import duckdb
    except ImportError:
        raise SpanloftError('duckdb is missing: pip install "spanloft[all]"') from None
    place = os.fspath(store) if store is not None else os.environ.get("SPANLOFT_STORE", "").strip()
    if place.startswith("ducklake:"):
        return _connect_lake(place)
    folder = Path(store).expanduser() if store is not None else store_path()
    file = folder / "spanloft.duckdb"
    if not file.is_file():
        raise SpanloftError(f"no store at {folder}: start one with `spanloft up --store {folder}`")
    try:
        connection = duckdb.connect(str(file), read_only=True)
        # Files never change under their name, so a query need not read again what another one has read of them.
        connection.execute("SET parquet_metadata_cache = true")
        return connection
    except duckdb.Error as error:
        raise SpanloftError(f"cannot open {file}: {str(error).splitlines()[0]}") from error


def _connect_lake(place: str) -> duckdb.DuckDBPyConnection:
    try:
        opening = importlib.import_module("spanloft_collector.store.opening")
    except ImportError:
        raise SpanloftError('a DuckLake store needs more packages: pip install "spanloft[scale]"') from None
    location = importlib.import_module("spanloft_collector.location")
    local = os.environ.get("SPANLOFT_LOCAL", "").strip()
    try:
        reader = opening.open_reader(location.parse_location(place), Path(local) if local else None)
        connection: duckdb.DuckDBPyConnection = reader.connect()
    except Exception as error:
        # The collector's error class, which this package doesn't import.
        if any(base.__name__ == "SpanloftError" for base in type(error).__mro__):
            raise SpanloftError(str(error)) from None
        raise
    return connection
