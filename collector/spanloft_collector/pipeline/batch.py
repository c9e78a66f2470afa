"""Rows to Arrow: records are turned into chunks of columns, chunks into one publishable batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline.decode import DecodedSpan, decode_spans
from spanloft_collector.pipeline.duplicates import CallKey, DuplicateFinder
from spanloft_collector.pipeline.rows import PAYLOAD_COLUMNS, SPAN_COLUMNS, Row, build_row, dump
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.schema import arrow_schema, to_table

logger = logging.getLogger(__name__)

_COST_COLUMNS = ("cost_usd", "price_source", "price_version")
_KEY_COLUMNS = {
    "start_us": "start_time",
    **{name: name for name in CallKey._fields if name not in ("start_us", "has_messages")},
}


class Chunk(NamedTuple):
    """Spans of some records as columns, how far the journal was read for them, and the bytes they came from."""

    spans: pa.Table
    payloads: pa.Table
    end: Position
    bytes: int


def transform(records: Sequence[Record], pricer: Pricer) -> Chunk:
    """Decode, map and price the spans of ``records``. Pure: the same records give the same chunk."""
    rows: list[Row] = []
    for record in records:
        if record.kind is not Kind.TRACES and record.kind != Kind.TRACES:
            continue
        skip = frozenset(record.metadata.get("skip", ()))
        project = record.metadata.get("project", "default")
        for span in decode_spans(record.payload, skip, dump):
            rows.append(_row(span, record.received_ns, project, pricer))
    return Chunk(
        to_table("spans", _columns(SPAN_COLUMNS, [row.span for row in rows])),
        to_table("payloads", _columns(PAYLOAD_COLUMNS, [row.payload for row in rows])),
        records[-1].end,
        sum(len(record.payload) for record in records),
    )


def _row(span: DecodedSpan, received_ns: int, project: str, pricer: Pricer) -> Row:
    try:
        return build_row(span, received_ns, project, pricer)
    except Exception:
        # A span that can't be built must not stop those behind it; what identifies it is kept.
        logger.exception("span %s of trace %s: stored without its attributes", span.span_id, span.trace_id)
        bare = span.raw
        bare.attributes, bare.events = {}, []
        return build_row(span._replace(links=[]), received_ns, project, pricer)


def assemble(chunks: Sequence[Chunk], duplicates: DuplicateFinder, ingest_us: int) -> dict[str, pa.Table]:
    """Join chunks into the tables of one publish, with duplicates marked and the time of ingest set."""
    spans = pa.concat_tables([chunk.spans for chunk in chunks])
    payloads = pa.concat_tables([chunk.payloads for chunk in chunks])
    spans = _mark_duplicates(spans, duplicates.mark(call_keys(spans, payloads)))
    ingest_time = pa.repeat(pa.scalar(ingest_us, pa.timestamp("us")), spans.num_rows)
    spans = spans.set_column(spans.schema.get_field_index("ingest_time"), "ingest_time", ingest_time)
    return {"spans": spans.select(arrow_schema("spans").names), "payloads": payloads}


def call_keys(spans: pa.Table, payloads: pa.Table) -> list[CallKey]:
    """What duplicates are found by, a key per row."""
    columns: dict[str, list[Any]] = {
        field: (spans.column(column).cast(pa.int64()) if field == "start_us" else spans.column(column)).to_pylist()
        for field, column in _KEY_COLUMNS.items()
    }
    has_input = payloads.column("input_messages").is_valid().to_pylist()
    has_output = payloads.column("output_messages").is_valid().to_pylist()
    columns["has_messages"] = [a or b for a, b in zip(has_input, has_output, strict=True)]
    return [CallKey(*values) for values in zip(*(columns[field] for field in CallKey._fields), strict=True)]


def _mark_duplicates(spans: pa.Table, marks: list[tuple[str | None, str | None]]) -> pa.Table:
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


def _columns(names: Sequence[str], rows: list[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    if not rows:
        return {name: [] for name in names}
    return dict(zip(names, zip(*rows, strict=True), strict=True))
