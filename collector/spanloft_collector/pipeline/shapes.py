"""Spans of the conventions' dialect, read a column at a time: which attribute goes where depends on the keys alone.

``rows`` is the reference and reads all other spans; a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, cast

import orjson

from spanloft_collector.dialects.base import STATUS_ERROR
from spanloft_collector.dialects.names import operation_name, provider_name, service_tier
from spanloft_collector.dialects.otel_genai import RULES, OtelGenai
from spanloft_collector.dialects.rules import Coerce
from spanloft_collector.dialects.values import MAX_INT, as_count, as_str
from spanloft_collector.model import BILLABLE_OPERATIONS, MOVABLE, Canonical
from spanloft_collector.pipeline.columns import Columns
from spanloft_collector.pipeline.contents import NOTHING, Reader, reader
from spanloft_collector.pipeline.decode import jsonable
from spanloft_collector.pipeline.preview import shorten
from spanloft_collector.pipeline.rows import BILL_COLUMNS, FIELD_COLUMNS, bill
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.wire import WireSpan

_MOVABLE_BITS = {column: bit for bit, (_, column) in enumerate(MOVABLE)}
_NAMES = frozenset({operation_name, provider_name, service_tier})
"""Coercions of the few names that many spans share."""
_ONLY_TEXTS = {str}
_TEXTS_OR_NONE = {str, type(None)}
_ONLY_INTEGERS = {int}
_TEXTS = ("retrieval_query", "prompt_template")


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """What keys say about the values behind them."""

    exact: bool
    """Whether each span has the same attributes, in the same order."""
    keys: tuple[str, ...]
    """The attributes; of those that differ from span to span only the ones that have a column."""
    fields: tuple[tuple[str, tuple[tuple[int, Coerce], ...]], ...]
    """(field, its (number of the attribute, coercion) in falling order of trust)."""
    contents: tuple[tuple[str, str, int, Reader], ...]
    """(field, attribute, its number, reader) of the attributes that have a column for their whole text."""


class Unfit(Exception):
    """A span is not what its shape promises: the spans of the shape are to be read one by one."""


def plan(keys: Iterable[str], *, exact: bool) -> Shape:
    """The shape of spans of the conventions' dialect that have these keys and no others.

    Args:
        keys: attributes; one of them is the operation, which would else have to be inferred from the others' values.
        exact: each span has all of them, in this order; else each has some of them.
    """
    ranked: dict[str, list[tuple[int, int, str, Coerce]]] = {}
    numbered = tuple(keys if exact else filter(RULES.__contains__, keys))
    for number, key in enumerate(numbered):
        if (rule := RULES.get(key)) is not None:
            field, coerce, rank = rule
            ranked.setdefault(field, []).append((rank, number, key, coerce))
    contents = []
    for field in [field for field in ranked if field in _MOVABLE_BITS]:
        ((_, number, key, coerce),) = ranked.pop(field)
        contents.append((field, key, number, reader(field, coerce)))
    fields = tuple((field, tuple((choice[1], choice[3]) for choice in sorted(ranked[field]))) for field in ranked)
    return Shape(exact, numbered, fields, tuple(contents))


def read(shape: Shape, spans: Sequence[WireSpan], starts_us: Sequence[int], pricer: Pricer) -> tuple[Columns, Columns]:
    """Columns of ``spans`` and ``payloads`` that depend on attributes, for spans of one shape.

    An attribute that a span lacks and one without a value say the same: no coercion makes anything of ``None``.

    Args:
        shape: theirs.
        spans: as ``wire.decode`` gives them, without events.
        starts_us: their start, Unix microseconds.
        pricer: prices the billable ones.

    Raises:
        Unfit: one of them must be read by itself.
    """
    attributes = [span[5] for span in spans]
    if shape.exact:
        values: Sequence[Sequence[Any]] = list(zip(*(each.values() for each in attributes), strict=True))
    else:
        values = [[each.get(key) for each in attributes] for key in shape.keys]
    fields = {field: _coerced(choices, values) for field, choices in shape.fields}
    if None in fields["operation"]:
        raise Unfit
    _drop_ttft_of_whole_answers(fields)
    _name_errors(fields, spans)
    payload, previews, reasons = _contents(shape, attributes, values)
    if reasons is not None:
        stated = fields.get("finish_reason", reasons)
        fields["finish_reason"] = [one or other for one, other in zip(stated, reasons, strict=True)]
    columns: Columns = {name: fields[name] for name in FIELD_COLUMNS if name in fields}
    columns["dialect"] = [OtelGenai.name] * len(spans)
    if "reported_cost_usd" in fields:
        columns["reported_cost_usd"] = fields["reported_cost_usd"]
    payload |= {name: fields[name] for name in _TEXTS if name in fields}
    queries = map(shorten, fields.get("retrieval_query", ())) if "retrieval_query" in fields else None
    columns["input_preview"] = _first_shown(
        [previews.get("input_messages"), previews.get("tool_arguments"), None if queries is None else list(queries)],
        len(spans),
    )
    columns["output_preview"] = _first_shown(
        [previews.get(name) for name in ("output_messages", "tool_result", "retrieval_documents")], len(spans)
    )
    columns |= _bills(fields, spans, starts_us, pricer)
    return columns, payload


def _coerced(choices: Sequence[tuple[int, Coerce]], values: Sequence[Sequence[Any]]) -> list[Any]:
    (number, coerce), *others = choices
    found = _column(coerce, values[number])
    for number, coerce in others:
        if None not in found:
            break
        found = [coerce(value) if one is None else one for one, value in zip(found, values[number], strict=True)]
    return found


def _column(coerce: Coerce, values: Sequence[Any]) -> list[Any]:
    """What ``coerce`` makes of each value, asked of all at once where that is cheaper."""
    types = set(map(type, values))
    if coerce is as_str and types <= _TEXTS_OR_NONE and "" not in values:
        return list(values)
    if coerce is as_count and types == _ONLY_INTEGERS and min(values) >= 0 <= MAX_INT - max(values):
        return list(values)
    if coerce in _NAMES and types == _ONLY_TEXTS:
        named = {value: coerce(value) for value in set(values)}
        return [named[value] for value in values]
    return [None if value is None else coerce(value) for value in values]


def _drop_ttft_of_whole_answers(fields: dict[str, list[Any]]) -> None:
    # As dialects.rules.finish does, for the same reason.
    if "ttft_ms" in fields and False in fields.get("is_stream", ()):
        pairs = zip(fields["ttft_ms"], fields["is_stream"], strict=True)
        fields["ttft_ms"] = [None if streamed is False else ttft for ttft, streamed in pairs]


def _name_errors(fields: dict[str, list[Any]], spans: Sequence[WireSpan]) -> None:
    failed = [span[10] == STATUS_ERROR for span in spans]
    if True in failed:
        known = fields.get("error_type", [None] * len(spans))
        fields["error_type"] = [error or ("error" if bad else None) for error, bad in zip(known, failed, strict=True)]


def _contents(
    shape: Shape, attributes: Sequence[dict[str, Any]], values: Sequence[Sequence[Any]]
) -> tuple[Columns, dict[str, Sequence[str | None]], Sequence[str | None] | None]:
    """Payload columns, previews by field, and the finish reasons that output messages state."""
    columns: Columns = {}
    previews: dict[str, Sequence[str | None]] = {}
    reasons = None
    moved = [0] * len(attributes)
    for field, _, number, read_one in shape.contents:
        found = [NOTHING if value is None else read_one(value) for value in values[number]]
        columns[field], moves, previews[field], stated = zip(*found, strict=True)
        if field == "output_messages" and any(stated):
            reasons = stated
        bit = 1 << _MOVABLE_BITS[field]
        moved = [bits | bit if move else bits for bits, move in zip(moved, moves, strict=True)]
    columns["attributes"] = [_rest(shape, each, bits) for each, bits in zip(attributes, moved, strict=True)]
    columns["attributes_moved"] = [bits or None for bits in moved]
    return columns, previews, reasons


def _rest(shape: Shape, attributes: dict[str, Any], moved: int) -> str:
    if moved:
        attributes = attributes.copy()
        for field, key, _, _ in shape.contents:
            if moved >> _MOVABLE_BITS[field] & 1:
                del attributes[key]
    # Keys are texts, so that orjson need not look for others.
    return orjson.dumps(attributes, default=jsonable).decode()


def _first_shown(previews: Sequence[Sequence[str | None] | None], count: int) -> Sequence[str | None]:
    given = [column for column in previews if column is not None]
    if not given:
        return [None] * count
    shown = given[0]
    for other in given[1:]:
        shown = [one or two for one, two in zip(shown, other, strict=True)]
    return shown


def _bills(
    fields: dict[str, list[Any]], spans: Sequence[WireSpan], starts_us: Sequence[int], pricer: Pricer
) -> Columns:
    billable = [operation in BILLABLE_OPERATIONS for operation in fields["operation"]]
    if True not in billable:
        return {}
    names = tuple(fields)
    rows = compress(zip(*fields.values(), strict=True), billable)
    billed = [
        bill(span[3], cast(Canonical, dict(zip(names, row, strict=True))), span[7], span[8], start_us, pricer)
        for row, span, start_us in zip(rows, compress(spans, billable), compress(starts_us, billable), strict=True)
    ]
    if len(billed) < len(spans):
        found = iter(billed)
        nothing = (None,) * len(BILL_COLUMNS)
        billed = [next(found) if billed_too else nothing for billed_too in billable]
    return dict(zip(BILL_COLUMNS, zip(*billed, strict=True), strict=True))
