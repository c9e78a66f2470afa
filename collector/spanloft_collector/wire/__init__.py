"""OTLP trace requests, from the protobuf wire format to plain Python objects: the only place that walks attributes.

Compiled (``_otlp.c``) where the installation found a C compiler, else through protobuf (``fallback``): five times as
much CPU, the same results.
"""

from __future__ import annotations

from typing import Any

from spanloft_collector.compiled import compiled
from spanloft_collector.wire import fallback

_compiled = compiled("wire._otlp")
_checker = compiled("wire._check")
_scanner = compiled("wire._contents")

COMPILED = _compiled is not None
"""Whether the compiled decoder is in use."""

WireSpan = tuple[Any, ...]
"""(trace_id, span_id, name, scope_name, scope_version, attributes, events, start_ns, end_ns, kind, status_code,
status_message, parent_span_id, links). Ids are lower-case hex, a root's parent is None, times are Unix nanoseconds.
Events are dicts of ``name``, ``time_ns``, ``attributes``; links of ``trace_id``, ``span_id``, ``attributes``."""


def decode(payload: bytes) -> list[tuple[dict[str, Any], list[WireSpan]]]:
    """(attributes of the resource, its spans) in the order of a serialised ``ExportTraceServiceRequest``.

    Attribute values are str, bool, int, float, bytes, list, dict or None (an unset value); a repeated key keeps its
    last value.

    Raises:
        google.protobuf.message.DecodeError: the payload is no such request.
    """
    if _compiled is not None:
        try:
            return _compiled.decode(payload)  # type: ignore[no-any-return]
        except ValueError:
            pass
    return fallback.decode(payload)


def check(payload: bytes) -> tuple[list[int | None], list[str]]:
    """A key per span in request order (the hash of both ids; None for invalid ones), and the invalid ones' reasons.

    Ids must be 16 and 8 bytes and not all zero (opentelemetry-proto, trace.proto). The reasons are
    ``invalid_trace_id`` and ``invalid_span_id``.

    Raises:
        google.protobuf.message.DecodeError: the payload is no such request.
    """
    if _checker is not None:
        try:
            return _checker.check(payload)  # type: ignore[no-any-return]
        except ValueError:
            pass
    return fallback.check(payload)


def plain_messages(text: str, last: bool) -> tuple[str, str | None, bool] | None:
    """Beginning of the last or first message, and the finish reason of the messages, straight from their JSON.

    ``None`` says nothing: the text may be anything, or there is no compiled scanner. Else the text is JSON of messages
    that have a role of the conventions, parts of text only and at most one finish reason among them. The beginning is
    that of the message's first part with content, with at least 800 characters where there are as many; or, where the
    third member is true, the preview of it, all of one line.
    """
    return None if _scanner is None else _scanner.plain_messages(text, last)


def plain_documents(text: str) -> tuple[str, bool] | None:
    """Beginning of the first document's content, and whether it is the preview; as :func:`plain_messages`.

    Else than ``None`` says that the text is JSON of documents as the column has them: id, score and content, in order.
    """
    return None if _scanner is None else _scanner.plain_documents(text)


def compact(text: str) -> tuple[str, bool] | None:
    """Beginning of the compact form of a JSON object or array, and whether it is the preview; ``None`` says nothing."""
    return None if _scanner is None else _scanner.compact(text)
