"""A chart of any rows: one column across, one up, and one that parts the series. What can't be drawn is not offered."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import streamlit as st

from spanloft_dashboard.components import charts, choices, links, theme, ticks
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import ALL, Scope, iso

VIEWS = {"none": "Table only", "bars": "Bars", "line": "Line"}
MOST_PLACES = 2_000
"""Points of a series across; more can't be told apart on a screen."""
MOST_NAMES = 40
"""Names across."""
MOST_SERIES = len(theme.SERIES)
"""As many as there are colours."""
ACROSS_CHARACTERS, LEAST_LABEL = 100, 18
"""Characters that fit below a chart, and how many of a name are shown at least; what would overlap is left out."""
FEW = 60
"""Points of a line that are marked while there are no more of them."""
LEADING = {
    "service_name": "service",
    "service": "service",
    "provider": "provider",
    "model": "model",
    "operation": "operation",
    "user_id": "q",
    "session_id": "q",
    "trace_id": "trace",
}
"""Columns of an answer that the page Traces knows, and by which parameter."""
AXIS = charts.Axis(digits=6, height=260)
NONE = ""


def draw(rows: pa.Table) -> None:
    """Draw the controls, and the chart that they ask for; the choices are in the link."""
    across, up = columns_across(rows), columns_up(rows)
    if rows.num_rows < 2 or not across or not up:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="chart-of-answer"):
        view = choices.segmented("chart", "Chart", VIEWS, "none")
        if view == "none":
            return
        x = choices.selected("x", "Across", _names(across), across[0])
        free = [name for name in up if name != x] or up
        y = choices.selected("y", "Up", _names(free), free[0])
        parting = [name for name in columns_of_text(rows) if name not in (x, y)]
        by = choices.selected("by", "Series", {NONE: "one series", **_names(parting)}, NONE) if parting else NONE
    chart, note = chart_of(rows, x, y, by or None, line=view == "line")
    key, alt = f"answer-{view}-{x}-{y}-{by}", f"{fmt.shorten(y, 60)} by {fmt.shorten(x, 60)}"
    if leads_on(rows, x, by):
        picked = charts.pick_place(chart, key, alt=alt)
        if picked:
            links.go("traces", Scope(range=ALL), **behind(rows, x, by, chart, picked))
    else:
        charts.show(chart, key, alt=alt)
    if note:
        st.caption(note)


def leads_on(rows: pa.Table, x: str, by: str) -> bool:
    """Whether something of the chart says which traces are behind it: a time, or a column that traces have."""
    return _is_time(rows.schema.field(x).type) or x in LEADING or by in LEADING


def behind(rows: pa.Table, x: str, by: str, chart: charts.Chart, picked: charts.Place) -> dict[str, Any]:
    """Query parameters of the page Traces for what is behind a place of the chart and, where one was hit, a series."""
    found: dict[str, Any] = {}
    if by in LEADING and picked.series not in (None, fmt.UNKNOWN):
        found[LEADING[by]] = picked.series
    if _is_time(rows.schema.field(x).type):
        return found | {"from": iso(charts.utc(picked.x)), "to": iso(charts.utc(picked.x + chart.step)), "range": None}
    places = list(dict.fromkeys(place for place in rows[x].to_pylist() if place is not None))
    if x in LEADING and 0 <= picked.x < len(places):
        found[LEADING[x]] = places[int(picked.x)]
    return found


def _names(columns: Sequence[str]) -> dict[str, str]:
    return {name: fmt.shorten(name, 40) for name in columns}


def columns_up(rows: pa.Table) -> list[str]:
    """Columns of numbers."""
    return [item.name for item in rows.schema if _is_number(item.type)]


def columns_across(rows: pa.Table) -> list[str]:
    """Columns that a chart can go along: times first, then texts, then numbers."""
    moments = [item.name for item in rows.schema if _is_time(item.type)]
    return [*moments, *columns_of_text(rows), *columns_up(rows)]


