"""Live: panels look for new calls by themselves. Playing is a part of the URL, so a link plays as well."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from spanloft_dashboard.components.scope import CUSTOM, Scope, set_url

EVERY_S = 0.8
"""How often a panel looks. Before that an SDK holds a call for up to a second, and the collector for another."""


def live() -> bool:
    """Whether the page plays; a period with an end does not."""
    return st.query_params.get("live") == "1" and Scope.from_url().range != CUSTOM


def fragment(body: Callable[[], None], *, parallel: bool = True) -> None:
    """Run ``body`` as a fragment that is drawn again by itself while the page plays."""
    st.fragment(body, parallel=parallel, run_every=EVERY_S if live() else None)()


def play_button(scope: Scope) -> None:
    """Draw play or pause."""
    playing = live()
    st.button(
        "Pause" if playing else "Live",
        icon=":material/pause:" if playing else ":material/play_arrow:",
        type="primary" if playing else "secondary",
        help="New calls appear by themselves" if not playing else "Stop looking for new calls",
        key="_live",
        disabled=scope.range == CUSTOM,
        on_click=lambda: set_url(live=None if playing else "1"),
    )
