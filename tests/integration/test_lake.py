"""A store beyond one machine: DuckLake on a real Postgres, with data in a folder and on an S3 server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lakes as lakes_module
import pytest
import synthetic
from collecting import CollectorProcess, request_of, span_ids
from lakes import BUCKET, Lakes, PostgresServer
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.location import LakeAddress, parse_location
from spanloft_collector.maintenance.migrate import migrate
from spanloft_collector.model import DATASETS
from spanloft_collector.store.ducklake import DuckLakeStore
from spanloft_collector.store.parquet import ParquetStore


def totals(store: Any) -> dict[str, Any]:
    reader = store.reader()
    found = {name: reader.sql(f"SELECT count(*) AS n FROM {name}").column("n")[0].as_py() for name in DATASETS}
    sums = "SELECT sum(input_tokens) AS a, sum(hash(trace_id, span_id, input_preview)) AS b FROM spans"
    return {**found, **reader.sql(sums).to_pylist()[0]}


def test_a_store_in_a_directory_is_taken_over_in_place(lakes: Lakes, tmp_path: Path) -> None:
    source = synthetic.publish(tmp_path / "old", 2_000)
    target = lakes.store(tmp_path / "new")
    before = totals(source)
    result = migrate(source, target)
    assert totals(target) == before
    assert totals(source) == before
    assert result.rows["spans"] == before["spans"] > 1_000
    inodes = {path.stat().st_ino for path in (tmp_path / "old" / "data").rglob("*.parquet")}
    moved = [path for path in Path(target.address.data).rglob("*.parquet")]
    assert len(moved) == result.files
    assert {path.stat().st_ino for path in moved} <= inodes, "files were written anew"
    with pytest.raises(SpanloftError, match="not empty"):
        migrate(source, target)
    target.close()
