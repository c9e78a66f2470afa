"""Retention and ``spanloft compact``: what goes, what stays, and that nobody notices."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pytest
import synthetic
from spanloft_collector.errors import SpanloftError
from spanloft_collector.maintenance.compaction import compact, plan_merges
from spanloft_collector.settings import load_settings
from spanloft_collector.store.compact import sweep
from spanloft_collector.store.expire import expire, plan_expiry
from spanloft_collector.store.maintenance import Maintenance
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import Retention, parse_retention
from spanloft_collector.store.rewrite import live_files, maintenance_lock
from spanloft_collector.store.schema import to_table
from stored import one, rows

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
DATASETS = ("spans", "payloads", "costs", "logs", "ingest_health")


def day_before(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def publish(store: ParquetStore, age_days: int, project: str, spans: int = 3) -> None:
    """One publish of a project's spans, logs, health and, by the job, costs."""
    start = int((NOW - dt.timedelta(days=age_days)).timestamp() * 1e6)
    ids = {
        "trace_id": [f"{age_days:030x}{number:02x}" for number in range(spans)],
        "span_id": [f"{project.encode().hex():0>12.12}{number:04x}" for number in range(spans)],
    }
    shared = {**ids, "start_time": [start] * spans}
    tables: dict[str, dict[str, Any]] = {
        "spans": {**shared, "project": [project] * spans, "ingest_time": [start] * spans},
        "payloads": {**shared, "attributes": ["{}"] * spans},
        "logs": {"time": [start], "project": [project]},
        "ingest_health": {"minute": [start], "project": [project], "spans": [spans]},
    }
    store.publish("ingest", {name: to_table(name, columns) for name, columns in tables.items()})
    store.publish("job-cost", {"costs": to_table("costs", {**shared, "cost_usd": [1.0] * spans})})


def run(store: ParquetStore, retention: Retention) -> list[Any]:
    plans = plan_expiry(store, retention, TODAY)
    assert expire(store, plans, settle_s=0.0) == 0
    return plans


def counts(store: ParquetStore) -> dict[str, int]:
    return {name: one(store, f"SELECT count(*) FROM {name}") for name in DATASETS}


