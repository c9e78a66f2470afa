"""A trace: what it took and cost, its waterfall, and everything about the chosen span."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components import links, tables, tree, waterfall
from spanloft_dashboard.components.critical_path import Segment, by_name, critical_path
from spanloft_dashboard.components.panel import EmptyPanel, guarded, head
from spanloft_dashboard.components.scope import Scope, iso, parse_time, set_url
from spanloft_dashboard.components.span_panel import span_panel

BILLABLE = ("chat", "generate_content", "text_completion", "embeddings")


def trace_view(trace_id: str, scope: Scope) -> None:
    """Draw the trace with this id; the span in the URL is the one whose details are shown."""

    @st.fragment
    def body() -> None:
        guarded(lambda scope: _draw(trace_id, scope), scope)

    body()


def _load(trace_id: str) -> list[dict[str, Any]]:
    near = parse_time(st.query_params.get("at"))
    spans = data.rows("trace_spans", {"trace_id": trace_id, "near": near})
    if not spans and near is not None:
        spans = data.rows("trace_spans", {"trace_id": trace_id, "near": None})
    return spans


def _draw(trace_id: str, scope: Scope) -> None:
    st.session_state["_downloads"] = 0
    spans = _load(trace_id)
    if not spans:
        raise EmptyPanel(f"There is no trace {fmt.label(trace_id)} in this store. It may have been expired.")
    roots = tree.build(spans)
    start, length = tree.bounds(spans)
    wanted = st.query_params.get("span")
    by_id = {str(span["span_id"]): span for span in spans}
    selected = wanted if wanted in by_id else _first(roots)
    _title(roots, spans)
    _facts(roots, spans, start, length, scope)
    left, right = st.columns([11, 9], gap="small")
    with left:
        _waterfall(roots, spans, start, length, selected, scope)
        if len(spans) > 1:
            _parts(spans, start, scope)
    with right:
        span_panel(by_id[selected], scope)


def _waterfall(
    roots: list[tree.Branch],
    spans: list[dict[str, Any]],
    start: dt.datetime,
    length: float,
    selected: str,
    scope: Scope,
) -> None:
    drawn = tree.rows(roots, selected)
    path = critical_path(roots, start)
    with st.container(key="panel-waterfall", gap="xsmall"):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            near = {"trace_id": spans[0]["trace_id"], "near": start}
            note = _note(len(drawn), len(spans), spans[0]["total"])
            head("waterfall", "Where the time went", scope, ["trace_spans"], lambda _: near, note=note)
            _step(drawn, selected)
        waterfall.draw(drawn, start, length, selected, key=f"waterfall-{spans[0]['trace_id']}", path=path)
        if len(spans) > 1:
            _explained(path, spans)


def _step(drawn: list[tree.Branch], selected: str) -> None:
    """Draw the buttons to the span above and below, with their keys."""
    ids = [branch.span_id for branch in drawn]
    place = ids.index(selected) if selected in ids else 0
    for key, icon, other in (("k", "keyboard_arrow_up", place - 1), ("j", "keyboard_arrow_down", place + 1)):
        st.button(
            "",
            icon=f":material/{icon}:",
            type="tertiary",
            key=f"_step_{key}",
            shortcut=key,
            help="Previous span" if key == "k" else "Next span",
            disabled=not 0 <= other < len(ids),
            on_click=lambda other=other: set_url(span=ids[other]),
        )


def _explained(path: dict[str, list[Segment]], spans: list[dict[str, Any]]) -> None:
    """'Critical path: chat gpt-5 73 %, find_order 20 %'."""
    found = by_name(path, {str(span["span_id"]): str(span["name"]) for span in spans})
    total = sum(ms for _, ms in found)
    if total:
        words = ", ".join(f"{fmt.label(name, 40)} {fmt.label(fmt.percent(ms / total))}" for name, ms in found[:3])
        others = len(found) - 3
        rest = f" and {others:,} {'other' if others == 1 else 'others'}" if others > 0 else ""
        st.caption(f"Critical path: {words}{rest}. What is not on it could be faster without the trace being so.")


def _parts(spans: list[dict[str, Any]], start: dt.datetime, scope: Scope) -> None:
    """Spans of the same name together: how often, how long, how many tokens, how much."""
    with st.container(key="panel-parts", gap="xsmall"):
        near = {"trace_id": spans[0]["trace_id"], "near": start}
        head("parts", "What it was made of", scope, ["trace_spans"], lambda _: near)
        rows = tree.by_name(spans)
        columns = {
            "name": tables.column("Name", width=190),
            "spans": tables.number("Spans"),
            "duration_ms": tables.number("Time, total"),
            "tokens": tables.number("Tokens"),
            "cost_usd": tables.number("Cost"),
        }
        tables.table(
            tables.from_rows(rows),
            columns,
            key="parts",
            height=tables.height_of(len(rows), 8),
            formats={"duration_ms": fmt.duration, "cost_usd": fmt.money},
        )


def _first(roots: list[tree.Branch]) -> str:
    """The span to show when none is chosen: the first call to a model, since it has the messages; else the root."""
    stack = list(reversed(roots))
    while stack:
        branch = stack.pop()
        if branch.span["operation"] in BILLABLE:
            return branch.span_id
        stack.extend(reversed(branch.children))
    return roots[0].span_id


def _note(drawn: int, loaded: int, total: int) -> str:
    if total > loaded:
        return f"the first {loaded:,} of {total:,} spans"
    return (
        f"{loaded:,} {'span' if loaded == 1 else 'spans'}"
        if drawn == loaded
        else f"{drawn:,} of {loaded:,} spans; ▸ unfolds"
    )


def _title(roots: list[tree.Branch], spans: list[dict[str, Any]]) -> None:
    errors = sum(span["status_code"] == "error" for span in spans)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Traces", icon=":material/arrow_back:", key="_back"):
            set_url(trace=None, span=None, at=None, tab=None)
            st.rerun()
        st.subheader(fmt.label(roots[0].span["name"], 90), anchor=False, width="content")
        if errors:
            st.badge(f"{errors:,} failed", icon=":material/error:", color="red")
        if any(span["environment"] == "sample" for span in spans):
            st.badge("Sample data", icon=":material/science:", color="orange")


def _facts(
    roots: list[tree.Branch], spans: list[dict[str, Any]], start: dt.datetime, length: float, scope: Scope
) -> None:
    root = roots[0].span
    calls = [span for span in spans if span["operation"] in BILLABLE and span["duplicate_of"] is None]
    costs = [span["cost_usd"] for span in calls if span["cost_usd"] is not None]
    unpriced = sum(span["cost_usd"] is None and span["status_code"] != "error" for span in calls)
    tokens = sum((span["input_tokens"] or 0) + (span["output_tokens"] or 0) for span in calls)
    cost = fmt.money(sum(costs)) if costs else fmt.UNKNOWN if unpriced else "none"
    facts = {
        "Started": fmt.clock(start),
        "Duration": fmt.duration(length),
        "Service": root["service_name"],
        "Model calls": f"{len(calls):,}",
        "Tokens": fmt.count(tokens) if calls else None,
        "Cost": cost + (f" + {unpriced:,} unpriced" if unpriced and costs else ""),
        "Trace": root["trace_id"],
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="facts"):
        for name, value in facts.items():
            if value:
                st.markdown(f":gray[{name}] {fmt.label(value, 48)}", width="content")
        # Many instrumentations name user and session on the calls only, not on the root.
        user = next((span["user_id"] for span in spans if span["user_id"]), None)
        session = next((span["session_id"] for span in spans if span["session_id"]), None)
        if user:
            links.link("traces", f":gray[User] {fmt.label(user, 40)}", scope, q=user)
        if session:
            links.link("sessions", f":gray[Session] {fmt.label(session, 40)}", scope, session=session)
        for prompt in data.rows("trace_prompts", {"trace_id": root["trace_id"], "at": start}):
            words = f"{prompt['prompt']} {prompt['version'] or ''}".strip()
            period = _covering(start, scope)
            links.link("prompts", f":gray[Prompt] {fmt.label(words, 40)}", scope, prompt=prompt["prompt_id"], **period)


def _covering(moment: dt.datetime, scope: Scope) -> dict[str, Any]:
    """Query parameters of a period with ``moment`` in it: none where the page's period has it, else the day around."""
    window = scope.window()
    if window.since <= moment < window.until:
        return {}
    half = dt.timedelta(hours=12)
    return {"from": iso(moment - half), "to": iso(moment + half), "range": None}
