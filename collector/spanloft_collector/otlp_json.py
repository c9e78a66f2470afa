"""Python values as OTLP/JSON."""

from __future__ import annotations

from typing import Any


def any_value(value: Any) -> dict[str, Any]:
    """An OTLP value; None is an unset one."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": key_values(value)}}
    return {"stringValue": str(value)}


def key_values(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP key-value pairs."""
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]
