"""LangSmith's OpenTelemetry exporter: runs as spans, with whole inputs and outputs in ``gen_ai.prompt``.

Source: langsmith 0.15 ``_internal/otel``. Its ``gen_ai.operation.name`` calls prompts "chat" and retrievers
"embeddings", so the run type decides. Usage details come as a ``repr``, a mapping, or in the metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import Canonical, RawSpan
from . import names, rules
from .messages import documents, input_messages, output_messages, tool_definitions
from .otel_genai import FIELDS
from .usages import only_details, usage_fields
from .values import as_bool, as_count, as_float, as_json, as_str, as_structure, part

_KINDS = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "chain": "invoke_workflow",
    "prompt": "prompt",
    "parser": "parser",
}


def _tags(value: Any) -> list[str] | None:
    """Tags as a comma-separated text; the ones LangChain adds by itself are left out."""
    text = as_str(value)
    found = [tag.strip() for tag in text.split(",")] if text is not None else []
    return [tag for tag in found if tag and not tag.startswith("seq:step:")] or None


def _run_type(value: Any) -> str | None:
    text = as_str(value)
    return None if text is None else _KINDS.get(text, text.lower())


_METADATA = "langsmith.metadata."
RULES = rules.extend(
    FIELDS,
    ("operation", _run_type, ("langsmith.span.kind",)),
    ("provider", names.provider_name, (f"{_METADATA}ls_provider", "gen_ai.provider.name", "gen_ai.system")),
    ("request_model", as_str, (f"{_METADATA}ls_model_name",)),
    ("is_stream", as_bool, ("langsmith.request.streaming",)),
    ("max_tokens", as_count, (f"{_METADATA}ls_max_tokens",)),
    ("temperature", as_float, (f"{_METADATA}ls_temperature",)),
    ("tags", _tags, ("langsmith.span.tags",)),
    ("user_id", as_str, (f"{_METADATA}user_id",)),
    ("session_id", as_str, tuple(f"{_METADATA}{key}" for key in ("session_id", "thread_id", "conversation_id"))),
    ("prompt_name", as_str, (f"{_METADATA}lc_hub_repo",)),
    ("prompt_version", as_str, (f"{_METADATA}lc_hub_commit_hash",)),
)


class LangSmith:
    """Runs that the LangSmith SDK exports as OpenTelemetry spans."""

    name = "langsmith"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims spans with a LangSmith run type."""
        return "langsmith.span.kind" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; inputs and outputs are read according to the run type."""
        attributes = span.attributes
        out = rules.apply(RULES, attributes)
        if out.get("provider") == "langchain":
            del out["provider"]
        inputs = as_json(attributes.get("gen_ai.prompt"))
        outputs = as_json(attributes.get("gen_ai.completion"))
        operation = out.get("operation")
        if operation == "execute_tool":
            rules.drop_empty(out, tool_arguments=inputs, tool_result=_sole(outputs))
        elif operation == "retrieval":
            rules.drop_empty(
                out, retrieval_query=as_str(part(inputs, "query")), retrieval_documents=documents(_sole(outputs))
            )
        elif _sole(outputs) is not None or inputs is not None:
            rules.drop_empty(
                out,
                input_messages=input_messages(inputs),
                output_messages=output_messages(outputs) if _sole(outputs) is not None else None,
                tool_definitions=tool_definitions(part(inputs, "tools")),
            )
        if operation in ("chat", "embeddings"):
            _usage(out, attributes, outputs)
        return rules.finish(out, span)


def _sole(value: Any) -> Any:
    """The output of a run whose function returned no mapping."""
    return value["output"] if isinstance(value, dict) and set(value) == {"output"} else value


def _usage(out: dict[str, Any], attributes: Mapping[str, Any], outputs: Any) -> None:
    details = {
        "input_token_details": as_structure(attributes.get("gen_ai.usage.input_token_details")),
        "output_token_details": as_structure(attributes.get("gen_ai.usage.output_token_details")),
    }
    rules.drop_empty(out, **only_details(usage_fields(details)))
    rules.drop_empty(out, **usage_fields(attributes.get(f"{_METADATA}usage_metadata")))
    if isinstance(outputs, dict) and ("choices" in outputs or "model" in outputs):
        rules.drop_empty(
            out,
            response_model=as_str(outputs.get("model")),
            response_id=as_str(outputs.get("id")),
            service_tier=names.service_tier(outputs.get("service_tier")),
        )
    generation = _first(part(outputs, "generations"))
    metadata = part(generation, "message", "kwargs", "response_metadata")
    rules.drop_empty(
        out,
        finish_reason=names.finish_reason(part(generation, "generation_info", "finish_reason")),
        response_model=as_str(part(metadata, "model_name")) or as_str(part(metadata, "model")),
        response_id=as_str(part(metadata, "id")),
        service_tier=names.service_tier(part(metadata, "service_tier")),
    )


def _first(value: Any) -> Any:
    for _ in range(3):
        if isinstance(value, list) and value:
            value = value[0]
    return value
