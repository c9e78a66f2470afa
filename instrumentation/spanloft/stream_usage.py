"""``SPANLOFT_STREAM_USAGE=1``: streamed chat completions of the openai SDK report their token usage.

OpenAI-compatible servers send the usage of a stream only when asked, in a last chunk whose ``choices`` are empty, which
breaks apps that read ``choices[0]`` of every chunk. Here the server is asked, the instrumentor sees that chunk, and
the app does not, unless it asked itself. A server that refuses the question is asked without it, and not again.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from weakref import WeakSet

import wrapt

from ._log import warn_once

_RAW = "x-stainless-raw-response"
_undo: list[Callable[[], None]] = []
_refusing: WeakSet[Any] = WeakSet()


def install() -> None:
    """Wraps ``chat.completions.create``, outside of what an instrumentor put there; :func:`remove` undoes it."""
    if _undo:
        return
    from openai.resources.chat.completions import AsyncCompletions, Completions

    for owner, wrap in ((Completions, _sync), (AsyncCompletions, _async)):
        before = vars(owner)["create"]
        setattr(owner, "create", wrap(before))  # noqa: B010 - mypy forbids assigning a method
        _undo.append(functools.partial(setattr, owner, "create", before))


def remove() -> None:
    """Puts back what was there."""
    while _undo:
        _undo.pop()()


def _sync(before: Any) -> Callable[..., Any]:
    @functools.wraps(before)
    def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = before.__get__(self, type(self))
        asking = _asking(self, kwargs)
        if asking is None:
            return call(*args, **kwargs)
        try:
            return _UsageHidden(call(*args, **asking))
        except Exception as error:
            if not _refused(self, error):
                raise
        return call(*args, **kwargs)

    return create


def _async(before: Any) -> Callable[..., Any]:
    @functools.wraps(before)
    async def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = before.__get__(self, type(self))
        asking = _asking(self, kwargs)
        if asking is None:
            return await call(*args, **kwargs)
        try:
            return _AsyncUsageHidden(await call(*args, **asking))
        except Exception as error:
            if not _refused(self, error):
                raise
        return await call(*args, **kwargs)

    return create


def _asking(resource: Any, kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments with the question for usage, or ``None`` for a call that is none of ours to change."""
    if not _undo or kwargs.get("stream") is not True or resource._client in _refusing:
        return None
    headers = kwargs.get("extra_headers")
    if headers and any(str(name).lower() == _RAW for name in headers):
        return None
    options = kwargs.get("stream_options")
    if isinstance(options, dict):
        if "include_usage" in options:
            return None
        return {**kwargs, "stream_options": {**options, "include_usage": True}}
    # The SDK's own marks for "not given" are falsy objects.
    return None if options else {**kwargs, "stream_options": {"include_usage": True}}


def _refused(resource: Any, error: Exception) -> bool:
    """Whether the server does not know ``stream_options``: then this client asks no more."""
    if getattr(error, "status_code", None) not in (400, 422) or "stream_options" not in str(error):
        return False
    _refusing.add(resource._client)
    warn_once("stream usage", "%s does not take stream_options: no usage of its streams", resource._client.base_url)
    return True


def _is_usage(chunk: Any) -> bool:
    """Whether this is the chunk that came only because we asked."""
    return getattr(chunk, "choices", None) == [] and getattr(chunk, "usage", None) is not None


class _UsageHidden(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """The stream without the chunk that has the usage and no choices."""

    def __iter__(self) -> Iterator[Any]:
        for chunk in self.__wrapped__:
            if not _is_usage(chunk):
                yield chunk

    def __next__(self) -> Any:
        chunk = next(self.__wrapped__)
        while _is_usage(chunk):
            chunk = next(self.__wrapped__)
        return chunk

    def __enter__(self) -> Any:
        self.__wrapped__.__enter__()
        return self


class _AsyncUsageHidden(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """As :class:`_UsageHidden`, asynchronous."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self.__wrapped__:
            if not _is_usage(chunk):
                yield chunk

    async def __anext__(self) -> Any:
        chunk = await self.__wrapped__.__anext__()
        while _is_usage(chunk):
            chunk = await self.__wrapped__.__anext__()
        return chunk

    async def __aenter__(self) -> Any:
        await self.__wrapped__.__aenter__()
        return self
