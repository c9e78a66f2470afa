"""Replaces live files by rewritten ones while collectors publish and readers read.

A rewritten file stands in place for some seconds before the manifest names it instead of the old one, in one step for
all datasets of a unit. Whoever changes files that are already live (compaction, retention, ``remap``, ``reprice``)
holds the maintenance lock, so that none of them works on what another is about to retire.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spanloft_collector.durable import fsync_directory, locked, make_directory
from spanloft_collector.errors import StoreError
from spanloft_collector.store.compact import SETTLE_S, conform
from spanloft_collector.store.files import PendingParquet
from spanloft_collector.store.manifest import SUFFIX, LiveFile, load_manifest, update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import arrow_schema

logger = logging.getLogger(__name__)

LOCK_FILE = "maintenance.lock"

Key = tuple[str, str]
"""(trace id, span id)."""


class Owned(NamedTuple):
    """A live file and the writer whose manifest names it."""

    writer: str
    file: LiveFile


class Staged(NamedTuple):
    """Files in place that wait for the moment at which they replace others."""

    writer: str
    outputs: list[LiveFile]
    inputs: list[LiveFile]
    ready_at: float


@contextmanager
def maintenance_lock(root: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the right to change files that are live.

    Raises:
        BlockingIOError: another process holds it, and ``wait`` is false.
    """
    with locked(root / LOCK_FILE, blocking=wait):
        yield


def live_files(store: ParquetStore, *datasets: str) -> list[Owned]:
    """All live files of ``datasets`` (of every dataset when none is named), by day, then by age."""
    found = [
        Owned(path.stem, file)
        for path in (store.root / "manifest").glob(f"*{SUFFIX}")
        for file in load_manifest(path).files
        if not datasets or file.dataset in datasets
    ]
    return sorted(found, key=lambda owned: (owned.file.day, age(owned.file)))


def age(file: LiveFile) -> str:
    """The part of a file's name that tells when its rows were written; sorts oldest first."""
    return Path(file.file).stem.rsplit("-", 2)[-2]


class NewFile:
    """A file of one dataset and day in the making; nobody sees it before it is staged and switched to."""

    def __init__(
        self, store: ParquetStore, writer: str, dataset: str, day: str, *, like: LiveFile | None = None
    ) -> None:
        """Begin a file; ``like`` gives it the age and level of the file that it replaces."""
        self.store, self.dataset, self.day = store, dataset, day
        self.level = like.level if like else 0
        directory = store.root / "data" / dataset / f"day={day}"
        make_directory(directory)
        written = age(like) if like else f"{time.time_ns():020d}"
        self._pending = PendingParquet(
            directory / f"{writer}-{written}-{uuid.uuid4().hex[:8]}.parquet",
            dataset,
            rows=like.rows if like else 0,
        )

    def write(self, table: pa.Table) -> None:
        """Add rows in the dataset's schema."""
        self._pending.write(table)

    def finish(self) -> LiveFile:
        """Make the file durable."""
        rows, size = self._pending.finish()
        fsync_directory(self._pending.path.parent)
        path = str(self._pending.path.relative_to(self.store.root))
        return LiveFile(path, self.dataset, self.day, rows, size, self.level)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._pending.discard()


class Rewrites:
    """Stages replacements and switches to them when they have settled; a context manager that ends with all switched.

    The caller holds the maintenance lock. What another writer changed meanwhile is left as it is and counted in
    ``conflicts``.
    """

    def __init__(self, store: ParquetStore, *, settle_s: float = SETTLE_S) -> None:
        self.store = store
        self.settle_s = settle_s
        self.conflicts = 0
        self._staged: list[Staged] = []

    def stage(self, writer: str, outputs: Iterable[LiveFile], inputs: Iterable[LiveFile]) -> None:
        """Have ``outputs`` replace ``inputs`` of a writer, all in one step, as soon as they have settled."""
        self._staged.append(Staged(writer, list(outputs), list(inputs), time.monotonic() + self.settle_s))
        self.switch_settled()

    def switch_settled(self) -> None:
        """Switch what has settled."""
        now = time.monotonic()
        ready = [staged for staged in self._staged if staged.ready_at <= now]
        self._staged = [staged for staged in self._staged if staged.ready_at > now]
        for staged in ready:
            self._switch(staged)

    def finish(self) -> None:
        """Wait for the rest to settle and switch it."""
        while self._staged:
            time.sleep(max(0.0, min(staged.ready_at for staged in self._staged) - time.monotonic()))
            self.switch_settled()

    def _switch(self, staged: Staged) -> None:
        absent = [file.file for file in staged.outputs if not (self.store.root / file.file).exists()]
        if absent:
            raise StoreError(f"{self.store.root / absent[0]}: a rewritten file has disappeared; nothing was replaced")
        try:
            update_manifest(
                self.store.manifest_path(staged.writer),
                add=staged.outputs,
                remove=[file.file for file in staged.inputs],
            )
        except StoreError as error:
            logger.info("a rewrite was given up: %s", error)
            self.conflicts += 1
            self._drop(staged)

    def _drop(self, staged: Staged) -> None:
        for file in staged.outputs:
            (self.store.root / file.file).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            for staged in self._staged:
                self._drop(staged)
            self._staged = []


