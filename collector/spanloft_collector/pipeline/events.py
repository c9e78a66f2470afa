"""GenAI log events and the spans they belong to: emitters that keep content off spans send it as log records.

The records are stored as they came. Their messages are also written into the row of their span, where everybody looks
for them: when both are published close to each other by the pipeline, else by the job ``events``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from spanloft_collector.dialects.names import finish_reason
from spanloft_collector.dialects.otel_genai import map_event
from spanloft_collector.model import MOVABLE, Canonical
from spanloft_collector.pipeline.preview import message_preview
from spanloft_collector.pipeline.rows import dump

Key = tuple[str, str]
"""(trace id, span id)."""

PREFIX = "gen_ai."
CONTENT_COLUMNS = tuple(column for _, column in MOVABLE)
SPAN_CONTENT = ("input_preview", "output_preview", "finish_reason")
_LISTS = ("input_messages", "output_messages")
_COLUMNS = ("trace_id", "span_id", "time", "event_name", "attributes", "body")

MEMORY_BYTES = 16 * 1024 * 1024
"""Content that is kept for spans that have not arrived yet; the oldest goes first."""


class Event(NamedTuple):
    """A GenAI log record: time in Unix microseconds, name, attributes and body as JSON text."""

    time_us: int
    name: str
    attributes: str | None
    body: str | None

    @property
    def size(self) -> int:
        """Bytes of text, about."""
        return len(self.attributes or "") + len(self.body or "")


def events_of(logs: pa.Table) -> list[tuple[Key, Event]]:
    """GenAI events among rows of ``logs`` that name a span, in order."""
    wanted = pc.and_kleene(pc.starts_with(logs.column("event_name"), PREFIX), pc.is_valid(logs.column("span_id")))
    found = logs.select(_COLUMNS).filter(wanted)
    if not found.num_rows:
        return []
    columns = [
        (found.column(name).cast(pa.timestamp("us")).cast(pa.int64()) if name == "time" else found.column(name))
        for name in _COLUMNS
    ]
    return [
        ((trace_id, span_id), Event(time, name, attributes, body))
        for trace_id, span_id, time, name, attributes, body in zip(*(c.to_pylist() for c in columns), strict=True)
        if trace_id is not None
    ]


def combine(events: Iterable[Event]) -> Canonical:
    """What the events of one span say together: one event holds it all, or there is one event per message."""
    whole: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    # A record that was sent twice is equal to itself; order among equal times is that of arrival.
    for event in sorted(dict.fromkeys(events), key=lambda event: event.time_us):
        fields = map_event(event.name, _object(event.attributes), _loads(event.body))
        if event.name.endswith(".message") or event.name == "gen_ai.choice":
            for name in _LISTS:
                messages.setdefault(name, []).extend(fields.get(name, ()))
        else:
            whole = {**fields, **whole}
    return cast(Canonical, {**{name: found for name, found in messages.items() if found}, **whole})


def fill(span: MutableMapping[str, Any], payload: MutableMapping[str, Any], content: Canonical) -> bool:
    """Write content into the rows of a span where they have none or less; whether anything changed.

    Args:
        span: a row of ``spans``; its previews may change.
        payload: its row of ``payloads``; JSON columns hold text.
        content: from ``combine``.
    """
    changed = False
    for column in CONTENT_COLUMNS:
        value = content.get(column)
        if value and _says_more(value, payload[column]):
            payload[column] = dump(value)
            changed = True
    if changed:
        span["input_preview"] = message_preview(content.get("input_messages"), last=True) or span["input_preview"]
        span["output_preview"] = message_preview(content.get("output_messages"), last=False) or span["output_preview"]
        reasons = (message.get("finish_reason") for message in content.get("output_messages", ()))
        stated = content.get("finish_reason") or next(filter(None, reasons), None)
        span["finish_reason"] = span["finish_reason"] or finish_reason(stated)
    return changed


def merge_into(spans: pa.Table, payloads: pa.Table, memory: EventMemory) -> tuple[pa.Table, pa.Table]:
    """``spans`` and ``payloads`` (the same spans in the same order) with the content of remembered events."""
    if not len(memory):
        return spans, payloads
    keys = zip(spans.column("trace_id").to_pylist(), spans.column("span_id").to_pylist(), strict=True)
    found = [(row, events) for row, key in enumerate(keys) if (events := memory.take(key)) is not None]
    if not found:
        return spans, payloads
    rows = pa.array([row for row, _ in found])
    changed = zip(spans.take(rows).to_pylist(), payloads.take(rows).to_pylist(), found, strict=True)
    new = {row: (span, payload) for span, payload, (row, events) in changed if fill(span, payload, combine(events))}
    return (
        _replace(spans, SPAN_CONTENT, {row: span for row, (span, _) in new.items()}),
        _replace(payloads, CONTENT_COLUMNS, {row: payload for row, (_, payload) in new.items()}),
    )


def _replace(table: pa.Table, names: Iterable[str], rows: Mapping[int, Mapping[str, Any]]) -> pa.Table:
    """``table`` with some columns of some rows replaced."""
    for name in names if rows else ():
        index = table.schema.get_field_index(name)
        field = table.schema.field(index)
        values = table.column(name).to_pylist()
        for row, new in rows.items():
            values[row] = new[name]
        json = isinstance(field.type, pa.JsonType)
        array = pa.array(values, pa.string() if json else field.type)
        table = table.set_column(index, field, pa.ExtensionArray.from_storage(field.type, array) if json else array)
    return table


def _says_more(value: object, stored: str | None) -> bool:
    if stored is None:
        return True
    old = _loads(stored)
    return isinstance(value, list) and isinstance(old, list) and len(value) > len(old) and all(m in value for m in old)


class EventMemory:
    """Events by span, for spans that arrive a moment later. Bounded; not thread-safe."""

    def __init__(self, max_bytes: int = MEMORY_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._events: OrderedDict[Key, list[Event]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._events)

    def add(self, found: Iterable[tuple[Key, Event]]) -> None:
        """Remember events."""
        for key, event in found:
            self._events.setdefault(key, []).append(event)
            self._events.move_to_end(key)
            self._bytes += event.size
        while self._bytes > self._max_bytes and self._events:
            self._forget(next(iter(self._events)))

    def take(self, key: Key) -> list[Event] | None:
        """The events of a span, once."""
        return self._forget(key) if key in self._events else None

    def _forget(self, key: Key) -> list[Event]:
        events = self._events.pop(key)
        self._bytes -= sum(event.size for event in events)
        return events


HELD = EventMemory()
"""The memory of this process: it runs one pipeline."""


def _loads(text: str | None) -> Any:
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _object(text: str | None) -> dict[str, Any]:
    value = _loads(text)
    return value if isinstance(value, dict) else {}
