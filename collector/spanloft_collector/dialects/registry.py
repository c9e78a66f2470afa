"""Which dialect a span is written in: by scope name where that decides, else by marker keys.

To add a dialect: write ``dialects/<name>.py``, add a line to ``DIALECTS`` (first match wins, so the more specific
ones stand first), its scopes to ``_SCOPES``, and a case to ``sample_traces/<name>/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Dialect
from .openinference import OpenInference
from .otel_genai import OtelGenai

DIALECTS: tuple[Dialect, ...] = (
    OpenInference(),
    OtelGenai(),
)
"""All dialects in the order in which their marker keys are tried."""

_SCOPES: tuple[tuple[str, str], ...] = (
    ("openinference.", "openinference"),
    ("opentelemetry.instrumentation.genai", "otel_genai"),
    ("opentelemetry.util.genai", "otel_genai"),
    ("opentelemetry.instrumentation.google_genai", "otel_genai"),
)
"""Scope name prefixes that decide alone."""

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
        if scope_name.startswith(prefix):
            decided = _BY_NAME[name]
            break
    if len(_scope_cache) >= _MAX_SCOPES:
        # Scope names come from outside; a flood of made-up ones must not grow the cache for ever.
        _scope_cache.clear()
    _scope_cache[scope_name] = decided
    return decided
