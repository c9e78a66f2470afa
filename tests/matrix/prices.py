"""What the providers charge, written down by hand from their price pages: never read from the list we price by."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# US dollars per million tokens on 2026-11-01: input, cache read, cache write (5 m), cache write (1 h), output.
PRICES: dict[str, tuple[str, str, str, str, str]] = {
    "gpt-4o-2024-08-06": ("2.5", "1.25", "2.5", "2.5", "10"),
    "gpt-5-mini-2025-08-07": ("0.25", "0.025", "0.25", "0.25", "2"),
    "text-embedding-3-small": ("0.02", "0.02", "0.02", "0.02", "0"),
    "claude-sonnet-4-5-20250929": ("3", "0.3", "3.75", "6", "15"),
    "claude-haiku-4-5-20251001": ("1", "0.1", "1.25", "2", "5"),
    "gemini-2.5-flash": ("0.3", "0.03", "0.3", "0.3", "2.5"),
    "gemini-embedding-001": ("0.15", "0.15", "0.15", "0.15", "0"),
    "mistral-large-2411": ("2", "2", "2", "2", "6"),
    "mistral-embed": ("0.1", "0.1", "0.1", "0.1", "0"),
    "command-a-03-2025": ("2.5", "2.5", "2.5", "2.5", "10"),
    "embed-v4.0": ("0.12", "0.12", "0.12", "0.12", "0"),
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": ("3.3", "0.33", "4.125", "6.6", "16.5"),
    "amazon.nova-lite-v1:0": ("0.06", "0.015", "0.06", "0.06", "0.24"),
    "amazon.titan-embed-text-v2:0": ("0.02", "0.02", "0.02", "0.02", "0"),
    "llama3.2": ("0.05", "0.05", "0.05", "0.05", "0.1"),
    "nomic-embed-text": ("0.01", "0.01", "0.01", "0.01", "0"),
}

OVERRIDES = """\
version: matrix
prices:
  - {model: "llama3.2*", input_per_mtok: 0.05, output_per_mtok: 0.1}
  - {model: "nomic-embed-text*", input_per_mtok: 0.01, output_per_mtok: 0}
"""
"""The user's file for the models that run on one's own machine: no list has a price for them."""


def cost_of(bill: Mapping[str, Any]) -> Decimal:
    """What a line of the ledger costs, in US dollars."""
    fresh, read, write_5m, write_1h, output = map(Decimal, PRICES[bill["model"]])
    written_1h = bill["cache_write_1h_tokens"]
    written_5m = bill["cache_write_tokens"] - written_1h
    uncached = bill["input_tokens"] - bill["cached_tokens"] - bill["cache_write_tokens"]
    total = fresh * uncached + read * bill["cached_tokens"] + write_5m * written_5m + write_1h * written_1h
    return (total + output * bill["output_tokens"]) / 10**6
