"""Parquet files end to end: the same rows as in the files, read by whoever reads Parquet."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spanloft_collector.model import DATASETS
from spanloft_collector.store.concatenate import Unlike, concatenate, concatenate_durably
from spanloft_collector.store.files import write_parquet
from spanloft_collector.store.schema import arrow_schema, to_table
from spanloft_collector.store.thrift import Unreadable, read_struct, write_struct

JSON = frozenset(column.name for column in DATASETS["payloads"] if column.type == "JSON")


def payloads(first: int, rows: int) -> pa.Table:
    numbers = range(first, first + rows)
    columns = {name: [f'{{"{name}": {n}}}' if n % 3 else None for n in numbers] for name in JSON}
    columns |= {"trace_id": [f"{n // 4:032x}" for n in numbers], "span_id": [f"{n:016x}" for n in numbers]}
    return to_table("payloads", {**columns, "start_time": [1_700_000_000_000_000 + n for n in numbers]})


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    sizes = [2_000, 1, 0, 3_500]
    for number, rows in enumerate(sizes):
        table = payloads(sum(sizes[:number]), rows)
        path = tmp_path / f"{number}.parquet"
        write_parquet(path, [table], "payloads", row_group=1_000, rows=rows, fresh=number % 2 == 0)
    return [tmp_path / f"{number}.parquet" for number in range(len(sizes))]


def test_the_rows_are_those_of_the_files_for_every_reader(files: list[Path], tmp_path: Path) -> None:
    expected = pa.concat_tables(pq.read_table(path) for path in files)
    out = tmp_path / "out.parquet"
    assert concatenate_durably(out, files) == (5_501, out.stat().st_size)
    assert not list(tmp_path.glob("*.tmp"))
    with pq.ParquetFile(out) as read:
        assert read.schema_arrow == arrow_schema("payloads")
        assert read.read() == expected
        sizes = [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)]
        assert sizes == [1000, 1000, 1, 1000, 1000, 1000, 500]
        # A row group by itself, in the middle.
        assert read.read_row_group(4, ["span_id"]) == expected.select(["span_id"])[3001:4001]
    with duckdb.connect() as connection:
        assert connection.execute(f"FROM '{out}'").to_arrow_table().num_rows == 5_501
        assert (
            connection.execute(f"SELECT count(*), sum(hash(COLUMNS(*))) FROM '{out}'").fetchall()
            == connection.execute(
                f"SELECT count(*), sum(hash(COLUMNS(*))) FROM read_parquet({[str(path) for path in files]})"
            ).fetchall()
        )


def test_filters_and_statistics_still_spare_row_groups(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    concatenate_durably(out, files)
    with duckdb.connect() as connection:
        for number in (0, 1_999, 2_000, 2_001, 5_500):
            wanted = f"{number // 4:032x}"
            found = connection.execute(
                f"SELECT span_id FROM '{out}' WHERE trace_id = ? ORDER BY 1", [wanted]
            ).fetchall()
            assert (f"{number:016x}",) in found
            excluded = connection.execute(
                "SELECT list(bloom_filter_excludes) FROM parquet_bloom_probe(?, 'trace_id', ?)", [str(out), wanted]
            ).fetchone()
            # Row group 0 and 1 have filters, those of too small files none.
            assert excluded is not None
            assert True in excluded[0]
            assert False in excluded[0]


def test_twice_gives_what_once_gives(files: list[Path], tmp_path: Path) -> None:
    concatenate_durably(tmp_path / "half.parquet", files[:2])
    concatenate_durably(tmp_path / "whole.parquet", [tmp_path / "half.parquet", *files[2:]])
    concatenate_durably(tmp_path / "once.parquet", files)
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "once.parquet").read_bytes()


def test_other_columns_are_refused_and_nothing_is_left(files: list[Path], tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}), tmp_path / "other.parquet")
    with pytest.raises(Unlike, match="other.parquet: other columns"):
        concatenate_durably(tmp_path / "out.parquet", [files[0], tmp_path / "other.parquet"])
    pq.write_table(pa.table({"n": [1]}), tmp_path / "indexed.parquet", write_page_index=True)
    with pytest.raises(Unlike, match="index"):
        concatenate([tmp_path / "indexed.parquet"], io.BytesIO())
    assert {path.name for path in tmp_path.iterdir()} == {
        *(path.name for path in files),
        "other.parquet",
        "indexed.parquet",
    }


@pytest.mark.parametrize(
    "damage", [b"", b"PAR1", b"x" * 200, b"PAR1" + b"\x19" * 100 + (50).to_bytes(4, "little") + b"PAR1"]
)
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "damaged.parquet").write_bytes(damage)
    with pytest.raises((Unlike, OSError)):
        concatenate([tmp_path / "damaged.parquet"], io.BytesIO())


def test_a_footer_is_written_as_it_was_read(files: list[Path]) -> None:
    for path in files:
        data = path.read_bytes()
        footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
        assert write_struct(read_struct(footer)) == footer
        for cut in range(0, len(footer) - 1, 97):
            with pytest.raises(Unreadable):
                read_struct(footer[:cut])
