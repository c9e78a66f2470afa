"""Every page on data, on an empty store, and on a store that can't be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import synthetic
import synthetic_stories
from apptest import figures, lists, markup, open_page, ways, words
from spanloft_collector.store.parquet import ParquetStore
from spanloft_dashboard.navigation import ENTRIES
from synthetic_drift import TOPIC
from synthetic_handmade import HOSTILE_TRACE, LONG_TRACE, RICH_ANSWER, RICH_CHAT_SPAN, RICH_TRACE, UNPRICED_TRACE

PAGES = [entry.file for entry in ENTRIES]
TITLES = {entry.file: entry.title for entry in ENTRIES}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.publish(tmp_path_factory.mktemp("full"), 3_000).root


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ParquetStore(tmp_path_factory.mktemp("empty")).root


@pytest.mark.parametrize("name", PAGES)
def test_shows_data(monkeypatch: pytest.MonkeyPatch, full: Path, name: str) -> None:
    app = open_page(monkeypatch, full, name, range="14d")
    assert app.title[0].value == TITLES[name]
    text = words(app)
    assert "could not be" not in text
    assert "instrument()" not in text
    assert figures(app) or name in {"sql", "traces"}


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_store_shows_how_to_begin(monkeypatch: pytest.MonkeyPatch, empty: Path, name: str) -> None:
    app = open_page(monkeypatch, empty, name)
    assert "import spanloft\nspanloft.instrument()" in words(app)
    assert not figures(app)


@pytest.mark.parametrize("name", PAGES)
def test_a_missing_store_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    app = open_page(monkeypatch, tmp_path / "nowhere", name)
    assert "no store here" in words(app)
    assert not figures(app)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose files can't be read."""
    store = synthetic.publish(tmp_path_factory.mktemp("broken"), 100).root
    for file in (store / "data" / "spans").rglob("ingest-*.parquet"):
        file.write_bytes(b"not a parquet file")
    return store


@pytest.mark.parametrize("name", PAGES)
def test_a_store_whose_files_are_broken_is_a_sentence(monkeypatch: pytest.MonkeyPatch, broken: Path, name: str) -> None:
    app = open_page(monkeypatch, broken, name)
    text = words(app)
    assert "can't be read" in text or "could not be loaded" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", PAGES)
def test_a_filter_that_matches_nothing_leaves_no_empty_charts(
    monkeypatch: pytest.MonkeyPatch, full: Path, name: str
) -> None:
    app = open_page(monkeypatch, full, name, service="nobody", range="1h")
    assert "could not be" not in words(app)


def test_the_url_fills_the_filters(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    everything = figures(open_page(monkeypatch, full, range="14d"))["Calls"]
    app = open_page(monkeypatch, full, range="14d", model="gpt-5", service="support-bot")
    assert figures(app)["Calls"] != everything
    app.session_state["_model_open"] = True
    app.run()
    assert app.session_state["_model"] == ["gpt-5"]
    assert app.session_state["_range"] == "14d"
    assert app.button(key="_clear").label == "Clear"
    app.button(key="_clear").click().run()
    assert "model" not in app.query_params
    assert app.query_params["range"] in ("14d", ["14d"])


def test_nonsense_in_the_url_is_ignored(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, range="soon", **{"from": "x", "to": "y"}, kind="?", sort="';--")
    assert app.session_state["_range"] == "24h"
    assert figures(app)


def test_sample_data_is_labelled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, full: Path) -> None:
    sample = synthetic.publish(tmp_path / "sample", 200, sample=True).root
    assert "Sample data" in words(open_page(monkeypatch, sample))
    assert "Sample data" not in words(open_page(monkeypatch, full))


def test_a_trace_shows_its_conversation(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "traces", trace=RICH_TRACE, span=RICH_CHAT_SPAN)
    text = words(app)
    assert RICH_ANSWER in text
    assert "Four days late" in text, "reasoning"
    assert '"carrier": "Post"' in text, "tool result"
    assert "not loaded" in text, "an image is named and not fetched"
    assert len(app.chat_message) == 5
    cost = words(open_page(monkeypatch, full, "traces", trace=RICH_TRACE, span=RICH_CHAT_SPAN, tab="cost"))
    assert "The price list has this model" in cost
    assert RICH_ANSWER not in cost, "only the open tab is drawn"


def test_a_retrieval_shows_its_documents(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "traces", trace=RICH_TRACE, span="a1" * 7 + "01")
    text = words(app)
    assert "Late deliveries are refunded" in text
    assert "score 0.88" in text


