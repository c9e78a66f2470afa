"""Log records and metric points as plain rows: stored as they came, for SQL and for later dialects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from spanloft_collector.journal import Record
from spanloft_collector.pipeline.rows import dump
from spanloft_collector.wire.values import any_value, attributes

Row = dict[str, Any]
_MAX_US = 2**63 // 1000


def log_rows(record: Record) -> Iterator[Row]:
    """Rows of ``logs``."""
    request = ExportLogsServiceRequest.FromString(record.payload)
    for resource_logs in request.resource_logs:
        resource = attributes(resource_logs.resource.attributes)
        shared = _shared(resource, record)
        for scope_logs in resource_logs.scope_logs:
            for log in scope_logs.log_records:
                yield {**shared, "scope_name": scope_logs.scope.name or None, **_log(log, record.received_ns)}


def _log(log: LogRecord, received_ns: int) -> Row:
    values = attributes(log.attributes)
    # Before the field existed, the name of an event stood among its attributes.
    event_name = log.event_name or values.get("event.name")
    severity = log.severity_text
    if not severity and log.severity_number:
        severity = SeverityNumber.Name(log.severity_number).removeprefix("SEVERITY_NUMBER_")
    return {
        "time": _microseconds(log.time_unix_nano or log.observed_time_unix_nano or received_ns, received_ns),
        "trace_id": log.trace_id.hex() if len(log.trace_id) == 16 and any(log.trace_id) else None,
        "span_id": log.span_id.hex() if len(log.span_id) == 8 and any(log.span_id) else None,
        "event_name": None if event_name is None else str(event_name),
        "severity": severity or None,
        "body": dump(any_value(log.body)) if log.HasField("body") else None,
        "attributes": dump(values),
    }


def metric_rows(record: Record) -> Iterator[Row]:
    """Rows of ``metrics``, one per data point."""
    request = ExportMetricsServiceRequest.FromString(record.payload)
    for resource_metrics in request.resource_metrics:
        resource = attributes(resource_metrics.resource.attributes)
        shared = _shared(resource, record)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                for row in _points(metric, record.received_ns):
                    yield {**shared, "scope_name": scope_metrics.scope.name or None, **row}


def _points(metric: Metric, received_ns: int) -> Iterator[Row]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    for point in getattr(metric, kind).data_points:
        histogram = kind not in ("gauge", "sum")
        number = None if histogram else point.WhichOneof("value")
        has_sum = histogram and (kind == "summary" or point.HasField("sum"))
        yield {
            "time": _microseconds(point.time_unix_nano or received_ns, received_ns),
            "start_time": _microseconds(point.start_time_unix_nano, received_ns)
            if point.start_time_unix_nano
            else None,
            "name": metric.name,
            "unit": metric.unit or None,
            "type": kind,
            "value": float(getattr(point, number)) if number else None,
            "count": min(point.count, 2**63 - 1) if histogram else None,
            "sum": point.sum if has_sum else None,
            "point": MessageToJson(point, indent=None) if histogram else None,
            "attributes": dump(attributes(point.attributes)),
        }


def health_rows(record: Record) -> Iterator[Row]:
    """Rows of ``ingest_health`` for spans that were not passed on."""
    minute = record.received_ns // 60_000_000_000 * 60_000_000
    for project, outcome, reason, spans in record.metadata.get("counts", ()):
        yield {"minute": minute, "project": project, "outcome": outcome, "reason": reason, "spans": spans}


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns; keys that a row lacks are NULL."""
    return {name: [row.get(name) for row in rows] for name in names}


def _shared(resource: dict[str, Any], record: Record) -> Row:
    service = resource.get("service.name")
    return {
        "resource": dump(resource),
        "service_name": None if service is None else str(service),
        "project": record.metadata.get("project", "default"),
    }


def _microseconds(ns: int, received_ns: int) -> int:
    us = ns // 1000
    return us if us <= _MAX_US else received_ns // 1000
