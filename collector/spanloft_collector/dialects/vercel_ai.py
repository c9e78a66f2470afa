"""Vercel AI SDK (``ai`` for JavaScript), versions 3 to 6: ``ai.*`` keys, an outer span around each model call.

Only the inner ``doGenerate``, ``doStream`` and ``doEmbed`` spans are calls; the outer ones repeat their sum.
Version 6 states ``inputTokenDetails`` and counts cached tokens inside the input; before it, Anthropic's and
Bedrock's input excluded them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import BILLABLE_OPERATIONS, Canonical, RawSpan
from . import names, rules
from .messages import input_messages, tool_definitions
from .otel_genai import FIELDS
from .parts import text_part, to_part
from .values import as_amount, as_count, as_float, as_json, as_json_any, as_list, as_str, as_texts, part

_VENDORS = {
    "google.vertex": "gcp.vertex_ai",
    "vertex": "gcp.vertex_ai",
    "google.generative-ai": "gcp.gemini",
    "amazon-bedrock": "aws.bedrock",
    "azure-openai": "azure.ai.openai",
}
"""Provider ids whose first segment alone would mislead; other ids are ``vendor.api``."""


def _provider(value: Any) -> str | None:
    text = as_str(value)
    if text is None:
        return None
    for prefix, provider in _VENDORS.items():
        if text.startswith(prefix):
            return provider
    return names.provider_name(text.partition(".")[0]) or names.provider_name(text)


_METADATA = "ai.telemetry.metadata."
RULES = rules.extend(
    FIELDS,
    ("provider", _provider, ("ai.model.provider", "gen_ai.system")),
    ("request_model", as_str, ("ai.model.id",)),
    ("response_model", as_str, ("ai.response.model",)),
    ("response_id", as_str, ("ai.response.id",)),
    ("finish_reason", names.finish_reason, ("ai.response.finishReason", "ai.finishReason")),
    ("max_tokens", as_count, ("ai.settings.maxOutputTokens", "ai.settings.maxTokens")),
    ("temperature", as_float, ("ai.settings.temperature",)),
    ("input_tokens", as_count, ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens")),
    ("output_tokens", as_count, ("ai.usage.outputTokens", "ai.usage.completionTokens")),
    (
        "cache_read_tokens",
        as_count,
        ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
    ),
    ("cache_write_tokens", as_count, ("ai.usage.inputTokenDetails.cacheWriteTokens",)),
    (
        "reasoning_tokens",
        as_count,
        ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    ),
    ("ttft_ms", as_amount, ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")),
    ("user_id", as_str, (f"{_METADATA}userId", f"{_METADATA}user_id", f"{_METADATA}user")),
    (
        "session_id",
        as_str,
        tuple(f"{_METADATA}{key}" for key in ("sessionId", "session_id", "conversationId", "chatId", "threadId")),
    ),
    ("tags", as_texts, (f"{_METADATA}tags",)),
    ("prompt_name", as_str, (f"{_METADATA}promptName", f"{_METADATA}prompt_name")),
    ("prompt_version", as_str, (f"{_METADATA}promptVersion", f"{_METADATA}prompt_version")),
    ("tool_name", as_str, ("ai.toolCall.name",)),
    ("tool_call_id", as_str, ("ai.toolCall.id",)),
    ("tool_arguments", as_json_any, ("ai.toolCall.args", "ai.toolCall.input")),
    ("tool_result", as_json_any, ("ai.toolCall.result", "ai.toolCall.output")),
    ("input_messages", input_messages, ("ai.prompt.messages", "ai.prompt")),
)

_OUTER = ("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject", "ai.embed", "ai.embedMany")


class VercelAI:
    """Spans of the Vercel AI SDK."""

    name = "vercel_ai"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with ``ai.operationId``."""
        return "ai.operationId" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; the outer span is an agent run, not a call."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        name = as_str(attributes.get("ai.operationId")) or ""
        operation = _operation(name)
        out.pop("operation", None)
        rules.drop_empty(out, operation=operation)
        if operation == "invoke_agent":
            rules.drop_empty(out, agent_name=as_str(attributes.get("ai.telemetry.functionId")))
        _output(out, attributes)
        _tools(out, attributes)
        values = as_list(attributes.get("ai.values")) or [attributes.get("ai.value")]
        texts = [text_part(as_json_any(value)) for value in values if value is not None]
        rules.drop_empty(out, input_messages=[{"role": "user", "parts": texts}] if texts else None)
        if "stream" in name.lower():
            out["is_stream"] = True
            _first_chunk(out, span)
        _provider_metadata(out, attributes)
        _include_cached(out, attributes)
        return rules.finish(out, span)


def _operation(name: str) -> str | None:
    if name.endswith((".doGenerate", ".doStream")):
        return "chat"
    if name.endswith(".doEmbed"):
        return "embeddings"
    if name == "ai.toolCall":
        return "execute_tool"
    if name.startswith("ai.rerank"):
        return "retrieval"
    if name in _OUTER:
        return "invoke_workflow" if name.startswith("ai.embed") else "invoke_agent"
    return None


def _output(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    parts = []
    if (reasoning := as_str(attributes.get("ai.response.reasoning"))) is not None:
        parts.append(to_part({"type": "reasoning", "content": reasoning}))
    text = as_str(attributes.get("ai.response.text")) or as_str(attributes.get("ai.response.object"))
    if text is not None:
        parts.append(text_part(text))
    for call in as_list(attributes.get("ai.response.toolCalls")) or ():
        if isinstance(call, dict):
            parts.append(to_part({**call, "type": "tool-call"}))
    if parts:
        message: dict[str, Any] = {"role": "assistant", "parts": parts}
        rules.drop_empty(message, finish_reason=out.get("finish_reason"))
        out["output_messages"] = [message]


def _tools(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    tools = as_list(attributes.get("ai.prompt.tools"))
    rules.drop_empty(out, tool_definitions=tool_definitions(tools))


def _first_chunk(out: dict[str, Any], span: RawSpan) -> None:
    for event in span.events:
        if event.get("name") == "ai.stream.firstChunk":
            delay = as_amount(rules.event_attributes(event).get("ai.stream.msToFirstChunk"))
            rules.drop_empty(out, ttft_ms=delay)


def _provider_metadata(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Cache writes and tier, which older versions leave in the provider's own metadata."""
    metadata = as_json(attributes.get("ai.response.providerMetadata"))
    rules.drop_empty(
        out,
        cache_write_tokens=as_count(part(metadata, "anthropic", "cacheCreationInputTokens"))
        or as_count(part(metadata, "bedrock", "usage", "cacheWriteInputTokens")),
        service_tier=names.service_tier(part(metadata, "openai", "serviceTier")),
    )


def _include_cached(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Put versions before 6 on version 6's footing: there, only its key names tell the version."""
    if out.get("provider") not in ("anthropic", "aws.bedrock") or out.get("operation") not in BILLABLE_OPERATIONS:
        return
    stated = any(key.startswith("ai.usage.inputTokenDetails.") for key in attributes)
    if not stated and "input_tokens" in out:
        out["input_tokens"] += out.get("cache_read_tokens", 0) + out.get("cache_write_tokens", 0)
