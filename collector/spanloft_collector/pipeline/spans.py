"""Trace records to the columns of ``spans`` and ``payloads``: by shape where it can be, else span by span."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from spanloft_collector import wire
from spanloft_collector.journal import Record
from spanloft_collector.model import BILLABLE_OPERATIONS, RawSpan
from spanloft_collector.pipeline.columns import Columns, Stacked
from spanloft_collector.pipeline.decode import DecodedSpan, ResourceContext
from spanloft_collector.pipeline.grouping import grouped
from spanloft_collector.pipeline.rows import (
    PAYLOAD_COLUMNS,
    SPAN_COLUMNS,
    Row,
    build_row,
    dump,
    duration_ms,
    kind_name,
    service,
    start_time,
    status_name,
)
from spanloft_collector.pipeline.shapes import Shape, Unfit, read
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.wire import WireSpan

logger = logging.getLogger(__name__)

_SERVICE = ("service_name", "service_version", "environment")


class Source(NamedTuple):
    """Where spans came from: what all spans of one resource in one record share."""

    resource: ResourceContext
    service: tuple[str | None, str | None, str | None]
    project: str
    received_ns: int


def columns_of(records: Sequence[Record], pricer: Pricer) -> tuple[Columns, Columns]:
    """Columns of ``spans`` and ``payloads`` from trace records; a row per span, the same in both.

    Calls to models come first, else rows are in order of their start.

    Raises:
        google.protobuf.message.DecodeError: a record is no request; the receiver lets none pass.
    """
    spans, sources = _decoded(records)
    groups, alone = grouped(spans)
    stacked = Stacked(), Stacked()
    for shape, index in groups:
        try:
            found = _by_shape(shape, [spans[row] for row in index], [sources[row] for row in index], pricer)
        except Unfit:
            alone += index
        except Exception:
            logger.exception("spans of one shape can't be read together; they are read one by one")
            alone += index
        else:
            for stack, columns in zip(stacked, found, strict=True):
                stack.add(columns, len(index))
    if alone:
        rows = [_row(spans[row], sources[row], pricer) for row in alone]
        span_rows, payload_rows = zip(*rows, strict=True)
        stacked[0].add(dict(zip(SPAN_COLUMNS, zip(*span_rows, strict=True), strict=True)), len(alone))
        stacked[1].add(dict(zip(PAYLOAD_COLUMNS, zip(*payload_rows, strict=True), strict=True)), len(alone))
    order = stacked[0].order_by("start_time", first=("operation", BILLABLE_OPERATIONS))
    return stacked[0].columns(order), stacked[1].columns(order)


def _decoded(records: Sequence[Record]) -> tuple[list[WireSpan], list[Source]]:
    spans: list[WireSpan] = []
    sources: list[Source] = []
    for record in records:
        skip = frozenset(record.metadata.get("skip", ()))
        project = record.metadata.get("project", "default")
        ordinal = 0
        for attributes, found in wire.decode(record.payload):
            first, ordinal = ordinal, ordinal + len(found)
            if skip:
                found = [span for number, span in enumerate(found, first) if number not in skip]
            resource = ResourceContext(attributes, dump(attributes))
            spans += found
            sources += [Source(resource, service(attributes), project, record.received_ns)] * len(found)
    return spans, sources


def _by_shape(
    shape: Shape, spans: Sequence[WireSpan], sources: Sequence[Source], pricer: Pricer
) -> tuple[Columns, Columns]:
    trace_ids, span_ids, names, scopes, versions, _, _, starts, ends, kinds, codes, messages, parents, links = zip(
        *spans, strict=True
    )
    resources, services, projects, received = zip(*sources, strict=True)
    starts_us = list(map(start_time, starts, ends, received))
    columns, payload = read(shape, spans, starts_us, pricer)
    identity: dict[str, Any] = {"trace_id": trace_ids, "span_id": span_ids, "start_time": starts_us}
    columns |= {
        **identity,
        "parent_span_id": parents,
        "name": names,
        "kind": list(map(kind_name, kinds)),
        "duration_ms": list(map(duration_ms, starts, ends)),
        "status_code": list(map(status_name, codes)),
        "status_message": [message or None for message in messages],
        **dict(zip(_SERVICE, zip(*services, strict=True), strict=True)),
        "project": projects,
        "scope_name": [scope or None for scope in scopes],
        "scope_version": [version or None for version in versions],
    }
    payload |= {
        **identity,
        "resource": [resource.json for resource in resources],
        "links": [dump(found) if found else None for found in links],
    }
    return columns, payload


def _row(span: WireSpan, source: Source, pricer: Pricer) -> Row:
    trace_id, span_id, name, scope, version, attributes, events, *rest, links = span
    raw = RawSpan(name, scope, version, attributes, source.resource.attributes, events, *rest)
    decoded = DecodedSpan(trace_id, span_id, raw, links, source.resource)
    try:
        return build_row(decoded, source.received_ns, source.project, pricer)
    except Exception:
        # A span that can't be built must not stop those behind it; what identifies it is kept.
        logger.exception("span %s of trace %s: stored without its attributes", span_id, trace_id)
        raw.attributes, raw.events = {}, []
        return build_row(decoded._replace(links=[]), source.received_ns, source.project, pricer)
