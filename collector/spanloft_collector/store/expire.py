"""Retention: which days a store no longer keeps, by age and by size, and how they leave it.

A day leaves as a whole where nothing in it is to be kept: its files are retired from the manifests and unlinked after
the grace period. Where a project has a term of its own, its rows are taken out of the day's files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.errors import StoreError
from spanloft_collector.model import DATASETS
from spanloft_collector.store.compact import SETTLE_S
from spanloft_collector.store.manifest import update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import Key, Owned, Rewrites, keys_of, live_files, rewrite_file, row_groups

_COLUMNS = {dataset: {column.name for column in columns} for dataset, columns in DATASETS.items()}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long data is kept, in whole UTC days, and how much of it, in bytes on disk; None is no limit."""

    days: int | None = None
    project_days: Mapping[str, int] = field(default_factory=dict)
    max_bytes: int | None = None

    @property
    def limited(self) -> bool:
        """Whether anything ever expires."""
        return self.days is not None or bool(self.project_days) or self.max_bytes is not None

    def expired(self, project: str | None, day: str, today: date) -> bool:
        """Whether a project's data of a day is older than its term."""
        term = self.days if project is None else self.project_days.get(project, self.days)
        return term is not None and day < str(today - timedelta(days=term))


def parse_retention(days: str | None, max_bytes: int | None) -> Retention:
    """Terms from the settings, which have checked them: ``30``, ``30,demo=7`` or ``demo=7``."""
    default: int | None = None
    projects: dict[str, int] = {}
    for entry in filter(None, (entry.strip() for entry in (days or "").split(","))):
        project, separator, number = entry.rpartition("=")
        if separator:
            projects[project.strip()] = int(number)
        else:
            default = int(number)
    return Retention(default, projects, max_bytes)


@dataclass(frozen=True, slots=True)
class Expiry:
    """What leaves of one day, and why. ``projects`` is empty when the day leaves as a whole.

    ``rows`` counts by dataset; ``bytes`` is the size of the files, for a single project its share of the spans.
    """

    day: str
    reason: str
    files: list[Owned]
    rows: Mapping[str, int]
    bytes: int
    projects: frozenset[str] = frozenset()


def plan_expiry(store: ParquetStore, retention: Retention, today: date) -> list[Expiry]:
    """What expires now, oldest day first."""
    days: dict[str, list[Owned]] = defaultdict(list)
    for owned in live_files(store):
        days[owned.file.day].append(owned)
    plans = [plan for day in sorted(days) if (plan := _by_age(store, retention, today, day, days[day])) is not None]
    if retention.max_bytes is not None:
        going = {plan.day for plan in plans if not plan.projects}
        plans = [
            *plans,
            *_by_size(retention.max_bytes, {day: files for day, files in days.items() if day not in going}),
        ]
        whole = {plan.day for plan in plans if not plan.projects}
        plans = [plan for plan in plans if not plan.projects or plan.day not in whole]
    return sorted(plans, key=lambda plan: plan.day)


def _by_age(store: ParquetStore, retention: Retention, today: date, day: str, files: list[Owned]) -> Expiry | None:
    if not retention.project_days:
        return _whole(day, _age(retention.days), files) if retention.expired(None, day, today) else None
    terms = [*retention.project_days.values(), *([] if retention.days is None else [retention.days])]
    if day >= str(today - timedelta(days=min(terms))):
        return None
    spans = _projects(store, files)
    expired = frozenset(project for project in spans if retention.expired(project, day, today))
    if expired == spans.keys() and (spans or retention.expired(None, day, today)):
        return _whole(day, "older than its projects are kept", files)
    if not expired:
        return None
    count = sum(spans[project] for project in expired)
    size = sum(owned.file.bytes for owned in files if _COLUMNS.get(owned.file.dataset, set()) & {"span_id"})
    share = size * count // max(1, spans.total())
    return Expiry(day, f"project {', '.join(sorted(expired))}", files, {"spans": count}, share, expired)


def _age(days: int | None) -> str:
    return f"older than {days} days"


def _by_size(max_bytes: int, days: Mapping[str, list[Owned]]) -> Iterable[Expiry]:
    total = sum(owned.file.bytes for files in days.values() for owned in files)
    # The newest day stays whatever its size: it is being written.
    for day in sorted(days)[:-1]:
        if total <= max_bytes:
            return
        plan = _whole(day, "more bytes than are kept", days[day])
        total -= plan.bytes
        yield plan


def _whole(day: str, reason: str, files: list[Owned]) -> Expiry:
    rows: Counter[str] = Counter()
    for owned in files:
        rows[owned.file.dataset] += owned.file.rows
    return Expiry(day, reason, files, dict(rows), sum(owned.file.bytes for owned in files))


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
    progress: Callable[[Expiry], None] = lambda plan: None,
    settle_s: float = SETTLE_S,
) -> int:
    """Carry out ``plans``; returns the number of days that changed meanwhile and were left.

    The caller holds the maintenance lock. Queries that have begun still find their files.
    """
    left = 0
    with Rewrites(store, settle_s=settle_s) as rewrites:
        for plan in plans:
            if plan.projects:
                _take_out(store, rewrites, plan)
            else:
                left += _retire(store, plan)
            progress(plan)
        rewrites.finish()
        return left + rewrites.conflicts


def _retire(store: ParquetStore, plan: Expiry) -> int:
    by_writer: dict[str, list[str]] = defaultdict(list)
    for owned in plan.files:
        by_writer[owned.writer].append(owned.file.file)
    left = 0
    for writer, files in by_writer.items():
        try:
            update_manifest(store.manifest_path(writer), remove=files)
        except StoreError:
            # A job has just written the day anew; the next run sees what it wrote.
            left = 1
    return left


def _take_out(store: ParquetStore, rewrites: Rewrites, plan: Expiry) -> None:
    """Write the day's files anew without the rows of some projects; derived rows go by the ids of their spans."""
    names = pa.array(sorted(plan.projects))
    keys: set[Key] = set()
    for owned in plan.files:
        if owned.file.dataset == "spans":
            for table in row_groups(store, owned.file, ["trace_id", "span_id", "project"]):
                keys.update(keys_of(table.filter(_of(table, names))))

    def without(table: pa.Table) -> pa.Table:
        if "project" in table.column_names:
            return table.filter(pc.invert(_of(table, names)))
        return table.filter(pa.array([key not in keys for key in keys_of(table)], pa.bool_()))

    by_writer: dict[str, list[Owned]] = defaultdict(list)
    for owned in plan.files:
        columns = _COLUMNS.get(owned.file.dataset, set())
        if "project" in columns or {"trace_id", "span_id"} <= columns:
            by_writer[owned.writer].append(owned)
    for writer, files in by_writer.items():
        outputs = [new for owned in files if (new := rewrite_file(store, owned, without)) is not None]
        rewrites.stage(writer, outputs, [owned.file for owned in files])


def _of(table: pa.Table, projects: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(pc.fill_null(table.column("project"), "default"), value_set=projects)
