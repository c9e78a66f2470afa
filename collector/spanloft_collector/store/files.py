"""Files that survive a power cut: written beside, synced, renamed, and the directory synced too."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


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


def write_parquet(
    path: Path,
    table: pa.Table,
    *,
    row_group_rows: int,
    compression_level: int = 1,
    dictionary: bool | list[str] = True,
) -> int:
    """Write ``table`` to ``path`` durably and return the file's size in bytes. The directory is not synced."""
    partial = path.with_name(f"{path.name}.tmp")
    with partial.open("wb") as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            compression_level=compression_level,
            row_group_size=row_group_rows,
            use_dictionary=dictionary,
            write_page_index=False,
        )
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    partial.rename(path)
    return size


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
