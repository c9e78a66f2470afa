"""The waterfall of a trace: one row a span, its bar in time, what it took and cost written beside it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.critical_path import Segment
from spanloft_dashboard.components.scope import set_url
from spanloft_dashboard.components.tree import Branch

GRID = "rgba(128,140,160,.18)"
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
ROW_PX = 26
HEAD_PX = 62
LABEL_SHARE = 0.62
"""Room for the names, as a share of the time axis' length."""
LABEL_CHARS = 29
RIGHT, LEFT, INSIDE = "right", "left", "inside"
SELECTED = "rgba(76,111,224,.16)"


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
    room = length_ms * LABEL_SHARE
    chart = go.Figure()
    ids = [branch.span_id for branch in drawn]
    places = list(range(len(drawn)))
    _click_rows(chart, drawn, length_ms, room, selected)
    begins = [(branch.span["start_time"] - start).total_seconds() * 1000 for branch in drawn]
    lengths = [branch.span["duration_ms"] or 0.0 for branch in drawn]
    chart.add_bar(
        y=places,
        x=[max(value, length_ms * 0.003) for value in lengths],
        base=begins,
        orientation="h",
        customdata=ids,
        marker={
            "color": [_color(branch) for branch in drawn],
            "line": {"color": theme.ERROR, "width": [1.5 if _failed(branch) else 0 for branch in drawn]},
        },
        text=[
            _figures(branch) if _side(begin, length, length_ms) == INSIDE else ""
            for branch, begin, length in zip(drawn, begins, lengths, strict=True)
        ],
        textposition="inside",
        insidetextanchor="start",
        insidetextfont={"size": 11, "color": "#FFFFFF"},
        constraintext="none",
        textangle=0,
        hoverinfo="skip",
        width=0.62,
        showlegend=False,
    )
    _critical(chart, drawn, path)
    _texts(chart, drawn, begins, lengths, length_ms, room)
    for trace in chart.data:
        if trace.type == "bar":
            trace.update(selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}})
    _legend(chart, drawn)
    _layout(chart, len(drawn), length_ms, room)
    st.plotly_chart(
        chart,
        key=key,
        config=CONFIG,
        theme="streamlit",
        on_select=lambda: _picked(key),
        selection_mode="points",
        alt="Waterfall of the trace",
    )


def _critical(chart: go.Figure, drawn: Sequence[Branch], path: Mapping[str, Sequence[Segment]]) -> None:
    """Underline what lies on the critical path. A folded branch shows what lies below it as well."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for place, branch in enumerate(drawn):
        for begin, end in _stretches(branch, path):
            xs += [begin, end, None]
            ys += [place + 0.4, place + 0.4, None]
    if xs:
        line = {"color": theme.CRITICAL, "width": 3}
        chart.add_scatter(x=xs, y=ys, mode="lines", name="critical path", line=line, hoverinfo="skip")


def _stretches(branch: Branch, path: Mapping[str, Sequence[Segment]]) -> list[Segment]:
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


def _click_rows(chart: go.Figure, drawn: Sequence[Branch], length_ms: float, room: float, selected: str | None) -> None:
    """A row is clickable everywhere, not only on its bar: a transparent bar lies across it."""
    ids = [branch.span_id for branch in drawn]
    chart.add_bar(
        y=list(range(len(drawn))),
        x=[length_ms * 1.02 + room] * len(drawn),
        base=[-room] * len(drawn),
        orientation="h",
        customdata=ids,
        marker={"color": [SELECTED if item == selected else "rgba(0,0,0,0)" for item in ids], "line": {"width": 0}},
        hovertext=[_hover(branch) for branch in drawn],
        hovertemplate="%{hovertext}<extra></extra>",
        width=1.0,
        showlegend=False,
    )


def _picked(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and points[0].get("customdata"):
        chosen = points[0]["customdata"]
        set_url(span=chosen if isinstance(chosen, str) else chosen[0])


def _texts(
    chart: go.Figure, drawn: Sequence[Branch], begins: list[float], lengths: list[float], total: float, room: float
) -> None:
    places = list(range(len(drawn)))
    chart.add_scatter(
        x=[-room] * len(drawn),
        y=places,
        text=[_name(branch) for branch in drawn],
        mode="text",
        textposition="middle right",
        textfont={"size": 12},
        hoverinfo="skip",
        cliponaxis=False,
        showlegend=False,
    )
    for side, anchor in ((RIGHT, "middle right"), (LEFT, "middle left")):
        members = [place for place, length in enumerate(lengths) if _side(begins[place], length, total) == side]
        chart.add_scatter(
            x=[begins[place] + (lengths[place] if side == RIGHT else 0) for place in members],
            y=members,
            text=[_figures(drawn[place]) for place in members],
            mode="text",
            textposition=anchor,
            textfont={"size": 11},
            hoverinfo="skip",
            cliponaxis=False,
            showlegend=False,
        )


def _side(begin: float, length: float, total: float) -> str:
    """Where a bar's figures stand: right of it, inside one that fills the row, or left where there is no room."""
    if begin + length < total * 0.62:
        return RIGHT
    return INSIDE if length > total * 0.42 else LEFT


