"""How long calls took, by minute, service, model and operation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanloft_collector.jobs.base import Output
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import arrow_schema


class LatencyJob:
    """Writes ``latency_minute``.

    Percentiles can't be added up, so a minute that gets a late call is computed again in full; the other minutes
    of its day are carried over.
    """

    name = "latency"
    version = 1
    reads: Sequence[str] = ("llm_calls",)
    writes: Sequence[str] = ("latency_minute",)
    every_s = 5.0

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Recompute the minutes that the window touches."""
        minutes = reader.query("job_latency_minutes", {"since": since, "until": until}, timeout_s=600)
        touched = minutes.column("minute").to_pylist()
        if not touched:
            return Output({})
        parameters = {
            "minutes": touched,
            "first": min(touched),
            "last": max(touched),
            "days": sorted({minute.date() for minute in touched}),
            "until": until,
        }
        schema = arrow_schema("latency_minute")
        rows = reader.query("job_latency_rows", parameters, timeout_s=600).select(schema.names).cast(schema)
        return Output({"latency_minute": rows}, {"latency_minute": [day.isoformat() for day in parameters["days"]]})
