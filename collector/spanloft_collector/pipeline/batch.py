"""Rows to Arrow: records are turned into chunks of columns, chunks into one publishable batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline.decode import decode_spans
from spanloft_collector.pipeline.duplicates import CallKey, DuplicateFinder
from spanloft_collector.pipeline.rows import PAYLOAD_COLUMNS, SPAN_COLUMNS, Row, build_row, dump
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.schema import arrow_schema, to_table

logger = logging.getLogger(__name__)

_COST_COLUMNS = ("cost_usd", "price_source", "price_version")


class Chunk(NamedTuple):
    """Spans of some records as columns, the keys duplicates are found by, and how far the journal was read."""

    spans: pa.Table
    payloads: pa.Table
    keys: list[CallKey]
    end: Position
    bytes: int


def transform(records: Sequence[Record], pricer: Pricer) -> Chunk:
    """Decode, map and price the spans of ``records``. Pure: the same records give the same chunk."""
    rows: list[Row] = []
    for record in records:
        if record.kind is not Kind.TRACES:
            continue
        skip = frozenset(record.metadata.get("skip", ()))
        project = record.metadata.get("project", "default")
        for span in decode_spans(record.payload, skip, dump):
            rows.append(build_row(span, record.received_ns, project, pricer))
    spans = _columns(SPAN_COLUMNS, [row.span for row in rows])
    payloads = _columns(PAYLOAD_COLUMNS, [row.payload for row in rows])
    return Chunk(
        to_table("spans", spans),
        to_table("payloads", payloads),
        [row.key for row in rows],
        records[-1].end,
        sum(len(record.payload) for record in records),
    )


def assemble(chunks: Sequence[Chunk], duplicates: DuplicateFinder, ingest_us: int) -> dict[str, pa.Table]:
    """Join chunks into the tables of one publish, with duplicates marked and the time of ingest set."""
    spans = pa.concat_tables([chunk.spans for chunk in chunks])
    payloads = pa.concat_tables([chunk.payloads for chunk in chunks])
    marks = duplicates.mark([key for chunk in chunks for key in chunk.keys])
    spans = _mark_duplicates(spans, marks)
    ingest_time = pa.repeat(pa.scalar(ingest_us, pa.timestamp("us")), spans.num_rows)
    spans = spans.set_column(spans.schema.get_field_index("ingest_time"), "ingest_time", ingest_time)
    return {"spans": spans.select(arrow_schema("spans").names), "payloads": payloads}


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
