"""Messages of GenAI log events that were stored apart from their span, written into the span's rows of a DuckLake."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.maintenance.lake_rows import rows_of
from spanloft_collector.maintenance.slices import SLICE_ROWS
from spanloft_collector.pipeline.events import Event, Key, combine, events_of, fill
from spanloft_collector.store.ducklake import DuckLakeStore, insert
from spanloft_collector.store.lake_connection import lake_sql
from spanloft_collector.store.schema import rows_to_table


def join_lake_events(store: DuckLakeStore, spans: pa.Table) -> int:
    """Write the messages of stored events into stored spans; returns how many spans changed.

    Args:
        store: the store.
        spans: trace_id, span_id and start_time of spans that have events.
    """
    changed = 0

    for start in range(0, spans.num_rows, SLICE_ROWS):
        keys = spans.slice(start, SLICE_ROWS)

        def change(cursor: duckdb.DuckDBPyConnection, held: ExitStack, keys: pa.Table = keys) -> None:
            nonlocal changed
            changed += _join(cursor, keys)

        store.transaction(change)
    return changed


def _join(cursor: duckdb.DuckDBPyConnection, keys: pa.Table) -> int:
    events = _events(cursor, keys)
    payloads = {(row["trace_id"], row["span_id"]): row for row in rows_of(cursor, "payloads", keys)}
    changed: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for span in rows_of(cursor, "spans", keys):
        key = (span["trace_id"], span["span_id"])
        payload, of_span = payloads.pop(key, None), events.get(key)
        if payload and of_span and fill(span, payload, combine(of_span)):
            rows = changed.setdefault(span["writer"], {"spans": [], "payloads": []})
            rows["spans"].append(span)
            rows["payloads"].append(payload)
    for writer, tables in changed.items():
        for dataset, new in tables.items():
            table = rows_to_table(dataset, new)
            cursor.register("changed", table.select(["trace_id", "span_id", "start_time"]))
            cursor.execute(lake_sql("drop_changed", table=dataset), {"writer": writer})
            cursor.unregister("changed")
            insert(cursor, writer, dataset, table)
    return sum(len(tables["spans"]) for tables in changed.values())


def _events(cursor: duckdb.DuckDBPyConnection, keys: pa.Table) -> dict[Key, list[Event]]:
    """GenAI log events that the spans may have: those of their days and of the next, by span."""
    times = pc.min_max(keys.column("start_time")).as_py()
    cursor.register("keys", keys.select(["trace_id", "span_id"]))
    logs = cursor.execute(lake_sql("events_of"), {"first": times["min"], "last": times["max"]}).to_arrow_table()
    cursor.unregister("keys")
    found: dict[Key, list[Event]] = {}
    for key, event in events_of(logs):
        found.setdefault(key, []).append(event)
    return found
