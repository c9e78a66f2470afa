"""Parquet files of a DuckLake whose data is a local folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from spanloft_collector.durable import fsync_directory
from spanloft_collector.location import LakeAddress

_CLOCK_S = 2.0
"""By how much the file system's clock may be behind."""


def dataset_folder(address: LakeAddress, dataset: str, writer: str) -> str:
    """Folder or S3 prefix in which DuckLake writes a writer's rows of a dataset; days are below it."""
    return f"{address.data}stored/{dataset}/writer={writer}"


def sync_new_files(address: LakeAddress, written: Iterable[tuple[str, str | None]], *, since: float) -> None:
    """Make files durable that were written to a local folder since a moment; object storage does that by itself.

    Args:
        address: the DuckLake.
        written: dataset and writer; None is any.
        since: Unix seconds.
    """
    if address.on_s3:
        return
    for dataset, writer in written:
        for folder in Path(dataset_folder(address, dataset, "")).parent.glob(f"writer={writer or '*'}"):
            for day in os.scandir(folder):
                if day.stat().st_mtime >= since - _CLOCK_S:
                    _sync_day(day.path, since)
            for directory in (folder, folder.parent, folder.parent.parent):
                fsync_directory(directory)


def _sync_day(folder: str, since: float) -> None:
    for file in os.scandir(folder):
        # Somebody may be merging beside this and delete what he merged.
        with suppress(FileNotFoundError):
            if file.stat().st_mtime >= since - _CLOCK_S:
                _sync(file.path)
    fsync_directory(Path(folder))


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
