"""OpenTelemetry GenAI conventions, the current ones and every older spelling.

Sources: semantic-conventions-genai (client-inference, agent spans, migration notes); versions up to 1.36 wrote
``gen_ai.system``, ``prompt_tokens`` and one event per message; 1.37 to 1.41 ``cache_creation``. Official
instrumentors (``opentelemetry.instrumentation.genai.*``) and any app that follows the conventions by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..model import Canonical, Message, RawSpan
from . import names, rules
from .messages import documents, input_messages, output_messages, system_parts, to_message, tool_definitions
from .values import as_bool, as_cost, as_count, as_float, as_json, as_str, seconds_as_ms

_USAGE = "gen_ai.usage."

USAGE_FIELDS: tuple[rules.Field, ...] = (
    ("input_tokens", as_count, (f"{_USAGE}input_tokens", f"{_USAGE}prompt_tokens", "llm.usage.prompt_tokens")),
    (
        "output_tokens",
        as_count,
        (f"{_USAGE}output_tokens", f"{_USAGE}completion_tokens", "llm.usage.completion_tokens"),
    ),
    (
        "cache_read_tokens",
        as_count,
        (
            f"{_USAGE}cache_read.input_tokens",
            f"{_USAGE}cache_read_input_tokens",
            f"{_USAGE}cache_read_tokens",
            f"{_USAGE}prompt_tokens_details.cache_read",
            f"{_USAGE}input_tokens_details.cached_tokens",
            f"{_USAGE}prompt_tokens_details.cached_tokens",
            f"{_USAGE}details.cache_read_tokens",
            f"{_USAGE}details.cached_tokens",
            f"{_USAGE}input_tokens.cached",
            f"{_USAGE}cached_tokens",
            f"{_USAGE}cached_input_tokens",
        ),
    ),
    (
        "cache_write_tokens",
        as_count,
        (
            f"{_USAGE}cache_write.input_tokens",
            f"{_USAGE}cache_creation.input_tokens",
            f"{_USAGE}cache_write_input_tokens",
            f"{_USAGE}cache_creation_input_tokens",
            f"{_USAGE}cache_write_tokens",
            f"{_USAGE}cache_creation_tokens",
            f"{_USAGE}prompt_tokens_details.cache_write",
            f"{_USAGE}details.cache_write_tokens",
        ),
    ),
    (
        "cache_write_1h_tokens",
        as_count,
        (
            f"{_USAGE}cache_write_1h.input_tokens",
            f"{_USAGE}cache_creation.ephemeral_1h_input_tokens",
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        ),
    ),
    (
        "reasoning_tokens",
        as_count,
        (
            f"{_USAGE}reasoning.output_tokens",
            f"{_USAGE}reasoning_tokens",
            "llm.usage.reasoning_tokens",
            f"{_USAGE}completion_tokens_details.reasoning",
            f"{_USAGE}output_tokens_details.reasoning_tokens",
            f"{_USAGE}completion_tokens_details.reasoning_tokens",
            f"{_USAGE}output_tokens.reasoning",
            f"{_USAGE}details.reasoning_tokens",
        ),
    ),
    ("input_audio_tokens", as_count, (f"{_USAGE}audio.input_tokens", f"{_USAGE}details.input_audio_tokens")),
    ("output_audio_tokens", as_count, (f"{_USAGE}audio.output_tokens", f"{_USAGE}details.output_audio_tokens")),
    ("input_image_tokens", as_count, (f"{_USAGE}image.input_tokens", f"{_USAGE}details.input_image_tokens")),
    ("output_image_tokens", as_count, (f"{_USAGE}image.output_tokens", f"{_USAGE}details.output_image_tokens")),
    ("reported_cost_usd", as_cost, (f"{_USAGE}cost", "gen_ai.cost.total_cost", "operation.cost")),
)
"""Usage in all spellings that were seen under ``gen_ai.usage``; dialects built on the conventions share it."""

FIELDS: tuple[rules.Field, ...] = (
    ("operation", names.operation_name, ("gen_ai.operation.name",)),
    ("provider", names.provider_name, ("gen_ai.provider.name", "gen_ai.system")),
    ("request_model", as_str, ("gen_ai.request.model",)),
    ("response_model", as_str, ("gen_ai.response.model",)),
    ("response_id", as_str, ("gen_ai.response.id",)),
    ("finish_reason", names.finish_reason, ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason")),
    ("is_stream", as_bool, ("gen_ai.request.stream", "gen_ai.request.is_stream", "gen_ai.is_streaming")),
    ("max_tokens", as_count, ("gen_ai.request.max_tokens",)),
    ("temperature", as_float, ("gen_ai.request.temperature",)),
    (
        "service_tier",
        names.service_tier,
        (
            "openai.response.service_tier",
            "gen_ai.openai.response.service_tier",
            "anthropic.response.service_tier",
            "anthropic.usage.service_tier",
            "gen_ai.response.service_tier",
            "openai.request.service_tier",
            "gen_ai.openai.request.service_tier",
        ),
    ),
    (
        "ttft_ms",
        seconds_as_ms,
        ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token", "gen_ai.server.ttft"),
    ),
    ("tool_name", as_str, ("gen_ai.tool.name",)),
    ("tool_call_id", as_str, ("gen_ai.tool.call.id",)),
    ("tool_arguments", as_json, ("gen_ai.tool.call.arguments",)),
    ("tool_result", as_json, ("gen_ai.tool.call.result",)),
    ("agent_name", as_str, ("gen_ai.agent.name",)),
    ("input_messages", input_messages, ("gen_ai.input.messages",)),
    ("output_messages", output_messages, ("gen_ai.output.messages",)),
    ("system_instructions", system_parts, ("gen_ai.system_instructions",)),
    ("tool_definitions", tool_definitions, ("gen_ai.tool.definitions",)),
    ("retrieval_query", as_str, ("gen_ai.retrieval.query.text",)),
    ("retrieval_documents", documents, ("gen_ai.retrieval.documents",)),
    *USAGE_FIELDS,
)
RULES = rules.build(*FIELDS)

_INPUT_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""One event per input message (semconv up to 1.36)."""
_OUTPUT_EVENT = "gen_ai.choice"
_DETAILS_EVENTS = frozenset({"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"})


