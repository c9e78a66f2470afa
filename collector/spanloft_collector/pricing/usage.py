"""Token counts on one footing: ``input_tokens`` always includes cached tokens, whoever emitted the span.

Emitters disagree. OpenAI and Gemini count cached tokens inside the input; Anthropic and Bedrock Converse count
them beside it, and an instrumentor may or may not add them up. A table of (scope, provider) settles it; where the
figures themselves prove it (cached > input) they overrule the table.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ..model import Canonical

INCLUSIVE = "inclusive"
EXCLUSIVE = "exclusive"

_ANY = "*"
_EXCLUSIVE: tuple[tuple[str, frozenset[str]], ...] = (
    # OpenLIT copies Anthropic's raw input_tokens beside the cache keys (source, 1.45).
    ("openlit", frozenset({"anthropic", "aws.bedrock"})),
    # Official and Traceloop Bedrock instrumentors copy Converse's inputTokens (source, 1.3b0 and 0.62).
    ("opentelemetry.instrumentation.genai.bedrock", frozenset({_ANY})),
    ("opentelemetry.instrumentation.botocore", frozenset({_ANY})),
    ("opentelemetry.instrumentation.bedrock", frozenset({_ANY})),
)
"""Scope prefix and providers whose input excludes cached tokens. Everything else follows semconv: inclusive.

Not here: emitters that write both kinds under one scope, told apart only by the names of their keys (Langfuse, the
Vercel AI SDK before version 6). Their dialects add up.
"""

UsageSource = Literal["reported", "estimated", "missing"]


class Usage(NamedTuple):
    """Tokens of one call. ``None`` is unknown; cached, audio and image tokens are subsets of the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    input_tokens_raw: int | None = None
    """Input exactly as the emitter reported it."""
    token_semantics: str | None = None
    """Whether ``input_tokens_raw`` was ``inclusive`` or ``exclusive`` of cached tokens; ``None`` without input."""
    usage_source: UsageSource = "missing"
    input_only: bool = False
    """Whether the call has no output to bill: embeddings."""


MISSING = Usage()


def normalise_usage(scope_name: str, provider: str | None, canonical: Canonical) -> Usage:
    """Usage of a span on the inclusive footing.

    Args:
        scope_name: Instrumentation scope that emitted the span.
        provider: Provider in the canonical spelling.
        canonical: What the dialect read; its counts are the emitter's own.

    Returns:
        The usage; ``usage_source`` is ``missing`` when neither input nor output were reported. Zero input together
        with zero output is what emitters write for "not known" (no call has an empty prompt), so it counts as
        missing too.
    """
    get: Any = canonical.get
    raw_input = get("input_tokens")
    output = get("output_tokens")
    read = get("cache_read_tokens")
    write = get("cache_write_tokens")
    write_1h = get("cache_write_1h_tokens")
    if write_1h and (write is None or write < write_1h):
        write = write_1h
    if not raw_input and not output and not read and not write:
        return MISSING if raw_input is None else Usage(input_tokens_raw=raw_input)
    cached = (read or 0) + (write or 0)
    semantics = None
    tokens = raw_input
    if raw_input is not None:
        exclusive = cached > raw_input or (bool(cached) and _excludes(scope_name, provider))
        semantics = EXCLUSIVE if exclusive else INCLUSIVE
        tokens = raw_input + cached if exclusive else raw_input
    reasoning = get("reasoning_tokens")
    if output is not None and reasoning and reasoning > output:
        # Reasoning is billed as output, so it is part of it by definition.
        output += reasoning
    # By position: by name takes twice as long, and every call comes by here.
    return Usage(
        tokens,
        output,
        read,
        write,
        write_1h,
        reasoning,
        get("input_audio_tokens"),
        get("output_audio_tokens"),
        get("input_image_tokens"),
        get("output_image_tokens"),
        raw_input,
        semantics,
        "reported" if raw_input is not None or output is not None else "missing",
        get("operation") == "embeddings",
    )


@lru_cache(maxsize=4096)
def _excludes(scope_name: str, provider: str | None) -> bool:
    for prefix, providers in _EXCLUSIVE:
        if scope_name.startswith(prefix) and (_ANY in providers or provider in providers):
            return True
    return False
