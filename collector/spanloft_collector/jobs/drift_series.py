"""The series that drift is measured on: their identity, their windows and their baselines, as read from the store."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.drift.baseline import MAX_BASELINE, Sample
from spanloft_collector.signals.drift.geometry import Integers
from spanloft_collector.signals.drift.verdict import MIN_TEXTS
from spanloft_collector.store.base import Reader

WINDOW_REACH = timedelta(days=7)
"""How far back a window of a quiet series reaches for its texts."""
BASELINE_REACH = timedelta(days=28)
"""Time before the window that a rolling baseline covers."""
MAX_WINDOW = 1_200
VERSION_AGE = timedelta(days=14)
"""A version that is older than this is not compared with the one before it any more."""
VERSION_SHARE = 0.5

Row = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """One side of the calls of a service, by operation, model and prompt."""

    side: str
    service_name: str | None
    operation: str | None
    model: str | None
    prompt_name: str | None

    @property
    def series_id(self) -> str:
        """12 hex digits."""
        parts = (self.side, self.service_name, self.operation, self.model, self.prompt_name)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """Its name for people."""
        parts = (self.service_name or "unknown service", self.operation, self.model, self.prompt_name, f"{self.side}s")
        return " / ".join(part for part in parts if part)


@dataclass(frozen=True)
class Calls:
    """Texts of a series with what goes with them, oldest first."""

    rows: Sequence[Row]
    sample: Sample

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Integers) -> Calls:
        """The texts at ``places``."""
        return Calls([self.rows[place] for place in places], self.sample.take(places))

    @property
    def start(self) -> datetime | None:
        """Time of the first text."""
        return self.rows[0]["start_time"] if self.rows else None

    @property
    def end(self) -> datetime | None:
        """Time of the last text."""
        return self.rows[-1]["start_time"] if self.rows else None


@dataclass(frozen=True)
class Pinned:
    """Days that are the baseline for good, both included."""

    first: date
    last: date

    @classmethod
    def parse(cls, value: str) -> Pinned:
        """From ``2026-11-01..2026-11-07``.

        Raises:
            SpanloftError: it is something else.
        """
        first, _, last = value.partition("..")
        try:
            pinned = cls(date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip()))
        except ValueError:
            raise SpanloftError(
                f"SPANLOFT_DRIFT_BASELINE={value}: expected DAY..DAY, such as 2026-11-01..2026-11-07"
            ) from None
        if pinned.last < pinned.first:
            raise SpanloftError(f"SPANLOFT_DRIFT_BASELINE={value}: the last day lies before the first")
        return pinned


class SeriesReader:
    """Reads texts of one series, by one embedding model."""

    def __init__(self, reader: Reader, series: Series, model: Mapping[str, str]) -> None:
        self.reader = reader
        self.series = series
        self.model = model

    def window(self, day: date, texts: int) -> Calls:
        """Texts of the day; of a quiet series the newest of the days before it, too, until there are enough.

        Args:
            day: the UTC day.
            texts: texts of the series on that day, with a vector or without.
        """
        end = midnight(day + timedelta(days=1))
        if texts >= MIN_TEXTS:
            found = self._texts(midnight(day), end, MAX_WINDOW)
            if len(found) >= MIN_TEXTS:
                return found
        found = self._texts(end - WINDOW_REACH, end, 4 * MAX_WINDOW)
        return found.take(np.arange(max(0, len(found) - MIN_TEXTS), len(found)))

    def baselines(self, window: Calls, pinned: Pinned | None) -> dict[str, Calls]:
        """What a window is compared with, by kind of baseline."""
        start = window.start
        assert start is not None, "a series of the day has texts"
        found = {"rolling": self._texts(start - BASELINE_REACH, start, MAX_BASELINE)}
        if pinned is not None and pinned.last < start.date():
            found["pinned"] = self._texts(
                midnight(pinned.first), midnight(pinned.last + timedelta(days=1)), MAX_BASELINE
            )
        before = self._previous_version(window)
        if before is not None:
            found["version"] = before
        return found

    def _previous_version(self, window: Calls) -> Calls | None:
        """Texts of the versions before the one that most of the window has; None when it is not new."""
        (newest, count), *_ = Counter(map(version_of, window.rows)).most_common(1)
        if count < VERSION_SHARE * len(window):
            return None
        start = window.start
        assert start is not None
        everything = self._texts(start - BASELINE_REACH, start, 2 * MAX_BASELINE, any_model=True)
        used = [version_of(row) == newest for row in everything.rows]
        first = next((row["start_time"] for row, same in zip(everything.rows, used, strict=True) if same), start)
        places = [
            place
            for place, (row, same) in enumerate(zip(everything.rows, used, strict=True))
            if not same and row["start_time"] < first
        ]
        if first < start - VERSION_AGE or len(places) < MIN_TEXTS:
            return None
        return everything.take(np.array(places[-MAX_BASELINE:], np.int64))

    def _texts(self, first: datetime, last: datetime, rows: int, *, any_model: bool = False) -> Calls:
        parameters = {
            "first": first,
            "last": last,
            "rows": rows,
            "any_model": any_model,
            "side": self.series.side,
            "service_name": self.series.service_name,
            "operation": self.series.operation,
            "model": self.series.model,
            "prompt_name": self.series.prompt_name,
            **self.model,
        }
        return _calls(self.reader.query("job_drift_texts", parameters, timeout_s=600))


def version_of(row: Row) -> tuple[str | None, str | None]:
    """What counts as the version of a call: its model and its prompt's version."""
    return row["model"], row["prompt_version"]


def midnight(day: date) -> datetime:
    """Beginning of a UTC day, naive."""
    return datetime.combine(day, time())


def _calls(table: pa.Table) -> Calls:
    column = table.column("vector").combine_chunks()
    rows = table.drop_columns(["vector"]).to_pylist()
    count = len(rows)
    values = column.values if count else pa.array([], pa.float32())
    matrix = np.asarray(values.to_numpy(zero_copy_only=False), np.float32).reshape(count, -1) if count else None
    sessions: dict[str, int] = {}
    units = np.array([sessions.setdefault(row["session_id"], len(sessions)) for row in rows], np.int64)
    times = np.array([row["start_time"].replace(tzinfo=UTC).timestamp() for row in rows], np.float64)
    vectors = np.zeros((0, 1), np.float32) if matrix is None else matrix
    return Calls(rows, Sample([row["text"] for row in rows], vectors, units, times))
