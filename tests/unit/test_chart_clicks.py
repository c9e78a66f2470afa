"""A click on a chart leads to the calls that its mark stands for: the link of each, checked against the store."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import pytest
import synthetic
from apptest import open_page
from spanloft_collector.store.parquet import ParquetStore
from spanloft_dashboard.components import charts, links
from spanloft_dashboard.components.scope import parse_time
from synthetic_handmade import RICH_CHAT_SPAN, RICH_TRACE

Clicks = dict[str, tuple[dict[str, Any], str, dict[str, Any]]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ParquetStore:
    return synthetic.publish(tmp_path_factory.mktemp("clicked"), 1_500)


def highest(spec: dict[str, Any]) -> dict[str, Any] | None:
    """The pick of the mark with the highest value, as ``chart.js`` sends it."""
    marks = [
        (value, one["name"], place, at)
        for one in spec["series"]
        for place, (at, value) in enumerate(zip(one["x"], one["y"], strict=True))
        if value
    ]
    if not marks:
        return None
    value, name, place, at = max(marks)
    if spec["hover"] == "x" and not any("labels" in one for one in spec["series"]):
        return {"x": at, "series": name, "value": value}
    return {"series": name, "place": place, "value": value}


def clicks(monkeypatch: pytest.MonkeyPatch, store: Path, page: str, **query: str) -> Clicks:
    """Click the highest mark of every chart of a page: what was picked, and the page and query that it leads to."""
    found: Clicks = {}
    # Panels run in threads of their own; a chart and what its click does are in the same one.
    last: dict[int, tuple[str, dict[str, Any]]] = {}

    def mount(*, key: str, data: dict[str, Any], on_pick_change: object = None) -> dict[str, Any]:
        picked = highest(data) if on_pick_change is not None else None
        if picked is None:
            return {}
        last[threading.get_ident()] = (key, picked)
        return {"pick": picked}

    def go(name: str, scope: object, **changes: Any) -> None:
        key, picked = last[threading.get_ident()]
        found[key] = (picked, name, {name: value for name, value in changes.items() if value is not None})

    monkeypatch.setattr(charts, "_mount", mount)
    monkeypatch.setattr(links, "go", go)
    open_page(monkeypatch, store, page, **query)
    return found


def count(store: ParquetStore, what: str, query: dict[str, Any], table: str = "llm_calls") -> float:
    """A figure of the calls that a link shows."""
    since, until = (parse_time(query[name]) for name in ("from", "to"))
    parameters = {"since": since, "until": until, "models": query.get("model"), "statuses": query.get("status")}
    statement = (
        f"SELECT {what} AS found FROM {table} WHERE start_time >= $since AND start_time < $until "
        "AND ($models IS NULL OR list_contains($models, model)) "
        "AND ($statuses IS NULL OR list_contains($statuses, if(status_code = 'error', 'error', 'ok')))"
    )
    with store.reader()._cursor() as cursor:
        row = cursor.execute(statement, parameters).fetchone()
    assert row is not None
    return float(row[0])


def test_overview(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    found = clicks(monkeypatch, store.root, "overview", range="14d")
    picked, page, query = found["volume"]
    assert page == "traces"
    assert picked["value"] == count(
        store, "count(*)", query | {"status": [picked["series"].replace("failed", "error")]}
    )
    picked, _, query = found["cost"]
    assert query["model"] == [picked["series"]]
    assert picked["value"] == pytest.approx(count(store, "sum(cost_usd)", query), rel=1e-5)


def test_cost(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    found = clicks(monkeypatch, store.root, "cost", range="7d")
    picked, page, query = found["over-time-model"]
    assert (page, query["kind"], query["sort"], query["model"]) == ("traces", "calls", "dearest", [picked["series"]])
    assert picked["value"] == pytest.approx(count(store, "sum(cost_usd)", query), rel=1e-5)
    picked, _, query = found["tokens"]
    column = {"cache read": "cache_read_tokens", "output": "output_tokens"}.get(
        picked["series"], "uncached_input_tokens"
    )
    assert picked["value"] == count(store, f"sum({column})", query)
    picked, _, query = found["budget"]
    since, until = (parse_time(query[name]) for name in ("from", "to"))
    assert since is not None
    assert until == since + dt.timedelta(days=1)
    assert found["moves"][2]["sort"] == "dearest"


@pytest.mark.parametrize(("by", "key"), [("feature", "q"), ("tag", "q"), ("service", "service")])
def test_cost_by_a_label(monkeypatch: pytest.MonkeyPatch, store: ParquetStore, by: str, key: str) -> None:
    picked, page, query = clicks(monkeypatch, store.root, "cost", range="14d", by=by)[f"over-time-{by}"]
    assert page == "traces"
    if picked["series"] == "unknown":
        assert key not in query, "there is no filter for what is not known"
    else:
        assert query[key] == (picked["series"] if key == "q" else [picked["series"]])
    assert query["kind"] == ("traces" if by == "feature" and picked["series"] != "unknown" else "calls")


def test_latency(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    found = clicks(monkeypatch, store.root, "latency", range="14d")
    picked, _, query = found["percentiles"]
    longest_s = count(store, "quantile_cont(duration_ms, 0.99) FILTER (status_code != 'error') / 1000", query)
    assert (picked["series"], query["sort"]) == ("p99", "slowest")
    assert picked["value"] == pytest.approx(longest_s, rel=1e-5)
    picked, _, query = found["by-model-p95"]
    p95_s = count(store, "quantile_cont(duration_ms, 0.95) FILTER (status_code != 'error') / 1000", query)
    assert query["model"] == [picked["series"]]
    assert picked["value"] == pytest.approx(p95_s, rel=1e-5)
    _, _, query = found["errors"]
    assert query["status"] == ["error"]
    assert count(store, "count(*)", query) > 0
    picked, _, query = next(click for key, click in found.items() if key.startswith("ecdf"))
    assert (query["model"], query["sort"]) == ([picked["series"]], "slowest")
    _, _, query = next(click for key, click in found.items() if key.startswith("heat"))
    assert count(store, "count(*)", query) > 0


def test_sessions_and_health(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    _, page, query = clicks(monkeypatch, store.root, "sessions", range="14d")["sessions-time"]
    assert page == "traces"
    assert count(store, "count(*) FILTER (session_id IS NOT NULL)", query) > 0
    _, page, query = clicks(monkeypatch, store.root, "health", range="14d")["outcomes"]
    assert (page, query["kind"]) == ("traces", "spans")
    since, until = (parse_time(query[name]) for name in ("from", "to"))
    assert since is not None
    assert until == since + dt.timedelta(hours=6)


def test_drift(monkeypatch: pytest.MonkeyPatch, store: ParquetStore) -> None:
    found = clicks(monkeypatch, store.root, "drift", range="14d")
    assert found["map"][2] == {"trace": RICH_TRACE, "span": RICH_CHAT_SPAN}
    _, page, query = found["effect"]
    assert (page, query["service"], query["model"], query["operation"]) == (
        "traces",
        ["support-bot"],
        ["gpt-5"],
        ["chat"],
    )
    assert "from" in query
