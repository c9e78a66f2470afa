"""Our logger, and the rule that no error of ours reaches the app: it is logged once per place instead."""

from __future__ import annotations

import logging
from types import TracebackType

logger = logging.getLogger("spanloft")
logger.addHandler(logging.NullHandler())

_seen: set[str] = set()


def warn_once(key: str, message: str, *args: object) -> None:
    """Logs a warning the first time ``key`` is seen in this process, at debug level after that."""
    first = key not in _seen
    _seen.add(key)
    logger.log(logging.WARNING if first else logging.DEBUG, message, *args)


class contained:
    """Runs the block; an exception in it is logged (once per ``what``) and ends there.

    A class, not a generator: it stands on the way of every call, and costs a quarter so.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        warn_once(f"contained {self._what}", "%s failed, the app goes on without it: %r", self._what, error)
        logger.debug("%s failed", self._what, exc_info=error)
        return True
