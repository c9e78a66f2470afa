"""Readers while manifests are replaced: a query never meets half of one."""

from __future__ import annotations

import datetime as dt
import threading
import time
from pathlib import Path

import pytest
from spanloft_collector.model import SCHEMA_VERSION
from spanloft_collector.store import parquet
from spanloft_collector.store.manifest import LiveFile, update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from spanloft_collector.store.views import write_view_file


@pytest.mark.parametrize("writer", ["a-first", "ingest", "z-last"])
def test_queries_never_fail_while_a_manifest_is_replaced(tmp_path: Path, writer: str) -> None:
    store = ParquetStore(tmp_path)
    spans = to_table("spans", {"trace_id": ["a" * 32], "span_id": ["b" * 16], "start_time": [1_700_000_000_000_000]})
    store.publish("ingest", {"spans": spans})
    failed: list[str] = []
    counts: set[int] = set()
    done = threading.Event()

    def read() -> None:
        reader = store.reader()
        while not done.is_set():
            try:
                counts.add(reader.sql("SELECT count(*) AS n FROM spans").column("n")[0].as_py())
            except Exception as error:
                failed.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    deadline = time.monotonic() + 2
    number = 0
    while time.monotonic() < deadline:
        number += 1
        update_manifest(
            store.manifest_path(writer), add=[LiveFile(f"data/x/{number}", "x", "2026-01-01", 1, number, 0)]
        )
    done.set()
    thread.join()
    assert failed == []
    assert counts == {1}


def test_each_day_is_found_once_and_todays_files_come_first(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    first = dt.datetime(2026, 10, 25, 12, tzinfo=dt.UTC)
    starts = [int((first + dt.timedelta(days=day)).timestamp() * 1e6) for day in range(12)]
    ids = {"trace_id": ["a" * 32] * 12, "span_id": [f"{n:016x}" for n in range(12)], "start_time": starts}
    store.publish("ingest", {"spans": to_table("spans", ids), "payloads": to_table("payloads", ids)})
    for today in (dt.date(2026, 10, 31), dt.date(2026, 11, 3), dt.date(2026, 11, 5), dt.date(2027, 1, 30)):
        write_view_file(store.root, store.view_file, today, SCHEMA_VERSION)
        connection = store.reader().connect()
        # Rows of one thread come in the order in which it reads the files.
        connection.execute("SET threads = 1")
        for view in ("spans", "payloads"):
            days = [day for (day,) in connection.execute(f"SELECT start_time::DATE FROM {view}").fetchall()]
            assert len(days) == len(set(days)) == 12
            found = {day for day in days if day.day % 10 == today.day % 10}
            assert set(days[: len(found)]) == found
        connection.close()
    assert store.reader().sql("SELECT count(*) AS n FROM costs").column("n").to_pylist() == [0]


def test_a_new_day_has_its_files_read_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ParquetStore(tmp_path)
    written = store.view_file.stat().st_ino
    store.refresh_views()
    assert store.view_file.stat().st_ino == written

    class Tomorrow(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + dt.timedelta(days=1)

    monkeypatch.setattr(parquet, "datetime", Tomorrow)
    store.refresh_views()
    assert store.view_file.stat().st_ino != written
    assert store.reader().sql("SELECT count(*) AS n FROM spans").column("n").to_pylist() == [0]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the process' size from Linux")
def test_small_answers_hold_little_memory(tmp_path: Path) -> None:
    # A dashboard keeps hundreds of them.
    reader = ParquetStore(tmp_path).reader()
    statement = "SELECT * REPLACE ('x' AS trace_id) FROM (SELECT 1) LEFT JOIN spans ON false"

    def size_mb() -> int:
        return int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) // 1024

    reader.sql(statement)
    before = size_mb()
    held = [reader.sql(statement) for _ in range(20)]
    assert [answer.num_rows for answer in held] == [1] * 20
    assert size_mb() - before < 400
    reader.close()
