"""Every part of Spanloft on a DuckLake: load, jobs, pages' queries, the SQL page, upkeep, export."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lakes import Lakes
from spanloft_collector import commands, maintenance_commands, sql_command
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.loader import load_files
from spanloft_collector.maintenance.lake_events import join_lake_events
from spanloft_collector.maintenance.selection import Selection
from spanloft_collector.maintenance.upkeep import otlp_exporter
from spanloft_collector.settings import Settings
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.lake_connection import load_extension
from spanloft_collector.store.lake_expire import expire_lake, plan_lake_expiry
from spanloft_collector.store.lake_maintenance import LakeMaintenance, drop_repeats, merge_files, plan_merges, sweep
from spanloft_collector.store.opening import open_store
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.retention import Retention, parse_retention
from spanloft_collector.store.schema import to_table
from spanloft_dashboard import sandbox
from stored import fill, rows, sample_requests, settings_for

CASES = ("chat", "support_agent", "failing_agent", "poisoned_agent", "chat_stream_usage", "messages_cache")
FILES = [path for path in sample_requests() if path.parts[-3] == "otel_genai" and path.parts[-2] in CASES]
COMPARED = ("SELECT * EXCLUDE (ingest_time) FROM spans", "SELECT * FROM payloads")


@pytest.fixture(scope="module")
def settings(lakes: Lakes, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a lake that holds the sample traces, loaded and worked on as users do it."""
    local = lakes.local(tmp_path_factory.mktemp("machine"))
    settings = settings_for(lakes.address(), local=local)
    store = open_store(settings)
    with commands.sender(settings, store) as send:
        report = load_files(FILES, send, store.reader())
    assert (report.errors, report.rejected) == ([], 0)
    store.close()  # type: ignore[union-attr]
    commands.run_job(settings, "all", recompute=False)
    return settings


@pytest.fixture
def store(settings: Settings) -> Iterator[DuckLakeStore]:
    store = open_store(settings)
    assert isinstance(store, DuckLakeStore)
    yield store
    store.close()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    """The same in a store in a directory."""
    return fill(tmp_path_factory.mktemp("directory"), FILES)


def test_load_and_jobs_give_what_they_give_in_a_directory(store: DuckLakeStore, directory: ParquetStore) -> None:
    for whole in COMPARED:
        statement = f"{whole} ORDER BY trace_id, span_id"
        assert rows(store, statement) == rows(directory, statement)  # type: ignore[arg-type]
    for statement in (
        "SELECT day, model, sum(calls), round(sum(cost_usd), 9) FROM cost_daily GROUP BY ALL ORDER BY ALL",
        "SELECT minute, model, sum(calls) FROM latency_minute GROUP BY ALL ORDER BY ALL",
        "SELECT prompt, calls FROM prompts ORDER BY ALL",
        "SELECT category, count(*) FROM security_findings GROUP BY ALL ORDER BY ALL",
    ):
        expected = rows(directory, statement)
        assert expected
        assert rows(store, statement) == expected  # type: ignore[arg-type]


def test_loading_the_same_again_changes_nothing(settings: Settings, store: DuckLakeStore) -> None:
    before = rows(store, "SELECT count(*) AS n FROM spans")  # type: ignore[arg-type]
    with commands.sender(settings, store) as send:
        report = load_files(FILES[:3], send, store.reader())
    assert report.spans == 0
    assert report.already_stored > 0
    assert rows(store, "SELECT count(*) AS n FROM spans") == before  # type: ignore[arg-type]


def test_sql_runs_from_the_command_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_command.run_sql(settings, "SELECT count(*) > 10 AS many FROM llm_calls", "csv") == 0
    assert capsys.readouterr().out.split() == ["many", "True"]


