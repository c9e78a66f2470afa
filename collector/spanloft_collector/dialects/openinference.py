"""OpenInference (Arize): flattened keys under ``llm.``, ``embedding.``, ``retrieval.``, ``tool.``.

Source: openinference-semantic-conventions 0.1.x; spans of its OpenAI, Anthropic, LangChain and Google packages.
It writes one ``llm.model_name`` (the request's, overwritten by the response's) and, unless its GenAI switch is on,
no response id: that one is read from the raw response body in ``output.value``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..model import BILLABLE_OPERATIONS, Canonical, Message, Part, RawSpan
from . import names, nested, rules
from .messages import document, input_messages, output_messages, role_of, to_message, tool_definitions
from .otel_genai import FIELDS as GENAI_FIELDS
from .parts import media, text_part, to_part, tool_call, tool_response
from .usages import only_details, usage_fields
from .values import as_bool, as_cost, as_count, as_dict, as_float, as_json, as_str

_KINDS = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "RERANKER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "CHAIN": "invoke_workflow",
    "GUARDRAIL": "run_guardrail",
}


def _kind(value: Any) -> str | None:
    text = as_str(value)
    return None if text is None else _KINDS.get(text.upper(), text.lower())


RULES = rules.extend(
    GENAI_FIELDS,
    ("operation", _kind, ("openinference.span.kind",)),
    ("provider", names.provider_name, ("llm.provider", "llm.system")),
    ("request_model", as_str, ("llm.request.model_name", "embedding.model_name", "reranker.model_name")),
    ("response_model", as_str, ("llm.response.model_name", "llm.model_name")),
    ("finish_reason", names.finish_reason, ("llm.finish_reason",)),
    ("input_tokens", as_count, ("llm.token_count.prompt",)),
    ("output_tokens", as_count, ("llm.token_count.completion",)),
    (
        "cache_read_tokens",
        as_count,
        ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
    ),
    ("cache_write_tokens", as_count, ("llm.token_count.prompt_details.cache_write",)),
    ("reasoning_tokens", as_count, ("llm.token_count.completion_details.reasoning",)),
    ("input_audio_tokens", as_count, ("llm.token_count.prompt_details.audio",)),
    ("output_audio_tokens", as_count, ("llm.token_count.completion_details.audio",)),
    ("reported_cost_usd", as_cost, ("llm.cost.total",)),
    ("prompt_name", as_str, ("prompt.id", "prompt.name")),
    ("prompt_version", as_str, ("llm.prompt_template.version",)),
    ("prompt_template", as_str, ("llm.prompt_template.template",)),
    ("tool_name", as_str, ("tool.name",)),
    ("tool_call_id", as_str, ("tool_call.id", "tool.id")),
    ("agent_name", as_str, ("agent.name", "graph.node.name")),
    ("retrieval_query", as_str, ("reranker.query",)),
)
_TREES = (
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.tools.",
    "llm.prompts.",
    "llm.completions.",
    "llm.choices.",
    "retrieval.documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
)
_STREAM = re.compile(r"(?i)(?:(?:_|converse|content|response)stream|^stream_)")
_SCOPES = {"cohere": "cohere", "mistralai": "mistral_ai", "ollama": "ollama", "openai": "openai"}
"""Packages for one provider, whose embedding spans do not name it."""
_HIDDEN = "__REDACTED__"
"""What its switches put in the place of a text: to know nothing is not to know this word."""
_FIRST_TOKEN = frozenset({"First Token Stream Event"})


class OpenInference:
    """Spans of OpenInference instrumentors."""

    name = "openinference"

    def matches(self, scope_name: str, attributes: Mapping[str, Any]) -> bool:
        """Claims ``openinference.*`` scopes and spans with ``openinference.span.kind``."""
        return scope_name.startswith("openinference.") or "openinference.span.kind" in attributes

    def map(self, span: RawSpan) -> Canonical:
        """Canonical fields; a chain's or agent's input and output become messages too."""
        attributes = {key: value for key, value in span.attributes.items() if value != _HIDDEN}
        out = rules.apply(RULES, attributes)
        found = nested.trees(attributes, _TREES)
        _provider(out, attributes)
        _parameters(out, attributes)
        _messages(out, found)
        operation = out.get("operation")
        if operation == "chat":
            if "llm.prompts." in found and "llm.input_messages." not in found:
                out["operation"] = "text_completion"
            _body(out, attributes)
        elif operation == "embeddings":
            _embeddings(out, found, attributes)
        elif operation == "retrieval":
            _documents(out, found)
            rules.drop_empty(out, retrieval_query=as_str(attributes.get("input.value")))
        elif operation == "execute_tool":
            _tool(out, span.name, attributes)
        if operation not in ("embeddings", "execute_tool", "retrieval"):
            rules.drop_empty(
                out,
                input_messages=input_messages(attributes.get("input.value")),
                output_messages=output_messages(attributes.get("output.value")),
            )
        rules.drop_empty(
            out,
            ttft_ms=rules.first_event_ms(span, _FIRST_TOKEN),
            # Several of its packages say it in the span's name only: ClientV2.chat_stream, bedrock.converse_stream.
            is_stream=True if operation == "chat" and _STREAM.search(span.name) else None,
            provider=_SCOPES.get(span.scope_name.rpartition(".")[2]) if operation in BILLABLE_OPERATIONS else None,
        )
        if "request_model" not in out and "response_model" in out:
            out["request_model"] = out["response_model"]
        return rules.finish(out, span)


def _provider(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """``google`` names the company: the API is told by ``llm.system``."""
    if out.get("provider") == "gcp.gemini" and names.provider_name(attributes.get("llm.system")) == "gcp.vertex_ai":
        out["provider"] = "gcp.vertex_ai"


def _parameters(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    parameters = as_dict(attributes.get("llm.invocation_parameters")) or as_dict(
        attributes.get("embedding.invocation_parameters")
    )
    if parameters is None:
        return
    limit = next(
        (
            count
            for key in ("max_completion_tokens", "max_tokens", "max_output_tokens", "max_tokens_to_sample")
            if (count := as_count(parameters.get(key))) is not None
        ),
        None,
    )
    rules.drop_empty(
        out,
        request_model=as_str(parameters.get("model")) or as_str(parameters.get("model_name")),
        max_tokens=limit,
        temperature=as_float(parameters.get("temperature")),
        is_stream=as_bool(parameters.get("stream")),
    )


def _messages(out: dict[str, Any], found: dict[str, nested.Tree]) -> None:
    for field, prefix, role, completion in (
        ("input_messages", "llm.input_messages.", "user", "llm.prompts."),
        ("output_messages", "llm.output_messages.", "assistant", "llm.completions."),
    ):
        own = [
            message
            for item in nested.items(found.get(prefix))
            if (message := _message(nested.branch(item, "message"), role)) is not None
            and message["parts"] != [{"type": "reasoning", "content": ""}]
        ]
        if not own:
            keys = ("prompt", "completion")
            texts = [
                next((text for key in keys if (text := nested.leaf(item, key, "text")) is not None), None)
                for item in nested.items(found.get(completion)) or nested.items(found.get("llm.choices."))
            ]
            own = [message for text in texts if (message := to_message(text, role)) is not None]
        if own:
            out[field] = own
    tools = [nested.leaf(item, "tool", "json_schema") for item in nested.items(found.get("llm.tools."))]
    rules.drop_empty(out, tool_definitions=tool_definitions([tool for tool in tools if tool is not None]))


def _message(raw: nested.Tree, default_role: str) -> Message | None:
    role = role_of(raw.get("role"), default_role)
    parts: list[Part] = [_part(nested.branch(item, "message_content")) for item in nested.items(raw.get("contents"))]
    content = raw.get("content")
    if role == "tool":
        inner = content if content is not None else "".join(str(part.get("content", "")) for part in parts)
        parts = [tool_response(raw.get("tool_call_id"), inner, raw.get("name"))]
    elif content is not None and content != "" and not parts:
        parts = [text_part(content)]
    calls = nested.items(raw.get("tool_calls"))
    if calls:
        # Anthropic's content blocks are listed too, but a call's block has nothing but its type.
        parts = [part for part in parts if part["type"] != "tool_call"]
    for item in calls:
        call = nested.branch(item, "tool_call")
        function = nested.branch(call, "function")
        parts.append(tool_call(call.get("id"), function.get("name"), function.get("arguments")))
    if not parts and raw.get("function_call_name") is not None:
        parts.append(tool_call(None, raw["function_call_name"], raw.get("function_call_arguments_json")))
    if not parts and "role" not in raw:
        return None
    message: Message = {"role": role, "parts": parts}
    if role != "tool" and (name := as_str(raw.get("name"))) is not None:
        message["name"] = name
    if (reason := names.finish_reason(raw.get("finish_reason"))) is not None:
        message["finish_reason"] = reason
    return message


def _part(raw: nested.Tree) -> Part:
    kind = raw.get("type")
    url = nested.leaf(raw, "image", "image", "url")
    if url is not None:
        return media(url, "image")
    url = nested.leaf(raw, "audio", "audio", "url")
    if url is not None:
        return media(url, "audio", nested.leaf(raw, "audio", "audio", "mime_type"))
    if kind in ("text", None) and "text" in raw:
        return text_part(raw["text"])
    return to_part(dict(raw))


def _body(out: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """What only the raw response body holds: its id and tier, and messages when they were not flattened."""
    body = as_json(attributes.get("output.value"))
    if not isinstance(body, dict):
        return
    if "generations" in body:
        body = _langchain_response(body)
    if "response_id" not in out and any(key in body for key in ("model", "choices", "responseId", "response_id")):
        rules.drop_empty(out, response_id=as_str(body.get("id", body.get("response_id", body.get("responseId")))))
    rules.drop_empty(out, service_tier=names.service_tier(body.get("service_tier")))
    # Lifetimes of cache writes are priced differently and are stated nowhere else.
    usage = body.get("usage") or body.get("usage_metadata") or body.get("usageMetadata")
    rules.drop_empty(out, **only_details(usage_fields(usage)))
    _thoughts(out, as_count(attributes.get("llm.token_count.total")))
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else body
    rules.drop_empty(out, finish_reason=names.finish_reason(first.get("finish_reason", first.get("stop_reason"))))
    if "finish_reason" not in out and isinstance(status := body.get("status"), str):
        reason = nested.leaf(body, "incomplete_details", "reason") or status
        called = any(part["type"] == "tool_call" for item in out.get("output_messages", ()) for part in item["parts"])
        out["finish_reason"] = "tool_call" if called and status == "completed" else names.finish_reason(reason)


def _thoughts(out: dict[str, Any], total: int | None) -> None:
    """Adds Google's thoughts to the output where the total shows that the emitter left them out."""
    said, thought = out.get("output_tokens"), out.get("reasoning_tokens")
    if total is not None and said is not None and thought and (out.get("input_tokens") or 0) + said + thought == total:
        out["output_tokens"] = said + thought


