"""Weights & Biases Weave: its conversation SDK writes GenAI keys; its OTLP endpoint also reads a few of its own.

Source: weave 0.54 ``conversation`` and the integrations that emit spans (OpenAI Agents, Google ADK).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import rules
from .messages import input_messages, output_messages
from .otel_genai import FIELDS, apply_events, infer_operation
from .values import as_str

RULES = rules.extend(
    FIELDS,
    ("session_id", as_str, ("gen_ai.conversation.id", "wandb.thread_id", "weave.thread_id")),
    ("input_messages", input_messages, ("gen_ai.input.messages", "input.value")),
    ("output_messages", output_messages, ("gen_ai.output.messages", "output.value")),
)


class Weave:
    """Spans of Weave's conversation SDK and OpenTelemetry integrations."""

    name = "weave"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims ``weave.*`` scopes (not its server's) and spans marked for Weave's threads."""
        ours = scope_name.startswith("weave.") and scope_name != "weave.trace_server"
        return ours or "wandb.thread_id" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields."""
        out = rules.apply(RULES, span.attributes)
        if span.events:
            apply_events(out, span)
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        return rules.finish(out, span)
