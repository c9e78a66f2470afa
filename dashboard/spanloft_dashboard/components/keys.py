"""Keyboard: ``/`` goes to the search, ``?`` lists the keys, ``j`` and ``k`` step through the spans of a trace."""

from __future__ import annotations

from spanloft_dashboard.components.markup import icon

HELP = {
    "/": "go to the search",
    "j, k": "next and previous span of a trace",
    "r": "load again",
    "?": "this list",
}


def keys_button() -> str:
    """HTML of the button that lists the keys; see ``keys.js``."""
    rows = "".join(f"<div><kbd>{key}</kbd> {meaning}</div>" for key, meaning in HELP.items())
    button = f'<button class="sl-help-keys" title="Keys (?)" aria-label="Keys">{icon("keyboard")}</button>'
    return f'<span class="sl-keys-frame">{button}<div class="sl-keys" role="status" hidden>{rows}</div></span>'
