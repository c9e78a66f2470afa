"""Every page in Chromium draws in light and dark, fits its window, and axe-core finds no serious violation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browsing import settle, severe
from playwright.sync_api import Page, expect
from spanloft_dashboard.navigation import ENTRIES
from synthetic_handmade import RICH_CHAT_SPAN, RICH_TRACE

pytestmark = pytest.mark.browser
PAGES = [(entry.title, f"/{entry.path}") for entry in ENTRIES]
Open = Callable[..., Page]


@pytest.mark.parametrize(("title", "path"), PAGES)
def test_every_page_draws(visit: Open, full_dashboard: str, title: str, path: str) -> None:
    page = visit(full_dashboard, f"{path}?range=14d")
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.locator(".sl-frame svg, .sl-table, .st-key-panel-schema").first).to_be_visible()
    expect(page.get_by_text("could not be")).to_have_count(0)
    expect(page.get_by_text("Asia/Tokyo")).to_be_visible()
    expect(page.get_by_test_id("stAppDeployButton")).not_to_be_visible()
    expect(page.get_by_test_id("stMainMenu")).not_to_be_visible()
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page must not scroll sideways"
    main = page.get_by_test_id("stMain")
    expect(main).to_have_css("background-color", "rgb(245, 246, 248)")
    assert severe(page) == {}
    page.emulate_media(color_scheme="dark")
    expect(main).to_have_css("background-color", "rgb(13, 16, 21)")
    settle(page)
    assert severe(page, colours_only=True) == {}


@pytest.mark.parametrize("path", [f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}", "/sessions?session=s-rich"])
def test_no_serious_violation_in_details(visit: Open, full_dashboard: str, path: str) -> None:
    page = visit(full_dashboard, path)
    found = {"light": severe(page)}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(400)
    found["dark"] = severe(page, colours_only=True)
    assert found == {"light": {}, "dark": {}}
