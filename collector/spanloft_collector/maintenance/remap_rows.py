"""Stored rows back to spans, and through today's dialects, usage rules and prices to rows again."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import orjson

from spanloft_collector.model import DATASETS, MOVABLE, RawSpan
from spanloft_collector.pipeline.decode import DecodedSpan, ResourceContext
from spanloft_collector.pipeline.duplicates import USAGE_DETAILS, CallKey
from spanloft_collector.pipeline.events import Event, combine, fill
from spanloft_collector.pipeline.rows import PAYLOAD_COLUMNS, SPAN_COLUMNS, build_row
from spanloft_collector.pricing.prices import Pricer

Row = dict[str, Any]

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_STATUS = {"unset": 0, "ok": 1, "error": 2}
_AS_STORED = frozenset(
    {
        *("trace_id", "span_id", "parent_span_id", "name", "kind", "start_time", "duration_ms", "status_code"),
        *("status_message", "service_name", "service_version", "environment", "project", "scope_name", "scope_version"),
        *("duplicate_of", "duplicate_rule", "ingest_time"),
    }
)
"""Columns of ``spans`` that no dialect has a say in."""
_PAYLOAD_AS_STORED = frozenset({"trace_id", "span_id", "start_time", "resource", "events", "links"})
_MICROSECOND_MS = 1.1e-3
"""Start times are stored in microseconds; a duration from a start can't be told more exactly."""


class Pair(NamedTuple):
    """A span's row of ``spans`` and of ``payloads``; JSON columns hold text, ``start_time`` Unix microseconds."""

    span: Row
    payload: Row


def raw_span(pair: Pair) -> DecodedSpan:
    """The span as it arrived. Nanoseconds below the microsecond of its start are lost; bytes have become base64."""
    span, payload = pair
    start_ns = span["start_time"] * 1000
    end_ns = 0 if span["duration_ms"] is None else start_ns + round(span["duration_ms"] * 1e6)
    resource = orjson.loads(payload["resource"] or "{}")
    raw = RawSpan(
        name=span["name"] or "",
        scope_name=span["scope_name"] or "",
        scope_version=span["scope_version"] or "",
        attributes=raw_attributes(payload),
        resource=resource,
        events=orjson.loads(payload["events"] or "[]"),
        start_ns=start_ns,
        end_ns=end_ns,
        kind=_KINDS.get(span["kind"], 0),
        status_code=_STATUS.get(span["status_code"], 0),
        status_message=span["status_message"] or "",
        parent_span_id=span["parent_span_id"],
    )
    links = orjson.loads(payload["links"] or "[]")
    return DecodedSpan(
        span["trace_id"], span["span_id"], raw, links, ResourceContext(resource, payload["resource"] or "{}")
    )


def raw_attributes(payload: Row) -> dict[str, Any]:
    """All attributes of a span, those put back whose text stands in a column of its own."""
    attributes: dict[str, Any] = orjson.loads(payload["attributes"] or "{}")
    moved = payload["attributes_moved"] or 0
    for bit, (key, column) in enumerate(MOVABLE):
        if moved & 1 << bit:
            attributes[key] = payload[column]
    return attributes


def remapped(pair: Pair, events: list[Event] | None, pricer: Pricer) -> Pair:
    """The rows as they would be if the span (and its log events) arrived today; duplicates are not settled yet."""
    row = build_row(raw_span(pair), pair.span["start_time"] * 1000, pair.span["project"] or "default", pricer)
    new_span = dict(zip(SPAN_COLUMNS, row.span, strict=True))
    new_payload = dict(zip(PAYLOAD_COLUMNS, row.payload, strict=True))
    span = {
        name: old if name in _AS_STORED or same(name, old, new_span[name]) else new_span[name]
        for name, old in pair.span.items()
    }
    payload = {
        name: old if name in _PAYLOAD_AS_STORED or same_json(old, new_payload[name]) else new_payload[name]
        for name, old in pair.payload.items()
    }
    if payload["attributes_moved"] != pair.payload["attributes_moved"]:
        # What is moved and where it is moved to belong together.
        payload |= {name: new_payload[name] for name in _MOVING}
    # The stored span has its duplicate mark and lost its cost to it; the mark is settled anew by the caller.
    span |= {"duplicate_of": None, "duplicate_rule": None}
    if events:
        fill(span, payload, combine(events))
    return Pair(span, payload)


_MOVING = ("attributes", "attributes_moved", *(column for _, column in MOVABLE))


def same(name: str, old: Any, new: Any) -> bool:
    """Whether a column says the same before and after."""
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=1e-12, abs_tol=_MICROSECOND_MS if name == "ttft_ms" else 0.0)
    return bool(old == new)


def same_json(old: Any, new: Any) -> bool:
    """Whether two JSON texts (or values) say the same; the order of keys does not matter."""
    if old == new or old is None or new is None or not isinstance(old, str):
        return bool(old == new)
    try:
        return bool(orjson.loads(old) == orjson.loads(new))
    except orjson.JSONDecodeError:
        return False


def call_key(pair: Pair) -> CallKey:
    """What duplicates are found by."""
    span, payload = pair
    return CallKey(
        trace_id=span["trace_id"],
        span_id=span["span_id"],
        parent_span_id=span["parent_span_id"],
        provider=span["provider"],
        response_id=span["response_id"],
        operation=span["operation"],
        input_tokens=span["input_tokens"],
        output_tokens=span["output_tokens"],
        has_messages=payload.get("input_messages") is not None or payload.get("output_messages") is not None,
        scope_name=span["scope_name"],
        start_us=span["start_time"],
        request_model=span["request_model"],
        response_model=span["response_model"],
        details=sum(bool(span[name]) for name in USAGE_DETAILS),
    )


def changed_columns(old: Pair, new: Pair) -> list[str]:
    """Names of the columns that differ, of both datasets."""
    spans = [column.name for column in DATASETS["spans"]]
    return [
        *(name for name in spans if not same(name, old.span[name], new.span[name])),
        *(
            name
            for name in old.payload
            if name != "attributes_moved" and not same_json(old.payload[name], new.payload[name])
        ),
    ]
