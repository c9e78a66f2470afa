"""Runs the pipeline in a process of its own, so that decoding never delays an acknowledgement."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

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
        self._draining = False
        self._process: Any = None
        self._control: Connection | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and watch it."""
        self._spawn()
        self._thread = threading.Thread(target=self._watch, name="pipeline-watch", daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float = 60.0) -> bool:
        """Have everything in the journal published, then end the process; False when it took too long."""
        self._draining = True
        control = self._control
        if control is not None:
            try:
                control.send(_DRAIN)
            except OSError:
                logger.warning("the pipeline has gone; what is in the journal will be published at the next start")
        if self._thread is None:
            return True
        # The watching thread waits for the child; a second wait would find nobody and no exit code.
        self._thread.join(timeout_s)
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
        while True:
            self._process.join()
            if self._draining:
                return
            logger.error("the pipeline ended with code %s, starting it again", self._process.exitcode)
            time.sleep(RESTART_S)
            if self._draining:
                return
            self._spawn()


def _child(target: Callable[[Callable[[], bool]], None], control: Connection, level: int) -> None:
    # Ctrl-C reaches the whole process group; the parent decides when the pipeline ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    stop = threading.Event()

    def listen() -> None:
        try:
            control.recv()
        except EOFError:
            # The parent was killed. Whatever is half done is done again by its successor.
            os._exit(1)
        stop.set()

    threading.Thread(target=listen, name="control", daemon=True).start()
    target(stop.is_set)
