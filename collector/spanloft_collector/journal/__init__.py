"""The journal: accepted requests on disk before they are acknowledged, in the order they came."""

from spanloft_collector.journal.extent import Extent, read_extent
from spanloft_collector.journal.reader import JournalReader
from spanloft_collector.journal.record import Kind, Position, Record
from spanloft_collector.journal.writer import Journal

__all__ = ["Extent", "Journal", "JournalReader", "Kind", "Position", "Record", "read_extent"]
