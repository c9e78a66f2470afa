"""Jobs on known rows: their answers, late rows, windows, versions, leases, and a failure in the middle."""

from __future__ import annotations

import datetime as dt
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from spanloft_collector.errors import SpanloftError
from spanloft_collector.jobs import runner as runner_module
from spanloft_collector.jobs.base import Output
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.pipeline.process import WRITER
from spanloft_collector.scheduling import create_jobs
from spanloft_collector.store import parquet
from spanloft_collector.store.base import Reader
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from stored import settings_for

NOON = dt.datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as in the store
DAY = dt.timedelta(days=1)


class Ingest:
    """Publishes calls as the pipeline does: each publish has one, rising ``ingest_time``."""

    def __init__(self, store: ParquetStore) -> None:
        self.store = store
        self.ingest_us = 1_700_000_000_000_000

    def publish(self, *calls: dict[str, Any]) -> None:
        self.ingest_us += 1
        rows = [{**self._defaults(), **call} for call in calls]
        columns = {name: [row.get(name) for row in rows] for name in {name for row in rows for name in row}}
        columns["ingest_time"] = [self.ingest_us] * len(rows)
        watermark = {"journal": [1, self.ingest_us], "ingest_us": self.ingest_us}
        self.store.publish(WRITER, {"spans": to_table("spans", columns)}, watermark)

    @staticmethod
    def _defaults() -> dict[str, Any]:
        return {
            "trace_id": os.urandom(16).hex(),
            "span_id": os.urandom(8).hex(),
            "start_time": NOON,
            "duration_ms": 1000.0,
            "status_code": "unset",
            "service_name": "shop",
            "operation": "chat",
            "provider": "openai",
            "response_model": "gpt-4o-2024-08-06",
            "input_tokens": 1000,
            "output_tokens": 100,
            "usage_source": "reported",
            "token_semantics": "inclusive",
            "cost_usd": 0.0035,
            "price_source": "exact",
            "ttft_ms": None,
            "error_type": None,
            "duplicate_of": None,
        }


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ParquetStore:
    monkeypatch.setattr(parquet, "REPLACE_SETTLE_S", 0.0)
    monkeypatch.setattr(parquet, "PUBLISH_SETTLE_S", 0.0)
    return ParquetStore(tmp_path / "store")


@pytest.fixture
def ingest(store: ParquetStore) -> Ingest:
    return Ingest(store)


@pytest.fixture
def runner(store: ParquetStore) -> JobRunner:
    return JobRunner(store, create_jobs(settings_for(store.root), store))


def rows(store: ParquetStore, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in store.reader().sql(statement).to_pylist()]


