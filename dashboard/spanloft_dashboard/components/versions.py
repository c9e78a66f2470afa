"""Versions of a prompt beside one another: figures with intervals, and their texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from spanloft_dashboard.components import charts, choices, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.diff import side_by_side
from spanloft_dashboard.components.intervals import Interval, mean, ratio, share, share_difference
from spanloft_dashboard.components.panel import EmptyPanel
from spanloft_dashboard.components.scope import set_url

SAMPLE = 1_000
VERSIONS = {"sample_size": SAMPLE}
"""Parameters of the query ``prompts_versions`` beyond those of the page."""
SHOWN = 8
Row = Mapping[str, Any]


class Measure(NamedTuple):
    """A figure of a version: its words, the columns of its mean and its sample, and how a value is written."""

    label: str
    mean: str
    sample: str
    write: Callable[[float | None], str]


MEASURES = {
    "cost": Measure("Cost", "mean_cost_usd", "cost_sample", fmt.money),
    "duration": Measure("Duration", "mean_duration_ms", "duration_sample", fmt.duration),
    "input": Measure("Input tokens", "mean_input_tokens", "input_sample", fmt.count),
    "output": Measure("Output tokens", "mean_output_tokens", "output_sample", fmt.count),
    "errors": Measure("Errors", "", "", fmt.percent),
}
SAME = "no clear difference"


def interval(row: Row, measure: str) -> Interval | None:
    """The figure of a version with its interval; None where nothing was reported."""
    if measure == "errors":
        return share(row["errors"], row["calls"])
    chosen = MEASURES[measure]
    if row[chosen.mean] is None:
        return None
    return mean(row[chosen.sample] or [], row["calls"], float(row[chosen.mean]))


def intervals(rows: Sequence[Row]) -> None:
    """Draw one figure of every version as a dot with its interval."""
    if not rows:
        raise EmptyPanel
    measure = choices.segmented("measure", "Figure", {name: one.label for name, one in MEASURES.items()}, "cost")
    write = MEASURES[measure].write
    shown = rows[-SHOWN:]
    colors = charts.palette([row["version"] for row in rows])
    found = [(row, one) for row in shown if (one := interval(row, measure)) is not None]
    if not found:
        raise EmptyPanel("No call of this prompt reported this.")
    high = max(one.value if one.high is None else max(one.value, one.high) for _, one in found)
    names = [(-place, fmt.shorten(row["version"], 24)) for place, (row, _) in enumerate(found)]
    x = {"min": 0.0, "max": high * 1.12 or 1.0, "ticks": []}
    y = {"min": 0.5 - len(found), "max": 0.75, "ticks": names, "grid": False}
    chart = charts.Chart(charts.Axis(height=max(44 * len(found) + 30, 140)), "point", x, y)
    for (place, name), (row, one) in zip(names, found, strict=True):
        words = write(one.value)
        if one.low is not None and one.high is not None:
            words += f"  ({write(one.low)} to {write(one.high)})"
        color = colors.get(row["version"], theme.UNKNOWN)
        label = f"{name}: {words}, {row['calls']:,} calls"
        chart.add(
            "points", name, color, [one.value], [place], left=[one.low], right=[one.high], size=5, opacity=1,
            texts=[words], labels=[label], quiet=True,
        )  # fmt: skip
    mark = charts.pick_mark(chart, f"intervals-{measure}", alt=f"{measure} by version")
    if mark:
        set_url(
            version=next(
                row["version_id"] for (_, name), (row, _) in zip(names, found, strict=True) if name == mark.series
            )
        )
        st.rerun()
    hidden = len(rows) - len(shown)
    st.caption(
        (f"The latest {len(shown):,} of {len(rows):,} versions. " if hidden else "")
        + f"Bootstrap over at most about {SAMPLE:,} calls a version; errors: Wilson."
    )


def version_table(rows: Sequence[Row]) -> None:
    """Draw all versions with their figures."""
    if not rows:
        raise EmptyPanel
    written = [
        {
            "version": row["version"],
            "calls": row["calls"],
            **{name: _written(row, name) for name in MEASURES},
            "cost_usd": row["cost_usd"],
            "first": row["first_call_time"],
            "last": row["last_time"],
            "template": row["template"],
        }
        for row in rows
    ]
    tables.table(
        tables.from_rows(written),
        {
            "version": tables.column("Version", width=70),
            "calls": tables.number("Calls"),
            "cost": tables.column("Cost per call", alignment="right"),
            "duration": tables.column("Duration", alignment="right"),
            "errors": tables.column("Errors", alignment="right", help="95 % interval behind it"),
            "input": tables.column("Input tokens", alignment="right"),
            "output": tables.column("Output tokens", alignment="right"),
            "cost_usd": tables.number("Cost, total"),
            "first": tables.moment("First call", seconds=False, spare=True),
            "last": tables.moment("Last call", seconds=False),
            "template": tables.column("Text", width=260, spare=True),
        },
        key="versions",
        height=tables.height_of(len(rows), 8),
        formats={"cost_usd": fmt.money},
    )


def _written(row: Row, measure: str) -> str:
    found = interval(row, measure)
    if found is None:
        return fmt.UNKNOWN
    write = MEASURES[measure].write
    if found.low is None or found.high is None:
        return write(found.value)
    if measure == "errors":
        return f"{write(found.value)} (≤ {write(found.high)})"
    half = (found.high - found.low) / 2
    return f"{write(found.value)} ± {write(half)}"


def compare(rows: Sequence[Row]) -> None:
    """Draw two versions side by side: how their figures differ, and their texts."""
    if not rows:
        raise EmptyPanel
    if len(rows) == 1:
        _text(rows[0])
        return
    names = {row["version_id"]: fmt.shorten(row["version"], 24) for row in rows}
    by_id = {row["version_id"]: row for row in rows}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("From", width="content")
        one = by_id[choices.segmented("a", "Earlier version", names, rows[-2]["version_id"])]
        st.caption("to", width="content")
        other = by_id[choices.segmented("b", "Later version", names, rows[-1]["version_id"])]
    with st.container(horizontal=True, gap="medium", key="facts"):
        for name, measure in MEASURES.items():
            st.markdown(f":gray[{measure.label}] {fmt.label(_difference(one, other, name), 60)}", width="content")
    st.caption("Versions were not drawn by lot: they may have met other questions, users and hours.")
    if one["template"] is None or other["template"] is None:
        st.caption("The text of one of them was not received.")
    elif one is other:
        _text(one)
    else:
        side_by_side(one["template"], other["template"])


def _difference(one: Row, other: Row, measure: str) -> str:
    if measure == "errors":
        found, digits, unit = (
            share_difference((one["errors"], one["calls"]), (other["errors"], other["calls"])),
            1,
            "points",
        )
    else:
        sample = MEASURES[measure].sample
        found = ratio(one[sample] or [], one["calls"], other[sample] or [], other["calls"])
        digits, unit = 0, "%"
    if found is None or found.low is None or found.high is None:
        return fmt.UNKNOWN
    value, low, high = (f"{end * 100:+.{digits}f}" for end in (found.value, found.low, found.high))
    clear = found.low > 0 or found.high < 0
    return f"{value} {unit} ({low} to {high})" + ("" if clear else f", {SAME}")


def _text(row: Row) -> None:
    if row["template"] is None:
        raise EmptyPanel("The text of this prompt was not received.")
    st.caption(f"{fmt.label(row['version'])} is the only version in this period.")
    st.text(fmt.visible(row["template"]))
