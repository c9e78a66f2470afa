"""Health: do I lose data, how far behind are the jobs, and what do instrumentations leave out?"""

from __future__ import annotations

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.trend import Trend


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("health_cards", scope.parameters()), scope)
    cards(
        [
            trend.card("Spans stored", "stored", fmt.count, "none", "Durable and visible", absent=0),
            trend.card("Refused", "refused", fmt.count, "down", "Spans that could not be read", absent=0),
            trend.card("Sent again", "repeated", fmt.count, "none", "Retries, dropped", absent=0),
            trend.card("Late", "late", fmt.count, "none", "Arrived over 10 minutes after they began", absent=0),
            trend.card("Counted once", "duplicate_calls", fmt.count, "none", "Calls that two spans reported", absent=0),
            trend.card("Not understood", "unclaimed", fmt.count, "none", "Spans that no dialect claimed", absent=0),
        ],
        scope,
    )


def _draw_outcomes(scope: Scope) -> None:
    table = data.query("health_outcomes", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing arrived in this period.")
    chart = charts.by_series(table, theme.INGEST, scope, charts.Axis("spans"), value="spans")
    picked = charts.pick(chart, "outcomes", scope, alt="Spans that arrived over time, by what became of them")
    if picked:
        links.go("traces", scope, kind="spans", **picked.url())


def _draw_refused(scope: Scope) -> None:
    table = data.query("health_refused", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing was refused in this period.")
    columns = {
        "reason": tables.column("Why", width=170),
        "spans": tables.number("Spans"),
        "last_time": tables.moment("Last"),
    }
    tables.table(table, columns, key="refused", height=tables.height_of(table.num_rows, 7))


def _draw_sources(scope: Scope) -> None:
    table = data.query("health_sources", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing arrived in this period.")
    columns = {
        "service_name": tables.column("Service", width=120),
        "scope_name": tables.column("Instrumentation", width=290),
        "dialect": tables.column("Dialect", width=105),
        "spans": tables.number("Spans"),
        "late": tables.number("Late"),
        "duplicate_calls": tables.number("Counted once"),
        "last_time": tables.moment("Last"),
    }
    tables.table(
        table, columns, key="sources", placeholder="not understood", height=tables.height_of(table.num_rows, 8)
    )


def _draw_quality(scope: Scope) -> None:
    table = data.query("health_quality", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    gaps = {
        "no_model": "No model",
        "no_tokens": "No tokens",
        "no_content": "No content",
        "no_price": "No price",
        "no_first_token": "No first token",
    }
    columns = {
        "scope_name": tables.column("Instrumentation", width=290),
        "calls": tables.number("Calls"),
        **{name: tables.number(words) for name, words in gaps.items()},
    }
    tables.table(
        table,
        columns,
        key="quality",
        formats=dict.fromkeys(gaps, fmt.percent),
        height=tables.height_of(table.num_rows, 8),
    )


def _draw_storage(scope: Scope) -> None:
    table = data.query("health_storage", scope.parameters())
    columns = {
        "dataset": tables.column("Dataset", width=100),
        "rows": tables.number("Rows"),
        "bytes": tables.number("Size"),
        "files": tables.number("Files"),
        "first_day": tables.column("First day", fixed=True, spare=True),
        "last_day": tables.column("Last day", fixed=True),
    }
    tables.table(table, columns, key="storage", formats={"bytes": fmt.size}, height=tables.height_of(table.num_rows, 9))
    st.caption(f"{fmt.size(sum(table['bytes'].to_pylist()))} in {sum(table['files'].to_pylist()):,} files")


def _draw_writers(scope: Scope) -> None:
    table = data.query("health_writers", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing was written yet.")
    columns = {
        "writer": tables.column("Writer", width=110),
        "written_at": tables.moment("Last written"),
        "watermark": tables.column("Watermark", width=260),
    }
    tables.table(table, columns, key="writers", height=tables.height_of(table.num_rows, 9))


def _render() -> None:
    scope = header("Health", "Is anything lost or late, and what do instrumentations leave out?", filters=("service",))
    if scope is None:
        return
    apart(_draw_cards, scope)
    left, right = st.columns([3, 2], gap="small")
    with left:
        panel("outcomes", "Spans that arrived", _draw_outcomes, scope, queries=["health_outcomes"], note="click a bar")
    with right:
        panel("refused", "Why spans were refused", _draw_refused, scope, queries=["health_refused"])
    panel("sources", "Who sends", _draw_sources, scope, queries=["health_sources"])
    panel(
        "quality",
        "What instrumentations leave out",
        _draw_quality,
        scope,
        queries=["health_quality"],
        note="% of successful calls",
    )
    left, right = st.columns(2, gap="small")
    with left:
        panel("storage", "What the store holds", _draw_storage, scope, queries=["health_storage"])
    with right:
        panel("writers", "How far each writer got", _draw_writers, scope, queries=["health_writers"])


_render()
