"""A store whose views are older than this version says so."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from spanloft_collector.errors import StoreError
from spanloft_collector.store.reader import DuckDBReader


def test_a_view_that_an_older_version_did_not_write_is_named_with_the_way_out(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "spanloft.duckdb")) as connection:
        connection.execute("CREATE VIEW spans AS SELECT 1 AS trace_id")
    reader = DuckDBReader(tmp_path / "spanloft.duckdb")
    with pytest.raises(StoreError, match=f"older version .* spanloft jobs run --store {tmp_path}"):
        reader.query("common_extent")
    with pytest.raises(StoreError, match="nothing_like_it"):
        reader.sql("FROM nothing_like_it")
    reader.close()
