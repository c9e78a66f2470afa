"""httpx and httpx2, which most LLM SDKs send with: ``Client.send`` and ``AsyncClient.send``."""

from __future__ import annotations

import functools
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .. import Watcher, inside
from ..call import Call


def patch(module: Any, watcher: Watcher) -> Callable[[], None]:
    """Wraps both ``send`` methods."""
    client, async_client = module.Client, module.AsyncClient
    before = (client.send, async_client.send)
    client.send = _sync(module, before[0], watcher)
    async_client.send = _async(module, before[1], watcher)

    def undo() -> None:
        client.send, async_client.send = before

    return undo


def _begin(watcher: Watcher, request: Any) -> Call | None:
    try:
        if not watcher.wanted(request.method):
            return None
        url = request.url
        path = url.raw_path.partition(b"?")[0].decode("ascii", "replace")
        # A request whose body is a stream has no content before it is sent.
        return watcher.begin(url.host, url.port, path, getattr(request, "_content", None))
    except Exception:
        return None


def _sync(module: Any, send: Any, watcher: Watcher) -> Any:
    @functools.wraps(send)
    def watched_send(self: Any, request: Any, **options: Any) -> Any:
        call = _begin(watcher, request)
        if call is None:
            return send(self, request, **options)
        try:
            with inside():
                response = send(self, request, **options)
        except BaseException as error:
            call.fail(error)
            raise
        _take(call, response, _sync_stream(module))
        return response

    return watched_send


def _async(module: Any, send: Any, watcher: Watcher) -> Any:
    @functools.wraps(send)
    async def watched_send(self: Any, request: Any, **options: Any) -> Any:
        call = _begin(watcher, request)
        if call is None:
            return await send(self, request, **options)
        try:
            with inside():
                response = await send(self, request, **options)
        except BaseException as error:
            call.fail(error)
            raise
        _take(call, response, _async_stream(module))
        return response

    return watched_send


def _take(call: Call, response: Any, stream: Any) -> None:
    """Reads an answer that is there, or goes along with one that the app will read."""
    try:
        call.take_head(response.status_code, response.headers)
        if hasattr(response, "_content"):
            call.feed(response._content)
            call.finish()
        else:
            response.stream = stream(response.stream, call)
            weakref.finalize(response, call.finish)
    except Exception:
        call.finish()


@functools.cache
def _sync_stream(module: Any) -> Any:
    class WatchedStream(module.SyncByteStream):  # type: ignore[misc]
        """The response's bytes, seen as the app reads them."""

        def __init__(self, stream: Any, call: Call) -> None:
            self._stream = stream
            self._call = call

        def __iter__(self) -> Iterator[bytes]:
            try:
                for piece in self._stream:
                    self._call.feed(piece)
                    yield piece
            except GeneratorExit:
                raise
            except BaseException as error:
                self._call.fail(error)
                raise
            finally:
                self._call.finish()

        def close(self) -> None:
            try:
                self._stream.close()
            finally:
                self._call.finish()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    return WatchedStream


@functools.cache
def _async_stream(module: Any) -> Any:
    class WatchedStream(module.AsyncByteStream):  # type: ignore[misc]
        """The response's bytes, seen as the app reads them."""

        def __init__(self, stream: Any, call: Call) -> None:
            self._stream = stream
            self._call = call

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for piece in self._stream:
                    self._call.feed(piece)
                    yield piece
            except GeneratorExit:
                raise
            except BaseException as error:
                self._call.fail(error)
                raise
            finally:
                self._call.finish()

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                self._call.finish()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    return WatchedStream
