"""The page Drift in Chromium: what an alarm, a point and a window lead to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browsing import settle
from marks import query
from playwright.sync_api import Page, expect
from synthetic_drift import TOPIC
from synthetic_handmade import RICH_CHAT_SPAN

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)
Open = Callable[..., Page]


def test_from_a_drift_to_the_call_that_shows_it(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/drift?range=14d")
    expect(page.get_by_text("effect")).not_to_have_count(0)
    topic = page.get_by_test_id("stExpander").filter(has_text=TOPIC)
    expect(topic.get_by_text("0 % → 12.0 %")).to_be_visible()
    topic.get_by_role("link", name="Trace").first.click()
    expect(page.get_by_text("Where the time went")).to_be_visible()
    settle(page)
    assert query(page)["span"] == [RICH_CHAT_SPAN]


def test_from_an_alarm_to_the_window_that_drifted(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/?range=14d")
    page.get_by_role("link", name=f"Inputs drifted (topic): “{TOPIC}”").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    settle(page)
    assert query(page)["window"] == ["window0000000001"], "not the latest one, which the page shows by itself"
    expect(page.get_by_text("q < 0.0001")).to_be_visible()
    effects = page.locator(".st-key-panel-effect svg circle")
    expect(effects).not_to_have_count(0)
    assert effects.count() > 5, "the windows before it are shown, too"


def test_from_a_point_of_the_map_to_its_call(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/drift?range=14d")
    page.locator(".st-key-panel-map svg circle").first.click(force=True)
    expect(page.get_by_text("Where the time went")).to_be_visible()
    settle(page)
    assert query(page)["span"] == [RICH_CHAT_SPAN]


def test_from_a_window_of_a_series_to_its_calls(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/drift?range=14d")
    page.locator(".st-key-panel-effect svg circle").first.click(force=True)
    expect(page.get_by_role("heading", name="Traces", exact=True)).to_be_visible()
    settle(page)
    assert query(page)["service"] == ["support-bot"]
    assert {"from", "to"} <= set(query(page))


def test_a_series_without_a_verdict_says_why(visit: Open, full_dashboard: str) -> None:
    page = visit(full_dashboard, "/drift?range=14d")
    row = page.locator(".st-key-panel-series .sl-table tbody tr").filter(has_text="not enough data")
    row.first.click()
    expect(page.get_by_text("the window has 12 texts; a verdict needs 200")).to_be_visible()
    settle(page)
    assert query(page)["window"] == ["window-of-the-quiet"]
    expect(page.locator(".st-key-panel-topics")).to_have_count(0)
