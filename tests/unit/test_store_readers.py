"""Readers while manifests are replaced: a query never meets half of one."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from spanloft_collector.store.manifest import LiveFile, update_manifest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table


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
