"""Turns stretches of the journal into chunks on several cores: walking attributes in Python is what limits ingest."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from spanloft_collector.journal import Extent, Position, Record, read_extent
from spanloft_collector.lean import rare_collections, without_pandas
from spanloft_collector.pipeline import handover
from spanloft_collector.pipeline.batch import Chunk

logger = logging.getLogger(__name__)

IN_FLIGHT_PER_WORKER = 2
Transform = Callable[[Sequence[Record]], Chunk]
"""What is done with records; made anew in each process, by a function that can be pickled."""


class Decoded(NamedTuple):
    """The rows of an extent, and where the journal goes on behind it, also where damaged records were left out."""

    chunk: Chunk
    end: Position


class Decoders(Protocol):
    """Takes stretches of the journal in, gives chunks out in the same order."""

    def submit(self, extent: Extent) -> None:
        """Begin to read and transform the records of ``extent``."""

    def collect(self, *, wait: bool) -> Decoded | None:
        """Return what comes next; None when there is none (yet, or at all with ``wait``)."""

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
        self._done: deque[Decoded] = deque()

    def submit(self, extent: Extent) -> None:
        """Transform now."""
        self._done.append(Decoded(self._transform(read_extent(extent)), extent.behind))

    def collect(self, *, wait: bool) -> Decoded | None:
        """Return the oldest."""
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
    """Transforms in worker processes, round robin; answers come back in the order of submission."""

    def __init__(self, create: Callable[[], Transform], workers: int) -> None:
        # Forked workers share the libraries and prices that are loaded here: half the memory of those that start anew.
        linux = sys.platform == "linux"
        context = multiprocessing.get_context("fork") if linux else multiprocessing.get_context("spawn")
        if linux:
            create = partial(_same, create())
        rare_collections()
        self._connections: list[Connection] = []
        self._receivers: list[handover.Receiver] = []
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
            self._receivers.append(handover.Receiver(ours))
            self._processes.append(process)
        self._next = 0
        self._pending: deque[tuple[int, Position]] = deque()

    def submit(self, extent: Extent) -> None:
        """Name ``extent`` to the next worker."""
        worker, self._next = self._next, (self._next + 1) % len(self._connections)
        self._connections[worker].send((extent, self._receivers[worker].released()))
        self._pending.append((worker, extent.behind))

    def collect(self, *, wait: bool) -> Decoded | None:
        """Receive the oldest outstanding chunk; raises EOFError when its worker has died."""
        if not self._pending or not (wait or self._connections[self._pending[0][0]].poll()):
            return None
        worker, end = self._pending.popleft()
        tables = self._receivers[worker].receive()
        return Decoded(Chunk(tables.pop("spans"), tables.pop("payloads"), tables), end)

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


def _same(transform: Transform) -> Transform:
    return transform


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
    sender = handover.Sender(connection, os.getppid())
    # A share takes few bytes, so the parent never waits for a worker that waits for it to take an answer.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            extent, released = connection.recv()
            sender.release(released)
            chunk = transform(read_extent(extent))
            sender.send({"spans": chunk.spans, "payloads": chunk.payloads, **chunk.others})
