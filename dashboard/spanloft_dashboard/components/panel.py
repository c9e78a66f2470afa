"""A panel: title, the SQL behind it, and a body that loads and fails on its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from spanloft_collector.errors import SpanloftError

from spanloft_dashboard import data
from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.live import fragment, live
from spanloft_dashboard.components.scope import Scope

log = logging.getLogger(__name__)

Draw = Callable[[Scope], None]


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
) -> None:
    """Draw a panel in a fragment of its own, in parallel with its neighbours.

    Args:
        key: unique on the page.
        title: what the panel shows, with its unit.
        draw: draws the body; ``EmptyPanel`` and errors become a sentence.
        scope: time range and filters.
        queries: names of the queries behind it, for "SQL".
        note: a short sentence beside the title.
        height: height in pixels of the placeholder while it loads.
        more: gives the parameters of the queries, for "SQL".
    """

    def body() -> None:
        with st.container(key=f"panel-{key}", gap="xsmall", height="stretch"):
            head(key, title, scope, queries, more, note=note)
            # While the page plays, the old content stands until the new is there: a placeholder would flicker.
            with st.container() if live() else st.skeleton(height=height):
                guarded(draw, scope)

    fragment(body)


def apart(draw: Draw, scope: Scope, height: int = 150) -> None:
    """Draw something without a frame in a fragment of its own, in parallel with the panels."""

    def body() -> None:
        with st.container() if live() else st.skeleton(height=height):
            guarded(draw, scope)

    fragment(body)


def head(
    key: str,
    title: str,
    scope: Scope,
    queries: Sequence[str],
    more: Callable[[Scope], Mapping[str, Any]],
    *,
    note: str = "",
) -> None:
    """Draw the first line of a panel: title, note and the button with its SQL; see ``panel``."""
    with st.container(
        key=f"head-{key}",
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
    ):
        # One element and not two in a row of their own: a page has ten heads, and each element is a message.
        st.markdown(f"**{title}**" + (f" :small[:gray[{fmt.label(note, 200)}]]" if note else ""), width="content")
        if queries:
            show_sql(key, scope, queries, more)


def show_sql(key: str, scope: Scope, queries: Sequence[str], more: Callable[[Scope], Mapping[str, Any]]) -> None:
    """A small button that opens the queries behind a panel, ready for the DuckDB shell.

    Its content is made when it opens, in a fragment of its own: on most views nobody asks for it.
    """

    def body() -> None:
        shown = st.popover(
            "SQL", type="tertiary", help="The query behind this panel", key=f"sql-{key}", on_change="rerun"
        )
        if shown.open:
            with shown:
                _queries(scope, queries, more)

    st.fragment(body)()


def _queries(scope: Scope, queries: Sequence[str], more: Callable[[Scope], Mapping[str, Any]]) -> None:
    try:
        parameters = more(scope)
        for name in queries:
            st.code(data.query_text(name, parameters), language="sql", wrap_lines=True)
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
