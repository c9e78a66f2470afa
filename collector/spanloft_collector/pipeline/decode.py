"""OTLP protobuf to plain Python: the only place that walks protobuf attributes, once each."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloft_collector.model import RawSpan


class ResourceContext(NamedTuple):
    """What all spans of one resource share."""

    attributes: dict[str, Any]
    json: str


class DecodedSpan(NamedTuple):
    """A span with its ids as hex, its links, and the resource it came from."""

    trace_id: str
    span_id: str
    raw: RawSpan
    links: list[dict[str, Any]]
    resource: ResourceContext


def any_value(value: AnyValue) -> Any:
    """Convert an OTLP value: kvlist to dict, array to list; an unset value is None."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [any_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    return getattr(value, kind)


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Convert key-value pairs; a repeated key keeps its last value."""
    out: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        # Most values are strings, and asking for the string costs a third of asking which kind it is.
        text = value.string_value
        out[pair.key] = text or any_value(value)
    return out


def jsonable(value: Any) -> Any:
    """Default for orjson: OTLP/JSON writes bytes as base64; whatever else a dialect made is shown as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def decode_spans(payload: bytes, skip: frozenset[int], dump: Any) -> Iterator[DecodedSpan]:
    """Yield the spans of a serialised ``ExportTraceServiceRequest``, without the ordinals in ``skip``.

    ``dump`` turns attributes into JSON text; a resource is dumped once for all of its spans.
    """
    request = ExportTraceServiceRequest.FromString(payload)
    ordinal = -1
    for resource_spans in request.resource_spans:
        resource_attributes = attributes(resource_spans.resource.attributes)
        resource = ResourceContext(resource_attributes, dump(resource_attributes))
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope
            scope_name, scope_version = scope.name, scope.version
            for span in scope_spans.spans:
                ordinal += 1
                if ordinal in skip:
                    continue
                yield _decode(span, scope_name, scope_version, resource)


def _decode(span: Span, scope_name: str, scope_version: str, resource: ResourceContext) -> DecodedSpan:
    status = span.status
    parent = span.parent_span_id
    raw = RawSpan(
        name=span.name,
        scope_name=scope_name,
        scope_version=scope_version,
        attributes=attributes(span.attributes),
        resource=resource.attributes,
        events=[
            {"name": event.name, "time_ns": event.time_unix_nano, "attributes": attributes(event.attributes)}
            for event in span.events
        ],
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        kind=span.kind,
        status_code=status.code,
        status_message=status.message,
        parent_span_id=parent.hex() if len(parent) == 8 and any(parent) else None,
    )
    links = [
        {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": attributes(link.attributes)}
        for link in span.links
    ]
    return DecodedSpan(span.trace_id.hex(), span.span_id.hex(), raw, links, resource)
