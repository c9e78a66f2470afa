"""Rows to Arrow: records are turned into chunks of columns, chunks into one publishable batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.journal import Kind, Record
from spanloft_collector.model import BILLABLE_OPERATIONS
from spanloft_collector.pipeline.duplicates import BARRIERS, USAGE_DETAILS, CallKey, DuplicateFinder, Verdict
from spanloft_collector.pipeline.events import HELD, EventMemory, events_of, merge_into
from spanloft_collector.pipeline.signals import columns_of, health_rows, log_rows, metric_rows
from spanloft_collector.pipeline.spans import columns_of as span_columns
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.ids import SPAN_ID, span_numbers
from spanloft_collector.store.schema import arrow_schema, to_table, to_table_at_any_rate

logger = logging.getLogger(__name__)

LATE_US = 10 * 60 * 1_000_000
"""A span that started longer ago than this, in microseconds, arrived late."""

_OTHER_KINDS = {
    Kind.LOGS: ("logs", log_rows),
    Kind.METRICS: ("metrics", metric_rows),
    Kind.HEALTH: ("ingest_health", health_rows),
}
_HEALTH_KEYS = ("project", "service_name", "scope_name", "dialect")
_COST_COLUMNS = ("cost_usd", "price_source", "price_version")
NO_ID = "0" * SPAN_ID
_KEY_COLUMNS = {
    "start_us": "start_time",
    **{name: name for name in CallKey._fields if name not in ("start_us", "has_messages", "details")},
}
_REPEATING = ("provider", "operation", "scope_name", "request_model", "response_model")
_BILLED_COLUMNS = [*_KEY_COLUMNS.values(), *USAGE_DETAILS]


class Chunk(NamedTuple):
    """Rows of some records as columns.

    ``others`` holds the datasets beside spans and payloads that the records filled.
    """

    spans: pa.Table
    payloads: pa.Table
    others: dict[str, pa.Table]


def transform(records: Sequence[Record], pricer: Pricer) -> Chunk:
    """Decode, map and price the contents of ``records``. Pure: the same records give the same chunk."""
    traces = [record for record in records if record.kind == Kind.TRACES]
    others: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.kind != Kind.TRACES:
            dataset, read = _OTHER_KINDS[Kind(record.kind)]
            others.setdefault(dataset, []).extend(read(record))
    spans, payloads = span_columns(traces, pricer)
    return Chunk(
        to_table_at_any_rate("spans", spans),
        to_table_at_any_rate("payloads", payloads),
        {
            name: to_table_at_any_rate(name, columns_of(found, arrow_schema(name).names))
            for name, found in others.items()
        },
    )


def assemble(
    chunks: Sequence[Chunk],
    duplicates: DuplicateFinder,
    ingest_us: int,
    events: EventMemory = HELD,
    ahead: Sequence[pa.ChunkedArray] = (),
) -> dict[str, pa.Table]:
    """Join chunks into the tables of one publish: duplicates marked, time of ingest set, health counted.

    Messages that came as log events are written into the rows of their spans; ``events`` keeps those whose span has
    not come yet. The payloads of the first spans may be stored already: ``ahead`` says which of these have messages,
    and their chunks have no payloads any more.
    """
    for chunk in chunks:
        if "logs" in chunk.others:
            events.add(events_of(chunk.others["logs"]))
    spans = pa.concat_tables([chunk.spans for chunk in chunks])
    payloads = pa.concat_tables([chunk.payloads for chunk in chunks])
    tables: dict[str, pa.Table] = {}
    if spans.num_rows:
        known = sum(map(len, ahead))
        late, payloads = merge_into(spans.slice(known), payloads, events)
        spans = pa.concat_tables([spans.slice(0, known), late])
        messages = pa.chunked_array([c for part in (*ahead, with_messages(payloads)) for c in part.chunks], pa.bool_())
        spans = _mark_duplicates(spans, find_duplicates(spans, messages, duplicates))
        tables = {"spans": spans, "payloads": payloads}
    for name in {name for chunk in chunks for name in chunk.others}:
        tables[name] = pa.concat_tables([chunk.others[name] for chunk in chunks if name in chunk.others])
    for name, table in tables.items():
        tables[name] = _set_ingest_time(table, ingest_us)
    if spans.num_rows:
        stored = stored_health(spans, ingest_us)
        tables["ingest_health"] = pa.concat_tables(
            [stored, *([tables["ingest_health"]] if "ingest_health" in tables else [])]
        )
    return tables


def stored_health(spans: pa.Table, ingest_us: int) -> pa.Table:
    """Rows of ``ingest_health`` for the spans of one publish."""
    late = pc.less(spans.column("start_time").cast(pa.int64()), ingest_us - LATE_US)
    counted = pa.table(
        {
            **{name: spans.column(name) for name in _HEALTH_KEYS},
            "late": late.cast(pa.int64()),
            "duplicate_calls": spans.column("duplicate_of").is_valid().cast(pa.int64()),
        }
    )
    groups = counted.group_by(list(_HEALTH_KEYS)).aggregate(
        [("late", "sum"), ("duplicate_calls", "sum"), ([], "count_all")]
    )
    rows = groups.num_rows
    return to_table(
        "ingest_health",
        {
            "minute": [ingest_us // 60_000_000 * 60_000_000] * rows,
            **{name: groups.column(name).to_pylist() for name in _HEALTH_KEYS},
            "outcome": ["stored"] * rows,
            "spans": groups.column("count_all").to_pylist(),
            "late": groups.column("late_sum").to_pylist(),
            "duplicate_calls": groups.column("duplicate_calls_sum").to_pylist(),
        },
    )


def _set_ingest_time(table: pa.Table, ingest_us: int) -> pa.Table:
    index = table.schema.get_field_index("ingest_time")
    if index < 0:
        return table
    return table.set_column(index, "ingest_time", pa.repeat(pa.scalar(ingest_us, pa.timestamp("us")), table.num_rows))


def with_messages(payloads: pa.Table) -> pa.ChunkedArray:
    """Whether each row has messages."""
    return pc.or_(payloads.column("input_messages").is_valid(), payloads.column("output_messages").is_valid())


def find_duplicates(spans: pa.Table, messages: pa.ChunkedArray, duplicates: DuplicateFinder) -> list[Verdict]:
    """(duplicate_of, duplicate_rule) per row; ``messages`` says which rows have some."""
    billable = pc.is_in(spans.column("operation"), pa.array(BILLABLE_OPERATIONS, pa.string()))
    calls = _billable_keys(spans.select(_BILLED_COLUMNS).filter(billable), messages.filter(billable))
    rows = pc.indices_nonzero(billable).to_pylist()
    return duplicates.mark_numbered(*_family(spans), list(zip(rows, calls, strict=True)))


def _family(spans: pa.Table) -> tuple[list[int], list[int | None]]:
    """The number of each span, and that of its parent; None for roots and for barriers."""
    traces, ids, parents = (spans.column(name) for name in ("trace_id", "span_id", "parent_span_id"))
    barrier = pc.is_in(spans.column("operation"), pa.array(sorted(BARRIERS), pa.string()))
    parents = pc.if_else(barrier, None, parents)
    own, above = span_numbers(traces, ids), span_numbers(traces, pc.fill_null(parents, NO_ID))
    if own is None or above is None:
        # Ids of another length are no OTLP.
        texts = [column.to_pylist() for column in (traces, ids, parents)]
        return [hash(pair) for pair in zip(*texts[:2], strict=True)], [
            hash((trace, parent)) if parent else None for trace, _, parent in zip(*texts, strict=True)
        ]
    known = above.astype(object)
    known[parents.is_null().to_numpy()] = None
    return own.tolist(), known.tolist()


def _billable_keys(spans: pa.Table, has_messages: pa.ChunkedArray) -> list[CallKey]:
    columns: dict[str, list[Any]] = {
        field: (spans.column(column).cast(pa.int64()) if field == "start_us" else spans.column(column)).to_pylist()
        for field, column in _KEY_COLUMNS.items()
    }
    columns["has_messages"] = has_messages.to_pylist()
    # These repeat, and each would be a text of its own in the memory of what was published.
    texts: dict[Any, Any] = {}
    for name in _REPEATING:
        columns[name] = [texts.setdefault(value, value) for value in columns[name]]
    stated = [spans.column(name).to_pylist() for name in USAGE_DETAILS]
    columns["details"] = [sum(map(bool, counts)) for counts in zip(*stated, strict=True)]
    return list(map(CallKey._make, zip(*(columns[field] for field in CallKey._fields), strict=True)))


def _mark_duplicates(spans: pa.Table, marks: list[Verdict]) -> pa.Table:
    """Write ``duplicate_of`` and its rule, and take the cost off what another span already counts."""
    if not any(of is not None for of, _ in marks):
        return spans
    columns: dict[str, list[Any]] = {
        "duplicate_of": [of for of, _ in marks],
        "duplicate_rule": [rule for _, rule in marks],
    }
    for name in _COST_COLUMNS:
        values = spans.column(name).to_pylist()
        columns[name] = [None if of is not None else value for value, (of, _) in zip(values, marks, strict=True)]
    for name, values in columns.items():
        index = spans.schema.get_field_index(name)
        spans = spans.set_column(index, spans.schema.field(index), pa.array(values, spans.schema.field(index).type))
    return spans
