"""Cost: who spends, why did it move, what would save, and what is not priced?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.budget import budget
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.moves import moves, query_name
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.savings import model_choice, repeats, savings, savings_parameters
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.trend import Trend

GROUPS = {
    "model": "Model",
    "provider": "Provider",
    "service": "Service",
    "user": "User",
    "feature": "Feature",
    "prompt": "Prompt",
    "tag": "Tag",
    "operation": "Operation",
}
LABELS = {
    "feature": "A feature is what a tag feature:NAME says, else the span that the trace began with. "
    "Calls that stand alone have none: unknown.",
    "prompt": "Prompts are those of the page Prompts: named by the app, or found in the texts.",
    "tag": "A call with several tags counts under each of them, so the shares may add up to more than 100 %.",
}
"""What the app says its calls are for, and how that is known."""
TALL_DOLLARS = charts.Axis(prefix="$", digits=4, height=228)
SOURCES = {
    "exact": "price list, same name",
    "pattern": "price list, by pattern",
    "override": "your own price file",
    "reported": "as reported",
    "none": "unknown",
}


def _parameters(scope: Scope) -> dict[str, Any]:
    return scope.parameters() | {"group_by": choices.chosen("by", GROUPS, "model")}


def _query(name: str) -> str:
    """The query behind ``name`` for the chosen group."""
    return f"{name}_labels" if choices.chosen("by", GROUPS, "model") in LABELS else name


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("cost_cards", scope.parameters()), scope)
    calls = trend.now.get("calls") or 0
    unpriced = f"Of {calls:,} calls. Their cost is unknown, and in no sum on this page."
    cards(
        [
            trend.card("Cost", "cost_usd", fmt.money, "down", "US dollars of the calls that have a price"),
            trend.card("Per call", "cost_per_call", fmt.money, "down", "Mean cost of the priced calls"),
            trend.card("Per 1 M tokens", "cost_per_million", fmt.money, "down", "Input and output tokens together"),
            trend.card("Input tokens", "input_tokens", fmt.count, "none", "Cache reads included"),
            trend.card("Output tokens", "output_tokens", fmt.count, "none", "Reasoning included"),
            trend.card("Cache share", "cached_share", fmt.percent, "up", "Share of the input tokens the cache served"),
            trend.card("Unpriced calls", "unpriced_calls", fmt.count, "down", unpriced, absent=0),
        ],
        scope,
        "cost_cards",
        width=128,
    )


def _draw_over_time(scope: Scope) -> None:
    values = _parameters(scope)
    table = data.query(_query("cost_over_time"), values)
    if not table.num_rows:
        raise EmptyPanel("No call of this period has a price.")
    group = values["group_by"]
    names = table["series"].to_pylist()
    if group == "model":
        colors = charts.model_palette()
    elif group == "provider":
        colors = {name: theme.provider_color(name) for name in names}
    else:
        colors = charts.palette(names)
    chart = charts.by_series(table, colors, scope, TALL_DOLLARS, value="cost_usd")
    picked = charts.pick(chart, f"over-time-{group}", scope, alt="Cost over time")
    if picked:
        period = picked.url()
        links.go("traces", scope, **({"kind": "calls", "sort": "dearest"} | period | _narrow(group, picked.series)))


def _narrow(group: str, name: str | None) -> dict[str, Any]:
    """Query parameters that narrow a page to one member of a group, where there is a filter for it."""
    if name is None or name in charts.LAST:
        return {}
    if group == "feature":
        return {"q": name, "kind": "traces"}
    # There is no filter by user, prompt or tag, since there may be millions; the text search finds them.
    return {"q": name} if group in ("user", "prompt", "tag") else {group: [name]}


def _draw_table(scope: Scope) -> None:
    values = _parameters(scope)
    table = data.query(_query("cost_table"), values)
    if not table.num_rows:
        raise EmptyPanel
    group = values["group_by"]
    row = tables.table(
        table,
        {
            "grouped": tables.column(GROUPS[group], width=190),
            "cost_usd": tables.number("Cost", help="– where no call had a price"),
            "cost_share": tables.share("Share"),
            "relative_change": tables.number("Change", help=f"Of the cost, {scope.previous}"),
            "calls": tables.number("Calls"),
            "unpriced_calls": tables.number("Unpriced"),
            "cost_per_call": tables.number("Per call"),
            "input_tokens": tables.number("Input tokens"),
            "output_tokens": tables.number("Output tokens"),
            "cached_share": tables.number("Cached", help="Share of the input tokens served from the cache"),
        },
        key=f"who-{group}",
        click=True,
        formats={
            "cost_usd": fmt.money,
            "cost_per_call": fmt.money,
            "relative_change": fmt.signed,
            "cached_share": fmt.percent,
        },
    )
    tables.say_hidden(table.num_rows, table["total"][0].as_py(), f"{GROUPS[group].lower()}s", "dearest")
    if group in LABELS:
        st.caption(LABELS[group])
    if row is not None:
        _open(group, table.slice(row, 1).to_pylist()[0], scope)


def _open(group: str, row: dict[str, Any], scope: Scope) -> None:
    """Go to what a member of a group is made of: its calls, or its prompt."""
    if row.get("prompt_id"):
        links.go("prompts", scope, prompt=row["prompt_id"])
    links.go("traces", scope, **({"kind": "calls", "sort": "dearest"} | _narrow(group, row["grouped"])))


def _draw_unpriced(scope: Scope) -> None:
    table = data.query("cost_unpriced", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Every call of this period has a price.")
    row = tables.table(
        table,
        {
            "model": tables.column("Model", width=170),
            "provider": tables.column("Provider", width=90),
            "calls": tables.number("Calls"),
            "reason": tables.column("Why the cost is unknown", width=240),
            "input_tokens": tables.number("Input tokens"),
            "output_tokens": tables.number("Output tokens"),
        },
        key="unpriced",
        click=True,
    )
    st.caption("These calls are in no sum. Give them a price in your own price file; the cost of past calls follows.")
    links.open_trace(
        scope, table.rename_columns(["start_time" if n == "last_time" else n for n in table.column_names]), row
    )


def _draw_tokens(scope: Scope) -> None:
    table = data.query("cost_tokens", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    kinds = {kind: (kind, color) for kind, color in theme.TOKEN_KINDS.items()}
    chart = charts.by_column(table, kinds, scope, charts.Axis("tokens"))
    picked = charts.pick(chart, "tokens", scope, alt="Tokens over time by kind")
    if picked:
        links.go("traces", scope, kind="calls", sort="dearest", **picked.url())


def _draw_sources(scope: Scope) -> None:
    table = data.query("cost_sources", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel
    total = sum(table["calls"].to_pylist())
    rows = [
        {
            "source": SOURCES.get(row["price_source"], row["price_source"]),
            "calls": row["calls"],
            "share": row["calls"] / total,
            "cost_usd": row["cost_usd"],
        }
        for row in table.to_pylist()
    ]
    tables.table(
        tables.from_rows(rows),
        {
            "source": tables.column("Where the price came from", width=180),
            "calls": tables.number("Calls"),
            "share": tables.share("Share"),
            "cost_usd": tables.number("Cost"),
        },
        key="sources",
        placeholder="unknown",
        formats={"cost_usd": fmt.money},
    )


def _savings(scope: Scope) -> None:
    panel(
        "savings",
        "What would save",
        savings,
        scope,
        queries=["cost_savings", "cost_similar", "cost_bloat"],
        more=savings_parameters,
        note="each with its method",
    )
    left, right = st.columns(2, gap="small")
    with left:
        panel(
            "repeats", "Asked again", repeats, scope, queries=["cost_repeats"], note="click a row for its latest call"
        )
    with right:
        panel("whatif", "Another model", model_choice, scope, queries=[query_name(scope)], note="what if")


def _render() -> None:
    scope = header("Cost", "Who spends, why did it move, what would save, and which calls have no price?")
    if scope is None:
        return
    apart(_draw_cards, scope, "cost_cards")
    choices.segmented("by", "Group by", GROUPS, "model")
    by = GROUPS[choices.chosen("by", GROUPS, "model")].lower()
    panel(
        "over-time",
        f"Cost by {by}",
        _draw_over_time,
        scope,
        queries=[_query("cost_over_time")],
        more=_parameters,
        height=280,
        note="US dollars; click a bar for its calls",
    )
    panel(
        "who",
        "Who spends",
        _draw_table,
        scope,
        queries=[_query("cost_table")],
        more=_parameters,
        note="click a row for its calls",
    )
    left, right = st.columns(2, gap="small")
    with left:
        panel("moves", "Why it moved", moves, scope, queries=[query_name(scope)], note=scope.previous, height=280)
    with right:
        panel("budget", "Budget", budget, scope, queries=["cost_month"], height=280)
    left, right = st.columns(2, gap="small")
    with left:
        panel(
            "tokens",
            "Tokens",
            _draw_tokens,
            scope,
            queries=["cost_tokens"],
            note="input by what the cache served; click a bar",
        )
    with right:
        panel("sources", "Price sources", _draw_sources, scope, queries=["cost_sources"])
    _savings(scope)
    panel("unpriced", "Calls without a price", _draw_unpriced, scope, queries=["cost_unpriced"], note="unknown, not $0")


_render()
