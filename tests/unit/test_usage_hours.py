"""What pages read from sums by the hour is what the calls say, late calls and the newest ones included."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import synthetic
from apptest import open_page
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.jobs.usage import UsageJob
from spanloft_collector.maintenance.derived import refresh_usage
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from spanloft_dashboard import data

END = "_hours.sql"
QUERIES = sorted(
    item.name.removesuffix(END)
    for item in (files("spanloft_collector") / "sql" / "queries").iterdir()
    if item.name.endswith(END)
)
HOUR = dt.timedelta(hours=1)
LATELY = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None) - 120 * HOUR
NEVER = {"earlier_s": 0, "moved_at": dt.datetime(2000, 1, 1)}  # noqa: DTZ001 - naive UTC
VIEWS: list[dict[str, Any]] = [
    {"group_by": "model", "measure": "p95", "offset_s": 0, **NEVER},
    {
        "group_by": "service",
        "measure": "ttft",
        "offset_s": 3_600,
        "earlier_s": 0,
        "moved_at": LATELY,
        "models": ["gpt-5"],
    },
    {"group_by": "provider", "measure": "speed", "offset_s": -7_200, **NEVER, "statuses": ["error"], "before": None},
]


def call(number: int, start: dt.datetime, ingest: dt.datetime, **more: Any) -> dict[str, Any]:
    return {
        "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_time": start, "ingest_time": ingest,
        "name": "chat gpt-5", "operation": "chat", "service_name": "late-bot", "provider": "openai",
        "request_model": "gpt-5", "response_model": "gpt-5", "duration_ms": 77_000.0, "status_code": "unset",
        "input_tokens": 1_000, "output_tokens": 100, "cost_usd": 5.0, "price_source": "exact", "ttft_ms": 9_000.0,
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    """Two weeks, of which the job has seen all but three calls: an old late one, a failed one, and the newest."""
    store = synthetic.publish(tmp_path_factory.mktemp("usage"), 3_000)
    ((newest, seen),) = _rows(store, "SELECT max(start_time) AS newest, max(ingest_time) AS seen FROM spans")
    after = seen + dt.timedelta(seconds=5)
    late = [
        call(1, newest - 3 * 24 * HOUR, after),
        call(
            2, newest - HOUR, after, status_code="error", error_type="RateLimitError", cost_usd=None, price_source=None
        ),
        call(3, newest + dt.timedelta(seconds=4), after + dt.timedelta(seconds=1), cost_usd=None, price_source="none"),
    ]
    columns = {name: [row.get(name) for row in late] for name in late[0].keys() | {"error_type"}}
    ingest_us = int((after - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1))  # noqa: DTZ001 - naive UTC
    store.publish("ingest", {"spans": to_table("spans", columns)}, {"seq": 2, "ingest_us": ingest_us})
    return store


def _rows(store: ParquetStore, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in store.reader().sql(statement).to_pylist()]


def parameters(store: ParquetStore, **more: Any) -> dict[str, Any]:
    ((newest,),) = _rows(store, "SELECT max(start_time) FROM spans")
    until = newest.replace(minute=0, second=0, microsecond=0) + HOUR
    since = until - 7 * 24 * HOUR
    names = ("services", "providers", "models", "operations", "statuses", "search")
    shared = {"since": since, "until": until, "before": since - 7 * 24 * HOUR, "bucket_s": 10_800, "trend_s": 21_600}
    return dict.fromkeys(names) | shared | more


def same(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == pytest.approx(other, rel=1e-9, abs=1e-9)
    return bool(one == other)


def both(store: ParquetStore, name: str, values: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    (rolled,) = store.reader().query("common_rolled").to_pylist()
    assert rolled["behind_s"] == pytest.approx(5, abs=0.1)
    by_hour = store.reader().query(f"{name}_hours", values | {"rolled_until": rolled["rolled_until"]})
    return store.reader().query(name, values).to_pylist(), by_hour.to_pylist()


@pytest.mark.parametrize("name", QUERIES)
def test_hours_say_what_calls_say(store: ParquetStore, name: str) -> None:
    for view in VIEWS:
        calls, hours = both(store, name, parameters(store, **view))
        assert len(calls) == len(hours)
        for one, other in zip(calls, hours, strict=True):
            assert one.keys() == other.keys()
            assert [key for key in one if not same(one[key], other[key])] == [], (one, other)


def test_late_and_new_calls_are_in_the_sums(store: ParquetStore) -> None:
    _, (hours, *_) = both(store, "cost_table", parameters(store, group_by="service", services=["late-bot"]))
    assert (hours["calls"], hours["unpriced_calls"], hours["cost_usd"]) == (2, 1, 5.0)


def test_the_page_takes_the_quick_way_only_where_it_says_the_same(
    monkeypatch: pytest.MonkeyPatch, store: ParquetStore
) -> None:
    open_page(monkeypatch, store.root)
    values = parameters(store, group_by="model")
    name, given = data.routed("cost_table", values)
    assert name == "cost_table_hours"
    assert f"'{given['rolled_until']:%Y-%m-%d}" in data.query_text("cost_table", values)
    half = values | {"since": values["since"] + HOUR / 2}
    assert data.routed("cost_table", half)[0] == "cost_table"
    assert data.routed("cost_table", values | {"group_by": "user"})[0] == "cost_table"
    assert data.routed("latency_heat", values | {"offset_s": 19_800})[0] == "latency_heat", (
        "half past the hour in India"
    )
    assert data.routed("overview_errors", values)[0] == "overview_errors"


def test_windows_add_up_and_a_day_can_be_summed_again(store: ParquetStore, tmp_path: Path) -> None:
    other = ParquetStore(tmp_path)
    ((seen,),) = _rows(store, "SELECT max(ingest_time) FROM spans")
    table = store.reader().sql("SELECT * FROM spans")
    ingest_us = int((seen - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1))  # noqa: DTZ001 - naive UTC
    other.publish("ingest", {"spans": table}, {"seq": 1, "ingest_us": ingest_us})
    job = UsageJob()
    job.window_spans = 700  # type: ignore[attr-defined]
    assert JobRunner(other, [job]).run_until_idle("usage") > 3
    sums = "SELECT sum(calls), sum(len(durations_ms)), sum(input_tokens) FROM usage_hourly"
    calls = "SELECT count(*), count(duration_ms), sum(input_tokens) FROM llm_calls"
    assert _rows(other, sums) == _rows(other, calls)
    days = sorted(
        {path.parent.name.removeprefix("day=") for path in (other.root / "data" / "usage_hourly").rglob("*.parquet")}
    )
    refresh_usage(other, days[3:5])
    assert _rows(other, sums) == _rows(other, calls)
