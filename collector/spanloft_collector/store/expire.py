"""How data that is no longer kept leaves a store in a directory.

A day leaves as a whole where nothing in it is to be kept: its files are retired from the manifests and unlinked after
the grace period. Where a project goes before the others, its rows are taken out of the day's files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.errors import StoreError
from spanloft_collector.model import DATASETS
from spanloft_collector.store.compact import SETTLE_S
from spanloft_collector.store.manifest import update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import DayContent, Expiry, Retention, plan
from spanloft_collector.store.rewrite import Key, Owned, Rewrites, keys_of, live_files, rewrite_file, row_groups

_COLUMNS = {dataset: {column.name for column in columns} for dataset, columns in DATASETS.items()}


def plan_expiry(store: ParquetStore, retention: Retention, today: date) -> list[Expiry]:
    """What expires now, oldest day first."""
    days: dict[str, list[Owned]] = defaultdict(list)
    for owned in live_files(store):
        days[owned.file.day].append(owned)
    contents = {day: _content(store, files) for day, files in days.items()}
    return [replace(expiry, files=days[expiry.day]) for expiry in plan(contents, retention, today)]


def _content(store: ParquetStore, files: list[Owned]) -> DayContent:
    rows: Counter[str] = Counter()
    for owned in files:
        rows[owned.file.dataset] += owned.file.rows
    return DayContent(
        rows,
        sum(owned.file.bytes for owned in files),
        sum(owned.file.bytes for owned in files if "span_id" in _COLUMNS.get(owned.file.dataset, ())),
        partial(_projects, store, files),
    )


def _projects(store: ParquetStore, files: Iterable[Owned]) -> Counter[str]:
    """Spans by project; projects that only have logs or metrics are there with 0."""
    found: Counter[str] = Counter()
    for owned in files:
        if "project" not in _COLUMNS.get(owned.file.dataset, ()):
            continue
        counts = owned.file.dataset == "spans"
        for table in row_groups(store, owned.file, ["project"]):
            for entry in pc.value_counts(table.column("project")).to_pylist():
                found[entry["values"] or "default"] += entry["counts"] if counts else 0
    return found


def expire(
    store: ParquetStore,
    plans: Iterable[Expiry],
    *,
    progress: Callable[[Expiry], None] = lambda expiry: None,
    settle_s: float = SETTLE_S,
) -> int:
    """Carry out ``plans``; returns the number of days that changed meanwhile and were left.

    The caller holds the maintenance lock. Queries that have begun still find their files.
    """
    left = 0
    with Rewrites(store, settle_s=settle_s) as rewrites:
        for expiry in plans:
            if expiry.projects:
                _take_out(store, rewrites, expiry)
            else:
                left += _retire(store, expiry)
            progress(expiry)
        rewrites.finish()
        return left + rewrites.conflicts


def _retire(store: ParquetStore, expiry: Expiry) -> int:
    by_writer: dict[str, list[str]] = defaultdict(list)
    for owned in expiry.files:
        by_writer[owned.writer].append(owned.file.file)
    left = 0
    for writer, files in by_writer.items():
        try:
            update_manifest(store.manifest_path(writer), remove=files)
        except StoreError:
            # A job has just written the day anew; the next run sees what it wrote.
            left = 1
    return left


def _take_out(store: ParquetStore, rewrites: Rewrites, expiry: Expiry) -> None:
    """Write the day's files anew without the rows of some projects; derived rows go by the ids of their spans."""
    names = pa.array(sorted(expiry.projects))
    keys: set[Key] = set()
    for owned in expiry.files:
        if owned.file.dataset == "spans":
            for table in row_groups(store, owned.file, ["trace_id", "span_id", "project"]):
                keys.update(keys_of(table.filter(_of(table, names))))

    def without(table: pa.Table) -> pa.Table:
        if "project" in table.column_names:
            return table.filter(pc.invert(_of(table, names)))
        return table.filter(pa.array([key not in keys for key in keys_of(table)], pa.bool_()))

    by_writer: dict[str, list[Owned]] = defaultdict(list)
    for owned in expiry.files:
        columns = _COLUMNS.get(owned.file.dataset, set())
        if "project" in columns or {"trace_id", "span_id"} <= columns:
            by_writer[owned.writer].append(owned)
    for writer, files in by_writer.items():
        outputs = [new for owned in files if (new := rewrite_file(store, owned, without)) is not None]
        rewrites.stage(writer, outputs, [owned.file for owned in files])


def _of(table: pa.Table, projects: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(pc.fill_null(table.column("project"), "default"), value_set=projects)
