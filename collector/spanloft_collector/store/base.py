"""The two contracts of a store: what may be written to it and what may be read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pyarrow as pa

from spanloft_collector.store.manifest import LiveFile

if TYPE_CHECKING:
    import duckdb

INGEST = "ingest"
"""Writer of what collectors receive. Where many collectors write, the store gives each a name of its own."""


class Store(Protocol):
    """Takes tables and a watermark, and makes both visible at once and durably."""

    def publish(
        self,
        writer: str,
        tables: Mapping[str, pa.Table],
        watermark: Mapping[str, Any] | None = None,
        replace_days: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Publish ``tables`` (dataset -> rows) of ``writer`` together with its watermark, all or nothing.

        Publishing the watermark that is already there changes nothing, so a publish that failed half-way, after
        nobody knows which step, is simply tried again.

        ``replace_days`` names the UTC days per dataset whose earlier files of this writer are superseded.
        """

    def drop(self, writer: str) -> None:
        """Retire everything ``writer`` published and reset its watermark."""

    def watermark(self, writer: str) -> dict[str, Any]:
        """Return the watermark that was published last; empty for a new writer."""

    def complete_until_us(self) -> int:
        """Unix microseconds: every span with an ``ingest_time`` up to this is visible, and none will be added."""

    def lease(self, name: str, *, wait: bool) -> AbstractContextManager[None]:
        """Hold ``name`` among all processes that work on the store; it is given back when the process dies.

        Raises:
            BlockingIOError: another process holds it, and ``wait`` is false.
        """

    def reader(self) -> Reader:
        """Return a reader of this store."""


@runtime_checkable
class AheadStore(Store, Protocol):
    """A store that takes rows before the publish that makes them visible, so that nobody holds them until then."""

    def write_ahead(self, writer: str, tables: Mapping[str, pa.Table]) -> list[LiveFile]:
        """Store ``tables`` durably for a later :meth:`publish`, which must name them; nobody sees them before."""

    def publish(
        self,
        writer: str,
        tables: Mapping[str, pa.Table],
        watermark: Mapping[str, Any] | None = None,
        replace_days: Mapping[str, Sequence[str]] | None = None,
        ahead: Sequence[LiveFile] = (),
    ) -> None:
        """:meth:`Store.publish`; the rows of ``ahead`` become visible with the others.

        Raises:
            Vanished: what was written ahead is gone.
        """


class Reader(Protocol):
    """Reads views and named queries. Safe to share between threads; never blocks a writer."""

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a read-only connection of the caller's own; the caller closes it."""

    def query(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = 30.0,
    ) -> pa.Table:
        """Run the named query ``sql/queries/<name>.sql``.

        Raises:
            StoreError: when the query fails or takes longer than ``timeout_s``.
        """

    def sql(self, statement: str, parameters: Mapping[str, Any] | None = None, *, timeout_s: float = 30.0) -> pa.Table:
        """Run one SQL statement."""
