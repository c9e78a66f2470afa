"""How latency is distributed: the share of calls that are at most as slow, and the hours in which they are slow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import Scope

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HEATS = {"p95_ms": "p95 duration", "error_rate": "Error rate", "calls": "Calls"}
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
MIN_CALLS = 5
"""Calls that an hour needs to have a colour: one slow call makes no slow hour."""
OPENS: dict[str, tuple[str, dict[str, Any], str]] = {
    "p95_ms": ("slowest_hour", {"sort": "slowest"}, "the hour with its slowest call"),
    "error_rate": ("failed_hour", {"status": ["error"]}, "its latest failures"),
    "calls": ("latest_hour", {}, "its latest calls"),
}
"""Which hour of the period a click opens, by measure: its column, how the list is narrowed, and in words."""
WEEK, TICK = dt.timedelta(days=7), dt.timedelta(seconds=1)
EMPTY, MIDDLE, MUCH = "rgba(128,140,160,.08)", "rgba(63,132,229,.55)", theme.CRITICAL


def ecdf(scope: Scope, measure: str) -> None:
    """Draw the distribution of the duration, or of the time to the first token, by model."""
    table = data.query("latency_ecdf", scope.parameters() | {"measure": measure})
    if not table.num_rows:
        raise EmptyPanel("No call of this period reported this.")
    colors = charts.model_palette()
    seconds = [value for value in table["measured_s"].to_pylist() if value > 0]
    low, high = min(seconds, default=0.1), max(seconds, default=1.0) * 1.05
    marks = [(value, f"{value:g} s") for value in TICKS if low <= value <= high]
    x = {"min": low, "max": max(high, low * 2), "ticks": marks, "grid": True, "log": True}
    y = {"min": 0, "max": 101, "ticks": [(value, f"{value} %") for value in (0, 20, 40, 60, 80, 100)]}
    chart = charts.Chart(charts.Axis(height=228), "point", x, y)
    for name in dict.fromkeys(table["series"].to_pylist()):
        part = table.filter(pa.compute.greater(table["measured_s"], 0)).filter(
            pa.compute.equal(table.filter(pa.compute.greater(table["measured_s"], 0))["series"], name)
        )
        values, shares = part["measured_s"].to_pylist(), [share * 100 for share in part["share"].to_pylist()]
        labels = [f"{name}: {share:.0f} % within {value:.3g} s" for value, share in zip(values, shares, strict=True)]
        chart.add("line", name, colors.get(name, theme.UNKNOWN), values, shares, labels=labels, full=name)
    mark = charts.pick_mark(chart, f"ecdf-{measure}", alt="Share of calls that are at most as slow, by model")
    if mark:
        links.go("traces", scope, kind="calls", sort="slowest", model=[mark.series])


def heat(scope: Scope) -> None:
    """Draw the hours of the week, coloured by how slow, failing or busy they are; a click opens the calls of one."""
    shown = choices.segmented("heat", "What the colour says", HEATS, "p95_ms")
    rows = data.rows("latency_heat", heat_parameters(scope))
    if not rows:
        raise EmptyPanel
    values = [float(row[shown]) for row in rows if _enough(row, shown)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    hours = [(float(hour), f"{hour}:00") for hour in range(0, 24, 3)]
    days = [(-float(number), day) for number, day in enumerate(DAYS, 1)]
    chart = charts.Chart(
        charts.Axis(height=214),
        "point",
        {"min": -0.5, "max": 23.5, "ticks": hours, "even": True},
        {"min": -7.5, "max": -0.5, "ticks": days, "grid": False},
    )
    chart.add(
        "cells",
        "hours",
        theme.LATENCY,
        [row["hour"] for row in rows],
        [-row["weekday"] for row in rows],
        colors=[_color(row, shown, low, high) for row in rows],
        labels=[f"{DAYS[row['weekday'] - 1]} {row['hour']}:00, {_words(row)}" for row in rows],
        quiet=True,
    )
    mark = charts.pick_mark(chart, f"heat-{shown}", alt=f"Hours of the week by {HEATS[shown]}")
    st.caption(
        "Pink is most. Hours of your time zone, all weeks of the period together; "
        f"hours with fewer than {MIN_CALLS} calls stay pale. A click opens {OPENS[shown][2]}."
    )
    if mark:
        column, narrowed, _ = OPENS[shown]
        hour = rows[mark.place][column] or rows[mark.place]["latest_hour"]
        url = charts.Picked(hour, hour + dt.timedelta(hours=1), None).url()
        links.go("traces", scope, kind="calls", **url, **narrowed)


def heat_parameters(scope: Scope) -> dict[str, Any]:
    """Parameters of the query: those of the page and how far the viewer's clock is ahead of UTC.

    In a period with several changes of the clock only the last one counts.
    """
    parameters = scope.parameters()
    since, until = parameters["since"], parameters["until"]
    moved = _moved(since, until)
    return parameters | {"offset_s": _ahead(until), "earlier_s": _ahead(moved - TICK), "moved_at": moved}


def _ahead(moment: dt.datetime) -> int:
    ahead = fmt.local(moment).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0


def _moved(since: dt.datetime, until: dt.datetime) -> dt.datetime:
    """When the clock was last put forward or back in a period, UTC to the second; ``since`` where it was not."""
    ahead = _ahead(until)
    day = until
    while day > since and _ahead(day - WEEK) == ahead:
        day -= WEEK
    low, high = max(day - WEEK, since), max(day, since)
    if _ahead(low) == ahead:
        return since
    while high - low > TICK:
        middle = low + (high - low) // 2
        low, high = (low, middle) if _ahead(middle) == ahead else (middle, high)
    return high.replace(microsecond=0)


def _enough(row: Mapping[str, Any], shown: str) -> bool:
    return row[shown] is not None and (shown == "calls" or row["calls"] >= MIN_CALLS)


def _color(row: Mapping[str, Any], shown: str, low: float, high: float) -> str:
    if not _enough(row, shown):
        return EMPTY
    share = (float(row[shown]) - low) / (high - low or 1.0)
    return f"color-mix(in srgb, {MUCH} {share * 200 - 100:.0f}%, {MIDDLE})" if share > 0.5 else _mixed(share)


def _mixed(share: float) -> str:
    """Colours of the lower half of the scale, pale blue to blue."""
    return f"rgba(63,132,229,{0.1 + 0.9 * share:.2f})"


def _words(row: Mapping[str, Any]) -> str:
    return (
        f"p95 {fmt.duration(row['p95_ms'])} · {fmt.percent(row['error_rate'])} failed · {fmt.count(row['calls'])} calls"
    )