def test_the_shell_reads_the_same_views_as_the_docs_say(settings: Settings, store: DuckLakeStore) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    (block,) = re.findall(r"^```duckdb\n(.*?)^```", page, re.M | re.S)
    (named,) = re.findall(r"'ducklake:postgres:(.*?)'", block)
    with duckdb.connect() as shell:
        for extension in ("ducklake", "postgres_scanner"):
            load_extension(shell, extension)
        found = shell.execute(block.replace(named, store.address.catalog)).fetchall()
        assert found == [tuple(row.values()) for row in rows(store, block.split("USE spanloft;")[1])]  # type: ignore[arg-type]
        assert len(found) > 2
        comments = "SELECT comment FROM duckdb_views() WHERE database_name = 'spanloft' AND view_name = 'llm_calls'"
        assert shell.execute(comments).fetchall()[0][0].startswith("Billable calls")


def test_the_sql_page_shows_views_and_nothing_behind_them(settings: Settings, store: DuckLakeStore) -> None:
    lake = store.address
    answer = sandbox.run(store.view_file, "SELECT count(*) AS n FROM llm_calls", lake=lake)
    assert answer.rows.column("n")[0].as_py() > 10
    for statement, reason in (
        ("SELECT * FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1 AS a')", "not allowed"),
        ("FROM __DuckLake_metadata_lake.ducklake_snapshot", "not allowed"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled"),
        ("DELETE FROM lake.stored.spans", "only SELECT"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "only SELECT"),
    ):
        with pytest.raises(StoreError, match=reason):
            sandbox.run(store.view_file, statement, lake=lake)


def test_an_export_loads_into_a_directory_as_the_same_store(store: DuckLakeStore, tmp_path: Path) -> None:
    output = tmp_path / "export"
    output.mkdir()
    written = otlp_exporter(store)(output, Selection(), lambda done, total: None)
    assert written["traces"] == rows(store, "SELECT count(*) AS n FROM spans")[0]["n"]  # type: ignore[arg-type]
    loaded = fill(tmp_path / "loaded", sorted(output.iterdir()), jobs=False)
    kept = "SELECT trace_id, span_id, name, start_time, input_tokens, cost_usd FROM spans ORDER BY trace_id, span_id"
    assert rows(loaded, kept) == rows(store, kept)  # type: ignore[arg-type]


def test_commands_that_rewrite_history_say_that_they_cant(settings: Settings) -> None:
    with pytest.raises(SpanloftError, match="not on a DuckLake"):
        maintenance_commands.run_reprice(settings, since=None, until=None, model=None, dry_run=True)


# --- upkeep -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(lakes: Lakes, tmp_path: Path) -> Iterator[DuckLakeStore]:
    store = lakes.store(tmp_path / "machine")
    yield store
    store.close()


def published(store: DuckLakeStore, number: int, day: dt.date, project: str = "default", spans: int = 4) -> Any:
    start = int(dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC).timestamp() * 1e6)
    columns = {
        "trace_id": [os.urandom(16).hex() for _ in range(spans)],
        "span_id": [os.urandom(8).hex() for _ in range(spans)],
        "start_time": [start + n for n in range(spans)],
    }
    tables = {
        "spans": to_table("spans", {**columns, "project": [project] * spans}),
        "payloads": to_table("payloads", {**columns, "attributes": ["{}"] * spans}),
    }
    store.publish("ingest", tables, {"journal": [1, number], "ingest_us": 1})
    return tables


def counts(store: DuckLakeStore) -> tuple[int, int]:
    found = store.reader().sql("SELECT (SELECT count(*) FROM spans) AS s, (SELECT count(*) FROM payloads) AS p")
    return tuple(found.to_pylist()[0].values())  # type: ignore[return-value]


