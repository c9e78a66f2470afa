"""``spanloft.context(...)``: who a call was made for, stamped on every span started inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ContextDecorator
from contextvars import Token
from types import TracebackType

from opentelemetry.context import Context, attach, detach, get_value, set_value
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.util.types import AttributeValue

_KEY = "spanloft.stamp"

Prompt = str | tuple[str, str | int] | Mapping[str, str | int]


class StampContext(ContextDecorator):
    """Stamps all spans started inside the block, in this thread or task and in those that inherit its context.

    Args:
        user: end user, ``user.id``.
        session: session or conversation, ``session.id`` and ``gen_ai.conversation.id``.
        tags: free labels, ``spanloft.tags``; inner blocks add to the outer ones.
        prompt: prompt template: its name, ``(name, version)`` or ``{"name": ..., "version": ...}``.

    Inner blocks override what they set and keep the rest. Works as a decorator too, also around ``await``.
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        session: str | None = None,
        tags: Iterable[str] | None = None,
        prompt: Prompt | None = None,
    ) -> None:
        stamp: dict[str, AttributeValue] = {}
        if user is not None:
            stamp["user.id"] = str(user)
        if session is not None:
            stamp["session.id"] = stamp["gen_ai.conversation.id"] = str(session)
        if prompt is not None:
            name, version = _name_and_version(prompt)
            stamp["gen_ai.prompt.name"] = name
            if version is not None:
                stamp["gen_ai.prompt.version"] = version
        self._stamp = stamp
        self._tags = (tags,) if isinstance(tags, str) else tuple(map(str, tags or ()))
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> StampContext:
        outer = current_stamp()
        stamp = {**outer, **self._stamp}
        if self._tags:
            stamp["spanloft.tags"] = tuple(dict.fromkeys((*_tags_of(outer), *self._tags)))
        self._tokens.append(attach(set_value(_KEY, stamp)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._tokens.pop())

    def _recreate_cm(self) -> StampContext:
        copy = StampContext(tags=self._tags)
        copy._stamp = self._stamp
        return copy


class StampProcessor(SpanProcessor):
    """Writes the stamp of the surrounding ``spanloft.context`` on each span as it starts."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamps the span; an explicit parent without a stamp falls back to the current context."""
        stamp = current_stamp(parent_context)
        if stamp:
            span.set_attributes(stamp)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do."""

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to do."""
        return True


def current_stamp(context: Context | None = None) -> Mapping[str, AttributeValue]:
    """The attributes that a span started now would get."""
    value = get_value(_KEY, context)
    if value is None and context is not None:
        value = get_value(_KEY)
    return value if isinstance(value, Mapping) else {}


def with_stamp(stamp: Mapping[str, AttributeValue], context: Context | None = None) -> Context:
    """A context in which spans get these attributes."""
    return set_value(_KEY, stamp, context)


def _tags_of(stamp: Mapping[str, AttributeValue]) -> tuple[str, ...]:
    tags = stamp.get("spanloft.tags", ())
    return tuple(map(str, tags)) if isinstance(tags, tuple) else ()


def _name_and_version(prompt: Prompt) -> tuple[str, str | None]:
    if isinstance(prompt, str):
        return prompt, None
    if isinstance(prompt, Mapping):
        version = prompt.get("version")
        return str(prompt["name"]), None if version is None else str(version)
    name, version = prompt
    return str(name), str(version)
