"""What ``_otlp.c`` does, by protobuf's own objects: without a compiler, and for what the compiled code refuses."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloft_collector.wire.values import attributes

_ZERO_TRACE_ID = bytes(16)
_ZERO_SPAN_ID = bytes(8)


def decode(payload: bytes) -> list[tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """Spans of a serialised request, by resource; see ``wire.decode``."""
    request = ExportTraceServiceRequest.FromString(payload)
    return [
        (
            attributes(resource_spans.resource.attributes),
            [
                _span(span, scope_spans.scope.name, scope_spans.scope.version)
                for scope_spans in resource_spans.scope_spans
                for span in scope_spans.spans
            ],
        )
        for resource_spans in request.resource_spans
    ]


def _span(span: Span, scope_name: str, scope_version: str) -> tuple[Any, ...]:
    parent = span.parent_span_id
    return (
        span.trace_id.hex(),
        span.span_id.hex(),
        span.name,
        scope_name,
        scope_version,
        attributes(span.attributes),
        [
            {"name": event.name, "time_ns": event.time_unix_nano, "attributes": attributes(event.attributes)}
            for event in span.events
        ],
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.kind,
        span.status.code,
        span.status.message,
        parent.hex() if len(parent) == 8 and any(parent) else None,
        [
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": attributes(link.attributes)}
            for link in span.links
        ],
    )


def check(payload: bytes) -> tuple[list[int | None], list[str]]:
    """Keys of the spans and the reasons of the invalid ones; see ``wire.check``."""
    keys: list[int | None] = []
    invalid: list[str] = []
    for resource_spans in ExportTraceServiceRequest.FromString(payload).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                trace_id, span_id = span.trace_id, span.span_id
                trace_ok = len(trace_id) == 16 and trace_id != _ZERO_TRACE_ID
                if trace_ok and len(span_id) == 8 and span_id != _ZERO_SPAN_ID:
                    keys.append(hash(trace_id + span_id))
                else:
                    keys.append(None)
                    invalid.append("invalid_span_id" if trace_ok else "invalid_trace_id")
    return keys, invalid
