"""The top of every page: title, time range, filters, freshness."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import AbstractContextManager

import streamlit as st
from spanloft_collector.errors import SpanloftError

from spanloft_dashboard import data
from spanloft_dashboard.components import empty
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.keys import keys_button
from spanloft_dashboard.components.live import fragment, play_button
from spanloft_dashboard.components.markup import badge, esc, put
from spanloft_dashboard.components.scope import ALL, CUSTOM, DEFAULT, FILTERS, RANGES, Scope, iso, set_url

STALE_SECONDS = 3600
FACET_LIMIT = 60


def header(
    title: str,
    question: str,
    *,
    search: bool = False,
    filters: Sequence[str] = FILTERS,
    ranges: bool = True,
    live: bool = False,
) -> Scope | None:
    """Draw the top of a page and return its scope; None when there is nothing to show below.

    Args:
        title: name of the page.
        question: one sentence saying what the page answers.
        search: whether the page has a text search.
        filters: filters that the page obeys.
        ranges: whether the page obeys the time range.
        live: whether new calls can appear on the page by themselves.
    """
    scope = Scope.from_url()
    try:
        extent, wrong = data.first("common_extent"), None
    except SpanloftError as error:
        extent, wrong = {}, str(error)
    with _line("top"):
        st.title(title, anchor=False, width="content")
        if ranges and extent.get("spans"):
            _ranges(scope, live)
    with _line("under"):
        st.caption(question, width="content")
        if extent.get("spans"):
            fragment(_freshness, parallel=False)
    if wrong is not None:
        empty.broken(wrong)
        return None
    if not extent.get("spans"):
        empty.onboarding()
        return None
    if filters or search:
        _filters_apart(scope, search, filters)
    return scope


def _line(key: str) -> AbstractContextManager[object]:
    """A line whose ends lie left and right, and which wraps where it is too long."""
    return st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small", key=key
    )


def _ranges(scope: Scope, live: bool) -> None:
    options = [*RANGES, ALL]
    st.session_state["_range"] = scope.range if scope.range != CUSTOM else None
    with st.container(
        horizontal=True,
        horizontal_alignment="right",
        vertical_alignment="center",
        gap="xsmall",
        key="range",
        width="content",
    ):
        st.segmented_control(
            "Time range", options, key="_range", label_visibility="collapsed", on_change=_range_changed, width="content"
        )
        label = "Custom"
        if scope.range == CUSTOM and scope.since and scope.until:
            label = f"{scope.since:%d %b %H:%M} – {scope.until:%d %b %H:%M} UTC"
        shown = st.popover(label, icon=":material/calendar_month:", key="_period_open", on_change="rerun")
        if shown.open:
            with shown:
                _custom(scope)
        if live:
            play_button(scope)
        if st.button("", icon=":material/refresh:", help="Load again (R)", key="_refresh"):
            data.forget()
            st.rerun()


def _range_changed() -> None:
    chosen = st.session_state["_range"]
    set_url(**{"range": None if chosen in (None, DEFAULT) else chosen, "from": None, "to": None})


def _custom(scope: Scope) -> None:
    window = scope.window()
    for key, moment in (("_from", window.since), ("_to", window.until)):
        if scope.range == CUSTOM or key not in st.session_state:
            st.session_state[key] = moment.replace(second=0, microsecond=0)
    with st.form("custom", border=False):
        st.datetime_input("Start (UTC)", key="_from", step=60)
        st.datetime_input("End (UTC)", key="_to", step=60)
        st.form_submit_button("Show this period", on_click=_custom_chosen, type="primary")


def _custom_chosen() -> None:
    since, until = st.session_state["_from"], st.session_state["_to"]
    if since and until and since < until:
        set_url(**{"from": iso(since), "to": iso(until), "range": None})


def _freshness() -> None:
    extent = data.first("common_extent")
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    age = (now - extent["last_time"]).total_seconds()
    sample = ""
    if extent.get("sample_spans"):
        about = "Some of these calls come with Spanloft and are not yours."
        sample = f'<span title="{about}">{badge("Sample data", "orange", "science")}</span>'
    newest = badge(f"Newest call {fmt.ago(age)} ago", "gray" if age > STALE_SECONDS else "green")
    zone = fmt.viewer_zone().key.replace("_", " ")
    moment = f"<small>As of {fmt.local(now):%H:%M:%S} · {esc(zone)}</small>"
    put(f'<div class="sl-fresh">{sample}{newest}{moment}{keys_button()}</div>')


def _filters_apart(scope: Scope, search: bool, filters: Sequence[str]) -> None:
    """Filters beside the panels, which don't wait until their choices are counted. What changes them runs the page."""

    def body() -> None:
        if Scope.from_url() != scope:
            st.rerun()
        _filters(scope, search, filters)

    st.fragment(body)()


def _filters(scope: Scope, search: bool, filters: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="filters"):
        if search:
            st.session_state["_q"] = scope.text
            st.text_input(
                "Search",
                key="_q",
                placeholder="Search names, previews, errors, ids",
                label_visibility="collapsed",
                on_change=lambda: set_url(q=st.session_state["_q"]),
                width=300,
                icon=":material/search:",
            )
        for name in filters:
            _filter(name, scope)
        if scope.filters or scope.text:
            st.button("Clear", icon=":material/close:", type="tertiary", on_click=_clear, key="_clear")


def _facets(scope: Scope) -> dict[str, list[tuple[str, int]]]:
    try:
        found = data.rows("common_facets", scope.parameters())
    except SpanloftError:
        return {}
    facets: dict[str, list[tuple[str, int]]] = {}
    for row in found:
        facets.setdefault(row["facet"], []).append((row["value"], row["spans"]))
    return facets


def _filter(name: str, scope: Scope) -> None:
    """A filter's button; what there is to choose is counted when it opens."""
    chosen = list(scope.filters.get(name, ()))
    label = name.capitalize()
    if chosen:
        label = f"{label}: {fmt.label(chosen[0], 24)}" + (f" +{len(chosen) - 1}" if len(chosen) > 1 else "")
    shown = st.popover(label, type="secondary", key=f"_{name}_open", on_change="rerun")
    if shown.open:
        with shown:
            _choices(name, scope, chosen)


def _choices(name: str, scope: Scope, chosen: list[str]) -> None:
    facet = _facets(scope).get(name, [])
    counts = dict(facet)
    options = [value for value, _ in facet] + [value for value in chosen if value not in counts]
    st.session_state[f"_{name}"] = chosen
    if not options:
        st.caption("Nothing to choose in this period.")
    st.pills(
        name.capitalize(),
        options,
        selection_mode="multi",
        key=f"_{name}",
        on_change=_filter_changed,
        args=(name,),
        format_func=lambda value: f"{fmt.label(value, 48)} · {counts.get(value, 0):,}",
        label_visibility="collapsed",
    )


def _filter_changed(name: str) -> None:
    set_url(**{name: st.session_state[f"_{name}"]})


def _clear() -> None:
    set_url(**dict.fromkeys(FILTERS), q=None)
