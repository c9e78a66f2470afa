"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

BROWSER_TESTS = Path(__file__).parent / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running in this thread, and others start their own."""
    items.sort(key=lambda item: BROWSER_TESTS in item.path.parents)
