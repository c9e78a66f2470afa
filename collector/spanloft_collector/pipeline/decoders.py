"""Turns records into chunks on several cores: walking attributes in Python is what limits the collector."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

import pyarrow as pa

from spanloft_collector.journal import Record
from spanloft_collector.lean import rare_collections, without_pandas
from spanloft_collector.pipeline.batch import Chunk

logger = logging.getLogger(__name__)

IN_FLIGHT_PER_WORKER = 2
Transform = Callable[[Sequence[Record]], Chunk]
"""What is done with records; made anew in each process, by a function that can be pickled."""


class Decoders(Protocol):
    """Takes records in, gives chunks out in the same order."""

    def submit(self, records: Sequence[Record]) -> None:
        """Begin to transform ``records``."""

    def collect(self, *, wait: bool) -> Chunk | None:
        """Return the next chunk; None when there is none (yet, or at all with ``wait``)."""

    @property
    def full(self) -> bool:
        """Whether a submission would have to wait."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""

    def close(self) -> None:
        """End the workers."""


class InlineDecoders:
    """Transforms in the calling process: for one core and for short runs."""

    def __init__(self, create: Callable[[], Transform]) -> None:
        self._transform = create()
        self._done: deque[Chunk] = deque()

    def submit(self, records: Sequence[Record]) -> None:
        """Transform now."""
        self._done.append(self._transform(records))

    def collect(self, *, wait: bool) -> Chunk | None:
        """Return the oldest chunk."""
        return self._done.popleft() if self._done else None

    @property
    def full(self) -> bool:
        """Whether a chunk waits to be collected."""
        return bool(self._done)

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._done

    def close(self) -> None:
        """Nothing to end."""


class ProcessDecoders:
    """Transforms in worker processes, round robin; answers come back as Arrow streams in the order of submission."""

    def __init__(self, create: Callable[[], Transform], workers: int) -> None:
        # A forked worker shares the libraries that are loaded here: half the memory of one that starts anew.
        linux = sys.platform == "linux"
        context = multiprocessing.get_context("fork") if linux else multiprocessing.get_context("spawn")
        rare_collections()
        self._connections: list[Connection] = []
        self._processes: list[Any] = []
        for number in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, create, (*self._connections, ours)),
                name=f"spanloft-decoder-{number}",
                daemon=True,
            )
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)
        self._next = 0
        self._pending: deque[Connection] = deque()

    def submit(self, records: Sequence[Record]) -> None:
        """Send records to the next worker."""
        connection = self._connections[self._next]
        self._next = (self._next + 1) % len(self._connections)
        connection.send_bytes(pickle.dumps([tuple(record) for record in records], protocol=5))
        self._pending.append(connection)

    def collect(self, *, wait: bool) -> Chunk | None:
        """Receive the oldest outstanding chunk; raises EOFError when its worker has died."""
        if not self._pending or not (wait or self._pending[0].poll()):
            return None
        connection = self._pending.popleft()
        end, size, others = pickle.loads(connection.recv_bytes())
        spans, payloads = self._table(connection), self._table(connection)
        return Chunk(spans, payloads, {name: self._table(connection) for name in others}, end, size)

    @staticmethod
    def _table(connection: Connection) -> pa.Table:
        return pa.ipc.open_stream(connection.recv_bytes()).read_all()

    @property
    def full(self) -> bool:
        """Whether every worker has its share."""
        return len(self._pending) >= IN_FLIGHT_PER_WORKER * len(self._connections)

    @property
    def idle(self) -> bool:
        """Whether every submission was collected."""
        return not self._pending

    def close(self) -> None:
        """Hang up; workers end when their pipe does."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(5)


def _work(connection: Connection, create: Callable[[], Transform], foreign: Sequence[Connection]) -> None:
    # The ends of the parent: held here too, they would hide its death from the others.
    for theirs in foreign:
        theirs.close()
    without_pandas()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Threads of its own would only compete with the other processes for the same cores.
    pa.set_cpu_count(1)
    transform = create()
    rare_collections()
    # Read apart from the work: a worker that can't take the next share while it hands over a large answer would
    # wait for its parent, and the parent for it.
    inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, inbox), name="inbox", daemon=True).start()
    while (message := inbox.get()) is not None:
        rows = pickle.loads(message)
        chunk = transform([Record(*row) for row in rows])
        try:
            connection.send_bytes(pickle.dumps((chunk.end, chunk.bytes, list(chunk.others)), protocol=5))
            for table in (chunk.spans, chunk.payloads, *chunk.others.values()):
                connection.send_bytes(_stream(table))
        except (BrokenPipeError, ConnectionResetError):
            return


def _receive(connection: Connection, inbox: queue.SimpleQueue[bytes | None]) -> None:
    try:
        while True:
            inbox.put(connection.recv_bytes())
    except (EOFError, OSError):
        inbox.put(None)


def _stream(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())
