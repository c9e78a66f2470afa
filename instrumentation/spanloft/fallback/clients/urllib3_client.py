"""urllib3, and with it requests and botocore: ``HTTPConnectionPool.urlopen``."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from .. import Watcher, address, inside
from ..call import Call


def patch(module: Any, watcher: Watcher) -> Callable[[], None]:
    """Wraps ``urlopen``."""
    pool = module.HTTPConnectionPool
    before = pool.urlopen
    pool.urlopen = _urlopen(before, watcher)

    def undo() -> None:
        pool.urlopen = before

    return undo


def _urlopen(urlopen: Any, watcher: Watcher) -> Any:
    @functools.wraps(urlopen)
    def watched_urlopen(self: Any, method: str, url: str, body: Any = None, *arguments: Any, **options: Any) -> Any:
        call = _begin(watcher, self, method, url, body)
        if call is None:
            return urlopen(self, method, url, body, *arguments, **options)
        try:
            with inside():
                response = urlopen(self, method, url, body, *arguments, **options)
        except BaseException as error:
            call.fail(error)
            raise
        _take(call, response)
        return response

    return watched_urlopen


def _begin(watcher: Watcher, pool: Any, method: str, url: str, body: Any) -> Call | None:
    try:
        if not watcher.wanted(method):
            return None
        if url.startswith("http"):  # By way of a proxy.
            host, port, path = address(url)
            return watcher.begin(host, port, path, body)
        default = 443 if pool.scheme == "https" else 80
        return watcher.begin(pool.host, None if pool.port == default else pool.port, url.partition("?")[0], body)
    except Exception:
        return None


def _take(call: Call, response: Any) -> None:
    try:
        call.take_head(response.status, response.headers)
        if getattr(response, "_body", None) is not None:
            call.feed(response._body)
            call.finish()
        else:
            _Reading(response, call)
            weakref.finalize(response, call.finish)
    except Exception:
        call.finish()


class _Reading:
    """Stands before the methods by which a response is read; they use each other, and only the outermost counts."""

    def __init__(self, response: Any, call: Call) -> None:
        self._call = call
        self._inner = False
        for name in ("read", "read1", "stream", "read_chunked", "close", "release_conn"):
            method = getattr(response, name, None)
            if method is not None:
                setattr(response, name, getattr(self, f"_{name}")(method))

    def _read(self, read: Any) -> Any:
        @functools.wraps(read)
        def watched(*arguments: Any, **options: Any) -> Any:
            if self._inner:
                return read(*arguments, **options)
            with self._entered():
                data = read(*arguments, **options)
            amount = arguments[0] if arguments else options.get("amt")
            self._call.feed(data)
            if not data and amount != 0 or amount is None:
                self._call.finish()
            return data

        return watched

    _read1 = _read

    def _stream(self, stream: Any) -> Any:
        @functools.wraps(stream)
        def watched(*arguments: Any, **options: Any) -> Iterator[bytes]:
            pieces = stream(*arguments, **options)
            if self._inner:
                yield from pieces
                return
            while True:
                try:
                    with self._entered():
                        piece = next(pieces)
                except StopIteration:
                    break
                self._call.feed(piece)
                yield piece
            self._call.finish()

        return watched

    _read_chunked = _stream

    def _close(self, close: Any) -> Any:
        @functools.wraps(close)
        def watched(*arguments: Any, **options: Any) -> Any:
            result = close(*arguments, **options)
            # Reading to the end closes the response from within, before the last piece was seen.
            if not self._inner:
                self._call.finish()
            return result

        return watched

    _release_conn = _close

    def _entered(self) -> _Entered:
        return _Entered(self)


class _Entered:
    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def __enter__(self) -> None:
        self._reading._inner = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._reading._inner = False
        if error is not None and not isinstance(error, StopIteration):
            self._reading._call.fail(error)
