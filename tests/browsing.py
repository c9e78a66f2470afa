"""What browser tests share."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

# A machine that does other things meanwhile makes pages slow, not wrong.
expect.set_options(timeout=30_000)


def settle(page: Page) -> None:
    """Wait until the script and all panels have run."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_timeout(250)
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


COLOUR_RULES = ("color-contrast", "link-in-text-block")


def severe(page: Page, *, colours_only: bool = False) -> dict[str, list[str]]:
    """Serious and critical violations that axe-core finds: the rule, and the first elements that break it.

    ``colours_only`` checks what another colour scheme can change: all other rules look at the same document.
    """
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if colours_only:
        options["runOnly"] = {"type": "rule", "values": list(COLOUR_RULES)}
    violations = Axe().run(page, options=options).response["violations"]
    return {
        f"{violation['id']} ({len(violation['nodes'])})": [node["html"][:160] for node in violation["nodes"][:3]]
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    }


def is_local(url: str, base: str) -> bool:
    """Whether a request stays within the dashboard at ``base``."""
    return url.startswith((base, base.replace("http", "ws", 1), "data:", "blob:"))
