"""Which dialect a span is written in: by scope name where that decides, else by marker keys.

To add a dialect: write ``dialects/<name>.py``, add a line to ``DIALECTS`` (first match wins, so the more specific
ones stand first), its scopes to ``_SCOPES``, and a case to ``sample_traces/<name>/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .anthropic_sdk import AnthropicSDK
from .base import Dialect
from .langfuse import Langfuse
from .langsmith import LangSmith
from .litellm import LiteLLM
from .logfire import Logfire
from .mcp import MCP
from .mistralai import MistralAI
from .mlflow import MLflow
from .openinference import OpenInference
from .openlit import OpenLIT
from .openllmetry import OpenLLMetry
from .otel_genai import OtelGenai
from .promptflow import Promptflow
from .vercel_ai import VercelAI
from .weave import Weave

DIALECTS: tuple[Dialect, ...] = (
    AnthropicSDK(),
    MistralAI(),
    OpenInference(),
    VercelAI(),
    MLflow(),
    Langfuse(),
    LangSmith(),
    Promptflow(),
    MCP(),
    LiteLLM(),
    OpenLIT(),
    Weave(),
    Logfire(),
    OpenLLMetry(),
    OtelGenai(),
)
"""All dialects in the order in which their marker keys are tried."""

_SCOPES: tuple[tuple[str, str], ...] = (
    ("openinference.", "openinference"),
    ("opentelemetry.instrumentation.genai", "otel_genai"),
    ("opentelemetry.util.genai", "otel_genai"),
    ("opentelemetry.instrumentation.google_genai", "otel_genai"),
    ("opentelemetry.instrumentation.openai_v2", "otel_genai"),
    ("com.anthropic.sdk.python", "anthropic"),
    ("mistralai_sdk_tracer", "mistralai"),
    ("openlit", "openlit"),
    ("pydantic-ai", "logfire"),
    ("langsmith", "langsmith"),
    ("langfuse-sdk", "langfuse"),
    ("mcp-python-sdk", "mcp"),
    ("promptflow", "promptflow"),
    ("weave.conversation", "weave"),
    ("traceloop.", "openllmetry"),
    *(
        (f"opentelemetry.instrumentation.{library}", "openllmetry")
        for library in (
            *("agno", "alephalpha", "anthropic", "bedrock", "cohere", "crewai", "google_generativeai", "groq"),
            *("haystack", "langchain", "llamaindex", "mistralai", "ollama", "openai.v0", "openai.v1"),
            *("openai_agents", "replicate", "sagemaker", "together", "transformers", "vertexai", "voyageai"),
            *("watsonx", "writer"),
        )
    ),
)
"""Scope names that decide alone, themselves and what is below them (``scope.more``)."""

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
_MAX_SCOPES = 4096
_scope_cache: dict[str, Dialect | None] = {}


def find_dialect(scope_name: str, attributes: Mapping[str, Any]) -> Dialect | None:
    """Dialect that claims a span, or ``None``. The scope alone decides for the scopes in the table (cached)."""
    try:
        decided = _scope_cache[scope_name]
    except KeyError:
        decided = _by_scope(scope_name)
    if decided is not None:
        return decided
    for dialect in DIALECTS:
        if dialect.matches(scope_name, attributes):
            return dialect
    return None


def _by_scope(scope_name: str) -> Dialect | None:
    decided = None
    for prefix, name in _SCOPES:
        if scope_name == prefix or scope_name.startswith(prefix if prefix.endswith(".") else (prefix + ".")):
            decided = _BY_NAME[name]
            break
    if len(_scope_cache) >= _MAX_SCOPES:
        # Scope names come from outside; a flood of made-up ones must not grow the cache for ever.
        _scope_cache.clear()
    _scope_cache[scope_name] = decided
    return decided
