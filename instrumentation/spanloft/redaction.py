"""Takes secrets and personal data out of spans as they end, before any processor or exporter sees them.

Three means, in this order: whole fields by name, the patterns of ``redaction_patterns``, a function of the user's. What
cannot be redacted is replaced by a marker: neither is the span lost nor does the text leave.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Status

from ._log import warn_once
from .redaction_patterns import Pattern, named

REDACTED = "[REDACTED]"
FAILED = "[REDACTION FAILED]"
_DEEPEST = 60
_ESCAPE = re.compile(r"(\\(?:u[0-9a-fA-F]{4}|.))", re.DOTALL)
_SMALLEST_NUMBER = 10**11

RedactFunction = Callable[[str, str], "str | None"]
"""``(key, text) -> text``: ``key`` is the attribute's name. ``None`` takes the whole text out."""


class Redactor:
    """What to take out. ``fields`` are names of attributes, ``*`` stands for any characters."""

    def __init__(
        self,
        patterns: Sequence[Pattern] = (),
        fields: Sequence[str] = (),
        function: RedactFunction | None = None,
    ) -> None:
        self._patterns = tuple(patterns)
        self._fields = re.compile("|".join(map(fnmatch.translate, fields))) if fields else None
        self._function = function
        self.hides = lru_cache(4096)(self._hides)

    def _hides(self, key: str) -> bool:
        return self._fields is not None and self._fields.match(key) is not None

    def attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """A copy without what is to be taken out; never raises."""
        return {key: self.value(key, value) for key, value in attributes.items()}

    def value(self, key: str, value: Any) -> Any:
        """An attribute's value, redacted; :data:`FAILED` if that went wrong."""
        if self.hides(key):
            return REDACTED
        try:
            return self._walk(key, value, 0)
        except Exception as error:
            warn_once(f"redact {key}", "redacting %s failed, a marker takes its place: %r", key, error)
            return FAILED

    def _walk(self, key: str, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if isinstance(value, str):
            return self._text(key, value, depth)
        if isinstance(value, bytes):
            text = value.decode("utf-8", "surrogateescape")
            clean = self._text(key, text, depth)
            return value if clean == text else clean.encode("utf-8", "surrogateescape")
        if isinstance(value, Mapping):
            return {self._plain(key, str(name)): self._walk(key, inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._walk(key, inner, depth + 1) for inner in value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SMALLEST_NUMBER:
            clean = self._plain(key, str(value))
            return value if clean == str(value) else clean
        return value

    def _text(self, key: str, text: str, depth: int) -> str:
        if text.lstrip()[:1] in ("{", "[", '"') and not self._clean_as_it_is(text):
            # Inside of JSON a match must neither start in an escape nor end beyond a string.
            try:
                parsed = json.loads(text)
            except (ValueError, RecursionError):
                # Cut off, or a Python repr: as it is, then between its escapes, which hide where a word begins.
                pieces = _ESCAPE.split(self._plain(key, text))
                return (
                    "".join(p if at % 2 else self._plain(key, p) for at, p in enumerate(pieces))
                    if len(pieces) > 1
                    else pieces[0]
                )
            walked = self._walk(key, parsed, depth + 1)
            return text if walked == parsed else json.dumps(walked, ensure_ascii=False, separators=(",", ":"))
        return self._plain(key, text)

    def _between_escapes(self, key: str, text: str) -> str:
        pieces = _ESCAPE.split(text)
        return "".join(p if at % 2 or not p else self._plain(key, p) for at, p in enumerate(pieces))

    def _clean_as_it_is(self, text: str) -> bool:
        """Whether JSON need not be read: nothing in it matches, and there is no escape to hide something."""
        if self._function is not None or "\\" in text:
            return False
        return not any(_may_match(pattern, text) and pattern.regex.search(text) for pattern in self._patterns)

    def _plain(self, key: str, text: str) -> str:
        for pattern in self._patterns:
            if _may_match(pattern, text):
                text = pattern.regex.sub(lambda match, pattern=pattern: _replace(match, pattern), text)  # type: ignore[misc]
        if self._function is None:
            return text
        clean = self._function(key, text)
        if clean is None:
            return REDACTED
        if not isinstance(clean, str):
            raise TypeError(f"the redact function returned {type(clean).__name__}, not text")
        return clean


def make_redactor(
    given: RedactFunction | str | Iterable[str] | None, names: str, fields: Sequence[str]
) -> Redactor | None:
    """The redactor of ``instrument(redact=given)`` and of the environment's names and fields; ``None`` without any.

    Names that nobody knows are logged, and everything known is taken out: who asked for more must not get less.
    """
    function = None
    if isinstance(given, str):
        names = given
    elif callable(given):
        function = given
    elif given is not None:
        names = ",".join(given)
    try:
        patterns = named(names)
    except ValueError as error:
        warn_once("redact names", "redaction by all patterns, because of %s", error)
        patterns = named("all")
    return Redactor(patterns, fields, function) if patterns or fields or function is not None else None


class RedactingProcessor(SpanProcessor):
    """Redacts each span at its end. All processors, also those of the app, are given the redacted span."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def _on_ending(self, span: Span) -> None:
        try:
            self._redact(span)
        except Exception as error:
            warn_once("redact span", "redacting a span failed, it goes without its attributes: %r", error)
            _strip(span)

    def _redact(self, span: Span) -> None:
        redactor = self._redactor
        span._name = redactor.value("name", span._name)
        span._attributes = _bounded(redactor.attributes(span._attributes or {}), span._attributes)
        for holder in _holders(span):
            if holder.attributes:
                holder._attributes = _bounded(redactor.attributes(holder.attributes), holder._attributes)
        status = span._status
        if status is not None and status.description:
            span._status = Status(status.status_code, redactor.value("status.message", status.description))

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do: it is done."""

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to do."""
        return True


def _holders(span: Any) -> tuple[Any, ...]:
    return (*span._events, *span._links)


def _strip(span: Any) -> None:
    span._name = FAILED
    span._attributes = _bounded(dict.fromkeys(span._attributes or {}, FAILED), None)
    for holder in _holders(span):
        holder._attributes = _bounded(dict.fromkeys(holder._attributes or {}, FAILED), None)
    if span._status is not None and span._status.description:
        span._status = Status(span._status.status_code, FAILED)


def _bounded(attributes: dict[str, Any], before: Any) -> BoundedAttributes:
    bounded = BoundedAttributes(attributes=attributes, immutable=True)
    bounded.dropped = getattr(before, "dropped", 0)
    return bounded


def _may_match(pattern: Pattern, text: str) -> bool:
    return not pattern.hints or any(hint in text for hint in pattern.hints)


def _replace(match: re.Match[str], pattern: Pattern) -> str:
    found = match.group()
    return found if pattern.check is not None and not pattern.check(found) else pattern.marker
