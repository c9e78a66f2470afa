"""The store beyond one machine: a DuckLake with its catalog in Postgres and its Parquet files in a folder or on S3.

Any number of collectors append and any number of readers query. A publish is one DuckLake transaction: the rows of all
datasets and the writer's watermark become visible together or not at all. What belongs to one machine, the journal and
its locks, is in a local folder; the collector's identity is kept there, too, because its watermark is a position in
that journal.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from spanloft_collector.durable import locked, make_directory, write_durably
from spanloft_collector.errors import StoreError
from spanloft_collector.location import LakeAddress
from spanloft_collector.model import DATASETS
from spanloft_collector.store.base import INGEST
from spanloft_collector.store.lake_catalog import LakeCatalog
from spanloft_collector.store.lake_connection import attach, connect, first_line, lake_sql, unreachable
from spanloft_collector.store.lake_files import sync_new_files
from spanloft_collector.store.lake_schema import bring_up_to_date, file_statements, is_current
from spanloft_collector.store.partitions import TIME_COLUMN
from spanloft_collector.store.reader import DuckDBReader
from spanloft_collector.store.schema import arrow_schema
from spanloft_collector.store.views import views_digest, write_views

logger = logging.getLogger(__name__)

Change = Callable[[duckdb.DuckDBPyConnection, ExitStack], None]

VIEW_FILE = "spanloft.duckdb"
WRITER_FILE = "writer"
INCOMING = "incoming"
"""Name under which a table that is published is known to its connection."""

TRIES = 8
"""How often a publish that met a conflicting one is done again before the caller hears of it."""


class LakeReader(DuckDBReader):
    """Reads the views of a DuckLake. Every connection has a session with Postgres of its own."""

    def __init__(self, address: LakeAddress, view_file: Path) -> None:
        super().__init__(view_file)
        self.address = address

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a read-only connection of the caller's own; the caller closes it.

        Raises:
            StoreError: there is no store yet, or Postgres can't be reached.
        """
        write_lake_views(self.address, self.view_file)
        return connect(self.address, read_only=True, database=self.view_file)

    def failure(self, error: duckdb.Error) -> StoreError:
        """What to say when a statement failed; a connection that may be lost is opened again by the next query."""
        if not isinstance(error, (duckdb.IOException, duckdb.HTTPException)):
            return super().failure(error)
        self.close()
        return StoreError(unreachable(self.address, error))


