"""One decoded span to one row of ``spans`` and one of ``payloads``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from spanloft_collector.dialects import find_dialect
from spanloft_collector.dialects.values import parse_json
from spanloft_collector.model import BILLABLE_OPERATIONS, MOVABLE, Canonical, RawSpan
from spanloft_collector.pipeline.decode import DecodedSpan, jsonable
from spanloft_collector.pipeline.preview import message_preview, shorten
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.pricing.usage import normalise_usage

logger = logging.getLogger(__name__)

_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUS = ("unset", "ok", "error")
# Arrow's microseconds are signed 64-bit; OTLP's nanoseconds are unsigned and may say anything.
_MAX_US = 2**63 // 1000

_failed_scopes: set[str] = set()


class Row(NamedTuple):
    """A span's rows, in the order of ``SPAN_COLUMNS`` and ``PAYLOAD_COLUMNS``."""

    span: tuple[Any, ...]
    payload: tuple[Any, ...]


_ENVELOPE = (
    *("parent_span_id", "name", "kind", "start_time", "duration_ms", "status_code", "status_message"),
    *("service_name", "service_version", "environment", "project", "scope_name", "scope_version"),
)
FIELD_COLUMNS = (
    *("operation", "provider", "request_model", "response_model", "response_id", "finish_reason"),
    *("is_stream", "max_tokens", "temperature", "service_tier", "ttft_ms", "user_id", "session_id", "tags"),
    *("prompt_name", "prompt_version", "tool_name", "tool_call_id", "agent_name", "error_type", "server_address"),
)
BILL_COLUMNS = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    *("reasoning_tokens", "input_audio_tokens", "output_audio_tokens", "input_image_tokens", "output_image_tokens"),
    *("input_tokens_raw", "token_semantics", "usage_source", "cost_usd", "price_source", "price_version"),
)
SPAN_COLUMNS = (
    *("trace_id", "span_id", *_ENVELOPE, "dialect", *FIELD_COLUMNS),
    *("input_preview", "output_preview", "reported_cost_usd", *BILL_COLUMNS),
)

PAYLOAD_COLUMNS = (
    *("trace_id", "span_id", "start_time"),
    *(column for _, column in MOVABLE),
    *("retrieval_query", "prompt_template", "attributes", "resource", "events", "links", "attributes_moved"),
)

_UNBILLED = (None,) * len(BILL_COLUMNS)
_USAGE_COLUMNS = BILL_COLUMNS.index("cost_usd")
"""The first columns of ``BILL_COLUMNS`` are the first fields of ``Usage``."""


def dump(value: Any) -> str:
    """Compact JSON text of ``value``."""
    return orjson.dumps(value, default=jsonable, option=orjson.OPT_NON_STR_KEYS).decode()


def build_row(span: DecodedSpan, received_ns: int, project: str, pricer: Pricer) -> Row:
    """Map, price and flatten one span. A dialect that fails leaves a plain span: nothing is lost."""
    raw = span.raw
    dialect_name, fields = _canonical(raw)
    start_us = start_time(raw.start_ns, raw.end_ns, received_ns)
    billable = fields.get("operation") in BILLABLE_OPERATIONS
    billed = bill(raw.scope_name, fields, raw.start_ns, raw.end_ns, start_us, pricer) if billable else _UNBILLED
    span_row = (
        span.trace_id,
        span.span_id,
        *_envelope(raw, start_us, span.resource.attributes, project),
        dialect_name,
        *map(fields.get, FIELD_COLUMNS),
        _input_preview(fields, fields.get("input_messages")),
        _output_preview(fields, fields.get("output_messages")),
        fields.get("reported_cost_usd"),
        *billed,
    )
    content, attributes_json, moved = split_content(raw.attributes, fields)
    payload_row = (
        span.trace_id,
        span.span_id,
        start_us,
        *content,
        fields.get("retrieval_query"),
        fields.get("prompt_template"),
        attributes_json,
        span.resource.json,
        dump(raw.events) if raw.events else None,
        dump(span.links) if span.links else None,
        moved,
    )
    return Row(span_row, payload_row)


