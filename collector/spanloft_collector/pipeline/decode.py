"""Serialised OTLP requests to spans that dialects can read."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

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
