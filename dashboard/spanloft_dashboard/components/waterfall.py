"""The waterfall of a trace: one row a span, its bar in time, what it took and cost written beside it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.critical_path import Segment
from spanloft_dashboard.components.scope import set_url
from spanloft_dashboard.components.scripts import component
from spanloft_dashboard.components.tree import Branch

MAX_PX = 600
NAME_CHARS = 80

_mount = component("waterfall")


def draw(
    drawn: Sequence[Branch],
    start: dt.datetime,
    length_ms: float,
    selected: str | None,
    key: str,
    path: Mapping[str, Sequence[Segment]],
) -> None:
    """Draw the rows; a click puts the span into the URL.

    Args:
        drawn: branches from top to bottom.
        start: start of the trace.
        length_ms: its length in milliseconds.
        selected: span id of the highlighted row.
        key: unique on the page.
        path: stretches of spans that lie on the critical path, by span id.
    """

    def picked() -> None:
        chosen = st.session_state[key].get("span")
        if any(branch.span_id == chosen for branch in drawn):
            set_url(span=chosen)

    _mount(key=key, data=description(drawn, start, length_ms, selected, path), on_span_change=picked)


def description(
    drawn: Sequence[Branch],
    start: dt.datetime,
    length_ms: float,
    selected: str | None,
    path: Mapping[str, Sequence[Segment]],
) -> dict[str, Any]:
    """What ``waterfall.js`` draws, as JSON can hold it; times in milliseconds since ``start``. See ``draw``."""
    unit, divisor = ("ms", 1.0) if length_ms < 1000 else ("s", 1000.0)
    return {
        "length": length_ms,
        "selected": selected,
        "height": MAX_PX,
        "critical": theme.CRITICAL,
        "ticks": [[tick, f"{tick / divisor:.3g} {unit}"] for tick in _ticks(length_ms)],
        "legend": _legend(drawn, path),
        "spans": [
            {
                "id": branch.span_id,
                "depth": branch.depth,
                "mark": "▸" if branch.hidden else "▾" if branch.children else "",
                "name": fmt.shorten(str(branch.span["name"]), NAME_CHARS),
                "folded": f" +{branch.hidden:,}" if branch.hidden else "",
                "begin": (branch.span["start_time"] - start).total_seconds() * 1000,
                "length": branch.span["duration_ms"] or 0.0,
                "color": _color(branch),
                "ink": theme.ink_on(_color(branch)),
                "figures": _figures(branch),
                "hover": _hover(branch),
                "path": [list(segment) for segment in _stretches(branch, path)],
            }
            for branch in drawn
        ],
    }


def _legend(drawn: Sequence[Branch], path: Mapping[str, Sequence[Segment]]) -> list[list[str]]:
    """Name, colour and sign of what the colours mean."""
    kinds = {theme.operation_kind(branch.span["operation"]): _color(branch) for branch in drawn if not _failed(branch)}
    if any(_failed(branch) for branch in drawn):
        kinds["failed"] = theme.ERROR
    line = [["critical path", theme.CRITICAL, "line"]] if any(path.values()) else []
    return line + [[name, color, ""] for name, color in kinds.items()]


def _stretches(branch: Branch, path: Mapping[str, Sequence[Segment]]) -> list[Segment]:
    """A folded branch shows what lies below it as well."""
    if not branch.hidden:
        return list(path.get(branch.span_id, ()))
    found: list[Segment] = []
    stack = [branch]
    while stack:
        below = stack.pop()
        found += path.get(below.span_id, ())
        stack.extend(below.children)
    merged: list[Segment] = []
    for begin, end in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _ticks(length_ms: float) -> list[float]:
    """Four to eight round times from 0 on."""
    step = 10.0 ** math.floor(math.log10(length_ms / 4))
    step *= next(factor for factor in (5, 2, 1) if length_ms / (step * factor) >= 4 or factor == 1)
    return [step * place for place in range(int(length_ms / step) + 1)]


def _failed(branch: Branch) -> bool:
    return bool(branch.span["status_code"] == "error")


def _color(branch: Branch) -> str:
    return theme.ERROR if _failed(branch) else theme.operation_color(branch.span["operation"])


def _figures(branch: Branch) -> str:
    """What stands beside a bar: '✕ 4.98 s · 2.8 k tok · $0.0048'."""
    span = branch.span
    parts = [("✕ " if _failed(branch) else "") + fmt.duration(span["duration_ms"])]
    if branch.tokens and (branch.depth == 0 or not branch.children):
        parts.append(f"{fmt.count(branch.tokens)} tok")
    if branch.cost_usd is not None and (branch.depth == 0 or not branch.children):
        parts.append(fmt.money(branch.cost_usd))
    return " · ".join(parts)


def _hover(branch: Branch) -> list[str]:
    span = branch.span
    lines = [fmt.shorten(str(span["name"]), NAME_CHARS), fmt.duration(span["duration_ms"])]
    if branch.cost_usd is not None:
        lines.append(f"{fmt.money(branch.cost_usd)}{' with all below' if branch.children else ''}")
    if branch.tokens:
        lines.append(f"{branch.tokens:,} tokens")
    if _failed(branch):
        lines.append(fmt.shorten(str(span["error_type"] or span["status_message"] or "error"), NAME_CHARS))
    if branch.hidden:
        lines.append(f"{branch.hidden:,} spans folded; click to open")
    return lines
