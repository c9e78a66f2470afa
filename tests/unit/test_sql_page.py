"""The page SQL: saved queries, the chart of an answer, and the line for a terminal."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic
from apptest import open_page, words
from spanloft_collector.errors import SpanloftError
from spanloft_dashboard.components import charts, tables
from spanloft_dashboard.components.result_chart import (
    MOST_NAMES,
    behind,
    chart_of,
    columns_across,
    columns_up,
    leads_on,
)
from spanloft_dashboard.saved_queries import MAX_BYTES, SavedQueries
from synthetic_handmade import HOSTILE_TEXT


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.publish(tmp_path_factory.mktemp("it's a store") / "s", 300).root


def test_saved_queries_are_files(tmp_path: Path) -> None:
    saved = SavedQueries(tmp_path)
    assert saved.names() == []
    saved.save("Spend by team", "SELECT 1\n\n")
    saved.save("äußere Kosten", "-- why\nSELECT 'é'")
    saved.save("Spend by team", "SELECT 2")
    (tmp_path / "queries" / "..sql").write_text("SELECT 3")
    assert saved.names() == ["Spend by team", "äußere Kosten"]
    assert (tmp_path / "queries" / "Spend by team.sql").read_text() == "SELECT 2\n"
    assert saved.read("äußere Kosten") == "-- why\nSELECT 'é'\n"
    saved.delete("Spend by team")
    saved.delete("Spend by team")
    assert saved.names() == ["äußere Kosten"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a.sql", " x", "x" * 61, "a\nb", "a\0b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    saved = SavedQueries(tmp_path / "inner")
    for act in (lambda: saved.save(name, "SELECT 1"), lambda: saved.read(name), lambda: saved.delete(name)):
        with pytest.raises(SpanloftError, match="a name has 1 to 60 letters"):
            act()
    assert list(tmp_path.rglob("*")) == []


def test_what_can_not_be_saved_is_said(tmp_path: Path) -> None:
    saved = SavedQueries(tmp_path)
    with pytest.raises(SpanloftError, match="nothing to save"):
        saved.save("a", "  ")
    with pytest.raises(SpanloftError, match="64 kB"):
        saved.save("a", "x" * MAX_BYTES)
    with pytest.raises(SpanloftError, match="can't be read"):
        saved.read("a")
    (tmp_path / "queries").write_text("a file in the place of the folder")
    with pytest.raises(SpanloftError, match="the link of this page holds the query"):
        saved.save("a", "SELECT 1")


def test_a_saved_query_is_there_again(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    app = open_page(monkeypatch, store, "sql")
    app.text_area[0].set_value("SELECT 7 AS seven")
    app.text_input(key="_save_as").set_value("Lucky")
    next(button for button in app.button if button.label == "Save").click().run()
    assert "Saved as Lucky" in words(app)
    assert list(app.dataframe[0].value["seven"]) == [7]
    again = open_page(monkeypatch, store, "sql")
    again.button_group(key="_saved").set_value("Lucky").run()
    assert again.text_area[0].value == "SELECT 7 AS seven"
    again.button(key="_delete").click().run()
    assert SavedQueries(store).names() == []
    again.text_input(key="_save_as").set_value("../x")
    next(button for button in again.button if button.label == "Save").click().run()
    assert "a name has 1 to 60 letters" in words(again)


def test_the_line_for_a_terminal_runs(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    statement = "-- it's a \"comment\" with $(touch never) `id`\nSELECT 'it''s' AS a, count(*) > 0 AS b FROM spans\n"
    app = open_page(monkeypatch, store, "sql", sql=statement)
    (line,) = [code.value for code in app.code if code.value.startswith("duckdb ")]
    cli = Path(sys.executable).with_name("duckdb")
    shown = subprocess.run(
        ["bash", "-c", line.replace("duckdb ", f"'{cli}' -csv ", 1)], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == ["a,b", '"it\'s",true']


DAYS = [dt.date(2026, 3, day) for day in (1, 1, 2, 4)]
ROWS = pa.table({"day": DAYS, "model": ["a", "b", "a", None], "cost": [1.0, 2.0, None, 4.0], "calls": [1, 2, 3, 4]})


def test_answers_of_any_type_can_be_saved() -> None:
    interval = "INTERVAL '1 month 2 days 3.5 seconds'"
    statement = f"SELECT {interval} AS i, [1, 2] AS l, {{'a': 1}} AS s, 1.5::DECIMAL(9,2) AS d, uuid() AS u"
    rows = duckdb.connect().execute(statement).to_arrow_table()
    assert tables.plain(rows)["i"].to_pylist() == ["1 months 2 days 3.5 seconds"]
    assert tables.plain(rows)["d"].to_pylist() == [1.5]
    saved = io.BytesIO()
    pq.write_table(tables.without_intervals(rows), saved)
    read = pq.read_table(saved)
    assert read["i"].to_pylist() == ["1 months 2 days 3.5 seconds"]
    assert read["l"].to_pylist() == [[1, 2]], "nested values stay what they are"


def test_an_answer_is_drawn_by_its_columns() -> None:
    assert columns_across(ROWS) == ["day", "model", "cost", "calls"]
    assert columns_up(ROWS) == ["cost", "calls"]
    chart, note = chart_of(ROWS, "day", "calls", None, line=False)
    (bars,) = chart.series
    day_ms = 86_400_000.0
    assert [at - bars["x"][0] for at in bars["x"]] == [0.0, day_ms, 3 * day_ms]
    assert bars["y"] == [3.0, 3.0, 4.0], "values of a place are added up"
    assert (chart.step, note) == (day_ms, "")
    chart, note = chart_of(ROWS, "day", "cost", "model", line=True)
    assert [(one["name"], one["y"]) for one in chart.series] == [("a", [1.0]), ("b", [2.0]), ("unknown", [4.0])]
    assert note == "1 row without a value is not drawn."


def test_names_across_stay_names_and_are_bounded() -> None:
    names = [HOSTILE_TEXT, *(f"n{number}" for number in range(60))]
    chart, note = chart_of(pa.table({"who": names, "n": range(61)}), "who", "n", None, line=False)
    assert note == f"The first {MOST_NAMES} of 61 values across."
    spec = chart.spec("alt")
    assert spec["titles"][0].startswith("<script>"), "set as text by the chart"
    assert "\x1b" not in spec["titles"][0]
    assert len(spec["titles"]) == len(spec["stops"]) == MOST_NAMES


def test_the_choices_of_the_chart_are_in_the_link(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    statement = "SELECT model, count(*) AS calls FROM llm_calls GROUP BY ALL"
    app = open_page(monkeypatch, store, "sql", sql=statement, chart="bars", y="calls", x="nonsense")
    assert [box.value for box in app.selectbox] == ["model", "calls"]
    assert any(element.proto.component_name == "spanloft_chart" for element in app.get("bidi_component"))


def test_a_place_of_the_chart_leads_to_what_is_behind_it() -> None:
    chart, _ = chart_of(ROWS, "day", "calls", "model", line=False)
    second = charts.Place(chart.series[0]["x"][1], "a")
    assert behind(ROWS, "day", "model", chart, second) == {
        "model": "a",
        "from": "2026-03-02T00:00:00Z",
        "to": "2026-03-03T00:00:00Z",
        "range": None,
    }
    assert "model" not in behind(ROWS, "day", "model", chart, second._replace(series="unknown"))
    chart, _ = chart_of(ROWS, "model", "calls", "", line=False)
    assert behind(ROWS, "model", "", chart, charts.Place(1.0, None)) == {"model": "b"}
    assert leads_on(ROWS, "model", "")
    assert leads_on(ROWS, "cost", "model")
    assert not leads_on(ROWS, "cost", "")


def test_one_of_many_is_no_plural() -> None:
    assert tables.limited(1, 1, "traces") == "1 trace"
    assert tables.limited(0, 0, "traces") == "0 traces"
    assert tables.limited(200, 1_234, "traces").startswith("Showing the 200 newest of 1,234 traces; 1,034 are hidden")
