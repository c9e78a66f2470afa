"""Controls of one page whose value is kept in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from spanloft_dashboard.components.scope import set_url


def chosen(name: str, options: Mapping[str, str], default: str) -> str:
    """Value of a URL parameter; the default when it is absent or not one of ``options``."""
    value = st.query_params.get(name, default)
    return value if value in options else default


def segmented(name: str, label: str, options: Mapping[str, str], default: str) -> str:
    """A row of buttons, one of which is chosen; ``options`` maps values to words."""
    value, bound = _bound(name, options, default)
    st.segmented_control(label, list(options), label_visibility="collapsed", width="content", **bound)
    return value


def selected(name: str, label: str, options: Mapping[str, str], default: str, width: int = 150) -> str:
    """A list to choose one of; ``options`` maps values to words, ``width`` is in pixels."""
    value, bound = _bound(name, options, default)
    st.selectbox(label, list(options), width=width, **bound)
    return value


def _bound(name: str, options: Mapping[str, str], default: str) -> tuple[str, dict[str, Any]]:
    """The value of a control, and the arguments that bind it to the URL."""
    key = f"_choice_{name}"
    value = chosen(name, options, default)
    st.session_state[key] = value

    def changed() -> None:
        now = st.session_state[key]
        set_url(**{name: None if now in (None, default) else now})

    return value, {"key": key, "format_func": options.__getitem__, "on_change": changed}
