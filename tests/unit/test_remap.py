"""``spanloft remap``: old data as if it arrived today, nothing else changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from spanloft_collector.dialects import find_dialect
from spanloft_collector.maintenance.remap import RemapReport, remap
from spanloft_collector.maintenance.selection import Selection, parse_time
from spanloft_collector.pipeline import rows as pipeline_rows
from spanloft_collector.pipeline import spans as pipeline_spans
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import live_files
from stored import fill, one, rows, run_jobs, sample_requests, settings_for

SPANS = "SELECT * EXCLUDE ingest_time FROM spans ORDER BY trace_id, span_id"
PAYLOADS = "FROM payloads ORDER BY trace_id, span_id"
DERIVED = (
    "SELECT * EXCLUDE priced_at FROM costs ORDER BY trace_id, span_id",
    "FROM cost_daily ORDER BY ALL",
    "FROM latency_minute ORDER BY ALL",
)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("today") / "store"
    fill(root, sample_requests())
    return root


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a time at which no dialect was known but OpenInference."""
    root = tmp_path_factory.mktemp("plain") / "store"

    def find_one(scope_name: str, attributes: Any) -> Any:
        dialect = find_dialect(scope_name, attributes)
        return dialect if dialect is not None and dialect.name == "openinference" else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_rows, "find_dialect", find_one)
        patch.setattr(pipeline_spans, "grouped", lambda found: ([], list(range(len(found)))))
        fill(root, sample_requests())
    return root


def copy(root: Path, target: Path) -> ParquetStore:
    shutil.copytree(root, target / "store")
    return ParquetStore(target / "store")


def run(store: ParquetStore, selection: Selection | None = None, **options: Any) -> RemapReport:
    return remap(store, Pricer(), selection or Selection(), settle_s=0.0, **options)


def test_nothing_changes_where_nothing_is_new(today: Path, tmp_path: Path) -> None:
    store = copy(today, tmp_path)
    files = live_files(store)
    report = run(store)
    assert (report.changed, report.columns, report.days) == (0, {}, [])
    assert report.looked_at == one(store, "SELECT count(*) FROM spans")
    assert live_files(store) == files


def test_old_data_becomes_what_it_would_be_if_it_arrived_today(today: Path, plain: Path, tmp_path: Path) -> None:
    store, wanted = copy(plain, tmp_path), ParquetStore(today)
    assert one(store, "SELECT count(*) FROM llm_calls") < one(wanted, "SELECT count(*) FROM llm_calls") / 2
    report = run(store)

    assert report.changed > 100
    assert report.dialects[None, "otel_genai"] > 0
    assert close(rows(store, SPANS), rows(wanted, SPANS))
    assert parsed(rows(store, PAYLOADS)) == parsed(rows(wanted, PAYLOADS))
    for statement in DERIVED:
        assert close(rows(store, statement), rows(wanted, statement)), statement
    assert run(store).changed == 0
    before = live_files(store)
    run_jobs(settings_for(store.root))
    assert live_files(store) == before


def test_raw_attributes_stay_as_they_came(plain: Path, tmp_path: Path) -> None:
    store = copy(plain, tmp_path)
    raw = "SELECT trace_id, span_id, attributes, resource, events, links FROM payloads ORDER BY trace_id, span_id"
    before = parsed(rows(store, raw))
    run(store)
    assert parsed(rows(store, raw)) == before


def test_a_dry_run_counts_the_same_and_writes_nothing(plain: Path, tmp_path: Path) -> None:
    store = copy(plain, tmp_path)
    files, on_disk = live_files(store), sorted(store.root.rglob("*.parquet*"))
    foreseen = run(store, dry_run=True)
    assert live_files(store) == files
    assert sorted(store.root.rglob("*.parquet*")) == on_disk
    done = run(store)
    assert (foreseen.changed, foreseen.dialects, foreseen.columns) == (done.changed, done.dialects, done.columns)


@pytest.mark.parametrize(
    ("selection", "where"),
    [
        (Selection(scope="openlit*"), "scope_name LIKE 'openlit%'"),
        (Selection(dialect="none", since_us=parse_time("2000-01-01", "")), "true"),
        (Selection(dialect="openinference"), "false"),
        (Selection(until_us=parse_time("2000-01-01", "")), "false"),
    ],
)
def test_only_what_is_selected_changes(plain: Path, tmp_path: Path, selection: Selection, where: str) -> None:
    store = copy(plain, tmp_path)
    run(store, selection)
    claimed = "count(*) FILTER (WHERE dialect IS NOT NULL AND dialect <> 'openinference')"
    inside, outside = (one(store, f"SELECT {claimed} FROM spans WHERE {sql}") for sql in (where, f"NOT ({where})"))
    assert outside == 0
    assert (inside > 0) == (where != "false")


def test_a_mark_stands_when_the_span_that_counts_is_not_in_the_range(today: Path, tmp_path: Path) -> None:
    store = copy(today, tmp_path)
    (marked,) = rows(store, "FROM spans WHERE duplicate_of IS NOT NULL")
    (kept,) = rows(store, f"FROM spans WHERE span_id = '{marked['duplicate_of']}'")
    bill = one(store, "SELECT sum(cost_usd) FROM llm_calls")
    for row in (marked, kept):
        day = row["start_time"].date()
        scope = row["scope_name"]
        run(store, Selection(since_us=parse_time(str(day), ""), scope=scope))
    assert one(store, "SELECT sum(cost_usd) FROM llm_calls") == pytest.approx(bill, rel=1e-12)
    assert one(store, "SELECT count(*) FROM spans WHERE duplicate_of IS NOT NULL") == 1


def close(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> bool:
    """Equal, floats to nine digits; first tokens to the microsecond that start times are stored in."""
    assert len(found) == len(wanted)
    for one_row, other in zip(found, wanted, strict=True):
        for name, value in other.items():
            tolerance = {"abs": 1.1e-3} if name.startswith("ttft") else {"rel": 1e-9}
            expected = pytest.approx(value, **tolerance) if isinstance(value, float) else value
            assert one_row[name] == expected, (name, one_row, other)
    return True


def parsed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """JSON texts as values: the order of keys does not matter."""
    import json

    def value(text: Any) -> Any:
        return json.loads(text) if isinstance(text, str) and text[:1] in "[{" else text

    return [{name: value(text) for name, text in row.items()} for row in found]
