"""What the collector did not take waits on disk: bounded, oldest first, readable by its owner only.

One folder per destination (collector and credentials), so that one app never delivers another's spans elsewhere.
A file is one OTLP request. Whoever delivers holds the folder's lock, so concurrent processes never send a file twice.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ._log import logger, warn_once
from .transport import Answer, Outcome

_SUFFIX = ".otlp"


class Spool:
    """A bounded queue of encoded requests in ``folder/<destination>``; ``limit`` is bytes for that folder."""

    def __init__(self, folder: Path, destination: str, limit: int) -> None:
        self.folder = folder / hashlib.sha256(destination.encode()).hexdigest()[:16]
        self._limit = limit
        self._serial = itertools.count()

    def put(self, body: bytes) -> bool:
        """Stores a request durably; drops the oldest ones if the limit is reached. ``False`` if it cannot be stored."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._serial):06d}"
        unfinished = self.folder / f".{name}"
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(body))
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self.folder / f"{name}{_SUFFIX}")
        except OSError as error:
            warn_once("spool", "spans cannot be kept in %s: %s", self.folder, error)
            with suppress(OSError):
                unfinished.unlink()
            return False
        return True

    def pending(self) -> list[Path]:
        """The waiting requests, oldest first."""
        try:
            names = [entry.name for entry in os.scandir(self.folder) if entry.name.endswith(_SUFFIX)]
        except OSError:
            return []
        return [self.folder / name for name in sorted(names) if not name.startswith(".")]

    def deliver(self, send: Callable[[bytes], Answer], deadline: float) -> Answer | None:
        """Sends the waiting requests, oldest first, until ``deadline`` (``time.monotonic``) or the first that fails.

        Returns the answer that stopped it, or ``None`` when nothing did. Does nothing while another process delivers.
        """
        if not self.pending():
            return None
        with self._lock() as mine:
            if not mine:
                return None
            for path in self.pending():
                if time.monotonic() >= deadline:
                    return None
                try:
                    body = path.read_bytes()
                except FileNotFoundError:
                    continue  # Dropped meanwhile to make room.
                answer = send(body)
                if answer.outcome is Outcome.TRY_AGAIN:
                    return answer
                if answer.outcome is Outcome.REFUSED:
                    warn_once("refused spool", "a kept request was refused and is dropped: %s", answer.reason)
                path.unlink(missing_ok=True)
        return None

    def _make_room(self, size: int) -> None:
        waiting = self.pending()
        sizes = {}
        for path in waiting:
            with suppress(OSError):
                sizes[path] = path.stat().st_size
        total = sum(sizes.values()) + size
        dropped = 0
        for path, length in sizes.items():
            if total <= self._limit:
                break
            path.unlink(missing_ok=True)
            total -= length
            dropped += 1
        if dropped:
            warn_once("spool full", "the spool %s is full (%d bytes): oldest dropped", self.folder, self._limit)
            logger.debug("dropped %d kept requests", dropped)

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Holds the folder's lock, which the system gives back if the process dies; yields whether we have it."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        mine = _try_lock(descriptor)
        try:
            yield mine
        finally:
            if mine:
                # Not by closing alone: a child forked meanwhile holds a copy of the descriptor.
                _unlock(descriptor)
            os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
