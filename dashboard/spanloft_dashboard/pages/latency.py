"""Latency: what is slow, since when, and is it the wait or the generation?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.distribution import ecdf, heat, heat_parameters
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.trend import Trend

MEASURES = {"p95": "p95 duration", "ttft": "Time to first token", "speed": "Tokens per second"}
UNITS = {"p95": "s", "ttft": "s", "speed": "tok/s"}


def _parameters(scope: Scope) -> dict[str, Any]:
    return scope.parameters() | {"measure": choices.chosen("measure", MEASURES, "p95")}


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("latency_cards", scope.parameters()), scope)
    first = "Median wait until a streamed answer begins"
    cards(
        [
            trend.card("Median", "p50_ms", fmt.duration, "down", "Half of the successful calls were faster"),
            trend.card("p95", "p95_ms", fmt.duration, "down", "95 % of the successful calls were faster"),
            trend.card("p99", "p99_ms", fmt.duration, "down", "99 % of the successful calls were faster"),
            trend.card("First token", "ttft_p50_ms", fmt.duration, "down", first),
            trend.card("Speed", "tokens_per_s", fmt.speed, "up", "Median output tokens per second after the first"),
            trend.card("Error rate", "error_rate", fmt.percent, "down", "Failed calls of all calls"),
        ],
        scope,
        "latency_cards",
    )


def _draw_percentiles(scope: Scope) -> None:
    table = data.query("latency_percentiles", scope.parameters())
    if not any(value is not None for value in table["p50_s"].to_pylist()):
        raise EmptyPanel
    lines = {name: (f"{name}_s", color) for name, color in theme.PERCENTILES.items()}
    chart = charts.by_column(table, lines, scope, charts.Axis("s", digits=2), line=True)
    picked = charts.pick(chart, "percentiles", scope, alt="Percentiles of the duration over time")
    if picked:
        links.go("traces", scope, kind="calls", sort="slowest", **picked.url())


def _draw_by_model(scope: Scope) -> None:
    values = _parameters(scope)
    table = data.query("latency_by_model", values)
    if not table.num_rows:
        raise EmptyPanel("No call of this period reported this.")
    axis = charts.Axis(UNITS[values["measure"]], digits=2, height=228)
    chart = charts.by_series(table, charts.model_palette(), scope, axis, value="measured", line=True)
    picked = charts.pick(
        chart, f"by-model-{values['measure']}", scope, alt=f"{MEASURES[values['measure']]} over time by model"
    )
    if picked:
        model = {"model": [picked.series]} if picked.series else {}
        links.go("traces", scope, kind="calls", sort="slowest", **picked.url(), **model)


def _draw_errors(scope: Scope) -> None:
    table = data.query("latency_errors", scope.parameters())
    if not any(table["calls"].to_pylist()):
        raise EmptyPanel
    kinds = {"rate limited": ("rate_limited", theme.WARNING), "other errors": ("other_errors", theme.ERROR)}
    chart = charts.by_column(table, kinds, scope, charts.Axis("%", digits=2))
    picked = charts.pick(chart, "errors", scope, alt="Share of failed calls over time")
    if picked:
        links.go("traces", scope, kind="calls", status=["error"], **picked.url())


def _draw_table(scope: Scope) -> None:
    table = data.query("latency_table", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    row = tables.table(
        table,
        {
            "model": tables.column("Model", width=190),
            "provider": tables.column("Provider", width=90),
            "calls": tables.number("Calls"),
            "p50_ms": tables.number("Median"),
            "p95_ms": tables.number("p95"),
            "p99_ms": tables.number("p99"),
            "relative_change": tables.number("p95 change", help=f"Of p95, {scope.previous}"),
            "ttft_ms": tables.number("First token"),
            "tokens_per_s": tables.number("Tokens/s", digits=0),
            "error_rate": tables.number("Errors"),
        },
        key="models",
        click=True,
        formats={
            **dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "ttft_ms"), fmt.duration),
            "error_rate": fmt.percent,
            "relative_change": fmt.signed,
        },
    )
    if row is not None:
        name = table["model"][row].as_py()
        links.go("traces", scope, kind="calls", sort="slowest", model=[name] if name != "unknown" else None)


def _draw_slowest(scope: Scope) -> None:
    table = data.query("latency_slowest", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    row = tables.table(
        table,
        {
            "start_time": tables.moment(),
            "model": tables.column("Model", width=180),
            "service_name": tables.column("Service", width=110),
            "duration_ms": tables.number("Duration"),
            "ttft_ms": tables.number("First token"),
            "output_tokens": tables.number("Output tokens"),
            "tokens_per_s": tables.number("Tokens/s", digits=0),
            "status": tables.column("Status", width=130),
        },
        key="slowest",
        click=True,
        height=tables.height_of(8),
        formats={"duration_ms": fmt.duration, "ttft_ms": fmt.duration},
    )
    links.open_trace(scope, table, row)


def _lists(scope: Scope) -> None:
    panel(
        "models",
        "Models",
        _draw_table,
        scope,
        queries=["latency_table"],
        note="click a row for its calls, slowest first",
    )
    panel(
        "slowest",
        "Slowest calls",
        _draw_slowest,
        scope,
        queries=["latency_slowest"],
        note="click a row to open its trace",
    )


def _render() -> None:
    scope = header("Latency", "What is slow, since when, and is it the wait or the generation?")
    if scope is None:
        return
    apart(_draw_cards, scope, "latency_cards")
    left, right = st.columns(2, gap="small")
    with left:
        panel(
            "percentiles",
            "Duration of calls",
            _draw_percentiles,
            scope,
            queries=["latency_percentiles"],
            note="seconds; click a time for its slowest calls",
        )
    with right:
        panel(
            "errors",
            "Failed calls",
            _draw_errors,
            scope,
            queries=["latency_errors"],
            note="% of calls; click a bar for its failures",
        )
    choices.segmented("measure", "Measure", MEASURES, "p95")
    measure = choices.chosen("measure", MEASURES, "p95")
    panel(
        "by-model",
        f"{MEASURES[measure]} by model",
        _draw_by_model,
        scope,
        queries=["latency_by_model"],
        more=_parameters,
        note="the six most used models; click a line for its calls",
        height=280,
    )
    left, right = st.columns(2, gap="small")
    with left:
        wait = "ttft" if measure == "ttft" else "p95"
        panel(
            "ecdf",
            "Time to first token, distribution" if wait == "ttft" else "Duration, distribution",
            lambda scope: ecdf(scope, wait),
            scope,
            queries=["latency_ecdf"],
            more=lambda scope: scope.parameters() | {"measure": wait},
            note="% of calls within seconds; click a line",
            height=280,
        )
    with right:
        panel("heat", "Slow hours", heat, scope, queries=["latency_heat"], more=heat_parameters, height=280)
    _lists(scope)


_render()
