"""The scripts that draw: they come once a page load, whatever number of charts and lists the page has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
COMPONENTS = ("chart", "list", "waterfall", "wishes")
"""Scripts whose default export draws a component."""
# A component may be there before the script is.
_MOUNT = """export default (component) => {{
  if (window.spanloft) return window.spanloft.{name}(component);
  return new Promise((done) => (window.spanloftWaits ??= []).push(() => done(window.spanloft.{name}(component))));
}};"""


def component(name: str) -> Callable[..., Any]:
    """A component that ``<name>.js`` draws in a ``div`` of the class ``sl-<name>``."""
    mount: Callable[..., Any] = st.components.v2.component(
        f"spanloft_{name}", html=f'<div class="sl-{name}"></div>', js=_MOUNT.format(name=name), isolate_styles=False
    )
    return mount


def source() -> str:
    """All scripts as one, each in a room of its own."""
    rooms = "".join(
        f"window.spanloft.{name} = (() => {{\n{_text(name).replace('export default', 'return')}}})();\n"
        for name in COMPONENTS
    )
    # Streamlit leaves a script out that is not on the page for the first time only by its text.
    return (
        "if (!window.spanloft) {\nwindow.spanloft = {};\n"
        f"{_text('width')}{rooms}(() => {{\n{_text('keys')}}})();\n"
        "(window.spanloftWaits || []).forEach((draw) => draw());\n}"
    )


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.js").read_text()
