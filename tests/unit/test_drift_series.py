"""What a window is compared with: the days before, the days that are pinned, and the version before this one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from spanloft_collector.jobs.drift_series import VERSION_AGE, Calls, Pinned, Series, SeriesReader

DAY = date(2026, 3, 20)
A_DAY = 250


class Traffic:
    """A reader of calls of one series, A_DAY of them each day; the version says when it began."""

    def __init__(self, began: date) -> None:
        self.began = began
        self.asked: list[Mapping[str, Any]] = []

    def query(self, name: str, parameters: Mapping[str, Any], *, timeout_s: float) -> pa.Table:
        assert name == "job_drift_texts"
        self.asked.append(parameters)
        first, last = parameters["first"], parameters["last"]
        days = [first + timedelta(days=number) for number in range((last - first).days)]
        times = [day + timedelta(minutes=5 * place) for day in days for place in range(A_DAY)]
        times = times[: parameters["rows"]] if last.date() <= DAY else times
        new = [time.date() >= self.began for time in times]
        return pa.table(
            {
                "start_time": times,
                "session_id": [str(place // 2) for place in range(len(times))],
                "text": ["hello"] * len(times),
                "model": ["gpt-4o"] * len(times),
                "prompt_version": ["2" if value else "1" for value in new],
                "vector": pa.array([[1.0, 0.0]] * len(times), pa.list_(pa.float32(), 2)),
            }
        )


def baselines(began: date, pinned: Pinned | None = None) -> dict[str, Calls]:
    reader = SeriesReader(Traffic(began), Series("input", "support", "chat", "gpt-4o", "greet"), {})  # type: ignore[arg-type]
    window = reader.window(DAY, A_DAY)
    assert len(window) == A_DAY
    return reader.baselines(window, pinned)


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
