"""The sidebar: the name and the links to the pages. A link keeps the time range and the filters of where it stands."""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st

from spanloft_dashboard.components.markup import anchor, icon, put
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.components.scripts import component
from spanloft_dashboard.navigation import ENTRIES, SECTIONS, page_file

_mount = component("wishes")


def follow() -> None:
    """Go where a link in our HTML was clicked to; stands before everything that takes time."""
    wish = _mount(key="go", data="go", on_wish_change=lambda: None).get("wish")
    if isinstance(wish, dict) and wish.get("page") in {entry.file for entry in ENTRIES}:
        st.switch_page(page_file(wish["page"]), query_params=parse_qs(str(wish.get("query", ""))))


def sidebar(path: str) -> None:
    """Draw the name and the links, by section.

    Args:
        path: of the page that is shown, without a slash; empty for the start page.
    """
    query = Scope.from_url().url()
    parts = [f'<div class="sl-brand">{icon("stacks")}Spanloft</div>']
    for section, entries in SECTIONS.items():
        links = "".join(
            anchor(
                entry.file,
                f"{icon(entry.icon)}<span>{entry.title}</span>",
                query,
                'aria-current="page"' if entry.path == path else "",
            )
            for entry in entries
        )
        parts.append(f"<p>{section}</p>{links}")
    with st.sidebar:
        put(f'<nav class="sl-nav" aria-label="Pages">{"".join(parts)}</nav>')
