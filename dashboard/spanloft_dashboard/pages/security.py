"""Security: was the app attacked, where did it come from, did it work, and what left?"""

from __future__ import annotations

from typing import Any

import streamlit as st
from spanloft_collector.signals.security.figures import published

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, finding, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, panel
from spanloft_dashboard.components.scope import Scope, set_url
from spanloft_dashboard.components.trend import Trend

LIMIT = 300
MENU = 165
"""Width of a menu in pixels: two stand side by side on a phone."""
KINDS = {"alarms": "Attacks", "leaks": "Leaks", "ranked": "Ranked by the model"}
LEAST = {"low": "Low and up", "medium": "Medium and up", "high": "High and up", "critical": "Critical"}
ORIGINS = {
    "": "Everywhere",
    "user": "User",
    "document": "Document",
    "tool_result": "Tool result",
    "tool_argument": "Tool call",
    "output": "Answer",
}
OUTCOMES = {"": "Any outcome", "successful": "Successful", "suspected": "Suspected", "attempted": "Attempted"}
BUDGETS = {
    "0.001": "1 text in 1,000",
    "0.005": "5 texts in 1,000",
    "0.02": "2 texts in 100",
    "0.1": "1 text in 10",
}
LEAKED = "sensitive info disclosure"
CATEGORIES: dict[str | None, str] = {
    "prompt injection": theme.ERROR,
    "jailbreak": theme.COST,
    "system prompt leakage": theme.WARNING,
    LEAKED: theme.LATENCY,
    "improper output": theme.TOKENS,
    "harmful output": theme.CALLS,
}
NOTHING = {
    "alarms": "No rule and no behaviour raised an alarm here. That is no proof: see what the detectors miss, below.",
    "leaks": "No secret and no personal data of this severity was seen.",
    "ranked": "No text ranks that high. Texts are judged by the job 'security'; it may not have run yet.",
}


def _parameters(scope: Scope) -> dict[str, Any]:
    kind = choices.chosen("kind", KINDS, "alarms")
    return scope.parameters() | {
        "kind": kind,
        "least": choices.chosen("severity", LEAST, _least(kind)),
        "origin": choices.chosen("origin", ORIGINS, "") or None,
        "outcome": choices.chosen("outcome", OUTCOMES, "") or None,
        "campaign": st.query_params.get("campaign"),
        "category": st.query_params.get("category"),
        "budget": float(choices.chosen("budget", BUDGETS, "0.005")),
        "row_limit": LIMIT,
    }


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("security_cards", scope.parameters()), scope)
    cards(
        [
            trend.card(
                "Attacked traces", "attacked", fmt.count, "down", "Traces with an attack that a rule saw", absent=0
            ),
            trend.card("Successful", "successful", fmt.count, "down", "Traces that show the attack's effect", absent=0),
            trend.card("Suspected", "suspected", fmt.count, "down", "Traces that show part of an effect", absent=0),
            trend.card("Secrets", "secrets", fmt.count, "down", "Keys, tokens, connection strings in texts", absent=0),
            trend.card("Personal data", "personal", fmt.count, "none", "Cards, accounts, ids, addresses", absent=0),
            trend.card(
                "Judged false", "false_alarms", fmt.count, "down", "Findings that people marked false", absent=0
            ),
        ],
        scope,
        "security_cards",
    )


