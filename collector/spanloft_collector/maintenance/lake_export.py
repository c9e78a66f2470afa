"""A DuckLake's spans, logs and metrics as OTLP files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from spanloft_collector.durable import fsync_directory
from spanloft_collector.maintenance.export import OTLP_BATCH, Progress, selected, write_lines
from spanloft_collector.maintenance.lake_rows import days_of, pairs_of_day, rows_of_day
from spanloft_collector.maintenance.otlp import batches, log_request, metric_request, span_request
from spanloft_collector.maintenance.remap_rows import Row
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.store.ducklake import DuckLakeStore

Count = Callable[[str, int, int], None]


def export_lake_otlp(store: DuckLakeStore, output: Path, selection: Selection, progress: Progress) -> dict[str, int]:
    """Write spans, logs and metrics as ``maintenance.export.export_otlp`` does; returns rows by signal."""
    done, written = 0, dict.fromkeys(("logs", "metrics", "traces"), 0)
    counted = "SELECT sum(rows)::BIGINT AS rows FROM store_files WHERE dataset IN ('spans', 'logs', 'metrics')"
    total = store.reader().sql(counted).column("rows")[0].as_py() or 0

    def count(signal: str, rows: int, chosen: int) -> None:
        nonlocal done
        done += rows
        written[signal] += chosen
        progress(done, max(done, total))

    for name, request in (("logs", log_request), ("metrics", metric_request)):
        write_lines(output, name, _signal_lines(store, name, request, selection, count))
    for day in days_of(store, "spans", selection):
        write_lines(output, f"traces-{day}", _span_lines(store, day, selection, count))
    fsync_directory(output)
    return written


def _span_lines(store: DuckLakeStore, day: str, selection: Selection, count: Count) -> Iterator[bytes]:
    for pairs in pairs_of_day(store, day):
        chosen = [pair for pair in pairs if selected(selection, pair.span)]
        for batch in batches(chosen, OTLP_BATCH):
            yield orjson.dumps(span_request(batch))
        count("traces", len(pairs), len(chosen))


def _signal_lines(
    store: DuckLakeStore,
    dataset: str,
    request: Callable[[Iterable[Row]], dict[str, Any]],
    selection: Selection,
    count: Count,
) -> Iterator[bytes]:
    for day in days_of(store, dataset, selection):
        for rows in rows_of_day(store, dataset, day):
            chosen = [row for row in rows if selected(selection, row, "time")]
            for batch in batches(chosen, OTLP_BATCH):
                yield orjson.dumps(request(batch))
            count(dataset, len(rows), len(chosen))
