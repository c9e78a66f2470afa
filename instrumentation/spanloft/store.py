"""``spanloft.connect()``: a read-only DuckDB connection on a store, while the collector writes."""

from __future__ import annotations

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
    folder = Path(store).expanduser() if store is not None else store_path()
    file = folder / "spanloft.duckdb"
    if not file.is_file():
        raise SpanloftError(f"no store at {folder}: start one with `spanloft up --store {folder}`")
    try:
        return duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise SpanloftError(f"cannot open {file}: {str(error).splitlines()[0]}") from error
