"""A store beyond one machine: DuckLake on a real Postgres, with data in a folder and on an S3 server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import synthetic
from collecting import CollectorProcess, request_of, span_ids
from lakes import Lakes
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.location import LakeAddress
from spanloft_collector.maintenance.migrate import migrate
from spanloft_collector.model import DATASETS
from spanloft_collector.store.ducklake import LakeReader


class LakeCollector(CollectorProcess):
    """A collector whose store is a DuckLake; ``store`` is the folder of its journal."""

    def __init__(self, address: LakeAddress, local: Path, **environment: str) -> None:
        super().__init__(local, SPANLOFT_STORE=address.text, SPANLOFT_LOCAL=str(local), **environment)


def ids(reader: LakeReader) -> list[str]:
    return reader.sql("SELECT trace_id || span_id AS id FROM spans", timeout_s=120).column("id").to_pylist()


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.3)


class Sender(threading.Thread):
    """Sends requests to one collector until told to stop; what is not acknowledged is sent again, as SDKs do."""

    def __init__(self, collector: LakeCollector, spans: int) -> None:
        super().__init__(daemon=True)
        self.collector, self.spans = collector, spans
        self.acknowledged: set[str] = set()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            request = request_of(self.spans)
            while not self._delivered(request.SerializeToString()):
                time.sleep(0.2)
            self.acknowledged |= span_ids(request)
            time.sleep(0.05)

    def _delivered(self, body: bytes) -> bool:
        try:
            return self.collector.post(body).status_code == 200
        except httpx.HTTPError:
            return False


class Looker(threading.Thread):
    """Reads until told to stop; keeps errors, and what was seen twice or went backwards."""

    def __init__(self, reader: LakeReader) -> None:
        super().__init__(daemon=True)
        self.reader = reader
        self.errors: list[str] = []
        self.wrong: list[tuple[int, int, int]] = []
        self.queries = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        last = 0
        counted = "SELECT count(*) AS n, count(DISTINCT (trace_id, span_id)) AS different FROM spans"
        while not self.stopping.is_set():
            try:
                row = self.reader.sql(counted).to_pylist()[0]
            except StoreError as error:
                self.errors.append(str(error))
                continue
            if row["n"] != row["different"] or row["n"] < last:
                self.wrong.append((last, row["n"], row["different"]))
            last = row["n"]
            self.queries += 1


def soak(lakes: Lakes, folder: Path, collectors: int, readers: int, seconds: float) -> None:
    """Several collectors and readers at once; one collector is killed in the middle and started again."""
    address = lakes.address()
    quick = {"SPANLOFT_PUBLISH_INTERVAL_S": "0.3", "SPANLOFT_COMPACT_INTERVAL_S": "2", "SPANLOFT_GRACE_S": "60"}

    def start(number: int) -> LakeCollector:
        return LakeCollector(address, lakes.local(folder / f"machine{number}"), **quick)

    with ThreadPoolExecutor(collectors) as pool:
        running = list(pool.map(start, range(collectors)))
    files = [lakes.local(folder / f"reader{number}") / "spanloft.duckdb" for number in range(readers)]
    lookers = [Looker(LakeReader(address, file)) for file in files]
    senders = [Sender(collector, 40) for collector in running]
    try:
        for thread in (*senders, *lookers):
            thread.start()
        writers = "SELECT count(DISTINCT writer) AS n FROM store_writers WHERE starts_with(writer, 'ingest')"
        wait_until(lambda: lookers[0].reader.sql(writers).column("n")[0].as_py() == collectors)
        time.sleep(seconds / 2)
        running[0].kill()
        running[0].start()
        time.sleep(seconds / 2)
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join(60)
        acknowledged = set().union(*(sender.acknowledged for sender in senders))
        assert [collector.stop() for collector in running] == [0] * collectors
    finally:
        for looker in lookers:
            looker.stopping.set()
        for collector in running:
            if collector.process.poll() is None:
                collector.process.kill()
    for looker in lookers:
        looker.join(60)
    stored = ids(lookers[0].reader)
    assert len(stored) == len(set(stored))
    # A batch that was stored and whose acknowledgement the kill cut off was sent again; it is there once all the same.
    assert set(stored) == acknowledged
    assert all(len(sender.acknowledged) > 100 for sender in senders)
    assert [looker.errors for looker in lookers] == [[]] * readers
    assert [looker.wrong for looker in lookers] == [[]] * readers
    assert all(looker.queries > 3 for looker in lookers)


def test_two_collectors_and_a_reader_with_a_kill_in_the_middle(lakes: Lakes, tmp_path: Path) -> None:
    soak(lakes, tmp_path, 2, 1, 4.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_four_collectors_and_two_readers_with_a_kill_in_the_middle(lakes: Lakes, tmp_path: Path) -> None:
    soak(lakes, tmp_path, 4, 2, 60.0)


def totals(store: Any) -> dict[str, Any]:
    reader = store.reader()
    found = {name: reader.sql(f"SELECT count(*) AS n FROM {name}").column("n")[0].as_py() for name in DATASETS}
    sums = "SELECT sum(input_tokens) AS a, sum(hash(trace_id, span_id, input_preview)) AS b FROM spans"
    return {**found, **reader.sql(sums).to_pylist()[0]}


def test_a_store_in_a_directory_is_taken_over_in_place(lakes: Lakes, tmp_path: Path) -> None:
    source = synthetic.publish(tmp_path / "old", 2_000)
    target = lakes.store(tmp_path / "new")
    before = totals(source)
    result = migrate(source, target)
    assert totals(target) == before
    assert totals(source) == before
    assert result.rows["spans"] == before["spans"] > 1_000
    inodes = {path.stat().st_ino for path in (tmp_path / "old" / "data").rglob("*.parquet")}
    moved = list(Path(target.address.data).rglob("*.parquet"))
    assert len(moved) == result.files
    assert {path.stat().st_ino for path in moved} <= inodes, "files were written anew"
    with pytest.raises(SpanloftError, match="not empty"):
        migrate(source, target)
    target.close()
