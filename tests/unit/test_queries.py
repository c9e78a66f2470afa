"""Each named query of the dashboard, on rows whose answers are known."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from typing import Any

import pytest
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.reader import DuckDBReader, named_query
from spanloft_collector.store.schema import to_table

PAGES = ("common", "overview", "traces", "trace", "cost", "latency", "sessions", "prompts", "health", "sql", "drift")
QUERIES = sorted(
    item.name.removesuffix(".sql")
    for item in (files("spanloft_collector") / "sql" / "queries").iterdir()
    if item.name.split("_")[0] in PAGES
)
NOON = dt.datetime(2026, 3, 2, 12)  # noqa: DTZ001 - the store's times are UTC without zone
HOUR = dt.timedelta(hours=1)

# (hours after noon, service, provider, model, duration_ms, status, input, output, cached, cost, ttft)
CALLS = [
    (-3.0, "shop", "openai", "gpt-5", 1000.0, "unset", 100, 10, 0, 0.10, 200.0),
    (-2.5, "shop", "openai", "gpt-5", 1000.0, "unset", 100, 10, 0, 0.10, 200.0),
    (0.1, "shop", "openai", "gpt-5", 1000.0, "unset", 100, 10, 50, 0.20, 200.0),
    (0.2, "shop", "openai", "gpt-5", 3000.0, "unset", 300, 30, 50, 0.40, 400.0),
    (0.6, "shop", "openai", "gpt-5", 50.0, "error", None, None, None, None, None),
    (1.1, "search", "vllm", "house-7b", 500.0, "unset", 50, 5, None, None, None),
    (1.2, "search", "gcp.gemini", "gemini-2.5-flash", 2000.0, "unset", 200, 20, 0, 0.05, 100.0),
]


def _call(number: int, row: tuple[Any, ...]) -> dict[str, Any]:
    at, service, provider, model, duration, status, tokens_in, tokens_out, cached, cost, ttft = row
    failed = status == "error"
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:015x}1",
        "start_time": NOON + at * HOUR,
        "name": f"chat {model}",
        "operation": "chat",
        "service_name": service,
        "provider": provider,
        "request_model": model,
        "response_model": None if failed else model,
        "duration_ms": duration,
        "status_code": status,
        "error_type": "RateLimitError" if failed else None,
        "status_message": "Error code: 429" if failed else None,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_read_tokens": cached,
        "cost_usd": cost,
        "price_source": "none" if cost is None else "exact",
        "ttft_ms": ttft,
        "user_id": f"user-{number % 2}",
        "session_id": f"session-{number % 3}",
        "input_preview": f"question {number}",
        "environment": "sample" if service == "search" else "production",
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    store = ParquetStore(tmp_path_factory.mktemp("known"))
    rows = [_call(number, row) for number, row in enumerate(CALLS)]
    # A root and a tool beside the fourth call, and a duplicate that no sum may count.
    family = {"trace_id": rows[3]["trace_id"], "service_name": "shop", "status_code": "unset"}
    rows[3]["parent_span_id"] = "root"
    start = rows[3]["start_time"]
    root = {"span_id": "root", "name": "agent", "operation": "invoke_agent", "start_time": start, "duration_ms": 3500.0}
    tool = {
        "span_id": "tool",
        "name": "tool",
        "operation": "execute_tool",
        "parent_span_id": "root",
        "duration_ms": 5.0,
    }
    rows += [{**family, **root}, {**family, **tool, "start_time": start + HOUR / 3600}]
    rows.append({**rows[2], "span_id": "copy", "duplicate_of": rows[2]["span_id"]})
    names = {name for row in rows for name in row}
    payload = {
        "trace_id": [rows[2]["trace_id"]],
        "span_id": [rows[2]["span_id"]],
        "start_time": [rows[2]["start_time"]],
    }
    cost = {
        "trace_id": [rows[2]["trace_id"], rows[5]["trace_id"]],
        "span_id": [rows[2]["span_id"], rows[5]["span_id"]],
        "start_time": [rows[2]["start_time"], rows[5]["start_time"]],
        "cost_usd": [0.20, None],
        "price_note": [None, "no price for house-7b"],
    }
    store.publish(
        "ingest",
        {
            "spans": to_table("spans", {name: [row.get(name) for row in rows] for name in names}),
            "payloads": to_table("payloads", {**payload, "input_messages": ["[]"], "attributes": ["{}"]}),
        },
    )
    store.publish("cost", {"costs": to_table("costs", cost)})
    health = {
        "minute": [NOON, NOON, NOON + HOUR, NOON - HOUR],
        "service_name": ["shop", None, "shop", "shop"],
        "scope_name": ["openai", None, "other", "openai"],
        "dialect": ["otel_genai", None, None, "otel_genai"],
        "outcome": ["stored", "refused", "stored", "stored"],
        "reason": [None, "no trace id", None, None],
        "spans": [90, 4, 10, 50],
        "late": [3, 0, 0, 0],
        "duplicate_calls": [2, 0, 0, 0],
    }
    store.publish("health", {"ingest_health": to_table("ingest_health", health)}, {"minute": "noon"})
    return store


@pytest.fixture(scope="module")
def reader(store: ParquetStore) -> DuckDBReader:
    return store.reader()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> DuckDBReader:
    return ParquetStore(tmp_path_factory.mktemp("empty")).reader()


def _parameters(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "since": NOON,
        "until": NOON + 4 * HOUR,
        "before": NOON - 4 * HOUR,
        "rolled_until": NOON + HOUR,
        "bucket_s": 3600,
        "trend_s": 7200,
        **dict.fromkeys(("services", "providers", "models", "operations", "statuses", "search", "near")),
        "kind": "calls",
        "sort_by": "newest",
        "row_limit": 200,
        "scan_limit": 1000,
        "chosen": [],
        "first": NOON,
        "last": NOON + 4 * HOUR,
        "group_by": "model",
        "measure": "p95",
        "trace_id": f"{2:032x}",
        "span_id": f"{2:015x}1",
        "session_id": "session-0",
        "window_id": "w",
        "series_id": "s",
        "baseline": "rolling",
        "at": NOON + 0.1 * HOUR,
        "offset_s": 3600,
        "earlier_s": 3600,
        "moved_at": NOON,
        "prompt_id": "abc",
        "version_id": "abc",
        "of_service": "shop",
        "of_model": "gpt-5",
        "sample_size": 100,
        "alike": 0.9,
    }
    return values | changes


def _rows(reader: DuckDBReader, name: str, **changes: Any) -> list[dict[str, Any]]:
    return reader.query(name, _parameters(**changes)).to_pylist()


@pytest.mark.parametrize("name", QUERIES)
def test_runs_on_an_empty_store_and_under_every_filter(reader: DuckDBReader, empty: DuckDBReader, name: str) -> None:
    filters = {
        "services": ["shop"],
        "providers": ["openai"],
        "models": ["gpt-5"],
        "operations": ["chat"],
        "statuses": ["ok"],
        "search": "question",
    }
    empty.query(name, _parameters())
    empty.query(name, _parameters(before=None))
    reader.query(name, _parameters(**filters))
    assert named_query(name).startswith("-- "), "a query begins with a sentence that says what it returns"


def test_extent(reader: DuckDBReader, empty: DuckDBReader) -> None:
    row = _rows(reader, "common_extent")[0]
    assert row["spans"] == 10
    assert (row["first_time"], row["last_time"]) == (NOON - 3 * HOUR, NOON + 1.2 * HOUR)
    assert row["sample_spans"] == 2
    assert _rows(empty, "common_extent")[0] == {"spans": 0, "first_time": None, "last_time": None, "sample_spans": 0}


def test_facets(reader: DuckDBReader) -> None:
    found = {(row["facet"], row["value"]): row["spans"] for row in _rows(reader, "common_facets")}
    assert found["service", "shop"] == 6
    assert found["service", "search"] == 2
    assert found["status", "error"] == 1
    assert found["model", "house-7b"] == 1


def test_models(reader: DuckDBReader) -> None:
    assert [(row["provider"], row["model"]) for row in _rows(reader, "common_models")] == [
        ("gcp.gemini", "gemini-2.5-flash"),
        ("openai", "gpt-5"),
        ("vllm", "house-7b"),
    ]


def test_overview_cards(reader: DuckDBReader) -> None:
    rows = _rows(reader, "overview_cards")
    now = next(row for row in rows if row["period"] == "now" and row["bucket"] is None)
    before = next(row for row in rows if row["period"] == "before" and row["bucket"] is None)
    assert (now["calls"], now["errors"], now["unpriced_calls"]) == (5, 1, 1), "the duplicate must not count"
    assert now["cost_usd"] == pytest.approx(0.65)
    assert now["tokens"] == 650 + 65
    assert now["p95_ms"] == pytest.approx(2850.0), "of 500, 1000, 2000 and 3000: a failed call has no latency"
    assert (before["calls"], before["errors"]) == (2, 0)
    assert sum(row["calls"] for row in rows if row["period"] == "now" and row["bucket"]) == 5


def test_overview_volume(reader: DuckDBReader) -> None:
    rows = {(row["bucket"], row["series"]): row["calls"] for row in _rows(reader, "overview_volume")}
    assert rows == {(NOON, "ok"): 2, (NOON, "failed"): 1, (NOON + HOUR, "ok"): 2}


def test_overview_cost(reader: DuckDBReader) -> None:
    rows = _rows(reader, "overview_cost")
    assert [(row["series"], row["provider"], round(row["cost_usd"], 6)) for row in rows] == [
        ("gpt-5", "openai", 0.6),
        ("gemini-2.5-flash", "gcp.gemini", 0.05),
    ]


def test_overview_movers(reader: DuckDBReader) -> None:
    rows = _rows(reader, "overview_movers")
    assert (rows[0]["metric"], rows[0]["model"], rows[0]["service_name"]) == ("cost", "gpt-5", "shop")
    assert (rows[0]["before_value"], rows[0]["now_value"]) == (pytest.approx(0.2), pytest.approx(0.6))
    assert all(row["metric"] == "cost" for row in rows), "seven calls are too few to say that latency changed"
    assert _rows(reader, "overview_movers", before=None) == []


def test_overview_errors(reader: DuckDBReader) -> None:
    (row,) = _rows(reader, "overview_errors")
    assert (row["model"], row["error_type"], row["total"]) == ("gpt-5", "RateLimitError", 1)


def _listed(reader: DuckDBReader, **changes: Any) -> list[dict[str, Any]]:
    chosen = _rows(reader, "traces_chosen", **changes)
    return _rows(reader, "traces_list", chosen=[row["trace_id"] for row in chosen])


def test_trace_lists(reader: DuckDBReader) -> None:
    assert [row["total"] for row in _rows(reader, "traces_chosen")] == [5] * 5
    traces = _listed(reader)
    assert traces[0]["models"] == "gemini-2.5-flash", "newest first"
    family = next(row for row in traces if row["name"] == "agent")
    assert (family["spans"], family["duration_ms"], family["tokens"]) == (3, 3500.0, 330)
    assert next(row for row in traces if row["models"] == "house-7b")["status"] == "ok · unpriced"
    assert next(row for row in traces if row["status"] == "1 failed")["models"] == "gpt-5"
    assert [row["models"] for row in _listed(reader, row_limit=1)] == ["gemini-2.5-flash"]
    assert _listed(reader, sort_by="slowest")[0]["name"] == "agent"
    assert _listed(reader, sort_by="dearest")[0]["name"] == "agent"


def test_the_newest_traces_are_found_in_the_newest_spans(reader: DuckDBReader) -> None:
    everything = [row["trace_id"] for row in _rows(reader, "traces_chosen")]
    assert [row["trace_id"] for row in _rows(reader, "traces_newest")] == everything
    few = _rows(reader, "traces_newest", scan_limit=2)
    assert [row["trace_id"] for row in few] == everything[:2]
    assert few[0]["scanned"] == 2


def test_trace_list_shows_the_whole_trace_when_one_span_matches(reader: DuckDBReader) -> None:
    (row,) = _listed(reader, operations=["execute_tool"])
    assert (row["name"], row["spans"], row["cost_usd"]) == ("agent", 3, 0.4)


def test_span_lists(reader: DuckDBReader) -> None:
    assert len(_rows(reader, "traces_spans", kind="calls")) == 5
    assert len(_rows(reader, "traces_spans", kind="spans")) == 8
    assert _rows(reader, "traces_spans", sort_by="slowest")[0]["duration_ms"] == 3000.0
    assert [row["input_preview"] for row in _rows(reader, "traces_spans", search="QUESTION 5")] == ["question 5"]
    assert [row["status"] for row in _rows(reader, "traces_spans", statuses=["error"])] == ["RateLimitError"]


def test_trace_histograms(reader: DuckDBReader) -> None:
    spans = {(row["bucket"], row["series"]): row["found"] for row in _rows(reader, "traces_histogram", kind="spans")}
    assert spans == {(NOON, "ok"): 5, (NOON, "failed"): 1, (NOON + HOUR, "ok"): 2}
    traces = {(row["bucket"], row["series"]): row["found"] for row in _rows(reader, "traces_per_bucket")}
    assert traces == {(NOON, "ok"): 2, (NOON, "failed"): 1, (NOON + HOUR, "ok"): 2}


def test_trace(reader: DuckDBReader) -> None:
    trace_id = f"{3:032x}"
    rows = _rows(reader, "trace_spans", trace_id=trace_id)
    assert [row["span_id"] for row in rows] == ["root", f"{3:015x}1", "tool"]
    assert rows[0]["total"] == 3
    assert _rows(reader, "trace_spans", trace_id=trace_id, near=NOON) == rows
    assert _rows(reader, "trace_spans", trace_id=trace_id, near=NOON - 90 * 24 * HOUR) == []
    assert _rows(reader, "trace_payload")[0]["input_messages"] == "[]"
    assert _rows(reader, "trace_cost")[0]["cost_usd"] == 0.2


def test_cost_cards(reader: DuckDBReader) -> None:
    now = next(row for row in _rows(reader, "cost_cards") if row["period"] == "now" and row["bucket"] is None)
    assert (now["calls"], now["unpriced_calls"]) == (4, 1)
    assert now["cost_per_call"] == pytest.approx(0.65 / 3), "an unpriced call is no call of $0"
    assert now["cost_per_million"] == pytest.approx(1e6 * 0.65 / 660)
    assert now["cached_share"] == pytest.approx(100 / 650)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("model", [("gpt-5", 0.6), ("gemini-2.5-flash", 0.05), ("house-7b", None)]),
        ("provider", [("openai", 0.6), ("gcp.gemini", 0.05), ("vllm", None)]),
        ("service", [("shop", 0.6), ("search", 0.05)]),
        ("user", [("user-1", 0.4), ("user-0", 0.25)]),
        ("operation", [("chat", 0.65)]),
    ],
)
def test_cost_table(reader: DuckDBReader, group: str, expected: list[tuple[str, float | None]]) -> None:
    rows = _rows(reader, "cost_table", group_by=group)
    found = [(row["grouped"], None if row["cost_usd"] is None else round(row["cost_usd"], 6)) for row in rows]
    assert found == expected
    assert sum(row["cost_share"] or 0 for row in rows) == pytest.approx(1.0)


def test_cost_table_compares_with_the_period_before(reader: DuckDBReader) -> None:
    row = _rows(reader, "cost_table")[0]
    assert row["relative_change"] == pytest.approx(2.0)
    assert _rows(reader, "cost_table", before=None)[0]["relative_change"] is None


def test_cost_over_time(reader: DuckDBReader) -> None:
    rows = _rows(reader, "cost_over_time", group_by="service")
    assert [(row["bucket"], row["series"], round(row["cost_usd"], 6)) for row in rows] == [
        (NOON, "shop", 0.6),
        (NOON + HOUR, "search", 0.05),
    ]


def test_cost_unpriced(reader: DuckDBReader) -> None:
    (row,) = _rows(reader, "cost_unpriced")
    assert (row["model"], row["calls"], row["reason"]) == ("house-7b", 1, "no price for house-7b")
    assert row["trace_id"] == f"{5:032x}"


def test_cost_sources_and_tokens(reader: DuckDBReader) -> None:
    assert {row["price_source"]: row["calls"] for row in _rows(reader, "cost_sources")} == {"exact": 3, "none": 1}
    rows = _rows(reader, "cost_tokens")
    assert [(row["uncached input"], row["cache read"], row["output"]) for row in rows] == [(300, 100, 40), (250, 0, 25)]


def test_latency_cards(reader: DuckDBReader) -> None:
    now = next(row for row in _rows(reader, "latency_cards") if row["period"] == "now" and row["bucket"] is None)
    assert now["p50_ms"] == pytest.approx(1500.0)
    assert now["ttft_p50_ms"] == pytest.approx(200.0)
    assert now["error_rate"] == pytest.approx(0.2)
    # 10 / 0.8 s, 30 / 2.6 s, 5 / 0.5 s and 20 / 1.9 s
    assert now["tokens_per_s"] == pytest.approx((30 / 2.6 + 20 / 1.9) / 2)


def test_latency_over_time_keeps_gaps(reader: DuckDBReader) -> None:
    rows = _rows(reader, "latency_percentiles")
    assert [row["bucket"] for row in rows] == [NOON + hour * HOUR for hour in range(4)]
    assert rows[0]["p50_s"] == pytest.approx(2.0)
    assert rows[3]["p50_s"] is None
    errors = _rows(reader, "latency_errors")
    assert errors[0]["rate_limited"] == pytest.approx(100 / 3)
    assert errors[0]["other_errors"] == 0
    assert errors[3]["calls"] is None


@pytest.mark.parametrize(("measure", "expected"), [("p95", 2.9), ("ttft", 0.3), ("speed", (12.5 + 30 / 2.6) / 2)])
def test_latency_by_model(reader: DuckDBReader, measure: str, expected: float) -> None:
    rows = _rows(reader, "latency_by_model", measure=measure)
    assert rows[0]["series"] == "gpt-5"
    assert rows[0]["measured"] == pytest.approx(expected)
    assert rows[1]["measured"] is None


def test_latency_tables(reader: DuckDBReader) -> None:
    rows = {row["model"]: row for row in _rows(reader, "latency_table")}
    assert rows["gpt-5"]["calls"] == 3
    assert rows["gpt-5"]["error_rate"] == pytest.approx(1 / 3)
    assert rows["gpt-5"]["relative_change"] == pytest.approx(1.9)
    assert rows["house-7b"]["relative_change"] is None
    assert [row["duration_ms"] for row in _rows(reader, "latency_slowest")][:2] == [3000.0, 2000.0]


def test_sessions(reader: DuckDBReader) -> None:
    found = _rows(reader, "sessions_chosen")
    bounds = {"first": min(row["first_time"] for row in found), "last": max(row["last_time"] for row in found)}
    listed = _rows(reader, "sessions_list", chosen=[row["session_id"] for row in found], **bounds)
    assert [row["session_id"] for row in listed] == [row["session_id"] for row in found]
    rows = {row["session_id"]: row for row in listed}
    # Calls 2 and 5, 3 and 6, 4 lie in the period; the copy of call 2 and the other spans of call 3 bill nothing.
    assert {name: (row["turns"], row["llm_calls"]) for name, row in rows.items()} == {
        "session-2": (2, 2),
        "session-0": (2, 2),
        "session-1": (1, 1),
    }
    assert rows["session-0"]["cost_usd"] == pytest.approx(0.45)
    assert rows["session-1"]["status"] == "1 failed"
    assert found[0]["total"] == 3
    assert _rows(reader, "sessions_chosen", sort_by="dearest")[0]["session_id"] == "session-0"
    assert rows["session-0"]["length_ms"] == 3_600_000 + 2_000, "to the end of its last call"
    assert _rows(reader, "sessions_chosen", sort_by="longest")[0]["session_id"] == "session-0"


def test_session_cards(reader: DuckDBReader) -> None:
    rows = _rows(reader, "sessions_cards")
    now = next(row for row in rows if row["period"] == "now" and row["bucket"] is None)
    assert (now["sessions"], now["users"]) == (3, 2)
    assert now["turns"] == pytest.approx(5 / 3)
    assert now["cost_per_session"] == pytest.approx(0.65 / 3)
    assert now["failed_share"] == pytest.approx(1 / 3)


def test_session_turns(reader: DuckDBReader) -> None:
    rows = _rows(reader, "sessions_turns", session_id="session-0")
    assert [row["input_preview"] for row in rows] == ["question 0", "question 3", "question 6"]
    assert rows[1]["tokens"] == 330


def test_health(reader: DuckDBReader) -> None:
    now = next(row for row in _rows(reader, "health_cards") if row["period"] == "now" and row["bucket"] is None)
    assert (now["stored"], now["refused"], now["repeated"], now["late"]) == (100, 4, 0, 3)
    assert (now["duplicate_calls"], now["unclaimed"]) == (2, 10)
    assert {row["series"]: row["spans"] for row in _rows(reader, "health_outcomes") if row["bucket"] == NOON} == {
        "stored": 90,
        "refused": 4,
    }
    assert [(row["reason"], row["spans"]) for row in _rows(reader, "health_refused")] == [("no trace id", 4)]
    assert [(row["scope_name"], row["spans"]) for row in _rows(reader, "health_sources")] == [
        ("openai", 90),
        ("other", 10),
    ]
    shares = {row["gap"]: row["share"] for row in _rows(reader, "health_gaps")}
    assert (shares["no_price"], shares.get("no_model")) == (0.2, None), "of the calls, the one that is counted once too"


def test_what_the_store_holds(reader: DuckDBReader) -> None:
    rows = {row["dataset"]: row for row in _rows(reader, "health_storage")}
    assert rows["spans"]["rows"] == 10
    assert rows["spans"]["bytes"] > 0


def test_schema_has_comments(reader: DuckDBReader) -> None:
    rows = {(row["table_name"], row["column_name"]): row for row in _rows(reader, "sql_schema")}
    assert "US dollars" in rows["llm_calls", "cost_usd"]["comment"]
    assert rows["traces", "trace_id"]["table_comment"]


def test_slow_hours_are_those_of_the_viewer(reader: DuckDBReader) -> None:
    hours = {(row["weekday"], row["hour"]): row["calls"] for row in _rows(reader, "latency_heat", offset_s=0)}
    shifted = {(row["weekday"], row["hour"]): row["calls"] for row in _rows(reader, "latency_heat", offset_s=3600)}
    assert set(hours) <= {(1, hour) for hour in range(9, 17)}
    assert shifted == {(day, hour + 1): calls for (day, hour), calls in hours.items()}
    moved = {"offset_s": 0, "earlier_s": 3600, "moved_at": NOON}
    found = {(row["weekday"], row["hour"]): row["calls"] for row in _rows(reader, "latency_heat", **moved)}
    expected: dict[tuple[int, int], int] = {}
    for (day, hour), calls in hours.items():
        place = (day, hour if hour >= NOON.hour else hour + 1)
        expected[place] = expected.get(place, 0) + calls
    assert found == expected, "before the clock was put back it showed an hour more"


def test_a_slow_hour_of_a_zone_half_an_hour_off_begins_when_its_clock_says(reader: DuckDBReader) -> None:
    values = {"offset_s": 19_800, "earlier_s": 19_800}
    for row in _rows(reader, "latency_heat", **values):
        assert row["latest_hour"].minute == 30
        assert (row["latest_hour"] + dt.timedelta(seconds=19_800)).hour == row["hour"]


def test_a_distribution_rises_from_the_fastest_call_to_the_slowest(reader: DuckDBReader) -> None:
    rows = [row for row in _rows(reader, "latency_ecdf") if row["series"] == "gpt-5"]
    assert [row["share"] for row in rows] == [step / 100 for step in range(101)]
    values = [row["measured_s"] for row in rows]
    assert values == sorted(values)
    (extent,) = reader.sql(
        "SELECT min(duration_ms) / 1000 AS low, max(duration_ms) / 1000 AS high FROM llm_calls "
        "WHERE model = 'gpt-5' AND status_code IS DISTINCT FROM 'error' "
        "AND start_time >= $since AND start_time < $until",
        {name: _parameters()[name] for name in ("since", "until")},
    ).to_pylist()
    assert (values[0], values[-1]) == (extent["low"], extent["high"])
