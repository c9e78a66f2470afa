"""Stored rows of a DuckLake as plain values: times as Unix microseconds, JSON as text."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.maintenance.remap_rows import Pair, Row
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.maintenance.slices import SLICE_ROWS, plain
from spanloft_collector.model import DATASETS
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.lake_connection import lake_sql


def rows_of(cursor: duckdb.DuckDBPyConnection, dataset: str, keys: pa.Table) -> list[Row]:
    """Rows of the spans in ``keys`` (trace_id, span_id, start_time), each with its ``writer``."""
    times = pc.min_max(keys.column("start_time")).as_py()
    cursor.register("keys", keys.select(["trace_id", "span_id"]))
    statement = lake_sql("rows_of", table=dataset, columns=", ".join(map(plain, DATASETS[dataset])))
    found = cursor.execute(statement, {"first": times["min"], "last": times["max"]}).to_arrow_table()
    cursor.unregister("keys")
    rows: list[Row] = found.to_pylist()
    return rows


def pairs_of_day(store: DuckLakeStore, day: str) -> Iterator[list[Pair]]:
    """The spans of a UTC day with their payloads in order of arrival, each once."""
    with store.cursor() as cursor:
        keys = cursor.execute(lake_sql("keys_of_day"), {"day": day}).to_arrow_table()
        for start in range(0, keys.num_rows, SLICE_ROWS):
            part = keys.slice(start, SLICE_ROWS)
            spans = {(row["trace_id"], row["span_id"]): row for row in rows_of(cursor, "spans", part)}
            payloads = {(row["trace_id"], row["span_id"]): row for row in rows_of(cursor, "payloads", part)}
            ids = zip(part.column("trace_id").to_pylist(), part.column("span_id").to_pylist(), strict=True)
            yield [Pair(spans[key], payloads.get(key, {})) for key in ids if key in spans]


def days_of(store: DuckLakeStore, dataset: str, selection: Selection) -> list[str]:
    """UTC days within a selection on which a dataset has rows."""
    with store.cursor() as cursor:
        days = [row[0] for row in cursor.execute(lake_sql("days_of", table=dataset)).fetchall()]
    return [day for day in days if selection.covers_day(day)]


def rows_of_day(store: DuckLakeStore, dataset: str, day: str) -> Iterator[list[Row]]:
    """Rows of logs or metrics of a UTC day, by time."""
    statement = lake_sql("rows_of_day", table=dataset, columns=", ".join(map(plain, DATASETS[dataset])))
    with store.cursor() as cursor:
        for batch in cursor.execute(statement, {"day": day}).to_arrow_reader(SLICE_ROWS):
            yield batch.to_pylist()
