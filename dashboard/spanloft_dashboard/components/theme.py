"""The design system: colours that mean something; the rules of CSS stand in ``theme.css``.

Fonts, radii and the surfaces of light and dark stand in ``.streamlit/config.toml``. Colours below are mid-tones
that keep their contrast on both surfaces, so a model has the same colour in both.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from spanloft_dashboard.components.markup import put
from spanloft_dashboard.components.scripts import source

ERROR = "#E0434F"
WARNING = "#D6A500"
OK = "#7C93C9"
CALLS = "#4C6FE0"
COST = "#A46BD0"
LATENCY = "#1E9E96"
TOKENS = "#6F7F95"
UNKNOWN = "#98A2B3"
CRITICAL = "#D6409F"
INGEST: dict[str | None, str] = {"stored": OK, "repeated": UNKNOWN, "refused": ERROR}
OUTCOMES: dict[str | None, str] = {"ok": OK, "failed": ERROR}

PROVIDERS = {
    "openai": "#12A37F",
    "azure.ai.openai": "#4FB6A8",
    "anthropic": "#E08A3C",
    "gcp.gemini": "#3F84E5",
    "gcp.vertex_ai": "#6C9BE8",
    "gcp.gen_ai": "#3F84E5",
    "aws.bedrock": "#D6A500",
    "mistral_ai": "#CC6E9E",
    "cohere": "#8C6FD6",
    "deepseek": "#5560C9",
    "x_ai": "#7B8794",
    "groq": "#B5653F",
    "perplexity": "#56B4E9",
}
OTHERS = ("#A46BD0", "#56B4E9", "#CC6E9E", "#8C9A3B", "#7B8794")

SHADES = (0.0, 0.36, -0.24, 0.58, -0.38, 0.18, 0.47)
"""Lighter (above 0) and darker in turn: neighbours stay apart, on white as on black."""

SERIES = (CALLS, "#12A37F", "#E08A3C", COST, "#56B4E9", "#D6A500", "#CC6E9E")
"""Colours of series that have none of their own."""

OPERATIONS = {
    "chat": CALLS,
    "generate_content": CALLS,
    "text_completion": CALLS,
    "embeddings": "#56B4E9",
    "execute_tool": "#C08A00",
    "retrieval": LATENCY,
    "rerank": LATENCY,
    "invoke_agent": COST,
    "create_agent": COST,
    "invoke_workflow": COST,
}
OTHER_OPERATION = "#8A94A6"
KINDS = {
    "chat": "model call",
    "generate_content": "model call",
    "text_completion": "model call",
    "embeddings": "embeddings",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "rerank": "retrieval",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "agent",
}

PERCENTILES = {"p50": "#8DB4DC", "p95": "#3F84E5", "p99": "#8B5FD6"}
TOKEN_KINDS = {"uncached input": "#4C6FE0", "cache read": "#56B4E9", "cache write": "#7A4FB5", "output": "#E08A3C"}
PRICE_SOURCES = {
    "exact": "#12A37F",
    "pattern": "#56B4E9",
    "override": "#A46BD0",
    "reported": "#D6A500",
    "none": UNKNOWN,
}


INKS = ("#0D1015", "#FFFFFF")
"""What is written on a colour."""


def provider_color(provider: str | None) -> str:
    """Fixed colour of a provider; one that is not known gets a stable one of the spare colours."""
    if not provider:
        return UNKNOWN
    return PROVIDERS.get(provider) or OTHERS[sum(provider.encode()) % len(OTHERS)]


def model_colors(models: Iterable[tuple[str | None, str | None]]) -> dict[str | None, str]:
    """Colours of (provider, model) pairs: shades of the provider's colour, in the order given."""
    seen: dict[str | None, int] = {}
    colors: dict[str | None, str] = {"other": UNKNOWN}
    for provider, model in models:
        rank = seen.get(provider, 0)
        seen[provider] = rank + 1
        colors[model] = _shade(provider_color(provider), SHADES[rank % len(SHADES)])
    return colors


def operation_color(operation: str | None) -> str:
    """Fixed colour of a kind of span."""
    return OPERATIONS.get(operation or "", OTHER_OPERATION)


def operation_kind(operation: str | None) -> str:
    """Word for a kind of span."""
    return KINDS.get(operation or "", "other")


def ink_on(color: str) -> str:
    """Black or white, whichever is easier to read on a colour, by the contrast of WCAG 2."""
    light = _luminance(color)
    return INKS[0] if (light + 0.05) / (_luminance(INKS[0]) + 0.05) >= 1.05 / (light + 0.05) else INKS[1]


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _shade(color: str, amount: float) -> str:
    target = 255 if amount > 0 else 0
    channels = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(value + (target - value) * abs(amount)):02X}" for value in channels)


@functools.cache
def _page() -> str:
    css = (Path(__file__).parent / "theme.css").read_text()
    return f"<style>{css}</style><script>{source()}</script>"


def apply() -> None:
    """Put the rules of CSS and the scripts on the page. They hold no text from outside."""
    put(_page(), script=True)
