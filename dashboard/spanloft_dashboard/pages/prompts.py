"""Prompts: which texts are live, what changed between versions, and which version is cheaper, faster, safer?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, tables
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, guarded, panel
from spanloft_dashboard.components.scope import Scope, set_url
from spanloft_dashboard.components.trend import Trend
from spanloft_dashboard.components.versions import VERSIONS, compare, intervals, version_table

LIMIT = 100
ORDERS = {"newest": "Newest", "slowest": "Slowest", "dearest": "Most expensive", "failed": "Failed"}
WAITING = (
    "No prompt was found in this period. The job looks at system prompts and at texts that many calls share; "
    "it needs at least three calls and the text of the messages. Name your own with spanloft.context(prompt=...)."
)


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("prompts_cards", scope.parameters()), scope)
    cards(
        [
            trend.card("Prompts", "prompts", fmt.count, "none", "Prompts that calls of the period used", absent=0),
            trend.card("Versions", "versions", fmt.count, "none", "Versions of them that were in use", absent=0),
            trend.card("Calls", "calls", fmt.count, "none", "Calls whose prompt is known", absent=0),
            trend.card("Cost per call", "cost_per_call", fmt.money, "down", "Mean of the priced calls"),
            trend.card("Input per call", "input_tokens", fmt.count, "down", "Mean input tokens, cached ones included"),
            trend.card("Error rate", "error_rate", fmt.percent, "down", "Failed calls of all calls"),
        ],
        scope,
        "prompts_cards",
    )


def _draw_list(scope: Scope) -> None:
    table = data.query("prompts_list", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel(WAITING)
    row = tables.table(
        table,
        {
            "prompt": tables.column("Prompt", width=280),
            "services": tables.column("Services", width=110, spare=True),
            "source": tables.column(
                "Found", width=70, spare=True, help="explicit: the app names it; mined: found in the texts"
            ),
            "versions": tables.number("Versions"),
            "calls": tables.number("Calls"),
            "cost_usd": tables.number("Cost"),
            "cost_share": tables.share("Share"),
            "error_rate": tables.number("Errors"),
            "input_tokens": tables.number("In / call", digits=0, help="Input tokens per call"),
            "output_tokens": tables.number("Out / call", digits=0, help="Output tokens per call"),
        },
        key="prompts",
        click=True,
        height=tables.height_of(table.num_rows, 8),
        formats={"cost_usd": fmt.money, "error_rate": fmt.percent},
    )
    tables.say_hidden(table.num_rows, table["total"][0].as_py(), "prompts", "dearest")
    if row is not None:
        set_url(prompt=table["prompt_id"][row].as_py(), a=None, b=None)
        st.rerun()


def _chosen(scope: Scope) -> dict[str, Any] | None:
    """The prompt of the link, else the dearest; None when there is none in the period."""
    found = data.rows("prompts_list", scope.parameters())
    wanted = st.query_params.get("prompt")
    return next((row for row in found if row["prompt_id"] == wanted), found[0] if found else None)


def _draw_prompt(scope: Scope) -> None:
    chosen = _chosen(scope)
    if chosen is None:
        return
    more = {"prompt_id": chosen["prompt_id"]}

    def parameters(scope: Scope) -> dict[str, Any]:
        return scope.parameters() | more | VERSIONS

    def over_time(scope: Scope) -> None:
        table = data.query("prompts_over_time", parameters(scope))
        chart = charts.by_series(
            table, charts.palette(table["series"].to_pylist()), scope, charts.Axis("calls"), value="calls"
        )
        picked = charts.pick(chart, "over-time", scope, alt="Calls over time by version of the prompt")
        if picked:
            named = {row["version"]: row["version_id"] for row in data.rows("prompts_versions", parameters(scope))}
            set_url(**picked.url(), version=named.get(picked.series or ""))
            st.rerun()

    st.subheader(fmt.label(chosen["prompt"], 90), anchor=False)
    left, right = st.columns([9, 11], gap="small")
    with left:
        panel(
            "over-time",
            "Calls by version",
            over_time,
            scope,
            queries=["prompts_over_time"],
            more=parameters,
            height=262,
            note="click a bar for its calls, below",
        )
    with right:
        panel(
            "intervals",
            "Per version",
            lambda scope: intervals(data.rows("prompts_versions", parameters(scope))),
            scope,
            queries=["prompts_versions"],
            more=parameters,
            note="mean of a call, 95 % interval; click for its calls",
            height=262,
        )
    _versions(scope, parameters)


def _versions(scope: Scope, parameters: Callable[[Scope], dict[str, Any]]) -> None:
    panel(
        "versions",
        "Versions",
        lambda scope: version_table(data.rows("prompts_versions", parameters(scope))),
        scope,
        queries=["prompts_versions"],
        more=parameters,
    )
    panel(
        "compare",
        "What changed",
        lambda scope: compare(data.rows("prompts_versions", parameters(scope))),
        scope,
        queries=["prompts_versions"],
        more=parameters,
        note="two versions side by side",
    )
    panel(
        "calls",
        "Calls of a version",
        lambda scope: _draw_calls(scope, parameters(scope)),
        scope,
        queries=["prompts_calls"],
        more=lambda scope: parameters(scope) | _listed(data.rows("prompts_versions", parameters(scope))),
    )


def _listed(versions: list[dict[str, Any]]) -> dict[str, Any]:
    """Which calls are listed: the version and the order of the link."""
    ids = {row["version_id"]: row["version_id"] for row in versions}
    latest = versions[-1]["version_id"] if versions else ""
    version, order = choices.chosen("version", ids, latest), choices.chosen("sort", ORDERS, "newest")
    return {"version_id": version, "sort_by": order, "row_limit": LIMIT}


def _draw_calls(scope: Scope, parameters: dict[str, Any]) -> None:
    versions = data.rows("prompts_versions", parameters)
    if not versions:
        raise EmptyPanel
    names = {row["version_id"]: fmt.shorten(row["version"], 24) for row in versions}
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
        version = choices.segmented("version", "Version", names, versions[-1]["version_id"])
        order = choices.segmented("sort", "Order", ORDERS, "newest")
    values = parameters | _listed(versions)
    table = data.query("prompts_calls", values)
    if not table.num_rows:
        raise EmptyPanel("No call of this version failed in this period." if order == "failed" else "")
    row = tables.table(
        table,
        {
            "start_time": tables.moment(),
            "service_name": tables.column("Service", width=150),
            "model": tables.column("Model", width=170),
            "duration_ms": tables.number("Duration"),
            "input_tokens": tables.number("In"),
            "output_tokens": tables.number("Out"),
            "cost_usd": tables.number("Cost"),
            "status": tables.column("Status", width=80),
        },
        key=f"calls-{version}-{order}",
        click=True,
        height=tables.height_of(table.num_rows, 8),
        formats={"duration_ms": fmt.duration, "cost_usd": fmt.money},
    )
    st.caption(
        tables.limited(table.num_rows, table["total"][0].as_py(), "calls", ORDERS[order].lower())
        + ". Click a row to open its trace."
    )
    links.open_trace(scope, table, row)


def _render() -> None:
    scope = header("Prompts", "Which prompts are live, what changed, and is the new version cheaper, faster, safer?")
    if scope is None:
        return
    apart(_draw_cards, scope, "prompts_cards")
    panel("list", "Prompts", _draw_list, scope, queries=["prompts_list"], note="click a row for its versions")
    guarded(_draw_prompt, scope)


_render()
