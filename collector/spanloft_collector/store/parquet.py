"""The embedded store: immutable Parquet files, manifests, and a ``.duckdb`` file that holds only views.

Publishing is: write beside, fsync, rename, fsync the directory, then replace the manifest. Readers go through
the manifest, so nobody takes a lock to read and a reader sees all of a batch or nothing of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.durable import fsync_directory, locked, make_directory, write_durably
from spanloft_collector.errors import StoreError, StoreTooNew, Vanished
from spanloft_collector.lean import in_child
from spanloft_collector.model import DATASETS, SCHEMA_VERSION
from spanloft_collector.store.base import INGEST
from spanloft_collector.store.concatenate import concatenate_durably
from spanloft_collector.store.files import write_parquet
from spanloft_collector.store.manifest import (
    SUFFIX,
    LiveFile,
    Manifest,
    load_manifest,
    update_manifest,
)
from spanloft_collector.store.partitions import TIME_COLUMN, fills_row_groups
from spanloft_collector.store.schema import arrow_schema
from spanloft_collector.store.views import EMPTY_DAYS, NEWEST_FIRST, write_view_file

if TYPE_CHECKING:
    from spanloft_collector.store.reader import DuckDBReader

VIEW_FILE = "spanloft.duckdb"
META_FILE = "store.json"

PUBLISH_SETTLE_S = 0.05
"""Pause between a batch's files being in place and its manifest."""

REPLACE_SETTLE_S = 1.0
"""The same pause where a batch replaces earlier files: longer than a query on a busy machine takes to start."""