def test_a_call_without_content_or_price_says_so(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    text = words(open_page(monkeypatch, full, "traces", trace=UNPRICED_TRACE))
    assert "No message content was received" in text
    text = words(open_page(monkeypatch, full, "traces", trace=UNPRICED_TRACE, tab="cost"))
    assert "Cost unknown" in text
    assert "no price for provider vllm" in text
    assert "$0" not in text.replace("\\", "")


def test_an_unknown_trace_is_a_sentence(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    assert "There is no trace" in words(open_page(monkeypatch, full, "traces", trace="ff" * 16))


def test_a_long_trace_is_folded(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    text = words(open_page(monkeypatch, full, "traces", trace=LONG_TRACE))
    assert "41 of 1,161 spans" in text


def test_hostile_content_is_only_ever_text(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "traces", trace=HOSTILE_TRACE)
    assert not any("<script>" in shown for shown in markup(app))
    for element in [*app.markdown, *app.caption, *app.subheader]:
        bare = str(element.value).replace("\\!", "").replace("\\<", "").replace("\\[", "")
        assert "![" not in bare
        assert "<img" not in bare
    assert any("<script>" in element.value for element in app.text)


def test_the_limit_of_a_list_says_what_it_hides(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "traces", range="14d", kind="spans")
    assert any("are hidden by the limit" in caption.value for caption in app.caption)


def test_unpriced_calls_are_listed(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "cost", range="14d")
    models = {value for frame in lists(app) if "reason" in frame for value in frame["model"]}
    assert {"house-model-7b", "ft:gpt-4.1-mini:acme:triage"} <= models


@pytest.mark.parametrize("by", ["model", "provider", "service", "user", "operation", "feature", "prompt", "tag"])
def test_cost_can_be_grouped(monkeypatch: pytest.MonkeyPatch, full: Path, by: str) -> None:
    app = open_page(monkeypatch, full, "cost", range="14d", by=by)
    assert any("grouped" in frame and len(frame) for frame in lists(app))


def test_a_session_reads_like_a_conversation(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "sessions", session="s-rich")
    text = words(app)
    assert "Where is my lamp?" in text
    assert RICH_ANSWER in text
    assert len(app.chat_message) == 2
    assert "There is no session" in words(open_page(monkeypatch, full, "sessions", session="nobody"))


def test_sql_answers_and_refuses(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "sql", sql="SELECT 41 + 1 AS answer, [1, 2] AS list, {'a': 1} AS struct")
    assert list(app.dataframe[0].value["answer"]) == [42]
    assert any("1 row in" in caption.value for caption in app.caption)
    for statement in ("DROP VIEW spans", "SELECT * FROM read_text('/etc/passwd')", "SELEC"):
        refused = open_page(monkeypatch, full, "sql", sql=statement)
        assert "This could not be loaded" in words(refused)
        assert not refused.dataframe


def test_sql_examples_run(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "sql")
    assert not app.dataframe, "nothing runs before it is asked to"
    app.button_group(key="_example").set_value("sql_slow_tools").run()
    assert "find_order" in set(app.dataframe[0].value["tool_name"])
    assert "tool_calls" in app.text_area[0].value


def test_health_keeps_the_books(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "health", range="14d")
    assert figures(app)["Spans stored"] != "0"
    datasets = {value for frame in lists(app) if "dataset" in frame for value in frame["dataset"]}
    assert {"spans", "payloads", "costs"} <= datasets


def test_prompts_compares_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = synthetic_stories.prompted(tmp_path).root
    app = open_page(monkeypatch, store, "prompts", range="all")
    (prompts,) = [frame for frame in lists(app) if "prompt" in frame]
    assert list(prompts["versions"]) == [2]
    (versions,) = [frame for frame in lists(app) if "template" in frame]
    assert list(versions["calls"]) == [40, 30]
    shown = "".join(str(element.proto.body) for element in app.get("html"))
    assert "<ins>Be kind to &lt;b&gt;everybody&lt;/b&gt;.</ins>" in shown
    assert "<b>everybody" not in shown
    # Twice the cost in every call, so the difference is clear; the durations are drawn alike.
    text = words(app).replace("\\", "")
    assert "Cost] +100 % (+100 to +100)" in text
    assert re.search(r"Duration\] [+-]0 % \([^)]*\), no clear difference", text)


def test_overview_lists_alarms_with_ways_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = open_page(monkeypatch, synthetic_stories.incident(tmp_path).root, "overview", range="7d")
    (alarm,) = [label for label in ways(app) if label.startswith("p95 latency of gpt-5")]
    assert "harbour-bot" in alarm
    assert "trace=" in ways(app)["Call"]


def test_a_drift_shows_what_moved(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    app = open_page(monkeypatch, full, "drift", range="14d")
    assert figures(app)["Drifted"] == "1"
    assert [value for frame in lists(app) if "topic" in frame for value in frame["topic"]][0] == TOPIC
    assert any(TOPIC in expander.label for expander in app.expander)
    assert "refusals" in {value for frame in lists(app) if "what" in frame for value in frame["what"]}
