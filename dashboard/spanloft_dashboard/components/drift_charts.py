"""Charts of the Drift page: the effect over time with its interval, and the map of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_dashboard.components import charts, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import Scope

STATUS = {"drifted": theme.ERROR, "no drift": theme.OK}
PARTS = {"baseline": theme.UNKNOWN, "window": theme.CALLS}
MARGIN = 0.04
"""Room around the map's points, as a share of its size."""


def effect_chart(table: pa.Table, scope: Scope) -> charts.Chart:
    """One point for each window, with its 95 % interval, coloured by its status."""
    chart = charts.over_time(charts.Axis(height=208, digits=3), scope)
    chart.hover = "point"
    for status, color in STATUS.items():
        part = table.filter(pc.equal(table["status"], status))
        if not part.num_rows:
            continue
        effects, p_values = part["effect"].to_pylist(), part["p_value"].to_pylist()
        chart.add(
            "points",
            status,
            color,
            charts.times(part["bucket"]),
            effects,
            low=part["effect_low"].to_pylist(),
            high=part["effect_high"].to_pylist(),
            size=4.5,
            opacity=1,
            labels=[_words(effect, p_value) for effect, p_value in zip(effects, p_values, strict=True)],
        )
    return chart


def _words(effect: float | None, p_value: float | None) -> str:
    figures = [
        f"effect {effect:.3f}" if effect is not None else "",
        f"p = {p_value:.2g}" if p_value is not None else "",
    ]
    return ", ".join(figure for figure in figures if figure)


def map_chart(points: Sequence[Mapping[str, Any]]) -> charts.Chart:
    """Texts of the baseline and of the window in two dimensions; their words are shown on hover."""
    chart = charts.Chart(charts.Axis(height=300), "point", _span(points, "x"), _span(points, "y") | {"grid": False})
    for part, color in PARTS.items():
        own = [point for point in points if point["part"] == part]
        chart.add(
            "points",
            part,
            color,
            [point["x"] for point in own],
            [point["y"] for point in own],
            size=3.5 if part == "window" else 2.5,
            opacity=0.75 if part == "window" else 0.5,
            labels=[fmt.shorten(str(point["text"]), 90) for point in own],
        )
    return chart


def _span(points: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """An axis without numbers, since those of a map mean nothing."""
    low, high = min(point[name] for point in points), max(point[name] for point in points)
    room = (high - low) * MARGIN or 1.0
    return {"min": low - room, "max": high + room, "ticks": []}
