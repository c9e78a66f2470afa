"""Heavy parts of jobs over processes, or over Ray where the store is the scale-out one. Same work, same results."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from spanloft_collector.errors import SpanloftError

logger = logging.getLogger(__name__)

P = TypeVar("P")
R = TypeVar("R")

_WATCH_S = 1.0
START_ATTEMPTS = 3
"""On a busy machine a part of Ray may miss the time that the others give it."""
START_PAUSE_S = 5.0


class Spread(Protocol):
    """Does parts of a work, wherever that is."""

    processes: int
    """Parts that are worked on at the same time."""

    def map(self, work: Callable[[P], R], parts: Sequence[P]) -> Iterator[R]:
        """Yield the results of ``parts`` in their order; work, parts and results must be picklable."""


class Here:
    """One part after the other, in this process."""

    processes = 1

    def map(self, work: Callable[[P], R], parts: Sequence[P]) -> Iterator[R]:
        """See ``Spread.map``."""
        return map(work, parts)


class Processes:
    """Over processes of this machine; they are started with the first work and stay for the next."""

    def __init__(self, processes: int) -> None:
        self.processes = max(1, min(processes, os.cpu_count() or 1))
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[[P], R], parts: Sequence[P]) -> Iterator[R]:
        """See ``Spread.map``."""
        if len(parts) < 2 or self.processes == 1:
            return map(work, parts)
        if self._pool is None:
            # Not forked: a lock that another thread holds at that moment would stay locked for ever.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.processes, context, _prepare, (os.getpid(),))
        return self._pool.map(work, parts)


class Ray:
    """Over a Ray cluster: the one that RAY_ADDRESS names, else one that is started on this machine."""

    def __init__(self, processes: int) -> None:
        self.processes = max(1, processes)
        self._ray: Any = None
        self._do: Any = None

    def map(self, work: Callable[[P], R], parts: Sequence[P]) -> Iterator[R]:
        """See ``Spread.map``."""
        if len(parts) < 2:
            return map(work, parts)
        if self._ray is None:
            self._ray, self._do = _start_ray(self.processes)
        pending = [self._do.remote(work, part) for part in parts]
        return map(self._ray.get, pending)


def spread(processes: int, *, scale_out: bool) -> Spread:
    """Where heavy work is done.

    Args:
        processes: parts that are worked on at the same time; 1 keeps them in this process.
        scale_out: whether the store is the scale-out one, whose machines may be many.
    """
    if scale_out and (processes > 1 or "RAY_ADDRESS" in os.environ):
        if importlib.util.find_spec("ray") is not None:
            return Ray(processes)
        logger.warning('heavy work stays on this machine, Ray is missing: pip install "spanloft[scale]"')
    return Processes(processes) if processes > 1 else Here()


def _start_ray(processes: int) -> tuple[Any, Any]:
    # Ray reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = importlib.import_module("ray")
    options: dict[str, Any] = {"ignore_reinit_error": True, "log_to_driver": False}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"num_cpus": processes, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            ray.init(**options)
            break
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            # What did start would be in the way of the next attempt.
            ray.shutdown()
            if attempt == START_ATTEMPTS:
                raise SpanloftError(
                    f"Ray can't be started ({reason}); name a running cluster by RAY_ADDRESS, "
                    "or set SPANLOFT_JOBS_PROCESSES=1"
                ) from error
            logger.warning("Ray did not start, will try again: %s", reason)
            time.sleep(START_PAUSE_S)
    return ray, ray.remote(_work)


def _work(work: Callable[[P], R], part: P) -> R:
    return work(part)


def _prepare(parent: int) -> None:
    # An interrupt from the keyboard reaches all processes; the parent is the one that answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=partial(_end_with, parent), daemon=True).start()


def _end_with(parent: int) -> None:
    """A killed parent can't tell its workers to end."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)