class DuckLakeStore:
    """A store in a DuckLake. Opening it creates what is missing and checks the version."""

    def __init__(self, address: LakeAddress, local: Path) -> None:
        """Open the store.

        Args:
            address: catalog and data.
            local: folder of this machine for the journal, locks and the view file; made when it is missing.

        Raises:
            StoreTooNew: when a newer Spanloft wrote it.
            StoreError: when Postgres, the bucket or a folder can't be reached, or an extension is missing.
        """
        self.address = address
        self.root = local.expanduser().resolve()
        self.catalog = LakeCatalog(address)
        self._lock = threading.Lock()
        self._shared: duckdb.DuckDBPyConnection | None = None
        try:
            make_directory(self.root)
            self.writer_id = self._writer_id()
            if not address.on_s3:
                make_directory(Path(address.data))
        except OSError as error:
            raise StoreError(f"{error.filename or self.root}: can't be written ({error.strerror or error})") from error
        self._create()
        write_lake_views(address, self.view_file)

    @property
    def view_file(self) -> Path:
        """The file with the views, for connections that have attached the DuckLake as ``lake``."""
        return self.root / VIEW_FILE

    def reader(self) -> LakeReader:
        """Return a reader of this store."""
        return LakeReader(self.address, self.view_file)

    def watermark(self, writer: str) -> dict[str, Any]:
        """Return the watermark that was published last; empty for a new writer."""
        with self.cursor() as cursor:
            return self._watermark(cursor, self._name(writer))[0]

    def complete_until_us(self) -> int:
        """Unix microseconds: every span with an ``ingest_time`` up to this is visible; see ``base.Store``."""
        # In this order: what is committed after the horizon was read has a later stamp.
        horizon = self.catalog.complete_until_us()
        with self.cursor() as cursor:
            newest = int(self._read(cursor, "newest")[0][0])
        return min(horizon, newest)

    def lease(self, name: str, *, wait: bool) -> AbstractContextManager[None]:
        """Hold a name among all processes of the store; see ``base.Store``."""
        return self.catalog.lease(name, wait=wait)

    def publish(
        self,
        writer: str,
        tables: Mapping[str, pa.Table],
        watermark: Mapping[str, Any] | None = None,
        replace_days: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Publish tables and watermark of ``writer`` in one transaction; see ``base.Store.publish``.

        A watermark with ``ingest_us`` gets it from the clock of Postgres, and the rows their ``ingest_time``: only one
        clock can tell jobs up to when they have seen everything.
        """
        name = self._name(writer)

        def change(cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
            stored, sequence = self._watermark(cursor, name)
            if watermark and _position(stored) == _position(watermark):
                return
            stamped = watermark is not None and "ingest_us" in watermark
            stamp_us = held.enter_context(self.catalog.publishing()) if stamped else time.time_ns() // 1000
            for dataset, days in (replace_days or {}).items():
                chosen = {"writer": name, "days": [date.fromisoformat(day) for day in days]}
                cursor.execute(lake_sql("replace_days", table=dataset), chosen)
            began = time.time()
            for dataset, table in tables.items():
                insert(cursor, name, dataset, _stamped(table, stamp_us) if stamped else table)
            # DuckLake does not: after a power cut, Postgres could name files that are not there.
            sync_new_files(self.address, [(dataset, name) for dataset in tables], since=began)
            if watermark is not None:
                kept = {**watermark, "ingest_us": stamp_us} if stamped else dict(watermark)
                self._append_watermark(cursor, name, sequence + 1, kept, stamp_us)

        self.transaction(change)

    def drop(self, writer: str) -> None:
        """Delete everything ``writer`` published and reset its watermark."""
        name = self._name(writer)

        def change(cursor: duckdb.DuckDBPyConnection, held: ExitStack) -> None:
            for dataset in DATASETS:
                cursor.execute(lake_sql("drop_writer", table=dataset), {"writer": name})
            self.write_watermark(cursor, name, {})

        self.transaction(change)

    def transaction(self, change: Change) -> None:
        """Call ``change(cursor, held)`` in a transaction and commit it; again when another one came in between.

        What ``change`` enters into ``held`` is left after the commit.

        Raises:
            StoreError: it failed, or met a conflict ``TRIES`` times; nothing of it was stored, or all of it if the
                connection was lost in the very moment of the commit.
        """
        for number in range(1, TRIES + 1):
            try:
                with ExitStack() as held, self.cursor() as cursor:
                    cursor.execute("BEGIN")
                    try:
                        change(cursor, held)
                        cursor.execute("COMMIT")
                    except BaseException:
                        with suppress(duckdb.Error):
                            cursor.execute("ROLLBACK")
                        raise
                return
            except duckdb.TransactionException as error:
                if number == TRIES or "conflict" not in str(error).lower():
                    self._forget()
                    raise StoreError(f"{self.address}: {first_line(error)}") from error
                logger.info("another writer came in between, trying again: %s", first_line(error))
                time.sleep(random.uniform(0.5, 1.0) * 0.05 * 2**number)
            except duckdb.Error as error:
                self._forget()
                raise StoreError(unreachable(self.address, error)) from error

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on this process's connection, opened again when it was lost.

        Raises:
            StoreError: Postgres can't be reached.
        """
        with self._lock:
            if self._shared is None:
                self._shared = connect(self.address, read_only=False)
            cursor = self._shared.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def write_watermark(self, cursor: duckdb.DuckDBPyConnection, writer: str, watermark: Mapping[str, Any]) -> None:
        """Write a watermark as a part of the transaction that ``cursor`` is in."""
        name = self._name(writer)
        sequence = self._watermark(cursor, name)[1]
        self._append_watermark(cursor, name, sequence + 1, watermark, time.time_ns() // 1000)

    def close(self) -> None:
        """Close all connections."""
        self._forget()
        self.catalog.close()

    def _forget(self) -> None:
        """Close the connection: what it knows of Postgres may be wrong now."""
        with self._lock:
            shared, self._shared = self._shared, None
        if shared is not None:
            shared.close()

    def _create(self) -> None:
        """Make or widen what is missing; one process at a time."""
        try:
            with self.catalog.lease("schema", wait=True), self.cursor() as cursor:
                if self.address.on_s3:
                    # A wrong bucket or key shows here, not in the middle of the night.
                    self._read(cursor, "check_data", {"pattern": f"{self.address.data}spanloft-check*"})
                if not is_current(cursor, str(self.address)):
                    bring_up_to_date(cursor)
        except duckdb.Error as error:
            self._forget()
            raise StoreError(unreachable(self.address, error)) from error

    def _name(self, writer: str) -> str:
        """Name of a writer among those of all machines: there are many collectors, and one of each job."""
        return f"{INGEST}-{self.writer_id}" if writer == INGEST else writer

    def _writer_id(self) -> str:
        """Who this machine's collector is; decided once for a local folder."""
        path = self.root / WRITER_FILE
        with locked(self.root / "store.lock"):
            if not path.exists():
                write_durably(path, uuid.uuid4().hex[:12].encode())
            return path.read_text().strip()

    def _watermark(self, cursor: duckdb.DuckDBPyConnection, name: str) -> tuple[dict[str, Any], int]:
        rows = self._read(cursor, "watermark", {"writer": name})
        return (json.loads(rows[0][0]), int(rows[0][1])) if rows else ({}, 0)

    def _append_watermark(
        self,
        cursor: duckdb.DuckDBPyConnection,
        name: str,
        sequence: int,
        watermark: Mapping[str, Any],
        stamp_us: int,
    ) -> None:
        values = {"writer": name, "sequence": sequence, "watermark": json.dumps(watermark), "stamp_us": stamp_us}
        cursor.execute(lake_sql("write_watermark"), values)

    def _read(
        self, cursor: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        return cursor.execute(lake_sql(name), dict(parameters or {})).fetchall()


def write_lake_views(address: LakeAddress, view_file: Path) -> None:
    """Write the view file if it is missing or another version's.

    Raises:
        StoreError: there is no store yet, or Postgres can't be reached.
    """
    statements = file_statements()
    digest = views_digest(statements)
    mark = view_file.with_suffix(".views")
    if view_file.exists() and mark.exists() and mark.read_text() == digest:
        return
    make_directory(view_file.parent)
    try:
        write_views(view_file, statements, lambda connection: attach(connection, address, read_only=True))
    except duckdb.Error as error:
        raise StoreError(f"{address}: no store here yet ({first_line(error)}); start a collector on it") from None
    write_durably(mark, digest.encode())


def insert(cursor: duckdb.DuckDBPyConnection, writer: str, dataset: str, table: pa.Table) -> None:
    """Add rows in the dataset's schema, sorted by time, as a part of the transaction that ``cursor`` is in."""
    if table.num_rows == 0:
        return
    time_column = TIME_COLUMN.get(dataset, "start_time")
    names = arrow_schema(dataset).names
    cursor.register(INCOMING, table.select(names).sort_by(time_column))
    columns = ", ".join(f'"{name}"' for name in names)
    statement = lake_sql("insert", table=dataset, columns=columns, time=time_column, source=INCOMING)
    cursor.execute(statement, {"writer": writer})
    cursor.unregister(INCOMING)


def _stamped(table: pa.Table, stamp_us: int) -> pa.Table:
    """``table`` with the stamp as its time of ingest, where it has such a column."""
    index = table.schema.get_field_index("ingest_time")
    if index < 0:
        return table
    field = table.schema.field(index)
    return table.set_column(index, field, pa.repeat(pa.scalar(stamp_us, field.type), table.num_rows))


def _position(watermark: Mapping[str, Any]) -> dict[str, Any]:
    """What of a watermark says which publish it was: all but the time, which the store gives."""
    return {key: value for key, value in watermark.items() if key != "ingest_us"}
