"""SIGTERM ends a process at once, without ``atexit``: the spans of its last second would be lost.

Only where nobody handles the signal: ours delivers, then puts the default back and sends the signal again, so that
the process still dies of SIGTERM, with the same status. An app's own handler, set before or after, is left alone.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from ._log import contained

_LOCKING = frozenset(
    f"{__package__}.{name}"
    for name in ("processor", "spool", "transport", "transport_grpc", "judgements", "fallback.claims")
)
"""Modules that may hold a lock which delivering needs; none of them runs code of the app's."""

_PAUSE = 0.01


class SigtermDelivery:
    """Calls ``deliver`` before the process dies of SIGTERM, for ``grace`` seconds at the most."""

    def __init__(self, deliver: Callable[[], None], grace: float) -> None:
        self._deliver = deliver
        self._grace = grace
        self._installed = False
        self._first: float | None = None

    def install(self) -> None:
        """Handles SIGTERM if its handler is the default one and this is the main thread; else does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handle)
            self._installed = True

    def remove(self) -> None:
        """Puts the default back, unless the app has set a handler of its own meanwhile."""
        if not self._installed:
            return
        self._installed = False
        # Outside of the main thread a handler cannot be set; _handle then does what the default does.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._installed:
            _die(number)
        elif self._until > time.monotonic() and _holds_locks(frame):
            # This thread must go on to let go of what delivering needs: the signal comes again in a moment.
            _thread.start_new_thread(_again, (number,))
        else:
            with contained("delivering spans at SIGTERM"):
                self._deliver_beside()
            _die(number)

    @property
    def _until(self) -> float:
        """When a signal that came at a bad moment is no longer put off (``time.monotonic``)."""
        if self._first is None:
            self._first = time.monotonic()
        return self._first + self._grace

    def _deliver_beside(self) -> None:
        # In a thread of its own: the interrupted code may hold a lock that delivering needs. Not by the threading
        # module, whose own lock the interrupted code may hold.
        done = _thread.allocate_lock()
        done.acquire()

        def deliver() -> None:
            with contained("delivering spans at SIGTERM"):
                self._deliver()
            done.release()

        _thread.start_new_thread(deliver, ())
        done.acquire(timeout=self._grace)


def _holds_locks(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") in _LOCKING:
            return True
        frame = frame.f_back
    return False


def _again(number: int) -> None:
    time.sleep(_PAUSE)
    os.kill(os.getpid(), number)


def _die(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
