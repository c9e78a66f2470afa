"""Usage objects as providers return them, for emitters that pass them on whole."""

from __future__ import annotations

from typing import Any

from .names import service_tier
from .values import as_count, as_structure, part

_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details")

_PATHS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("input_tokens", (("prompt_tokens",), ("input_tokens",))),
    ("output_tokens", (("completion_tokens",), ("output_tokens",))),
    (
        "cache_read_tokens",
        (
            ("cache_read_input_tokens",),
            ("cached_content_token_count",),
            ("cachedContentTokenCount",),
            *((details, key) for details in _INPUT_DETAILS for key in ("cached_tokens", "cache_read")),
        ),
    ),
    (
        "cache_write_tokens",
        (
            ("cache_creation_input_tokens",),
            *(
                (details, key)
                for details in _INPUT_DETAILS
                for key in ("cache_creation", "cache_creation_tokens", "cache_write_tokens")
            ),
        ),
    ),
    (
        "cache_write_1h_tokens",
        (
            ("cache_creation", "ephemeral_1h_input_tokens"),
            ("cache_creation_input_tokens_above_1hr",),
            ("input_token_details", "ephemeral_1h_input_tokens"),
        ),
    ),
    (
        "reasoning_tokens",
        (
            ("thoughts_token_count",),
            ("thoughtsTokenCount",),
            *(
                (details, key)
                for details in _OUTPUT_DETAILS
                for key in ("reasoning_tokens", "reasoning", "thinking_tokens")
            ),
        ),
    ),
    ("input_audio_tokens", tuple((details, key) for details in _INPUT_DETAILS for key in ("audio_tokens", "audio"))),
    ("output_audio_tokens", tuple((details, key) for details in _OUTPUT_DETAILS for key in ("audio_tokens", "audio"))),
    ("input_image_tokens", tuple((details, "image_tokens") for details in _INPUT_DETAILS)),
    ("output_image_tokens", tuple((details, "image_tokens") for details in _OUTPUT_DETAILS)),
)


def usage_fields(value: Any) -> dict[str, Any]:
    """Canonical token fields of a usage object of OpenAI, Anthropic or LangChain, and the details of Google's.

    ``value`` may be a mapping, JSON text or a Python ``repr``; the counts are the provider's own.
    """
    usage = as_structure(value)
    out: dict[str, Any] = {}
    for field, paths in _PATHS:
        for path in paths:
            count = as_count(part(usage, *path))
            if count is not None:
                out[field] = count
                break
    tier = service_tier(part(usage, "service_tier"))
    if tier is not None:
        out["service_tier"] = tier
    return out


def only_details(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the totals: for emitters that state those in attributes of their own, on their own footing."""
    return {field: value for field, value in fields.items() if field not in ("input_tokens", "output_tokens")}
