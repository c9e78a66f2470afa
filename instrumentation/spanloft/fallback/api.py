"""What the fallback knows of one HTTP API: how to read its request, its answer and the pieces of its streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry.util.types import AttributeValue

from .parts import Message, chat_message, dumps, tools_of

Body = dict[str, Any]
Attributes = dict[str, AttributeValue]

LONGEST_TEXT = 1_000_000
"""Characters of a streamed answer that are kept; the rest is counted by the provider, not by us."""


class Chunks(Protocol):
    """Puts the pieces of a stream together to the body that the same call would have had without streaming."""

    def add(self, event: Body) -> bool:
        """Takes one event; ``False`` if it is none of this API's."""

    def body(self) -> Body:
        """The whole answer so far."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API. ``request`` and ``answer`` give ``None`` for a body that is not of its shape.

    Their second argument is whether message texts are recorded.
    """

    operation: str
    request: Callable[[Body, bool], Attributes | None]
    answer: Callable[[Body, bool], Attributes | None]
    chunks: Callable[[], Chunks]


def copy_known(target: Attributes, source: Any, names: Mapping[str, str]) -> None:
    """Copies numbers and texts under the conventions' names."""
    if isinstance(source, dict):
        for key, name in names.items():
            value = source.get(key)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
                target.setdefault(name, value)


def count(source: Any, *path: str) -> int | None:
    """A number of tokens, or ``None`` if there is no such number."""
    for key in path:
        source = source.get(key) if isinstance(source, dict) else None
    if isinstance(source, float) and source.is_integer():
        source = int(source)
    return source if isinstance(source, int) and not isinstance(source, bool) and source >= 0 else None


def set_usage(
    target: Attributes,
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    reasoning: int | None = None,
) -> None:
    """Writes token counts: the totals whenever known, parts of them unless they are 0."""
    if input_tokens is not None:
        target["gen_ai.usage.input_tokens"] = input_tokens
    if output_tokens is not None:
        target["gen_ai.usage.output_tokens"] = output_tokens
    for name, value in (
        ("cache_read.input_tokens", cache_read),
        ("cache_write.input_tokens", cache_write),
        ("reasoning.output_tokens", reasoning),
    ):
        if value:
            target[f"gen_ai.usage.{name}"] = value


def set_messages(target: Attributes, name: str, messages: list[Message]) -> None:
    """Writes messages as JSON, if there are any."""
    if messages:
        target[name] = dumps(messages)


def set_input(target: Attributes, messages: Any, system: Any = None, tools: Any = None) -> None:
    """Writes what was sent: messages (dicts with role and content), system prompt parts, tool definitions."""
    from .parts import parts_of

    set_messages(target, "gen_ai.input.messages", [chat_message(m) for m in messages or ()])
    if instructions := parts_of(system):
        target["gen_ai.system_instructions"] = dumps(instructions)
    if definitions := tools_of(tools):
        target["gen_ai.tool.definitions"] = dumps(definitions)


class Texts:
    """Pieces of text up to :data:`LONGEST_TEXT` characters."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, piece: Any) -> None:
        """Appends a piece; what is no text is left out."""
        if isinstance(piece, str) and piece and self._length < LONGEST_TEXT:
            self._pieces.append(piece[: LONGEST_TEXT - self._length])
            self._length += len(piece)

    def __str__(self) -> str:
        return "".join(self._pieces)

    def __bool__(self) -> bool:
        return bool(self._pieces)
