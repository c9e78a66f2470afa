"""The anthropic SDK's own spans (2.x traces itself): GenAI keys, with Anthropic's for what these lack.

Source: anthropic 2.12 ``_tracing.py``. Its input includes cached tokens. Counting tokens and managing sessions or
batches are spans too, but no calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import names, rules
from .otel_genai import FIELDS
from .values import as_count, as_str

_CREATION = "anthropic.usage.cache_creation.ephemeral_"
RULES = rules.extend(
    FIELDS,
    ("finish_reason", names.finish_reason, ("anthropic.message.stop_reason",)),
    ("cache_write_1h_tokens", as_count, (f"{_CREATION}1h_input_tokens",)),
    ("session_id", as_str, ("gen_ai.conversation.id", "anthropic.session.id")),
    ("service_tier", names.service_tier, ("anthropic.response.service_tier",)),
)


class AnthropicSDK:
    """Native spans of the anthropic SDK."""

    name = "anthropic"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims the SDK's scope."""
        return scope_name == "com.anthropic.sdk.python"

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; cache writes are summed up where only their lifetimes are stated."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        short = as_count(attributes.get(f"{_CREATION}5m_input_tokens"))
        if short is not None:
            rules.drop_empty(out, cache_write_tokens=short + out.get("cache_write_1h_tokens", 0))
        return rules.finish(out, span)
