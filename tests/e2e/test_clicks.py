"""One mark of every kind of chart is clicked: the link holds what was clicked and the filters of the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from urllib.parse import quote

import pytest
from browsing import settle
from marks import Spot, first_bar, first_of_line, period, query, traces_of
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)
Open = Callable[..., Page]
MODEL = "gpt-5"
FILTER = f"range=7d&model={MODEL}&service=support-bot"


def length(found: dict[str, list[str]]) -> dt.timedelta:
    """How long the period of a link is."""
    since, until = period(found)
    return until - since


@pytest.mark.parametrize(
    ("path", "panel", "expected"),
    [
        ("/", "volume", {"status": ["ok"], "kind": ["calls"]}),
        ("/", "cost", {"sort": ["dearest"], "kind": ["calls"]}),
        ("/cost", "over-time", {"sort": ["dearest"], "kind": ["calls"]}),
        ("/cost", "tokens", {"sort": ["dearest"], "kind": ["calls"]}),
        ("/sessions", "time", {}),
    ],
)
def test_a_bar(visit: Open, full_dashboard: str, path: str, panel: str, expected: dict[str, list[str]]) -> None:
    found = traces_of(first_bar(visit(full_dashboard, f"{path}?{FILTER}"), panel))
    assert length(found) == dt.timedelta(hours=6 if path == "/sessions" else 3)
    assert {name: values for name, values in found.items() if name not in ("from", "to")} == {
        "model": [MODEL],
        "service": ["support-bot"],
        **expected,
    }


@pytest.mark.parametrize("path", ["/sessions", "/traces"])
def test_sql_of_a_list_shows_what_chooses_and_what_reads(visit: Open, full_dashboard: str, path: str) -> None:
    page = visit(full_dashboard, f"{path}?{FILTER}")
    page.locator(".st-key-panel-list .sl-sql").click()
    shown = page.get_by_role("dialog").get_by_test_id("stCode")
    expect(shown).to_have_count(2)
    for number in range(2):
        expect(shown.nth(number)).to_contain_text("SELECT")
        expect(shown.nth(number)).not_to_contain_text("$")


def test_the_chart_and_the_rows_of_an_answer_lead_to_traces(visit: Open, full_dashboard: str) -> None:
    statement = "SELECT service_name, count(*) AS calls FROM llm_calls GROUP BY ALL ORDER BY service_name"
    found = traces_of(first_bar(visit(full_dashboard, f"/sql?chart=bars&sql={quote(statement)}"), "answer"))
    assert found["range"] == ["all"]
    assert len(found["service"]) == 1
    statement = "SELECT trace_id, name FROM spans ORDER BY trace_id LIMIT 3"
    page = visit(full_dashboard, f"/sql?sql={quote(statement)}")
    settle(page)
    # The grid is a canvas: its first column holds the boxes.
    page.locator(".st-key-panel-answer").get_by_test_id("stDataFrame").click(position={"x": 15, "y": 50})
    page.wait_for_url("**/traces?*")
    assert len(query(page)["trace"][0]) == 32


def test_a_bar_keeps_the_status_of_the_page(visit: Open, full_dashboard: str) -> None:
    spot = first_bar(visit(full_dashboard, "/sessions?range=7d&status=ok"), "time")
    assert traces_of(spot)["status"] == ["ok"]


def test_a_bar_of_what_arrived_leads_to_spans(visit: Open, full_dashboard: str) -> None:
    found = traces_of(first_bar(visit(full_dashboard, "/health?range=7d&service=support-bot"), "outcomes"))
    assert (found["kind"], found["service"], length(found)) == (["spans"], ["support-bot"], dt.timedelta(hours=3))


def test_a_bar_of_the_histogram_stays_and_narrows(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, f"/traces?{FILTER}&kind=calls&q=lamp")
    first_bar(page, "histogram").click()
    page.wait_for_url("**from=**")
    settle(page)
    found = query(page)
    assert (found["model"], found["service"], found["kind"], found["q"]) == (
        [MODEL],
        ["support-bot"],
        ["calls"],
        ["lamp"],
    )
    assert length(found) == dt.timedelta(hours=3)
    assert "range" not in found


@pytest.mark.parametrize("panel", ["percentiles", "by-model"])
def test_a_line_over_time(visit: Open, full_dashboard: str, panel: str) -> None:
    found = traces_of(first_of_line(visit(full_dashboard, f"/latency?{FILTER}"), panel))
    assert (found["model"], found["service"], found["sort"]) == ([MODEL], ["support-bot"], ["slowest"])
    assert length(found) == dt.timedelta(hours=3)


def test_a_line_of_a_distribution(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/latency?range=7d&service=support-bot")
    name = page.locator(".st-key-panel-ecdf .sl-legend span").first.inner_text()
    found = traces_of(first_of_line(page, "ecdf"))
    assert found == {
        "model": [name],
        "service": ["support-bot"],
        "range": ["7d"],
        "kind": ["calls"],
        "sort": ["slowest"],
    }


def test_a_field_of_slow_hours(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, f"/latency?{FILTER}")
    cell = page.locator(".st-key-panel-heat svg rect[rx='3']").first
    cell.scroll_into_view_if_needed()
    found = traces_of(Spot.middle(page, cell))
    assert (found["model"], found["service"], length(found)) == ([MODEL], ["support-bot"], dt.timedelta(hours=1))


@pytest.mark.parametrize("place", [0, 1])
def test_a_box_of_what_moved(visit: Open, full_dashboard: str, place: int) -> None:
    page = visit(full_dashboard, "/cost?range=7d&service=support-bot")
    box = page.locator(".st-key-panel-moves svg rect[rx='2']").nth(place)
    box.scroll_into_view_if_needed()
    found = traces_of(Spot.middle(page, box))
    assert (found["service"], found["sort"]) == (["support-bot"], ["dearest"])
    if place == 0:
        assert length(found) == dt.timedelta(days=7), "the period before"
    else:
        assert found["range"] == ["7d"]


def test_a_day_of_the_budget(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/cost?range=7d&service=support-bot")
    plot = page.locator(".st-key-panel-budget .sl-frame")
    plot.focus()
    # The last mark is today.
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Traces", exact=True)).to_be_visible()
    settle(page)
    found = query(page)
    assert (found["service"], length(found)) == (["support-bot"], dt.timedelta(days=1))


def test_a_version_of_a_prompt(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/prompts?range=7d")
    first_bar(page, "over-time").click()
    page.wait_for_url("**version=**")
    settle(page)
    assert length(query(page)) == dt.timedelta(hours=3)
    page = visit(full_dashboard, "/prompts?range=7d")
    dot = page.locator(".st-key-panel-intervals svg circle").first
    dot.scroll_into_view_if_needed()
    Spot.middle(page, dot).click()
    page.wait_for_url("**version=**")
    settle(page)
    assert query(page)["range"] == ["7d"]
    expect(page.locator(".st-key-panel-calls .sl-table tbody tr").first).to_be_visible()
