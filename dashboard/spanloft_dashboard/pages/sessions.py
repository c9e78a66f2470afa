"""Sessions: who talked with the app, for how long, and what was said turn by turn?"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import charts, choices, links, messages, tables, theme
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.cards import cards
from spanloft_dashboard.components.header import header
from spanloft_dashboard.components.panel import EmptyPanel, apart, guarded, head, panel
from spanloft_dashboard.components.scope import Scope, set_url
from spanloft_dashboard.components.trend import Trend

LIMIT = 200
ORDERS = {"newest": "Newest", "longest": "Longest", "dearest": "Most expensive"}
NO_SESSIONS = (
    "No session in this period. Calls belong to a session when the app says so: "
    'spanloft.context(session="…", user="…"), or gen_ai.conversation.id on its spans.'
)


def _parameters(scope: Scope) -> dict[str, Any]:
    return scope.parameters() | {"sort_by": choices.chosen("sort", ORDERS, "newest"), "row_limit": LIMIT}


def _draw_cards(scope: Scope) -> None:
    trend = Trend.of(data.query("sessions_cards", scope.parameters()), scope)
    cards(
        [
            trend.card("Sessions", "sessions", fmt.count, "none", "Sessions with a call in the period", absent=0),
            trend.card("Users", "users", fmt.count, "none", "Users who had a session", absent=0),
            trend.card("Turns a session", "turns", fmt.decimal, "none", "Traces a session, mean"),
            trend.card("Cost a session", "cost_per_session", fmt.money, "down", "Mean, of the priced calls"),
            trend.card("Sessions with a failure", "failed_share", fmt.percent, "down", "Share in which a span failed"),
        ],
        scope,
        "sessions_cards",
    )


def _draw_over_time(scope: Scope) -> None:
    """The sessions behind the cards' trend: how many were active, and what one of them cost."""
    trend = Trend.of(data.query("sessions_cards", scope.parameters()), scope)
    if not trend.now.get("sessions"):
        raise EmptyPanel(NO_SESSIONS)
    failed = [round(row.get("sessions", 0) * (row.get("failed_share") or 0.0)) for row in trend.buckets]
    ok = [row.get("sessions", 0) - bad for row, bad in zip(trend.buckets, failed, strict=True)]
    table = pa.table({"bucket": pa.array(trend.moments, pa.timestamp("us")), "ok": ok, "failed": failed})
    series = {"without a failure": ("ok", theme.OK), "with a failure": ("failed", theme.ERROR)}
    chart = charts.by_column(table, series, scope, charts.Axis("sessions", height=120), step_s=scope.window().trend_s)
    picked = charts.pick(chart, "sessions-time", scope, alt="Sessions over time", step_s=scope.window().trend_s)
    if picked:
        # A session without a failure has no failed span, but one with a failure has others, too.
        failing = {"status": ["error"]} if picked.series == "with a failure" else {}
        links.go("traces", scope, **picked.url(), **failing)


def _chosen(scope: Scope) -> tuple[int, dict[str, Any]]:
    """How many sessions match, and parameters that choose those of the list: only these few are read whole."""
    values = _parameters(scope)
    found = data.query("sessions_chosen", values)
    if not found.num_rows:
        return 0, {}
    first, last = min(found["first_time"].to_pylist()), max(found["last_time"].to_pylist())
    bounds = {"chosen": found["session_id"].to_pylist(), "first": first, "last": last}
    return found["total"][0].as_py(), values | bounds


def _of_chosen(scope: Scope) -> dict[str, dict[str, Any]]:
    """The query that reads the sessions of the list, for "SQL"."""
    matching, chosen = _chosen(scope)
    return {"sessions_list": chosen} if matching else {}


