"""Footers of large files: shorter than the writer's, and all that readers ask for is still there."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spanloft_collector.store import files
from spanloft_collector.store.files import write_parquet
from spanloft_collector.store.footers import COLUMNS, META, ROW_GROUPS, read_footer, shorten_footer
from spanloft_collector.store.schema import as_in_files, to_table
from spanloft_collector.store.thrift import Unreadable

ROWS = 5_000


def spans() -> pa.Table:
    numbers = range(ROWS)
    return to_table(
        "spans",
        {
            "trace_id": [f"{n // 4:032x}" for n in numbers],
            "span_id": [f"{n:016x}" for n in numbers],
            "start_time": [1_700_000_000_000_000 + n for n in numbers],
            "operation": [("chat", "execute_tool")[n % 2] for n in numbers],
            "response_model": ["gpt-4o" if n % 2 else None for n in numbers],
            "cost_usd": [n / 1000 if n % 3 else None for n in numbers],
        },
    )


def footer_of(path: Path) -> tuple[list[dict[int, object]], int]:
    """Metadata of the column chunks, and the footer's bytes."""
    with path.open("rb") as file:
        footer = read_footer(file)
    chunks = [chunk[META][1] for group in footer[ROW_GROUPS][1][1] for chunk in group[COLUMNS][1][1]]
    return chunks, pq.read_metadata(path).serialized_size


def test_a_file_of_several_row_groups_has_a_short_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = tmp_path / "short.parquet", tmp_path / "long.parquet"
    table = spans()
    rows, size = write_parquet(short, [table], "spans", rows=ROWS, row_group=1_000)
    assert (rows, size) == (ROWS, short.stat().st_size)
    monkeypatch.setattr(files, "SEVERAL", 1_000_000)
    write_parquet(long, [table], "spans", rows=ROWS, row_group=1_000)
    (lean, lean_bytes), (whole, whole_bytes) = footer_of(short), footer_of(long)
    assert any({13, 16} & chunk.keys() for chunk in whole)
    assert not any({13, 16} & chunk.keys() for chunk in lean)
    assert lean_bytes < 0.8 * whole_bytes
    assert pq.read_table(short) == pq.read_table(long)
    assert pq.read_table(short).num_rows == as_in_files("spans", table).num_rows
    for number in range(5):
        ours, theirs = (pq.read_metadata(path).row_group(number) for path in (short, long))
        for column in range(ours.num_columns):
            mine, other = ours.column(column), theirs.column(column)
            assert mine.statistics == other.statistics
            assert mine.bloom_filter_offset == other.bloom_filter_offset
    with duckdb.connect() as connection:
        query = "SELECT count(*), sum(hash(COLUMNS(*))) FROM '{}' WHERE cost_usd > 4.5 OR trace_id = '{:032x}'"
        counted = [connection.execute(query.format(path, 7)).fetchall() for path in (short, long)]
    assert counted[0] == counted[1]


def test_a_small_file_stays_as_it_was_written(tmp_path: Path) -> None:
    write_parquet(tmp_path / "small.parquet", [spans()], "spans", rows=ROWS)
    chunks, _ = footer_of(tmp_path / "small.parquet")
    assert any({13, 16} & chunk.keys() for chunk in chunks)


@pytest.mark.parametrize("content", [b"PAR1" * 4 + b"PARE", b"PAR1\xff\xff\xff\x7f" + b"x" * 20 + b"\x10\0\0\0PAR1"])
def test_what_is_no_parquet_file_is_not_touched(content: bytes) -> None:
    file = io.BytesIO(content)
    with pytest.raises(Unreadable):
        shorten_footer(file)
    assert file.getvalue() == content
