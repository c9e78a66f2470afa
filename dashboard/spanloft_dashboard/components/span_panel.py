"""Details of one span in tabs: messages, attributes, cost, signals, raw, copy. Only the open tab is drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from spanloft_dashboard import data
from spanloft_dashboard.components import choices, messages, signals, tables
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.copies import copy_tab
from spanloft_dashboard.components.markup import put
from spanloft_dashboard.components.panel import guarded, sql_button
from spanloft_dashboard.components.scope import Scope, set_url

CONTENT_HINT = (
    "No message content was received for this span. The app may have turned it off "
    "(SPANLOFT_CAPTURE_CONTENT=false), or its instrumentation does not record it."
)
SCALARS = (
    "operation",
    "provider",
    "request_model",
    "response_model",
    "response_id",
    "finish_reason",
    "is_stream",
    "temperature",
    "max_tokens",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "usage_source",
    "token_semantics",
    "ttft_ms",
    "service_tier",
    "user_id",
    "session_id",
    "prompt_name",
    "prompt_version",
    "tool_name",
    "agent_name",
    "server_address",
    "scope_name",
    "dialect",
    "service_name",
    "service_version",
    "environment",
    "duplicate_of",
    "duplicate_rule",
)
SHOWN = (
    "system_instructions",
    "input_messages",
    "output_messages",
    "tool_arguments",
    "tool_result",
    "retrieval_query",
    "retrieval_documents",
)
"""Columns of ``payloads`` that the tab Messages shows."""
NOTES = {
    "exact": "The price list has this model.",
    "pattern": "The price list has no entry of this name; a pattern of the list matched it.",
    "override": "Your own price file has this model.",
    "reported": "The app or the provider reported this cost.",
    "none": "No price was found, so the cost is unknown. It is in no sum.",
}


TABS = {
    "messages": "Messages",
    "attributes": "Attributes",
    "cost": "Cost",
    "signals": "Signals",
    "raw": "Raw",
    "copy": "Copy",
}


def span_panel(span: dict[str, Any], scope: Scope) -> None:
    """Draw the panel of a span; the open tab is a part of the link."""

    @st.fragment
    def body() -> None:
        guarded(lambda scope: _draw(span, scope), scope)

    with st.container(key="panel-span", gap="xsmall", height="stretch"):
        body()


def _draw(span: dict[str, Any], scope: Scope) -> None:
    keys = {"trace_id": span["trace_id"], "span_id": span["span_id"], "at": span["start_time"]}
    payload = data.first("trace_payload", keys)
    _head(span)
    bodies: dict[str, Callable[[], None]] = {
        "messages": lambda: _messages(span, payload),
        "attributes": lambda: _attributes(span, payload),
        "cost": lambda: _cost(span, data.first("trace_cost", keys)),
        "signals": lambda: signals.signals_tab(span, payload, scope),
        "raw": lambda: _raw(span, payload),
        "copy": lambda: copy_tab(span, payload),
    }
    queries = {"cost": ("trace_cost",), "signals": signals.QUERIES}
    for tab, name in zip(_tabs(), TABS, strict=True):
        with tab:
            if tab.open:
                bodies[name]()
                behind = queries.get(name, ("trace_payload",))
                button = sql_button(f"span-{name}", name, scope, behind, lambda _: signals.parameters(span))
                put(f'<div class="sl-foot">{button}</div>')


def _tabs() -> Sequence[Any]:
    """The tabs, the one of the link open."""
    st.session_state["_tab"] = TABS[choices.chosen("tab", TABS, "messages")]

    def changed() -> None:
        chosen = next(name for name, words in TABS.items() if words == st.session_state["_tab"])
        set_url(tab=None if chosen == "messages" else chosen)

    return st.tabs(list(TABS.values()), key="_tab", on_change=changed)


def _head(span: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="head-span"):
        st.markdown(f"**{fmt.label(span['name'], 60)}**", width="content")
        st.badge(fmt.duration(span["duration_ms"]), color="gray")
        if span["ttft_ms"] is not None:
            st.badge(f"first token {fmt.duration(span['ttft_ms'])}", color="gray")
        if span["cost_usd"] is not None:
            st.badge(fmt.label(fmt.money(span["cost_usd"])), color="violet")
        elif span["price_source"] == "none" and span["status_code"] != "error":
            st.badge("cost unknown", color="gray")
    if span["status_code"] == "error":
        with st.container(key="error-span", gap=None):
            st.markdown(f":material/error: **{fmt.label(span['error_type'] or 'Failed', 80)}**")
            if span["status_message"]:
                messages.text(span["status_message"])


def _messages(span: dict[str, Any], payload: Mapping[str, Any]) -> None:
    # What is long scrolls; a sentence that there is nothing needs no room.
    height: Literal["content"] | int = 640 if any(payload.get(name) for name in SHOWN) else "content"
    with st.container(height=height, border=False, key="chat", autoscroll=False):
        found = messages.conversation(payload)
        found = messages.tool(payload) or found
        found = messages.retrieval(payload) or found
        if not found:
            hint = CONTENT_HINT if span["operation"] else "This span is not a model call; it carries no messages."
            st.caption(hint)


def _attributes(span: dict[str, Any], payload: Mapping[str, Any]) -> None:
    known = [{"attribute": key, "value": _text(span.get(key))} for key in SCALARS if span.get(key) not in (None, [])]
    _list("Canonical", known, "canonical")
    for title, key in (("Span attributes, as received", "attributes"), ("Resource", "resource")):
        found = messages.parse(payload.get(key))
        if isinstance(found, Mapping) and found:
            _list(
                title,
                [{"attribute": fmt.visible(str(name)), "value": _text(value)} for name, value in found.items()],
                key,
            )
    events = messages.parse(payload.get("events"))
    if events:
        st.caption("Events")
        messages.block(events)


def _list(title: str, rows: list[dict[str, str]], key: str) -> None:
    st.caption(title)
    columns = {"attribute": tables.column("Attribute", width=220), "value": tables.column("Value", width=420)}
    tables.table(tables.from_rows(rows), columns, key=f"attributes-{key}", height=tables.height_of(len(rows), 12))


def _text(value: Any) -> str:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return fmt.shorten(written, 2_000)


def _cost(span: dict[str, Any], cost: Mapping[str, Any]) -> None:
    if span["duplicate_of"]:
        rule = fmt.label(span["duplicate_rule"] or "")
        st.caption(f"This call is counted on span {fmt.label(span['duplicate_of'])} ({rule}).")
        return
    source = cost.get("price_source") or span["price_source"]
    if source is None and span["cost_usd"] is None:
        st.caption("This span is not billed: only calls to a model are.")
        return
    total = cost.get("cost_usd") if cost else span["cost_usd"]
    st.markdown(f"**{fmt.label(fmt.money(total))}**" if total is not None else "**Cost unknown**")
    st.caption(NOTES.get(source or "none", fmt.label(source)))
    if cost.get("price_note"):
        st.text(fmt.visible(str(cost["price_note"])))
    parts = [
        ("uncached input", cost.get("uncached_input_tokens"), cost.get("input_cost_usd")),
        ("cache read", cost.get("cache_read_tokens"), cost.get("cache_read_cost_usd")),
        ("cache write", cost.get("cache_write_tokens"), cost.get("cache_write_cost_usd")),
        ("output", cost.get("output_tokens"), cost.get("output_cost_usd")),
        ("other", None, cost.get("other_cost_usd")),
    ]
    rows = [
        {"part": name, "tokens": f"{tokens:,}" if tokens is not None else "–", "cost": fmt.money(usd)}
        for name, tokens, usd in parts
        if tokens or usd
    ]
    if rows:
        tables.table(
            tables.from_rows(rows),
            {
                "part": tables.column("Component"),
                "tokens": tables.column("Tokens", alignment="right"),
                "cost": tables.column("US dollars", alignment="right"),
            },
            key="components",
        )
    facts = [
        ("price list", cost.get("price_version") or span["price_version"]),
        ("matched model", cost.get("price_model")),
        ("price valid from", cost.get("price_date")),
        ("token counts", cost.get("usage_source") or span["usage_source"]),
        ("cost as reported", None if span["reported_cost_usd"] is None else fmt.money(span["reported_cost_usd"])),
    ]
    st.text("\n".join(f"{name}: {fmt.visible(str(value))}" for name, value in facts if value is not None))


def _raw(span: dict[str, Any], payload: Mapping[str, Any]) -> None:
    whole = dict(span) | {key: messages.parse(value) for key, value in payload.items()}
    whole.pop("total", None)
    messages.block({key: value for key, value in whole.items() if value is not None})
