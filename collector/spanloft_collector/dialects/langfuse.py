"""Langfuse SDK: ``langfuse.observation.*`` with JSON text.

Source: langfuse 5.0 (OpenAI wrapper, LangChain handler, ``observe``) and 3.x. ``usage_details`` comes in two
kinds: OpenAI's own object (cached tokens inside the prompt), or Langfuse's buckets ``input``, ``input_cache_read``,
``output_reasoning`` and so on, which are disjoint and are put together here, as only their names tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..model import Canonical, RawSpan
from . import names, rules
from .base import STATUS_ERROR
from .messages import documents, input_messages, output_messages, tool_definitions
from .usages import usage_fields
from .values import as_cost, as_count, as_float, as_json, as_json_any, as_str, as_texts, part

_KINDS = {
    "generation": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "chain": "invoke_workflow",
    "guardrail": "run_guardrail",
    "evaluator": "evaluate",
}
_OBSERVATION = "langfuse.observation."

RULES = rules.build(
    ("response_model", as_str, (f"{_OBSERVATION}model.name", "langfuse.observation.model")),
    ("prompt_name", as_str, (f"{_OBSERVATION}prompt.name",)),
    ("prompt_version", as_str, (f"{_OBSERVATION}prompt.version",)),
    ("user_id", as_str, ("user.id", "langfuse.user.id", "langfuse.trace.user_id")),
    ("session_id", as_str, ("session.id", "langfuse.session.id", "langfuse.trace.session_id")),
    ("tags", as_texts, ("langfuse.trace.tags",)),
)

_READS = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cached_tokens")
_WRITES = ("input_cache_creation", "input_cache_write", "cache_creation_input_tokens")
_WRITES_1H = ("input_cache_creation_1h", "cache_creation_1h_input_tokens", "input_ephemeral_1h_input_tokens")
_REASONING = ("output_reasoning", "output_reasoning_tokens", "reasoning_tokens")


class Langfuse:
    """Observations of the Langfuse SDKs."""

    name = "langfuse"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with a Langfuse observation type."""
        return "langfuse.observation.type" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; input and output are read according to the observation type."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        kind = as_str(attributes.get(f"{_OBSERVATION}type"))
        operation = _KINDS.get(kind or "")
        rules.drop_empty(out, operation=operation)
        inputs = as_json(attributes.get(f"{_OBSERVATION}input"))
        outputs = as_json(attributes.get(f"{_OBSERVATION}output"))
        if operation == "execute_tool":
            rules.drop_empty(out, tool_name=span.name, tool_arguments=inputs, tool_result=outputs)
        elif operation == "retrieval":
            query = inputs if isinstance(inputs, str) else part(inputs, "query")
            rules.drop_empty(out, retrieval_query=as_str(query), retrieval_documents=documents(outputs))
        else:
            rules.drop_empty(
                out,
                input_messages=input_messages(inputs),
                output_messages=output_messages(outputs) if operation != "embeddings" else None,
                tool_definitions=tool_definitions(part(inputs, "tools")),
                agent_name=span.name if operation == "invoke_agent" else None,
            )
        if operation in ("chat", "embeddings"):
            _generation(out, span)
        else:
            out.pop("response_model", None)
        if as_str(attributes.get(f"{_OBSERVATION}level")) == "ERROR" and span.status_code != STATUS_ERROR:
            rules.drop_empty(out, error_type="error")
        return rules.finish(out, span)


def _generation(out: dict[str, Any], span: RawSpan) -> None:
    attributes = span.attributes
    parameters = as_json(attributes.get(f"{_OBSERVATION}model.parameters"))
    metadata = {
        key: as_str(as_json_any(attributes.get(f"{_OBSERVATION}metadata.{key}")))
        for key in ("ls_provider", "ls_model_name", "finish_reason")
    }
    # The wrapper keeps the OpenAI client's interface; its default names say so.
    wrapped = span.name in ("OpenAI-generation", "OpenAI-embedding")
    rules.drop_empty(
        out,
        provider=names.provider_name(metadata["ls_provider"]) or ("openai" if wrapped else None),
        request_model=metadata["ls_model_name"] or out.get("response_model"),
        finish_reason=names.finish_reason(metadata["finish_reason"]),
        max_tokens=as_count(part(parameters, "max_tokens")),
        temperature=as_float(part(parameters, "temperature")),
        service_tier=names.service_tier(part(parameters, "service_tier")),
        reported_cost_usd=as_cost(part(as_json(attributes.get(f"{_OBSERVATION}cost_details")), "total")),
        **_usage(attributes.get(f"{_OBSERVATION}usage_details")),
    )
    first = _ns(attributes.get(f"{_OBSERVATION}completion_start_time"))
    if first is not None and span.start_ns:
        out["is_stream"] = True
        delay = (first - span.start_ns) / 1e6
        rules.drop_empty(out, ttft_ms=delay if 0 <= delay < 1e9 else None)


def _usage(value: Any) -> dict[str, Any]:
    usage = as_json(value)
    if not isinstance(usage, dict):
        return {}
    if "input" not in usage and "output" not in usage:
        return usage_fields(usage)
    counts = {key: count for key, item in usage.items() if (count := as_count(item)) is not None}
    read, write = _sum(counts, _READS), _sum(counts, _WRITES)
    hour, reasoning = _sum(counts, _WRITES_1H), _sum(counts, _REASONING)
    out = {
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_1h_tokens": hour,
        "reasoning_tokens": reasoning,
        "input_audio_tokens": _sum(counts, ("input_audio", "input_audio_tokens")),
        "output_audio_tokens": _sum(counts, ("output_audio", "output_audio_tokens")),
    }
    if "input" in counts:
        inside = (read, write, out["input_audio_tokens"])
        out["input_tokens"] = counts["input"] + sum(count or 0 for count in inside)
    if "output" in counts:
        out["output_tokens"] = counts["output"] + (reasoning or 0) + (out["output_audio_tokens"] or 0)
    return {field: count for field, count in out.items() if count is not None}


def _sum(counts: Mapping[str, int], keys: tuple[str, ...]) -> int | None:
    """The first of the keys that is there: they are spellings, not parts."""
    return next((counts[key] for key in keys if key in counts), None)


def _ns(value: Any) -> int | None:
    """Unix nanoseconds of an ISO time, which may be quoted once more."""
    text = as_str(as_json_any(value))
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
