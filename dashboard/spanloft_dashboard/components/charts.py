"""Charts of one family: same margins, axes, hover, legend and fonts; colours come from ``theme``."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.scope import Scope, iso

GRID = "rgba(128,140,160,.18)"
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
BAR_SHARE_MS = 820
"""Width of a bar in milliseconds per second of its bucket: the rest is the gap."""
TICKS: list[dict[str, Any]] = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%d %b"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]
LAST = ("other", "unknown")
"""Series that stand last and are grey."""


@dataclass(frozen=True)
class Axis:
    """The value axis: unit and prefix of its numbers, d3 format of a number on hover, height of the chart in pixels."""

    unit: str = ""
    prefix: str = ""
    hover: str = ",.0f"
    height: int = 212

    @property
    def template(self) -> str:
        """Hover text of a value."""
        return (
            f"%{{fullData.name}}: {self.prefix}%{{y:{self.hover}}}{' ' + self.unit if self.unit else ''}<extra></extra>"
        )


DOLLARS = Axis(prefix="$", hover=",.4f")


class Picked(NamedTuple):
    """A stretch of time, naive UTC, and the series it was picked on."""

    since: dt.datetime
    until: dt.datetime
    series: str | None

    def url(self) -> dict[str, str | None]:
        """Query parameters that narrow a page to it."""
        return {"from": iso(self.since), "to": iso(self.until), "range": None}


def times(column: pa.ChunkedArray, bucket_s: int = 0) -> list[dt.datetime]:
    """UTC times of the store in the viewer's zone; whole days stay the UTC days that they are."""
    if bucket_s >= 86_400:
        return list(column.to_pylist())
    zone = fmt.viewer_zone()
    aware = pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC").cast(pa.timestamp("us", zone.key))
    return list(pc.local_timestamp(aware).to_pylist())


def figure(axis: Axis, scope: Scope) -> go.Figure:
    """An empty figure of the house style, its time axis as long as the period."""
    chart = go.Figure()
    chart.update_layout(
        height=axis.height,
        margin={"l": 4, "r": 8, "t": 8, "b": 4},
        hovermode="x unified",
        hoverlabel={"namelength": 40},
        # The legend stands above the chart as text that wraps: Plotly's own takes the room of the bars.
        showlegend=False,
        barmode="stack",
        barcornerradius=2,
        font={"size": 12},
    )
    window = scope.window()
    span = pa.chunked_array([pa.array([window.since, window.until], pa.timestamp("us"))])
    chart.update_xaxes(
        type="date",
        range=times(span, window.bucket_s),
        tickformatstops=TICKS,
        showgrid=False,
        zeroline=False,
        automargin=True,
        fixedrange=True,
        title=None,
        nticks=8,
    )
    chart.update_yaxes(
        gridcolor=GRID,
        zeroline=False,
        automargin=True,
        fixedrange=True,
        title=None,
        nticks=5,
        rangemode="tozero",
        tickprefix=axis.prefix,
        # A long unit on every tick would take the room of the bars; the panel's title says it.
        ticksuffix=f" {axis.unit}" if 0 < len(axis.unit) <= 2 else "",
    )
    return chart


def by_series(
    table: pa.Table, colors: Mapping[str | None, str], scope: Scope, axis: Axis, *, value: str, line: bool = False
) -> go.Figure:
    """Stacked bars, or lines, over time: one row of ``table`` per ``bucket`` and ``series``, in the table's order."""
    names = list(dict.fromkeys(table["series"].to_pylist()))
    names = [name for name in names if name not in LAST] + [name for name in LAST if name in names]
    chart = figure(axis, scope)
    for name in names:
        part = table.filter(pc.equal(table["series"], name))
        color = theme.UNKNOWN if name in LAST else colors.get(name, theme.UNKNOWN)
        _add(chart, name, part["bucket"], part[value], color, scope, axis, line)
    return chart


