"""What a window is compared with: the days before, the days that are pinned, and the version before this one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import EllipsisType

import numpy as np
import pytest
from spanloft_collector.jobs.drift_series import VERSION_AGE, Calls, Pinned, Series, SeriesWindows
from spanloft_collector.signals.drift.baseline import Sample

DAY = date(2026, 3, 20)
A_DAY = 250


class Traffic:
    """Calls of one series, A_DAY of them each day; the version says when it began."""

    def __init__(self, began: date) -> None:
        self.began = began

    def between(self, first: datetime, last: datetime, rows: int, *, model: str | None | EllipsisType = ...) -> Calls:
        days = [first + timedelta(days=number) for number in range((last - first).days)]
        times = [day + timedelta(minutes=5 * place) for day in days for place in range(A_DAY)]
        times = times[:rows] if last.date() <= DAY else times
        calls = [
            {"start_time": time, "model": "gpt-4o", "prompt_version": "2" if time.date() >= self.began else "1"}
            for time in times
        ]
        seconds = np.array([time.replace(tzinfo=UTC).timestamp() for time in times])
        vectors = np.tile(np.array([1, 0], np.float32), (len(times), 1))
        return Calls(calls, Sample(["hello"] * len(times), vectors, np.arange(len(times)) // 2, seconds))


def baselines(began: date, pinned: Pinned | None = None) -> dict[str, Calls]:
    windows = SeriesWindows(Traffic(began), Series("input", "support", "chat", "gpt-4o", "greet"))
    window = windows.window(DAY, A_DAY)
    assert len(window) == A_DAY
    return windows.baselines(window, pinned)


def test_a_new_version_is_compared_with_the_one_before() -> None:
    found = baselines(DAY)
    assert set(found) == {"rolling", "version"}
    assert {row["prompt_version"] for row in found["version"].rows} == {"1"}
    assert found["version"].end < datetime(2026, 3, 20)  # type: ignore[operator]  # noqa: DTZ001 - as in the store


def test_an_old_version_is_not_compared_for_ever() -> None:
    assert "version" not in baselines(DAY - VERSION_AGE - timedelta(days=2))
    assert "version" not in baselines(date(2026, 1, 1)), "there is none before it"


def test_pinned_days_are_the_baseline_once_they_are_over() -> None:
    found = baselines(date(2026, 1, 1), Pinned.parse("2026-03-01..2026-03-02"))["pinned"]
    assert (found.start, found.end) == (datetime(2026, 3, 1), datetime(2026, 3, 2, 20, 45))  # noqa: DTZ001 - as in the store
    assert "pinned" not in baselines(date(2026, 1, 1), Pinned(DAY, DAY + timedelta(days=1)))


def test_the_time_of_texts_goes_with_them() -> None:
    calls = baselines(DAY)["version"].take(np.arange(3))
    assert calls.sample.times is not None
    assert list(np.diff(calls.sample.times)) == [300, 300]
    assert calls.sample.span_s == pytest.approx(600)
