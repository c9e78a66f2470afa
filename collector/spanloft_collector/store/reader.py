"""Reads the views with DuckDB: named queries from ``sql/queries``, each with a time limit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from spanloft_collector.errors import StoreError

_TRIES = 5
BATCH_ROWS = 8_192
"""Rows of an Arrow batch. DuckDB gets memory for a whole one: 200 MB for a row of 25 columns with its own million."""


@cache
def named_query(name: str) -> str:
    """Text of ``sql/queries/<name>.sql``; FileNotFoundError when there is none."""
    return (files("spanloft_collector") / "sql" / "queries" / f"{name}.sql").read_text()


@cache
def has_query(name: str) -> bool:
    """Whether there is a ``sql/queries/<name>.sql``."""
    return (files("spanloft_collector") / "sql" / "queries" / f"{name}.sql").is_file()


def fetch(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, Any] | None = None
) -> pa.Table:
    """Run ``statement`` and return its rows; once more when a file vanished under it.

    Where many files are live, DuckDB opens also those between them that no manifest names. One of these may be deleted
    between the moment a query finds its files and the moment it opens them; the next try does not find it any more.
    """
    for left in reversed(range(_TRIES)):
        try:
            result = connection.execute(statement, parameters or None)
            return result.to_arrow_table(BATCH_ROWS) if result.description else pa.table({})
        except duckdb.IOException as error:
            if not left or "No such file" not in str(error):
                raise
    raise AssertionError("the last try returns or raises")


class DuckDBReader:
    """Reads one view file. One connection is opened on first use; every query runs on a cursor of its own."""

    def __init__(self, view_file: Path) -> None:
        self.view_file = view_file
        self._shared: duckdb.DuckDBPyConnection | None = None
        self._opened: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a read-only connection of the caller's own; the caller closes it.

        Raises:
            StoreError: when there is no store or it can't be opened.
        """
        if not self.view_file.exists():
            raise StoreError(
                f"{self.view_file}: no store here; start one with: spanloft up --store {self.view_file.parent}"
            )
        try:
            connection = duckdb.connect(str(self.view_file), read_only=True)
            # Files never change under their name, so a query need not read again what another one has read of them.
            connection.execute("SET parquet_metadata_cache = true")
            return connection
        except duckdb.Error as error:
            raise StoreError(f"{self.view_file}: can't be opened ({error})") from error

    def query(self, name: str, parameters: Mapping[str, Any] | None = None, *, timeout_s: float = 30.0) -> pa.Table:
        """Run ``sql/queries/<name>.sql`` with named parameters (``$name``) and return its rows.

        Raises:
            StoreError: when it fails, takes too long, or needs a view that the store does not have yet.
        """
        try:
            return self.sql(named_query(name), parameters, timeout_s=timeout_s)
        except StoreError as error:
            if isinstance(error.__cause__, (duckdb.CatalogException, duckdb.BinderException)):
                raise StoreError(
                    "the store was written by an older version of Spanloft and lacks what this asks for; its collector "
                    f"adds it at the next start, or run: spanloft jobs run --store {self.view_file.parent}"
                ) from error
            raise

    def sql(self, statement: str, parameters: Mapping[str, Any] | None = None, *, timeout_s: float = 30.0) -> pa.Table:
        """Run one statement and return its rows as an Arrow table.

        Raises:
            StoreError: when the statement fails or takes longer than ``timeout_s`` seconds.
        """
        cursor = self._cursor()
        timer = threading.Timer(timeout_s, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            used = {key: value for key, value in (parameters or {}).items() if f"${key}" in statement}
            return fetch(cursor, statement, used)
        except duckdb.InterruptException as error:
            raise StoreError(f"the query took longer than {timeout_s:g} s; narrow the time range") from error
        except duckdb.Error as error:
            raise self.failure(error) from error
        finally:
            timer.cancel()
            cursor.close()

    def failure(self, error: duckdb.Error) -> StoreError:
        """What to say when a statement failed."""
        return StoreError(str(error))

    def close(self) -> None:
        """Close the shared connection; the next query opens it again."""
        with self._lock:
            if self._shared is not None:
                self._shared.close()
                self._shared = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            # The view file is replaced when the views change; a connection would go on with the old ones.
            try:
                status = self.view_file.stat()
                identity = (status.st_ino, status.st_mtime_ns)
            except FileNotFoundError:
                identity = None
            if self._shared is not None and identity != self._opened:
                self._shared.close()
                self._shared = None
            if self._shared is None:
                self._shared = self.connect()
                self._opened = identity
            return self._shared.cursor()
