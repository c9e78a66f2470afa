"""``spanloft reprice``: new prices shown everywhere, old ones kept, nothing else changed."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from spanloft_collector.errors import SpanloftError
from spanloft_collector.maintenance.reprice import reprice
from spanloft_collector.maintenance.selection import Selection, parse_time
from spanloft_collector.pricing.overrides import parse_overrides
from spanloft_collector.pricing.prices import Pricer
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.rewrite import live_files
from stored import fill, one, rows, run_jobs, sample_requests, settings_for

DEARER = parse_overrides(
    """
version: dearer
prices:
  - model: "gpt-4o-2024*"
    input_per_mtok: 1000
    cache_read_per_mtok: 0
    output_per_mtok: 0
""",
    "test",
)
UNTOUCHED = "* EXCLUDE (cost_usd, price_source, price_version)"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled") / "store"
    fill(root, sample_requests())
    return root


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> ParquetStore:
    root = tmp_path / "store"
    shutil.copytree(filled, root)
    return ParquetStore(root)


def run(store: ParquetStore, selection: Selection | None = None, **options: bool):
    return reprice(store, Pricer(DEARER), selection or Selection(), settle_s=0.0, **options)


def test_spans_costs_and_days_show_the_new_price_and_reprices_keeps_the_old(store: ParquetStore) -> None:
    calls = rows(store, "FROM llm_calls WHERE response_model LIKE 'gpt-4o-2024%' ORDER BY ALL")
    others = rows(
        store, "FROM spans WHERE response_model IS NULL OR response_model NOT LIKE 'gpt-4o-2024%' ORDER BY ALL"
    )
    untouched = rows(store, f"SELECT {UNTOUCHED} FROM spans ORDER BY ALL")
    report = run(store)

    assert report.changed == len(calls) > 10
    for old in calls:
        where = f"WHERE trace_id = '{old['trace_id']}' AND span_id = '{old['span_id']}'"
        (new,) = rows(store, f"FROM llm_calls {where}")
        (cost,) = rows(store, f"FROM costs {where}")
        (kept,) = rows(store, f"FROM reprices {where}")
        expected = (
            None if old["input_tokens"] is None else (old["input_tokens"] - (old["cache_read_tokens"] or 0)) / 1000
        )
        assert new["cost_usd"] == pytest.approx(expected)
        assert (new["price_source"], new["price_version"]) == ("override", "overrides dearer")
        assert (cost["cost_usd"], cost["input_cost_usd"]) == pytest.approx((expected, expected))
        assert (kept["old_cost_usd"], kept["old_price_version"]) == (old["cost_usd"], old["price_version"])
        assert (kept["cost_usd"], kept["run"]) == (new["cost_usd"], report.run)
    assert rows(store, f"SELECT {UNTOUCHED} FROM spans ORDER BY ALL") == untouched
    assert (
        rows(store, "FROM spans WHERE response_model IS NULL OR response_model NOT LIKE 'gpt-4o-2024%' ORDER BY ALL")
        == others
    )
    for view in ("costs", "cost_daily", "traces"):
        assert one(store, f"SELECT sum(cost_usd) FROM {view}") == pytest.approx(
            one(store, "SELECT sum(cost_usd) FROM llm_calls")
        )


def test_a_second_run_changes_nothing_and_jobs_add_nothing(store: ParquetStore) -> None:
    run(store)
    files = live_files(store)
    assert run(store).changed == 0
    run_jobs(settings_for(store.root))
    assert live_files(store) == files


def test_a_dry_run_tells_the_same_bill_and_writes_nothing(store: ParquetStore) -> None:
    files = live_files(store)
    foreseen = run(store, dry_run=True)
    assert live_files(store) == files
    assert foreseen.models == run(store).models


def test_only_what_is_selected_changes(store: ParquetStore) -> None:
    days = [row["day"] for row in rows(store, "SELECT DISTINCT start_time::DATE AS day FROM llm_calls ORDER BY day")]
    last = parse_time(str(days[-1]), "--since")
    assert run(store, Selection(since_us=last, model="GPT-4o-2024-*")).changed > 0
    changed = rows(store, "SELECT DISTINCT start_time::DATE AS day, model FROM reprices")
    assert {row["day"] for row in changed} <= {days[-1]}
    assert {row["model"] for row in changed} == {"gpt-4o-2024-08-06"}
    assert run(store, Selection(until_us=parse_time("2000-01-01", "--until"))).changed == 0


def test_calls_that_the_cost_job_has_not_seen_are_left_to_it(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", sample_requests(), jobs=False)
    assert run(store).changed > 0
    assert one(store, "SELECT count(*) FROM costs") == 0
    run_jobs(settings_for(store.root))
    assert one(store, "SELECT count(*) FROM costs") == one(store, "SELECT count(*) FROM llm_calls")


def test_readers_see_every_span_at_any_moment(store: ParquetStore) -> None:
    spans = one(store, "SELECT count(*) FROM spans")
    seen: set[tuple[int, int]] = set()
    failed: list[str] = []
    done = threading.Event()

    def read() -> None:
        reader = store.reader()
        while not done.is_set():
            try:
                found = reader.sql(
                    "SELECT (SELECT count(*) FROM spans) AS a, (SELECT count(*) FROM costs) AS b"
                ).to_pylist()
                seen.add((found[0]["a"], found[0]["b"]))
            except Exception as error:
                failed.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        reprice(store, Pricer(DEARER), Selection(), settle_s=0.5)
        reprice(store, Pricer(), Selection(), settle_s=0.5)
    finally:
        done.set()
        thread.join()
    assert failed == []
    assert {counts[0] for counts in seen} == {spans}
    assert len({counts[1] for counts in seen}) == 1


@pytest.mark.parametrize("text", ["2026-13-01", "yesterday", "7 d", ""])
def test_a_time_that_is_none_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpanloftError, match="--since"):
        parse_time(text, "--since")
