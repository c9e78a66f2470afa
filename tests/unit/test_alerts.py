"""Alerts of cost, latency and errors on traffic whose incidents are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spanloft_collector.jobs.alerts import AlertsJob, wilson_lower
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

BEGIN = dt.datetime.fromisoformat("2026-03-02T00:00")
HOURS, PER_HOUR = 5 * 24, 40
BAD = 4 * 24 + 9
"""The hour in which something happens: the fifth day, 09:00."""

Change = Callable[[dict[str, np.ndarray], np.ndarray], None]


def traffic(change: Change | None = None, *, seed: int = 1, per_hour: int = PER_HOUR) -> dict[str, list[Any]]:
    """Five days of calls of one service; ``change`` may alter the columns where the mask is true."""
    random = np.random.default_rng(seed)
    count = HOURS * per_hour
    hour = np.repeat(np.arange(HOURS), per_hour)
    columns = {
        "duration_ms": random.lognormal(7, 0.5, count),
        "cost_usd": random.lognormal(-5, 0.3, count),
        "failed": random.random(count) < 0.01,
    }
    if change:
        change(columns, (hour >= BAD) & (hour < BAD + 2))
    starts = [BEGIN + dt.timedelta(hours=int(h), seconds=(n % per_hour) * 60) for n, h in enumerate(hour)]
    return {
        "trace_id": [f"{n:032x}" for n in range(count)],
        "span_id": [f"{n:016x}" for n in range(count)],
        "start_time": starts,
        "ingest_time": [BEGIN + dt.timedelta(hours=int(h) + 1) for h in hour],
        "operation": ["chat"] * count,
        "service_name": ["shop"] * count,
        "response_model": ["gpt-5"] * count,
        "duration_ms": columns["duration_ms"].tolist(),
        "cost_usd": columns["cost_usd"].tolist(),
        "status_code": np.where(columns["failed"], "error", "ok").tolist(),
    }


def alerts(root: Path, spans: dict[str, list[Any]]) -> list[dict[str, Any]]:
    store = ParquetStore(root)
    newest = (max(spans["ingest_time"]) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # noqa: DTZ001
    store.publish("ingest", {"spans": to_table("spans", spans)}, {"ingest_us": newest})
    JobRunner(store, [AlertsJob()]).run_until_idle("alerts")
    found: list[dict[str, Any]] = store.reader().sql("FROM alerts ORDER BY time, kind").to_pylist()
    return found


def slower(columns: dict[str, np.ndarray], bad: np.ndarray) -> None:
    columns["duration_ms"][bad] *= 4


def dearer(columns: dict[str, np.ndarray], bad: np.ndarray) -> None:
    columns["cost_usd"][bad] *= 3


def failing(columns: dict[str, np.ndarray], bad: np.ndarray) -> None:
    columns["failed"][bad] = np.arange(bad.sum()) % 4 == 0


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_traffic_raises_no_alarm(tmp_path: Path, seed: int) -> None:
    assert alerts(tmp_path, traffic(seed=seed)) == []


@pytest.mark.parametrize(
    ("change", "kind", "titles"),
    [
        (slower, "latency", ["p95 latency of gpt-5"]),
        (dearer, "cost", ["Cost of gpt-5", "Cost per call of gpt-5"]),
        (failing, "errors", ["Error rate of gpt-5"]),
    ],
)
def test_an_incident_of_two_hours_is_one_alarm_and_over(
    tmp_path: Path, change: Change, kind: str, titles: list[str]
) -> None:
    spans = traffic(change)
    found = alerts(tmp_path, spans)
    assert sorted(alert["title"].partition(":")[0] for alert in found) == titles
    for alert in found:
        assert alert["kind"] == kind
        assert alert["window_start"] == alert["time"] == BEGIN + dt.timedelta(hours=BAD)
        assert alert["window_end"] == BEGIN + dt.timedelta(hours=BAD + 2)
        assert alert["state"] == "resolved"
        # The call that it leads to lies in the window and is one of those that changed.
        place = spans["span_id"].index(alert["span_id"])
        assert alert["window_start"] <= spans["start_time"][place] < alert["window_end"]
        assert (spans["status_code"][place] == "error") is (kind == "errors")


def test_what_is_not_over_is_open(tmp_path: Path) -> None:
    spans = traffic(slower)
    end = BEGIN + dt.timedelta(hours=BAD + 2)
    keep = [place for place, start in enumerate(spans["start_time"]) if start < end]
    (alert,) = alerts(tmp_path, {name: [values[place] for place in keep] for name, values in spans.items()})
    assert (alert["kind"], alert["state"]) == ("latency", "open")


def test_sparse_traffic_is_judged_by_wider_windows(tmp_path: Path) -> None:
    spans = traffic(per_hour=5)
    bad = [BAD <= (start - BEGIN) / dt.timedelta(hours=1) < BAD + 3 for start in spans["start_time"]]
    spans["duration_ms"] = [
        value * (6 if is_bad else 1) for value, is_bad in zip(spans["duration_ms"], bad, strict=True)
    ]
    (alert,) = alerts(tmp_path, spans)
    assert "in 6 hours" in alert["title"]


def test_wilson_agrees_with_the_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263 at 95 % gives 0.2553 to 0.3662.
    assert wilson_lower(81, 263, 1.959964) == pytest.approx(0.2553, abs=5e-5)
    assert wilson_lower(0, 0) == 0.0
