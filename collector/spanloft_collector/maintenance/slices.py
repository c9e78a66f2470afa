"""Reads a day's spans with their payloads, a slice at a time, in the order in which they arrived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.columns import Column
from spanloft_collector.maintenance.remap_rows import Pair, Row
from spanloft_collector.model import DATASETS
from spanloft_collector.pipeline.events import Event, Key, events_of
from spanloft_collector.store.manifest import LiveFile
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import Owned, live_files, row_groups

SLICE_ROWS = 8_192
"""Spans with their payloads that are in memory at once."""
MEMORY_LIMIT = "1GB"
KEY_COLUMNS = ["trace_id", "span_id", "start_time", "ingest_time"]


class DayReader:
    """The spans of one writer and UTC day."""

    def __init__(self, store: ParquetStore, spans: list[LiveFile], payloads: list[LiveFile]) -> None:
        self.store, self.spans, self.payloads = store, spans, payloads
        self._connection = duckdb.connect()
        self._connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        self._connection.execute("SET enable_progress_bar = false")

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()

    def slices(self) -> Iterator[list[Pair]]:
        """Yield pairs in order of arrival; a span that was stored twice comes once, a missing payload is empty."""
        keys = pa.concat_tables([table for file in self.spans for table in row_groups(self.store, file, KEY_COLUMNS)])
        keys = keys.sort_by([("ingest_time", "ascending"), ("start_time", "ascending"), ("span_id", "ascending")])
        seen: set[int] = set()
        for start in range(0, keys.num_rows, SLICE_ROWS):
            yield self.pairs(keys.slice(start, SLICE_ROWS), seen)

    def pairs(self, keys: pa.Table, seen: set[int]) -> list[Pair]:
        """The spans of ``keys`` (trace_id, span_id, start_time) in that order, without those in ``seen``."""
        spans = {(row["trace_id"], row["span_id"]): row for row in self._rows("spans", self.spans, keys)}
        payloads = {(row["trace_id"], row["span_id"]): row for row in self._rows("payloads", self.payloads, keys)}
        pairs = []
        for key in zip(keys.column("trace_id").to_pylist(), keys.column("span_id").to_pylist(), strict=True):
            if key in spans and hash(key) not in seen:
                seen.add(hash(key))
                pairs.append(Pair(spans[key], payloads.get(key, {})))
        return pairs

    def _rows(self, dataset: str, files: list[LiveFile], keys: pa.Table) -> list[Row]:
        # The empty file has today's columns; those that older files lack become NULL.
        paths = [str(self.store.root / "data" / dataset / "day=1970-01-01" / "empty.parquet")]
        paths += [str(self.store.root / file.file) for file in files]
        times = pc.min_max(keys.column("start_time")).as_py()
        self._connection.register("keys", keys.select(["trace_id", "span_id"]))
        columns = ", ".join(map(plain, DATASETS[dataset]))
        result = self._connection.execute(
            f"SELECT {columns} FROM read_parquet($paths, union_by_name = true, hive_partitioning = false) "
            "WHERE start_time BETWEEN $first AND $last "
            "AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM keys)",
            {"paths": paths, "first": times["min"], "last": times["max"]},
        )
        rows: list[Row] = result.to_arrow_table().to_pylist()
        return rows


def plain(column: Column) -> str:
    """Expression that reads a column as plain values: times as Unix microseconds, JSON as text."""
    if column.type == "TIMESTAMP":
        return f'epoch_us("{column.name}") AS "{column.name}"'
    return f'"{column.name}"::VARCHAR AS "{column.name}"' if column.type == "JSON" else f'"{column.name}"'


def stored_events(store: ParquetStore, day: str) -> dict[Key, list[Event]]:
    """GenAI log events that spans of a UTC day may have: those of the day itself and of the next, by span."""
    found: dict[Key, list[Event]] = {}
    days = {day, str(date.fromisoformat(day) + timedelta(days=1))}
    columns = ["trace_id", "span_id", "time", "event_name", "attributes", "body"]
    for owned in live_files(store, "logs"):
        if owned.file.day in days:
            for table in row_groups(store, owned.file, columns):
                for key, event in events_of(table):
                    found.setdefault(key, []).append(event)
    return found


def by_day(store: ParquetStore) -> dict[tuple[str, str], tuple[list[Owned], list[Owned]]]:
    """(day, writer) -> its files of spans and of payloads, in order of time."""
    days: dict[tuple[str, str], tuple[list[Owned], list[Owned]]] = {}
    for owned in live_files(store, "spans", "payloads"):
        spans, payloads = days.setdefault((owned.file.day, owned.writer), ([], []))
        (spans if owned.file.dataset == "spans" else payloads).append(owned)
    return days
