"""Short texts for list rows, taken from messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from spanloft_collector.model import PREVIEW_CHARS


def message_preview(messages: Sequence[Mapping[str, Any]] | None, *, last: bool) -> str | None:
    """First characters of the last (input) or first (output) message that says something."""
    if not messages:
        return None
    ordered: Iterable[Mapping[str, Any]] = reversed(messages) if last else messages
    for message in ordered:
        text = parts_preview(message.get("parts"))
        if text:
            return text
    return None


def parts_preview(parts: Any) -> str | None:
    """First characters of the first part that has something to show: text, a tool call, a tool's answer."""
    if not isinstance(parts, list):
        return None
    for part in parts:
        # Asking the abstract class costs ten times as much, and nearly all parts are dicts.
        if type(part) is not dict and not isinstance(part, Mapping):
            continue
        kind = part.get("type")
        if kind in ("text", "reasoning"):
            shown = shorten(part.get("content"))
        elif kind == "tool_call":
            shown = shorten(f"{part.get('name')}({as_text(part.get('arguments'))})")
        elif kind == "tool_call_response":
            shown = shorten(as_text(part.get("response")))
        else:
            shown = None
        if shown:
            return shown
    return None


def shorten(value: Any) -> str | None:
    """``value`` as one line of at most ``PREVIEW_CHARS`` characters."""
    if not isinstance(value, str):
        if value is None:
            return None
        value = as_text(value)
    # Cut before splitting: the text may have megabytes.
    head = value[:PREVIEW_CHARS]
    if head.isprintable() and "  " not in head:
        return head.strip() or None
    return " ".join(value[: PREVIEW_CHARS * 4].split())[:PREVIEW_CHARS] or None


def as_text(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=str).decode()
    except (TypeError, ValueError):
        return str(value)
