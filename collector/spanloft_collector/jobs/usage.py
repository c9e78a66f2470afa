"""Calls, tokens, cost and durations by hour: what pages over long periods read instead of every call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from spanloft_collector.jobs.base import Output
from spanloft_collector.store.base import Reader
from spanloft_collector.store.schema import arrow_schema

BEGINNING, END = datetime(1970, 1, 1), datetime(9999, 1, 1)  # noqa: DTZ001 - the store's times are UTC without zone


class UsageJob:
    """Writes ``usage_hourly``.

    Sums of windows add up, and so do lists of durations, from which percentiles are as exact as from the calls. So
    nothing is ever read back: late calls of an old hour become another row of it.
    """

    name = "usage"
    version = 1
    reads: Sequence[str] = ("llm_calls",)
    writes: Sequence[str] = ("usage_hourly",)
    every_s = 30.0

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Sum up the calls of the window."""
        parameters = {"since": since, "until": until, "first": BEGINNING, "last": END}
        schema = arrow_schema("usage_hourly")
        rows = reader.query("job_usage_rows", parameters, timeout_s=600).select(schema.names).cast(schema)
        return Output({"usage_hourly": rows} if rows.num_rows else {})
