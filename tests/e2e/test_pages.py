"""The pages in Chromium: clicks, deep links, keys, hostile content, and who is called."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from browsing import settle
from marks import query
from playwright.sync_api import Locator, Page, expect
from synthetic_handmade import (
    FOREIGN_HOST,
    HOSTILE_SPAN,
    HOSTILE_TRACE,
    LONG_TRACE,
    RICH_ANSWER,
    RICH_CHAT_SPAN,
    RICH_TRACE,
)
from synthetic_stories import SLOWEST

pytestmark = pytest.mark.browser
PATIENCE_MS = 30_000
# A machine that does other things meanwhile makes pages slow, not wrong.
expect.set_options(timeout=PATIENCE_MS)
Open = Callable[..., Page]


def click_row(table: Locator, row: int) -> None:
    table.locator("tbody tr").nth(row).click()


@pytest.mark.parametrize("path", ["/", "/traces"])
def test_an_empty_store_shows_what_to_paste(visit: Open, empty_dashboard: str, path: str) -> None:
    page = visit(empty_dashboard, path)
    expect(page.get_by_text("spanloft.instrument()")).to_be_visible()
    expect(page.get_by_text("http://127.0.0.1:4318")).to_be_visible()
    expect(page.locator(".sl-frame")).to_have_count(0)


def test_from_the_list_to_the_message(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/traces?q=lamp+ships+tomorrow&range=1h&kind=calls")
    click_row(page.locator(".sl-table"), 0)
    expect(page.get_by_text("Where the time went")).to_be_visible()
    settle(page)
    assert query(page)["trace"] == [RICH_TRACE]
    assert query(page)["span"] == [RICH_CHAT_SPAN]
    expect(page.get_by_test_id("stText").get_by_text(RICH_ANSWER)).to_be_visible()
    page.get_by_role("button", name="Traces").click()
    expect(page.get_by_role("heading", name="Traces", exact=True)).to_be_visible()
    settle(page)
    assert "trace" not in query(page)
    assert query(page)["q"] == ["lamp ships tomorrow"]


def test_from_an_alarm_to_the_message_that_shows_it(visit: Open, incident_dashboard: str) -> None:
    page = visit(incident_dashboard, "/?range=7d")
    alarm = page.locator(".sl-alarm").filter(has_text="p95 latency of gpt-5")
    expect(alarm).to_be_visible()
    alarm.get_by_role("link", name="Call").click()
    expect(page.get_by_text("Where the time went")).to_be_visible()
    expect(page.locator(".st-key-chat").get_by_test_id("stText").get_by_text(SLOWEST)).to_be_visible()
    settle(page)
    page.go_back()
    alarm.get_by_role("link", name="p95 latency of gpt-5").click()
    expect(page.get_by_role("heading", name="Latency", exact=True)).to_be_visible()
    settle(page)
    assert query(page)["model"] == ["gpt-5"]
    assert query(page)["service"] == ["harbour-bot"]
    assert "from" in query(page)


def test_a_click_in_the_waterfall_changes_the_span_and_the_link(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}")
    rows = page.locator(".st-key-panel-waterfall .sl-span")
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_have_attribute("aria-selected", "true")
    rows.nth(1).click()
    expect(page.get_by_text("Late deliveries are refunded").first).to_be_visible()
    assert query(page)["span"] == ["a1" * 7 + "01"]


def test_keys(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/traces?range=14d")
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Search names, previews, errors, ids")).to_be_focused()
    page.keyboard.type("a/b?")
    expect(page.get_by_placeholder("Search names, previews, errors, ids")).to_have_value("a/b?")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    # Leaving the field searches: what is opened before the page has drawn the answer is drawn closed again.
    settle(page)
    page.keyboard.press("?")
    expect(page.get_by_text("next and previous span of a trace")).to_be_visible()
    page = visit(full_dashboard, f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}")
    expect(page.get_by_text("Where the time went")).to_be_visible()
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(f"span={RICH_CHAT_SPAN[:-1]}2"))
    # A key means the span that is chosen once the page has drawn it.
    settle(page)
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"span={RICH_CHAT_SPAN}"))


def test_a_long_trace_unfolds(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, f"/traces?trace={LONG_TRACE}")
    expect(page.get_by_text("41 of 1,161 spans")).to_be_visible()
    step = page.locator(".st-key-panel-waterfall .sl-span").nth(1)
    expect(step).to_contain_text("step 1 +28")
    step.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("69 of 1,161 spans")).to_be_visible()


def test_filters_live_in_the_url_and_follow_to_other_pages(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/")
    page.get_by_role("radio", name="7d").click()
    settle(page)
    page.locator(".st-key-filters").get_by_role("button", name="Model").click()
    page.get_by_role("button", name=re.compile(r"^gpt-5 ·")).click()
    expect(page.get_by_role("button", name="Model: gpt-5")).to_be_visible()
    settle(page)
    assert query(page) == {"range": ["7d"], "model": ["gpt-5"]}
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Cost", exact=True).click()
    expect(page.get_by_role("heading", name="Cost", exact=True)).to_be_visible()
    settle(page)
    assert query(page) == {"range": ["7d"], "model": ["gpt-5"]}
    expect(page.get_by_role("button", name="Model: gpt-5")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    settle(page)
    assert query(page) == {"range": ["7d"], "model": ["gpt-5"]}


def test_a_link_opens_the_same_view(visit: Open, full_dashboard: str) -> None:
    first = visit(full_dashboard, "/?range=14d&service=support-bot&model=gpt-5")
    calls = first.locator(".sl-card-value").first.inner_text()
    second = visit(full_dashboard, first.url.removeprefix(full_dashboard))
    expect(second.locator(".sl-card-value").first).to_have_text(calls)
    expect(second.get_by_role("button", name="Service: support-bot")).to_be_visible()
    checked = second.get_by_role("radio", name="14d")
    expect(checked).to_have_attribute("aria-checked", "true")


def test_a_bar_leads_to_the_traces_behind_it(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/?range=14d")
    plot = page.locator(".st-key-panel-volume .sl-frame svg")
    box = plot.bounding_box()
    assert box is not None
    # Just above the axis, where every bar is.
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] - 26)
    expect(page.locator(".st-key-panel-volume .sl-tip")).to_contain_text(re.compile(r"ok: [\d,]+ calls"))
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] - 26)
    expect(page.get_by_role("heading", name="Traces", exact=True)).to_be_visible()
    settle(page)
    assert {"from", "to"} <= query(page).keys()
    expect(page.locator(".sl-table")).to_be_visible()


def test_dragging_over_the_histogram_zooms_in(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/traces?range=14d")
    box = page.locator(".st-key-panel-histogram .sl-frame svg").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name=re.compile(r"UTC$"))).to_be_visible()
    settle(page)
    since, until = (dt.datetime.fromisoformat(query(page)[name][0]) for name in ("from", "to"))
    assert 3 < (until - since) / dt.timedelta(days=1) < 4, "a quarter of two weeks"
    assert "range" not in query(page)
    page.get_by_role("radio", name="14d").click()
    settle(page)
    assert query(page) == {"range": ["14d"]}


def test_charts_and_lists_obey_the_keyboard(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/?range=14d")
    page.locator(".st-key-panel-volume .sl-frame").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".st-key-panel-volume .sl-tip")).to_be_visible()
    errors = page.locator(".st-key-panel-errors .sl-table")
    newest = errors.locator("tbody tr").first.inner_text()
    errors.get_by_role("button", name="Error", exact=True).click()
    expect(errors.locator("th[aria-sort=ascending]")).to_have_text("Error")
    errors.get_by_role("button", name="Time", exact=True).click()
    errors.get_by_role("button", name="Time", exact=True).click()
    expect(errors.locator("tbody tr").first).to_have_text(re.compile(re.escape(newest.split("\t")[0])))
    errors.locator("tbody tr").first.focus()
    page.keyboard.press("j")
    expect(errors.locator("tbody tr").nth(1)).to_be_focused()
    with page.expect_download() as saved:
        page.locator(".st-key-panel-errors").get_by_role("button", name="CSV").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0] == "Time,Error,Model,Message"
    page.keyboard.press("Escape")
    errors.locator("tbody tr").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Where the time went")).to_be_visible()


def test_a_latest_error_leads_to_its_trace(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/?range=14d")
    click_row(page.locator(".st-key-panel-errors"), 0)
    expect(page.get_by_text("Where the time went")).to_be_visible()
    assert query(page)["trace"] == [HOSTILE_TRACE], "the newest error of the store"


@pytest.mark.parametrize(
    "path",
    [
        "/?range=1h",
        f"/traces?trace={HOSTILE_TRACE}&span={HOSTILE_SPAN}",
        "/latency?range=1h",
    ],
)
def test_hostile_content_is_harmless(visit: Open, full_dashboard: str, path: str) -> None:
    page = visit(full_dashboard, path)
    assert page.title() != "owned"
    assert (
        page.locator(f"img[src*='{FOREIGN_HOST}'], a[href^='http://{FOREIGN_HOST}'], a[href^='javascript']").count()
        == 0
    )
    assert page.get_by_test_id("stMain").is_visible()
    if "trace=" in path:
        page.get_by_role("tab", name="Copy").click()
        for form in ("curl", "OTLP JSON", "SQL"):
            page.get_by_role("radio", name=form, exact=True).click()
            settle(page)
        for tab in ("Attributes", "Cost", "Raw", "Messages"):
            page.get_by_role("tab", name=tab).click()
        shown = page.get_by_test_id("stText").filter(has_text="<script>").first
        expect(shown).to_be_visible()
        expect(shown).to_contain_text("␛[31m")


def test_a_session_is_read_and_leads_to_its_traces(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}")
    page.get_by_role("link", name="Session s-rich").click()
    expect(page.get_by_test_id("stChatMessage").filter(has_text="Where is my lamp?")).to_be_visible()
    settle(page)
    assert query(page) == {"session": ["s-rich"]}
    page.get_by_role("link", name="Trace", exact=True).click()
    expect(page.get_by_text("Where the time went")).to_be_visible()
    settle(page)
    assert query(page) == {"trace": [RICH_TRACE]}


def test_sql_runs_and_stays_in_the_link(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/sql")
    page.get_by_label("Statement").fill("SELECT 6 * 7 AS answer")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text(re.compile(r"^1 row in"))).to_be_visible()
    assert query(page)["sql"] == ["SELECT 6 * 7 AS answer"]
    page.get_by_label("Statement").fill("DROP VIEW spans")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("only SELECT is allowed here")).to_be_visible()
    settle(page)
    page.go_back()
    expect(page.get_by_label("Statement")).to_have_value("SELECT 6 * 7 AS answer")


def test_the_sql_behind_a_panel_is_shown(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/")
    page.locator(".st-key-panel-volume .sl-sql").click()
    expect(page.get_by_text("FROM llm_calls").first).to_be_visible()
    expect(page.get_by_text("TIMESTAMP '").first).to_be_visible()


def test_readable_on_a_phone(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Latency", exact=True).click()
    expect(page.get_by_role("heading", name="Latency", exact=True)).to_be_visible()
