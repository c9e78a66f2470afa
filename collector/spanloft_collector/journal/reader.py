"""The reading end of the journal: follows the segments from a position, also while they are written."""

from __future__ import annotations

import logging
from pathlib import Path

from spanloft_collector.journal.record import MAGIC, Position, Record, decode, segment_numbers, segment_path

logger = logging.getLogger(__name__)


START = Position(0, 0)


class JournalReader:
    """Reads records in order from ``position``; another process may be writing."""

    def __init__(self, directory: Path, position: Position = START) -> None:
        self.directory = directory
        self.position = position

    def read(self, max_bytes: int) -> list[Record]:
        """Return the next complete records, up to about ``max_bytes`` of payload; empty when there are none yet."""
        records: list[Record] = []
        budget = max_bytes
        while budget > 0:
            found = self._read_segment(budget)
            records.extend(found)
            budget -= sum(len(record.payload) for record in found)
            if not found and not self._advance():
                break
        return records

    def _read_segment(self, max_bytes: int) -> list[Record]:
        path = segment_path(self.directory, self.position.segment)
        try:
            with path.open("rb") as file:
                file.seek(max(self.position.offset, len(MAGIC)))
                start = file.tell()
                data = memoryview(file.read(max_bytes + 65536))
                records = self._decode(data, start)
                if not records and len(data) > max_bytes:
                    # One record larger than the budget: read the rest of the segment for it.
                    data = memoryview(bytes(data) + file.read())
                    records = self._decode(data, start, limit=1)
        except FileNotFoundError:
            return []
        if records:
            self.position = records[-1].end
        return records

    def _decode(self, data: memoryview, start: int, limit: int | None = None) -> list[Record]:
        records: list[Record] = []
        offset = 0
        while limit is None or len(records) < limit:
            record = decode(data, offset, self.position.segment)
            if record is None:
                break
            offset = record.end.offset
            records.append(record._replace(end=Position(self.position.segment, start + offset)))
        return records

    def _advance(self) -> bool:
        """Move to the next segment if this one is finished; False when there is nothing further yet."""
        later = [number for number in segment_numbers(self.directory) if number > self.position.segment]
        if not later:
            return False
        # The last record of this segment may have come between our read and the next segment's creation.
        if self._peek():
            return True
        self._report_torn_tail()
        self.position = Position(later[0], 0)
        return True

    def _peek(self) -> bool:
        position = self.position
        found = bool(self._read_segment(1))
        self.position = position
        return found

    def _report_torn_tail(self) -> None:
        path = segment_path(self.directory, self.position.segment)
        try:
            torn = path.stat().st_size - max(self.position.offset, len(MAGIC))
        except FileNotFoundError:
            return
        if torn > 0:
            logger.warning("%s: %d bytes of an unfinished write at the end were skipped", path.name, torn)
