"""A panel: title, the SQL behind it, and a body that loads and fails on its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import streamlit as st
from spanloft_collector.errors import SpanloftError

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.live import fragment, live
from spanloft_dashboard.components.markup import esc, put
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.scripts import component

log = logging.getLogger(__name__)

Draw = Callable[[Scope], None]
Further = Callable[[Scope], Mapping[str, Mapping[str, Any]]]
"""Queries, with their parameters, that a panel asks with the answers of its first ones."""
_BEHIND = "_behind"

_mount = component("wishes")


def panel(
    key: str,
    title: str,
    draw: Draw,
    scope: Scope,
    *,
    queries: Sequence[str] = (),
    note: str = "",
    height: int = 240,
    more: Callable[[Scope], Mapping[str, Any]] = Scope.parameters,
    further: Further | None = None,
) -> None:
    """Draw a panel in a fragment of its own, in parallel with its neighbours where its queries have to be waited for.

    Args:
        key: unique on the page.
        title: what the panel shows, with its unit.
        draw: draws the body; ``EmptyPanel`` and errors become a sentence.
        scope: time range and filters.
        queries: names of the queries behind it, for "SQL".
        note: a short sentence beside the title.
        height: height in pixels of the placeholder while it loads.
        more: gives the parameters of the queries.
        further: gives the queries that follow from the answers of these; only asked for "SQL".
    """
    ready = _ready(queries, scope, more)

    def body() -> None:
        with st.container(key=f"panel-{key}", gap="xsmall", height="stretch"):
            head(key, title, scope, queries, more, note=note, further=further)
            with _waiting(height, ready):
                guarded(draw, scope)

    fragment(body, parallel=not ready)


def apart(draw: Draw, scope: Scope, query: str, height: int = 150) -> None:
    """Draw something without a frame in a fragment of its own, in parallel with the panels; ``query`` is behind it."""
    ready = _ready([query], scope, Scope.parameters)

    def body() -> None:
        with _waiting(height, ready):
            guarded(draw, scope)

    fragment(body, parallel=not ready)


def _ready(queries: Sequence[str], scope: Scope, more: Callable[[Scope], Mapping[str, Any]]) -> bool:
    """Whether nothing has to be waited for: then a thread of its own would only cost."""
    try:
        parameters = more(scope)
        return all(data.known(name, parameters) for name in queries)
    except SpanloftError:
        return False


def _waiting(height: int, ready: bool) -> AbstractContextManager[object]:
    """A placeholder where something has to be waited for. While the page plays, the old content stands instead."""
    return nullcontext() if ready or live() else st.skeleton(height=height)


def head(
    key: str,
    title: str,
    scope: Scope,
    queries: Sequence[str] = (),
    more: Callable[[Scope], Mapping[str, Any]] = Scope.parameters,
    *,
    note: str = "",
    further: Further | None = None,
) -> None:
    """Draw the first line of a panel: title, note and the button with its SQL; see ``panel``."""
    words = f"<b>{esc(title)}</b>" + (f" <small>{esc(note)}</small>" if note else "")
    put(f'<div class="sl-head"><p>{words}</p>{sql_button(key, title, scope, queries, more, further)}</div>')


class Behind(NamedTuple):
    """What is behind a panel: its title, queries with what gives their parameters, and those that follow from them."""

    title: str
    scope: Scope
    queries: Sequence[str]
    more: Callable[[Scope], Mapping[str, Any]]
    further: Further | None


def sql_button(
    key: str,
    title: str,
    scope: Scope,
    queries: Sequence[str],
    more: Callable[[Scope], Mapping[str, Any]],
    further: Further | None = None,
) -> str:
    """HTML of a small button that shows the queries behind a panel, ready for the DuckDB shell.

    They are written when somebody asks for them; see ``answer``.
    """
    if not queries:
        return ""
    st.session_state.setdefault(_BEHIND, {})[key] = Behind(title, scope, queries, more, further)
    words = f'title="The query behind this panel" aria-label="SQL behind {esc(title)}"'
    return f'<button class="sl-sql" data-sql="{esc(key)}" {words}>SQL</button>'


def answer() -> None:
    """Show the queries that were asked for by a button of ``sql_button``, in a fragment of its own."""

    def body() -> None:
        asked = _mount(key="ask", data="sql", on_wish_change=lambda: None).get("wish")
        found = st.session_state.get(_BEHIND, {}).get(asked)
        if found is not None:
            st.dialog(f"SQL: {fmt.label(found.title)}", width="large")(_queries)(found)

    st.fragment(body)()


def _queries(behind: Behind) -> None:
    try:
        parameters = behind.more(behind.scope)
        for name in behind.queries:
            st.code(data.query_text(name, parameters), language="sql", wrap_lines=True)
        for name, values in (behind.further(behind.scope) if behind.further else {}).items():
            st.code(data.query_text(name, values), language="sql", wrap_lines=True)
        st.caption(fmt.label(data.shell_command(), 200))
    except SpanloftError as error:
        st.text(str(error))


class EmptyPanel(Exception):
    """Raised by a panel's body when there is nothing to show; the message says what is missing."""


def guarded(draw: Draw, scope: Scope) -> None:
    """Draw, and turn what goes wrong into a sentence. A stack trace goes to the log only."""
    try:
        draw(scope)
    except EmptyPanel as empty:
        with st.container(height=160, border=False, vertical_alignment="center", horizontal_alignment="center"):
            st.caption(str(empty) or "No calls match in this period.", text_alignment="center")
    except SpanloftError as error:
        failed(str(error))
    except Exception:
        log.exception("a panel failed")
        failed("This panel could not be drawn. The reason is in the dashboard's log.")


def failed(message: str) -> None:
    """A card that says what went wrong, as plain text."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":material/error: **This could not be loaded**", width="content")
        st.text(fmt.visible(message[:1000]))
