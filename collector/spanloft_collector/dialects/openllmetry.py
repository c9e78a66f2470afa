"""OpenLLMetry (Traceloop): ``traceloop.*`` beside GenAI keys, older versions with ``gen_ai.prompt.N.*``.

Source: opentelemetry-instrumentation-* 0.62 and semconv-ai 0.5. Its scopes share the ``opentelemetry.
instrumentation`` prefix with the official packages, which are called ``...genai.*``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import BILLABLE_OPERATIONS, Canonical, Message, RawSpan
from . import names, nested, rules
from .messages import input_messages, output_messages, to_message, tool_definitions
from .otel_genai import FIELDS, apply_events, infer_operation
from .values import as_bool, as_float, as_json, as_str, part

_PROPERTIES = "traceloop.association.properties."
RULES = rules.extend(
    FIELDS,
    ("operation", names.operation_name, ("gen_ai.operation.name", "llm.request.type")),
    ("is_stream", as_bool, ("gen_ai.is_streaming", "llm.is_streaming")),
    ("temperature", as_float, ("gen_ai.request.temperature", "llm.temperature")),
    ("user_id", as_str, (f"{_PROPERTIES}user_id", "gen_ai.user", "llm.user")),
    (
        "session_id",
        as_str,
        tuple(f"{_PROPERTIES}{key}" for key in ("session_id", "thread_id", "conversation_id", "chat_id")),
    ),
    ("prompt_name", as_str, ("traceloop.prompt.key", "traceloop.prompt.managed")),
    ("prompt_version", as_str, ("traceloop.prompt.version",)),
    ("prompt_template", as_str, ("traceloop.prompt.template",)),
)

_KINDS = {"workflow": "invoke_workflow", "task": "invoke_workflow", "agent": "invoke_agent", "tool": "execute_tool"}
_TREES = ("gen_ai.prompt.", "gen_ai.completion.", "llm.request.functions.", "llm.prompts.", "llm.completions.")
_CHUNKS = frozenset({"gen_ai.content.completion.chunk", "llm.content.completion.chunk"})


class OpenLLMetry:
    """Spans of OpenLLMetry instrumentors and of the Traceloop SDK's decorators."""

    name = "openllmetry"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with a Traceloop key or its request type, whatever their scope."""
        return (
            "traceloop.span.kind" in attributes
            or "traceloop.entity.name" in attributes
            or "traceloop.workflow.name" in attributes
            or ("llm.request.type" in attributes and "litellm.call_id" not in attributes)
        )

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; a workflow's or tool's entity input and output become messages or arguments."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        _kind(out, attributes)
        _numbered_messages(out, nested.trees(attributes, _TREES))
        if out.get("operation") == "execute_tool":
            _tool(out, attributes)
        elif out.get("operation") not in BILLABLE_OPERATIONS:
            rules.drop_empty(
                out,
                input_messages=input_messages(_entity(attributes.get("traceloop.entity.input"), "inputs")),
                output_messages=output_messages(_entity(attributes.get("traceloop.entity.output"), "outputs")),
            )
        if span.events:
            apply_events(out, span)
            rules.drop_empty(out, ttft_ms=rules.first_event_ms(span, _CHUNKS))
        return rules.finish(out, span)


def _kind(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Traceloop's own kind is right where its GenAI operation is not: every chain is an ``invoke_agent``."""
    kind = _KINDS.get(as_str(attributes.get("traceloop.span.kind")) or "")
    if kind is not None and out.get("operation") not in BILLABLE_OPERATIONS:
        out["operation"] = kind
        if kind == "invoke_workflow":
            out.pop("agent_name", None)
        elif kind == "invoke_agent":
            rules.drop_empty(out, agent_name=as_str(attributes.get("traceloop.entity.name")))
    if "operation" not in out and (operation := infer_operation(out)) is not None:
        out["operation"] = operation
    if out.get("provider") in ("langchain", "llamaindex", "crewai", "haystack"):
        # The framework, not who answered.
        del out["provider"]


def _numbered_messages(out: dict[str, Any], found: dict[str, nested.Tree]) -> None:
    inputs = _messages(found.get("gen_ai.prompt.") or found.get("llm.prompts."), "user")
    outputs = _messages(found.get("gen_ai.completion.") or found.get("llm.completions."), "assistant")
    tools = [
        {"type": "function", **{key: as_json(value) for key, value in item.items()}}
        for item in nested.items(found.get("llm.request.functions."))
        if isinstance(item, dict)
    ]
    rules.drop_empty(out, input_messages=inputs, output_messages=outputs, tool_definitions=tool_definitions(tools))


def _messages(tree: nested.Tree | None, role: str) -> list[Message]:
    out = []
    for item in nested.items(tree):
        if not isinstance(item, dict):
            continue
        raw = dict(item)
        calls = nested.items(raw.pop("tool_calls", None))
        if not calls and isinstance(call := raw.get("function_call"), dict):
            calls = [call]
        if calls:
            raw["tool_calls"] = [call for call in calls if isinstance(call, dict)]
        message = to_message(raw, role)
        if message is not None:
            out.append(message)
    return out


def _entity(value: Any, key: str) -> Any:
    """The payload of ``traceloop.entity.*``, which LangChain spans wrap in callback arguments."""
    value = as_json(value)
    return value[key] if isinstance(value, dict) and value.get(key) is not None else value


def _tool(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    arguments = out.pop("tool_arguments", None)
    result = out.pop("tool_result", None)
    if arguments is None:
        arguments = as_json(attributes.get("traceloop.entity.input"))
    if result is None:
        result = as_json(attributes.get("traceloop.entity.output"))
    wrapped = isinstance(arguments, dict) and "input_str" in arguments
    rules.drop_empty(
        out,
        tool_name=as_str(attributes.get("traceloop.entity.name")),
        tool_arguments=_entity(arguments, "inputs") if wrapped else arguments,
        tool_result=part(result, "output")
        if isinstance(result, dict) and set(result) <= {"output", "kwargs"}
        else result,
    )
