"""How data that is no longer kept leaves a DuckLake: whole days as whole files, single projects row by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import date
from functools import partial

import duckdb

from spanloft_collector.model import DATASETS
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.lake_connection import lake_sql
from spanloft_collector.store.retention import DayContent, Expiry, Retention, plan

_COLUMNS = {dataset: {column.name for column in columns} for dataset, columns in DATASETS.items()}
_WITH_PROJECT = tuple(dataset for dataset, columns in _COLUMNS.items() if "project" in columns)
_OF_SPANS = tuple(
    dataset for dataset, columns in _COLUMNS.items() if "project" not in columns and {"trace_id", "span_id"} <= columns
)


def plan_lake_expiry(store: DuckLakeStore, retention: Retention, today: date) -> list[Expiry]:
    """What expires now, oldest day first."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    with store.cursor() as cursor:
        for dataset, day, count, size in cursor.execute(lake_sql("day_sizes")).fetchall():
            rows[day][dataset] += count
            sizes[day][dataset] += size
    contents = {
        day: DayContent(
            rows[day],
            sizes[day].total(),
            sum(size for dataset, size in sizes[day].items() if "span_id" in _COLUMNS.get(dataset, ())),
            partial(_projects, store, day),
        )
        for day in rows
    }
    return plan(contents, retention, today)


def expire_lake(
    store: DuckLakeStore, plans: Iterable[Expiry], *, progress: Callable[[Expiry], None] = lambda expiry: None
) -> None:
    """Carry out ``plans``, each in one transaction. The caller holds the lease of maintenance."""
    for expiry in plans:
        store.transaction(partial(_take_out if expiry.projects else _retire, expiry))
        progress(expiry)


def _projects(store: DuckLakeStore, day: str) -> Counter[str]:
    found: Counter[str] = Counter()
    with store.cursor() as cursor:
        for dataset in _WITH_PROJECT:
            for project, count in cursor.execute(lake_sql("projects", table=dataset), {"day": day}).fetchall():
                found[project] += count if dataset == "spans" else 0
    return found


def _retire(expiry: Expiry, cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
    for dataset in expiry.rows:
        cursor.execute(lake_sql("drop_day", table=dataset), {"day": expiry.day})


def _take_out(expiry: Expiry, cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
    chosen = {"day": expiry.day, "projects": sorted(expiry.projects)}
    # First what belongs to the spans: it is found through them.
    for dataset in _OF_SPANS:
        cursor.execute(lake_sql("drop_of_spans", table=dataset), chosen)
    for dataset in _WITH_PROJECT:
        cursor.execute(lake_sql("drop_projects", table=dataset), chosen)
