"""A store beyond one machine: DuckLake on a real Postgres, with data in a folder and on an S3 server."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import lakes as lakes_module
import pytest
import synthetic
from collecting import CollectorProcess, request_of, span_ids
from lakes import BUCKET, Lakes, PostgresServer
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.location import LakeAddress
from spanloft_collector.maintenance.migrate import migrate
from spanloft_collector.model import DATASETS
from spanloft_collector.settings import load_settings
from spanloft_collector.store import lake_connection
from spanloft_collector.store.ducklake import DuckLakeStore, LakeReader
from spanloft_collector.store.schema import to_table


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


@pytest.mark.slow
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


def test_a_collector_goes_on_while_postgres_is_down_and_says_when_it_cannot(
    lakes: Lakes, postgres: PostgresServer, tmp_path: Path
) -> None:
    address = lakes.address()
    options = {"SPANLOFT_MAX_JOURNAL_BYTES": "300000", "SPANLOFT_PUBLISH_INTERVAL_S": "0.3"}
    with LakeCollector(address, lakes.local(tmp_path / "machine"), **options) as collector:
        reader = LakeReader(address, lakes.local(tmp_path / "reader") / "spanloft.duckdb")
        first = request_of(5)
        assert collector.post(first.SerializeToString()).status_code == 200
        wait_until(lambda: len(ids(reader)) == 5)
        postgres.stop()
        taken = []
        try:
            while (response := collector.post((request := request_of(500)).SerializeToString())).status_code == 200:
                taken.append(request)
                assert len(taken) < 100, "the journal grows without a limit"
            assert response.status_code == 503
            assert response.headers["Retry-After"]
            with pytest.raises(StoreError, match="check that Postgres runs"):
                reader.sql("SELECT count(*) FROM spans")
        finally:
            postgres.start()
        assert taken
        expected = set().union(*map(span_ids, (first, *taken)))
        wait_until(lambda: len(ids(reader)) >= len(expected), 90.0)
        stored = ids(reader)
        assert len(stored) == len(expected)
        assert set(stored) == expected


def test_the_data_may_be_on_s3(lakes: Lakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lakes_module.object_storage() as endpoint:
        for name, value in lakes_module.s3_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        address = lakes.address(f"s3://{BUCKET}/prefix/")
        store = DuckLakeStore(address, lakes.local(tmp_path / "machine"))
        source = synthetic.publish(tmp_path / "old", 300)
        before = totals(source)
        migrate(source, store)
        assert totals(store) == before
        for number in range(3):
            rows = to_table("cost_daily", {"day": [dt.date(2026, 1, 1)], "calls": [number]})
            store.publish("job-x", {"cost_daily": rows}, {"n": number}, {"cost_daily": ["2026-01-01"]})
        found = store.reader().sql("SELECT calls FROM cost_daily WHERE day = DATE '2026-01-01'").to_pylist()
        assert {"calls": 2} in found
        assert {"calls": 1} not in found
        store.close()
        with pytest.raises(StoreError, match="no-such-bucket"):
            DuckLakeStore(lakes.address("s3://no-such-bucket/x/"), tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ducklake:", "expected ducklake:postgres:CONNECTION;data=PATH"),
        ("ducklake:sqlite:x;data=/tmp/x", "expected ducklake:postgres:CONNECTION;data=PATH"),
        ("ducklake:postgres:host=x", "expected ducklake:postgres:CONNECTION;data=PATH"),
        ("ducklake:postgres:host=x;data=gs://bucket", "expected a folder or s3://BUCKET/PREFIX"),
    ],
)
def test_a_wrong_address_is_told_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(SpanloftError, match=re.escape(reason)) as error:
        load_settings(store=text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("catalog", "reason"),
    [
        ("host=127.0.0.1 port=1 dbname=x password=secret", "check that Postgres runs"),
        ("postgresql://me:secret@127.0.0.1:1/x", "check that Postgres runs"),
        ("nonsense secret", "no Postgres connection string|can't be opened"),
    ],
)
def test_a_catalog_that_cant_be_reached_is_told_in_one_line_without_its_password(
    tmp_path: Path, catalog: str, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason) as error:
        DuckLakeStore(LakeAddress(catalog, f"{tmp_path}/data/"), tmp_path / "local")
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value).replace("nonsense secret", "")


def test_a_missing_database_is_told(postgres: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist.*createdb'):
        DuckLakeStore(LakeAddress(postgres.dsn("nowhere"), f"{tmp_path}/data/"), tmp_path / "local")


def test_a_missing_extension_is_told(lakes: Lakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = lakes.address()
    monkeypatch.setattr(lake_connection, "_EXTENSIONS", {"ducklake": "no_such_package"})
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match=r"can't load its extension ducklake.*spanloft\[scale\]"):
        lake_connection.connect(address, read_only=True)
