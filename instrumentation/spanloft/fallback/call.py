"""One HTTP request that looks like an LLM call: watched while the app reads the answer, then written as a span.

The span is made at the end, with the start that it had: until then nobody can know whether the answer is one of an
LLM, or whether an instrumentor reports the same call.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.util.types import AttributeValue

from .._log import contained, logger
from .api import Attributes, Body, Chunks
from .endpoints import Endpoint
from .streams import Inflater, LineSplitter, Splitter, splitter_for

LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of a request whose messages are recorded; of a larger one just the model is."""
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that comes as a whole and is still read."""

_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,200})"')
_ERROR_CHARS = 500


class Call:
    """A watched request. No method raises, and each may be called more often or later than it should.

    ``finished`` is called once, with the call and whether it turned out to be one of an LLM.
    """

    def __init__(self, endpoint: Endpoint, content: bool, finished: Callable[[Call, bool], None]) -> None:
        self.endpoint = endpoint
        self.context: Context = get_current()
        self.start_ns = time.time_ns()
        self.end_ns = 0
        self.attributes: Attributes = {}
        self.error: tuple[str, str] | None = None
        """The error's type and its message, if the call failed."""
        self._content = content
        self._finished = finished
        self._verified = False
        self._status = 0
        self._splitter: Splitter | None = None
        self._chunks: Chunks | None = None
        self._recognised = False
        self._whole: bytearray | None = bytearray()
        self._inflater = Inflater("")
        self._done = False
        self._lock = threading.Lock()

    # --- the request ------------------------------------------------------------------------------------------

    def take_request(self, body: bytes | str | None) -> bool:
        """Reads the request's body; ``None`` if it is a stream, which is the app's. ``False``: no LLM call."""
        self.attributes = {"gen_ai.operation.name": self.endpoint.api.operation}
        if body is not None:
            read = self._read_request(body.encode() if isinstance(body, str) else body)
            if read is None:
                return False
            self.attributes.update(read)
        if self.endpoint.model is not None:
            self.attributes.setdefault("gen_ai.request.model", self.endpoint.model)
            if "embed" in self.endpoint.model:
                self.attributes["gen_ai.operation.name"] = "embeddings"
        if self.endpoint.streams:
            self.attributes["gen_ai.request.stream"] = True
        return True

    def _read_request(self, body: bytes) -> Attributes | None:
        if len(body) > LARGEST_REQUEST:
            ends = body[:65536] + b" " + body[-65536:]
            model = _MODEL.search(ends)
            return {"gen_ai.request.model": str(model[1], "utf-8", "replace")} if model else {}
        parsed = _json(body)
        if not isinstance(parsed, dict):
            return None
        read = self.endpoint.api.request(parsed, self._content)
        self._verified = read is not None and ("gen_ai.request.model" in read or self.endpoint.model is not None)
        return read

    # --- the answer -------------------------------------------------------------------------------------------

    def take_head(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer began: its status and headers (names in any case)."""
        with contained("reading the head of an LLM answer"):
            self._status = status
            known = {str(name).lower(): str(value) for name, value in headers.items()}
            self._inflater = Inflater(known.get("content-encoding", ""))
            if status < 400:
                self._splitter = splitter_for(known.get("content-type", ""))

    def feed(self, data: bytes) -> None:
        """A piece of the answer's body, as the app reads it."""
        if self._done or not data:
            return
        with contained("reading a piece of an LLM answer"):
            if "gen_ai.response.time_to_first_chunk" not in self.attributes and self._splitter is not None:
                since = (time.time_ns() - self.start_ns) / 1e9
                self.attributes["gen_ai.response.time_to_first_chunk"] = since
            data = self._inflater.feed(bytes(data))
            if self._splitter is not None:
                self._add_events(data)
            elif self._whole is not None:
                self._whole += data
                if len(self._whole) > LARGEST_ANSWER:
                    self._whole = None

    def _add_events(self, data: bytes) -> None:
        assert self._splitter is not None
        if self._chunks is None:
            self._chunks = self.endpoint.api.chunks()
        for event in self._splitter.feed(data):
            self._recognised |= self._chunks.add(event)

    def fail(self, error: BaseException) -> None:
        """The request, or reading its answer, raised an exception; the app gets it."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self.error = (name, str(error)[:_ERROR_CHARS])
        self.finish()

    def finish(self) -> None:
        """The answer was read, or closed before its end."""
        with self._lock:
            if self._done:
                return
            self._done = True
        self.end_ns = time.time_ns()
        with contained("recording an LLM call"):
            self._finished(self, self._conclude())

    # --- the conclusion ---------------------------------------------------------------------------------------

    def _conclude(self) -> bool:
        """Whether this was an LLM call; its attributes are complete then."""
        answer = self._answer()
        read = self.endpoint.api.answer(answer, self._content) if self._status < 400 and answer is not None else None
        if read is not None:
            self.attributes.update(read)
        elif not (self._verified and (self._status >= 400 or self.error or self.endpoint.known)):
            logger.debug("no LLM call after all: %s %s", self.endpoint.host, self._status)
            return False
        if self.error is None:
            self.error = self._reported_error(answer)
        self.attributes["gen_ai.provider.name"] = self.endpoint.provider
        self.attributes["server.address"] = self.endpoint.host
        if self.endpoint.port not in (None, 443, 80):
            self.attributes["server.port"] = self.endpoint.port
        self._whole = None
        return True

    def _answer(self) -> Body | None:
        if self._splitter is not None:
            self._add_events(b"")
            return self._chunks.body() if self._chunks is not None and self._recognised else None
        if not self._whole:
            return None
        parsed = _json(bytes(self._whole))
        if isinstance(parsed, dict):
            return parsed
        # Google streams a JSON array; some servers stream without saying so.
        chunks = self.endpoint.api.chunks()
        events = parsed if isinstance(parsed, list) else LineSplitter().feed(bytes(self._whole) + b"\n")
        seen = [chunks.add(event) for event in events if isinstance(event, dict)]
        return chunks.body() if any(seen) else None

    def _reported_error(self, answer: Any) -> tuple[str, str] | None:
        inner = answer[0] if isinstance(answer, list) and answer else answer
        said = inner.get("error") or inner.get("message") if isinstance(inner, dict) else None
        if self._status >= 400:
            message = said.get("message") if isinstance(said, dict) else said
            return str(self._status), str(message or f"HTTP {self._status}")[:_ERROR_CHARS]
        if isinstance(inner, dict) and inner.get("error"):
            error = inner["error"]
            kind = error.get("type") or error.get("code") if isinstance(error, dict) else None
            message = error.get("message") if isinstance(error, dict) else error
            return str(kind or "error"), str(message or "")[:_ERROR_CHARS]
        return None

    @property
    def name(self) -> str:
        """The span's name: operation and model."""
        model = self.attributes.get("gen_ai.request.model") or self.attributes.get("gen_ai.response.model") or ""
        return f"{self.attributes['gen_ai.operation.name']!s} {model!s}".rstrip()

    def value(self, name: str) -> AttributeValue | None:
        """An attribute of the call."""
        return self.attributes.get(name)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
