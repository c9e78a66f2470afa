"""Overview: is it healthy now, and what changed?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.alarms import alarms
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.markup import badge, esc, link, put
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.trend import Trend


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("overview_cards", scope.parameters()), scope)
    unpriced = "Calls whose cost is unknown. They are not in the cost."
    cards(
        [
            trend.card("Calls", "calls", fmt.count, "none", "Calls to a model; duplicates removed", absent=0),
            trend.card("Cost", "cost_usd", fmt.money, "down", "US dollars of the calls that have a price"),
            trend.card("p95 latency", "p95_ms", fmt.duration, "down", "95 % of the successful calls were faster"),
            trend.card("Error rate", "error_rate", fmt.percent, "down", "Failed calls of all calls"),
            trend.card("Tokens", "tokens", fmt.count, "none", "Input and output, cache reads included"),
            trend.card("Unpriced calls", "unpriced_calls", fmt.count, "down", unpriced, absent=0),
        ],
        scope,
        "overview_cards",
    )


def _draw_volume(scope: Scope) -> None:
    table = data.query("overview_volume", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    chart = charts.by_series(table, theme.OUTCOMES, scope, charts.Axis("calls"), value="calls")
    picked = charts.pick(chart, "volume", scope, alt="Calls over time, successful and failed")
    if picked:
        # Beside the bars nothing is said about the outcome: the filter of the page stays.
        status = {"ok": ["ok"], "failed": ["error"]}.get(picked.series or "")
        links.go("traces", scope, kind="calls", **picked.url(), **({"status": status} if status else {}))


def _draw_cost(scope: Scope) -> None:
    table = data.query("overview_cost", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("No call of this period has a price.")
    chart = charts.by_series(table, charts.model_palette(), scope, charts.DOLLARS, value="cost_usd")
    picked = charts.pick(chart, "cost", scope, alt="Cost over time by model")
    if picked:
        model = {"model": [picked.series]} if picked.series not in (None, *charts.LAST) else {}
        links.go("traces", scope, kind="calls", sort="dearest", **picked.url(), **model)


def _draw_movers(scope: Scope) -> None:
    table = data.query("overview_movers", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing moved, or there is no earlier period to compare with.")
    put(f'<div class="sl-rows">{"".join(_mover(row, scope) for row in table.to_pylist())}</div>')


def _mover(row: dict[str, Any], scope: Scope) -> str:
    """A change as HTML, with the way to the page that shows it."""
    page, extra = TARGETS[row["metric"]]
    service = [row["service_name"]] if row["service_name"] else None
    where = f"{row['model']} · {row['service_name']}" if service else row["model"]
    words = f"{esc(row['metric'].capitalize())} <small>· {esc(where, 46)}</small>"
    title = link(page, words, scope, model=[row["model"]], service=service, **extra)
    write = FORMATS[row["metric"]]
    values = f"<small>{esc(write(row['before_value']))} → {esc(write(row['now_value']))}</small>"
    rising = row["now_value"] > row["before_value"]
    color, sign = ("red", "arrow_upward") if rising else ("green", "arrow_downward")
    change = badge(fmt.change(row["now_value"], row["before_value"]) or "new", color, sign)
    return f'<div class="sl-row sl-mover">{title}{values}{change}</div>'


FORMATS = {"cost": fmt.money, "p95 latency": fmt.duration, "error rate": fmt.percent}
TARGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "cost": ("cost", {}),
    "p95 latency": ("latency", {}),
    "error rate": ("traces", {"status": ["error"]}),
}
"""Where a change leads to, by metric."""


def _draw_errors(scope: Scope) -> None:
    table = data.query("overview_errors", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("No call failed in this period.")
    row = tables.table(
        table,
        {
            "start_time": tables.moment(seconds=False),
            "error_type": tables.column("Error", width=135),
            "model": tables.column("Model", width=95),
            "status_message": tables.column("Message"),
        },
        key="errors",
        click=True,
        height=tables.height_of(7),
    )
    st.caption(
        tables.limited(table.num_rows, table["total"][0].as_py(), "failed calls") + ". Click a row to open its trace."
    )
    links.open_trace(scope, table, row)


def _render() -> None:
    scope = header("Overview", "Is it healthy now, and what changed?", live=True)
    if scope is None:
        return
    apart(_draw_cards, scope, "overview_cards")
    panel("alarms", "Alarms", alarms, scope, queries=["overview_alerts"], height=90, note="against what is usual")
    left, right = st.columns(2, gap="small")
    with left:
        panel("volume", "Calls", _draw_volume, scope, queries=["overview_volume"], note="click a bar for its calls")
    with right:
        panel("cost", "Cost by model", _draw_cost, scope, queries=["overview_cost"], note="US dollars; click a bar")
    left, right = st.columns(2, gap="small")
    with left:
        panel("movers", "What changed most", _draw_movers, scope, queries=["overview_movers"], note=scope.previous)
    with right:
        panel("errors", "Latest errors", _draw_errors, scope, queries=["overview_errors"])


_render()
