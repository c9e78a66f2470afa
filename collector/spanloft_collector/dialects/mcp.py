"""The Model Context Protocol SDK's own spans (client and server): ``mcp.method.name``.

Source: mcp 2.3 ``server/_otel.py``, ``shared/jsonrpc_dispatcher.py``. Only tool calls are GenAI operations; what a
client and its server report of one call are two spans, neither of them billable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import rules
from .otel_genai import FIELDS
from .values import as_str

RULES = rules.extend(FIELDS, ("session_id", as_str, ("mcp.session.id",)))


class MCP:
    """Native spans of the MCP SDK."""

    name = "mcp"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with an MCP method."""
        return "mcp.method.name" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; the tool of a client's span is in its name."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        if attributes.get("mcp.method.name") == "tools/call":
            out["operation"] = "execute_tool"
            _, found, target = span.name.partition("tools/call ")
            rules.drop_empty(out, tool_name=target if found else None)
        return rules.finish(out, span)
