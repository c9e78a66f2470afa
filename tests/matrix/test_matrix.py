"""The whole matrix as a test, one library after the other: ``pytest -m slow tests/matrix``; needs a registry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from matrix.catalog import LIBRARIES
from matrix.running import Result, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    names = os.environ.get("MATRIX", "").split()
    chosen = [library for library in LIBRARIES if not names or library.name in names]
    folder: Path = tmp_path_factory.mktemp("matrix")
    return {result.library.name: result for result in run(chosen, folder)}


@pytest.mark.parametrize("name", [library.name for library in LIBRARIES])
def test_every_call_is_counted_once_and_right(results: dict[str, Result], name: str) -> None:
    if name not in results:
        pytest.skip("not among MATRIX")
    result = results[name]
    if result.problem and not result.cases:
        pytest.skip(result.problem)
    assert result.problem is None
    assert not result.outcome.findings
    assert result.outcome.twice == 0
    assert result.outcome.counted == result.outcome.billed or result.outcome.cells["error"]
