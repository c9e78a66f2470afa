"""Protobuf attribute values to plain Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


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