def columns_of_text(rows: pa.Table) -> list[str]:
    """Columns of texts."""
    return [item.name for item in rows.schema if pa.types.is_string(item.type) or pa.types.is_large_string(item.type)]


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def chart_of(rows: pa.Table, x: str, y: str, by: str | None, *, line: bool) -> tuple[charts.Chart, str]:
    """The chart, and a sentence about what it leaves out; empty when it shows everything.

    Args:
        rows: the answer; values of the same place and series are added up.
        x: column across: times, texts or numbers.
        y: column up: numbers. Rows without a number are left out.
        by: column that parts the series.
        line: a line instead of bars.
    """
    sums, notes = _sums(rows, x, y, by)
    places = list(dict.fromkeys(place for part in sums.values() for place in part))
    texts = bool(places) and isinstance(places[0], str)
    if not texts:
        places.sort()
    most = MOST_NAMES if texts else MOST_PLACES
    if len(places) > most:
        notes.append(f"the first {most:,} of {len(places):,} values across")
        places = places[:most]
    chart = _empty(places, texts)
    colors = charts.palette(list(sums))
    for name, part in sums.items():
        at = [at for at, place in zip(_positions(places, texts), places, strict=True) if place in part]
        values = [part[place] for place in places if place in part]
        more: dict[str, Any] = {"dots": len(at) < FEW} if line else {"width": chart.step * 0.82}
        chart.add("line" if line else "bars", name, colors.get(name, theme.UNKNOWN), at, values, full=name, **more)
    return chart, "; ".join(notes).capitalize() + ("." if notes else "")


def _sums(rows: pa.Table, x: str, y: str, by: str | None) -> tuple[dict[str, dict[Any, float]], list[str]]:
    """Values by series and place, the largest series, and what was left out."""
    notes: list[str] = []
    sums: dict[str, dict[Any, float]] = {}
    names = rows[by].to_pylist() if by else [y] * rows.num_rows
    unknown = 0
    for place, value, name in zip(rows[x].to_pylist(), rows[y].to_pylist(), names, strict=True):
        if place is None or value is None or not math.isfinite(value):
            unknown += 1
            continue
        part = sums.setdefault(fmt.UNKNOWN if name is None else str(name), {})
        part[place] = part.get(place, 0.0) + float(value)
    if unknown:
        what = "row without a value is" if unknown == 1 else "rows without a value are"
        notes.append(f"{unknown:,} {what} not drawn")
    if len(sums) > MOST_SERIES:
        kept = sorted(sums, key=lambda name: -sum(map(abs, sums[name].values())))[:MOST_SERIES]
        notes.append(f"the {MOST_SERIES} largest of {len(sums):,} series")
        sums = {name: part for name, part in sums.items() if name in kept}
    return sums, notes


def _positions(places: Sequence[Any], texts: bool) -> list[float]:
    if texts:
        return [float(number) for number in range(len(places))]
    return [_number(place) for place in places]


def _number(place: Any) -> float:
    if isinstance(place, dt.datetime):
        return ticks.milliseconds(place.astimezone(dt.UTC).replace(tzinfo=None) if place.tzinfo else place)
    if isinstance(place, dt.date):
        return ticks.milliseconds(dt.datetime.combine(place, dt.time()))
    return float(place)


def _empty(places: Sequence[Any], texts: bool) -> charts.Chart:
    """A chart whose axis across holds ``places``, in order; bars are as wide as the places are close."""
    at = _positions(places, texts)
    step = min((after - before for before, after in pairwise(at)), default=1.0) or 1.0
    low, high = (min(at), max(at) + step) if at else (0.0, 1.0)
    moments = bool(places) and isinstance(places[0], (dt.date, dt.datetime))
    # Days have no hour, so they are the same in every zone.
    zone = charts.zone_of(step / 1000) if moments and isinstance(places[0], dt.datetime) else ZoneInfo("UTC")
    if texts:
        room = max(LEAST_LABEL, ACROSS_CHARACTERS // max(1, len(at)))
        marks = [(number + 0.41, fmt.shorten(place, room)) for number, place in zip(at, places, strict=True)]
    elif moments:
        marks = ticks.of_time(low, high, zone=zone)
    else:
        marks = [mark for mark in ticks.of_numbers(low, high, count=8) if low <= mark[0] <= high]
    titles = {} if moments else {number: fmt.shorten(str(place), 60) for number, place in zip(at, places, strict=True)}
    return charts.Chart(AXIS, x={"min": low, "max": high, "ticks": marks}, step=step, zone=zone.key, titles=titles)
