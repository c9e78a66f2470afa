"""A crash at any step towards the disk leaves every span once: from journal to store, in merges and in jobs."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from collecting import request_of, span_ids
from crash_targets import SPANS
from crashing import CrashServer, each_crash
from spanloft_collector.app import open_journal
from spanloft_collector.journal import Kind
from spanloft_collector.preparation import published
from spanloft_collector.store.manifest import load_manifest
from spanloft_collector.store.parquet import ParquetStore
from stored import fill, sample_requests

REQUESTS = 4


@pytest.fixture
def server() -> Iterator[CrashServer]:
    with CrashServer() as running:
        yield running


def prepare(root: Path) -> set[str]:
    """A store that waits to be filled from a journal of several segments; returns the ids of its spans."""
    journal = open_journal(published(ParquetStore(root)), 1 << 40)
    journal.segment_bytes = 600
    sent: set[str] = set()
    for _ in range(REQUESTS):
        request = request_of(SPANS)
        sent |= span_ids(request)
        journal.append(Kind.TRACES, request.SerializeToString()).result()
    journal.close()
    return sent


def ids(root: Path, dataset: str = "spans") -> list[str]:
    with duckdb.connect(str(root / "spanloft.duckdb"), read_only=True) as connection:
        return [row[0] for row in connection.execute(f"SELECT trace_id || span_id FROM {dataset}").fetchall()]


def check(root: Path, sent: set[str], where: str) -> None:
    for dataset in ("spans", "payloads"):
        stored = ids(root, dataset)
        assert len(stored) == len(set(stored)), f"{dataset}: twice after a crash {where}"
        assert set(stored) == sent, f"{dataset}: lost after a crash {where}"


def copies(template: Path, tmp_path: Path) -> Callable[[], Path]:
    """A fresh copy of the template at the same path each time, since views hold it."""
    saved = tmp_path / "saved"
    shutil.copytree(template, saved)

    def copy() -> Path:
        shutil.rmtree(template)
        shutil.copytree(saved, template)
        return template

    return copy


# Odd strides: before and after a step take turns. The slow suite kills at each one.
@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_publishing_killed_at_every_step(server: CrashServer, tmp_path: Path, stride: int) -> None:
    sent = prepare(tmp_path / "store")
    copy = copies(tmp_path / "store", tmp_path)
    seen: set[str] = set()
    crashes = 0

    def crash(step: int, after: bool) -> bool:
        """Whether there is such a step, and all is well after a crash there."""
        root = copy()
        name = server.killed("publish", root, step, after)
        if name is None:
            check(root, sent, "that did not happen")
            files = load_manifest(ParquetStore(root).manifest_path("ingest")).files
            by_dataset = Counter(file.dataset for file in files)
            assert by_dataset["payloads"] > by_dataset["spans"], "nothing was stored ahead of its publish"
            return False
        stored = ids(root)
        assert len(stored) == len(set(stored))
        assert len(stored) % SPANS == 0, "half of a request is visible"
        if after:
            # Once more at the same place, then in peace.
            server.killed("publish", root, step, after)
        server.whole("publish", root)
        check(root, sent, f"{'after' if after else 'before'} step {step} ({name})")
        assert len(list((root / "journal").glob("*.log"))) == 1, "the journal is not cleaned up"
        seen.add(name)
        return True

    for number, (step, after) in enumerate(each_crash()):
        if number % stride:
            continue
        if not crash(step, after):
            break
        crashes += 1
    # A stride may step over the few deletions, which are the last.
    while "unlink" not in seen and step > 1:
        step -= 1
        crash(step, after=True)
    assert {"open", "fsync", "rename", "unlink"} <= seen
    assert crashes > 80 / stride


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_merging_killed_at_every_step(server: CrashServer, tmp_path: Path, stride: int) -> None:
    sent = prepare(tmp_path / "store")
    server.whole("publish", tmp_path / "store")
    copy = copies(tmp_path / "store", tmp_path)
    for number, (step, after) in enumerate(each_crash()):
        if number % stride:
            continue
        root = copy()
        name = server.killed("compact_once", root, step, after)
        where = f"{'after' if after else 'before'} step {step} ({name})"
        check(root, sent, where)
        if name is None:
            break
        server.whole("compact_once", root)
        check(root, sent, where)
    files = load_manifest(ParquetStore(root).manifest_path("ingest")).files
    assert [file.level for file in files if file.dataset == "spans"] == [1]
    assert step > 10


JOB_RESULTS = {
    "costs": "SELECT trace_id, span_id, cost_usd FROM costs ORDER BY ALL",
    "cost_daily": "SELECT * FROM cost_daily ORDER BY ALL",
    "latency_minute": "SELECT * FROM latency_minute ORDER BY ALL",
}


def results(root: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(root / "spanloft.duckdb"), read_only=True) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in JOB_RESULTS.items()}


@pytest.mark.parametrize(
    ("target", "stride"),
    [
        ("run_jobs", 151),
        pytest.param("run_all_jobs", 1, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_jobs_killed_at_every_step(server: CrashServer, tmp_path: Path, target: str, stride: int) -> None:
    fill(tmp_path / "store", sample_requests()[:12], jobs=False)
    copy = copies(tmp_path / "store", tmp_path)
    server.whole(target, tmp_path / "store")
    expected = results(tmp_path / "store")
    assert all(expected.values())
    for number, (step, after) in enumerate(each_crash()):
        # Not at the first step: nothing has been done by then.
        if number % stride != stride // 2:
            continue
        root = copy()
        name = server.killed(target, root, step, after)
        if name is None:
            break
        server.whole(target, root)
        assert results(root) == expected, f"{'after' if after else 'before'} step {step} ({name})"
    assert step > 20
