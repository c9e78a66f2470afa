"""Attribute key -> canonical field tables, and what all dialects have in common.

A table is walked once per span: one dict lookup per attribute, however many spellings a field has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..model import Canonical, RawSpan
from . import names
from .base import STATUS_ERROR
from .values import as_host, as_str, as_texts

Coerce = Callable[[Any], Any]
Rules = dict[str, tuple[str, Coerce, int]]
"""Attribute key -> (canonical field, coercion, rank). Of several keys for one field the lowest rank wins."""

_COMMON_RANK = 100

COMMON: Sequence[tuple[str, Coerce, Sequence[str]]] = (
    ("user_id", as_str, ("user.id", "enduser.id", "enduser.pseudo.id", "gen_ai.user", "gen_ai.request.user")),
    ("session_id", as_str, ("gen_ai.conversation.id", "session.id", "gen_ai.session.id", "thread.id")),
    ("tags", as_texts, ("spanloft.tags", "tag.tags", "tags")),
    ("prompt_name", as_str, ("gen_ai.prompt.name", "spanloft.prompt.name")),
    ("prompt_version", as_str, ("gen_ai.prompt.version", "spanloft.prompt.version")),
    ("prompt_template", as_str, ("spanloft.prompt.template",)),
    ("error_type", as_str, ("error.type",)),
    ("server_address", as_host, ("server.address", "gen_ai.openai.api_base", "url.full", "http.url", "net.peer.name")),
)
"""Fields that an app, a resource detector or our own SDK stamps on spans of any dialect."""


def build(*fields: tuple[str, Coerce, Sequence[str]]) -> Rules:
    """Table of a dialect from (field, coercion, keys in falling order of trust), with ``COMMON`` behind it."""
    rules: Rules = {}
    for offset, group in ((0, fields), (_COMMON_RANK, COMMON)):
        for field, coerce, keys in group:
            for rank, key in enumerate(keys):
                rules.setdefault(key, (field, coerce, offset + rank))
    return rules


Field = tuple[str, Coerce, tuple[str, ...]]


def extend(base: Sequence[Field], *own: Field) -> Rules:
    """Table of a dialect that is built on another: its own keys of a field come before the base's."""
    by_field = {field: (coerce, keys) for field, coerce, keys in base}
    merged = [(field, coerce, (*keys, *by_field.pop(field, (coerce, ()))[1])) for field, coerce, keys in own]
    return build(*merged, *((field, coerce, keys) for field, (coerce, keys) in by_field.items()))


def apply(rules: Rules, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that ``rules`` find in ``attributes``; unreadable values are absent."""
    out: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    find = rules.get
    for key, value in attributes.items():
        rule = find(key)
        if rule is None:
            continue
        field, coerce, rank = rule
        if field in out and rank >= ranks.get(field, 0):
            continue
        coerced = coerce(value)
        if coerced is not None:
            out[field] = coerced
            if rank or ranks:
                ranks[field] = rank
    return out


def finish(out: dict[str, Any], span: RawSpan) -> Canonical:
    """Fields that follow from others or from the span itself: finish reason of the output, type of the error."""
    if out.get("is_stream") is False:
        # Some emitters write the whole duration of an unstreamed call as its time to first token.
        out.pop("ttft_ms", None)
    if "finish_reason" not in out:
        for message in out.get("output_messages", ()):
            if reason := message.get("finish_reason"):
                out["finish_reason"] = reason
                break
    for field in ("input_messages", "output_messages"):
        if field in out and not any(map(says_something, out[field])):
            # What an emitter leaves of messages when their texts are switched off.
            del out[field]
    if "error_type" not in out and span.status_code == STATUS_ERROR:
        out["error_type"] = exception_type(span.events) or "error"
    return cast(Canonical, out)


def says_something(message: Mapping[str, Any]) -> bool:
    """Whether a message has more than empty texts."""
    return any(part.get("type") != "text" or part.get("content") not in (None, "") for part in message["parts"])


def exception_type(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Class of the last exception event as ``package.Class``, without the modules between."""
    for event in reversed(events):
        if event.get("name") != "exception":
            continue
        name = as_str(event_attributes(event).get("exception.type"))
        if name is not None:
            head, *middle = name.split(".")
            if not middle or head in ("builtins", "__main__"):
                return ".".join(middle) or head
            return f"{head}.{middle[-1]}"
    return None


def event_attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attributes of a span event; an empty mapping when there are none."""
    attributes = event.get("attributes")
    return attributes if isinstance(attributes, Mapping) else {}


def first_event_ms(span: RawSpan, event_names: frozenset[str]) -> float | None:
    """Milliseconds from the start of ``span`` to the first event with one of the names."""
    times = [
        time
        for event in span.events
        if event.get("name") in event_names and isinstance(time := event.get("time_ns"), int)
    ]
    if not times or not span.start_ns:
        return None
    delay = min(times) - span.start_ns
    return delay / 1e6 if 0 <= delay < 10**18 else None


def drop_empty(out: dict[str, Any], **fields: Any) -> None:
    """Set the fields that are known (not ``None``, not empty) and not already set."""
    for field, value in fields.items():
        if value is not None and value not in ("", [], {}) and field not in out:
            out[field] = value


__all__ = [
    "COMMON",
    "Field",
    "Rules",
    "apply",
    "build",
    "drop_empty",
    "event_attributes",
    "exception_type",
    "extend",
    "finish",
    "first_event_ms",
    "names",
    "says_something",
]
