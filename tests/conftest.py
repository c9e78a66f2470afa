"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lakes import Lakes, PostgresServer

BROWSER_TESTS = Path(__file__).parent / "e2e"
LONGEST = "test_pages.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running in this thread, and others start their own.

    Of these the file that takes longest comes first, so that no worker is left alone with it.
    """
    items.sort(key=lambda item: (BROWSER_TESTS in item.path.parents, item.path.name != LONGEST))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A Postgres of this test run."""
    # Here and not above: a run without these tests needs neither Postgres nor its driver.
    from lakes import postgres

    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def lakes(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    """Makes empty DuckLake stores."""
    from lakes import Lakes

    return Lakes(postgres, tmp_path_factory.mktemp("lakes"))
