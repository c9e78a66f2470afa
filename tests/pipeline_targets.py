"""What the pipeline's process is made to run in tests; in a module of its own, because children import it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def obedient(folder: Path, stopping: Callable[[], bool]) -> None:
    """Run until told to stop, and say so."""
    (folder / f"started-{os.getpid()}").touch()
    while not stopping():
        time.sleep(0.01)
    (folder / f"drained-{os.getpid()}").touch()


def dies_once_when_told(folder: Path, stopping: Callable[[], bool]) -> None:
    """The first one dies in the middle of its drain, the next one does it."""
    if len(list(folder.glob("started-*"))) == 0:
        (folder / f"started-{os.getpid()}").touch()
        while not stopping():
            time.sleep(0.01)
        os._exit(3)
    obedient(folder, stopping)


def deaf(folder: Path, stopping: Callable[[], bool]) -> None:
    """Never ends."""
    (folder / f"started-{os.getpid()}").touch()
    time.sleep(600)
