"""Logfire's LLM instrumentation and pydantic-ai: GenAI keys beside ``logfire.*``, ``request_data`` and JSON events.

Source: logfire 5.2, pydantic-ai 2.68 (formats 2, 3, 5) and 1 (``events`` and ``all_messages_events`` as JSON).
Logfire reports a streamed call twice, in two traces: a span when the stream was opened, without usage, and a log
record with the usage when it ended. The record is the call here; the opening is no call of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, Message, RawSpan
from . import rules
from .base import STATUS_ERROR
from .messages import input_messages, output_messages, tool_definitions
from .otel_genai import FIELDS, apply_events, infer_operation, message_of_event
from .usages import only_details, usage_fields
from .values import as_bool, as_count, as_dict, as_float, as_json, as_list, as_str, as_texts


def _tags(value: Any) -> list[str] | None:
    """The app's tags; ``LLM`` is set by the instrumentation."""
    return [tag for tag in as_texts(value) or () if tag != "LLM"] or None


RULES = rules.extend(
    FIELDS,
    ("tags", _tags, ("logfire.tags",)),
    ("agent_name", as_str, ("gen_ai.agent.name", "agent_name")),
    ("tool_arguments", as_json, ("tool_arguments",)),
    ("tool_result", as_json, ("tool_response",)),
    ("input_messages", input_messages, ("gen_ai.input.messages", "pydantic_ai.all_messages")),
)
_MARKERS = ("request_data", "gen_ai.request.model", "gen_ai.operation.name", "all_messages_events", "tool_arguments")


class Logfire:
    """LLM spans of Logfire and of pydantic-ai."""

    name = "logfire"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims Logfire's and pydantic-ai's spans that are about a model, an agent or a tool."""
        ours = scope_name.startswith(("pydantic-ai", "pydantic_ai", "logfire")) or "logfire.msg_template" in attributes
        return ours and any(key in attributes for key in _MARKERS)

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; older versions' JSON events and request bodies are read too."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        _request(out, attributes)
        rules.drop_empty(out, **only_details(usage_fields(attributes.get("gen_ai.usage.raw"))))
        _events(out, attributes)
        if span.events:
            apply_events(out, span)
        if "operation" not in out and (operation := infer_operation(out)) is not None:
            out["operation"] = operation
        if out.get("operation") == "invoke_agent":
            rules.drop_empty(
                out,
                request_model=as_str(attributes.get("model_name")),
                output_messages=output_messages(attributes.get("final_result")),
            )
        _stream(out, span)
        return rules.finish(out, span)


def _request(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """What only the raw request and response of the older instrumentation hold."""
    request = as_dict(attributes.get("request_data"))
    if request is not None:
        rules.drop_empty(
            out,
            request_model=as_str(request.get("model")),
            is_stream=as_bool(request.get("stream")),
            temperature=as_float(request.get("temperature")),
            max_tokens=as_count(request.get("max_tokens")),
            input_messages=input_messages({"messages": request["messages"]}) if "messages" in request else None,
            tool_definitions=tool_definitions(request.get("tools")),
        )
    response = as_dict(attributes.get("response_data"))
    if response is not None:
        rules.drop_empty(
            out,
            output_messages=output_messages(response.get("message") or response.get("combined_chunk_content")),
            **usage_fields(response.get("usage")),
        )


def _events(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Messages of pydantic-ai format 1: a JSON list of events in an attribute."""
    inputs: list[Message] = []
    outputs: list[Message] = []
    for raw in as_list(attributes.get("events")) or as_list(attributes.get("all_messages_events")) or ():
        if not isinstance(raw, dict):
            continue
        name = as_str(raw.get("event.name")) or ""
        role = name.removeprefix("gen_ai.").removesuffix(".message")
        message = message_of_event(raw, role if role in ("system", "user", "tool") else "assistant")
        if message is not None and message["parts"]:
            (outputs if name == "gen_ai.choice" else inputs).append(message)
    rules.drop_empty(out, input_messages=inputs, output_messages=outputs)


def _stream(out: dict[str, Any], span: RawSpan) -> None:
    if not span.scope_name.startswith("logfire"):
        return
    if span.attributes.get("logfire.span_type") == "log" and out.get("operation") == "chat":
        out["is_stream"] = True
    elif (
        out.get("operation") in ("chat", "text_completion")
        and span.status_code != STATUS_ERROR
        and not any(field in out for field in ("input_tokens", "output_tokens", "output_messages", "response_id"))
    ):
        del out["operation"]
        out["is_stream"] = True
