"""Runs one SELECT that a viewer wrote: read-only, without files, network or extensions, with limits.

A database of its own in memory holds no data; the store's views are attached to it read-only. Only the folders with
the store's Parquet files may be opened, external access is off and the configuration is locked, so nothing that the
statement says can switch it on again. A check of the statement's kind stops ``COPY``, which could write into those
folders.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from spanloft_collector.errors import StoreError
from spanloft_collector.location import LakeAddress
from spanloft_collector.store.ducklake import write_lake_views
from spanloft_collector.store.lake_connection import attach

ROW_LIMIT = 10_000
BYTE_LIMIT = 16 << 20
TIMEOUT_S = 20.0
MEMORY = "1GB"
_BATCH = 2_048
_PAST_THE_VIEWS = re.compile(r"postgres_\w*|ducklake_\w*|duckdb_secrets|which_secret", re.IGNORECASE)
"""Functions and tables by which a statement would reach Postgres itself, with the rights of the dashboard."""


@dataclass(frozen=True)
class Answer:
    """Rows of a statement, whether a limit cut them off, and how long it took in seconds."""

    rows: pa.Table
    cut: bool
    seconds: float


def run(
    view_file: Path,
    statement: str,
    *,
    lake: LakeAddress | None = None,
    timeout_s: float = TIMEOUT_S,
    row_limit: int = ROW_LIMIT,
) -> Answer:
    """Run one SELECT against the store's views.

    Args:
        view_file: the store's ``.duckdb`` file.
        statement: one SELECT (also FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, VALUES).
        lake: the DuckLake that the views read, where the store is one.
        timeout_s: seconds after which it is stopped.
        row_limit: number of rows after which the answer is cut off; so it is beyond 16 MiB.

    Raises:
        StoreError: when it is not one SELECT, when it fails or when it takes too long.
    """
    _check(statement)
    if lake is not None and (word := _PAST_THE_VIEWS.search(statement)):
        raise StoreError(f"{word[0]!r} is not allowed here: only the store's views are")
    connection = _open(view_file, lake)
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.daemon = True
    timer.start()
    began = time.perf_counter()
    try:
        rows, cut = _fetch(connection, statement, row_limit)
    except duckdb.InterruptException as error:
        raise StoreError(f"stopped after {timeout_s:g} s; narrow the time range or add a LIMIT") from error
    except (duckdb.Error, pa.ArrowException) as error:
        raise StoreError(str(error)) from error
    finally:
        timer.cancel()
        connection.close()
    return Answer(rows, cut, time.perf_counter() - began)


def _check(statement: str) -> None:
    try:
        kinds = [item.type for item in duckdb.extract_statements(statement)]
    except duckdb.Error as error:
        raise StoreError(str(error)) from error
    if len(kinds) != 1:
        raise StoreError("write one statement" if not kinds else f"write one statement, not {len(kinds)}")
    if kinds[0] != duckdb.StatementType.SELECT:
        raise StoreError(f"only SELECT is allowed here, not {kinds[0].name}")


def _open(view_file: Path, lake: LakeAddress | None) -> duckdb.DuckDBPyConnection:
    if lake is None and not view_file.exists():
        raise StoreError(f"{view_file}: no store here; start one with: spanloft up --store {view_file.parent}")
    root = view_file.resolve().parent
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "memory_limit": MEMORY,
            "threads": 2,
        },
    )
    try:
        if lake is not None:
            write_lake_views(lake, view_file)
            attach(connection, lake, read_only=True)
        connection.execute(f"ATTACH {_quoted(view_file)} AS store (READ_ONLY)")
        connection.execute("USE store")
        folders = [lake.data] if lake is not None else [f"{root / name}/" for name in ("data", "manifest")]
        connection.execute(f"SET allowed_directories = [{', '.join(map(_quoted, folders))}]")
        connection.execute("SET temp_directory = ''")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except StoreError:
        connection.close()
        raise
    except duckdb.Error as error:
        connection.close()
        raise StoreError(f"{view_file}: can't be opened ({error})") from error
    return connection


def _fetch(connection: duckdb.DuckDBPyConnection, statement: str, row_limit: int) -> tuple[pa.Table, bool]:
    reader = connection.execute(statement).to_arrow_reader(_BATCH)
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows > row_limit or size > BYTE_LIMIT:
            whole = pa.Table.from_batches(batches, reader.schema)
            keep = min(row_limit, rows if size <= BYTE_LIMIT else max(1, int(rows * BYTE_LIMIT / size)))
            return whole.slice(0, keep), keep < rows or rows > row_limit
    return pa.Table.from_batches(batches, reader.schema), False


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
