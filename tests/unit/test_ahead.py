"""Payloads that are stored before their publish become visible with their spans, whatever happens in between."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from collecting import request_of
from spanloft_collector.errors import Vanished
from spanloft_collector.ingest import create_pricer
from spanloft_collector.journal import Kind, Position, Record
from spanloft_collector.pipeline import ahead, process
from spanloft_collector.pipeline.ahead import Ahead
from spanloft_collector.pipeline.batch import Chunk, assemble, transform
from spanloft_collector.pipeline.duplicates import DuplicateFinder
from spanloft_collector.store.manifest import LiveFile
from spanloft_collector.store.parquet import ParquetStore
from stored import fill, one, rows, sample_requests

ROWS = 10


def chunk() -> Chunk:
    body = request_of(ROWS // 2).SerializeToString()
    return transform([Record(Kind.TRACES, time.time_ns(), {}, body, Position(1, 100))], create_pricer(None))


def publish(store: ParquetStore, gathered: Ahead) -> None:
    chunks, write = gathered.take([chunk()])
    write()
    chunks.append(chunk())
    gathered.publish(assemble(chunks, DuplicateFinder(), 1, ahead=gathered.messages()), {"n": 1})


def files(store: ParquetStore, dataset: str) -> list[LiveFile]:
    return [file for file in store.manifest("ingest").files if file.dataset == dataset]


def test_the_same_rows_as_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sample_requests()[:40]
    monkeypatch.setattr(process, "READ_BYTES", 1)
    small = fill(tmp_path / "small", samples, jobs=False, publish_rows=12)
    large = fill(tmp_path / "large", samples, jobs=False)
    assert len(files(small, "payloads")) > len(files(small, "spans")) > 3
    for what in ("* EXCLUDE (ingest_time) FROM spans", "* FROM payloads"):
        select = f"SELECT {what} ORDER BY trace_id, span_id"
        assert rows(small, select) == rows(large, select)


def test_nobody_sees_them_before(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    gathered = Ahead(store, "ingest", ROWS)
    assert gathered.due(ROWS // 2)
    _, write = gathered.take([chunk()])
    write()
    assert one(store, "SELECT count(*) FROM payloads") == 0
    assert not gathered.due(ROWS // 2), "one part of a publish is enough"


def test_a_full_disk_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(ParquetStore):
        failures = 2

        def write_files(self, writer: str, dataset: str, table: pa.Table) -> list[LiveFile]:
            if dataset == "payloads" and self.failures:
                self.failures -= 1
                raise OSError(28, "No space left on device")
            return super().write_files(writer, dataset, table)

    monkeypatch.setattr(ahead, "RETRY_S", 0.0)
    store = Full(tmp_path)
    publish(store, Ahead(store, "ingest", ROWS))
    assert store.failures == 0
    assert one(store, "SELECT count(*) FROM spans JOIN payloads USING (trace_id, span_id)") == ROWS


def test_what_somebody_deleted_is_not_published(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    (file,) = store.write_ahead("ingest", {"payloads": chunk().payloads})
    (tmp_path / file.file).unlink()
    with pytest.raises(Vanished, match="was deleted"):
        store.publish("ingest", {"spans": chunk().spans}, {"n": 1}, ahead=[file])
    assert store.watermark("ingest") == {}
    assert one(store, "SELECT count(*) FROM spans") == 0
    assert len(list((tmp_path / "data" / "spans").glob("*/ingest-*"))) == 0


def test_log_records_keep_payloads_until_the_publish(tmp_path: Path) -> None:
    gathered = Ahead(ParquetStore(tmp_path), "ingest", ROWS)
    found: dict[str, Any] = {"logs": pa.table({})}
    gathered.note(chunk()._replace(others=found))
    assert not gathered.due(ROWS // 2)
