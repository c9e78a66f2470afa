"""What browser tests share."""

from __future__ import annotations

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
