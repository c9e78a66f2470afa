"""One spelling for providers, operations, finish reasons and service tiers.

Spellings follow the OpenTelemetry GenAI conventions; the aliases are those that emitters were seen to send.
"""

from __future__ import annotations

from typing import Any

from .values import as_json, as_str

PROVIDERS = {
    "amazon": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "anthropic_bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azureopenai": "azure.ai.openai",
    "gcp.gen_ai": "gcp.gen_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google-genai": "gcp.gemini",
    "google_gla": "gcp.gemini",
    "google-gla": "gcp.gemini",
    "google_ai_studio": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "google_vertex": "gcp.vertex_ai",
    "google-vertex": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "vertex-ai": "gcp.vertex_ai",
    "anthropic_vertex": "gcp.vertex_ai",
    "claude": "anthropic",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "grok": "x_ai",
    "ibm_watsonx_ai": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "mistral-ai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "open_ai": "openai",
    "pplx": "perplexity",
    "together": "together_ai",
    "togetherai": "together_ai",
    "together-ai": "together_ai",
    "x-ai": "x_ai",
    "x.ai": "x_ai",
    "xai": "x_ai",
}

OPERATIONS = {
    "chat_completion": "chat",
    "chat_completions": "chat",
    "completion": "text_completion",
    "completions": "text_completion",
    "embedding": "embeddings",
    "embed": "embeddings",
    "rerank": "retrieval",
    "reranker": "retrieval",
    "retriever": "retrieval",
    "retrieve": "retrieval",
    "tool": "execute_tool",
    "tool_call": "execute_tool",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
    "chain": "invoke_workflow",
    "task": "invoke_workflow",
}

FINISH_REASONS = {
    "stop": "stop",
    "end_turn": "stop",
    "end": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "complete": "stop",
    "completed": "stop",
    "finished": "stop",
    "finish_reason_stop": "stop",
    "stop_sequence": "stop",
    "stop_token": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "incomplete": "length",
    "tool_call": "tool_call",
    "tool_calls": "tool_call",
    "tool-call": "tool_call",
    "tool-calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "content-filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "refusal": "content_filter",
    "error": "error",
    "failed": "error",
    "error_toxic": "content_filter",
}

SERVICE_TIERS = {"default": "standard", "on_demand": "standard", "auto": None, "scale": "scale", "batches": "batch"}


for _canonical in (
    *("anthropic", "aws.bedrock", "azure.ai.inference", "azure.ai.openai", "cohere", "deepseek", "gcp.gemini"),
    *("gcp.gen_ai", "gcp.vertex_ai", "groq", "ibm.watsonx.ai", "mistral_ai", "moonshot_ai", "ollama", "openai"),
    *("perplexity", "x_ai"),
):
    PROVIDERS[_canonical] = _canonical
for _canonical in (
    *("chat", "create_agent", "embeddings", "execute_tool", "fetch_response", "generate_content"),
    *("invoke_agent", "invoke_workflow", "plan", "retrieval", "run_guardrail", "text_completion"),
):
    OPERATIONS[_canonical] = _canonical


def provider_name(value: Any) -> str | None:
    """Provider in the semconv spelling; an unknown one is kept, lower-case."""
    text = as_str(value)
    if text is None:
        return None
    known = PROVIDERS.get(text)
    if known is not None:
        return known
    text = text.strip().lower()
    return PROVIDERS.get(text, text) or None


def operation_name(value: Any) -> str | None:
    """Operation in the semconv spelling; an unknown one is kept, lower-case."""
    text = as_str(value)
    if text is None:
        return None
    known = OPERATIONS.get(text)
    if known is not None:
        return known
    text = text.strip().lower()
    return OPERATIONS.get(text, text) or None


def finish_reason(value: Any) -> str | None:
    """Finish reason as stop, length, tool_call, content_filter or error; an unknown one is kept, lower-case.

    A list (or JSON array) counts by its first readable entry.
    """
    if isinstance(value, str):
        known = FINISH_REASONS.get(value)
        if known is not None:
            return known
        if value[:1] == "[":
            value = as_json(value)
    if isinstance(value, (list, tuple)):
        for item in value:
            if not isinstance(item, (list, tuple)) and (reason := finish_reason(item)) is not None:
                return reason
        return None
    text = as_str(value)
    if text is None:
        return None
    text = text.strip().lower()
    text = text.removeprefix("finishreason.").removeprefix("stopreason.")
    return FINISH_REASONS.get(text, text) or None


def service_tier(value: Any) -> str | None:
    """Service tier as standard, flex, priority or batch; ``auto`` says nothing about the tier that served."""
    text = as_str(value)
    if text is None:
        return None
    text = text.strip().lower().removeprefix("service_tier_")
    return SERVICE_TIERS.get(text, text) or None
