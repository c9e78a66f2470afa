"""LiteLLM's OpenTelemetry callback: ``litellm_request`` spans, each with a raw child span.

Source: litellm 1.106. It writes every unset field as an empty value, usage details as a ``repr``, and its own
call id where the provider gave none. ``raw_gen_ai_request`` repeats the call and is no call of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import names, nested, rules
from .messages import output_messages, tool_definitions
from .otel_genai import FIELDS, infer_operation
from .parts import tool_call
from .usages import only_details, usage_fields
from .values import as_bool, as_cost, as_host, as_json, as_str, as_structure, as_texts, part

RULES = rules.extend(
    FIELDS,
    ("operation", names.operation_name, ("gen_ai.operation.name", "llm.request.type")),
    ("is_stream", as_bool, ("llm.is_streaming",)),
    ("user_id", as_str, ("llm.user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id")),
    ("session_id", as_str, ("metadata.session_id", "litellm.session_id", "metadata.litellm_session_id")),
    ("tags", as_texts, ("metadata.tags", "litellm.request.tags", "request_tags")),
    ("reported_cost_usd", as_cost, ("gen_ai.cost.total_cost", "llm.response.cost", "gen_ai.usage.cost")),
)
_TREES = ("llm.request.functions.", "gen_ai.completion.")
_NO_CALLS = frozenset({"raw_gen_ai_request", "Received Proxy Server Request", "router", "self", "proxy_pre_call"})


class LiteLLM:
    """Spans of LiteLLM's OpenTelemetry callback and proxy."""

    name = "litellm"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with a call id of LiteLLM, whatever its tracer is called, and older ones by their scope."""
        return "litellm.call_id" in attributes or (scope_name == "litellm" and "gen_ai.request.model" in attributes)

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; spans around the call keep only what they state."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        if span.name in _NO_CALLS:
            out.pop("operation", None)
            return rules.finish(out, span)
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        if "response_id" in out and out["response_id"] == attributes.get("litellm.call_id"):
            del out["response_id"]
        _vendor(out, attributes)
        usage = as_structure(attributes.get("metadata.usage_object"))
        rules.drop_empty(out, **only_details(usage_fields(usage)))
        if out.get("operation") == "embeddings":
            # Written as 0 for want of another value.
            out.pop("output_tokens", None)
        hidden = as_json(attributes.get("hidden_params"))
        rules.drop_empty(out, server_address=as_host(part(hidden, "api_base")))
        _tools(out, nested.trees(attributes, _TREES))
        return rules.finish(out, span)


def _vendor(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Provider from ``vendor/model`` when the span names none."""
    head, slash, tail = (as_str(attributes.get("litellm.provider.model")) or "").partition("/")
    if slash and tail:
        rules.drop_empty(out, provider=names.provider_name(head))


def _tools(out: dict[str, Any], found: dict[str, nested.Tree]) -> None:
    tools = [
        {"type": "function", **{key: as_json(value) for key, value in item.items()}}
        for item in nested.items(found.get("llm.request.functions."))
        if isinstance(item, dict)
    ]
    rules.drop_empty(out, tool_definitions=tool_definitions(tools))
    calls = []
    for item in nested.items(found.get("gen_ai.completion.")):
        for call in nested.items(nested.branch(item, "tool_calls")) or [nested.branch(item, "function_call")]:
            if isinstance(call, dict) and call.get("name") is not None:
                calls.append(tool_call(call.get("id"), call.get("name"), call.get("arguments")))
    outputs = out.get("output_messages") or output_messages([{"role": "assistant", "parts": []}])
    if calls and outputs and not any(message["parts"] for message in outputs):
        out["output_messages"] = [{**outputs[0], "parts": calls}, *outputs[1:]]
