"""aiohttp: ``ClientSession._request``, which every method of a session goes through."""

from __future__ import annotations

import functools
import json
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

from .. import Watcher, inside
from ..call import Call
from ..endpoints import ENDINGS

_WHOLE = frozenset({"read", "readany", "readexactly", "readline", "readuntil", "read_nowait"})
_ITERATORS = frozenset({"iter_any", "iter_chunked", "iter_chunks"})


def patch(module: Any, watcher: Watcher) -> Callable[[], None]:
    """Wraps ``_request``."""
    session = module.ClientSession
    before = session._request
    session._request = _request(before, watcher)

    def undo() -> None:
        session._request = before

    return undo


def _request(request: Any, watcher: Watcher) -> Any:
    @functools.wraps(request)
    async def watched_request(self: Any, method: str, url: Any, **options: Any) -> Any:
        call = _begin(watcher, self, method, url, options)
        if call is None:
            return await request(self, method, url, **options)
        try:
            with inside():
                response = await request(self, method, url, **options)
        except BaseException as error:
            call.fail(error)
            raise
        try:
            call.take_head(response.status, response.headers)
            response.content = _WatchedContent(response.content, call)
            for name in ("close", "release"):
                setattr(response, name, _closing(getattr(response, name), call))
            weakref.finalize(response, call.finish)
        except Exception:
            call.finish()
        return response

    return watched_request


def _begin(watcher: Watcher, session: Any, method: str, url: Any, options: dict[str, Any]) -> Call | None:
    try:
        if not watcher.wanted(method.upper()):
            return None
        full = session._build_url(url)
        body = options.get("data")
        if options.get("json") is not None and full.raw_path.endswith(ENDINGS):
            # Written a second time, for us alone; aiohttp's copy comes too late.
            body = json.dumps(options["json"], default=str)
        return watcher.begin(full.host or "", _port(full), full.raw_path, body)
    except Exception:
        return None


def _closing(close: Any, call: Call) -> Any:
    @functools.wraps(close)
    def watched_close() -> Any:
        try:
            return close()
        finally:
            call.finish()

    return watched_close


def _port(url: Any) -> int | None:
    return None if url.is_default_port() else url.port


class _WatchedContent:
    """The response's ``StreamReader``, seen as the app reads it."""

    def __init__(self, content: Any, call: Call) -> None:
        self._content = content
        self._call = call

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._content, name)
        if name in _WHOLE:
            return self._reading(value, name)
        if name in _ITERATORS:
            return lambda *arguments: self._iterate(value(*arguments))
        return value

    def _reading(self, read: Any, name: str) -> Any:
        if name == "read_nowait":

            def read_nowait(*arguments: Any) -> bytes:
                data: bytes = read(*arguments)
                self._seen(data)
                return data

            return read_nowait

        async def watched(*arguments: Any, **options: Any) -> bytes:
            try:
                data: bytes = await read(*arguments, **options)
            except BaseException as error:
                self._call.fail(error)
                raise
            self._seen(data)
            return data

        return watched

    async def readchunk(self) -> tuple[bytes, bool]:
        """As aiohttp's, which gives the bytes and whether an HTTP chunk ended."""
        data, end = await self._content.readchunk()
        self._seen(data)
        return data, end

    def _seen(self, data: bytes) -> None:
        self._call.feed(data)
        if self._content.at_eof():
            self._call.finish()

    async def _iterate(self, pieces: Any) -> AsyncIterator[Any]:
        try:
            async for piece in pieces:
                self._call.feed(piece[0] if isinstance(piece, tuple) else piece)
                yield piece
        except GeneratorExit:
            raise  # The app may go on reading later.
        except BaseException as error:
            self._call.fail(error)
            raise
        if self._content.at_eof():
            self._call.finish()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate(self._content)