def row_groups(store: ParquetStore, file: LiveFile, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Rows of a live file, a row group at a time; with ``columns``, those only."""
    schema = arrow_schema(file.dataset)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    with pq.ParquetFile(store.root / file.file) as parquet:
        for number in range(parquet.num_row_groups):
            present = None if columns is None else [name for name in columns if name in parquet.schema_arrow.names]
            yield conform(parquet.read_row_group(number, present), schema)


def keys_of(table: pa.Table) -> list[Key]:
    """(trace id, span id) per row."""
    return list(zip(table.column("trace_id").to_pylist(), table.column("span_id").to_pylist(), strict=True))


class Patch:
    """New versions of some rows of a dataset, found by their ids."""

    def __init__(self, updates: pa.Table) -> None:
        """Prepare; ``updates`` holds full rows in the dataset's schema, each id once."""
        self.updates = updates
        self._index = {key: row for row, key in enumerate(keys_of(updates))}
        self.applied: set[Key] = set()

    def touches(self, store: ParquetStore, file: LiveFile) -> bool:
        """Whether a file holds any of the rows."""
        return any(
            not self._index.keys().isdisjoint(keys_of(table))
            for table in row_groups(store, file, ["trace_id", "span_id"])
        )

    def apply(self, table: pa.Table) -> pa.Table:
        """``table`` with the new versions in place of the old."""
        keys = keys_of(table)
        rows = [self._index.get(key) for key in keys]
        if not any(row is not None for row in rows):
            return table
        self.applied.update(key for key, row in zip(keys, rows, strict=True) if row is not None)
        old = len(keys)
        order = [number if row is None else old + row for number, row in enumerate(rows)]
        return pa.concat_tables([table, self.updates]).take(pa.array(order))


def rewrite_file(store: ParquetStore, owned: Owned, change: Callable[[pa.Table], pa.Table]) -> LiveFile | None:
    """Write the file anew with ``change`` applied to each row group; None when no row is left."""
    new = NewFile(store, owned.writer, owned.file.dataset, owned.file.day, like=owned.file)
    try:
        rows = 0
        for table in row_groups(store, owned.file):
            changed = change(table)
            rows += changed.num_rows
            if changed.num_rows:
                new.write(changed)
        if rows:
            return new.finish()
    except BaseException:
        new.discard()
        raise
    new.discard()
    return None


def set_columns(table: pa.Table, columns: dict[str, list[object]]) -> pa.Table:
    """``table`` with some columns replaced by Python values."""
    for name, values in columns.items():
        index = table.schema.get_field_index(name)
        field = table.schema.field(index)
        if isinstance(field.type, pa.JsonType):
            array = pa.ExtensionArray.from_storage(field.type, pa.array(values, pa.string()))
        else:
            array = pa.array(values, field.type)
        table = table.set_column(index, field, array)
    return table


def between(times: pa.ChunkedArray, since_us: int | None, until_us: int | None) -> pa.ChunkedArray:
    """Mask of times in ``[since, until)``, Unix microseconds; None is no bound."""
    numbers = times.cast(pa.timestamp("us")).cast(pa.int64())
    mask = pc.is_valid(numbers)
    if since_us is not None:
        mask = pc.and_(mask, pc.greater_equal(numbers, since_us))
    if until_us is not None:
        mask = pc.and_(mask, pc.less(numbers, until_us))
    return mask
