"""The switches by which each family of instrumentors is told whether to record message texts."""

from __future__ import annotations

import os

from .config import CONTENT_VARIABLE

_GENAI_MODES = frozenset({"NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"})
_OFF = {
    CONTENT_VARIABLE: "NO_CONTENT",
    "OPENINFERENCE_HIDE_INPUTS": "true",
    "OPENINFERENCE_HIDE_OUTPUTS": "true",
    "OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS": "true",
    "TRACELOOP_TRACE_CONTENT": "false",
}
_DEFAULTS = {"OPENINFERENCE_HIDE_EMBEDDINGS_VECTORS": "true"}
"""Vectors are large and say nothing to a reader; the texts they were made of are kept."""


UNSWITCHED_FIELDS = (
    *("crew_tasks", "crew_agents", "crew_inputs"),  # OpenInference's crewai
    *("inputs", "output", "payload", "llm.generated_message"),  # Promptflow
)
"""Attributes that hold texts whatever the switches say; without content they are redacted as a whole."""


class ContentSwitches:
    """Sets the instrumentors' variables before they read them; :meth:`restore` puts the user's values back."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def apply(self, capture: bool) -> None:
        """Switches message texts on or off. On keeps a valid choice of the user's between spans and events."""
        for name, value in _DEFAULTS.items():
            if name not in os.environ:
                self._set(name, value)
        if not capture:
            for name, value in _OFF.items():
                self._set(name, value)
            return
        mode = os.environ.get(CONTENT_VARIABLE, "").strip().upper()
        # "true", all over the web, captures nothing since the modes exist. NO_CONTENT got here by an argument or
        # SPANLOFT_CAPTURE_CONTENT=true, which say more.
        if mode not in _GENAI_MODES or mode == "NO_CONTENT":
            self._set(CONTENT_VARIABLE, "SPAN_ONLY")

    def restore(self) -> None:
        """Puts every variable back as it was."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()

    def _set(self, name: str, value: str) -> None:
        self._before.setdefault(name, os.environ.get(name))
        os.environ[name] = value