def _legend(chart: go.Figure, drawn: Sequence[Branch]) -> None:
    kinds = {theme.operation_kind(branch.span["operation"]): _color(branch) for branch in drawn if not _failed(branch)}
    if any(_failed(branch) for branch in drawn):
        kinds["failed"] = theme.ERROR
    for kind, color in kinds.items():
        chart.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=kind,
            marker={"color": color, "size": 9, "symbol": "square"},
            hoverinfo="skip",
        )


def _layout(chart: go.Figure, count: int, length_ms: float, room: float) -> None:
    unit, divisor = ("ms", 1.0) if length_ms < 1000 else ("s", 1000.0)
    ticks = _ticks(length_ms)
    chart.update_layout(
        height=count * ROW_PX + HEAD_PX,
        barmode="overlay",
        showlegend=True,
        margin={"l": 0, "r": 0, "t": 26, "b": 34},
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
            "font": {"size": 11},
        },
        bargap=0,
        barcornerradius=3,
        hovermode="closest",
        dragmode=False,
        font={"size": 12},
    )
    chart.update_yaxes(visible=False, range=[count - 0.5, -0.5], fixedrange=True)
    chart.update_xaxes(
        range=[-room, length_ms * 1.02],
        side="top",
        fixedrange=True,
        zeroline=False,
        gridcolor=GRID,
        tickvals=ticks,
        ticktext=[f"{tick / divisor:.3g} {unit}" for tick in ticks],
        title=None,
        tickfont={"size": 11},
    )


def _ticks(length_ms: float) -> list[float]:
    """Four to eight round times from 0 on."""
    step = 10.0 ** math.floor(math.log10(length_ms / 4))
    step *= next(factor for factor in (5, 2, 1) if length_ms / (step * factor) >= 4 or factor == 1)
    return [step * place for place in range(int(length_ms / step) + 1)]


def _failed(branch: Branch) -> bool:
    return bool(branch.span["status_code"] == "error")


def _color(branch: Branch) -> str:
    return theme.ERROR if _failed(branch) else theme.operation_color(branch.span["operation"])


def _name(branch: Branch) -> str:
    indent = "\u00a0" * 3 * min(branch.depth, 8)
    folded = f" (+{branch.hidden:,})" if branch.hidden else ""
    mark = "▸ " if branch.hidden else "▾ " if branch.children else "\u00a0\u00a0"
    room = max(LABEL_CHARS - 2 * min(branch.depth, 8) - len(folded), 10)
    return indent + mark + fmt.chart_text(branch.span["name"], room) + folded


def _figures(branch: Branch) -> str:
    """What stands beside a bar: '✕ 4.98 s · 2.8 k tok · $0.0048'."""
    span = branch.span
    parts = [("✕ " if _failed(branch) else "") + fmt.duration(span["duration_ms"])]
    if branch.tokens and (branch.depth == 0 or not branch.children):
        parts.append(f"{fmt.count(branch.tokens)} tok")
    if branch.cost_usd is not None and (branch.depth == 0 or not branch.children):
        parts.append(fmt.money(branch.cost_usd))
    # A no-break space on both sides keeps the text off its bar.
    return "\u00a0" + " · ".join(parts) + "\u00a0"


def _hover(branch: Branch) -> str:
    span = branch.span
    lines = [f"<b>{fmt.chart_text(span['name'], 80)}</b>", f"{fmt.duration(span['duration_ms'])}"]
    if branch.cost_usd is not None:
        lines.append(f"{fmt.money(branch.cost_usd)}{' with all below' if branch.children else ''}")
    if branch.tokens:
        lines.append(f"{branch.tokens:,} tokens")
    if _failed(branch):
        lines.append(fmt.chart_text(span["error_type"] or span["status_message"] or "error", 80))
    if branch.hidden:
        lines.append(f"{branch.hidden:,} spans folded; click to open")
    return "<br>".join(lines)