def _langchain_response(body: dict[str, Any]) -> dict[str, Any]:
    """Provider's metadata of a LangChain result: of the first generation, else of the whole call."""
    first = body["generations"]
    while isinstance(first, list) and first:
        first = first[0]
    kwargs = nested.branch(first, "message", "kwargs")
    metadata = nested.branch(kwargs, "response_metadata")
    whole = nested.branch(body, "llm_output")
    merged = {**whole, **metadata}
    if "model" not in merged and "model_name" in merged:
        merged["model"] = merged["model_name"]
    if "id" not in merged and isinstance(run_id := kwargs.get("id"), str) and not run_id.startswith(("run-", "lc_run")):
        merged["id"] = run_id
    return merged


def _embeddings(out: dict[str, Any], found: dict[str, nested.Tree], attributes: Mapping[str, Any]) -> None:
    texts = [nested.leaf(item, "embedding", "text") for item in nested.items(found.get("embedding.embeddings."))]
    parts = [text_part(text) for text in texts if text is not None]
    rules.drop_empty(out, input_messages=[{"role": "user", "parts": parts}] if parts else None)
    if "input_tokens" not in out:
        # Cohere counts what it bills in the answer's metadata; the instrumentor does not read it.
        billed = nested.branch(as_dict(attributes.get("output.value")) or {}, "meta", "billed_units")
        rules.drop_empty(out, input_tokens=as_count(billed.get("input_tokens")))


def _documents(out: dict[str, Any], found: dict[str, nested.Tree]) -> None:
    tree = found.get("reranker.output_documents.") or found.get("retrieval.documents.")
    rows = [document(nested.branch(item, "document")) for item in nested.items(tree)]
    rules.drop_empty(out, retrieval_documents=[row for row in rows if row])


def _tool(out: dict[str, Any], name: str, attributes: Mapping[str, Any]) -> None:
    arguments = next(
        (value for key in ("input.value", "tool.parameters") if (value := as_json(attributes.get(key))) is not None),
        None,
    )
    rules.drop_empty(out, tool_name=name, tool_arguments=arguments, tool_result=as_json(attributes.get("output.value")))
