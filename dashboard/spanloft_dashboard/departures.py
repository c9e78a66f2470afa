"""Viewers who leave a page while it runs: nothing to report."""

from __future__ import annotations

import threading

from streamlit.runtime.scriptrunner_utils.exceptions import ScriptControlException


def keep_quiet() -> None:
    """Let a thread that ends because its viewer left print no traceback to the server's console.

    Streamlit shows skeletons by a timer, a thread of its own, and stops it by an exception that nobody catches.
    """
    threading.excepthook = _excepthook


def _excepthook(arguments: threading.ExceptHookArgs) -> None:
    if not isinstance(arguments.exc_value, ScriptControlException):
        threading.__excepthook__(arguments)
