"""How latency is distributed: the share of calls that are at most as slow, and the hours in which they are slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import Scope

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HEATS = {"p95_ms": "p95 duration", "error_rate": "Error rate", "calls": "Calls"}
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
MIN_CALLS = 5
"""Calls that an hour needs to have a colour: one slow call makes no slow hour."""
SCALE = [[0.0, "rgba(63,132,229,.10)"], [0.5, "rgba(63,132,229,.55)"], [1.0, "#D6409F"]]


def ecdf(scope: Scope, measure: str) -> None:
    """Draw the distribution of the duration, or of the time to the first token, by model."""
    table = data.query("latency_ecdf", scope.parameters() | {"measure": measure})
    if not table.num_rows:
        raise EmptyPanel("No call of this period reported this.")
    colors = charts.model_palette()
    chart = go.Figure()
    for name in dict.fromkeys(table["series"].to_pylist()):
        part = table.filter(pa.compute.equal(table["series"], name))
        color = colors.get(name, theme.UNKNOWN)
        chart.add_scatter(
            x=part["measured_s"].to_pylist(),
            y=[share * 100 for share in part["share"].to_pylist()],
            name=fmt.chart_text(name, 28),
            mode="lines",
            line={"color": color, "width": 2},
            meta={"name": name, "color": color},
            hovertemplate="%{fullData.name}: %{y:.0f} % within %{x:.2f} s<extra></extra>",
        )
    chart.update_layout(height=250, showlegend=False, margin={"l": 4, "r": 8, "t": 8, "b": 4}, font={"size": 12})
    chart.update_xaxes(
        type="log", ticksuffix=" s", gridcolor=charts.GRID, fixedrange=True, tickvals=TICKS, automargin=True
    )
    chart.update_yaxes(ticksuffix=" %", gridcolor=charts.GRID, range=[0, 101], fixedrange=True, nticks=6)
    charts.show(chart, f"ecdf-{measure}", alt="Share of calls that are at most as slow, by model")


def heat(scope: Scope) -> None:
    """Draw the hours of the week, coloured by how slow, failing or busy they are."""
    shown = choices.segmented("heat", "What the colour says", HEATS, "p95_ms")
    rows = data.rows("latency_heat", heat_parameters(scope))
    if not rows:
        raise EmptyPanel
    grid: list[list[float | None]] = [[None] * 24 for _ in DAYS]
    words = [[""] * 24 for _ in DAYS]
    for row in rows:
        enough = row["calls"] >= MIN_CALLS
        if shown == "calls" or enough:
            value = row[shown]
            grid[row["weekday"] - 1][row["hour"]] = None if value is None else float(value)
        words[row["weekday"] - 1][row["hour"]] = _words(row)
    chart = go.Figure(
        go.Heatmap(
            z=grid,
            x=list(range(24)),
            y=list(DAYS),
            text=words,
            colorscale=SCALE,
            xgap=2,
            ygap=2,
            showscale=False,
            hoverongaps=False,
            hovertemplate="%{y} %{x}:00 to %{x}:59<br>%{text}<extra></extra>",
        )
    )
    chart.update_layout(height=224, margin={"l": 4, "r": 8, "t": 8, "b": 4}, font={"size": 12})
    chart.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    chart.update_xaxes(tickvals=list(range(0, 24, 3)), ticksuffix=":00", fixedrange=True, showgrid=False)
    st.plotly_chart(chart, key=f"heat-{shown}", config=charts.CONFIG, theme="streamlit", alt="Hours of the week")
    st.caption(
        "Pink is most. Hours of your time zone, all weeks of the period together; "
        f"hours with fewer than {MIN_CALLS} calls stay empty."
    )


def heat_parameters(scope: Scope) -> dict[str, Any]:
    """Parameters of the query: those of the page and how far the viewer's zone is ahead of UTC at the period's end."""
    parameters = scope.parameters()
    ahead = fmt.local(parameters["until"]).utcoffset()
    return parameters | {"offset_s": int(ahead.total_seconds()) if ahead else 0}


def _words(row: Mapping[str, Any]) -> str:
    return (
        f"p95 {fmt.duration(row['p95_ms'])} · {fmt.percent(row['error_rate'])} failed · {fmt.count(row['calls'])} calls"
    )
