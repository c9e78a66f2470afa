"""Merges small files into larger ones, without a lock and without a reader noticing.

Files have a level: what the pipeline publishes is level 0, ``FAN_IN`` files of one level and day become one file of
the next. The merged file is in place some seconds before the manifest names it, because a query finds its files
first and reads the manifest a moment later. Superseded files stay for a grace period.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spanloft_collector.errors import StoreError
from spanloft_collector.store.concatenate import Unlike
from spanloft_collector.store.ids import Numbers, span_numbers
from spanloft_collector.store.manifest import SUFFIX, LiveFile, load_manifest, update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.partitions import fills_row_groups
from spanloft_collector.store.schema import arrow_schema

logger = logging.getLogger(__name__)

FAN_IN = 32
"""Files of one level that become one of the next: few enough to keep views fast, enough to rewrite rarely."""
SMALL_AMONG = 8
"""One file with small row groups among so many is merged like the others."""
MAX_BYTES = 256 * 1024 * 1024
"""Files are not merged beyond this size: rewriting it would cost more than it saves."""
SETTLE_S = 10.0
"""How long a merged file is in place before the manifest names it: longer than a query takes to start."""

DEDUPLICATED = frozenset({"spans", "payloads"})


class Staged(NamedTuple):
    """A merge whose file is in place but not yet named by the manifest."""

    writer: str
    merged: list[LiveFile]
    inputs: list[LiveFile]
    ready_at: float


def writers(store: ParquetStore) -> list[str]:
    """Names of all writers with a manifest."""
    return sorted(path.stem for path in (store.root / "manifest").glob(f"*{SUFFIX}"))


def plan(files: Iterable[LiveFile], *, busy: frozenset[str] = frozenset()) -> list[list[LiveFile]]:
    """Groups of files to merge: per dataset, day and level, oldest first; without the files in ``busy``."""
    groups: dict[tuple[str, str, int], list[LiveFile]] = defaultdict(list)
    for file in files:
        if file.file not in busy:
            groups[file.dataset, file.day, file.level].append(file)
    merges = []
    for group in groups.values():
        # Names begin with the writer and the time of writing, so they sort by age.
        group.sort(key=lambda file: Path(file.file).name)
        for start in range(0, len(group) - FAN_IN + 1, FAN_IN):
            batch = group[start : start + FAN_IN]
            if sum(file.bytes for file in batch) <= MAX_BYTES:
                merges.append(batch)
    return merges


def merge(store: ParquetStore, writer: str, inputs: list[LiveFile]) -> Staged:
    """Write one file with the rows of ``inputs``, in their order; spans that were stored twice are kept once.

    Files whose row groups are large enough are copied end to end. Else rows are streamed, a row group at a time, so
    memory does not grow with the files. Files are in order of arrival and about sorted inside, so the row groups of the
    result stay narrow in time, which is what queries prune by.
    """
    dataset, day = inputs[0].dataset, inputs[0].day
    level = inputs[0].level + 1
    merged = None
    if _may_be_copied(inputs) and not _repeats(store, inputs):
        try:
            merged = store.write_concatenated(writer, dataset, day, inputs, level)
        except Unlike as error:
            logger.info("%s of %s is merged row by row: %s", dataset, day, error)
    if merged is None:
        batches = read_batches([store.root / file.file for file in inputs], dataset)
        if dataset in DEDUPLICATED:
            batches = first_of_each_span(batches)
        merged = store.write_stream(writer, dataset, day, batches, level=level, rows=sum(file.rows for file in inputs))
    return Staged(writer, [merged], inputs, time.monotonic() + SETTLE_S)


def _may_be_copied(files: Sequence[LiveFile]) -> bool:
    """Whether the row groups of ``files`` are large enough to stay as they are.

    A few are not, however busy a collector is: those of its first spans, and of a moment when fewer came.
    """
    return sum(not fills_row_groups(file.dataset, file.rows) for file in files) <= len(files) // SMALL_AMONG


def _repeats(store: ParquetStore, files: Iterable[LiveFile]) -> bool:
    """Whether a span may be in ``files`` twice; that two numbers are equal by chance happens once in 10^8 merges."""
    numbers: list[Numbers] = []
    for file in files:
        if file.dataset not in DEDUPLICATED:
            return False
        with pq.ParquetFile(store.root / file.file) as read:
            for group in range(read.num_row_groups):
                ids = read.read_row_group(group, ["trace_id", "span_id"])
                found = span_numbers(ids.column("trace_id"), ids.column("span_id"))
                if found is None:
                    return True
                numbers.append(found)
    whole = np.sort(np.concatenate(numbers))
    return bool((whole[1:] == whole[:-1]).any())


def read_batches(paths: list[Path], dataset: str) -> Iterator[pa.Table]:
    """The rows of Parquet files, a row group at a time, in the dataset's current schema."""
    schema = arrow_schema(dataset)
    for path in paths:
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                yield conform(file.read_row_group(number), schema)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """``table`` with the columns of ``schema``; those that an older version did not have are NULL."""
    columns = [
        table.column(field.name) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, names=schema.names).cast(schema)


def first_of_each_span(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Drop rows whose (trace_id, span_id) came before, in this table or in an earlier one."""
    seen: set[int] = set()
    for table in tables:
        keys = zip(table.column("trace_id").to_pylist(), table.column("span_id").to_pylist(), strict=True)
        keep = []
        for key in map(hash, keys):
            keep.append(key not in seen)
            seen.add(key)
        if not all(keep):
            logger.info("%d spans that were stored twice are now stored once", keep.count(False))
            table = table.filter(pa.array(keep))
        yield table


def switch(store: ParquetStore, staged: Staged) -> None:
    """Name the merged file in the manifest instead of its inputs, in one step."""
    inputs = [file.file for file in staged.inputs]
    try:
        update_manifest(store.manifest_path(staged.writer), add=staged.merged, remove=inputs)
    except StoreError as error:
        # The inputs were expired or replaced meanwhile; the merged file is an orphan and will be swept.
        logger.info("a merge was given up: %s", error)


def sweep(store: ParquetStore, grace_s: float) -> int:
    """Delete files that no manifest names: retired ones after ``grace_s``, orphans of a crash when older than that.

    Returns the number of files deleted.
    """
    now = time.time()
    deleted = 0
    known: set[str] = set()
    for writer in writers(store):
        manifest = load_manifest(store.manifest_path(writer))
        due = [file for file, since in manifest.retired.items() if now - since > grace_s]
        for file in due:
            (store.root / file).unlink(missing_ok=True)
        if due:
            update_manifest(store.manifest_path(writer), forget=due)
            deleted += len(due)
        known |= {file.file for file in manifest.files} | manifest.retired.keys()
    # Orphans: a file is written before it is named, so only an old one is surely nobody's.
    for path in (store.root / "data").glob("*/day=*/*"):
        try:
            age = now - path.stat().st_mtime
            if (
                str(path.relative_to(store.root)) not in known
                and path.name != "empty.parquet"
                and age > max(grace_s, 60.0)
            ):
                path.unlink()
                deleted += 1
        except FileNotFoundError:
            continue
    return deleted
