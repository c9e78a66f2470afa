"""What all processes of a DuckLake agree on through its Postgres: one clock, leases, and up to when all is stored.

Everything is an advisory lock of a session, so a process that dies leaves nothing behind that somebody has to clear.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any

from spanloft_collector.errors import StoreError
from spanloft_collector.location import LakeAddress
from spanloft_collector.store.lake_connection import import_psycopg, unreachable

PUBLISH_SPACE = 1_397_768_524
"""First key of the locks of publishes under way; the second is the second in which each began."""
LEASE_SPACE = 1_397_768_525
"""First key of leases; the second is the checksum of the lease's name."""
MARGIN_US = 2_000_000
"""A commit that Postgres carries out while its client is killed becomes visible within this time."""
CONNECT_TIMEOUT_S = 10


class LakeCatalog:
    """A session with the Postgres of a DuckLake. Safe to share between threads; opened again when it was lost."""

    def __init__(self, address: LakeAddress) -> None:
        self.address = address
        self._session: Any = None
        self._lock = threading.Lock()

    @contextmanager
    def publishing(self) -> Iterator[int]:
        """Yields the stamp of a publish, Unix microseconds: :meth:`complete_until_us` stays below it until the end.

        Raises:
            StoreError: Postgres can't be reached.
        """
        session = self._connect()
        try:
            self._value(session, "begin_publish", {"space": PUBLISH_SPACE})
            yield self._value(session, "stamp", {})
        finally:
            # Closing gives the lock back, also where the session is of no use any more.
            self._give_back(session)

    def complete_until_us(self) -> int:
        """Unix microseconds up to which every stamp that was ever taken is committed or given up."""
        session = self._connect()
        try:
            return int(self._value(session, "complete_until", {"space": PUBLISH_SPACE, "margin_us": MARGIN_US}))
        finally:
            self._give_back(session)

    @contextmanager
    def lease(self, name: str, *, wait: bool) -> Iterator[None]:
        """Hold ``name`` among all processes of the DuckLake.

        Raises:
            BlockingIOError: another process holds it, and ``wait`` is false.
            StoreError: Postgres can't be reached.
        """
        key = zlib.crc32(name.encode()) - 2**31
        session = self._open()
        try:
            query = "wait_lease" if wait else "try_lease"
            if not self._value(session, query, {"space": LEASE_SPACE, "key": key}) and not wait:
                raise BlockingIOError(f"{name} is held by another process")
            yield
        finally:
            with suppress(import_psycopg().Error):
                session.close()

    def close(self) -> None:
        """End the session."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = None

    def _connect(self) -> Any:
        """The kept session when nobody uses it, else a new one."""
        with self._lock:
            session, self._session = self._session, None
        return session if session is not None and not session.broken and not session.closed else self._open()

    def _give_back(self, session: Any) -> None:
        try:
            self._value(session, "end_publish", {})
        except StoreError:
            session.close()
            return
        with self._lock:
            kept, self._session = self._session, session
        if kept is not None:
            kept.close()

    def _open(self) -> Any:
        psycopg = import_psycopg()
        try:
            return psycopg.connect(
                self.address.catalog,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="spanloft",
            )
        except psycopg.Error as error:
            raise StoreError(unreachable(self.address, error)) from None

    def _value(self, session: Any, name: str, parameters: Mapping[str, Any]) -> Any:
        text = (files("spanloft_collector") / "sql" / "catalog" / f"{name}.sql").read_text()
        try:
            return session.execute(text, parameters).fetchone()[0]
        except import_psycopg().Error as error:
            session.close()
            raise StoreError(unreachable(self.address, error)) from None
