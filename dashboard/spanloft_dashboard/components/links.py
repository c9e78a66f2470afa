"""Ways from one page to another: always with the filters, and one way to open a trace."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import streamlit as st

from spanloft_dashboard.components.scope import Scope, iso
from spanloft_dashboard.navigation import page_file


def go(name: str, scope: Scope, **query: Any) -> None:
    """Go to a page with the filters of ``scope``, changed by ``query``."""
    st.switch_page(page_file(name), query_params=scope.url(**query))


def open_trace(scope: Scope, rows: pa.Table, row: int | None) -> None:
    """Open the trace of a clicked row; the row has ``trace_id``, ``start_time`` and perhaps ``span_id``."""
    if row is None or row >= rows.num_rows:
        return
    chosen = rows.slice(row, 1).to_pylist()[0]
    go("traces", scope, trace=chosen["trace_id"], span=chosen.get("span_id"), at=iso(chosen["start_time"]))


def link(
    name: str,
    label: str,
    scope: Scope,
    *,
    arrow: bool = True,
    width: Literal["stretch", "content"] = "content",
    **query: Any,
) -> None:
    """A small link to another page with the same filters; ``label`` is Markdown, so escape foreign text in it."""
    st.page_link(
        page_file(name),
        label=label,
        icon=":material/arrow_forward:" if arrow else None,
        icon_position="right",
        query_params=scope.url(**query),
        width=width,
    )
