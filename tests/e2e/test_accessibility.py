"""axe-core finds no serious violation in a trace and a session; on the pages it looks in test_pages.py."""

from __future__ import annotations

import pytest
from browsing import settle, severe
from playwright.sync_api import Browser
from synthetic_handmade import RICH_CHAT_SPAN, RICH_TRACE

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", [f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}", "/sessions?session=s-rich"])
def test_no_serious_violation(browser: Browser, full_dashboard: str, path: str) -> None:
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(full_dashboard + path)
    page.get_by_test_id("stMainBlockContainer").wait_for()
    settle(page)
    found = {"light": severe(page)}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(400)
    found["dark"] = severe(page)
    context.close()
    assert found == {"light": {}, "dark": {}}
