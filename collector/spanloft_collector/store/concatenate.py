"""Parquet files end to end in one file: row groups are copied as they are, and only the footer is made anew.

Reading and writing the rows takes twenty times the CPU. Right where the files' row groups already have the size that
the result should have. Source: parquet.thrift and README.md of parquet-format 2.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from spanloft_collector.durable import new_file
from spanloft_collector.store.footers import (
    COLUMNS,
    MAGIC,
    META,
    ROW_GROUPS,
    TAIL,
    footer_bytes,
    read_footer,
    spare,
    write_footer,
)
from spanloft_collector.store.thrift import I64, LIST, STRUCT, Struct, Unreadable

# Field numbers of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_SCHEMA, _ROWS = 2, 3
_GROUP_OFFSET, _ORDINAL = 5, 7
_CHUNK_PATH, _CHUNK_OFFSET, _CHUNK_INDEXES, _CRYPTO = 1, 2, (4, 6), (8, 9)
_META_OFFSETS = (9, 10, 11, 14)
"""data_page_offset, index_page_offset, dictionary_page_offset, bloom_filter_offset."""


class Unlike(ValueError):
    """The files can't stand in one file as they are."""


def concatenate(paths: Sequence[Path], out: BinaryIO) -> int:
    """Write the row groups of Parquet files to ``out``, an empty file, in order; returns the number of rows.

    Raises:
        Unlike: the files differ in their columns, or one is no plain Parquet file.
    """
    footers = [_footer(path) for path in paths]
    whole = footers[0]
    groups: list[Struct] = []
    out.write(MAGIC)
    for path, footer in zip(paths, footers, strict=True):
        if footer[_SCHEMA] != whole[_SCHEMA]:
            raise Unlike(f"{path.name}: other columns than {paths[0].name}")
        shift = out.tell() - len(MAGIC)
        for group in footer[ROW_GROUPS][1][1]:
            _move(group, shift, len(groups), path)
            spare(group)
            groups.append(group)
        with path.open("rb") as file:
            _copy(file, out, path.stat().st_size - TAIL - footer_bytes(file))
    rows: int = sum(footer[_ROWS][1] for footer in footers)
    whole[_ROWS] = (I64, rows)
    whole[ROW_GROUPS] = (LIST, (STRUCT, groups))
    write_footer(whole, out)
    return rows


def concatenate_durably(path: Path, paths: Sequence[Path]) -> tuple[int, int]:
    """:func:`concatenate` to a durable file ``path``; returns rows and bytes. The directory is not synced."""
    with new_file(path, path.with_name(f"{path.name}.tmp")) as file:
        rows = concatenate(paths, file)
        return rows, file.tell()


def _footer(path: Path) -> Struct:
    with path.open("rb") as file:
        try:
            found = read_footer(file)
        except Unreadable as error:
            raise Unlike(f"{path.name}: {error}") from None
    if not {_SCHEMA, _ROWS, ROW_GROUPS} <= found.keys():
        raise Unlike(f"{path.name}: its footer names no columns or rows")
    return found


def _move(group: Struct, shift: int, ordinal: int, path: Path) -> None:
    """Have a row group's footer say where its columns stand now, ``shift`` bytes further."""
    for chunk in group[COLUMNS][1][1]:
        if META not in chunk or not chunk.keys().isdisjoint((_CHUNK_PATH, *_CHUNK_INDEXES, *_CRYPTO)):
            raise Unlike(f"{path.name}: columns with an index, in another file or encrypted")
        _shift(chunk, _CHUNK_OFFSET, shift)
        for field in _META_OFFSETS:
            _shift(chunk[META][1], field, shift)
    _shift(group, _GROUP_OFFSET, shift)
    if _ORDINAL in group:
        group[_ORDINAL] = (group[_ORDINAL][0], ordinal)


def _shift(fields: Struct, field: int, shift: int) -> None:
    # 0 where a writer leaves the place open, as newer ones do for a chunk's own.
    if field in fields and fields[field][1]:
        fields[field] = (fields[field][0], fields[field][1] + shift)


def _copy(file: BinaryIO, out: BinaryIO, end: int) -> None:
    """Copy ``file`` from behind its magic number to the offset ``end``."""
    file.seek(len(MAGIC))
    left = end - len(MAGIC)
    while left > 0:
        data = file.read(min(left, 1 << 20))
        if not data:
            raise Unlike(f"{file.name}: shorter than it says")
        out.write(data)
        left -= len(data)