def test_small_files_become_one_and_old_ones_leave(empty: DuckLakeStore) -> None:
    for number in range(5):
        published(empty, number, dt.date(2026, 1, 2))
    merges = plan_merges(empty, fan_in=4, tiers=(1 << 20,))
    assert {(merge.dataset, merge.files) for merge in merges} == {("spans", 5), ("payloads", 5)}
    for merge in merges:
        merge_files(empty, merge.dataset, merge.below_bytes)
    assert counts(empty) == (20, 20)
    assert plan_merges(empty, fan_in=2, tiers=(1 << 20,)) == []
    files = list(Path(empty.address.data).rglob("*.parquet"))
    sweep(empty, 0.0, orphans=False)
    left = list(Path(empty.address.data).rglob("*.parquet"))
    assert (len(files), len(left)) == (12, 2)
    assert counts(empty) == (20, 20)


def test_spans_that_two_collectors_got_are_stored_once(empty: DuckLakeStore, lakes: Lakes, tmp_path: Path) -> None:
    tables = published(empty, 1, dt.date(2026, 1, 2), spans=6)
    other = DuckLakeStore(empty.address, lakes.local(tmp_path / "another"))
    assert other.writer_id != empty.writer_id
    half = {name: table.slice(0, 3) for name, table in tables.items()}
    other.publish("ingest", half, {"journal": [1, 1], "ingest_us": 1})
    assert counts(empty) == (9, 9)
    deadline = time.monotonic() + 30
    dropped = 0
    while not dropped and time.monotonic() < deadline:
        dropped += drop_repeats(empty)
    assert dropped == 3
    assert counts(empty) == (6, 6)
    other.close()


def test_days_and_projects_expire_and_a_dry_run_says_so(empty: DuckLakeStore) -> None:
    today = dt.date(2026, 3, 1)
    for number, (age, project) in enumerate([(40, "default"), (5, "default"), (5, "demo"), (0, "demo")]):
        published(empty, number, today - dt.timedelta(days=age), project)
    plans = plan_lake_expiry(empty, parse_retention("30,demo=3", None), today)
    assert [(plan.day, sorted(plan.projects), plan.rows["spans"]) for plan in plans] == [
        ("2026-01-20", [], 4),
        ("2026-02-24", ["demo"], 4),
    ]
    assert counts(empty) == (16, 16)
    expire_lake(empty, plans)
    assert counts(empty) == (8, 8)
    by_project = empty.reader().sql("SELECT project, count(*) AS n FROM spans GROUP BY ALL ORDER BY ALL").to_pylist()
    assert by_project == [{"project": "default", "n": 4}, {"project": "demo", "n": 4}]


def test_one_process_at_a_time_does_the_upkeep(empty: DuckLakeStore) -> None:
    published(empty, 1, dt.date(2026, 1, 2))
    published(empty, 2, dt.datetime.now(dt.UTC).date())
    upkeep = LakeMaintenance(empty, retention=Retention(days=7))
    with empty.lease("maintenance", wait=True):
        upkeep.step()
        assert counts(empty) == (8, 8)
    upkeep.step()
    assert counts(empty) == (4, 4)


def test_messages_of_late_events_are_written_into_their_spans(empty: DuckLakeStore) -> None:
    tables = published(empty, 1, dt.date(2026, 1, 2), spans=2)
    spans = tables["spans"]
    message = {"role": "user", "parts": [{"type": "text", "content": "hello"}]}
    event = {
        "time": spans.column("start_time").to_pylist()[:1],
        "trace_id": spans.column("trace_id").to_pylist()[:1],
        "span_id": spans.column("span_id").to_pylist()[:1],
        "event_name": ["gen_ai.client.inference.operation.details"],
        "attributes": [json.dumps({"gen_ai.input.messages": [message]})],
    }
    empty.publish("ingest", {"logs": to_table("logs", event)}, {"journal": [1, 2], "ingest_us": 1})
    keys = spans.select(["trace_id", "span_id", "start_time"])
    assert join_lake_events(empty, keys) == 1
    assert join_lake_events(empty, keys) == 0
    shown = empty.reader().sql("SELECT input_preview FROM spans WHERE input_preview IS NOT NULL").to_pylist()
    assert shown == [{"input_preview": "hello"}]
    assert counts(empty) == (2, 2)
