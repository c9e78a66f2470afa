"""The pipeline process: follows the journal, publishes what it reads, and deletes what is published.

The watermark (how far the journal is in the store) is published together with the data, so that a crash at any
point leaves every span in the store once: what was not published is read again, what was published is not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from spanloft_collector.journal import JournalReader, Position
from spanloft_collector.journal.record import segment_numbers, segment_path
from spanloft_collector.pipeline.ahead import Ahead
from spanloft_collector.pipeline.batch import Chunk, assemble
from spanloft_collector.pipeline.decoders import Decoders
from spanloft_collector.pipeline.duplicates import DuplicateFinder
from spanloft_collector.store.base import Store

logger = logging.getLogger(__name__)

WRITER = "ingest"
READ_BYTES = 3 * 512 * 1024
"""What a decoder gets at once, up to the next whole record: two requests of 512 spans."""
IDLE_S = 0.02
PRESSED_S = 2.0
"""How long the end of the journal must have been out of reach for the pipeline to count as pressed."""
GATHER_S = 0.2
"""How long the first span after a quiet while waits for others of its trace."""


class Pipeline:
    """Moves records from a journal into a store until told to stop."""

    def __init__(
        self,
        store: Store,
        journal: Path,
        decoders: Decoders,
        *,
        publish_interval_s: float = 1.0,
        publish_rows: int = 12_288,
    ) -> None:
        self.store = store
        self.journal = journal
        self.decoders = decoders
        self.publish_interval_s = publish_interval_s
        self.publish_rows = publish_rows
        watermark = store.watermark(WRITER)
        self._position = Position(*watermark.get("journal", (0, 0)))
        self._ingest_us = int(watermark.get("ingest_us", 0))
        self._duplicates = DuplicateFinder()
        self._chunks: list[Chunk] = []
        self._rows = 0
        self._oldest = 0.0
        self._published = time.monotonic()
        self._behind_since: float | None = None
        self._ahead = Ahead(store, WRITER, publish_rows)
        self._publisher = ThreadPoolExecutor(1, thread_name_prefix="publish")
        self._publishing: Future[None] | None = None

    def run(self, stopping: Callable[[], bool]) -> None:
        """Follow the journal. Once ``stopping()`` is true, drain what is there, publish it and return."""
        reader = JournalReader(self.journal, self._position)
        # What a predecessor published and had no time to delete.
        self._delete_before(self._position.segment)
        while True:
            stop = stopping()
            extent = None
            if not self.decoders.full:
                extent = reader.next_extent(READ_BYTES)
                self._note_backlog(extent is not None)
            if extent is not None:
                self.decoders.submit(extent)
            decoded = self.decoders.collect(wait=self.decoders.full)
            if decoded is not None:
                self._add(*decoded)
            drained = extent is None and decoded is None and self.decoders.idle
            if self._chunks and ((self._due() and self._free) or (stop and drained)):
                self._publish()
            elif stop and drained:
                break
            if extent is None and decoded is None:
                time.sleep(IDLE_S)
        self._wait()
        self.decoders.close()
        self._publisher.shutdown()

    @property
    def pressed(self) -> bool:
        """Whether spans arrive about as fast as they can be stored. Thread-safe."""
        since = self._behind_since
        return since is not None and time.monotonic() - since > PRESSED_S

    def _note_backlog(self, more: bool) -> None:
        if not more:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = time.monotonic()

    def _add(self, chunk: Chunk, end: Position) -> None:
        if not self._chunks:
            self._oldest = time.monotonic()
        self._chunks.append(chunk)
        self._rows += chunk.spans.num_rows
        self._position = end
        self._ahead.note(chunk)
        if self._ahead.due(self._rows) and self._idle:
            self._wait()
            self._chunks, write = self._ahead.take(self._chunks)
            self._publishing = self._publisher.submit(write)

    def _due(self) -> bool:
        # Publishes are at least an interval apart, and after a quiet while the next need not wait for one.
        now = time.monotonic()
        waited, apart = now - self._oldest, now - self._published
        return self._rows >= self.publish_rows or (
            waited >= min(GATHER_S, self.publish_interval_s) and max(waited, apart) >= self.publish_interval_s
        )

    @property
    def _idle(self) -> bool:
        """Whether the publishing thread has nothing to do."""
        return self._publishing is None or self._publishing.done()

    @property
    def _free(self) -> bool:
        """Whether to publish without waiting long: until then decoders go on, and the publish gets more rows."""
        return self._idle or self._rows >= self.publish_rows

    def _publish(self) -> None:
        """Hand the collected chunks to the publishing thread; waits for the one before, so order is kept."""
        self._wait()
        self._published = time.monotonic()
        chunks, self._chunks, self._rows = self._chunks, [], 0
        self._ingest_us = max(time.time_ns() // 1000, self._ingest_us + 1)
        tables = assemble(chunks, self._duplicates, self._ingest_us, ahead=self._ahead.messages())
        end = self._position
        watermark = {"journal": list(end), "ingest_us": self._ingest_us}
        self._publishing = self._publisher.submit(self._publish_durably, tables, watermark, end)

    def _publish_durably(self, tables: dict[str, pa.Table], watermark: dict[str, object], end: Position) -> None:
        self._ahead.publish(tables, watermark)
        # Arrow keeps freed memory for the next batch, which is made elsewhere.
        pa.default_memory_pool().release_unused()
        self._delete_before(end.segment)

    def _delete_before(self, segment: int) -> None:
        """Delete the journal's segments that are in the store."""
        for number in segment_numbers(self.journal):
            if number < segment:
                segment_path(self.journal, number).unlink(missing_ok=True)

    def _wait(self) -> None:
        if self._publishing is not None:
            self._publishing.result()
            self._publishing = None
