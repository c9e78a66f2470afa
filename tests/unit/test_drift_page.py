"""The Drift page on a store in which a topic appeared: verdict, topics with their traces, what changed, the map."""

from __future__ import annotations

from pathlib import Path

import pytest
from apptest import figures, lists, open_page, words
from drifting import make
from spanloft_collector.store.reader import DuckDBReader


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("page"))[0].root


def window_id(store: Path, condition: str) -> str:
    statement = f"SELECT window_id FROM drift_windows WHERE side = 'input' AND {condition} ORDER BY day DESC LIMIT 1"
    found: str = DuckDBReader(store / "spanloft.duckdb").sql(statement).column(0)[0].as_py()
    return found


def test_a_drift_is_shown_with_what_moved(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_page(monkeypatch, store, "drift", range="all", window=window_id(store, "baseline = 'pinned'"))
    shown = figures(app)
    assert shown["Series"] == "2"
    assert shown["Drifted"] == "2"
    assert shown["Waiting"] == "0"
    text = words(app)
    assert "could not be" not in text
    assert "gpt\\-4o / inputs" in text
    assert any("luggage appeared" in expander.label for expander in app.expander)
    assert "about my luggage" in text
    assert "release **1" in text
    assert "Since **" in text
    assert "against 420 of the pinned days" in text
    series = lists(app)[0]
    assert set(series["status"]) == {"drifted"}
    assert set(series["baseline"]) == {"rolling", "pinned"}


def test_a_window_without_a_verdict_says_why(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    text = words(open_page(monkeypatch, store, "drift", range="all", window=window_id(store, "p_value IS NULL")))
    assert "not enough data" in text
    assert "a verdict needs 200" in text
    assert "What moved" not in text


def test_a_period_without_windows_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    text = words(open_page(monkeypatch, store, "drift", range="1h"))
    assert "No series was judged in this period" in text
