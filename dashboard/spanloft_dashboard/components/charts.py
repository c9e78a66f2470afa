"""Charts of one family: same margins, axes, hover and fonts; colours come from ``theme``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme
from spanloft_dashboard.components.scope import Scope, iso

GRID = "rgba(128,140,160,.18)"
HEIGHT = 236
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


def times(column: pa.ChunkedArray, bucket_s: int = 0) -> list[dt.datetime]:
    """UTC times of the store in the viewer's zone; whole days stay the UTC days that they are."""
    if bucket_s >= 86_400:
        return list(column.to_pylist())
    zone = fmt.viewer_zone()
    aware = pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC").cast(pa.timestamp("us", zone.key))
    return list(pc.local_timestamp(aware).to_pylist())


def figure(*, unit: str = "", prefix: str = "", height: int = HEIGHT, legend: bool = True) -> go.Figure:
    """An empty figure of the house style; ``unit`` and ``prefix`` stand on the ticks of the value axis."""
    chart = go.Figure()
    chart.update_layout(
        height=height,
        margin={"l": 4, "r": 8, "t": 30 if legend else 8, "b": 4},
        hovermode="x unified",
        hoverlabel={"namelength": 40},
        showlegend=legend,
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "xanchor": "left",
            "title": "",
            "font": {"size": 11.5},
            "itemwidth": 30,
            "traceorder": "normal",
            "entrywidth": 120,
        },
        bargap=0.18,
        barcornerradius=2,
        font={"size": 12},
        modebar={"remove": ["zoom", "pan"]},
    )
    chart.update_xaxes(showgrid=False, zeroline=False, automargin=True, fixedrange=True, title=None, nticks=8)
    chart.update_yaxes(
        gridcolor=GRID,
        zeroline=False,
        automargin=True,
        fixedrange=True,
        title=None,
        nticks=5,
        rangemode="tozero",
        tickprefix=prefix,
        ticksuffix=f" {unit}" if unit else "",
    )
    return chart


def time_axis(chart: go.Figure, scope: Scope) -> None:
    """Let the time axis span the whole period, also where nothing happened."""
    window = scope.window()
    span = pa.chunked_array([pa.array([window.since, window.until], pa.timestamp("us"))])
    chart.update_xaxes(type="date", range=times(span, window.bucket_s), tickformatstops=_TICKS)


_TICKS: list[dict[str, Any]] = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%d %b"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]


def bars(
    table: pa.Table,
    names: Sequence[str],
    colors: Mapping[str | None, str],
    scope: Scope,
    *,
    value: str,
    time: str = "bucket",
    series: str = "series",
    prefix: str = "",
    unit: str = "",
    hover: str = ",.0f",
    height: int = HEIGHT,
) -> go.Figure:
    """Stacked bars over time, one colour a series.

    Args:
        table: one row per bucket and series.
        names: the series, biggest first.
        colors: series -> colour.
        scope: gives the period of the axis.
        value: column of the bar's length.
        time: column of the bucket's start, UTC.
        series: column of the series' name.
        prefix: written before a tick, such as '$'.
        unit: written after a tick.
        hover: d3 format of the number on hover.
        height: pixels.
    """
    window = scope.window()
    chart = figure(unit=unit, prefix=prefix, height=height)
    for name in names:
        part = table.filter(pc.equal(table[series], name))
        chart.add_bar(
            x=times(part[time], window.bucket_s),
            y=part[value].to_pylist(),
            name=fmt.chart_text(name, 22),
            marker={"color": colors.get(name, "#8A94A6"), "line": {"width": 0}},
            width=window.bucket_s * 820,
            offset=0,
            customdata=[name] * part.num_rows,
            hovertemplate=f"%{{fullData.name}}: {prefix}%{{y:{hover}}}{' ' + unit if unit else ''}<extra></extra>",
        )
    chart.update_layout(barmode="stack")
    _legend(chart, names)
    time_axis(chart, scope)
    return chart


def lines(
    table: pa.Table,
    columns: Mapping[str, tuple[str, str]],
    scope: Scope,
    *,
    time: str = "bucket",
    unit: str = "",
    prefix: str = "",
    hover: str = ",.2f",
    height: int = HEIGHT,
) -> go.Figure:
    """Lines over time: ``columns`` maps a legend name to (column, colour). Gaps stay gaps."""
    window = scope.window()
    chart = figure(unit=unit, prefix=prefix, height=height)
    for name, (column, color) in columns.items():
        values = table[column].to_pylist()
        lonely = sum(value is not None for value in values) < 12
        chart.add_scatter(
            x=times(table[time], window.bucket_s),
            y=values,
            name=fmt.chart_text(name, 22),
            mode="lines+markers" if lonely else "lines",
            line={"color": color, "width": 2},
            marker={"size": 5},
            connectgaps=False,
            hovertemplate=f"%{{fullData.name}}: {prefix}%{{y:{hover}}}{' ' + unit if unit else ''}<extra></extra>",
        )
    _legend(chart, list(columns))
    time_axis(chart, scope)
    return chart


