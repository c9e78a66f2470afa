"""Runs a function in a process that kills itself at the Nth step towards the disk: before it, or right after it.

The product knows nothing of this: the calls of the operating system are wrapped in the child. Children are forked from
a server that has imported everything, so that one takes a few hundredths of a second.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STEPS = ("open", "fsync", "fdatasync", "rename", "replace", "unlink", "mkdir", "pwrite", "ftruncate")
LIMIT_S = 60


class CrashServer:
    """Runs functions of ``crash_targets``, each in a process of its own."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()

    def killed(self, target: str, root: Path, step: int, after: bool) -> str | None:
        """Run ``target(root)``; the name of the call at which it was killed, None when it ended before that step.

        Raises:
            AssertionError: it ended otherwise, with an error of its own.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([target, str(root), step, after]) + "\n")
        self._process.stdin.flush()
        status, name = json.loads(self._process.stdout.readline())
        assert status == (0 if name is None else -signal.SIGKILL), f"{target} ended with {status} at {name}"
        return str(name) if name else None

    def whole(self, target: str, root: Path) -> None:
        """Run ``target(root)`` to its end."""
        assert self.killed(target, root, 0, after=False) is None


def each_crash(limit: int = 400) -> Iterator[tuple[int, bool]]:
    """(step, after) for every step; the caller leaves the loop when nothing was killed."""
    for step in range(1, limit):
        for after in (False, True):
            yield step, after
    raise AssertionError(f"more than {limit} steps")


def _serve() -> None:
    import crash_targets

    crash_targets.warm_up()
    for line in sys.stdin:
        target, root, step, after = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _wrap(writing, step, after)
                getattr(crash_targets, target)(Path(root))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writing)
        status = _wait(child)
        name = os.read(reading, 100).decode()
        os.close(reading)
        sys.stdout.write(json.dumps([status, name or None]) + "\n")
        sys.stdout.flush()


def _wait(child: int) -> int:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def _wrap(report: int, step: int, after: bool) -> None:
    taken = 0
    write = os.write

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken != step:
                return real(*positional, **named)
            write(report, name.encode())
            if after:
                real(*positional, **named)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("still alive")

        return call

    for name in STEPS:
        setattr(os, name, wrap(name, getattr(os, name)))


if __name__ == "__main__":
    _serve()
