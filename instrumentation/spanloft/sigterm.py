"""SIGTERM ends a process at once, without ``atexit``: the spans of its last second would be lost.

Only where nobody handles the signal: ours delivers, then puts the default back and sends the signal again, so that
the process still dies of SIGTERM, with the same status. An app's own handler, set before or after, is left alone.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from ._log import contained


class SigtermDelivery:
    """Calls ``deliver`` before the process dies of SIGTERM, for ``grace`` seconds at the most."""

    def __init__(self, deliver: Callable[[], None], grace: float) -> None:
        self._deliver = deliver
        self._grace = grace
        self._installed = False

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
        # In a thread of its own: the interrupted code may hold a lock that delivering needs.
        if self._installed:
            with contained("delivering spans at SIGTERM"):
                delivering = threading.Thread(target=self._deliver, name="spanloft-sigterm", daemon=True)
                delivering.start()
                delivering.join(self._grace)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
