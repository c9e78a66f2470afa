"""Stored rows as OTLP/JSON requests, as any OTLP receiver takes them.

What the store does not keep can't come back: a span's start below the microsecond (durations are exact), trace state,
flags and counts of dropped attributes; bytes come back as their base64 text; a sum's temporality is unspecified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson

from spanloft_collector.maintenance.remap_rows import Pair, Row, raw_span
from spanloft_collector.otlp_json import any_value, key_values

_METRIC_FIELDS = {"exponential_histogram": "exponentialHistogram"}


def span_request(pairs: Iterable[Pair]) -> dict[str, Any]:
    """One request with the spans of ``pairs``, in their order."""
    groups = []
    for (resource, scope, version), members in groupby(
        pairs, lambda pair: (pair.payload.get("resource"), pair.span["scope_name"], pair.span["scope_version"])
    ):
        scope_spans = {"scope": _scope(scope, version), "spans": [_span(pair) for pair in members]}
        groups.append({"resource": _resource(resource), "scopeSpans": [scope_spans]})
    return {"resourceSpans": groups}


def _span(pair: Pair) -> dict[str, Any]:
    # A span whose payload is missing has no attributes to tell.
    empty = {"resource": None, "attributes": None, "events": None, "links": None, "attributes_moved": None}
    decoded = raw_span(Pair(pair.span, pair.payload or empty))
    raw = decoded.raw
    span = {
        "traceId": decoded.trace_id,
        "spanId": decoded.span_id,
        "name": raw.name,
        "kind": raw.kind,
        "startTimeUnixNano": str(raw.start_ns),
        "endTimeUnixNano": str(raw.end_ns),
        "attributes": key_values(raw.attributes),
        "status": {"code": raw.status_code, "message": raw.status_message},
    }
    if raw.parent_span_id:
        span["parentSpanId"] = raw.parent_span_id
    if raw.events:
        span["events"] = [
            {
                "name": event.get("name"),
                "timeUnixNano": str(event.get("time_ns", 0)),
                "attributes": key_values(event.get("attributes") or {}),
            }
            for event in raw.events
        ]
    if decoded.links:
        span["links"] = [
            {
                "traceId": link.get("trace_id"),
                "spanId": link.get("span_id"),
                "attributes": key_values(link.get("attributes") or {}),
            }
            for link in decoded.links
        ]
    return span


def log_request(rows: Iterable[Row]) -> dict[str, Any]:
    """One request with the log records of ``rows`` (of ``logs``, times in Unix microseconds), in their order."""
    groups = []
    for (resource, scope), members in groupby(rows, lambda row: (row["resource"], row["scope_name"])):
        scope_logs = {"scope": _scope(scope, None), "logRecords": [_log(row) for row in members]}
        groups.append({"resource": _resource(resource), "scopeLogs": [scope_logs]})
    return {"resourceLogs": groups}


def _log(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timeUnixNano": _nanoseconds(row["time"]),
        "attributes": key_values(orjson.loads(row["attributes"] or "{}")),
    }
    for key, column in (
        ("eventName", "event_name"),
        ("severityText", "severity"),
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
    ):
        if row[column] is not None:
            record[key] = row[column]
    if row["body"] is not None:
        record["body"] = any_value(orjson.loads(row["body"]))
    return record


def metric_request(rows: Iterable[Row]) -> dict[str, Any]:
    """One request with the data points of ``rows`` (of ``metrics``, times in Unix microseconds), a metric each."""
    groups = []
    for (resource, scope), members in groupby(rows, lambda row: (row["resource"], row["scope_name"])):
        scope_metrics = {"scope": _scope(scope, None), "metrics": [_metric(row) for row in members]}
        groups.append({"resource": _resource(resource), "scopeMetrics": [scope_metrics]})
    return {"resourceMetrics": groups}


def _metric(row: Row) -> dict[str, Any]:
    if row["point"] is not None:
        point = orjson.loads(row["point"])
    else:
        point = {
            "timeUnixNano": _nanoseconds(row["time"]),
            "attributes": key_values(orjson.loads(row["attributes"] or "{}")),
        }
        if row["start_time"] is not None:
            point["startTimeUnixNano"] = _nanoseconds(row["start_time"])
        if row["value"] is not None:
            point["asDouble"] = row["value"]
    kind: str = row["type"]
    return {"name": row["name"], "unit": row["unit"] or "", _METRIC_FIELDS.get(kind, kind): {"dataPoints": [point]}}


def _resource(text: str | None) -> dict[str, Any]:
    return {"attributes": key_values(orjson.loads(text or "{}"))}


def _scope(name: str | None, version: str | None) -> dict[str, Any]:
    return {"name": name or "", "version": version or ""}


def _nanoseconds(us: int) -> str:
    return str(us * 1000)


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to ``size``."""
    held: list[Any] = []
    for row in rows:
        held.append(row)
        if len(held) >= size:
            yield held
            held = []
    if held:
        yield held
