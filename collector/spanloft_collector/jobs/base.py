"""The contract of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import pyarrow as pa

from spanloft_collector.store.base import Reader

FIRST = datetime(1971, 1, 1)  # noqa: DTZ001 - the store's timestamps are naive UTC
"""No window begins before this, so that a query may reach back from it."""


def utc_now() -> datetime:
    """Now, as the store's timestamps are: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Output:
    """What one run of a job publishes: tables by dataset, and the days whose earlier rows they replace."""

    tables: Mapping[str, pa.Table]
    replace_days: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Job(Protocol):
    """A derived dataset and how to compute it.

    A job is incremental over ``ingest_time``: it is called with consecutive windows ``since < ingest_time <= until``
    that hold every span exactly once, also late ones. It must not keep state of its own: a run that dies is run
    again with the same window.
    """

    name: str
    version: int
    """Raise it when the result changes: everything is computed anew."""
    reads: Sequence[str]
    writes: Sequence[str]
    every_s: float
    """How often to look for new spans, in seconds."""

    def run(self, reader: Reader, since: datetime, until: datetime) -> Output:
        """Compute the rows for spans ingested after ``since`` and up to ``until`` (naive UTC)."""
