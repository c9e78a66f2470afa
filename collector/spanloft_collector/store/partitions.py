"""How the rows of a dataset are laid out in files, whatever kind of store holds them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.model import BILLABLE_OPERATIONS

TIME_COLUMN = {
    "cost_daily": "day",
    "latency_minute": "minute",
    "usage_hourly": "hour",
    "ingest_health": "minute",
    "logs": "time",
    "metrics": "time",
    "alerts": "time",
    "prompt_versions": "first_time",
    "drift_windows": "day",
    "drift_topics": "day",
}
"""Column that decides a row's day partition; ``start_time`` where nothing is said."""

# A publish of a busy collector writes half as many spans, enough that its file is merged by copying; fewer would make
# footers long, which readers without `parquet_metadata_cache` read for every query.
ROW_GROUP_ROWS = {"payloads": 8_192, "spans": 24_576}
DEFAULT_ROW_GROUP_ROWS = 61_440


def row_group_rows(dataset: str) -> int:
    """Rows of a row group; what a reader decodes at once."""
    return ROW_GROUP_ROWS.get(dataset, DEFAULT_ROW_GROUP_ROWS)


def fills_row_groups(dataset: str, rows: int) -> bool:
    """Whether a file of ``rows`` rows has row groups of about the size that the dataset should have."""
    return rows >= row_group_rows(dataset) // 2


def calls_first(spans: pa.Table) -> pa.Table:
    """The rows of a row group with the calls to models before all other spans; other datasets as they are.

    Most queries ask for calls, a part of all spans. DuckDB leaves out the other columns of 2,048 rows of which a filter
    leaves none; among rows in order of time there are hardly any such.
    """
    if not {"operation", "duplicate_of"} <= set(spans.column_names):
        return spans
    operations = pa.array(BILLABLE_OPERATIONS, pa.string())
    calls: list[pa.RecordBatch] = []
    others: list[pa.RecordBatch] = []
    for batch in spans.to_batches():
        is_call = pc.is_in(batch.column("operation"), operations)
        count = is_call.true_count
        if is_call.slice(0, count).true_count == count:
            # As decoders leave them: nothing is copied.
            calls.append(batch.slice(0, count))
            others.append(batch.slice(count))
        else:
            calls.append(batch.filter(is_call))
            others.append(batch.filter(pc.invert(is_call)))
    return pa.Table.from_batches(calls + others, spans.schema)
