"""What a receiver must know of its store before it listens, found out in a process of its own.

Reading the store takes Arrow, DuckDB and the prices, 90 MB of libraries; a receiver needs them at no other time.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from spanloft_collector.durable import exclusive
from spanloft_collector.errors import SpanloftError, StoreError
from spanloft_collector.journal import Position
from spanloft_collector.lean import without_pandas
from spanloft_collector.location import INGEST_LOCK, LOCK_FILE
from spanloft_collector.settings import Settings

if TYPE_CHECKING:
    from spanloft_collector.store.opening import AnyStore

RETRY_WINDOW = timedelta(minutes=30)
"""How far back spans are remembered across a restart, to recognise a client's retry."""
RETRY_SPANS = 300_000
ID_BYTES = 24
"""A trace id and a span id, one behind the other."""


class Published(NamedTuple):
    """How far a store is: ``ids`` are those of its newest spans, ``ID_BYTES`` each, ``journal`` is what it has."""

    root: Path
    journal: Position
    ids: bytes


def published(store: AnyStore) -> Published:
    """What ``store`` holds; nobody else may be publishing."""
    from spanloft_collector.loader import moment
    from spanloft_collector.pipeline.process import WRITER

    watermark = store.watermark(WRITER)
    since = moment(watermark.get("ingest_us", 0)) - RETRY_WINDOW
    found = store.reader().query("ingest_recent_keys", {"since": since, "rows": RETRY_SPANS}, timeout_s=120)
    columns = (found.column(name).to_pylist() for name in ("trace_id", "span_id"))
    ids = bytes.fromhex("".join(trace_id + span_id for trace_id, span_id in zip(*columns, strict=True)))
    return Published(store.root, Position(*watermark.get("journal", (0, 0))), ids)


@contextmanager
def opened(settings: Settings) -> Iterator[Published]:
    """Hold the store for a collector, and say how far it is.

    Raises:
        SpanloftError: the store or the price file is not usable, or another collector runs on the store.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_prepare, args=(settings, theirs, logging.getLogger().level), name="spanloft-preparation", daemon=True
    )
    process.start()
    theirs.close()
    with ExitStack() as stack:
        try:
            root: Path = _answer(ours)
            stack.enter_context(exclusive(root / LOCK_FILE, wait=False))
            # A predecessor's pipeline may still be publishing; what it publishes must be remembered too.
            with exclusive(root / INGEST_LOCK, wait=True):
                ours.send(None)
                found: Published = _answer(ours)
        finally:
            ours.close()
            process.join()
        yield found


def _answer(connection: Connection) -> Any:
    try:
        answer = connection.recv()
    except EOFError:
        raise StoreError("the store could not be opened: the process that does it ended") from None
    if isinstance(answer, str):
        raise SpanloftError(answer)
    return answer


def _prepare(settings: Settings, connection: Connection, level: int) -> None:
    """In the child: open the store, send its root, wait until it is held, and send how far it is."""
    without_pandas()
    # Ctrl-C reaches the whole process group; the parent says what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=level, format="%(levelname)s %(message)s")
    from spanloft_collector.ingest import create_pricer
    from spanloft_collector.store.opening import open_store

    try:
        create_pricer(settings.prices)
        store = open_store(settings)
        connection.send(store.root)
        connection.recv()
        connection.send(published(store))
    except SpanloftError as error:
        connection.send(str(error))
    except (EOFError, BrokenPipeError):
        # The parent gave up, or is gone.
        return
