"""Content attributes of a span, read once: what their column holds, whether the text moves there, what a list shows.

``rows`` says the same span by span, with the dialect's whole result at hand; a test compares both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spanloft_collector.dialects.messages import documents
from spanloft_collector.dialects.rules import says_something
from spanloft_collector.dialects.values import as_json
from spanloft_collector.pipeline.preview import message_preview, shorten
from spanloft_collector.pipeline.rows import document_preview, dump, says
from spanloft_collector.wire import compact, plain_documents, plain_messages

_REASONS = frozenset({"stop", "length", "tool_call", "content_filter", "error"})
"""Finish reasons that are spelt as their column has them."""


Content = tuple[str | None, bool, str | None, str | None]
"""What a content attribute says: JSON for its column, whether that is the attribute's own text, so that it need not be
stored twice; its preview, and the finish reason. A plain tuple: there are two or three for every span."""

NOTHING: Content = (None, False, None, None)
Reader = Callable[[Any], Content]


def messages_reader(coerce: Callable[[Any], Any], *, last: bool) -> Reader:
    """Reader of messages; the preview is of the last message or of the first."""

    def read(value: Any) -> Content:
        if type(value) is str and (plain := plain_messages(value, last)) is not None:
            head, reason, done = plain
            preview = head if done else shorten(head)
            # The scanner knows neither blanks nor spellings: what is not settled by what it found is read in full.
            if preview is not None and (reason is None or reason in _REASONS):
                return value, True, preview, reason
        found = coerce(value)
        if found is None:
            return NOTHING
        reason = next((reason for message in found if (reason := message.get("finish_reason"))), None)
        if not any(map(says_something, found)):
            return None, False, None, reason
        return *_written(value, found), message_preview(found, last=last), reason

    return read


def value_reader(
    coerce: Callable[[Any], Any],
    preview: Callable[[Any], str | None],
    scan: Callable[[str], tuple[str, bool] | None] | None = None,
) -> Reader:
    """Reader of any other content; ``preview`` shows what was read, ``scan`` recognises text that needs no reading."""

    def read(value: Any) -> Content:
        if scan is not None and type(value) is str and (plain := scan(value)) is not None:
            head, done = plain
            return value, True, head if done else shorten(head), None
        found = coerce(value)
        return NOTHING if found is None else (*_written(value, found), preview(found), None)

    return read


def hidden(found: Any) -> None:
    """Preview of content that lists do not show."""


def reader(field: str, coerce: Callable[[Any], Any]) -> Reader:
    """Reader of a content field of ``model.MOVABLE``; ``coerce`` is the dialect's."""
    if field in ("input_messages", "output_messages"):
        return messages_reader(coerce, last=field == "input_messages")
    if field == "retrieval_documents":
        return value_reader(coerce, document_preview, plain_documents if coerce is documents else None)
    if field in ("tool_arguments", "tool_result"):
        return value_reader(coerce, shorten, compact if coerce is as_json else None)
    return value_reader(coerce, hidden)


def _written(value: Any, found: Any) -> tuple[str, bool]:
    if type(value) is str and says(value, found):
        return value, True
    return dump(found), False
