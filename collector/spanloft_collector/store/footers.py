"""Footers of Parquet files without what no reader of ours asks for.

A reader takes the whole footer of a file before the first row, and most readers do so for every query: 6 microseconds
a column and row group. Source: parquet.thrift of parquet-format 2.12.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from spanloft_collector.store.thrift import Struct, Unreadable, read_struct, write_struct

MAGIC = b"PAR1"
TAIL = 8
"""Bytes behind the footer: its length, four bytes, and the magic number."""

# Field numbers of FileMetaData, RowGroup and ColumnChunk.
ROW_GROUPS, COLUMNS, META = 4, 1, 3
_STATISTICS = 12
_SPARED = (13, 16)
"""encoding_stats (how many pages have which encoding) and size_statistics (histograms of levels)."""
_SPARED_BOUNDS = (1, 2)
"""max and min in the order that was deprecated in 2017; max_value and min_value say the same."""


def footer_bytes(file: BinaryIO) -> int:
    """Length of the footer of an open file.

    Raises:
        Unreadable: it is no Parquet file, or an encrypted one.
    """
    file.seek(-TAIL, os.SEEK_END)
    tail = file.read(TAIL)
    if tail[4:] != MAGIC:
        raise Unreadable("no Parquet file, or an encrypted one")
    return int.from_bytes(tail[:4], "little")


def read_footer(file: BinaryIO) -> Struct:
    """The footer of an open file.

    Raises:
        Unreadable: it is no Parquet file, or an encrypted one.
    """
    size = footer_bytes(file)
    file.seek(-TAIL - size, os.SEEK_END)
    return read_struct(file.read(size))


def write_footer(footer: Struct, file: BinaryIO) -> None:
    """Write the end of a file."""
    found = write_struct(footer)
    file.write(found + len(found).to_bytes(4, "little") + MAGIC)


def spare(group: Struct) -> None:
    """Leave out of a row group's part of a footer what takes a third of it and tells no reader of ours anything."""
    for chunk in group[COLUMNS][1][1]:
        if META not in chunk:
            continue
        fields: Struct = chunk[META][1]
        for number in _SPARED:
            fields.pop(number, None)
        if _STATISTICS in fields:
            for number in _SPARED_BOUNDS:
                fields[_STATISTICS][1].pop(number, None)


def shorten_footer(file: BinaryIO) -> None:
    """:func:`spare` in all row groups of a complete file that is open for reading and writing."""
    size = footer_bytes(file)
    footer = read_footer(file)
    for group in footer[ROW_GROUPS][1][1]:
        spare(group)
    file.seek(-TAIL - size, os.SEEK_END)
    write_footer(footer, file)
    file.truncate()
