"""Charts of the Drift page: the effect over time with its interval, and the map of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from spanloft_dashboard.components import charts, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import Scope

STATUS = {"drifted": theme.ERROR, "no drift": theme.OK}
PARTS = {"baseline": theme.UNKNOWN, "window": theme.CALLS}


def effect_chart(table: pa.Table, scope: Scope) -> go.Figure:
    """One point for each window, with its 95 % interval, coloured by its status."""
    chart = charts.figure(charts.Axis(hover=".3f", height=230), scope)
    chart.update_layout(hovermode="closest")
    for status, color in STATUS.items():
        part = table.filter(pc.equal(table["status"], status))
        if not part.num_rows:
            continue
        middle = part["effect"].to_pylist()
        high, low = part["effect_high"].to_pylist(), part["effect_low"].to_pylist()
        chart.add_scatter(
            x=charts.times(part["bucket"]),
            y=middle,
            mode="markers",
            name=status,
            meta={"name": status, "color": color},
            marker={"color": color, "size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [top - value for top, value in zip(high, middle, strict=True)],
                "arrayminus": [value - bottom for bottom, value in zip(low, middle, strict=True)],
                "color": color,
                "thickness": 1,
            },
            customdata=part["p_value"].to_pylist(),
            hovertemplate="effect %{y:.3f}, p = %{customdata:.2g}<extra></extra>",
        )
    return chart


def map_chart(points: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Texts of the baseline and of the window in two dimensions; their words are shown on hover."""
    chart = go.Figure()
    chart.update_layout(height=330, margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False, hovermode="closest")
    for part, color in PARTS.items():
        own = [point for point in points if point["part"] == part]
        chart.add_scatter(
            x=[point["x"] for point in own],
            y=[point["y"] for point in own],
            mode="markers",
            name=part,
            meta={"name": part, "color": color},
            marker={"color": color, "size": 7 if part == "window" else 5, "opacity": 0.75 if part == "window" else 0.5},
            text=[fmt.chart_text(point["text"], 90) for point in own],
            hovertemplate="%{text}<extra></extra>",
        )
    axis = {"showgrid": True, "gridcolor": charts.GRID, "zeroline": False, "showticklabels": False, "fixedrange": True}
    chart.update_xaxes(**axis)
    chart.update_yaxes(**axis, scaleanchor="x")
    return chart
