"""What a cache would have saved: requests that were made again, and prompts that begin alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from spanloft_collector.jobs.base import Output
from spanloft_collector.jobs.prefix_cache import LIFETIME, MIN_TOKENS, PrefixCache
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import arrow_schema, rows_to_table

ANSWER_LIFETIME = timedelta(hours=24)
"""How long an answer would be kept for the same request."""
CACHED_SHARE = 0.5
"""Price of a cached token as a share of an uncached one where no call of the model shows it: the dearest that OpenAI
and Anthropic ask, so that the saving is not made too large."""

_COPIED = ("trace_id", "span_id", "start_time", "service_name", "provider", "model", "operation", "input_preview")
Row = Mapping[str, Any]
Prices = Mapping[tuple[str | None, str | None], tuple[float | None, float | None]]


class SavingsJob:
    """Writes ``savings``: a row for every call that an earlier call would have spared, wholly or in part."""

    name = "savings"
    version = 1
    reads: Sequence[str] = ("llm_calls", "payloads", "costs")
    writes: Sequence[str] = ("savings",)
    every_s = 120.0

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Compare the calls of the window with one another and with those shortly before them."""
        window = {"since": since, "until": until}
        bounds = reader.query("job_prompts_bounds", window, timeout_s=600).to_pylist()[0]
        if bounds["first_time"] is None:
            return Output({})
        window |= {"last": bounds["last_time"]}
        lifetime = {"first": bounds["first_time"] - ANSWER_LIFETIME, "ttl_s": ANSWER_LIFETIME.total_seconds()}
        schema = arrow_schema("savings")
        repeats = reader.query("job_savings_repeats", window | lifetime, timeout_s=600)
        repeats = repeats.select(schema.names).cast(schema)
        recent = window | {"first": bounds["first_time"] - LIFETIME}
        prompts = reader.query("job_savings_prompts", recent | {"min_tokens": MIN_TOKENS}, timeout_s=600)
        prices = {
            (row["provider"], row["model"]): (row["input_usd"], row["cached_usd"])
            for row in reader.query("job_savings_prices", recent, timeout_s=600).to_pylist()
        }
        spared = set(repeats["span_id"].to_pylist())
        prefixes = prefix_rows(prompts, prices, spared)
        return Output({"savings": pa.concat_tables([repeats, prefixes])})


def prefix_rows(prompts: pa.Table, prices: Prices, spared: Iterable[str]) -> pa.Table:
    """Rows of kind ``prefix``.

    Only tokens count that the provider's own cache did not serve, of calls that no cache of answers would have spared.

    Args:
        prompts: rows of ``job_savings_prompts``.
        prices: dollars of an uncached and of a cached token by (provider, model).
        spared: span ids of calls that count as repeats already.
    """
    without = set(spared)
    cache = PrefixCache()
    rows: list[dict[str, Any]] = []
    for batch in prompts.to_batches(4_096):
        for call in batch.to_pylist():
            owner = (call["provider"], call["model"], call["service_name"])
            held, source, since = cache.look_up(
                owner, call["prompt"], call["input_tokens"], call["start_time"], (call["trace_id"], call["span_id"])
            )
            more = held - call["cache_read_tokens"]
            if more > 0 and source and since and call["fresh"] and call["span_id"] not in without:
                rows.append(_prefix_row(call, more, source, since, prices))
    return rows_to_table("savings", rows)


def _prefix_row(call: Row, tokens: int, source: tuple[str, str], since: datetime, prices: Prices) -> dict[str, Any]:
    full, cached = prices.get((call["provider"], call["model"]), (None, None))
    discount = None if full is None else full - (full * CACHED_SHARE if cached is None else cached)
    return {
        **{name: call[name] for name in _COPIED},
        "kind": "prefix",
        "of_trace_id": source[0],
        "of_span_id": source[1],
        "age_ms": (call["start_time"] - since) / timedelta(milliseconds=1),
        "saved_tokens": tokens,
        "saved_usd": None if discount is None else tokens * discount,
    }
