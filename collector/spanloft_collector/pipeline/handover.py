"""Tables from one process to another: in memory that both map, where the system has it, else through their pipe.

A socket moves bytes in pieces, each into a new buffer: that took both ends a third of the time of decoding. The memory
is used again once its table is gone, as a system asked for new pages takes longer to give them than the copy does.
Sources: memfd_create(2), unix(7) on SCM_RIGHTS, and the Arrow columnar format's IPC streams.
"""

from __future__ import annotations

import mmap
import os
import pickle
from collections import deque
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, NamedTuple

import pyarrow as pa

SHARED_MEMORY = hasattr(os, "memfd_create")
LEAST_BYTES = 4 * 1024 * 1024
KEPT_BYTES = 8 * 1024 * 1024
"""Larger pieces of memory are used once: a rare large request must not cost memory for ever."""
FREE_BYTES = 4 * 1024 * 1024
"""Memory of one sender that waits to be used again; the rest goes back to the system, and comes when it is needed."""
_FRAME_BYTES = 128 * 1024
"""More than a stream takes beside its values."""


class _Place(NamedTuple):
    """Where a table is: the number of a piece of memory, and how many bytes of it, from its begin."""

    number: int
    bytes: int


class Sender:
    """The end that sends. Not thread-safe."""

    def __init__(self, connection: Connection, receiver: int) -> None:
        """Prepare to send through ``connection`` to the process ``receiver``."""
        self._connection = connection
        self._receiver = receiver
        self._pieces: dict[int, mmap.mmap] = {}
        self._used: dict[int, int] = {}
        self._free: list[int] = []
        self._made = 0

    def release(self, numbers: Sequence[int]) -> None:
        """Use pieces of memory again that :meth:`Receiver.released` gave."""
        self._free += (number for number in numbers if number in self._pieces)
        free = sum(self._used[number] for number in self._free)
        while free > FREE_BYTES:
            largest = max(self._free, key=self._used.__getitem__)
            free -= self._used[largest]
            self._used[largest] = 0
            self._pieces[largest].madvise(mmap.MADV_REMOVE)

    def send(self, tables: Mapping[str, pa.Table]) -> None:
        """Send ``tables``.

        Raises:
            OSError: the other end is gone, or there is no memory.
        """
        if not SHARED_MEMORY:
            self._connection.send_bytes(pickle.dumps(list(tables), protocol=5))
            for table in tables.values():
                self._connection.send_bytes(memoryview(_stream(table)))
            return
        placed = {name: self._placed(table) for name, table in tables.items()}
        sizes = {place.number: len(self._pieces[place.number]) for place, _ in placed.values()}
        message = [(name, place, sizes[place.number], new is not None) for name, (place, new) in placed.items()]
        self._connection.send_bytes(pickle.dumps(message, protocol=5))
        for place, descriptor in placed.values():
            if sizes[place.number] > KEPT_BYTES:
                del self._pieces[place.number], self._used[place.number]
            if descriptor is not None:
                send_handle(self._connection, descriptor, self._receiver)
                os.close(descriptor)

    def _placed(self, table: pa.Table) -> tuple[_Place, int | None]:
        """Write ``table`` into a piece of memory of its own; the descriptor of the piece if it is new."""
        number, descriptor = self._piece(table.nbytes + _FRAME_BYTES)
        try:
            return _Place(
                number, _write(pa.FixedSizeBufferWriter(pa.py_buffer(self._pieces[number])), table)
            ), descriptor
        except (OSError, pa.ArrowInvalid):
            # The frame of a table with thousands of columns; what it takes exactly is only known by writing it.
            if descriptor is None:
                self._free.append(number)
            else:
                del self._pieces[number], self._used[number]
                os.close(descriptor)
        number, descriptor = self._piece(_write(pa.MockOutputStream(), table))
        return _Place(number, _write(pa.FixedSizeBufferWriter(pa.py_buffer(self._pieces[number])), table)), descriptor

    def _piece(self, need: int) -> tuple[int, int | None]:
        """Number of a piece of memory of ``need`` bytes, and its descriptor if it is new."""
        large = [number for number in self._free if len(self._pieces[number]) >= need]
        if large:
            # Pages that were used once take memory: small tables must not wander through pieces that held large ones.
            number = min(large, key=lambda number: abs(self._used[number] - need))
            self._free.remove(number)
            self._used[number] = max(self._used[number], need)
            return number, None
        self._made += 1
        descriptor = os.memfd_create("spanloft-tables")
        os.ftruncate(descriptor, max(need, LEAST_BYTES))
        self._pieces[self._made] = mmap.mmap(descriptor, max(need, LEAST_BYTES))
        self._used[self._made] = need
        return self._made, descriptor


class Receiver:
    """The end that receives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pieces: dict[int, mmap.mmap] = {}
        self._released: deque[int] = deque()

    def receive(self) -> dict[str, pa.Table]:
        """What :meth:`Sender.send` sent. The tables lie in the shared memory, which they hold until the last is gone.

        Raises:
            EOFError: the sender has died.
        """
        message = pickle.loads(self._connection.recv_bytes())
        if not SHARED_MEMORY:
            return {name: pa.ipc.open_stream(self._connection.recv_bytes()).read_all() for name in message}
        return {name: self._table(place, size, fresh) for name, place, size, fresh in message}

    def _table(self, place: _Place, size: int, fresh: bool) -> pa.Table:
        if fresh:
            descriptor = recv_handle(self._connection)
            try:
                self._pieces[place.number] = mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ)
            finally:
                os.close(descriptor)
        memory = self._pieces[place.number] if size <= KEPT_BYTES else self._pieces.pop(place.number)
        held = _Held(place.number, memory, self._released)
        return pa.ipc.open_stream(pa.foreign_buffer(pa.py_buffer(memory).address, place.bytes, held)).read_all()

    def released(self) -> list[int]:
        """Pieces of memory whose tables are gone since the last call, for :meth:`Sender.release`. Thread-safe."""
        return [self._released.popleft() for _ in range(len(self._released))]


class _Held:
    """What Arrow's buffers keep alive: when the last of them goes, their memory may be used again."""

    __slots__ = ("_memory", "_number", "_released")

    def __init__(self, number: int, memory: mmap.mmap, released: deque[int]) -> None:
        self._number, self._memory, self._released = number, memory, released

    def __del__(self) -> None:
        self._released.append(self._number)


def _write(sink: Any, table: pa.Table) -> int:
    """Write ``table`` as a stream; its bytes."""
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return int(sink.tell())


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    _write(sink, table)
    return sink.getvalue()
