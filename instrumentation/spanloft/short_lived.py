"""For processes that may be frozen or killed once a function has returned: deliver before it returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from . import core
from ._log import contained

F = TypeVar("F", bound=Callable[..., Any])


def flushing(function: F, timeout: float) -> F:
    """See :func:`spanloft.flush_on_return`."""
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        return cast(F, _generator(function, timeout))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            finally:
                await _flush_aside(timeout)

        return asynchronous  # type: ignore[return-value]

    @functools.wraps(function)
    def synchronous(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        finally:
            core.flush(timeout)

    return synchronous  # type: ignore[return-value]


def _generator(function: Any, timeout: float) -> Any:
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def pieces(*args: Any, **kwargs: Any) -> Any:
            try:
                async for piece in function(*args, **kwargs):
                    yield piece
            finally:
                await _flush_aside(timeout)

        return pieces

    @functools.wraps(function)
    def generated(*args: Any, **kwargs: Any) -> Any:
        try:
            return (yield from function(*args, **kwargs))
        finally:
            core.flush(timeout)

    return generated


async def _flush_aside(timeout: float) -> None:
    """Flushes in a thread, so that the event loop's other tasks go on."""
    import asyncio

    with contained("flushing"):
        await asyncio.to_thread(core.flush, timeout)
