"""The reading end of the journal: follows the segments from a position, also while they are written."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO

from spanloft_collector.journal.extent import Extent, read_extent
from spanloft_collector.journal.mark import read_mark
from spanloft_collector.journal.record import (
    HEADER_BYTES,
    MAGIC,
    Position,
    Record,
    segment_numbers,
    segment_path,
    size_of,
)

logger = logging.getLogger(__name__)


START = Position(0, 0)
_BUFFER_BYTES = 64 * 1024
"""Many small records are measured with one read."""


class JournalReader:
    """Reads records in order from ``position``; another process may be writing."""

    def __init__(self, directory: Path, position: Position = START, *, whole: bool = False) -> None:
        """Prepare.

        Args:
            directory: of the journal.
            position: where to begin.
            whole: also read what its writer has not called durable. Right only while nobody writes, to see what a
                writer that was killed has left.
        """
        self.directory = directory
        self.position = position
        self.whole = whole

    def read(self, max_bytes: int) -> list[Record]:
        """Return the next complete records, up to about ``max_bytes`` of them; empty when there are none yet."""
        records: list[Record] = []
        budget = max_bytes
        # An extent whose records are all damaged is no end.
        while (budget > 0 or not records) and (extent := self.next_extent(budget)):
            records += read_extent(extent)
            budget -= extent.end - extent.start
        return records

    def next_extent(self, max_bytes: int) -> Extent | None:
        """Where the next complete records are, about ``max_bytes`` of them; None when there are none yet.

        Nobody has checked them: ``read_extent`` does.
        """
        while True:
            # Asked before the segment is read: a segment before the mark is complete when it is read after it.
            mark = None if self.whole else read_mark(self.directory)
            segment, start = self.position.segment, max(self.position.offset, len(MAGIC))
            end = self._measure(start, max_bytes, mark)
            if end > start:
                self.position = Position(segment, end)
                return Extent(self.directory, segment, start, end)
            if not self._advance(mark):
                return None

    def _measure(self, start: int, max_bytes: int, mark: Position | None) -> int:
        """Offset behind the records from ``start`` on, by their own word; at least one, if a whole one is there."""
        offset = start
        try:
            with segment_path(self.directory, self.position.segment).open("rb", buffering=_BUFFER_BYTES) as file:
                end = self._end(file, mark)
                while offset == start or offset - start < max_bytes:
                    size = self._size_at(file, offset, end)
                    if size is None:
                        break
                    offset += size
        except FileNotFoundError:
            return start
        return offset

    def _end(self, file: BinaryIO, mark: Position | None) -> int:
        """Offset up to which the open segment may be read."""
        size = os.fstat(file.fileno()).st_size
        if mark is None or self.position.segment < mark.segment:
            return size
        return min(size, mark.offset) if self.position.segment == mark.segment else 0

    @staticmethod
    def _size_at(file: BinaryIO, offset: int, end: int) -> int | None:
        """Size of the record at ``offset``; None when it does not end before ``end``."""
        file.seek(offset)
        size = size_of(memoryview(file.read(HEADER_BYTES)), 0)
        return size if size is not None and offset + size <= end else None

    def _advance(self, mark: Position | None) -> bool:
        """Move to the next segment if this one is finished; False when there is nothing further yet."""
        later = [number for number in segment_numbers(self.directory) if number > self.position.segment]
        if not later or (mark is not None and self.position.segment >= mark.segment):
            return False
        self._report_torn_tail()
        self.position = Position(later[0], 0)
        return True

    def _report_torn_tail(self) -> None:
        path = segment_path(self.directory, self.position.segment)
        try:
            torn = path.stat().st_size - max(self.position.offset, len(MAGIC))
        except FileNotFoundError:
            return
        if torn > 0:
            logger.warning("%s: %d bytes of an unfinished write at the end were skipped", path.name, torn)
