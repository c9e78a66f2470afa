"""The writing end of the journal: many threads append, one thread writes and syncs for all of them at once."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from spanloft_collector.durable import fsync_directory
from spanloft_collector.errors import JournalError, Overloaded
from spanloft_collector.journal.mark import MarkWriter
from spanloft_collector.journal.record import MAGIC, Kind, Position, encode, segment_numbers, segment_path

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
GROUP_BYTES = 16 * 1024 * 1024
"""Most bytes that one write and sync takes; bounds how long a small request waits behind large ones."""

# The kernel takes at most 1024 buffers in one gathered write; a record has four.
_BUFFERS_PER_WRITE = 1000


class _Pending(NamedTuple):
    buffers: list[bytes]
    size: int
    done: Future[None]


class Journal:
    """Append-only log in ``directory``. A record is durable when its future resolves.

    Opening always starts a new segment: what a crash left half-written is never appended to, and positions
    beyond a lost tail can't be reused.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_pending_bytes: int = 64 * 1024 * 1024,
        max_backlog_bytes: int = 8 * 1024**3,
        segment_bytes: int = SEGMENT_BYTES,
        after_segment: int = 0,
    ) -> None:
        """Open the journal.

        Args:
            directory: where segments live; created if missing.
            max_pending_bytes: requests waiting for the disk beyond this are refused.
            max_backlog_bytes: segments on disk beyond this mean the pipeline is too far behind: refuse.
            segment_bytes: size at which a new segment begins.
            after_segment: segment up to which the store has read: numbers go on behind it, also when somebody
                emptied the directory, or the store would wait for ever for a segment it has already seen.
        """
        self.directory = directory
        self.max_pending_bytes = max_pending_bytes
        self.max_backlog_bytes = max_backlog_bytes
        self.segment_bytes = segment_bytes
        self.failures = 0
        self._on_failure: Callable[[], None] = lambda: None
        self._queue: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._condition = threading.Condition()
        self._closing = False
        self._descriptor = -1
        self._offset = 0
        self._finished = False
        directory.mkdir(parents=True, exist_ok=True)
        fsync_directory(directory.parent)
        self._mark = MarkWriter(directory)
        self._segment = max([after_segment, *segment_numbers(directory)])
        self._open_segment()
        self._backlog = (0.0, 0)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def set_failure_hook(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` when a write failed, before its futures fail and while no append is possible."""
        self._on_failure = hook

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted but not yet on disk."""
        return self._pending_bytes

    def backlog_bytes(self) -> int:
        """Bytes in segments that the pipeline has not finished; refreshed at most twice a second."""
        checked, size = self._backlog
        now = time.monotonic()
        if now - checked > 0.5:
            size = sum(map(size_if_there, os.scandir(self.directory)))
            self._backlog = (now, size)
        return size

    def check_capacity(self) -> None:
        """Raise Overloaded when a request can't be taken now; cheap enough to ask before reading a body."""
        if self._pending_bytes > self.max_pending_bytes:
            raise Overloaded("the journal's disk can't keep up; try again", retry_after_s=1)
        if self.backlog_bytes() > self.max_backlog_bytes:
            raise Overloaded("the store is too far behind the journal; try again", retry_after_s=5)

    def append(
        self, kind: Kind, payload: bytes, metadata: dict[str, Any] | None = None, *, failures: int | None = None
    ) -> Future[None]:
        """Queue a record. The future resolves when it is durable.

        ``failures`` is the value of ``self.failures`` on which the caller based its metadata: when a write has
        failed since, what the caller took for stored may not be, and the record is refused.

        Raises (through the future):
            JournalError: the write failed (disk full, device error); nothing of the record was kept.

        Raises:
            Overloaded: too many bytes wait already.
        """
        self.check_capacity()
        done: Future[None] = Future()
        buffers = encode(kind, time.time_ns(), metadata or {}, payload)
        pending = _Pending(buffers, sum(map(len, buffers)), done)
        with self._condition:
            if self._closing:
                raise Overloaded("the collector is shutting down; try again", retry_after_s=2)
            if failures is not None and failures != self.failures:
                raise Overloaded("a write to the journal failed; try again", retry_after_s=1)
            self._queue.append(pending)
            self._pending_bytes += pending.size
            self._condition.notify()
        return done

    def close(self) -> None:
        """Write out what is queued, sync and close."""
        with self._condition:
            if self._closing:
                return
            self._closing = True
            self._condition.notify()
        self._thread.join()
        os.close(self._descriptor)
        self._mark.close()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closing:
                    self._condition.wait()
                if not self._queue:
                    return
                group = self._take_group()
            try:
                self._write(group)
            except Exception as error:
                # Whatever it was, the thread must live: without it every sender would wait for ever.
                self._fail(group, error)
            else:
                with self._condition:
                    self._pending_bytes -= sum(pending.size for pending in group)
                for pending in group:
                    pending.done.set_result(None)

    def _take_group(self) -> list[_Pending]:
        group: list[_Pending] = []
        size = 0
        while self._queue and (not group or size + self._queue[0].size <= GROUP_BYTES):
            pending = self._queue.popleft()
            group.append(pending)
            size += pending.size
        return group

    def _write(self, group: list[_Pending]) -> None:
        if self._finished or self._offset > self.segment_bytes:
            self._open_segment()
        buffers = [buffer for pending in group for buffer in pending.buffers if buffer]
        for start in range(0, len(buffers), _BUFFERS_PER_WRITE):
            write_all(self._descriptor, buffers[start : start + _BUFFERS_PER_WRITE])
        os.fdatasync(self._descriptor)
        end = self._offset + sum(pending.size for pending in group)
        self._mark.set(Position(self._segment, end))
        self._offset = end

    def _fail(self, group: list[_Pending], error: Exception) -> None:
        """Forget a failed group and everything queued behind it, and cut off what was written of it."""
        logger.error("journal write failed, the requests were refused: %s", error)
        with self._condition:
            # What was queued behind may have been marked as a repeat of what just failed.
            failed = [*group, *self._queue]
            self._queue.clear()
            self._pending_bytes = 0
            # The hook first: who sees the new count must also see what the hook has forgotten.
            self._on_failure()
            self.failures += 1
            # A disk that failed a sync may have dropped what it held, so nothing is added to this segment.
            self._finished = True
            try:
                os.ftruncate(self._descriptor, self._offset)
                os.fsync(self._descriptor)
            except OSError as second:
                logger.error("the journal's segment %d can't be cut off: %s", self._segment, second)
        reason = JournalError(f"the journal can't be written: {getattr(error, 'strerror', None) or error}")
        for pending in failed:
            pending.done.set_exception(reason)

    def _open_segment(self) -> None:
        number = self._segment + 1
        path = segment_path(self.directory, number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, [MAGIC])
            os.fsync(descriptor)
            fsync_directory(self.directory)
            self._mark.set(Position(number, len(MAGIC)))
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._segment, self._offset, self._finished = descriptor, number, len(MAGIC), False


def size_if_there(file: os.DirEntry[str]) -> int:
    """Size of a segment; 0 for other files and for one that the pipeline has just deleted."""
    try:
        return file.stat().st_size if file.name.endswith(".log") else 0
    except FileNotFoundError:
        return 0


def write_all(descriptor: int, buffers: list[bytes]) -> None:
    """Write all buffers, going on after short writes."""
    views = [memoryview(buffer) for buffer in buffers]
    while views:
        written = os.writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views and written:
            views[0] = views[0][written:]
