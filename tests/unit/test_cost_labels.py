"""Cost by feature, prompt and tag, on rows whose answers are known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.reader import DuckDBReader
from spanloft_collector.store.schema import to_table

NOON = dt.datetime(2026, 3, 2, 12)  # noqa: DTZ001 - the store's times are UTC without zone
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
NONE = ("services", "providers", "models", "operations", "statuses")
PARAMETERS = {"since": NOON, "until": NOON + 60 * MINUTE, "before": NOON - 60 * MINUTE, "bucket_s": 1800}

# (minute, trace, tags, cost, parent): the second trace begins with an agent, the fourth with the call itself.
CALLS: list[tuple[int, str, list[str] | None, float | None, str | None]] = [
    (1, "t1", ["beta", "feature:search"], 1.0, "r1"),
    (2, "t2", ["beta", "beta"], 2.0, "r2"),
    (3, "t2", None, None, "r2"),
    (40, "t3", None, 4.0, None),
    (-30, "t4", ["beta"], 1.5, None),
]
ROOTS = [("t1", "r1", "GET /search"), ("t2", "r2", "invoke_agent support")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> DuckDBReader:
    store = ParquetStore(tmp_path_factory.mktemp("labels"))
    rows: list[dict[str, Any]] = [
        {
            "trace_id": trace,
            "span_id": f"call-{number}",
            "parent_span_id": parent,
            "start_time": NOON + minute * MINUTE,
            "name": "chat gpt-5",
            "operation": "chat",
            "request_model": "gpt-5",
            "status_code": "unset",
            "tags": tags,
            "cost_usd": cost,
        }
        for number, (minute, trace, tags, cost, parent) in enumerate(CALLS)
    ]
    rows += [
        {"trace_id": trace, "span_id": span, "name": name, "start_time": NOON, "status_code": "unset"}
        for trace, span, name in ROOTS
    ]
    names = {name for row in rows for name in row}
    spans = to_table("spans", {name: [row.get(name) for row in rows] for name in names})
    store.publish("ingest", {"spans": spans})
    keys = {name: [row[name] for row in rows[:2]] for name in ("trace_id", "span_id", "start_time")}
    versions = {"version_id": ["v1", "v2"], "prompt_id": ["p", "p"], "prompt": ["answer", "answer"]}
    calls = to_table("prompt_calls", {**keys, "version_id": ["v1", "v2"]})
    store.publish("job-prompts", {"prompt_versions": to_table("prompt_versions", versions), "prompt_calls": calls})
    return store.reader()


def _rows(reader: DuckDBReader, name: str, group: str, **changes: Any) -> list[dict[str, Any]]:
    return reader.query(name, dict.fromkeys(NONE) | PARAMETERS | {"group_by": group} | changes).to_pylist()


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        # (who, cost, calls, unpriced)
        ("feature", [("unknown", 4.0, 1, 0), ("invoke_agent support", 2.0, 2, 1), ("search", 1.0, 1, 0)]),
        ("prompt", [("unknown", 4.0, 2, 1), ("answer", 3.0, 2, 0)]),
        ("tag", [("unknown", 4.0, 2, 1), ("beta", 3.0, 2, 0), ("feature:search", 1.0, 1, 0)]),
    ],
)
def test_who_spends_by_label(reader: DuckDBReader, group: str, expected: list[tuple[str, float, int, int]]) -> None:
    rows = _rows(reader, "cost_table_labels", group)
    assert [(row["grouped"], row["cost_usd"], row["calls"], row["unpriced_calls"]) for row in rows] == expected
    assert rows[0]["cost_share"] == pytest.approx(4 / 7), "of the cost of all calls, each counted once"
    assert {row["prompt_id"] for row in rows if row["grouped"] == "answer"} <= {"p"}


def test_a_label_is_compared_with_the_period_before(reader: DuckDBReader) -> None:
    found = {row["grouped"]: row["relative_change"] for row in _rows(reader, "cost_table_labels", "tag")}
    assert found["beta"] == pytest.approx(1.0)
    assert all(row["relative_change"] is None for row in _rows(reader, "cost_table_labels", "tag", before=None))


def test_cost_of_labels_over_time(reader: DuckDBReader) -> None:
    rows = _rows(reader, "cost_over_time_labels", "tag")
    half = NOON + 30 * MINUTE
    found = {(row["bucket"], row["series"]): row["cost_usd"] for row in rows}
    assert found == {(half, "unknown"): 4.0, (NOON, "beta"): 3.0, (NOON, "feature:search"): 1.0}


def test_a_trace_leads_to_its_prompts(reader: DuckDBReader) -> None:
    (row,) = reader.query("trace_prompts", {"trace_id": "t1", "at": NOON}).to_pylist()
    assert (row["prompt_id"], row["version_id"], row["prompt"]) == ("p", "v1", "answer")
    assert reader.query("trace_prompts", {"trace_id": "t3", "at": NOON}).num_rows == 0
    assert reader.query("trace_prompts", {"trace_id": "t1", "at": NOON + 3 * DAY}).num_rows == 0
