"""Serialised OTLP requests to spans that dialects can read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

from spanloft_collector import wire
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


def jsonable(value: Any) -> Any:
    """Default for orjson: OTLP/JSON writes bytes as base64; whatever else a dialect made is shown as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def decode_spans(payload: bytes, skip: frozenset[int], dump: Any) -> Iterator[DecodedSpan]:
    """Yield the spans of a serialised ``ExportTraceServiceRequest``, without the ordinals in ``skip``.

    ``dump`` turns attributes into JSON text; a resource is dumped once for all of its spans.
    """
    ordinal = -1
    for resource_attributes, spans in wire.decode(payload):
        resource = ResourceContext(resource_attributes, dump(resource_attributes))
        for trace_id, span_id, name, scope, version, attributes, events, *rest, links in spans:
            ordinal += 1
            if ordinal not in skip:
                raw = RawSpan(name, scope, version, attributes, resource_attributes, events, *rest)
                yield DecodedSpan(trace_id, span_id, raw, links, resource)
