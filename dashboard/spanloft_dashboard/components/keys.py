"""Keyboard: ``/`` goes to the search, ``?`` lists the keys, ``j`` and ``k`` step through the spans of a trace."""

from __future__ import annotations

import streamlit as st

HELP = {
    "/": "go to the search",
    "j, k": "next and previous span of a trace",
    "r": "load again",
    "?": "this list",
}

# Streamlit's own shortcuts know letters only. The script is ours and holds no text from outside; it asks for the
# elements at the time of the key, since Streamlit replaces them.
_SCRIPT = """<script>
(() => {
  if (window.spanloftKeys) return;
  window.spanloftKeys = true;
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, [contenteditable=true]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.querySelector(".st-key-_q input");
    const help = document.querySelector(".st-key-_keys button");
    if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
    if (event.key === "?" && help) { event.preventDefault(); help.click(); }
  });
})();
</script>"""


def listen() -> None:
    """Put the listener on the page."""
    st.html(_SCRIPT, unsafe_allow_javascript=True)


def keys_button() -> None:
    """Draw the button that lists the keys."""
    with st.popover("", icon=":material/keyboard:", type="tertiary", help="Keys (?)", key="_keys"):
        st.markdown("  \n".join(f"`{key}` {meaning}" for key, meaning in HELP.items()))
