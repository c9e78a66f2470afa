"""Carries the current span and ``spanloft.context`` into threads, pools and child processes.

asyncio tasks and ``fork`` inherit them anyway. Wrapped are ``Thread.start``, ``ThreadPoolExecutor.submit``,
``subprocess.Popen`` and, once multiprocessing is imported, its processes and pools. Without a context to carry, each
costs one comparison.
"""

from __future__ import annotations

import functools
import inspect
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current

from ._log import contained
from .carrier import CarriedCall, Carrier, lasting, picklable, to_environment
from .import_hook import ImportHook

_POOL_WORKERS = "concurrent.futures.thread"
_OWN = ("spanloft", "OtelBatch", "OtelPeriodic")
_POPEN_ENV = list(inspect.signature(subprocess.Popen.__init__).parameters).index("env")


class Propagation:
    """The wrappers, from :meth:`start` to :meth:`stop`.

    ``arguments`` are those of ``instrument()`` for child processes; ``None`` leaves these uninstrumented.
    """

    def __init__(self, arguments: Mapping[str, Any] | None) -> None:
        self._arguments = arguments
        self._hook = ImportHook()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Wraps what there is, and multiprocessing when it is imported."""
        self._wrap(threading.Thread, "start", _start_thread)
        self._wrap(ThreadPoolExecutor, "submit", _submit)
        self._wrap(subprocess.Popen, "__init__", _popen)
        self._hook.watch("multiprocessing.process", self._wrap_processes)
        self._hook.watch("multiprocessing.pool", self._wrap_pools)
        self._hook.watch("concurrent.futures.process", self._wrap_executor)

    def stop(self) -> None:
        """Takes the wrappers out."""
        self._hook.remove()
        while self._undo:
            self._undo.pop()()

    def _wrap(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        before = vars(owner)[name]
        wrapper = functools.wraps(before)(wrap(before))
        setattr(owner, name, wrapper)

        def undo() -> None:
            # Somebody may have wrapped it again meanwhile: then ours stays, and does what the original does.
            if vars(owner).get(name) is wrapper:
                setattr(owner, name, before)

        self._undo.append(undo)

    def _wrap_processes(self) -> None:
        from multiprocessing.process import BaseProcess

        def wrap(start: Any) -> Any:
            def start_process(process: Any) -> Any:
                with contained("carrying the context into a process"):
                    carrier = Carrier(self._arguments)
                    # Pickled with the process where it is spawned, which instruments the child before it runs.
                    if picklable(carrier):
                        process.run = _Run(process, carrier)
                return start(process)

            return start_process

        self._wrap(BaseProcess, "start", wrap)

    def _wrap_executor(self) -> None:
        from concurrent.futures.process import ProcessPoolExecutor

        self._wrap(ProcessPoolExecutor, "submit", self._carried)

    def _wrap_pools(self) -> None:
        from multiprocessing.pool import Pool

        for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
            self._wrap(Pool, name, self._carried)

    def _carried(self, method: Any) -> Any:
        """A method of a pool of processes whose first argument is the function to run there."""

        def carried(pool: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
            with contained("carrying the context into a pool"):
                carrier = Carrier(self._arguments)
                if carrier and picklable(carrier):
                    function = CarriedCall(function, carrier)
            return method(pool, function, *args, **kwargs)

        return carried


class _Run:
    """A process's ``run`` in the carried context. A forked child has that context anyway."""

    def __init__(self, process: Any, carrier: Carrier) -> None:
        self._process = process
        self._carrier = carrier

    def __call__(self) -> None:
        token = None
        with contained("taking up a context"):
            token = self._carrier.attach() if self._carrier else None
        try:
            type(self._process).run(self._process)
        finally:
            if token is not None:
                detach(token)


def _start_thread(start: Any) -> Any:
    def start_thread(thread: threading.Thread) -> None:
        context = get_current()
        if context:
            with contained("carrying the context into a thread"):
                target = getattr(thread, "_target", None)
                # A pool's worker outlives the call that started it: it is given a context with each task.
                if not thread.name.startswith(_OWN) and getattr(target, "__module__", "") != _POOL_WORKERS:
                    run = thread.run

                    def run_in_context() -> None:
                        vars(thread).pop("run", None)
                        _run_in(lasting(context), run)

                    thread.run = run_in_context  # type: ignore[method-assign]
        start(thread)

    return start_thread


def _submit(submit: Any) -> Any:
    def submit_with_context(pool: ThreadPoolExecutor, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        context = get_current()
        if not context:
            return submit(pool, function, *args, **kwargs)
        return submit(pool, functools.partial(_run_in, context, function), *args, **kwargs)

    return submit_with_context


def _run_in(context: Context, function: Any, *args: Any, **kwargs: Any) -> Any:
    token = attach(context)
    try:
        return function(*args, **kwargs)
    finally:
        detach(token)


def _popen(init: Any) -> Any:
    def popen(process: Any, *args: Any, **kwargs: Any) -> None:
        with contained("carrying the context into a subprocess"):
            if len(args) < _POPEN_ENV and (variables := to_environment()):
                given = kwargs.get("env")
                kwargs["env"] = {**(os.environ if given is None else given), **variables}
        init(process, *args, **kwargs)

    return popen
