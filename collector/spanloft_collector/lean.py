"""Keeps a process of the collector small and quick: no pandas, which nothing there uses, and no idle collections."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Says that there is no pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is kept out of the collector's processes", name=fullname)
        return None


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