def _draw_over_time(scope: Scope) -> None:
    table = data.query("security_over_time", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing of medium severity or higher was found in this period.")
    chart = charts.by_series(table, CATEGORIES, scope, charts.Axis("findings"), value="findings")
    picked = charts.pick(chart, "security-time", scope, alt="Findings over time by category", box=True)
    if picked:
        chosen: dict[str, str | None] = {}
        if picked.series:
            # The list parts findings of rules and behaviours from leaks, which this category mostly is.
            kind = "leaks" if picked.series == LEAKED else "alarms"
            chosen = {"category": picked.series, "kind": kind, "severity": "medium", "outcome": None, "origin": None}
        set_url(**picked.url(), **chosen)
        st.rerun()


def _draw_campaigns(scope: Scope) -> None:
    table = data.query("security_campaigns", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("No attack came twice.")
    columns = {
        "segment": tables.column("Attack", width=170),
        "traces": tables.number("Traces"),
        "users": tables.number("Users"),
        "successful": tables.number("Successful"),
        "last_time": tables.moment("Last"),
    }
    row = tables.table(table, columns, key="campaigns", click=True, height=tables.height_of(table.num_rows, 5))
    if row is not None:
        set_url(campaign=table["campaign_id"][row].as_py())
        st.rerun()


def _draw_table(scope: Scope) -> None:
    values = _parameters(scope)
    table = data.query("security_table", values)
    if not table.num_rows:
        raise EmptyPanel(NOTHING[values["kind"]])
    total = tables.limited(table.num_rows, table["total"][0].as_py(), "findings", "worst")
    st.caption(f"{total}. Click a row for its evidence.")
    columns = {
        "severity": tables.column("Severity", width=75, fixed=True),
        "outcome": tables.column("Outcome", width=85, fixed=True),
        "category": tables.column("Category", width=140),
        "origin": tables.column("Where", width=90),
        "segment": tables.column("Text", width=225),
        "score_rank" if values["kind"] == "ranked" else "score": tables.number("Score"),
        "verdict": tables.column("Verdict", width=85),
        "user_id": tables.column("User", width=100, spare=True),
        "start_time": tables.moment("Time"),
    }
    formats = {"score": fmt.percent, "score_rank": _rank}
    shown = {name: write for name, write in formats.items() if name in columns}
    row = tables.table(table, columns, key="findings", click=True, formats=shown)
    if row is not None:
        set_url(finding=table["finding_id"][row].as_py())
        st.rerun()


def _rank(rank: float) -> str:
    return f"top {fmt.percent(1 - rank)}"


def _draw_verdicts(scope: Scope) -> None:
    table = data.query("security_verdicts", scope.parameters())
    if not table.num_rows:
        raise EmptyPanel("Nothing was found in this period, so there is nothing to judge.")
    columns = {
        "detector": tables.column("Detector", width=160),
        "findings": tables.number("Findings"),
        "true_alarms": tables.number("True"),
        "false_alarms": tables.number("False"),
    }
    tables.table(table, columns, key="verdicts", height=tables.height_of(table.num_rows, 9))


def _draw_figures(_: Scope) -> None:
    """What the shipped detectors reach, as measured: nobody should trust an alarm more than it deserves."""
    figures = published()
    for sentence in figures.limits:
        st.caption(f":material/info: {fmt.label(sentence, 400)}")
    st.caption(
        f"Measured on {figures.date} by bench/security.py, weights {figures.version}; 95 % intervals in brackets."
    )
    rows = [{"figure": row.name, "value": row.value} for row in figures.rows]
    tables.table(
        tables.from_rows(rows),
        {"figure": tables.column("Figure", width=370), "value": tables.column("Measured", width=170, fixed=True)},
        key="figures",
        height=tables.height_of(len(rows), 9),
    )


def _filters() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        kind = choices.selected("kind", "Kind", KINDS, "alarms", MENU)
        if kind == "ranked":
            choices.selected("budget", "False alarms at most", BUDGETS, "0.005", MENU)
        else:
            choices.selected("severity", "Severity", LEAST, _least(kind), MENU)
        if kind == "alarms":
            choices.selected("outcome", "Outcome", OUTCOMES, "", MENU)
        choices.selected("origin", "Where", ORIGINS, "", MENU)
        for name, label in (("campaign", "All campaigns"), ("category", "All categories")):
            if st.query_params.get(name):
                st.button(label, icon=":material/close:", on_click=set_url, kwargs={name: None}, type="tertiary")
    if kind == "ranked":
        st.caption(
            "The model's score is shown as a rank among your own texts. It raises no alarm: choose how many texts you "
            "are ready to look at."
        )


def _least(kind: str) -> str:
    return "low" if kind == "leaks" else "medium"


def _render() -> None:
    finding_id = st.query_params.get("finding")
    if finding_id:
        finding.page(finding_id, Scope.from_url())
        return
    scope = header("Security", "Was the app attacked, did it work, and what left?", filters=("service",))
    if scope is None:
        return
    apart(_draw_cards, scope, "security_cards")
    left, right = st.columns(2, gap="small")
    with left:
        panel(
            "time",
            "Findings by category",
            _draw_over_time,
            scope,
            queries=["security_over_time"],
            note="click a bar for its findings",
        )
    with right:
        panel(
            "campaigns",
            "Campaigns",
            _draw_campaigns,
            scope,
            queries=["security_campaigns"],
            note="attacks that came again",
        )
    _filters()
    panel("findings", "Findings", _draw_table, scope, queries=["security_table"], more=_parameters, height=420)
    left, right = st.columns([3, 2], gap="small")
    with left:
        panel("figures", "How far to trust this", _draw_figures, scope, height=300)
    with right:
        panel("verdicts", "What people said", _draw_verdicts, scope, queries=["security_verdicts"])


_render()