def test_costs_of_known_calls(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    # gpt-4o: 2.50 US dollars per million input tokens, 1.25 from the cache, 10.00 output.
    ingest.publish(
        {"span_id": "1" * 16},
        {"span_id": "2" * 16, "cache_read_tokens": 400},
        {"span_id": "3" * 16, "response_model": "nobody-knows-it", "cost_usd": None, "price_source": "none"},
        {"span_id": "4" * 16, "duplicate_of": "1" * 16},
        {"span_id": "5" * 16, "operation": "execute_tool", "input_tokens": None, "output_tokens": None},
    )
    runner.run_until_idle("cost")
    columns = "span_id, input_cost_usd, cache_read_cost_usd, output_cost_usd, cost_usd, price_source"
    found = {row[0][0]: row[1:] for row in rows(store, f"SELECT {columns} FROM costs ORDER BY span_id")}
    assert set(found) == {"1", "2", "3"}
    assert found["1"] == (0.0025, 0.0, 0.001, pytest.approx(0.0035), "exact")
    assert found["2"] == (pytest.approx(0.0015), pytest.approx(0.0005), 0.001, pytest.approx(0.003), "exact")
    assert found["3"] == (None, None, None, None, "none")


def test_daily_sums_with_late_and_unpriced_calls(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    ingest.publish({}, {}, {"start_time": NOON + DAY}, {"cost_usd": None, "price_source": "none"})
    runner.run_until_idle("cost")
    statement = "SELECT day, calls, unpriced_calls, input_tokens, output_tokens, cost_usd FROM cost_daily ORDER BY ALL"
    first, second = NOON.date(), (NOON + DAY).date()
    assert rows(store, statement) == [
        (first, 3, 1, 3000, 300, pytest.approx(0.007)),
        (second, 1, 0, 1000, 100, pytest.approx(0.0035)),
    ]
    ingest.publish({"start_time": NOON - dt.timedelta(hours=11)})  # late, on a day that was summed up already
    runner.run_until_idle("cost")
    assert rows(store, statement)[0] == (first, 4, 1, 4000, 400, pytest.approx(0.0105))
    assert rows(store, statement)[1][1] == 1
    assert rows(store, "SELECT count(*) FROM costs") == [(5,)]


def test_latency_of_known_calls_and_of_a_minute_that_gets_one_more(
    store: ParquetStore, ingest: Ingest, runner: JobRunner
) -> None:
    durations = [float(value) for value in range(100, 1100, 100)]
    ingest.publish(
        *({"duration_ms": value, "ttft_ms": value / 10} for value in durations),
        {"duration_ms": 90_000.0, "status_code": "error", "error_type": "timeout"},
        {"start_time": NOON + dt.timedelta(minutes=1), "duration_ms": 5.0},
    )
    runner.run_until_idle("latency")
    statement = (
        "SELECT minute, calls, errors, duration_p50_ms, duration_p95_ms, ttft_calls, ttft_p50_ms, output_tokens "
        "FROM latency_minute ORDER BY minute"
    )
    assert rows(store, statement) == [
        (NOON, 11, 1, 550.0, pytest.approx(955.0), 10, 55.0, 1100),
        (NOON + dt.timedelta(minutes=1), 1, 0, 5.0, 5.0, 0, None, 100),
    ]
    ingest.publish({"duration_ms": 2000.0, "start_time": NOON + dt.timedelta(seconds=59.9)})
    runner.run_until_idle("latency")
    assert rows(store, statement)[0][:4] == (NOON, 12, 1, 600.0)
    assert rows(store, statement)[1][1:4] == (1, 0, 5.0)


def test_nothing_new_does_nothing(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    assert [runner.run_until_idle(name) for name in runner.jobs] == [0] * len(runner.jobs)
    ingest.publish({})
    assert runner.run_until_idle("cost") == 1
    files = store.manifest("job-cost").files
    assert runner.run_until_idle("cost") == 0
    assert store.manifest("job-cost").files == files


@pytest.mark.parametrize("window", [1, 3, 4, 7, 1000])
def test_windows_of_any_size_give_the_same_result(
    store: ParquetStore, ingest: Ingest, runner: JobRunner, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    """A publish is never cut in two, also when it is larger than a window."""
    monkeypatch.setattr(runner_module, "WINDOW_SPANS", window)
    for number in range(6):
        ingest.publish(*({"start_time": NOON + number * DAY / 3} for _ in range(4)))
    steps: list[tuple[int, int]] = []
    windows = runner.run_until_idle("cost", progress=lambda name, done, total: steps.append((done, total)))
    assert windows == {1: 6, 3: 6, 4: 6, 7: 3, 1000: 1}[window]
    assert steps[0] == (0, 24)
    assert steps[-1] == (24, 24)
    assert rows(store, "SELECT sum(calls)::BIGINT, count(*) FROM cost_daily") == [(24, 3)]
    assert rows(store, "SELECT count(*), count(DISTINCT span_id) FROM costs") == [(24, 24)]


class Broken:
    """A job that wraps another and fails at a given window."""

    def __init__(self, job: Any, at: int) -> None:
        self.job, self.left = job, at
        self.name, self.version, self.every_s = job.name, job.version, job.every_s
        self.reads, self.writes = job.reads, job.writes

    def run(self, reader: Reader, since: dt.datetime, until: dt.datetime) -> Output:
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("broken")
        return self.job.run(reader, since, until)  # type: ignore[no-any-return]


def test_a_job_that_fails_goes_on_where_it_was(
    store: ParquetStore, ingest: Ingest, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "WINDOW_SPANS", 1)
    for _ in range(4):
        ingest.publish({}, {})
    cost = runner.jobs["cost"]
    runner.jobs["cost"] = Broken(cost, at=3)
    with pytest.raises(RuntimeError):
        runner.run_until_idle("cost")
    assert rows(store, "SELECT count(*) FROM costs") == [(4,)]
    runner.jobs["cost"] = cost
    assert runner.run_until_idle("cost") == 2
    assert rows(store, "SELECT count(*), count(DISTINCT span_id) FROM costs") == [(8, 8)]
    assert rows(store, "SELECT calls FROM cost_daily") == [(8,)]


def test_a_new_version_computes_everything_again(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    ingest.publish({}, {})
    runner.run_until_idle("cost")
    newer = Broken(runner.jobs["cost"], at=-1)
    newer.version += 1
    runner.jobs["cost"] = newer
    assert runner.run_until_idle("cost") == 1
    assert rows(store, "SELECT count(*) FROM costs") == [(2,)]
    assert store.watermark("job-cost")["version"] == newer.version
    assert runner.run_until_idle("cost") == 0
    assert runner.run_until_idle("cost", recompute=True) == 1
    assert rows(store, "SELECT calls FROM cost_daily") == [(2,)]


def test_one_runner_at_a_time_holds_a_job(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    ingest.publish({})
    with store.lease("cost", wait=False):
        with pytest.raises(SpanloftError, match="job cost is running in another process"):
            runner.run_until_idle("cost")
        assert runner.run_until_idle("latency") == 1
    assert runner.run_until_idle("cost") == 1


def test_an_unknown_job_names_the_known_ones(runner: JobRunner) -> None:
    with pytest.raises(
        SpanloftError, match="no job 'costs'; there are: alerts, cost, events, latency, prompts, savings"
    ):
        runner.run_until_idle("costs")


def test_undeclared_output_is_refused(store: ParquetStore, ingest: Ingest, runner: JobRunner) -> None:
    ingest.publish({})

    class Greedy(Broken):
        def run(self, reader: Reader, since: dt.datetime, until: dt.datetime) -> Output:
            return Output({"spans": pa.table({})})

    runner.jobs["cost"] = Greedy(runner.jobs["cost"], at=-1)
    with pytest.raises(SpanloftError, match="wrote spans, which it does not declare"):
        runner.run_until_idle("cost")


def test_stopping_ends_a_long_backfill_after_its_window(
    store: ParquetStore, ingest: Ingest, runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "WINDOW_SPANS", 1)
    for _ in range(5):
        ingest.publish({})
    stop = threading.Event()
    assert runner.run_until_idle("cost", stop=stop, progress=lambda name, done, total: done >= 2 and stop.set()) == 2
    assert runner.run_until_idle("cost") == 3
    assert rows(store, "SELECT calls FROM cost_daily") == [(5,)]


def test_running_for_ever_picks_up_what_comes_and_stops_at_once(
    store: ParquetStore, ingest: Ingest, runner: JobRunner
) -> None:
    for job in runner.jobs.values():
        job.every_s = 0.05
    broken = Broken(runner.jobs["latency"], at=1)
    broken.every_s = 0.05
    runner.jobs["latency"] = broken
    stop = threading.Event()
    thread = threading.Thread(target=runner.run_forever, args=(stop,))
    thread.start()
    for total in range(1, 4):
        ingest.publish({})
        for _ in range(200):
            if (
                rows(store, "SELECT calls FROM cost_daily")
                == [(total,)]
                == rows(store, "SELECT calls FROM latency_minute")
            ):
                break
            stop.wait(0.05)
        else:
            raise AssertionError(f"call {total} was not picked up")
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
