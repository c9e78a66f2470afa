"""Files that survive a power cut: written beside, synced, renamed, and the directory synced too."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spanloft_collector.model import DATASETS

# Ids and texts differ in every row: a dictionary would only be built and thrown away.
PLAIN_COLUMNS = frozenset(
    {"trace_id", "span_id", "parent_span_id", "start_time", "duration_ms", "response_id", "ingest_time"}
    | {column.name for column in DATASETS["payloads"] if column.type == "JSON"} - {"resource", "tool_definitions"}
)


def fsync_directory(path: Path) -> None:
    """Make the names in ``path`` durable; a rename alone is lost when the power goes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create ``path`` and its parents durably."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(exist_ok=True)
        fsync_directory(directory.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader sees the old content or the new, also after a crash."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    fsync_directory(path.parent)


def write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, *, row_group_rows: int) -> tuple[int, int]:
    """Write ``tables`` to ``path`` durably; returns rows and bytes. The directory is not synced.

    Args:
        path: the file; it appears under this name when it is complete.
        tables: of ``schema``; small ones share a row group.
        schema: the columns. Columns whose values differ in every row get no dictionary.
        row_group_rows: rows per row group; what a reader decodes at once.
    """
    partial = path.with_name(f"{path.name}.tmp")
    rows = 0
    with partial.open("wb") as file:
        # zstd 3 takes as long as zstd 1 on message text and is a tenth smaller; 6 takes three times as long.
        with pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=[name for name in schema.names if name not in PLAIN_COLUMNS],
        ) as writer:
            for table in regroup(tables, row_group_rows):
                writer.write_table(table, row_group_rows)
                rows += table.num_rows
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    partial.rename(path)
    return rows, size


def regroup(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of ``rows`` or a little more; the last may be smaller."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count >= rows:
            yield pa.concat_tables(held)
            held, count = [], 0
    if held:
        yield pa.concat_tables(held)


@contextmanager
def locked(path: Path, *, blocking: bool = True) -> Iterator[None]:
    """Hold an exclusive advisory lock on ``path``; the kernel drops it when the process dies.

    Raises:
        BlockingIOError: when ``blocking`` is false and another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
