"""Stretches of the journal: found by one process without reading them, read by another."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from spanloft_collector.journal.record import Position, Record, decode, segment_path, size_of

logger = logging.getLogger(__name__)


class Extent(NamedTuple):
    """Whole records of one segment: those between the byte offsets ``start`` and ``end`` of its file."""

    directory: Path
    segment: int
    start: int
    end: int

    @property
    def behind(self) -> Position:
        """Where the journal goes on."""
        return Position(self.segment, self.end)


def read_extent(extent: Extent) -> list[Record]:
    """Records of ``extent``, checked. A damaged one is left out if a whole one follows, else all from there on.

    Raises:
        FileNotFoundError: the segment is not there.
    """
    with segment_path(extent.directory, extent.segment).open("rb", buffering=0) as file:
        file.seek(extent.start)
        data = memoryview(file.read(extent.end - extent.start))
    records: list[Record] = []
    offset = 0
    while offset < len(data):
        record = decode(data, offset, extent.segment)
        if record is None:
            size = size_of(data, offset) or 0
            following = decode(data, offset + size, extent.segment)
            left_out = size if following else len(data) - offset
            logger.error(
                "segment %d: %d bytes at %d are damaged and were left out",
                *(extent.segment, left_out, extent.start + offset),
            )
            if following is None:
                break
            offset, record = offset + size, following
        offset = record.end.offset
        records.append(record._replace(end=Position(extent.segment, extent.start + offset)))
    return records
