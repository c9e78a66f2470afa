"""What every store must hold: all of a publish or nothing, a watermark with it, and readers that never fail."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from spanloft_collector.errors import StoreError, StoreTooNew
from spanloft_collector.jobs.alerting import Alert, alerts_table
from spanloft_collector.location import setting_of
from spanloft_collector.model import DATASETS, SCHEMA_VERSION, shown_columns
from spanloft_collector.store import compact, parquet, schema
from spanloft_collector.store import files as files_module
from spanloft_collector.store.base import Store
from spanloft_collector.store.compact import Staged, merge, plan, sweep, switch
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.manifest import load_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.partitions import row_group_rows
from spanloft_collector.store.reader import DuckDBReader, fetch
from spanloft_collector.store.rewrite import set_columns
from spanloft_collector.store.schema import to_table
from spanloft_collector.store.views import DERIVED_VIEWS

DAY_US = 86_400_000_000
START_US = 1_700_000_000_000_000


@pytest.fixture(params=["parquet", "ducklake"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(parquet, "REPLACE_SETTLE_S", 0.05)
    if request.param == "parquet":
        yield ParquetStore(tmp_path / "store")
        return
    lake = request.getfixturevalue("lakes").store(tmp_path / "store")
    yield lake
    lake.close()


def spans(count: int, start_us: int = START_US, step_us: int = 1000) -> dict[str, Any]:
    """Tables ``spans`` and ``payloads`` of the same new spans."""
    columns = {
        "trace_id": [os.urandom(16).hex() for _ in range(count)],
        "span_id": [os.urandom(8).hex() for _ in range(count)],
        "start_time": [start_us + number * step_us for number in range(count)],
    }
    return {name: to_table(name, columns) for name in ("spans", "payloads")}


def daily(day: int, calls: int) -> Any:
    return to_table("cost_daily", {"day": [dt.date(2026, 1, day)], "calls": [calls]})


def count(store: Store, view: str = "spans") -> int:
    return int(store.reader().sql(f"SELECT count(*) AS n FROM {view}").column("n")[0].as_py())


# --- publishing -------------------------------------------------------------------------------------------------------


def test_an_empty_store_shows_every_view_with_its_columns_and_comments(store: Store) -> None:
    connection = store.reader().connect()
    for view in (*DATASETS, *DERIVED_VIEWS):
        assert connection.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)
    for dataset in DATASETS:
        shown = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {dataset})").fetchall())
        assert shown == {column.name: column.type for column in shown_columns(dataset)}
    bare = "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND database_name = 'spanloft'"
    assert connection.execute(bare).fetchall() == []
    bare = "SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND database_name = 'spanloft' AND NOT internal"
    assert connection.execute(bare).fetchall() == []
    connection.close()
    assert store.watermark("ingest") == {}


def test_tables_and_watermark_appear_together(store: Store) -> None:
    for number in range(1, 4):
        store.publish("ingest", spans(10, START_US + number * DAY_US), {"n": number})
        assert store.watermark("ingest") == {"n": number}
        assert count(store) == count(store, "payloads") == number * 10
    store.publish("other", spans(5), {"other": True})
    assert store.watermark("ingest") == {"n": 3}
    assert count(store) == 35


def test_publishing_the_same_watermark_again_changes_nothing(store: Store) -> None:
    tables = spans(10)
    store.publish("ingest", tables, {"journal": [1, 500]})
    store.publish("ingest", tables, {"journal": [1, 500]})
    assert count(store) == 10
    store.publish("ingest", spans(10), None)
    assert count(store) == 20
    assert store.watermark("ingest") == {"journal": [1, 500]}


def test_rows_of_many_days_in_any_order_all_come_back(store: Store) -> None:
    table = spans(200, step_us=DAY_US // 7)
    shuffled = {name: rows.take(list(reversed(range(200)))) for name, rows in table.items()}
    store.publish("ingest", shuffled, {})
    assert count(store) == 200
    found = store.reader().sql("SELECT trace_id FROM spans ORDER BY start_time").column("trace_id").to_pylist()
    assert found == table["spans"].column("trace_id").to_pylist()


def test_replacing_days_takes_only_those_days_of_that_writer_and_dataset(store: Store) -> None:
    store.publish("job", {"cost_daily": daily(1, 1)}, {"n": 1})
    store.publish("job", {"cost_daily": daily(2, 1)}, {"n": 2})
    store.publish("another", {"cost_daily": daily(1, 100)}, {"n": 1})
    store.publish("job", {"cost_daily": daily(1, 7), **spans(3)}, {"n": 3}, {"cost_daily": ["2026-01-01"]})
    rows = store.reader().sql("SELECT day, calls FROM cost_daily ORDER BY ALL").to_pylist()
    assert [(row["day"].day, row["calls"]) for row in rows] == [(1, 7), (1, 100), (2, 1)]
    store.publish("job", {}, {"n": 4}, {"cost_daily": ["2026-01-02"], "spans": ["1999-01-01"]})
    assert count(store, "cost_daily") == 2
    assert count(store) == 3


def test_dropping_a_writer_leaves_the_others(store: Store) -> None:
    store.publish("job", {"cost_daily": daily(1, 1)}, {"n": 1})
    store.publish("ingest", spans(4), {"n": 1})
    store.drop("job")
    assert count(store, "cost_daily") == 0
    assert store.watermark("job") == {}
    assert count(store) == 4
    store.publish("job", {"cost_daily": daily(1, 2)}, {"n": 1})
    assert count(store, "cost_daily") == 1


def test_a_reader_in_another_process_follows(store: Store) -> None:
    place = setting_of(store.address if isinstance(store, DuckLakeStore) else store.root)  # type: ignore[attr-defined]
    code = (
        "import spanloft, sys\n"
        f"c = spanloft.connect({place!r})\n"
        "for line in sys.stdin: print(c.execute('SELECT count(*) FROM spans').fetchone()[0], flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SPANLOFT_LOCAL": str(store.root)},  # type: ignore[attr-defined]
    ) as other:
        assert other.stdin
        assert other.stdout
        for number in range(4):
            other.stdin.write("\n")
            other.stdin.flush()
            assert int(other.stdout.readline()) == number * 10
            store.publish("ingest", spans(10), {"n": number})
        other.stdin.close()


def test_a_lease_is_held_by_one_at_a_time_and_others_are_free(store: Store) -> None:
    with store.lease("cost", wait=False):
        with pytest.raises(BlockingIOError), store.lease("cost", wait=False):
            pass
        with store.lease("latency", wait=False):
            pass
    with store.lease("cost", wait=True):
        pass


def test_everything_up_to_the_newest_publish_is_complete_soon(store: Store) -> None:
    assert store.complete_until_us() == 0
    store.publish("ingest", spans(3), {"journal": [1, 10], "ingest_us": 1_700_000_000_000_000})
    newest = int(store.watermark("ingest")["ingest_us"])
    deadline = time.monotonic() + 10
    while store.complete_until_us() < newest:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert store.complete_until_us() == newest


def test_what_the_store_holds_is_told(store: Store) -> None:
    store.publish("ingest", spans(7), {"journal": [1, 10]})
    store.publish("job-cost", {"cost_daily": daily(1, 1)}, {"until_us": 5})
    files = store.reader().sql(
        "SELECT dataset, sum(rows) AS n, min(bytes) > 0 AS ok FROM store_files GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in files.to_pylist()] == [
        ("cost_daily", 1, True),
        ("payloads", 7, True),
        ("spans", 7, True),
    ]
    progress = store.reader().sql("SELECT writer, watermark ->> 'until_us' AS until FROM store_writers ORDER BY writer")
    writers = progress.to_pylist()
    assert writers[0]["writer"].startswith("ingest")
    assert writers[1] == {"writer": "job-cost", "until": "5"}


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def data_files(root: Path) -> list[Path]:
    return sorted(path for path in (root / "data").rglob("*") if path.is_file() and path.name != "empty.parquet")


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("nth", range(1, 9))
def test_a_publish_that_fails_leaves_nothing_and_works_when_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    store = ParquetStore(root)
    store.publish("ingest", spans(3), {"n": 1})
    before = data_files(root)
    real, calls = getattr(os, call), [0]

    def flaky(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    tables = spans(5)
    failed = False
    with monkeypatch.context() as patch:
        patch.setattr(files_module.os, call, flaky)
        try:
            store.publish("ingest", tables, {"n": 2})
        except OSError:
            failed = True
    if failed and store.watermark("ingest") == {"n": 1}:
        assert data_files(root) == before, "a failed publish left files behind"
        assert count(store) == 3
    store.publish("ingest", tables, {"n": 2})
    assert count(store) == count(store, "payloads") == 8


def test_a_file_that_cant_even_be_closed_is_removed(tmp_path: Path) -> None:
    pending = files_module.PendingParquet(tmp_path / "x.parquet", "spans", row_group=10)
    pending.write(spans(1)["spans"])
    os.close(pending._file.fileno())
    pending.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_moved_store_shows_its_new_place_once_it_is_opened(root: Path, tmp_path: Path) -> None:
    ParquetStore(root).publish("ingest", spans(4), {"n": 1})
    moved = tmp_path / "it's elsewhere"
    shutil.move(root, moved)
    store = ParquetStore(moved)
    assert count(store) == 4
    store.publish("ingest", spans(4), {"n": 2})
    assert count(store) == 8
    copied = tmp_path / "copy"
    shutil.copytree(moved, copied)
    ParquetStore(copied).publish("ingest", spans(1), {"n": 3})
    assert (count(ParquetStore(copied)), count(store)) == (9, 8)


def test_a_newer_store_is_refused_by_its_version(root: Path) -> None:
    ParquetStore(root)
    meta = json.loads((root / "store.json").read_bytes())
    (root / "store.json").write_text(json.dumps({**meta, "schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(StoreTooNew, match=rf"version {SCHEMA_VERSION + 1}.*reads up to {SCHEMA_VERSION}.*upgrade"):
        ParquetStore(root)


@pytest.mark.parametrize("large", [False, True])
def test_a_store_of_the_first_version_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """Its files have no column ``model``: views work it out for every row, whatever later files have."""
    rows = row_group_rows("spans") if large else 4

    def calls(request: str | None, response: str | None) -> dict[str, Any]:
        table = spans(rows)["spans"]
        columns = {"operation": ["chat"] * rows, "request_model": [request] * rows, "response_model": [response] * rows}
        return {"spans": set_columns(table, columns)}  # type: ignore[arg-type]

    with monkeypatch.context() as first:
        first.setattr(schema, "WORKED_OUT", {})
        first.setattr(parquet, "SCHEMA_VERSION", 1)
        schema.file_schema.cache_clear()
        ParquetStore(root).publish("ingest", calls("asked", None), {"n": 1})
    schema.file_schema.cache_clear()
    store = ParquetStore(root)
    assert json.loads((root / "store.json").read_bytes())["schema_version"] == 1
    store.publish("ingest", calls("asked", "answered"), {"n": 2})
    expected = [("answered", rows), ("asked", rows)]
    counted = "SELECT model, count(*) FROM {} GROUP BY model ORDER BY model"
    for _ in range(2):
        for view in ("spans", "llm_calls"):
            assert store.reader().connect().execute(counted.format(view)).fetchall() == expected
        switch(store, merge(store, "ingest", list(store.manifest("ingest").files)))
    assert len(store.manifest("ingest").files) == 1


def test_files_hold_the_model_that_views_show(root: Path) -> None:
    store = ParquetStore(root)
    table = spans(3)["spans"]
    models: dict[str, list[Any]] = {"request_model": ["a", "b", None], "response_model": [None, "c", None]}
    store.publish("ingest", {"spans": set_columns(table, models)}, {"n": 1})
    (file,) = store.manifest("ingest").files
    assert pq.read_table(root / file.file, partitioning=None).column("model").to_pylist() == ["a", "c", None]
    found = store.reader().connect().execute("SELECT model FROM spans ORDER BY start_time").fetchall()
    assert found == [("a",), ("c",), (None,)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": "x"}', '{"root": "/"}'])
def test_a_damaged_version_file_is_named(root: Path, content: str) -> None:
    ParquetStore(root)
    (root / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"store\.json: expected JSON"):
        ParquetStore(root)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": [{"file": "x"}], "watermark": {}, "retired": {}}'])
def test_a_damaged_manifest_is_named(root: Path, content: str) -> None:
    store = ParquetStore(root)
    store.publish("ingest", spans(1), {"n": 1})
    store.manifest_path("ingest").write_text(content)
    with pytest.raises(StoreError, match=r"ingest\.json: the manifest can't be read"):
        store.watermark("ingest")


def test_a_place_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "store", Path("/proc/nowhere/store")):
        with pytest.raises(StoreError, match="can't be written"):
            ParquetStore(place)


def test_a_store_that_is_missing_is_named_by_its_reader(tmp_path: Path) -> None:
    reader = DuckDBReader(tmp_path / "none" / "spanloft.duckdb")
    with pytest.raises(StoreError, match="no store here"):
        reader.sql("SELECT 1")


def test_a_query_has_a_time_limit_and_a_wrong_one_says_so(root: Path) -> None:
    reader = ParquetStore(root).reader()
    with pytest.raises(StoreError, match="longer than"):
        reader.sql("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", timeout_s=0.2)
    with pytest.raises(StoreError, match="nothing_like_it"):
        reader.sql("SELECT nothing_like_it FROM spans")
    assert reader.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]


# --- merging and deleting under readers -------------------------------------------------------------------------------


def test_merging_keeps_every_row_once_and_drops_repeats(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "FAN_IN", 4)
    store = ParquetStore(root)
    tables = spans(10)
    for number in range(8):
        store.publish("ingest", tables if number in (2, 5) else spans(10, START_US + number), {"n": number})
    assert count(store) == 80
    for _ in range(2):
        for inputs in plan(store.manifest("ingest").files):
            switch(store, merge(store, "ingest", inputs))
    assert count(store) == count(store, "payloads") == 80  # the repeats came in different merges
    assert len(store.manifest("ingest").files) == 4
    assert sweep(store, 0.0) == 16
    assert count(store) == 80
    assert store.watermark("ingest") == {"n": 7}


def test_a_merge_whose_inputs_were_replaced_meanwhile_is_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "FAN_IN", 2)
    monkeypatch.setattr(parquet, "REPLACE_SETTLE_S", 0.0)
    store = ParquetStore(root)
    store.publish("job", {"cost_daily": daily(1, 1)}, {"n": 1})
    store.publish("job", {"cost_daily": daily(1, 2)}, {"n": 2})
    (inputs,) = plan(store.manifest("job").files)
    staged = merge(store, "job", inputs)
    store.publish("job", {"cost_daily": daily(1, 9)}, {"n": 3}, {"cost_daily": ["2026-01-01"]})
    switch(store, staged)
    assert store.reader().sql("SELECT calls FROM cost_daily").column("calls").to_pylist() == [9]


def test_days_replaced_while_they_are_merged_are_replaced_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "FAN_IN", 2)
    store = ParquetStore(root)
    store.publish("job", {"cost_daily": daily(1, 1)}, {"n": 1})
    store.publish("job", {"cost_daily": daily(1, 2)}, {"n": 2})
    (inputs,) = plan(store.manifest("job").files)
    staged = merge(store, "job", inputs)
    # The merge is named while the replacing publish waits for readers.
    monkeypatch.setattr(parquet.time, "sleep", lambda seconds: switch(store, staged))
    store.publish("job", {"cost_daily": daily(1, 9)}, {"n": 3}, {"cost_daily": ["2026-01-01"]})
    assert store.reader().sql("SELECT calls FROM cost_daily").column("calls").to_pylist() == [9]


@pytest.mark.parametrize(("losses", "found"), [(1, True), (4, True), (5, False)])
def test_a_query_that_lost_a_file_is_run_again(root: Path, losses: int, found: bool) -> None:
    store = ParquetStore(root)
    store.publish("ingest", spans(6), {"n": 1})
    connection = store.reader().connect()

    class Losing:
        left = losses

        def execute(self, *arguments: Any) -> Any:
            if self.left:
                self.left -= 1
                raise duckdb.IOException('IO Error: Cannot open file "gone.parquet": No such file or directory')
            return connection.execute(*arguments)

    losing: Any = Losing()
    if found:
        assert fetch(losing, "SELECT count(*) AS n FROM spans").column("n")[0].as_py() == 6
    else:
        with pytest.raises(duckdb.IOException):
            fetch(losing, "SELECT count(*) AS n FROM spans")
    connection.close()


READER = Path(__file__).parents[1] / "store_reader.py"


@pytest.mark.parametrize(
    ("readers", "seconds"), [(3, 6.0), pytest.param(8, 300.0, marks=[pytest.mark.slow, pytest.mark.timeout(500)])]
)
def test_readers_while_files_are_published_replaced_merged_and_deleted(
    root: Path, monkeypatch: pytest.MonkeyPatch, readers: int, seconds: float
) -> None:
    monkeypatch.setattr(compact, "FAN_IN", 4)
    monkeypatch.setattr(compact, "SETTLE_S", 2.0)
    store = ParquetStore(root)
    command = [sys.executable, str(READER), str(store.view_file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(readers)]
    published, deleted, merges = 0, 0, 0
    staged: list[Staged] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        published += 20
        store.publish("ingest", spans(20, START_US + published), {"n": published})
        store.publish("job", {"cost_daily": daily(1, published)}, {"n": published}, {"cost_daily": ["2026-01-01"]})
        now = time.monotonic()
        for ready in [one for one in staged if one.ready_at <= now]:
            switch(store, ready)
        staged = [one for one in staged if one.ready_at > now]
        busy = frozenset(file.file for one in staged for file in one.inputs)
        for inputs in plan(load_manifest(store.manifest_path("ingest")).files, busy=busy):
            staged.append(merge(store, "ingest", inputs))
            merges += 1
        deleted += sweep(store, 4.0)
    reports = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [report["errors"] for report in reports] == [[]] * readers
    assert [report["wrong"] for report in reports] == [[]] * readers
    assert all(report["queries"] > 5 for report in reports)
    assert count(store) == count(store, "payloads") == published
    assert merges > 0
    assert deleted > 0


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_the_latest_row_of_an_alert_counts_whoever_wrote_others(store: Store) -> None:
    began = dt.datetime.fromisoformat("2026-01-01T12:00")
    shared = {"key": "gpt-5 since 12:00", "kind": "latency", "title": "slow", "page": "/latency"}
    opened = Alert(**shared, time=began, severity="warning", job="alerts", evidence={"value": 3.5})
    over = replace(opened, time=began + dt.timedelta(days=1), severity="critical", state="resolved")
    elsewhere = replace(opened, job="drift", kind="drift")
    store.publish("job-alerts", {"alerts": alerts_table([opened], began)}, {"n": 1})
    store.publish("job-drift", {"alerts": alerts_table([elsewhere], began)}, {"n": 1})
    store.publish("job-alerts", {"alerts": alerts_table([over], began + dt.timedelta(hours=1))}, {"n": 2})
    found = store.reader().sql("SELECT kind, severity, state, evidence ->> 'value' AS value FROM alerts ORDER BY kind")
    assert found.to_pylist() == [
        {"kind": "drift", "severity": "warning", "state": "open", "value": "3.5"},
        {"kind": "latency", "severity": "critical", "state": "resolved", "value": "3.5"},
    ]
