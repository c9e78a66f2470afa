"""axe-core finds no serious violation on any page, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import settle
from playwright.sync_api import Browser
from spanloft_dashboard.navigation import SECTIONS
from synthetic_handmade import RICH_CHAT_SPAN, RICH_TRACE

pytestmark = pytest.mark.browser
PATHS = [f"/{entry.path}?range=14d" for entries in SECTIONS.values() for entry in entries]
TRACE = f"/traces?trace={RICH_TRACE}&span={RICH_CHAT_SPAN}"
# The overview and a trace in every run; the other pages are built of the same parts and belong to the slow suites.
CASES = [PATHS[0], TRACE, *(pytest.param(path, marks=pytest.mark.slow) for path in PATHS[1:])]
SEVERE = {"serious", "critical"}


@pytest.mark.parametrize("path", CASES)
def test_no_serious_violation(browser: Browser, full_dashboard: str, path: str) -> None:
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(full_dashboard + path)
    page.get_by_test_id("stMainBlockContainer").wait_for()
    settle(page)
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
        for violation in violations:
            if violation["impact"] in SEVERE:
                where = [node["html"][:160] for node in violation["nodes"][:3]]
                found[f"{scheme}: {violation['id']} ({len(violation['nodes'])})"] = where
    context.close()
    assert found == {}
