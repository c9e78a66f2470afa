"""HTML of our own: one element where Streamlit's would be ten, each a message. Every text that goes in is escaped.

Links and buttons in it say what they want in ``data-go`` and ``data-sql``; ``wishes.js`` takes it to the server.
"""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from spanloft_dashboard.components import format as fmt
from spanloft_dashboard.components.scope import Scope
from spanloft_dashboard.navigation import path_of


class Markup:
    """HTML that Streamlit takes as it is, without looking for a file of that name or taking out blanks."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


def put(text: str, *, script: bool = False) -> None:
    """Draw HTML; with ``script`` what it holds in script tags runs, so nothing foreign may be in it."""
    st.html(Markup(text), unsafe_allow_javascript=script)


def esc(text: object, limit: int = 200) -> str:
    """Foreign text of at most ``limit`` characters on one line, as HTML that shows it and nothing else."""
    return html.escape(fmt.shorten(str(text), limit))


def icon(name: str) -> str:
    """A sign of the font that Streamlit brings, by its name there."""
    return f'<i class="sl-icon" aria-hidden="true" translate="no">{name}</i>'


def badge(text: object, color: str = "gray", sign: str = "") -> str:
    """A short word on a colour: red, orange, green, blue or gray."""
    return f'<span class="sl-badge {color}">{icon(sign) if sign else ""}{esc(text)}</span>'


def link(name: str, words: str, scope: Scope, *, look: str = "sl-link", **query: Any) -> str:
    """A link to a page with the same filters, changed by ``query``; ``words`` is HTML, so escape foreign text in it."""
    return anchor(name, words, scope.url(**query), f'class="{look}"')


def anchor(name: str, words: str, query: dict[str, Any], attributes: str = "") -> str:
    """A link to a page with these query parameters; ``words`` and ``attributes`` are HTML."""
    address = f"./{path_of(name)}?{urlencode(query, doseq=True)}".removesuffix("?")
    return f'<a {attributes} data-go="{name}" href="{html.escape(address)}">{words}</a>'
