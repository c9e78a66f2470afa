"""OTLP/JSON to ``RawSpan`` and to canonical rows, without the pipeline: what a sample trace is expected to become."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

from spanloft_collector.dialects import find_dialect
from spanloft_collector.model import BILLABLE_OPERATIONS, RawSpan
from spanloft_collector.pipeline.duplicates import CallKey, DuplicateFinder
from spanloft_collector.pricing import Pricer, Usage, normalise_usage

PRICER = Pricer()
USAGE_COLUMNS = [field for field in Usage._fields if field != "input_only"]


def any_value(value: dict[str, Any]) -> Any:
    for kind, item in value.items():
        if kind == "arrayValue":
            return [any_value(entry) for entry in item.get("values", [])]
        if kind == "kvlistValue":
            return attributes(item.get("values", []))
        if kind == "intValue":
            return int(item)
        if kind == "bytesValue":
            return base64.b64decode(item)
        return item
    return None


def attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: any_value(pair.get("value", {})) for pair in pairs}


def spans(request: dict[str, Any]) -> list[tuple[str, str, RawSpan]]:
    """(trace id, span id, span) of a request, in the order of their start."""
    found = []
    for resource in request["resourceSpans"]:
        resource_attributes = attributes(resource.get("resource", {}).get("attributes", []))
        for scope in resource["scopeSpans"]:
            for raw in scope["spans"]:
                status = raw.get("status", {})
                span = RawSpan(
                    name=raw["name"],
                    scope_name=scope.get("scope", {}).get("name", ""),
                    scope_version=scope.get("scope", {}).get("version", ""),
                    attributes=attributes(raw.get("attributes", [])),
                    resource=resource_attributes,
                    events=[
                        {
                            "name": event["name"],
                            "time_ns": int(event["timeUnixNano"]),
                            "attributes": attributes(event.get("attributes", [])),
                        }
                        for event in raw.get("events", [])
                    ],
                    start_ns=int(raw["startTimeUnixNano"]),
                    end_ns=int(raw["endTimeUnixNano"]),
                    kind=raw.get("kind", 0),
                    status_code=status.get("code", 0),
                    status_message=status.get("message", ""),
                    parent_span_id=raw.get("parentSpanId") or None,
                )
                found.append((raw["traceId"].lower(), raw["spanId"].lower(), span))
    return sorted(found, key=lambda entry: (entry[2].start_ns, entry[1]))


def rows(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Canonical rows of a request: known fields only, costs as exact decimal text."""
    out, keys = [], []
    for trace_id, span_id, span in spans(request):
        row: dict[str, Any] = {"span_id": span_id, "name": span.name}
        dialect = find_dialect(span.scope_name, span.attributes)
        fields: Any = dialect.map(span) if dialect else {}
        row |= {"dialect": dialect.name if dialect else None, **fields}
        if fields.get("operation") in BILLABLE_OPERATIONS:
            row |= _bill(span, fields)
        out.append(row)
        keys.append(_key(trace_id, span_id, span, row))
    for row, (duplicate_of, rule) in zip(out, DuplicateFinder().mark(keys), strict=True):
        if duplicate_of:
            row |= {"duplicate_of": duplicate_of, "duplicate_rule": rule}
    return out


def _bill(span: RawSpan, fields: Any) -> dict[str, Any]:
    usage = normalise_usage(span.scope_name, fields.get("provider"), fields)
    price = PRICER.price_call(
        provider=fields.get("provider"),
        response_model=fields.get("response_model"),
        request_model=fields.get("request_model"),
        server_address=fields.get("server_address"),
        usage=usage,
        service_tier=fields.get("service_tier"),
        start_time=span.start_ns,
        duration_s=(span.end_ns - span.start_ns) / 1e9,
        reported_cost_usd=fields.get("reported_cost_usd"),
    )
    row = {field: getattr(usage, field) for field in USAGE_COLUMNS if getattr(usage, field) is not None}
    row |= {"cost_usd": _text(price.cost_usd), "price_source": price.price_source}
    row |= {"price_model": price.price_model} if price.price_model else {}
    return row | ({"price_note": price.price_note} if price.price_note else {})


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"


def _key(trace_id: str, span_id: str, span: RawSpan, row: dict[str, Any]) -> CallKey:
    return CallKey(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=span.parent_span_id,
        provider=row.get("provider"),
        response_id=row.get("response_id"),
        operation=row.get("operation"),
        input_tokens=row.get("input_tokens"),
        output_tokens=row.get("output_tokens"),
        has_messages="output_messages" in row,
        scope_name=span.scope_name,
        start_us=span.start_ns // 1000,
        request_model=row.get("request_model"),
        response_model=row.get("response_model"),
    )