def _legend(chart: go.Figure, names: Sequence[str]) -> None:
    """Columns as wide as the longest name asks for, so that entries stand below each other without gaps."""
    longest = max((min(len(name), 22) for name in names), default=0)
    chart.update_layout(legend={"entrywidth": 14 + 6.6 * longest, "entrywidthmode": "pixels"})


def show(chart: go.Figure, key: str, *, alt: str) -> None:
    """Draw a chart that only shows."""
    st.plotly_chart(chart, key=key, config=CONFIG, theme="streamlit", alt=alt)


def pick(chart: go.Figure, key: str, scope: Scope, *, alt: str, box: bool = False) -> Picked | None:
    """Draw a time chart and return what was just picked on it: a bar, or with ``box`` also a stretch of time.

    The key changes with the period, so that an old pick does not act on a new one.
    """
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


class Picked(NamedTuple):
    """A stretch of time, naive UTC, and the series it was picked on."""

    since: dt.datetime
    until: dt.datetime
    series: str | None

    def url(self) -> dict[str, str | None]:
        """Query parameters that narrow a page to it."""
        return {"from": iso(self.since), "to": iso(self.until), "range": None}


def _utc(text: object, bucket_s: int) -> dt.datetime:
    """A time as Plotly returns it, in the zone in which the axis was drawn, as naive UTC."""
    moment = dt.datetime.fromisoformat(str(text))
    if bucket_s >= 86_400:
        return moment
    return moment.replace(tzinfo=fmt.viewer_zone()).astimezone(dt.UTC).replace(tzinfo=None)


def by_model(
    table: pa.Table,
    scope: Scope,
    *,
    value: str,
    prefix: str = "",
    unit: str = "",
    hover: str = ",.0f",
    height: int = HEIGHT,
) -> go.Figure:
    """Stacked bars over time by model: shades of the provider's colour, biggest first, 'other' last."""
    pairs: dict[str | None, str | None] = {}
    for row in table.select(["series", "provider"]).to_pylist():
        pairs.setdefault(row["series"], row["provider"])
    names = [name for name in pairs if name != "other"] + (["other"] if "other" in pairs else [])
    colors = theme.model_colors([(pairs[name], name) for name in names])
    return bars(
        table,
        [str(name) for name in names],
        colors,
        scope,
        value=value,
        prefix=prefix,
        unit=unit,
        hover=hover,
        height=height,
    )


def by_name(
    table: pa.Table,
    scope: Scope,
    *,
    value: str,
    prefix: str = "",
    unit: str = "",
    hover: str = ",.0f",
    height: int = HEIGHT,
) -> go.Figure:
    """Stacked bars over time by a name that has no colour of its own: the palette in order, 'other' grey."""
    names = list(dict.fromkeys(table["series"].to_pylist()))
    names = [name for name in names if name != "other"] + (["other"] if "other" in names else [])
    colors: dict[str | None, str] = dict(zip(names, theme.SERIES, strict=False))
    colors["other"] = colors["unknown"] = theme.UNKNOWN
    return bars(table, names, colors, scope, value=value, prefix=prefix, unit=unit, hover=hover, height=height)


def columns(
    table: pa.Table,
    kinds: Mapping[str, str],
    scope: Scope,
    *,
    unit: str,
    hover: str = ",.0f",
    names: Mapping[str, str] | None = None,
) -> go.Figure:
    """Stacked bars over time, one column of ``table`` a series: ``kinds`` maps columns to colours."""
    window = scope.window()
    chart = figure(unit="" if unit == "tokens" else unit)
    moments = times(table["bucket"], window.bucket_s)
    titles = [(names or {}).get(kind, kind) for kind in kinds]
    for (kind, color), title in zip(kinds.items(), titles, strict=True):
        chart.add_bar(
            x=moments,
            y=table[kind].to_pylist(),
            name=title,
            marker={"color": color, "line": {"width": 0}},
            width=window.bucket_s * 820,
            offset=0,
            hovertemplate=f"%{{fullData.name}}: %{{y:{hover}}} {unit}<extra></extra>",
        )
    chart.update_layout(barmode="stack")
    _legend(chart, titles)
    time_axis(chart, scope)
    return chart


def lines_by_model(table: pa.Table, scope: Scope, *, value: str, unit: str, height: int = 280) -> go.Figure:
    """One line a model, in its colour; gaps stay gaps."""
    pairs = {row["series"]: row["provider"] for row in table.select(["series", "provider"]).to_pylist()}
    colors = theme.model_colors([(provider, model) for model, provider in pairs.items()])
    window = scope.window()
    chart = figure(unit=unit, height=height)
    for model in pairs:
        part = table.filter(pc.equal(table["series"], model))
        values = part[value].to_pylist()
        sparse = sum(item is not None for item in values) < len(values) * 0.5
        chart.add_scatter(
            x=times(part["bucket"], window.bucket_s),
            y=values,
            name=fmt.chart_text(model, 22),
            connectgaps=False,
            mode="lines+markers" if sparse else "lines",
            marker={"size": 4},
            line={"color": colors[model], "width": 2},
            hovertemplate=f"%{{fullData.name}}: %{{y:,.2f}} {unit}<extra></extra>",
        )
    _legend(chart, list(pairs))
    time_axis(chart, scope)
    return chart
