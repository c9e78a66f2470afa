"""How each emitter writes one and the same call: key names, and whether cached tokens stand in the input or beside it.

Written from the emitters' source and from ``sample_traces``, independent of the dialects that read them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """What a provider served and billed. The counts are disjoint but for ``reasoning``, which is part of ``output``."""

    number: int
    provider: str
    model: str
    uncached: int
    read: int
    write_5m: int
    write_1h: int
    output: int
    reasoning: int
    tier: str | None
    start_ns: int

    @property
    def write(self) -> int:
        return self.write_5m + self.write_1h

    @property
    def total(self) -> int:
        return self.uncached + self.read + self.write

    @property
    def response_id(self) -> str:
        return f"resp-{self.number:06d}"

    @property
    def is_embedding(self) -> bool:
        return "embed" in self.model


@dataclass(frozen=True)
class Emitted:
    """A span as an emitter would send it; ``children`` are below it in the same trace."""

    scope: str
    name: str
    attributes: dict[str, Any]
    children: tuple[Emitted, ...] = ()


ANTHROPIC = ("anthropic", "aws.bedrock")
ALL = ("openai", "anthropic", "aws.bedrock", "gcp.gemini", "mistral_ai", "x_ai")


def _genai(call: Call, footing: int, read: str, write: str, reasoning: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": "embeddings" if call.is_embedding else "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": call.model,
        "gen_ai.response.id": call.response_id,
        "gen_ai.usage.input_tokens": footing,
    }
    if not call.is_embedding:
        found["gen_ai.usage.output_tokens"] = call.output
    if call.read:
        found[f"gen_ai.usage.{read}"] = call.read
    if call.write:
        found[f"gen_ai.usage.{write}"] = call.write
    if call.reasoning:
        found[f"gen_ai.usage.{reasoning}"] = call.reasoning
    if call.tier:
        found["openai.response.service_tier"] = call.tier
    return found


def _openai_usage(call: Call) -> dict[str, Any]:
    return {
        "prompt_tokens": call.total,
        "completion_tokens": call.output,
        "total_tokens": call.total + call.output,
        "prompt_tokens_details": {"cached_tokens": call.read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": call.reasoning},
    }


def _anthropic_usage(call: Call) -> dict[str, Any]:
    return {
        "input_tokens": call.uncached,
        "output_tokens": call.output,
        "cache_read_input_tokens": call.read,
        "cache_creation_input_tokens": call.write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": call.write_5m,
            "ephemeral_1h_input_tokens": call.write_1h,
        },
    }


def otel_genai(call: Call) -> Emitted:
    library = {"aws.bedrock": "bedrock", "anthropic": "anthropic"}.get(call.provider, "openai")
    # The official Bedrock package copies Converse's inputTokens, which excludes cached tokens.
    footing = call.uncached if library == "bedrock" else call.total
    found = _genai(call, footing, "cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens")
    if call.write_1h:
        found["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] = call.write_1h
    return Emitted(f"opentelemetry.instrumentation.genai.{library}", f"chat {call.model}", found)


def otel_until_1_36(call: Call) -> Emitted:
    found = _genai(call, call.total, "cache_read_input_tokens", "cache_creation_input_tokens", "reasoning_tokens")
    found["gen_ai.system"] = {"gcp.gemini": "gemini", "x_ai": "xai"}.get(
        found.pop("gen_ai.provider.name"), call.provider
    )
    found["gen_ai.usage.prompt_tokens"] = found.pop("gen_ai.usage.input_tokens")
    if "gen_ai.usage.output_tokens" in found:
        found["gen_ai.usage.completion_tokens"] = found.pop("gen_ai.usage.output_tokens")
    return Emitted("opentelemetry.instrumentation.openai_v2", f"chat {call.model}", found)


def anthropic_native(call: Call) -> Emitted:
    found = _genai(call, call.total, "cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens")
    found["anthropic.usage.cache_creation.ephemeral_5m_input_tokens"] = call.write_5m
    found["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] = call.write_1h
    return Emitted("com.anthropic.sdk.python", "anthropic.messages.create", found)


def openinference(call: Call) -> Emitted:
    usage = _anthropic_usage(call) if call.provider in ANTHROPIC else _openai_usage(call)
    body = {"id": call.response_id, "model": call.model, "usage": usage, "service_tier": call.tier}
    found: dict[str, Any] = {
        "openinference.span.kind": "EMBEDDING" if call.is_embedding else "LLM",
        "llm.provider": {"gcp.gemini": "google", "aws.bedrock": "aws", "x_ai": "xai"}.get(call.provider, call.provider),
        "embedding.model_name" if call.is_embedding else "llm.model_name": call.model,
        "llm.token_count.prompt": call.total,
        "output.value": json.dumps(body),
    }
    if not call.is_embedding:
        found["llm.token_count.completion"] = call.output
        found["llm.token_count.completion_details.reasoning"] = call.reasoning
    if call.read:
        found["llm.token_count.prompt_details.cache_read"] = call.read
    if call.write:
        found["llm.token_count.prompt_details.cache_write"] = call.write
    return Emitted("openinference.instrumentation.x", "ChatCompletion", found)


def openllmetry(call: Call) -> Emitted:
    footing = call.uncached if call.provider == "aws.bedrock" else call.total
    library = {"aws.bedrock": "bedrock", "anthropic": "anthropic"}.get(call.provider, "openai.v1")
    found = _genai(call, footing, "cache_read.input_tokens", "cache_creation.input_tokens", "reasoning_tokens")
    found["gen_ai.usage.total_tokens"] = call.total + call.output
    return Emitted(f"opentelemetry.instrumentation.{library}", "openai.chat", found)


def openlit(call: Call) -> Emitted:
    footing = call.uncached if call.provider in ANTHROPIC else call.total
    found = _genai(call, footing, "cache_read.input_tokens", "cache_creation.input_tokens", "reasoning_tokens")
    found["gen_ai.usage.cost"] = 0
    return Emitted("openlit.instrumentation.x", f"chat {call.model}", found)


def _vercel(call: Call, usage: dict[str, Any], metadata: dict[str, Any]) -> Emitted:
    vendor = {"gcp.gemini": "google.generative-ai", "aws.bedrock": "amazon-bedrock", "x_ai": "xai.chat"}
    common = {
        "ai.model.provider": vendor.get(call.provider, f"{call.provider.removesuffix('_ai')}.chat"),
        "ai.model.id": call.model,
        "ai.response.model": call.model,
        "ai.response.providerMetadata": json.dumps(metadata),
        **usage,
    }
    kind = "ai.embed" if call.is_embedding else "ai.generateText"
    step = ".doEmbed" if call.is_embedding else ".doGenerate"
    inner = {"ai.operationId": kind + step, "ai.response.id": call.response_id, **common}
    return Emitted("ai", kind, {"ai.operationId": kind, **common}, (Emitted("ai", kind + step, inner),))


def vercel_6(call: Call) -> Emitted:
    if call.is_embedding:
        return _vercel(call, {"ai.usage.tokens": call.total}, {})
    usage = {
        "ai.usage.inputTokens": call.total,
        "ai.usage.inputTokenDetails.noCacheTokens": call.uncached,
        "ai.usage.inputTokenDetails.cacheReadTokens": call.read,
        "ai.usage.inputTokenDetails.cacheWriteTokens": call.write,
        "ai.usage.outputTokens": call.output,
        "ai.usage.reasoningTokens": call.reasoning,
    }
    return _vercel(call, usage, {"openai": {"serviceTier": call.tier}} if call.tier else {})


def vercel_5(call: Call) -> Emitted:
    footing = call.uncached if call.provider in ANTHROPIC else call.total
    usage = {"ai.usage.promptTokens": footing, "ai.usage.completionTokens": call.output}
    usage["ai.usage.cachedInputTokens"] = call.read
    metadata: dict[str, Any] = {"openai": {"serviceTier": call.tier}} if call.tier else {}
    if call.provider == "anthropic":
        metadata = {"anthropic": {"cacheCreationInputTokens": call.write}}
    elif call.provider == "aws.bedrock":
        metadata = {"bedrock": {"usage": {"cacheWriteInputTokens": call.write}}}
    return _vercel(call, usage, metadata)


def _langfuse(call: Call, usage: dict[str, Any]) -> Emitted:
    found = {
        "langfuse.observation.type": "embedding" if call.is_embedding else "generation",
        "langfuse.observation.model.name": call.model,
        "langfuse.observation.usage_details": json.dumps(usage),
        "langfuse.observation.model.parameters": json.dumps({"service_tier": call.tier or "default"}),
        "langfuse.observation.metadata.ls_provider": json.dumps(call.provider),
    }
    return Emitted("langfuse-sdk", "generation", found)


def langfuse_wrapper(call: Call) -> Emitted:
    return _langfuse(call, {"input": call.total} if call.is_embedding else _openai_usage(call))


def langfuse_handler(call: Call) -> Emitted:
    usage = {"input": call.uncached, "output": call.output - call.reasoning, "total": call.total + call.output}
    usage |= {"input_cache_read": call.read, "input_cache_creation": call.write, "output_reasoning": call.reasoning}
    return _langfuse(call, usage)


def langsmith(call: Call) -> Emitted:
    usage = {
        "input_tokens": call.total,
        "output_tokens": call.output,
        "input_token_details": {"cache_read": call.read, "cache_creation": call.write},
        "output_token_details": {"reasoning": call.reasoning},
    }
    found = {
        "langsmith.span.kind": "embedding" if call.is_embedding else "llm",
        "langsmith.metadata.ls_provider": {"gcp.gemini": "google_genai", "aws.bedrock": "amazon_bedrock"}.get(
            call.provider, call.provider
        ),
        "langsmith.metadata.ls_model_name": call.model,
        "langsmith.metadata.usage_metadata": json.dumps(usage),
        "gen_ai.usage.input_tokens": call.total,
        "gen_ai.usage.output_tokens": call.output,
        "gen_ai.usage.input_token_details": repr(usage["input_token_details"]),
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.service_tier": call.tier or "default",
    }
    return Emitted("langsmith", "ChatModel", found)


def mlflow(call: Call) -> Emitted:
    body = _anthropic_usage(call) if call.provider in ANTHROPIC else _openai_usage(call)
    usage = {
        "input_tokens": call.total,
        "output_tokens": call.output,
        "total_tokens": call.total + call.output,
        "cache_read_input_tokens": call.read,
        "cache_creation_input_tokens": call.write,
        "cache_creation_input_tokens_above_1hr": call.write_1h,
    }
    found = {
        "mlflow.spanType": '"EMBEDDING"' if call.is_embedding else '"CHAT_MODEL"',
        "mlflow.llm.provider": json.dumps(call.provider),
        "mlflow.llm.model": json.dumps(call.model),
        "mlflow.spanInputs": json.dumps({"model": call.model}),
        "mlflow.spanOutputs": json.dumps({"id": call.response_id, "usage": body, "service_tier": call.tier}),
        "mlflow.chat.tokenUsage": json.dumps(usage),
    }
    return Emitted("mlflow.tracing.provider", "Completions", found)


def logfire(call: Call) -> Emitted:
    found = _genai(call, call.total, "x", "x", "x")
    raw = _anthropic_usage(call) if call.provider in ANTHROPIC else _openai_usage(call)
    found = {key: value for key, value in found.items() if not key.endswith(".x")}
    found |= {"gen_ai.usage.raw": json.dumps(raw), "logfire.msg_template": "Chat", "request_data": "{}"}
    return Emitted("logfire.x", "Chat", found)


def pydantic_ai(call: Call) -> Emitted:
    found = _genai(
        call, call.total, "cache_read.input_tokens", "details.cache_write_tokens", "details.reasoning_tokens"
    )
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "a",
        "gen_ai.aggregated_usage.input_tokens": call.total,
    }
    return Emitted("pydantic-ai", "invoke_agent a", agent, (Emitted("pydantic-ai", "chat", found),))


def litellm(call: Call) -> Emitted:
    found = _genai(call, call.total, "x", "x", "x")
    found = {key: value for key, value in found.items() if not key.endswith(".x")}
    usage = _openai_usage(call)
    usage["prompt_tokens_details"]["cache_creation_tokens"] = call.write
    found |= {"litellm.call_id": f"call-{call.number}", "metadata.usage_object": repr(usage)}
    raw = Emitted("litellm", "raw_gen_ai_request", {"llm.x.usage": repr(usage)})
    return Emitted("litellm", "litellm_request", found, (raw,))


def weave(call: Call) -> Emitted:
    found = _genai(call, call.total, "cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens")
    return Emitted("weave.conversation", "chat", found)


def promptflow(call: Call) -> Emitted:
    resource = "embeddings.Embeddings" if call.is_embedding else "chat.completions.completions.Completions"
    found: dict[str, Any] = {
        "framework": "promptflow",
        "span_type": "Embedding" if call.is_embedding else "LLM",
        "function": f"openai.resources.{resource}.create",
        "inputs": json.dumps({"model": call.model}),
        "llm.response.model": call.model,
        "output": json.dumps({"id": call.response_id, "service_tier": call.tier, "usage": _openai_usage(call)}),
        "llm.usage.prompt_tokens": call.total,
        "llm.usage.completion_tokens": call.output,
        "llm.usage.prompt_tokens_details": {"cached_tokens": str(call.read)},
    }
    flow = {"framework": "promptflow", "span_type": "Function", "__computed__.cumulative_token_count.total": 1}
    return Emitted("promptflow", "flow", flow, (Emitted("promptflow", "openai_chat", found),))


def mistralai(call: Call) -> Emitted:
    found = _genai(call, call.total, "cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens")
    return Emitted("mistralai_sdk_tracer", f"chat {call.model}", found)


ONE_HOUR = frozenset({"otel_genai", "anthropic_native", "openinference", "mlflow", "logfire"})
"""Emitters that pass on which cache writes live for an hour; the others can't be billed right for them by anyone."""
TIERS = frozenset(
    {"otel_genai", "otel_until_1_36", "openinference", "vercel_6", "vercel_5", "langfuse_wrapper", "langsmith"}
    | {"openllmetry", "mlflow", "promptflow", "logfire", "pydantic_ai", "litellm", "weave"}
)
EMITTERS: dict[str, tuple[Callable[[Call], Emitted], tuple[str, ...]]] = {
    "otel_genai": (otel_genai, ALL),
    "otel_until_1_36": (otel_until_1_36, ("openai", "gcp.gemini", "x_ai")),
    "anthropic_native": (anthropic_native, ("anthropic",)),
    "openinference": (openinference, ALL),
    "openllmetry": (openllmetry, ALL),
    "openlit": (openlit, ALL),
    "vercel_6": (vercel_6, ALL),
    "vercel_5": (vercel_5, ("openai", "anthropic", "aws.bedrock")),
    "langfuse_wrapper": (langfuse_wrapper, ("openai",)),
    "langfuse_handler": (langfuse_handler, ("anthropic", "gcp.gemini", "mistral_ai")),
    "langsmith": (langsmith, ALL),
    "mlflow": (mlflow, ("openai", "anthropic")),
    "logfire": (logfire, ("openai", "anthropic")),
    "pydantic_ai": (pydantic_ai, ALL),
    "litellm": (litellm, ALL),
    "weave": (weave, ("openai", "anthropic")),
    "promptflow": (promptflow, ("openai",)),
    "mistralai": (mistralai, ("mistral_ai",)),
}
