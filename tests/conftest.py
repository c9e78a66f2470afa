"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lakes as lakes_module
import pytest

BROWSER_TESTS = Path(__file__).parent / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running in this thread, and others start their own."""
    items.sort(key=lambda item: BROWSER_TESTS in item.path.parents)


@pytest.fixture(scope="session")
def postgres() -> Iterator[lakes_module.PostgresServer]:
    """A Postgres of this test run."""
    with lakes_module.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def lakes(postgres: lakes_module.PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> lakes_module.Lakes:
    """Makes empty DuckLake stores."""
    return lakes_module.Lakes(postgres, tmp_path_factory.mktemp("lakes"))