def start_time(start_ns: int, end_ns: int, received_ns: int) -> int:
    """Start of a span in Unix microseconds; one that states none, or none that a column holds, starts as it came."""
    start_us = (start_ns or end_ns or received_ns) // 1000
    return start_us if start_us <= _MAX_US else received_ns // 1000


def _envelope(raw: RawSpan, start_us: int, resource: dict[str, Any], project: str) -> tuple[Any, ...]:
    """What every span has, whoever emitted it: the columns ``_ENVELOPE``."""
    return (
        raw.parent_span_id,
        raw.name,
        kind_name(raw.kind),
        start_us,
        duration_ms(raw.start_ns, raw.end_ns),
        status_name(raw.status_code),
        raw.status_message or None,
        *service(resource),
        project,
        raw.scope_name or None,
        raw.scope_version or None,
    )


def kind_name(kind: int) -> str:
    """Name of an OTLP span kind; internal for what is none."""
    return _KINDS[kind] if kind < len(_KINDS) else "internal"


def status_name(code: int) -> str:
    """Name of an OTLP status code; unset for what is none."""
    return _STATUS[code] if code < len(_STATUS) else "unset"


def duration_ms(start_ns: int, end_ns: int) -> float | None:
    """Milliseconds between two Unix times in nanoseconds; None where one is missing or they contradict each other."""
    return (end_ns - start_ns) / 1e6 if end_ns >= start_ns > 0 else None


def service(resource: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Name, version and environment of the service that a resource describes."""
    return (
        _text(resource.get("service.name")),
        _text(resource.get("service.version")),
        _text(resource.get("deployment.environment.name") or resource.get("deployment.environment")),
    )


def split_content(attributes: dict[str, Any], fields: Canonical) -> tuple[list[str | None], str, int | None]:
    """JSON of the content columns (in the order of ``MOVABLE``), of the remaining attributes, and what was moved.

    The text of an attribute that says just what its column says is stored once, and byte for byte.
    """
    content: list[str | None] = []
    moved = 0
    rest = attributes
    for bit, (key, column) in enumerate(MOVABLE):
        value = fields.get(column)
        if value is None:
            content.append(None)
            continue
        text = attributes.get(key)
        if type(text) is str and says(text, value):
            if rest is attributes:
                rest = attributes.copy()
            del rest[key]
            moved |= 1 << bit
            content.append(text)
        else:
            content.append(dump(value))
    return content, dump(rest), moved or None


def says(text: str, value: object) -> bool:
    """Whether ``text`` is JSON for ``value``."""
    try:
        return bool(parse_json(text) == value)
    except ValueError:
        return False


def _canonical(raw: RawSpan) -> tuple[str | None, Canonical]:
    dialect = find_dialect(raw.scope_name, raw.attributes)
    if dialect is None:
        return None, {}
    try:
        return dialect.name, dialect.map(raw)
    except Exception:
        if raw.scope_name not in _failed_scopes and len(_failed_scopes) < 100:
            _failed_scopes.add(raw.scope_name)
            logger.exception("dialect %s failed on a span of %s; stored as a plain span", dialect.name, raw.scope_name)
        return None, {}


def bill(
    scope_name: str, fields: Canonical, start_ns: int, end_ns: int, start_us: int, pricer: Pricer
) -> tuple[Any, ...]:
    """Usage and cost columns of a billable call, in the order of ``BILL_COLUMNS``."""
    usage = normalise_usage(scope_name, fields.get("provider"), fields)
    duration_s = (end_ns - start_ns) / 1e9 if end_ns >= start_ns > 0 else None
    return usage[:_USAGE_COLUMNS] + pricer.cost_of(fields, usage, start_us * 1000, duration_s)


def _input_preview(fields: Canonical, messages: Any) -> str | None:
    return (
        message_preview(messages, last=True)
        or shorten(fields.get("tool_arguments"))
        or shorten(fields.get("retrieval_query"))
    )


def _output_preview(fields: Canonical, messages: Any) -> str | None:
    shown = message_preview(messages, last=False) or shorten(fields.get("tool_result"))
    if shown is None and (documents := fields.get("retrieval_documents")):
        shown = document_preview(documents)
    return shown


def document_preview(documents: list[Any]) -> str | None:
    """First characters of the first of one or more documents."""
    first = documents[0]
    return shorten(first.get("content") if isinstance(first, dict) else first)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