class ParquetStore:
    """A store in one directory. Opening it creates what is missing and checks the version."""

    def __init__(self, root: Path | str) -> None:
        """Open the store at ``root``.

        Raises:
            StoreTooNew: when a newer Spanloft wrote it.
            StoreError: when the directory can't be created or written.
        """
        self.root = Path(root).expanduser().resolve()
        self._views_of: date | None = None
        try:
            make_directory(self.root / "manifest")
            make_directory(self.root / "data")
            with locked(self.root / "store.lock"):
                self._version = self._stored_version()
                self._initialise()
        except OSError as error:
            raise StoreError(
                f"{self.root}: the store can't be written ({error.strerror or error}); "
                "check the directory's owner and free space, or choose another with --store"
            ) from error

    @property
    def view_file(self) -> Path:
        """The ``.duckdb`` file that users open."""
        return self.root / VIEW_FILE

    def manifest_path(self, writer: str) -> Path:
        """Path of a writer's manifest."""
        return self.root / "manifest" / f"{writer}{SUFFIX}"

    def manifest(self, writer: str) -> Manifest:
        """The live files and watermark of a writer."""
        return load_manifest(self.manifest_path(writer))

    def watermark(self, writer: str) -> dict[str, Any]:
        """Return the watermark that was published last; empty for a new writer."""
        return self.manifest(writer).watermark

    def complete_until_us(self) -> int:
        """Unix microseconds: every span with an ``ingest_time`` up to this is visible; see ``base.Store``."""
        return int(self.watermark(INGEST).get("ingest_us", 0))

    def lease(self, name: str, *, wait: bool) -> AbstractContextManager[None]:
        """Hold a name among all processes of the store; see ``base.Store``."""
        leases = self.root / "jobs"
        leases.mkdir(parents=True, exist_ok=True)
        return locked(leases / f"{name}.lock", blocking=wait)

    def reader(self) -> DuckDBReader:
        """Return a reader of this store."""
        from spanloft_collector.store.reader import DuckDBReader

        return DuckDBReader(self.view_file)

    def write_ahead(self, writer: str, tables: Mapping[str, pa.Table]) -> list[LiveFile]:
        """Store ``tables`` for a later publish; see ``base.AheadStore``."""
        added: list[LiveFile] = []
        try:
            for dataset, table in tables.items():
                added.extend(self.write_files(writer, dataset, table))
        except BaseException:
            self._discard(writer, added)
            raise
        return added

    def publish(
        self,
        writer: str,
        tables: Mapping[str, pa.Table],
        watermark: Mapping[str, Any] | None = None,
        replace_days: Mapping[str, Sequence[str]] | None = None,
        ahead: Sequence[LiveFile] = (),
    ) -> None:
        """Publish tables and watermark of ``writer`` in one step; see ``base.Store.publish``."""
        path = self.manifest_path(writer)
        if watermark and load_manifest(path).watermark == watermark:
            # A step behind the rename of the manifest had failed: what is asked for again is there already.
            fsync_directory(path.parent)
            return
        added = self.write_ahead(writer, tables)
        try:
            self._keep(ahead)

            def superseded(file: LiveFile) -> bool:
                return replace_days is not None and file.day in replace_days.get(file.dataset, ())

            replaces = any(map(superseded, load_manifest(path).files))
            # A query finds its files first and reads the manifest a moment later: give it that moment, so that it
            # can't read a manifest that lists files it did not find. Where rows are replaced, those would be missing.
            time.sleep(REPLACE_SETTLE_S if replaces else PUBLISH_SETTLE_S)
            update_manifest(path, add=[*ahead, *added], remove_if=superseded, watermark=watermark)
        except BaseException:
            self._discard(writer, added)
            raise

    def _keep(self, ahead: Sequence[LiveFile]) -> None:
        """Make files look new: a machine that slept wakes up with files that a sweep takes for a crash's orphans."""
        for file in ahead:
            try:
                os.utime(self.root / file.file)
            except FileNotFoundError:
                raise Vanished(f"{file.file} was deleted before it was published") from None

    def _discard(self, writer: str, added: Sequence[LiveFile]) -> None:
        """Delete what a failed publish wrote: on a full disk every try would add to it."""
        with contextlib.suppress(OSError, StoreError):
            live = {file.file for file in self.manifest(writer).files}
            for file in added:
                if file.file not in live:
                    (self.root / file.file).unlink(missing_ok=True)

    def drop(self, writer: str) -> None:
        """Retire everything ``writer`` published and reset its watermark."""
        update_manifest(self.manifest_path(writer), remove_if=lambda file: True, watermark={})

    def write_files(self, writer: str, dataset: str, table: pa.Table) -> list[LiveFile]:
        """Write ``table`` as durable files, one per UTC day, sorted by time. They are not visible yet.

        A table whose chunks are sorted stays as it is: they came one after the other.
        """
        time_column = TIME_COLUMN.get(dataset, "start_time")
        table = table.select(arrow_schema(dataset).names)
        if not chunks_sorted(table.column(time_column)):
            table = table.sort_by(time_column)
        return [
            self.write_stream(writer, dataset, day, [rows], level=0, rows=rows.num_rows)
            for day, rows in split_by_day(table, time_column)
        ]

    def write_stream(
        self, writer: str, dataset: str, day: str, tables: Iterable[pa.Table], *, level: int, rows: int
    ) -> LiveFile:
        """Write ``tables`` (one UTC day, about ``rows`` rows) as one durable file. It is not visible yet."""
        # What is only copied later must be small now.
        fresh = level == 0 and not fills_row_groups(dataset, rows)

        def write(path: Path) -> tuple[int, int]:
            return write_parquet(path, tables, dataset, rows=rows, fresh=fresh)

        return self._new_file(writer, dataset, day, level, write)

    def write_concatenated(
        self, writer: str, dataset: str, day: str, files: Sequence[LiveFile], level: int
    ) -> LiveFile:
        """Write the row groups of live files of one day as one durable file. It is not visible yet.

        Raises:
            Unlike: the files can't stand in one file as they are.
        """
        paths = [self.root / file.file for file in files]
        return self._new_file(writer, dataset, day, level, lambda path: concatenate_durably(path, paths))

    def _new_file(
        self, writer: str, dataset: str, day: str, level: int, write: Callable[[Path], tuple[int, int]]
    ) -> LiveFile:
        directory = self.root / "data" / dataset / f"day={day}"
        make_directory(directory)
        path = directory / f"{writer}-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.parquet"
        rows, size = write(path)
        try:
            fsync_directory(directory)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return LiveFile(str(path.relative_to(self.root)), dataset, day, rows, size, level)

    def _stored_version(self) -> int:
        """Version of the store's files; the newest where there is no store yet."""
        path = self.root / META_FILE
        try:
            version = int(json.loads(path.read_bytes())["schema_version"])
        except FileNotFoundError:
            return SCHEMA_VERSION
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: expected JSON with 'schema_version'; restore the file or remove it") from error
        if version > SCHEMA_VERSION:
            raise StoreTooNew(
                f"{self.root}: this store has version {version}, this Spanloft reads up to {SCHEMA_VERSION}; "
                "upgrade with: pip install -U spanloft"
            )
        return version

    def refresh_views(self) -> None:
        """On a new day, have the views read that day's files first; cheap on the same day."""
        if self._views_of != datetime.now(UTC).date():
            with locked(self.root / "store.lock"):
                self._initialise(partial(in_child, write_view_file))

    def _initialise(self, write_views: Callable[[Path, Path, date, int], object] = write_view_file) -> None:
        """Create what is missing: empty files so that views bind, the view file, and the version last."""
        for dataset in DATASETS:
            for day in EMPTY_DAYS if dataset in NEWEST_FIRST else EMPTY_DAYS[:1]:
                self._make_empty(dataset, day)
        if not self.manifest_path("none").exists():
            update_manifest(self.manifest_path("none"))
        today = datetime.now(UTC).date()
        digest = write_view_file(self.root, self.view_file, today, self._version, check_only=True)
        wanted = json.dumps({"schema_version": self._version, "root": str(self.root), "views": digest}).encode()
        path = self.root / META_FILE
        if not self.view_file.exists() or not path.exists() or path.read_bytes() != wanted:
            write_views(self.root, self.view_file, today, self._version)
            write_durably(path, wanted)
        self._views_of = today

    def _make_empty(self, dataset: str, day: str) -> None:
        empty = self.root / "data" / dataset / day / "empty.parquet"
        if empty.exists():
            return
        first = self.root / "data" / dataset / EMPTY_DAYS[0] / "empty.parquet"
        if empty == first:
            make_directory(empty.parent)
            write_parquet(empty, [], dataset)
            fsync_directory(empty.parent)
            return
        # Not synced one by one: what a power cut takes of them is made again when the collector starts.
        empty.parent.mkdir(exist_ok=True)
        try:
            empty.hardlink_to(first)
        except OSError:
            # Some file systems have no links.
            shutil.copyfile(first, empty)


def chunks_sorted(times: pa.ChunkedArray) -> bool:
    """Whether times rise within each chunk, but for one step back: a decoder's calls stand before its other spans."""
    width = pa.int32() if times.type.bit_width == 32 else pa.int64()
    steps = (pc.pairwise_diff(chunk.cast(width)) for chunk in times.chunks)
    return all((pc.sum(pc.less(step, 0)).as_py() or 0) <= 1 for step in steps)


def split_by_day(table: pa.Table, time_column: str) -> list[tuple[str, pa.Table]]:
    """Split rows by the UTC day of ``time_column``: [("YYYY-MM-DD", rows), ...]; no rows, no parts."""
    if table.num_rows == 0:
        return []
    days = (
        table.column(time_column).cast(pa.date32())
        if table.schema.field(time_column).type != pa.date32()
        else (table.column(time_column))
    )
    bounds = pc.min_max(days).as_py()
    if bounds["min"] == bounds["max"]:
        return [(str(bounds["min"]), table)]
    return [(str(day), table.filter(pc.equal(days, pa.scalar(day, pa.date32())))) for day in days.unique().to_pylist()]
