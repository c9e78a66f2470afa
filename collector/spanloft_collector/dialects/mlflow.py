"""MLflow Tracing: every attribute is JSON text; inputs and outputs are the request and response bodies.

Source: mlflow-tracing 3.17 (``constant.py``, autologging of OpenAI, Anthropic, LangChain). ``tokenUsage`` counts
cached tokens inside the input for every provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import names, rules
from .messages import documents, input_messages, output_messages, system_parts, tool_definitions
from .usages import only_details, usage_fields
from .values import as_bool, as_cost, as_count, as_float, as_json_any, as_str, part

_KINDS = {
    "CHAT_MODEL": "chat",
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "RERANKER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "CHAIN": "invoke_workflow",
    "WORKFLOW": "invoke_workflow",
    "TASK": "invoke_workflow",
    "GUARDRAIL": "run_guardrail",
}
_FORMATS = {"openai", "anthropic", "gemini", "groq", "mistral", "bedrock"}
"""Message formats that are a provider's own; the others name a framework."""

RULES = rules.build(
    ("provider", lambda value: names.provider_name(as_json_any(value)), ("mlflow.llm.provider",)),
    ("response_model", lambda value: as_str(as_json_any(value)), ("mlflow.llm.model",)),
    ("user_id", lambda value: as_str(as_json_any(value)), ("mlflow.trace.user",)),
    ("session_id", lambda value: as_str(as_json_any(value)), ("mlflow.trace.session",)),
)


class MLflow:
    """Spans of MLflow Tracing."""

    name = "mlflow"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with an MLflow span type."""
        return "mlflow.spanType" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; inputs and outputs are read according to the span type."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        kind = as_str(as_json_any(attributes.get("mlflow.spanType")))
        rules.drop_empty(out, operation=_KINDS.get((kind or "").upper()))
        inputs = as_json_any(attributes.get("mlflow.spanInputs"))
        outputs = as_json_any(attributes.get("mlflow.spanOutputs"))
        operation = out.get("operation")
        if operation == "execute_tool":
            rules.drop_empty(out, tool_name=span.name, tool_arguments=inputs, tool_result=outputs)
        elif operation == "retrieval":
            query = part(inputs, "query") if isinstance(inputs, dict) else inputs
            rules.drop_empty(out, retrieval_query=as_str(query), retrieval_documents=documents(outputs))
        elif operation in ("chat", "embeddings"):
            _call(out, attributes, inputs, outputs)
        else:
            rules.drop_empty(out, agent_name=span.name if operation == "invoke_agent" else None)
        if operation in ("chat", "invoke_agent", "invoke_workflow"):
            rules.drop_empty(
                out, input_messages=input_messages(inputs), output_messages=output_messages(_answer(outputs))
            )
        _prompts(out, attributes)
        return rules.finish(out, span)


def _answer(outputs: Any) -> Any:
    """The messages of a response body; OpenAI's Responses API has them in ``output``."""
    found = part(outputs, "output")
    return found if isinstance(found, list) and found else outputs


def _call(out: dict[str, Any], attributes: Mapping[str, Any], inputs: Any, outputs: Any) -> None:
    rules.drop_empty(
        out,
        request_model=as_str(part(inputs, "model")) or as_str(as_json_any(attributes.get("model"))),
        is_stream=as_bool(part(inputs, "stream")),
        temperature=as_float(part(inputs, "temperature")),
        max_tokens=next(
            (
                count
                for key in ("max_completion_tokens", "max_tokens", "max_output_tokens")
                if (count := as_count(part(inputs, key))) is not None
            ),
            None,
        ),
        system_instructions=system_parts(part(inputs, "system") or part(inputs, "instructions")),
        tool_definitions=tool_definitions(as_json_any(attributes.get("mlflow.chat.tools")) or part(inputs, "tools")),
        response_id=as_str(part(outputs, "id")),
        finish_reason=names.finish_reason(part(outputs, "stop_reason")),
        service_tier=names.service_tier(part(outputs, "service_tier")),
        reported_cost_usd=as_cost(part(as_json_any(attributes.get("mlflow.llm.cost")), "total_cost")),
    )
    if (model := as_str(part(outputs, "model"))) is not None:
        out["response_model"] = model
    elif "request_model" not in out and "response_model" in out:
        out["request_model"] = out["response_model"]
    own = usage_fields(as_json_any(attributes.get("mlflow.chat.tokenUsage")))
    body = usage_fields(part(outputs, "usage"))
    rules.drop_empty(out, **own)
    # The body's totals are the provider's own; they count only when MLflow made none of its own.
    rules.drop_empty(out, **(only_details(body) if own else body))
    if out.get("operation") == "embeddings":
        texts = part(inputs, "input")
        rules.drop_empty(out, input_messages=input_messages(texts if texts is not None else inputs))
    format_name = as_str(as_json_any(attributes.get("mlflow.message.format")))
    if format_name in _FORMATS:
        rules.drop_empty(out, provider=names.provider_name(format_name))


def _prompts(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    linked = as_json_any(attributes.get("mlflow.linkedPrompts"))
    first = linked[0] if isinstance(linked, list) and linked else None
    rules.drop_empty(out, prompt_name=as_str(part(first, "name")), prompt_version=as_str(part(first, "version")))
