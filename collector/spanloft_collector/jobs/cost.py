"""What each call cost, component by component, and where the price came from; and the sums per day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from spanloft_collector.jobs.base import Output, utc_now
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.pricing.usage import Usage
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import arrow_schema, rows_to_table

USAGE_COLUMNS = tuple(name for name in Usage._fields if name != "input_only")
_COMPONENTS = ("input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd")


class CostJob:
    """Writes ``costs`` (a row per billable call) and ``cost_daily``."""

    name = "cost"
    version = 1
    reads: Sequence[str] = ("llm_calls",)
    writes: Sequence[str] = ("costs", "cost_daily")
    every_s = 5.0

    def __init__(self, pricer: Pricer) -> None:
        self.pricer = pricer

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Price the calls of the window and sum up the days they fall on."""
        window = {"since": since, "until": until}
        calls = reader.query("job_cost_calls", window, timeout_s=600)
        days = [row["day"] for row in reader.query("job_cost_days", window, timeout_s=600).to_pylist()]
        tables: dict[str, pa.Table] = {"costs": self._costs(calls)}
        if days:
            daily = reader.query("job_cost_daily", {"days": days, "until": until}, timeout_s=600)
            tables["cost_daily"] = daily.select(arrow_schema("cost_daily").names).cast(arrow_schema("cost_daily"))
        return Output(tables, {"cost_daily": [day.isoformat() for day in days]})

    def _costs(self, calls: pa.Table) -> pa.Table:
        priced_at = utc_now()
        return costs_table([cost_row(call, self.pricer, priced_at) for call in calls.to_pylist()])


def costs_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of ``costs`` as a table."""
    return rows_to_table("costs", rows)


def cost_row(call: Mapping[str, Any], pricer: Pricer, priced_at: datetime) -> dict[str, Any]:
    """Row of ``costs`` for a call: a row of ``llm_calls`` with at least the columns of ``job_cost_calls``."""
    usage = Usage(**{name: call[name] for name in USAGE_COLUMNS}, input_only=call["operation"] == "embeddings")
    price = pricer.price_call(
        provider=call["provider"],
        response_model=call["response_model"],
        request_model=call["request_model"],
        server_address=call["server_address"],
        usage=usage,
        service_tier=call["service_tier"],
        start_time=call["start_time"].replace(tzinfo=UTC),
        duration_s=None if call["duration_ms"] is None else call["duration_ms"] / 1000,
        reported_cost_usd=call["reported_cost_usd"],
    )
    components = {name: _float(getattr(price, name)) for name in (*_COMPONENTS, "cost_usd")}
    return {
        "trace_id": call["trace_id"],
        "span_id": call["span_id"],
        "start_time": call["start_time"],
        "provider": call["provider"],
        "model": call["model"],
        "price_model": price.price_model,
        "price_provider": price.price_provider,
        "uncached_input_tokens": call["uncached_input_tokens"],
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        **components,
        "reported_cost_usd": call["reported_cost_usd"],
        "usage_source": usage.usage_source,
        "price_source": price.price_source,
        "price_note": price.price_note,
        "price_date": price.price_date,
        "price_version": price.price_version,
        "priced_at": priced_at,
    }


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
