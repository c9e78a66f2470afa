"""The series that drift is measured on: their identity, their windows and their baselines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import EllipsisType
from typing import Any, NamedTuple, Protocol

import numpy as np

from spanloft_collector.errors import SpanloftError
from spanloft_collector.signals.drift.baseline import MAX_BASELINE, Sample
from spanloft_collector.signals.drift.geometry import Integers
from spanloft_collector.signals.drift.verdict import MIN_TEXTS

WINDOW_REACH = timedelta(days=7)
"""How far back a window of a quiet series reaches for its texts."""
BASELINE_REACH = timedelta(days=28)
"""Time before the window that a rolling baseline covers."""
MAX_WINDOW = 1_200
VERSION_AGE = timedelta(days=14)
"""A version that is older than this is not compared with the one before it any more."""
VERSION_SHARE = 0.5

Row = dict[str, Any]


class Family(NamedTuple):
    """A series by whatever model."""

    side: str
    service_name: str | None
    operation: str | None
    prompt_name: str | None


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
    def family(self) -> Family:
        """What it has in common with the same series by other models."""
        return Family(self.side, self.service_name, self.operation, self.prompt_name)

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


class Texts(Protocol):
    """Texts of one family."""

    def between(self, first: datetime, last: datetime, rows: int, *, model: str | None | EllipsisType = ...) -> Calls:
        """Texts from ``first`` up to, not including, ``last``, oldest first; without ``model`` those of every model.

        Of more than ``rows`` whole sessions are chosen by chance.
        """


class SeriesWindows:
    """Windows and baselines of one series, out of the texts of its family."""

    def __init__(self, texts: Texts, series: Series) -> None:
        self.texts = texts
        self.series = series

    def window(self, day: date, texts: int) -> Calls:
        """Texts of the day; of a quiet series the newest of the days before it, too, until there are enough.

        Args:
            day: the UTC day.
            texts: texts of the series on that day, with a vector or without.
        """
        end = midnight(day + timedelta(days=1))
        if texts >= MIN_TEXTS:
            found = self._own(midnight(day), end, MAX_WINDOW)
            if len(found) >= MIN_TEXTS:
                return found
        found = self._own(end - WINDOW_REACH, end, 4 * MAX_WINDOW)
        return found.take(np.arange(max(0, len(found) - MIN_TEXTS), len(found)))

    def baselines(self, window: Calls, pinned: Pinned | None) -> dict[str, Calls]:
        """What a window is compared with, by kind of baseline."""
        start = window.start
        assert start is not None, "a series of the day has texts"
        found = {"rolling": self._own(start - BASELINE_REACH, start, MAX_BASELINE)}
        if pinned is not None and pinned.last < start.date():
            found["pinned"] = self._own(midnight(pinned.first), midnight(pinned.last + timedelta(days=1)), MAX_BASELINE)
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
        everything = self.texts.between(start - BASELINE_REACH, start, 2 * MAX_BASELINE)
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

    def _own(self, first: datetime, last: datetime, rows: int) -> Calls:
        return self.texts.between(first, last, rows, model=self.series.model)


def version_of(row: Row) -> tuple[str | None, str | None]:
    """What counts as the version of a call: its model and its prompt's version."""
    return row["model"], row["prompt_version"]


def midnight(day: date) -> datetime:
    """Beginning of a UTC day, naive."""
    return datetime.combine(day, time())
