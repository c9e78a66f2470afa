"""Charts of one family: same axes, hover, legend and keys; colours come from ``theme``, the drawing is ``chart.js``."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import theme, ticks
from spanloft_dashboard.components.scope import Scope, iso
from spanloft_dashboard.components.scripts import component

LAST = ("other", "unknown")
"""Series that stand last and are grey."""
NAME_LIMIT = 40

_mount = component("chart")

Values = Sequence[float | None]


@dataclass(frozen=True)
class Axis:
    """The value axis: unit and prefix of its numbers, digits of a number on hover, height of the chart in pixels."""

    unit: str = ""
    prefix: str = ""
    digits: int = 0
    height: int = 190


DOLLARS = Axis(prefix="$", digits=4)


class Picked(NamedTuple):
    """A stretch of time, naive UTC, and the series it was picked on."""

    since: dt.datetime
    until: dt.datetime
    series: str | None

    def url(self) -> dict[str, str | None]:
        """Query parameters that narrow a page to it."""
        return {"from": iso(self.since), "to": iso(self.until), "range": None}


class Place(NamedTuple):
    """A place across that was picked, as the chart has it, and the series it was picked on."""

    x: float
    series: str | None


class Mark(NamedTuple):
    """A mark that was picked: the name of its series, and its place in it."""

    series: str
    place: int


@dataclass
class Chart:
    """What ``chart.js`` draws: series in order, and two axes that fit them unless they are given.

    ``hover`` says what the pointer finds: 'x' all series of a bucket, 'column' the nearest mark beside, 'point' the
    nearest mark around it.
    """

    axis: Axis
    hover: Literal["x", "column", "point"] = "x"
    x: dict[str, Any] = field(default_factory=dict)
    y: dict[str, Any] = field(default_factory=dict)
    step: float = 0.0
    top: int = 10
    zone: str = "UTC"
    """Time zone in which times across are written; the times themselves are UTC."""
    titles: Mapping[float, str] = field(default_factory=dict)
    """What the pointer shows of a place across that is no time."""
    series: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, name: str, color: str, x: Sequence[float], y: Values, **more: Any) -> None:
        """Add a series: 'bars' (stacked), 'line', 'points', 'boxes', 'cells' or 'band'.

        ``more`` is what its kind knows, such as ``labels``: what the pointer shows of each of its marks.
        """
        named = {"kind": kind, "name": fmt.shorten(name, NAME_LIMIT), "color": color, "x": list(x), "y": list(y)}
        self.series.append(named | more)

    def spec(self, alt: str, pick: str | None = None) -> dict[str, Any]:
        """Everything the drawing needs, as JSON can hold it."""
        y = self.y or self._values()
        stops = sorted({at for one in self.series if one["kind"] in ("bars", "line") for at in one["x"]})
        return {
            "alt": alt,
            "height": self.axis.height,
            "top": self.top,
            "prefix": self.axis.prefix,
            "unit": self.axis.unit,
            "digits": self.axis.digits,
            "hover": self.hover,
            "pick": pick,
            "step": self.step,
            "zone": self.zone,
            "stops": stops if self.hover == "x" else [],
            "titles": [self.titles.get(at, "") for at in stops] if self.titles else None,
            "x": {"lines": max((label.count("\n") + 1 for _, label in self.x["ticks"]), default=0), **self.x},
            "y": {"grid": True, **y},
            "series": self.series,
        }

    def _values(self) -> dict[str, Any]:
        """A value axis from 0, or from the lowest value below, to a round number above the highest stack."""
        stacks: dict[float, float] = {}
        low = high = 0.0
        for one in self.series:
            for at, value in zip(one["x"], one["y"], strict=True):
                if value is None:
                    continue
                stacks[at] = stacks.get(at, 0.0) + value if one["kind"] == "bars" else max(value, stacks.get(at, value))
                low = min(low, value)
            reaching = [*one.get("high", ()), *one.get("low", ())]
            low = min([low, *(value for value in reaching if value is not None)])
            high = max([high, *(value for value in reaching if value is not None)])
        high = max([high, *stacks.values()])
        # A long unit on every tick would take the room of the bars; the panel's title says it.
        suffix = f" {self.axis.unit}" if 0 < len(self.axis.unit) <= 2 else ""
        found = ticks.of_numbers(low, high, prefix=self.axis.prefix, suffix=suffix)
        return {"min": found[0][0], "max": found[-1][0], "ticks": found}


def times(column: pa.ChunkedArray) -> list[float]:
    """UTC times of the store in milliseconds."""
    return [value / 1000 for value in column.cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()]


def zone_of(step_s: float) -> ZoneInfo:
    """The zone in which buckets of so many seconds are written: the viewer's, but whole days are those of UTC."""
    return fmt.viewer_zone() if step_s < ticks.DAY_S else ZoneInfo("UTC")


def over_time(axis: Axis, scope: Scope, step_s: int | None = None) -> Chart:
    """An empty chart whose time axis is as long as the period; ``step_s`` as for ``by_column``."""
    window = scope.window()
    step_s = step_s or window.bucket_s
    low, high, zone = ticks.milliseconds(window.since), ticks.milliseconds(window.until), zone_of(step_s)
    x = {"min": low, "max": high, "ticks": ticks.of_time(low, high, zone=zone)}
    return Chart(axis, x=x, step=float(step_s * 1000), zone=zone.key)


