"""What the page Health says of instrumentations and jobs, on rows whose answers are known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from apptest import lists, open_page, words
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.schema import to_table

NOON = dt.datetime(2026, 3, 2, 12)  # noqa: DTZ001 - the store's times are UTC without zone
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001
SECOND = dt.timedelta(seconds=1)
SOUND: dict[str, Any] = {
    "operation": "chat",
    "scope_name": "good",
    "dialect": "otel_genai",
    "status_code": "unset",
    "request_model": "gpt-5",
    "response_model": "gpt-5",
    "input_tokens": 10,
    "output_tokens": 5,
    "cost_usd": 0.1,
    "usage_source": "reported",
    "token_semantics": "inclusive",
    "input_preview": "hello",
    "finish_reason": "stop",
    "is_stream": False,
    "ingest_time": NOON + 60 * SECOND,
}
# What each call does otherwise, by instrumentation.
OTHERWISE: list[tuple[str, dict[str, Any]]] = [
    ("good", {}),
    ("bad", {"request_model": None, "response_model": None, "cost_usd": None}),
    ("bad", {"input_tokens": None, "output_tokens": None, "cost_usd": None, "usage_source": "missing"}),
    ("bad", {"is_stream": True, "ttft_ms": None}),
    ("bad", {"is_stream": True, "ttft_ms": 80.0, "ingest_time": NOON - 600 * SECOND}),
    ("odd", {"duplicate_of": "span-0", "cost_usd": None, "finish_reason": None}),
    ("odd", {"response_model": None, "token_semantics": "exclusive", "input_preview": None}),
    ("odd", {"usage_source": "estimated", "finish_reason": None}),
    ("cut", {"input_preview": '[{"role": "user", "parts": [{"type": "te'}),
    ("cut", {"finish_reason": "length", "input_preview": 'Say {"role"} and [brackets]'}),
    ("odd", {"status_code": "error", "input_tokens": None, "output_tokens": None, "cost_usd": None}),
]
EXPECTED = {
    ("cut", "not_parsed"): (1, 0.5),
    ("cut", "cut_off"): (1, 0.5),
    ("odd", "counted_twice"): (1, 1 / 3),
    ("bad", "no_model"): (1, 0.25),
    ("bad", "no_tokens"): (1, 0.25),
    ("bad", "no_price"): (1, 0.25),
    ("bad", "clock_ahead"): (1, 0.25),
    ("odd", "exclusive"): (1, 1 / 3),
    ("odd", "estimated"): (1, 1 / 3),
    ("bad", "no_first_token"): (1, 0.5),
    ("odd", "no_content"): (1, 1 / 3),
    ("odd", "no_finish_reason"): (1, 1 / 3),
    ("odd", "no_response_model"): (1, 1 / 3),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    store = ParquetStore(tmp_path_factory.mktemp("flawed"))
    rows = [
        SOUND
        | {"trace_id": f"{n:032x}", "span_id": f"span-{n}", "start_time": NOON + n * SECOND, "scope_name": scope}
        | flaws
        for n, (scope, flaws) in enumerate(OTHERWISE)
    ]
    names = {name for row in rows for name in row}
    spans = to_table("spans", {name: [row.get(name) for row in rows] for name in names})
    seen = (NOON - EPOCH) // dt.timedelta(microseconds=1)
    store.publish("ingest", {"spans": spans}, {"journal": [1, 2], "ingest_us": seen})
    store.publish("job-cost", {}, {"until_us": seen, "version": 1})
    store.publish("job-drift", {}, {"until_us": seen - 7_200_000_000, "version": 3})
    return store


def test_what_instrumentations_got_wrong(store: ParquetStore) -> None:
    parameters = {"since": NOON, "until": NOON + 600 * SECOND, "services": None}
    rows = store.reader().query("health_gaps", parameters).to_pylist()
    found = {(row["scope_name"], row["gap"]): (row["calls"], pytest.approx(row["share"])) for row in rows}
    assert found == EXPECTED
    first = rows[0]
    assert (first["gap"], first["span_id"]) == ("counted_twice", "span-5"), "the gravest first, with its call"


def test_how_far_each_writer_got(store: ParquetStore) -> None:
    rows = store.reader().query("health_writers", {}).to_pylist()
    assert [(row["writer"], row["role"], row["behind_s"], row["version"], row["until_time"]) for row in rows] == [
        ("ingest", "collector", None, None, NOON),
        ("drift", "job", 7200.0, "3", NOON - 7200 * SECOND),
        ("cost", "job", 0.0, "1", NOON),
    ]


def test_the_page_says_it_in_words(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    app = open_page(monkeypatch, store.root, "health", **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"})
    (gaps,) = [frame for frame in lists(app) if "effect" in frame]
    assert len(gaps) == len(EXPECTED)
    assert "Reports no token counts" in set(gaps["what"])
    assert "Far behind: drift" in words(app)
    (writers,) = [frame for frame in lists(app) if "behind_s" in frame]
    assert list(writers["writer"]) == ["ingest", "drift", "cost"]
