"""The reading end of the journal: follows the segments from a position, also while they are written."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO

from spanloft_collector.journal.extent import Extent
from spanloft_collector.journal.mark import read_mark
from spanloft_collector.journal.record import (
    HEADER_BYTES,
    MAGIC,
    Position,
    Record,
    decode,
    segment_numbers,
    segment_path,
    size_of,
)

logger = logging.getLogger(__name__)


START = Position(0, 0)
_MARGIN = 64 * 1024
"""Read beyond the budget, so that a record that crosses it needs no second read."""


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
        """Return the next complete records, up to about ``max_bytes`` of payload; empty when there are none yet."""
        records: list[Record] = []
        budget = max_bytes
        while budget > 0:
            # Asked before the segment is read: a segment before the mark is complete when it is read after it.
            mark = None if self.whole else read_mark(self.directory)
            found = self._read_segment(budget, mark)
            records.extend(found)
            budget -= sum(len(record.payload) for record in found)
            if not found and not self._skip_damage(mark) and not self._advance(mark):
                break
        return records

    def next_extent(self, max_bytes: int) -> Extent | None:
        """Where the next complete records are, about ``max_bytes`` of them; None when there are none yet.

        Nobody has checked them. Where no mark says what is durable, only checksums can: they are read for it.
        """
        while True:
            mark = None if self.whole else read_mark(self.directory)
            segment, start = self.position.segment, max(self.position.offset, len(MAGIC))
            end = start
            if mark is None:
                if found := self._read_segment(max_bytes, mark):
                    end = found[-1].end.offset
            else:
                end = self._measure(start, max_bytes, mark)
            if end > start:
                self.position = Position(segment, end)
                return Extent(self.directory, segment, start, end)
            if not self._skip_damage(mark) and not self._advance(mark):
                return None

    def _measure(self, start: int, max_bytes: int, mark: Position) -> int:
        """Offset behind the records from ``start`` on, by their own word."""
        offset = start
        try:
            with segment_path(self.directory, self.position.segment).open("rb", buffering=_MARGIN) as file:
                end = self._end(file, mark)
                while offset - start < max_bytes:
                    size = self._size_at(file, offset, end)
                    if size is None:
                        break
                    offset += size
        except FileNotFoundError:
            return start
        return offset

    def _read_segment(self, max_bytes: int, mark: Position | None) -> list[Record]:
        try:
            with segment_path(self.directory, self.position.segment).open("rb") as file:
                start = max(self.position.offset, len(MAGIC))
                available = self._end(file, mark) - start
                if available <= 0:
                    return []
                file.seek(start)
                data = memoryview(file.read(min(available, max_bytes + _MARGIN)))
                records = self._decode(data, start)
                if not records:
                    size = size_of(data, 0)
                    if size is not None and len(data) < size <= available:
                        data = memoryview(b"".join((data, file.read(size - len(data)))))
                        records = self._decode(data, start)
        except FileNotFoundError:
            return []
        if records:
            self.position = records[-1].end
        return records

    def _end(self, file: BinaryIO, mark: Position | None) -> int:
        """Offset up to which the open segment may be read."""
        size = os.fstat(file.fileno()).st_size
        if mark is None or self.position.segment < mark.segment:
            return size
        return min(size, mark.offset) if self.position.segment == mark.segment else 0

    def _decode(self, data: memoryview, start: int) -> list[Record]:
        records: list[Record] = []
        offset = 0
        while (record := decode(data, offset, self.position.segment)) is not None:
            offset = record.end.offset
            records.append(record._replace(end=Position(self.position.segment, start + offset)))
        return records

    def _skip_damage(self, mark: Position | None) -> bool:
        """Go past a record whose checksum is wrong if a whole one follows it; True when that was so."""
        try:
            with segment_path(self.directory, self.position.segment).open("rb") as file:
                start = max(self.position.offset, len(MAGIC))
                end = self._end(file, mark)
                size = self._size_at(file, start, end)
                if size is None:
                    return False
                following = start + size
                next_size = self._size_at(file, following, end)
                if next_size is None:
                    return False
                file.seek(following)
                if decode(memoryview(file.read(next_size)), 0, self.position.segment) is None:
                    return False
        except FileNotFoundError:
            return False
        logger.error(
            "segment %d: a record of %d bytes at %d is damaged and was left out", self.position.segment, size, start
        )
        self.position = Position(self.position.segment, following)
        return True

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