def by_series(
    table: pa.Table, colors: Mapping[str | None, str], scope: Scope, axis: Axis, *, value: str, line: bool = False
) -> Chart:
    """Stacked bars, or lines, over time: one row of ``table`` per ``bucket`` and ``series``, in the table's order."""
    names = list(dict.fromkeys(table["series"].to_pylist()))
    names = [name for name in names if name not in LAST] + [name for name in LAST if name in names]
    chart = over_time(axis, scope)
    for name in names:
        part = table.filter(pc.equal(table["series"], name))
        color = theme.UNKNOWN if name in LAST else colors.get(name, theme.UNKNOWN)
        _add(chart, name, part["bucket"], part[value], color, line)
    return chart


def by_column(
    table: pa.Table,
    columns: Mapping[str, tuple[str, str]],
    scope: Scope,
    axis: Axis,
    *,
    line: bool = False,
    step_s: int | None = None,
) -> Chart:
    """Stacked bars, or lines, over time: ``columns`` maps the name of a series to its column and colour.

    ``step_s`` is the width of a bucket in seconds where it is not that of the period's charts.
    """
    chart = over_time(axis, scope, step_s)
    for name, (column, color) in columns.items():
        _add(chart, name, table["bucket"], table[column], color, line)
    return chart


def _add(chart: Chart, name: str, moments: pa.ChunkedArray, values: pa.ChunkedArray, color: str, line: bool) -> None:
    # DuckDB adds whole numbers up to decimals, which JSON does not know; digits beyond seven are not drawn.
    numbers = [None if value is None or not math.isfinite(value) else _seven(value) for value in values.to_pylist()]
    sparse = len(values) - values.null_count < len(values) * 0.5
    chart.add("line" if line else "bars", name, color, times(moments), numbers, full=name)
    last = chart.series[-1]
    if line:
        last["dots"] = sparse
        # A value of a bucket stands in its middle.
        last["shift"] = chart.step / 2
    else:
        last["width"] = chart.step * 0.82


def _seven(value: Any) -> float:
    return float(f"{float(value):.7g}")


def model_palette() -> dict[str | None, str]:
    """Colour of every model of the store."""
    always = {"since": ticks.EPOCH, "until": dt.datetime(9999, 1, 1)}  # noqa: DTZ001 - naive UTC, as the store's times
    return theme.model_colors((row["provider"], row["model"]) for row in data.rows("common_models", always))


def palette(names: list[str]) -> dict[str | None, str]:
    """Colours of names that have none of their own, in order."""
    known = (name for name in dict.fromkeys(names) if name not in LAST)
    return dict(zip(known, theme.SERIES, strict=False))


def show(chart: Chart, key: str, *, alt: str) -> None:
    """Draw a chart that only shows."""
    _mount(key=key, data=chart.spec(alt))


def pick(
    chart: Chart, key: str, scope: Scope, *, alt: str, box: bool = False, step_s: int | None = None
) -> Picked | None:
    """Draw a time chart and return what was just picked on it: a bar, or with ``box`` also a stretch of time.

    ``step_s`` is the width of a bucket in seconds where it is not that of the period's charts.
    """
    picked = _mount(key=key, data=chart.spec(alt, "box" if box else "point"), on_pick_change=lambda: None).get("pick")
    if not picked:
        return None
    if "box" in picked:
        low, high = (utc(moment) for moment in picked["box"])
        return Picked(low, max(high, low + dt.timedelta(seconds=1)), None)
    start = utc(picked["x"])
    until = start + dt.timedelta(seconds=step_s or scope.window().bucket_s)
    return Picked(start, until, _full(chart, picked.get("series")))


def pick_place(chart: Chart, key: str, *, alt: str) -> Place | None:
    """Draw a chart of anything and return the place across that was just picked."""
    picked = _mount(key=key, data=chart.spec(alt, "point"), on_pick_change=lambda: None).get("pick")
    return Place(float(picked["x"]), _full(chart, picked.get("series"))) if picked and "x" in picked else None


def _full(chart: Chart, series: str | None) -> str | None:
    """The whole name of a series that the drawing knows by a short one."""
    return next((one["full"] for one in chart.series if one["name"] == series), None)


def pick_mark(chart: Chart, key: str, *, alt: str) -> Mark | None:
    """Draw a chart whose marks have labels and return the one that was just picked."""
    picked = _mount(key=key, data=chart.spec(alt, "point"), on_pick_change=lambda: None).get("pick")
    names = [one["name"] for one in chart.series]
    if not picked or picked.get("series") not in names or "place" not in picked:
        return None
    found = chart.series[names.index(picked["series"])]
    place = int(picked["place"])
    return Mark(found.get("full", picked["series"]), place) if 0 <= place < len(found["x"]) else None


def utc(ms: float) -> dt.datetime:
    """A time of the axis as naive UTC."""
    return ticks.EPOCH + dt.timedelta(milliseconds=ms)
