"""How rows are laid out in row groups."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spanloft_collector.model import BILLABLE_OPERATIONS
from spanloft_collector.store.compact import merge
from spanloft_collector.store.files import write_parquet
from spanloft_collector.store.ids import span_numbers
from spanloft_collector.store.parquet import ParquetStore
from spanloft_collector.store.partitions import calls_first, row_group_rows
from spanloft_collector.store.schema import as_in_files, to_table

DAY_US = 1_700_000_000_000_000 // 86_400_000_000 * 86_400_000_000


def spans(operations: list[str | None], first: int = 0) -> pa.Table:
    numbers = range(first, first + len(operations))
    return to_table(
        "spans",
        {
            "trace_id": [f"{n // 4:032x}" for n in numbers],
            "span_id": [f"{n:016x}" for n in numbers],
            "start_time": [DAY_US + n for n in numbers],
            "operation": operations,
        },
    )


@pytest.mark.parametrize(
    "chunks",
    [
        [["chat", "embeddings", None, "execute_tool"], ["generate_content", "invoke_agent"]],
        [[None, "chat", "execute_tool", "text_completion"], ["retrieval", "chat"]],
        [["chat"], [None], []],
        [[]],
    ],
)
def test_calls_stand_first_and_each_row_stays_whole(chunks: list[list[str | None]]) -> None:
    starts = [sum(map(len, chunks[:number])) for number in range(len(chunks))]
    table = pa.concat_tables([spans(chunk, start) for chunk, start in zip(chunks, starts, strict=True)])
    found = calls_first(table)
    operations = sum(chunks, [])
    calls = [operation for operation in operations if operation in BILLABLE_OPERATIONS]
    others = [operation for operation in operations if operation not in BILLABLE_OPERATIONS]
    assert [row["operation"] for row in found.to_pylist()] == calls + others
    assert sorted(found.to_pylist(), key=lambda row: row["span_id"]) == table.to_pylist()


def test_other_datasets_stay_as_they_are() -> None:
    table = pa.table({"operation": ["execute_tool", "chat"]})
    assert calls_first(table) is table


def test_every_row_group_of_a_published_and_of_a_merged_file_begins_with_its_calls(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    rows = row_group_rows("spans")
    half = spans(["invoke_agent", "chat", "execute_tool"] * (rows // 4), 0)
    many = spans(["invoke_agent", "chat", "execute_tool"] * rows, half.num_rows)
    files = [file for table in (half, many) for file in store.write_files("ingest", "spans", table)]
    merged = merge(store, "ingest", files).merged[0]
    for file in (*files, merged):
        with pq.ParquetFile(tmp_path / file.file) as read:
            for number in range(read.num_row_groups):
                group = read.read_row_group(number, ["operation"]).column("operation").to_pylist()
                calls = group.count("chat")
                assert calls
                assert set(group[:calls]) == {"chat"}
                assert "chat" not in group[calls:]
    kept = pq.read_table(tmp_path / merged.file, columns=["span_id"], partitioning=None).column("span_id").to_pylist()
    assert sorted(kept) == [f"{n:016x}" for n in range(half.num_rows + many.num_rows)]


def test_row_groups_are_full_whatever_the_tables_are(tmp_path: Path) -> None:
    tables = [
        spans(["chat"] * rows, first) for rows, first in ((700, 0), (700, 700), (2_100, 1_400), (0, 3_500), (10, 3_500))
    ]
    write_parquet(tmp_path / "x.parquet", tables, "spans", row_group=1_000)
    with pq.ParquetFile(tmp_path / "x.parquet") as read:
        assert [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)] == [1000, 1000, 1000, 510]
        assert read.read() == as_in_files("spans", pa.concat_tables(tables))


def test_a_span_that_is_in_two_large_files_is_merged_once(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    rows = row_group_rows("spans")
    first, second = spans(["chat"] * rows, 0), spans(["chat"] * rows, rows - 1)
    files = [file for table in (first, second) for file in store.write_files("ingest", "spans", table)]
    assert merge(store, "ingest", files).merged[0].rows == 2 * rows - 1


def test_numbers_of_spans_differ_where_their_ids_do() -> None:
    spans = [f"{n:016x}" for n in range(50_000)] + [f"{n << 40:016x}" for n in range(1, 10_000)]
    traces = [f"{n // 4:032x}" for n in range(len(spans))]
    found = span_numbers(pa.chunked_array([traces[:100], traces[100:]]), pa.chunked_array([spans]))
    assert found is not None
    assert len(set(found.tolist())) == len(spans)
    # The same ids in other chunks, and in the middle of an array.
    part = span_numbers(pa.chunked_array([traces]).slice(90, 20), pa.chunked_array([spans]).slice(90, 20))
    assert part is not None
    assert part.tolist() == found[90:110].tolist()


@pytest.mark.parametrize("ids", [["ab", "a" * 16], [None, "a" * 16]])
def test_ids_of_another_length_have_no_number(ids: list[str | None]) -> None:
    columns = pa.chunked_array([["0" * 32] * 2]), pa.chunked_array([pa.array(ids, pa.string())])
    assert span_numbers(*columns) is None
    nothing = pa.chunked_array([], pa.string())
    assert span_numbers(nothing, nothing) is not None
