"""How far the journal is durable, told by its writer to readers in other processes.

Bytes beyond the mark may still be taken back: a group of records that could not be synced is cut off again, and a
reader that had already taken some of them would store what the sender was told to send once more. The mark need not
survive a power cut: a new writer begins a new segment, and what older segments hold is final.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from spanloft_collector.journal.record import Position

FILE = "durable"
# Written twice: readers take no lock, and two halves that differ show that they came in between.
_MARK = struct.Struct("<QQQQ")


class MarkWriter:
    """Keeps the mark of one journal directory."""

    def __init__(self, directory: Path) -> None:
        """Open or create the mark; OSError when the disk refuses."""
        self._descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def set(self, position: Position) -> None:
        """Say that everything before ``position`` is durable."""
        os.pwrite(self._descriptor, _MARK.pack(*position, *position), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_mark(directory: Path) -> Position | None:
    """The mark; None when no writer has left one."""
    try:
        with (directory / FILE).open("rb", buffering=0) as file:
            while True:
                data = os.pread(file.fileno(), _MARK.size, 0)
                if len(data) < _MARK.size:
                    return None
                segment, offset, segment_again, offset_again = _MARK.unpack(data)
                if (segment, offset) == (segment_again, offset_again):
                    return Position(segment, offset)
    except FileNotFoundError:
        return None
