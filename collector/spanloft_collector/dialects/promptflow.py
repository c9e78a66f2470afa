"""Promptflow's exporter: plain keys (``framework``, ``span_type``, ``inputs``, ``output``) with JSON text.

Source: promptflow-tracing 1.18. Functions and flows carry ``__computed__.cumulative_token_count.*``, the sum of
what they called; a streamed call has its usage only in the last chunk of its output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import names, rules
from .messages import documents, input_messages, output_messages, tool_definitions
from .parts import text_part
from .usages import usage_fields
from .values import as_bool, as_count, as_float, as_json, as_json_any, as_list, as_str, part

_KINDS = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVAL": "retrieval",
    "TOOL": "execute_tool",
    "FUNCTION": "invoke_workflow",
    "FLOW": "invoke_workflow",
}
RULES = rules.build(
    ("response_model", as_str, ("llm.response.model",)),
    ("prompt_template", as_str, ("prompt.template",)),
)


class Promptflow:
    """Spans of Promptflow's tracing."""

    name = "promptflow"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans that name Promptflow as their framework."""
        return attributes.get("framework") == "promptflow"

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; inputs and output are read according to the span type."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        kind = as_str(attributes.get("span_type"))
        operation = _KINDS.get((kind or "").upper())
        rules.drop_empty(out, operation=operation)
        inputs = as_json(attributes.get("inputs"))
        output = as_json_any(attributes.get("output"))
        if operation in ("chat", "embeddings"):
            _call(out, attributes, inputs, output)
        elif operation == "execute_tool":
            rules.drop_empty(out, tool_name=span.name, tool_arguments=inputs, tool_result=output)
        elif operation == "retrieval":
            found = attributes.get("retrieval.documents")
            query = as_str(attributes.get("retrieval.query")) or as_str(part(inputs, "query"))
            rules.drop_empty(
                out, retrieval_query=query, retrieval_documents=documents(output if found is None else found)
            )
        else:
            rules.drop_empty(out, input_messages=input_messages(inputs), output_messages=output_messages(output))
        return rules.finish(out, span)


def _call(out: dict[str, Any], attributes: Mapping[str, Any], inputs: Any, output: Any) -> None:
    function = as_str(attributes.get("function")) or ""
    chunks = output if isinstance(output, list) else []
    last = next((chunk for chunk in reversed(chunks) if isinstance(part(chunk, "usage"), dict)), None)
    body = last if last is not None else (chunks[-1] if chunks else output)
    usage = {key.removeprefix("llm.usage."): value for key, value in attributes.items() if key.startswith("llm.usage.")}
    if out.get("operation") == "chat" and "chat" not in function and "completions" in function:
        out["operation"] = "text_completion"
    rules.drop_empty(
        out,
        provider="openai" if function.startswith("openai.") else None,
        request_model=as_str(part(inputs, "model")),
        response_id=as_str(part(body, "id")),
        service_tier=names.service_tier(part(body, "service_tier")),
        is_stream=as_bool(part(inputs, "stream")),
        temperature=as_float(part(inputs, "temperature")),
        max_tokens=as_count(part(inputs, "max_tokens")),
        tool_definitions=tool_definitions(part(inputs, "tools")),
        finish_reason=_finish(chunks or [output]),
    )
    rules.drop_empty(out, **usage_fields(usage))
    rules.drop_empty(out, **usage_fields(part(body, "usage")))
    if out.get("operation") == "embeddings":
        found = as_list(attributes.get("embedding.embeddings")) or ()
        texts = [text_part(text) for item in found if (text := part(item, "embedding.text")) is not None]
        rules.drop_empty(out, input_messages=[{"role": "user", "parts": texts}] if texts else None)
        return
    message = attributes.get("llm.generated_message")
    rules.drop_empty(
        out,
        input_messages=input_messages(inputs),
        output_messages=output_messages(message if message is not None or chunks else output),
    )


def _finish(bodies: list[Any]) -> str | None:
    for body in reversed(bodies):
        choices = part(body, "choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if (reason := names.finish_reason(part(first, "finish_reason"))) is not None:
            return reason
    return None
