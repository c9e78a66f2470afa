"""Payloads are stored before the publish that makes them visible: they are most of its memory and of its work.

Where many spans arrive, a publish would hold some ten thousand of them, and as many more while it writes. So the first
half of its payloads is written while the second half arrives. Its files are named by the publish; after a crash nobody
has named them, and the rows are read from the journal again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import pyarrow as pa

from spanloft_collector.errors import StoreError
from spanloft_collector.pipeline.batch import Chunk, with_messages
from spanloft_collector.pipeline.events import HELD
from spanloft_collector.store.base import AheadStore, Store
from spanloft_collector.store.manifest import LiveFile

logger = logging.getLogger(__name__)

T = TypeVar("T")

DATASET = "payloads"
RETRY_S = 1.0
LOGS_S = 60.0
"""How long after log records payloads are held until their publish: the next records may belong to them."""


class Ahead:
    """What was stored for the publish to come.

    One other thread runs what ``take`` returns, and ``publish``, in turn.
    """

    def __init__(self, store: Store, writer: str, publish_rows: int) -> None:
        """Prepare.

        Args:
            store: one that writes nothing ahead publishes all at once.
            writer: who publishes.
            publish_rows: rows of a publish. Neither part of its payloads is smaller than a third of it.
        """
        self._store = store
        self._ahead_store = store if isinstance(store, AheadStore) else None
        self._writer = writer
        self._least, self._most = publish_rows // 2, publish_rows * 2 // 3
        self._messages: list[pa.ChunkedArray] = []
        self._files: list[LiveFile] = []
        self._quiet_from = 0.0

    def note(self, chunk: Chunk) -> None:
        """Look whether ``chunk`` has log records, which are written into the payloads of their spans."""
        if "logs" in chunk.others:
            self._quiet_from = time.monotonic() + LOGS_S

    def due(self, rows: int) -> bool:
        """Whether payloads of ``rows`` collected spans should be written now."""
        return (
            self._least <= rows <= self._most
            and not self._messages
            and self._ahead_store is not None
            and time.monotonic() >= self._quiet_from
            and len(HELD) == 0
        )

    def take(self, chunks: Sequence[Chunk]) -> tuple[list[Chunk], Callable[[], None]]:
        """``chunks`` without their payloads, and what stores these."""
        payloads = pa.concat_tables([chunk.payloads for chunk in chunks])
        self._messages.append(with_messages(payloads))
        nothing = payloads.schema.empty_table()
        taken = [chunk._replace(payloads=nothing) for chunk in chunks]
        return taken, partial(self._write, {DATASET: payloads})

    def messages(self) -> list[pa.ChunkedArray]:
        """Which of the spans have messages whose payloads were taken since the last call, for ``assemble``."""
        found, self._messages = self._messages, []
        return found

    def publish(self, tables: dict[str, pa.Table], watermark: Mapping[str, object]) -> None:
        """Publish ``tables`` with what was stored ahead.

        Raises:
            Vanished: what was stored ahead is gone.
        """
        if self._ahead_store is None:
            until_done(partial(self._store.publish, self._writer, tables, watermark))
            return
        if DATASET in tables:
            # The rest of them: its memory is free while the others are written.
            self._write({DATASET: tables.pop(DATASET)})
        until_done(partial(self._ahead_store.publish, self._writer, tables, watermark, ahead=self._files))
        self._files = []

    def _write(self, tables: dict[str, pa.Table]) -> None:
        assert self._ahead_store is not None
        self._files += until_done(partial(self._ahead_store.write_ahead, self._writer, tables))
        # Whoever made this call still holds its arguments.
        tables.clear()


def until_done(step: Callable[[], T]) -> T:
    """The result of ``step``, tried until it succeeds.

    The journal still has it all; back-pressure reaches the senders when it is full too.
    """
    while True:
        try:
            return step()
        except (OSError, StoreError) as error:
            logger.error("publishing failed, trying again in %g s: %s", RETRY_S, error)
            time.sleep(RETRY_S)