def by_column(
    table: pa.Table, columns: Mapping[str, tuple[str, str]], scope: Scope, axis: Axis, *, line: bool = False
) -> go.Figure:
    """Stacked bars, or lines, over time: ``columns`` maps the name of a series to its column and colour."""
    chart = figure(axis, scope)
    for name, (column, color) in columns.items():
        _add(chart, name, table["bucket"], table[column], color, scope, axis, line)
    return chart


def _add(
    chart: go.Figure,
    name: str,
    moments: pa.ChunkedArray,
    values: pa.ChunkedArray,
    color: str,
    scope: Scope,
    axis: Axis,
    line: bool,
) -> None:
    bucket_s = scope.window().bucket_s
    shared = {
        "x": times(moments, bucket_s),
        "y": values.to_pylist(),
        "name": fmt.chart_text(name, 28),
        "customdata": [name] * len(values),
        "meta": {"name": name, "color": color},
        "hovertemplate": axis.template,
    }
    if line:
        sparse = len(values) - values.null_count < len(values) * 0.5
        style = {"mode": "lines+markers" if sparse else "lines", "marker": {"size": 4}, "connectgaps": False}
        chart.add_scatter(**shared, **style, line={"color": color, "width": 2})
    else:
        marker = {"color": color, "line": {"width": 0}}
        chart.add_bar(**shared, marker=marker, width=bucket_s * BAR_SHARE_MS, offset=0)


def model_palette() -> dict[str | None, str]:
    """Colour of every model of the store."""
    return theme.model_colors((row["provider"], row["model"]) for row in data.rows("common_models"))


def palette(names: list[str]) -> dict[str | None, str]:
    """Colours of names that have none of their own, in order."""
    known = (name for name in dict.fromkeys(names) if name not in LAST)
    return dict(zip(known, theme.SERIES, strict=False))


def legend(chart: go.Figure) -> None:
    """Names of the series with their colours. Names are foreign text and escaped."""
    series = [trace.meta for trace in chart.data]
    marks = "".join(
        f'<span><i style="background:{item["color"]}"></i>{html.escape(fmt.shorten(item["name"], 40))}</span>'
        for item in series
    )
    st.html(f'<div class="sl-legend">{marks}</div>')


def show(chart: go.Figure, key: str, *, alt: str) -> None:
    """Draw a chart that only shows."""
    legend(chart)
    st.plotly_chart(chart, key=key, config=CONFIG, theme="streamlit", alt=alt)


def pick(chart: go.Figure, key: str, scope: Scope, *, alt: str, box: bool = False) -> Picked | None:
    """Draw a time chart and return what was just picked on it: a bar, or with ``box`` also a stretch of time.

    The key changes with the period, so that an old pick does not act on a new one.
    """
    legend(chart)
    if box:
        chart.update_layout(dragmode="select", selectdirection="h")
    event = st.plotly_chart(
        chart,
        key=f"{key}-{scope.range}-{scope.since}-{scope.until}",
        config=CONFIG,
        theme="streamlit",
        alt=alt,
        on_select="rerun",
        selection_mode=("points", "box") if box else "points",
    )
    selection = event.get("selection", {}) if event else {}
    window = scope.window()
    if selection.get("box"):
        low, high = (_utc(moment, window.bucket_s) for moment in selection["box"][0]["x"][:2])
        return Picked(low, max(high, low + dt.timedelta(seconds=1)), None)
    points = selection.get("points") or []
    if not points:
        return None
    start = _utc(points[0]["x"], window.bucket_s)
    series = points[0].get("customdata")
    return Picked(start, start + dt.timedelta(seconds=window.bucket_s), series if isinstance(series, str) else None)


def _utc(text: object, bucket_s: int) -> dt.datetime:
    """A time as Plotly returns it, in the zone in which the axis was drawn, as naive UTC."""
    moment = dt.datetime.fromisoformat(str(text))
    if bucket_s >= 86_400:
        return moment
    return moment.replace(tzinfo=fmt.viewer_zone()).astimezone(dt.UTC).replace(tzinfo=None)
