"""Calls that ask nearly the same: which are found, which are not, and how alike their answers were."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spanloft_collector.jobs.embeddings import EmbeddingsJob
from spanloft_collector.jobs.runner import JobRunner
from spanloft_collector.jobs.savings import SavingsJob
from spanloft_collector.jobs.similar import SimilarJob
from spanloft_collector.signals.embedding.base import ModelIdentity, Vectors
from spanloft_collector.signals.embedding.similar import LIFETIME, figures, nearest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table
from spanloft_dashboard.components.savings import similar_row

BEGIN = dt.datetime.fromisoformat("2026-03-02T08:00")
HOUR = dt.timedelta(hours=1)
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the store's times are UTC without zone

# Degrees of the vector of each text: the cosine of two is that of the angle between them.
ANGLES = {
    "Where is my order?": 0,
    "My order, where is it?": 10,
    "Where might my parcel be?": 30,
    "It is on its way.": 0,
    "It is on the road.": 15,
    "It was lost.": 90,
}


class Angles:
    """An embedder whose vectors lie on a circle."""

    identity = ModelIdentity("angles", "1", "fp32", 2)

    def embed(self, texts: Sequence[str]) -> Vectors:
        radians = np.radians([ANGLES[text] for text in texts])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def _messages(role: str, *texts: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for text in texts])


def _publish(store: ParquetStore, calls: Sequence[tuple[str, str, dt.timedelta, str]]) -> None:
    """Calls (question, answer, time after the beginning, instructions)."""
    starts = [BEGIN + after for _, _, after, _ in calls]
    numbers = range(len(calls))
    ids = {
        "trace_id": [f"{number:032x}" for number in numbers],
        "span_id": [f"{number:016x}" for number in numbers],
        "start_time": starts,
    }
    same = {"operation": "chat", "response_model": "gpt-5", "cost_usd": 0.5, "input_tokens": 90, "output_tokens": 10}
    spans = ids | {name: [value] * len(calls) for name, value in same.items()} | {"ingest_time": starts}
    payloads = {
        **ids,
        "input_messages": [_messages("user", question) for question, _, _, _ in calls],
        "output_messages": [_messages("assistant", answer) for _, answer, _, _ in calls],
        "system_instructions": [json.dumps([{"type": "text", "content": rules}]) for _, _, _, rules in calls],
    }
    tables = {"spans": to_table("spans", spans), "payloads": to_table("payloads", payloads)}
    store.publish("ingest", tables, {"ingest_us": (starts[-1] - EPOCH) // dt.timedelta(microseconds=1)})


def _run(store: ParquetStore) -> list[dict[str, Any]]:
    runner = JobRunner(store, [SavingsJob(), EmbeddingsJob(Angles), SimilarJob()])
    for name in runner.jobs:
        runner.run_until_idle(name)
    found: list[dict[str, Any]] = store.reader().sql("FROM similar_calls ORDER BY start_time").to_pylist()
    return found


def test_what_asks_the_same_in_other_words_is_found_with_its_answers(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    calls = [
        ("Where is my order?", "It is on its way.", 0 * HOUR, "Be kind."),
        ("My order, where is it?", "It is on the road.", 1 * HOUR, "Be kind."),
        ("Where might my parcel be?", "It is on its way.", 2 * HOUR, "Be kind."),
        ("My order, where is it?", "It was lost.", 3 * HOUR, "Be brief."),
        ("Where is my order?", "It was lost.", 4 * HOUR, "Be brief."),
        ("Where is my order?", "It is on its way.", 5 * HOUR, "Be kind."),
        ("My order, where is it?", "It is on its way.", 60 * HOUR, "Be kind."),
    ]
    _publish(store, calls)
    found = _run(store)
    ids = [f"{number:016x}" for number in range(len(calls))]
    # 30 degrees are too far, other instructions make another question, the sixth is an exact repeat, the last too late.
    assert [(row["span_id"], row["of_span_id"]) for row in found] == [(ids[1], ids[0]), (ids[4], ids[3])]
    assert [row["similarity"] for row in found] == pytest.approx([np.cos(np.radians(10))] * 2, abs=1e-6)
    assert [row["answer_similarity"] for row in found] == pytest.approx([np.cos(np.radians(15)), 1.0], abs=1e-6)
    assert [(row["saved_tokens"], row["saved_usd"], row["age_ms"]) for row in found] == [(100, 0.5, 3_600_000.0)] * 2
    period = {"since": BEGIN, "until": BEGIN + 9 * HOUR, "alike": 0.99}
    filters = dict.fromkeys(("services", "providers", "models", "operations"))
    (row,) = store.reader().query("cost_similar", period | filters).to_pylist()
    assert (row["calls"], row["saved_usd"], row["answered"], row["alike"]) == (2, 1.0, 2, 1)
    assert row["similar_until"] == BEGIN + 60 * HOUR
    assert _run(store) == found, "a run without news changes nothing"


def test_the_nearest_earlier_one_within_the_lifetime_counts() -> None:
    hour_us = int(3.6e9)
    starts = np.array([0, 1, 2, 24, 26], np.int64) * hour_us
    radians = np.radians([0, 5, 4, 1, 0])
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    assert dt.timedelta(hours=24) == LIFETIME
    everyone, same = np.ones(5, np.bool_), np.zeros(5, np.int64)
    assert nearest(vectors, starts, everyone, same) == [(1, 0), (2, 1), (3, 0), (4, 3)]
    assert nearest(vectors, starts, np.array([False, False, True, False, False]), same) == [(2, 1)]
    assert nearest(vectors, starts, everyone, np.array([0, 1, 0, 1, 2])) == [(2, 0), (3, 1)], (
        "other figures, other text"
    )


def test_figures_tell_order_numbers_and_amounts_apart() -> None:
    assert figures("Where is order A-77?") != figures("Where is order A-78?")
    assert figures("Refund 12.50 of order 9") == figures("of ORDER 9: refund 12.50")
    assert figures("no number") == figures("none here") == ()


def test_the_row_says_how_sure_it_is_and_what_is_missing() -> None:
    known = {"calls": 50, "saved_tokens": 900, "saved_usd": 2.0, "answered": 40, "alike": 30}
    ran = {"embeddings_until": BEGIN, "similar_until": BEGIN}
    row = similar_row(known | ran, 10.0)
    assert (row["calls"], row["usd"], row["share"]) == (50, 2.0, 0.2)
    assert (
        "of 40 pairs with both answers, these were alike (at least 0.9) in 75.0 % (95 % interval 59.8 % to 85.8 %)"
        in (row["method"])
    )
    assert "not known: the answers were not received" in similar_row(known | ran | {"answered": 0}, 10.0)["method"]
    for missing, words in (("embeddings_until", "no embeddings are made"), ("similar_until", "has not run")):
        row = similar_row(known | ran | {missing: None}, 10.0)
        assert words in row["method"]
        assert row["usd"] is None, "unknown is not $0"
