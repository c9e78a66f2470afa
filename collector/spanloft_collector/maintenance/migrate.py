"""``spanloft migrate``: takes a store in a directory into a DuckLake, without writing its Parquet files anew.

In a folder the files get a second name (a hard link), on S3 they are uploaded as they are; either way DuckLake is told
of them. All of it is one transaction, watermarks included, so the jobs go on where they were. The old store stays as it
is and may be removed afterwards.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow.fs as pafs

from spanloft_collector.durable import make_directory
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.journal import JournalReader, Position
from spanloft_collector.loader import running_collector
from spanloft_collector.model import DATASETS
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.lake_connection import first_line, lake_sql, s3_endpoint
from spanloft_collector.store.lake_files import dataset_folder, sync_new_files
from spanloft_collector.store.lake_schema import DAY
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import Owned, live_files, maintenance_lock

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What was taken over: rows by dataset, files, bytes."""

    rows: Counter[str]
    files: int
    bytes: int


def migrate(source: ParquetStore, target: DuckLakeStore, progress: Progress = lambda done, total: None) -> Migration:
    """Take the store ``source`` into the empty DuckLake ``target``.

    Raises:
        SpanloftError: the source's journal still holds spans, or the target is not empty.
        StoreError: a file can't be linked, uploaded or read; nothing was taken over.
    """
    _check(source, target)
    with maintenance_lock(source.root):
        owned = live_files(source)
        placed: dict[str, list[str]] = defaultdict(list)
        for number, (dataset, path) in enumerate(_place(source, target, owned), 1):
            placed[dataset].append(path)
            progress(number, len(owned))
        writers = sorted(path.stem for path in (source.root / "manifest").glob("*.json"))
        target.transaction(partial(_adopt, source, target, placed, writers))
    rows: Counter[str] = Counter()
    for one in owned:
        rows[one.file.dataset] += one.file.rows
    return Migration(rows, len(owned), sum(one.file.bytes for one in owned))


def _check(source: ParquetStore, target: DuckLakeStore) -> None:
    if (url := running_collector(source.root)) is not None:
        raise SpanloftError(f"{source.root}: a collector runs on it at {url}; stop it first")
    position = Position(*source.watermark("ingest").get("journal", (0, 0)))
    if JournalReader(source.root / "journal", position, whole=True).read(1):
        raise SpanloftError(
            f"{source.root}: its journal holds spans that are not in the store; start a collector on it and stop it "
            "again with Ctrl-C, which stores them"
        )
    held = target.reader().sql("SELECT count(*) AS files FROM store_files").column("files")[0].as_py()
    if held:
        raise SpanloftError(f"{target.address}: this store is not empty ({held} files); migrate into a new one")


def _place(source: ParquetStore, target: DuckLakeStore, files: Iterable[Owned]) -> Iterable[tuple[str, str]]:
    """Bring each file to where DuckLake would have written it; yields dataset and path."""
    bucket = _bucket() if target.address.on_s3 else None
    for owned in files:
        old = source.root / owned.file.file
        writer = _kept_name(owned.writer)
        folder = f"{dataset_folder(target.address, owned.file.dataset, writer)}/{DAY}={owned.file.day}"
        path = f"{folder}/{old.name}"
        try:
            if bucket is None:
                make_directory(Path(folder))
                _link(old, Path(path))
            else:
                pafs.copy_files(
                    str(old),
                    path.removeprefix("s3://"),
                    source_filesystem=pafs.LocalFileSystem(),
                    destination_filesystem=bucket,
                )
        except OSError as error:
            raise StoreError(f"{old}: can't be brought to {path} ({error.strerror or first_line(error)})") from None
        yield owned.file.dataset, path


def _link(old: Path, new: Path) -> None:
    new.unlink(missing_ok=True)
    try:
        os.link(old, new)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        # Another file system: there is no second name for a file.
        shutil.copyfile(old, new)


def _bucket() -> pafs.FileSystem:
    endpoint = s3_endpoint()
    if endpoint is None:
        return pafs.S3FileSystem()
    parts = urlsplit(endpoint)
    return pafs.S3FileSystem(endpoint_override=parts.netloc, scheme=parts.scheme)


def _adopt(
    source: ParquetStore,
    target: DuckLakeStore,
    placed: dict[str, list[str]],
    writers: list[str],
    cursor: duckdb.DuckDBPyConnection,
    held: ExitStack,
) -> None:
    for dataset in DATASETS:
        if placed.get(dataset):
            # They were synced when they were written; now their new names are.
            sync_new_files(target.address, [(dataset, None)], since=0.0)
            cursor.execute(lake_sql("add_files", table=dataset), {"files": placed[dataset]}).fetchall()
    for writer in writers:
        watermark = source.watermark(writer)
        if watermark:
            # A position in the old store's journal means nothing to the new one.
            kept = {key: value for key, value in watermark.items() if key != "journal"}
            target.write_watermark(cursor, _kept_name(writer), kept)


def _kept_name(writer: str) -> str:
    """Old spans keep a writer of their own, whoever migrates them: what it wrote is not of the collector here."""
    return "ingest-migrated" if writer == "ingest" else writer
