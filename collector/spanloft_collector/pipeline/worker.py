"""Runs the pipeline in a process of its own, so that decoding never delays an acknowledgement."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from spanloft_collector.lean import without_pandas

logger = logging.getLogger(__name__)

_DRAIN = "drain"
RESTART_S = 1.0


class PipelineProcess:
    """Keeps one pipeline process alive until ``drain`` is called."""

    def __init__(self, target: Callable[[Callable[[], bool]], None], ready: Callable[[], Any] | None = None) -> None:
        """Prepare.

        Args:
            target: picklable function that runs the pipeline; called in the child with ``stopping()``.
            ready: called in the parent after the start of each child.
        """
        self._target = target
        self._ready = ready
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._draining = False
        self._given_up = False
        self._process: Any = None
        self._control: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and watch it."""
        self._spawn()
        self._thread = threading.Thread(target=self._watch, name="pipeline-watch", daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float = 60.0) -> bool:
        """Have everything in the journal published, then end the process; False when it took too long."""
        if self._thread is None:
            return True
        with self._lock:
            self._draining = True
            self._wake.set()
            self._tell()
        # The watching thread waits for the child; a second wait would find nobody and no exit code.
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            # The interpreter would wait for it without end. What it is doing is done again at the next start.
            self._given_up = True
            self._process.kill()
            self._thread.join()
        return bool(self._process.exitcode == 0)

    @property
    def pid(self) -> int | None:
        """Process id of the child."""
        return None if self._process is None else self._process.pid

    def _spawn(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_child, args=(self._target, theirs, logging.getLogger().level), name="spanloft-pipeline"
        )
        process.start()
        theirs.close()
        self._process, self._control = process, ours
        if self._ready is not None:
            self._ready()

    def _watch(self) -> None:
        last_try = False
        while True:
            self._process.join()
            if self._given_up or (self._draining and (last_try or self._process.exitcode == 0)):
                return
            logger.error("the pipeline ended with code %s, starting it again", self._process.exitcode)
            self._wake.wait(RESTART_S)
            with self._lock:
                self._spawn()
                if self._draining:
                    last_try = True
                    self._tell()

    def _tell(self) -> None:
        """Tell the child to drain; one that has died is replaced by the watching thread, which tells the next."""
        with contextlib.suppress(OSError):
            self._control.send(_DRAIN)


def _child(target: Callable[[Callable[[], bool]], None], control: Connection, level: int) -> None:
    without_pandas()
    # Ctrl-C reaches the whole process group; the parent decides when the pipeline ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    target(_Orders(control).stopping)


class _Orders:
    """What the parent says. Asked, not listened to by a thread: the target may fork before it starts its own."""

    def __init__(self, control: Connection) -> None:
        self._control = control
        self._stop = False

    def stopping(self) -> bool:
        """Whether to drain and end. Ends the process at once when the parent was killed: its successor starts anew."""
        if not self._stop:
            try:
                if self._control.poll():
                    self._control.recv()
                    self._stop = True
            except (EOFError, OSError):
                os._exit(1)
        return self._stop
