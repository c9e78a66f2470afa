"""Which spans are read together: those with the same keys; and, of the others, all in which the conventions' are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from spanloft_collector.dialects import find_dialect
from spanloft_collector.dialects.otel_genai import OtelGenai
from spanloft_collector.pipeline.shapes import Shape, plan
from spanloft_collector.wire import WireSpan

MAX_KEYS = 64
"""Spans with more attributes are read one by one."""
FEW = 20
"""Fewer spans with the same keys are read with those of other keys: each group has a cost of its own."""
_OPERATION = "gen_ai.operation.name"
_VALUE_MARKERS = frozenset({"telemetry.sdk.name", "framework"})
"""Keys by whose value, not presence, a dialect claims a span."""
# Keys come from outside; a flood of made-up ones must not grow the memory for ever.
_REMEMBERED = 2048

Keys = tuple[str, ...]
"""Scope and attribute keys of a span, in order."""


def grouped(spans: Sequence[WireSpan]) -> tuple[list[tuple[Shape, list[int]]], list[int]]:
    """(shape, numbers of its spans) of those that are read a column at a time, and the numbers of all others."""
    same: defaultdict[Keys, list[int]] = defaultdict(list)
    alone: list[int] = []
    for row, span in enumerate(spans):
        attributes = span[5]
        if span[6] or len(attributes) > MAX_KEYS:
            alone.append(row)
        else:
            same[(span[3], *attributes)].append(row)
    found: list[tuple[Shape, list[int]]] = []
    mixed: list[int] = []
    for keys, rows in same.items():
        if not told_by_keys(keys):
            alone += rows
        elif len(rows) < FEW:
            mixed += rows
        else:
            found.append((_exact(keys), rows))
    if mixed:
        found.append((_mixed([spans[row][5] for row in mixed]), mixed))
    return found, alone


@lru_cache(_REMEMBERED)
def told_by_keys(keys: Keys) -> bool:
    """Whether spans with these keys follow the conventions and state their operation, whatever their values are."""
    scope, *names = keys
    if _OPERATION not in names or not _VALUE_MARKERS.isdisjoint(names):
        return False
    return isinstance(find_dialect(scope, dict.fromkeys(names)), OtelGenai)


@lru_cache(_REMEMBERED)
def _exact(keys: Keys) -> Shape:
    return plan(keys[1:], exact=True)


def _mixed(attributes: Sequence[Mapping[str, Any]]) -> Shape:
    return plan(dict.fromkeys(key for each in attributes for key in each), exact=False)