def test_days_older_than_the_term_leave_every_dataset(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for age in (0, 3, 7, 8, 40):
        publish(store, age, "default")
    plans = run(store, Retention(days=7))
    assert [plan.day for plan in plans] == [str(day_before(40)), str(day_before(8))]
    assert plans[0].rows == {"spans": 3, "payloads": 3, "logs": 1, "ingest_health": 1, "costs": 3}
    assert counts(store) == {"spans": 9, "payloads": 9, "costs": 9, "logs": 3, "ingest_health": 3}
    assert one(store, "SELECT min(start_time)::DATE FROM spans") == day_before(7)
    assert run(store, Retention(days=7)) == []


def test_files_are_unlinked_after_the_grace_period_only(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    publish(store, 40, "default")
    files = [store.root / owned.file.file for owned in live_files(store)]
    run(store, Retention(days=7))
    sweep(store, 60.0)
    assert all(file.exists() for file in files)
    time.sleep(0.01)
    sweep(store, 0.0)
    assert not any(file.exists() for file in files)


def test_the_oldest_days_go_until_the_rest_fits(tmp_path: Path) -> None:
    store = synthetic.publish(tmp_path, 3_000)
    sizes: dict[str, int] = {}
    for owned in live_files(store):
        sizes[owned.file.day] = sizes.get(owned.file.day, 0) + owned.file.bytes
    days = sorted(sizes)
    limit = sum(sizes[day] for day in days[-4:])
    assert [plan.day for plan in plan_expiry(store, Retention(max_bytes=limit), TODAY)] == days[:-4]
    assert [plan.day for plan in plan_expiry(store, Retention(max_bytes=limit - 1), TODAY)] == days[:-3]
    run(store, Retention(max_bytes=limit))
    assert sum(owned.file.bytes for owned in live_files(store)) == limit
    # Whatever its size, the day that is being written stays.
    assert [plan.day for plan in plan_expiry(store, Retention(max_bytes=1), TODAY)] == days[-4:-1]


def test_a_project_has_a_term_of_its_own(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for age in (1, 5, 20):
        publish(store, age, "default")
        publish(store, age, "demo", spans=2)
        publish(store, age, "audit", spans=1)
    plans = run(store, parse_retention("10,demo=3,audit=365", None))
    assert [(plan.day, plan.projects) for plan in plans] == [
        (str(day_before(20)), {"default", "demo"}),
        (str(day_before(5)), {"demo"}),
    ]
    kept = rows(store, "SELECT project, count(*) AS n, min(start_time)::DATE AS first FROM spans GROUP BY 1 ORDER BY 1")
    assert [tuple(row.values()) for row in kept] == [
        ("audit", 3, day_before(20)),
        ("default", 6, day_before(5)),
        ("demo", 2, day_before(1)),
    ]
    for dataset in ("payloads", "costs"):
        missing = f"SELECT count(*) FROM {dataset} ANTI JOIN spans USING (trace_id, span_id)"
        assert (one(store, f"SELECT count(*) FROM {dataset}"), one(store, missing)) == (11, 0)
    assert one(store, "SELECT count(*) FROM logs") == 3 + 2 + 1
    assert run(store, parse_retention("10,demo=3,audit=365", None)) == []


def test_a_day_leaves_whole_when_all_its_projects_may_go(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    publish(store, 20, "default")
    publish(store, 20, "demo")
    (plan,) = run(store, parse_retention("10,demo=3", None))
    assert plan.projects == frozenset()
    assert live_files(store) == []


def test_the_collector_expires_by_itself_when_told_to(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    publish(store, 40, "default")
    publish(store, 0, "default")
    Maintenance(store).step()
    assert counts(store)["spans"] == 6
    Maintenance(store, retention=Retention(days=7)).step()
    assert counts(store)["spans"] == 3


def test_the_collector_leaves_files_alone_while_a_command_works_on_them(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    publish(store, 40, "default")
    with maintenance_lock(store.root):
        Maintenance(store, retention=Retention(days=7)).step()
        assert counts(store)["spans"] == 3


@pytest.mark.parametrize("value", ["week", "30,", "=7", "-1", "demo="])
def test_a_wrong_term_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(SpanloftError, match="SPANLOFT_RETENTION_DAYS.*expected a number of days"):
        load_settings(retention_days=value)


def test_a_size_may_have_a_unit() -> None:
    settings = load_settings(retention_bytes="50GB", retention_days="30,demo=7")
    assert parse_retention(settings.retention_days, settings.retention_bytes) == Retention(30, {"demo": 7}, 50 * 10**9)


def test_compact_leaves_one_file_per_day_and_the_same_rows(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for age in (0, 1):
        for number in range(5):
            publish(store, age, f"p{number}")
    before = {name: rows(store, f"FROM {name} ORDER BY ALL") for name in DATASETS}
    plans = plan_merges(store)
    assert compact(store, plans, settle_s=0.0) == 0
    assert {name: rows(store, f"FROM {name} ORDER BY ALL") for name in DATASETS} == before
    assert len(live_files(store)) == 2 * len(DATASETS)
    assert plan_merges(store) == []


def test_a_project_keeps_no_more_bytes_than_it_may(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for age in (1, 5, 20):
        publish(store, age, "default")
        publish(store, age, "demo", spans=3)
    publish(store, 30, "demo")
    share = sum(owned.file.bytes for owned in live_files(store, "spans", "payloads", "costs")) // 7
    plans = plan_expiry(store, parse_retention(None, f"demo={2 * share + share // 2}"), TODAY)
    assert [(plan.day, sorted(plan.projects)) for plan in plans] == [
        (str(day_before(30)), []),
        (str(day_before(20)), ["demo"]),
    ]
    assert "demo has more bytes than are kept" in plans[0].reason
    assert expire(store, plans, settle_s=0.0) == 0
    kept = rows(store, "SELECT project, count(*) AS n FROM spans GROUP BY project ORDER BY project")
    assert [tuple(row.values()) for row in kept] == [("default", 9), ("demo", 6)]
    # A limit of the whole store counts what is left.
    both = parse_retention(None, f"1,demo={share}")
    assert [plan.day for plan in plan_expiry(store, both, TODAY)] == [str(day_before(20)), str(day_before(5))]


@pytest.mark.parametrize("value", ["5", "50GB", "50GB,demo=5GB", "demo=5 MB"])
def test_sizes_are_understood(value: str) -> None:
    assert load_settings(retention_bytes=value).retention_bytes == value
    assert parse_retention(None, value).limited


@pytest.mark.parametrize("value", ["much", "50GB,", "=7GB", "demo=", "-1GB"])
def test_a_wrong_size_says_what_was_expected(value: str) -> None:
    with pytest.raises(SpanloftError, match="like 50GB or 50GB,demo=5GB"):
        load_settings(retention_bytes=value)