class OtelGenai:
    """Spans that follow the OpenTelemetry GenAI conventions of any version."""

    name = "otel_genai"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims the official instrumentors and any span with a ``gen_ai.`` operation, provider or model."""
        return scope_name.startswith("opentelemetry.instrumentation.genai") or any(
            key in attributes
            for key in (
                "gen_ai.operation.name",
                "gen_ai.provider.name",
                "gen_ai.system",
                "gen_ai.request.model",
                "gen_ai.tool.name",
                "gen_ai.agent.name",
            )
        )

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields from attributes and, where they lack them, from message events."""
        out = rules.apply(RULES, span.attributes)
        if span.events:
            apply_events(out, span)
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        return rules.finish(out, span)


def infer_operation(out: Mapping[str, Any]) -> str | None:
    """Operation of a span that does not state one, from the fields that only one kind of span has."""
    if "tool_name" in out:
        return "execute_tool"
    if "agent_name" in out:
        return "invoke_agent"
    if "retrieval_documents" in out:
        return "retrieval"
    known = "input_tokens" in out or "output_tokens" in out or "output_messages" in out
    return "chat" if known and ("request_model" in out or "response_model" in out) else None


def apply_events(out: dict[str, Any], span: RawSpan) -> None:
    """Add what the span's events state and its attributes did not: messages of old emitters, details events."""
    inputs: list[Message] = []
    outputs: list[Message] = []
    for event in span.events:
        name = event.get("name")
        if not isinstance(name, str) or not name.startswith("gen_ai."):
            continue
        attributes = rules.event_attributes(event)
        if name in _DETAILS_EVENTS:
            for field, value in rules.apply(RULES, attributes).items():
                out.setdefault(field, value)
        elif name in _INPUT_EVENTS:
            _append(inputs, message_of_event(attributes, _INPUT_EVENTS[name]))
        elif name == _OUTPUT_EVENT:
            _append(outputs, message_of_event(attributes, "assistant"))
        elif name == "gen_ai.content.prompt":
            inputs.extend(input_messages(attributes.get("gen_ai.prompt")) or ())
        elif name == "gen_ai.content.completion":
            outputs.extend(output_messages(attributes.get("gen_ai.completion")) or ())
    rules.drop_empty(out, input_messages=inputs, output_messages=outputs)


def map_event(name: str, attributes: Mapping[str, Any], body: Any = None) -> Canonical:
    """Canonical fields of one GenAI log record (event), to be joined to its span.

    ``body`` is the record's body (older emitters put the message there). Messages of several records of a span
    are to be appended in order; the caller knows them by the lists it gets.
    """
    event = {"name": name, "attributes": {**attributes, **body} if isinstance(body, dict) else attributes}
    out: dict[str, Any] = {}
    apply_events(out, RawSpan(name=name, scope_name="", scope_version="", attributes={}, events=[event]))
    return cast(Canonical, out)


def message_of_event(attributes: Mapping[str, Any], role: str) -> Message | None:
    """The message that a per-message event carries, in its attributes or in a structured body."""
    raw: dict[str, Any] = {}
    body = attributes.get("body", attributes.get("event_body", attributes.get("gen_ai.event.content")))
    body = as_json(body)
    if isinstance(body, dict):
        raw.update(body)
    elif body is not None:
        raw["content"] = body
    for key in ("role", "content", "name", "id", "tool_calls", "message", "finish_reason", "tool_call_id"):
        if key in attributes:
            raw[key] = as_json(attributes[key])
    if not raw:
        return None
    raw.setdefault("role", role)
    return to_message(raw, role)


def _append(found: list[Message], message: Message | None) -> None:
    if message is not None and message["parts"]:
        found.append(message)
