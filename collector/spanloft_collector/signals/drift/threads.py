"""Keeps the matrix products of a verdict on one thread.

A window is small: a second thread of the BLAS spends more time waiting for its work, which counts as processor time,
than working. On a machine that is busy with other things it more than doubled the processor time of a window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """``work``, with the BLAS on one thread while it runs; other threads of the process feel it, too."""

    @wraps(work)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        with _pools().limit(limits=1, user_api="blas"):
            return work(*args, **kwargs)

    return bounded


@cache
def _pools() -> ThreadpoolController:
    # Looked for once, when numpy and scipy have loaded theirs.
    return ThreadpoolController()
