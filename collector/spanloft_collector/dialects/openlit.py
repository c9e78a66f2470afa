"""OpenLIT: GenAI keys with a few of its own, defaults written as if they had been set, and cost 0 for unknown.

Source: openlit 1.45 and 1.34. Anthropic's input excludes cached tokens (settled in ``pricing.usage``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, Message, RawSpan
from . import rules
from .otel_genai import FIELDS, apply_events, infer_operation
from .parts import text_part
from .values import as_json, as_str

RULES = rules.extend(
    FIELDS,
    ("user_id", as_str, ("gen_ai.request.user",)),
    ("tool_arguments", as_json, ("gen_ai.tool.call.arguments", "gen_ai.tool.args", "gen_ai.tool.input")),
    ("tool_result", as_json, ("gen_ai.tool.call.result", "gen_ai.tool.output", "gen_ai.tool.result")),
)
_ROLES = ("system", "developer", "user", "assistant", "tool")


class OpenLIT:
    """Spans of OpenLIT instrumentors."""

    name = "openlit"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims ``openlit.*`` scopes and spans that name OpenLIT as their SDK."""
        return scope_name.startswith("openlit") or attributes.get("telemetry.sdk.name") == "openlit"

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; older versions' ``role: text`` prompts are taken apart."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        if out.get("operation") != "execute_tool":
            # The tool that the model asked for, not one that this span ran.
            for field in ("tool_name", "tool_call_id", "tool_arguments", "tool_result"):
                out.pop(field, None)
        completion = as_str(attributes.get("gen_ai.completion"))
        rules.drop_empty(
            out,
            input_messages=_prompt(attributes.get("gen_ai.prompt")),
            output_messages=[{"role": "assistant", "parts": [text_part(completion)]}] if completion else None,
        )
        if span.events:
            apply_events(out, span)
        return rules.finish(out, span)


def _prompt(value: Any) -> list[Message]:
    """Messages of a prompt that was written as lines of ``role: text``."""
    text = as_str(value)
    if text is None:
        return []
    blocks: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        role, colon, rest = line.partition(": ")
        if colon and role in _ROLES:
            blocks.append((role, [rest]))
        elif blocks:
            blocks[-1][1].append(line)
        else:
            blocks.append(("user", [line]))
    return [
        {"role": "system" if role == "developer" else role, "parts": [text_part("\n".join(lines))]}
        for role, lines in blocks
    ]
