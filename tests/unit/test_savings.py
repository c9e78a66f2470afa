"""Why the cost moved, the budget's outlook, and what caches would have saved, on cases whose answer is known."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from spanloft_collector.jobs.prefix_cache import BLOCK_CHARS, LIFETIME, PrefixCache
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.jobs.savings import SavingsJob
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from spanloft_dashboard.components.budget import outlook
from spanloft_dashboard.components.moves import FACTORS, contributions, cost, periods
from spanloft_dashboard.components.savings import what_if

BEGIN = dt.datetime.fromisoformat("2026-03-02T08:00")


def side(period: str, model: str, calls: int, tokens: tuple[int, int, int, int], usd: float = 1e-6) -> dict[str, Any]:
    """A row of cost_moves: tokens of a call (uncached, read, write, output); a cached token costs a tenth."""
    prices = (usd, usd / 10, usd * 1.25, usd * 4)
    row: dict[str, Any] = {"period": period, "provider": "p", "model": model, "calls": calls}
    for kind, count, price in zip(("uncached", "read", "write", "output"), tokens, prices, strict=True):
        row |= {f"{kind}_tokens": float(count * calls), f"{kind}_usd": count * calls * price}
    row["cost_usd"] = sum(row[f"{kind}_usd"] for kind in ("uncached", "read", "write", "output"))
    return row


USUAL = side("before", "a", 100, (800, 100, 100, 50))


@pytest.mark.parametrize(
    ("now", "factor"),
    [
        (side("now", "a", 150, (800, 100, 100, 50)), "volume"),
        (side("now", "a", 100, (1600, 200, 200, 50)), "input"),
        (side("now", "a", 100, (100, 800, 100, 50)), "cache"),
        (side("now", "a", 100, (800, 100, 100, 90)), "output"),
        (side("now", "a", 100, (800, 100, 100, 50), 3e-6), "price"),
    ],
)
def test_one_change_is_laid_to_one_factor(now: dict[str, Any], factor: str) -> None:
    parts = contributions(*periods([USUAL, now]))
    assert parts[factor] == pytest.approx(now["cost_usd"] - USUAL["cost_usd"])
    assert all(value == pytest.approx(0, abs=1e-12) for name, value in parts.items() if name != factor)


def test_a_dearer_model_is_the_mix_even_when_it_is_new() -> None:
    rows = [USUAL, side("now", "a", 50, (800, 100, 100, 50)), side("now", "b", 50, (800, 100, 100, 50), 5e-6)]
    parts = contributions(*periods(rows))
    assert parts["mix"] == pytest.approx(sum(row["cost_usd"] for row in rows[1:]) - USUAL["cost_usd"])


def test_whatever_changed_the_parts_are_the_whole() -> None:
    rows = [
        USUAL,
        side("before", "b", 30, (10, 0, 0, 500), 2e-6),
        side("now", "a", 170, (300, 900, 0, 80), 2e-6),
        side("now", "c", 20, (5000, 0, 0, 5)),
    ]
    before, now = periods(rows)
    assert cost(before, now, frozenset()) == pytest.approx(sum(r["cost_usd"] for r in rows if r["period"] == "before"))
    assert cost(before, now, frozenset(FACTORS)) == pytest.approx(sum(r["cost_usd"] for r in rows[2:]))
    change = cost(before, now, frozenset(FACTORS)) - cost(before, now, frozenset())
    assert sum(contributions(before, now).values()) == pytest.approx(change)


def test_another_model_is_priced_by_what_its_calls_cost() -> None:
    row, other = side("now", "a", 100, (1000, 0, 0, 100)), side("now", "b", 7, (10, 0, 0, 10), 3e-6)
    found = what_if(row, other)
    assert found is not None
    assert found.now == pytest.approx(0.14)
    assert found.same == pytest.approx(0.42)
    assert (found.low, found.high) == (pytest.approx(0.3 + 0.7 * 0.12), pytest.approx(0.3 + 1.5 * 0.12))
    assert what_if(row, side("now", "c", 5, (10, 0, 0, 0))) is None


def test_the_month_goes_on_like_its_last_days() -> None:
    days = {dt.date(2026, 3, day): 10.0 for day in range(1, 11)}
    found = outlook(days, dt.datetime.fromisoformat("2026-03-11T00:00"))
    assert found == (100.0, 310.0, 310.0, 310.0)
    days[dt.date(2026, 3, 10)] = 24.0
    wider = outlook(days, dt.datetime.fromisoformat("2026-03-11T00:00"))
    assert wider.low < wider.expected < wider.high
    assert wider.expected == pytest.approx(114 + 12 * 21)


def test_the_prompt_cache_holds_what_was_sent_shortly_before() -> None:
    cache = PrefixCache()
    shared = "You are an assistant. " * 400
    first, second = shared + "a" * 1000, shared + "b" * 1000
    tokens = len(first) // 4
    assert cache.look_up("x", first, tokens, BEGIN, ("t1", "s1")) == (0, None, None)
    assert cache.look_up("y", first, tokens, BEGIN, ("t2", "s2"))[0] == 0
    held, source, since = cache.look_up("x", second, tokens, BEGIN + LIFETIME, ("t3", "s3"))
    assert held == len(shared) // BLOCK_CHARS * BLOCK_CHARS * tokens // len(second)
    assert (source, since) == (("t1", "s1"), BEGIN)
    # Its use kept it; a while after nothing is left.
    assert cache.look_up("x", first, tokens, BEGIN + 2 * LIFETIME, ("t4", "s4"))[1] == ("t3", "s3")
    assert cache.look_up("x", first, tokens, BEGIN + 4 * LIFETIME, ("t5", "s5"))[0] == 0
    # Shorter than what providers keep.
    cache.look_up("z", "short " * 200, 300, BEGIN, ("t6", "s6"))
    assert cache.look_up("z", "short " * 200, 300, BEGIN, ("t7", "s7"))[0] == 0


def test_the_job_finds_what_was_asked_again(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    hour = dt.timedelta(hours=1)
    asked = [
        ("Where is my order?", BEGIN),
        ("Where is my order?", BEGIN + hour),
        ("where is my ORDER", BEGIN + 2 * hour),
        ("Something else entirely.", BEGIN + 3 * hour),
        ("Where is my order?", BEGIN + 60 * hour),
    ]
    for number, (text, start) in enumerate(asked):
        ids = {"trace_id": [f"{number:032x}"], "span_id": [f"{number:016x}"], "start_time": [start]}
        told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
        spans = {
            **ids,
            "operation": ["chat"],
            "response_model": ["gpt-5"],
            "cost_usd": [0.5],
            "input_tokens": [90],
            "output_tokens": [10],
            "ingest_time": [start],
        }
        seen = (start - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)  # noqa: DTZ001
        tables = {
            "spans": to_table("spans", spans),
            "payloads": to_table("payloads", {**ids, "input_messages": [told]}),
        }
        store.publish("ingest", tables, {"ingest_us": seen})
        # A run for every call: what came before is found in the store, not in memory.
        JobRunner(store, [SavingsJob()]).run_until_idle("savings")
    columns = "span_id, kind, of_span_id, saved_tokens, saved_usd, age_ms"
    found = store.reader().sql(f"SELECT {columns} FROM savings ORDER BY start_time").to_pylist()
    first, second, third = (f"{number:016x}" for number in range(3))
    assert [tuple(row.values()) for row in found] == [
        (second, "exact", first, 100, 0.5, 3_600_000.0),
        (third, "near", second, 100, 0.5, 3_600_000.0),
    ]