def _draw_list(scope: Scope) -> None:
    matching, chosen = _chosen(scope)
    if not matching:
        raise EmptyPanel(NO_SESSIONS)
    table = data.query("sessions_list", chosen)
    words = ORDERS[chosen["sort_by"]].lower()
    total = tables.limited(table.num_rows, matching, "sessions", words)
    st.caption(f"{total}. Click a row to read it.")
    columns = {
        "last_time": tables.moment("Last call"),
        "session_id": tables.column("Session", width=150),
        "input_preview": tables.column("First message", width=240),
        "turns": tables.number("Turns"),
        "length_ms": tables.number("Length"),
        "tokens": tables.number("Tokens"),
        "cost_usd": tables.number("Cost", help="– where it is unknown or nothing was billed"),
        "status": tables.column("Status", width=75),
        "user_id": tables.column("User", width=100, spare=True),
        "service_name": tables.column("Service", width=110, spare=True),
    }
    formats = {"length_ms": fmt.duration, "cost_usd": fmt.money}
    row = tables.table(table, columns, key="sessions", click=True, height=600, formats=formats)
    if row is not None:
        set_url(session=table["session_id"][row].as_py())
        st.rerun()


def _draw_session(session_id: str, scope: Scope) -> None:
    turns = data.rows("sessions_turns", {"session_id": session_id})
    if not turns:
        raise EmptyPanel(f"There is no session {fmt.label(session_id)} in this store. It may have been expired.")
    costs = [turn["cost_usd"] for turn in turns if turn["cost_usd"] is not None]
    unpriced = sum(turn["unpriced_calls"] for turn in turns)
    facts = {
        "Started": fmt.clock(turns[0]["start_time"]),
        "Turns": f"{turns[0]['total']:,}",
        "Model calls": f"{sum(turn['llm_calls'] for turn in turns):,}",
        "Tokens": fmt.count(sum(turn["tokens"] or 0 for turn in turns)),
        "Cost": (fmt.money(sum(costs)) if costs else fmt.UNKNOWN) + (f" + {unpriced:,} unpriced" if unpriced else ""),
        "User": turns[0]["user_id"],
        "Service": turns[0]["service_name"],
    }
    with st.container(horizontal=True, gap="medium", key="facts"):
        for name, value in facts.items():
            if value:
                st.markdown(f":gray[{name}] {fmt.label(value, 48)}", width="content")
    with st.container(key="panel-turns", gap="small"):
        head("turns", "Turns", scope, ["sessions_turns"], lambda _: {"session_id": session_id})
        with st.container(key="chat"):
            for place, turn in enumerate(turns):
                _turn(place, turn, scope)
            tables.say_hidden(len(turns), turns[0]["total"], "turns", "first")


def _turn(place: int, turn: dict[str, Any], scope: Scope) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key=f"head-turn-{place}"
    ):
        parts = [fmt.clock(turn["start_time"]), fmt.duration(turn["duration_ms"])]
        if turn["cost_usd"] is not None:
            parts.append(fmt.money(turn["cost_usd"]))
        st.caption(fmt.label(" · ".join(parts), 120), width="content")
        if turn["errors"]:
            st.badge(f"{turn['errors']:,} failed", icon=":material/error:", color="red")
        links.link("traces", "Trace", scope, trace=turn["trace_id"])
    for role, avatar, text in (
        ("user", ":material/person:", turn["input_preview"]),
        ("assistant", ":material/smart_toy:", turn["output_preview"]),
    ):
        if text:
            with st.chat_message(role, avatar=avatar):
                messages.text(text)


def _back() -> None:
    set_url(session=None)


def _render() -> None:
    session_id = st.query_params.get("session")
    if session_id:
        scope = Scope.from_url()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Sessions", icon=":material/arrow_back:", on_click=_back, key="_back")
            st.subheader(fmt.label(session_id, 90), anchor=False, width="content")
        st.caption("The beginning of what went in and came out of each turn; its trace has the whole text.")
        guarded(lambda scope: _draw_session(session_id, scope), scope)
        return
    found = header("Sessions", "Who talked with the app, for how long, and what was said?", search=True)
    if found is None:
        return
    apart(_draw_cards, found, "sessions_cards")
    panel(
        "time",
        "Active sessions",
        _draw_over_time,
        found,
        queries=["sessions_cards"],
        note="click a bar for its traces",
        height=150,
    )
    choices.segmented("sort", "Order", ORDERS, "newest")
    panel(
        "list",
        "Sessions",
        _draw_list,
        found,
        queries=["sessions_chosen"],
        more=_parameters,
        further=_of_chosen,
        height=600,
    )


_render()
