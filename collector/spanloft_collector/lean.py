"""Keeps a process of the collector small and quick: no pandas, which nothing there uses, and no idle collections."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "1048576"}
"""Environment of a process that gives memory back to the system between answers rather than keep it."""

# Up to this size memory that was freed is used again rather than given back: new pages took a tenth of all CPU.
_REUSED_BYTES = 4 * 1024 * 1024
REUSING_ALLOCATOR = {
    **ALLOCATOR,
    "MALLOC_TRIM_THRESHOLD_": str(_REUSED_BYTES),
    "MALLOC_MMAP_THRESHOLD_": str(_REUSED_BYTES),
}
"""The same for one that takes batch after batch of about the same size: it keeps a few MB."""


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Says that there is no pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is kept out of the collector's processes", name=fullname)
        return None


def in_child(function: Callable[..., object], *arguments: object) -> None:
    """Run a function of a module in a process of its own, so that what it loads is gone afterwards.

    Raises:
        OSError: it did not succeed; its traceback went to the log.
    """
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise OSError(f"{function.__name__} ended with code {process.exitcode}")


def without_pandas() -> None:
    """From now on this process cannot import pandas.

    Where pandas is installed, pyarrow imports it at the first list that becomes an array, to see whether the list is
    one of its own: 40 MB in each process.
    """
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


def rare_collections() -> None:
    """From now on look for cyclic garbage rarely, and never among what is there already.

    A batch makes thousands of objects and hardly a cycle: Python's own pace took a quarter of the time of some steps.
    Shared pages of a forked worker stay shared.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def return_memory() -> None:
    """From now on keep little of what was freed: glibc would keep bodies of 1 MB in twenty threads.

    Half of what :data:`REUSING_ALLOCATOR` keeps is enough for these. For a process that already runs; others take it
    from the environment when they start. Source: mallopt(3).
    """
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8
    kept = _REUSED_BYTES // 2
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((arena_max, 2), (trim_threshold, kept), (mmap_threshold, kept)):
            mallopt(parameter, value)
