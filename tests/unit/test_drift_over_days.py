"""What the days before and the other series say of a window: false discoveries, gradual drift, since when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
from spanloft_collector.jobs.drift import alerts_of, by_window, settle
from spanloft_collector.jobs.drift_rows import Finding, window_row
from spanloft_collector.jobs.drift_series import Series
from spanloft_collector.signals.drift.cumulative import ALARM, accumulate, alarm_level
from spanloft_collector.signals.drift.topics import Topic
from spanloft_collector.signals.drift.verdict import ALPHA, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOPIC = Topic("luggage", "appeared", 0.0, 0.1, np.arange(5), np.arange(20))
CALL = {"trace_id": "a" * 32, "span_id": "b" * 16, "text": "where is my luggage"}


def finding(service: str, day: int, p_value: float) -> Finding:
    when = datetime(2026, 1, 1) + timedelta(days=day)  # noqa: DTZ001 - as in the store
    verdict = Verdict("drifted" if p_value <= ALPHA else "no drift", 900, 200, "", p_value, "topic", topics=[TOPIC])
    times = (when + timedelta(hours=1), when + timedelta(hours=20))
    series = Series("input", service, "chat", "gpt-4o", None)
    examples = [[CALL] * 5]
    return Finding(series, when.date(), "rolling", verdict, "m/1/fp32", times, times, examples, CALL, [], "[]", "[]")


class Store:
    """Judges day after day; keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.days = count()

    def day(self, p_values: list[float]) -> list[Finding]:
        day = next(self.days)
        found = [finding(f"s{number}", day, p_value) for number, p_value in enumerate(p_values)]
        # As ``job_drift_previous`` reads them: the last two months.
        recent = by_window(row for row in self.rows if row["day"] >= date(2026, 1, 1) + timedelta(days=day - 60))
        settle(found, recent)
        alerts = alerts_of(found, recent)
        assert len({alert.alert_id for alert in alerts}) == len(alerts)
        self.rows += [window_row(one, NOW) for one in found]
        return found


def test_a_drift_that_is_over_is_over() -> None:
    store = Store()
    for _ in range(5):
        assert store.day([1e-6])[0].status == "drifted"
    for p_value in (0.4, 0.6, 0.3):
        after = store.day([p_value])[0]
        assert after.status == "no drift"
        assert not after.verdict.topics


def test_many_small_signs_are_a_gradual_drift_since_they_began() -> None:
    store = Store()
    for p_value in (0.5, 0.9, 0.8):
        store.day([p_value])
    days = 0
    while (found := store.day([0.06])[0]).status == "no drift":
        assert found.reason == ""
        days += 1
    assert days <= 5
    assert found.kind == "gradual"
    assert found.since == datetime(2026, 1, 4, 1)  # noqa: DTZ001 - as in the store
    assert "those since 2026-01-04 together lie" in found.reason
    assert [topic.name for topic in found.verdict.topics] == ["luggage"]
    assert store.day([0.06])[0].since == found.since
    for _ in range(4):
        store.day([0.5])
    assert store.day([0.5])[0].status == "no drift"


def test_where_nothing_changes_many_series_are_not_gradual_drifts_by_chance() -> None:
    rng = np.random.default_rng(3)
    store = Store()
    series, days = 100, 60
    alarmed = [any(found.gradual for found in store.day(list(rng.random(series)))) for _ in range(days)]
    assert np.mean(alarmed) <= 0.15, "one day in twenty, several in a row"
    chance = np.random.default_rng(0)
    levels = [[0.0] * series]
    for _ in range(days):
        levels.append([accumulate(level, chance.random()) for level in levels[-1]])
    assert np.mean([max(day) >= ALARM for day in levels]) > 0.2, "what the level is for"


def test_the_level_rises_with_the_series() -> None:
    assert alarm_level(0) == alarm_level(1) == alarm_level(13) == ALARM
    assert 7.6 < alarm_level(200) < 7.8
    level = 0.0
    for _ in range(30):
        level = accumulate(level, 0.001, alarm_level(200))
    assert level == alarm_level(200) + 2, "what took a month to add up does not take a month to end"


def test_what_is_to_be_expected_among_many_is_no_drift() -> None:
    rng = np.random.default_rng(1)
    quiet = list(rng.uniform(0.02, 1, 199))
    found = Store().day([0.009, *quiet])[0]
    assert found.status == "no drift"
    assert "by chance among 200 windows" in found.reason
    assert Store().day([1e-6, *quiet])[0].status == "drifted"
