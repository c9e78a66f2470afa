"""Our logger, and the rule that no error of ours reaches the app: it is logged once per place instead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("spanloft")
logger.addHandler(logging.NullHandler())

_seen: set[str] = set()


def warn_once(key: str, message: str, *args: object) -> None:
    """Logs a warning the first time ``key`` is seen in this process, at debug level after that."""
    first = key not in _seen
    _seen.add(key)
    logger.log(logging.WARNING if first else logging.DEBUG, message, *args)


@contextmanager
def contained(what: str) -> Iterator[None]:
    """Runs the block; an exception in it is logged (once per ``what``) and ends there."""
    try:
        yield
    except Exception as error:
        warn_once(f"contained {what}", "%s failed, the app goes on without it: %r", what, error)
        logger.debug("%s failed", what, exc_info=True)
