"""Totals and buckets of a cards query: one row per period and bucket, the totals where the bucket is NULL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from spanloft_dashboard.components.cards import Card, Good
from spanloft_dashboard.components.scope import Scope

_ORIGIN = dt.datetime(2000, 1, 3)  # noqa: DTZ001 - where DuckDB's time_bucket begins to count, UTC


@dataclass(frozen=True)
class Trend:
    """The totals of this period and the one before, and the buckets of this one in order with their starts, UTC."""

    now: dict[str, Any]
    before: dict[str, Any]
    buckets: list[dict[str, Any]]
    moments: list[dt.datetime]

    @classmethod
    def of(cls, table: pa.Table, scope: Scope) -> Trend:
        """Sort the rows of a cards query; buckets in which nothing happened become empty rows."""
        window = scope.window()
        now: dict[str, Any] = {}
        before: dict[str, Any] = {}
        found: dict[dt.datetime, dict[str, Any]] = {}
        for found_row in table.to_pylist():
            # DuckDB adds whole numbers up to decimals.
            row: dict[str, Any] = {name: float(v) if isinstance(v, Decimal) else v for name, v in found_row.items()}
            if row["bucket"] is None:
                (now if row["period"] == "now" else before).update(row)
            elif row["period"] == "now":
                found[row["bucket"]] = row
        step = dt.timedelta(seconds=window.trend_s)
        start = _ORIGIN + (window.since - _ORIGIN) // step * step
        count = min(int((window.until - start) / step) + 1, 2_000)
        moments = [start + step * position for position in range(count)]
        return cls(now, before if window.before else {}, [found.get(moment, {}) for moment in moments], moments)

    def pair(self, name: str) -> tuple[float | None, float | None]:
        """Total of this period and of the one before."""
        return self.now.get(name), self.before.get(name)

    def card(
        self,
        label: str,
        name: str,
        write: Callable[[Any], str],
        good: Good,
        words: str = "",
        absent: float | None = None,
    ) -> Card:
        """The card of one column.

        Args:
            label: what stands above the number.
            name: column of the query.
            write: writes the number.
            good: direction that is welcome.
            words: explanation.
            absent: what a period without rows counts as; unknown when not given.
        """
        value = self.now.get(name)
        now = absent if value is None else value
        return Card(label, write(now), now, self.before.get(name), self.series(name), good, words)

    def series(self, name: str) -> list[float]:
        """Values of the buckets; 0 where nothing happened."""
        return [float(row.get(name) or 0.0) for row in self.buckets]
