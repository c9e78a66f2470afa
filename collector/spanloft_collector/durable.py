"""Files and names that survive a power cut, and locks that the kernel drops when their process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from spanloft_collector.errors import StoreError


def fsync_directory(path: Path) -> None:
    """Make the names in ``path`` durable; a rename alone is lost when the power goes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create ``path`` and its parents durably."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(exist_ok=True)
        fsync_directory(directory.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader sees the old content or the new, also after a crash."""
    with new_file(path, path.with_name(f"{path.name}.{os.getpid()}.tmp")) as file:
        file.write(data)
    fsync_directory(path.parent)


@contextmanager
def new_file(path: Path, partial: Path) -> Iterator[BinaryIO]:
    """A file to write to: ``partial``, which is synced and becomes ``path`` at the end, or is gone after an error.

    The directory is not synced.
    """
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path, *, blocking: bool = True) -> Iterator[None]:
    """Hold an exclusive advisory lock on ``path``; the kernel drops it when the process dies.

    Raises:
        BlockingIOError: when ``blocking`` is false and another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold ``path`` for this process; without ``wait``, say who holds it."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, blocking=wait))
        except BlockingIOError:
            holder = path.read_text().strip() or "unknown"
            raise StoreError(
                f"{path.parent}: another collector (process {holder}) runs on this store; "
                "stop it, or choose another directory with --store"
            ) from None
        path.write_text(f"{os.getpid()}\n")
        yield
