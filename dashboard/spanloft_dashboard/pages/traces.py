"""Traces: which calls match, and what happened inside one?"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, panel
from spanloft_dashboard.components.scope import Scope, set_url
from spanloft_dashboard.components.trace_view import trace_view

LIMIT = 200
SCAN_LIMIT = 20_000
KINDS = {"traces": "Traces", "calls": "Model calls", "spans": "All spans"}
ORDERS = {"newest": "Newest", "slowest": "Slowest", "dearest": "Most expensive"}


def _parameters(scope: Scope) -> dict[str, Any]:
    return scope.parameters() | {
        "kind": choices.chosen("kind", KINDS, "traces"),
        "sort_by": choices.chosen("sort", ORDERS, "newest"),
        "row_limit": LIMIT,
        "scan_limit": SCAN_LIMIT,
    }


def _draw_histogram(scope: Scope) -> None:
    values = _parameters(scope)
    table = data.query("traces_per_bucket" if values["kind"] == "traces" else "traces_histogram", values)
    if not table.num_rows:
        raise EmptyPanel("Nothing matches in this period. Widen the time range or clear a filter.")
    chart = charts.by_series(table, theme.OUTCOMES, scope, charts.Axis(height=120), value="found")
    picked = charts.pick(chart, "histogram", scope, alt="Matches over time", box=True)
    if picked:
        set_url(**picked.url())
        st.rerun()


def _draw_list(scope: Scope) -> None:
    values = _parameters(scope)
    kind, order = values["kind"], values["sort_by"]
    table = _traces(values) if kind == "traces" else data.query("traces_spans", values)
    if not table.num_rows:
        raise EmptyPanel("Nothing matches in this period. Widen the time range or clear a filter.")
    counted = data.query("traces_per_bucket" if kind == "traces" else "traces_histogram", values)
    words = {"newest": "newest", "slowest": "slowest", "dearest": "most expensive"}[order]
    what = {"traces": "traces", "calls": "model calls", "spans": "spans"}[kind]
    total = sum(counted["found"].to_pylist())
    st.caption(tables.limited(table.num_rows, total, what, words) + ". Click a row to open it.")
    columns = _trace_columns() if kind == "traces" else _span_columns()
    row = tables.table(table, columns, key=f"list-{kind}", click=True, height=600, formats=FORMATS)
    links.open_trace(scope, table, row)


def _traces(values: dict[str, Any]) -> pa.Table:
    """The traces to list: which ones first, then what they are made of, since only those few are read whole."""
    chosen = _chosen(values)
    return data.query("traces_list", chosen) if chosen else pa.table({})


def _of_chosen(scope: Scope) -> dict[str, dict[str, Any]]:
    """The query that reads the traces of the list, for "SQL"."""
    values = _parameters(scope)
    chosen = _chosen(values)
    wider = {"traces_chosen": values} if values["sort_by"] == "newest" and not _newest(values) else {}
    return wider | ({"traces_list": chosen} if chosen else {})


def _chosen(values: dict[str, Any]) -> dict[str, Any]:
    """Which traces to list, and between when they lie; empty when none matches."""
    found = _newest(values) if values["sort_by"] == "newest" else []
    found = found or data.rows("traces_chosen", values)
    if not found:
        return {}
    bounds = {"first": min(row["first_time"] for row in found), "last": max(row["last_time"] for row in found)}
    return {"chosen": [row["trace_id"] for row in found], **bounds}


def _newest(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest traces, from the newest spans alone; none when these were too few to tell."""
    found = data.rows("traces_newest", values)
    return [] if len(found) < LIMIT and found and found[0]["scanned"] >= SCAN_LIMIT else found


def _first_query(values: dict[str, Any]) -> str:
    """The query that the list asks first."""
    if values["kind"] != "traces":
        return "traces_spans"
    return "traces_newest" if values["sort_by"] == "newest" else "traces_chosen"


FORMATS = {"duration_ms": fmt.duration, "cost_usd": fmt.money}
MONEY_HELP = "– where it is unknown or nothing was billed"


def _trace_columns() -> dict[str, Any]:
    return {
        "start_time": tables.moment(),
        "name": tables.column("Name", width=145),
        "input_preview": tables.column("Input", width=190),
        "models": tables.column("Models", width=130),
        "duration_ms": tables.number("Duration"),
        "tokens": tables.number("Tokens"),
        "cost_usd": tables.number("Cost", help=MONEY_HELP),
        "status": tables.column("Status", width=75),
        "service_name": tables.column("Service", width=110, spare=True),
        "output_preview": tables.column("Output", width=200, spare=True),
        "spans": tables.number("Spans", spare=True),
        "user_id": tables.column("User", width=90, spare=True),
    }


def _span_columns() -> dict[str, Any]:
    return {
        "start_time": tables.moment(),
        "name": tables.column("Name", width=150),
        "input_preview": tables.column("Input", width=190),
        "duration_ms": tables.number("Duration"),
        "input_tokens": tables.number("In", help="Input tokens, cached ones included"),
        "output_tokens": tables.number("Out", help="Output tokens"),
        "cost_usd": tables.number("Cost", help=MONEY_HELP),
        "status": tables.column("Status", width=100),
        "service_name": tables.column("Service", width=110, spare=True),
        "output_preview": tables.column("Output", width=200, spare=True),
        "model": tables.column("Model", width=120),
    }


def _render() -> None:
    trace_id = st.query_params.get("trace")
    if trace_id:
        trace_view(trace_id, Scope.from_url())
        return
    scope = header("Traces", "Which calls match, and what happened inside them?", search=True, live=True)
    if scope is None:
        return
    kind = choices.chosen("kind", KINDS, "traces")
    panel(
        "histogram",
        f"{KINDS[kind]} over time",
        _draw_histogram,
        scope,
        height=150,
        note="click a bar or drag to zoom in",
        queries=["traces_per_bucket" if kind == "traces" else "traces_histogram"],
        more=_parameters,
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="small", key="choices"):
        choices.segmented("kind", "What to list", KINDS, "traces")
        choices.segmented("sort", "Order", ORDERS, "newest")
    panel(
        "list",
        KINDS[kind],
        _draw_list,
        scope,
        height=600,
        more=_parameters,
        queries=[_first_query(_parameters(scope))],
        further=_of_chosen if kind == "traces" else None,
    )


_render()
