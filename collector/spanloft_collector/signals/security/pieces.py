"""The texts of a trace by origin, in the order in which the model or the app saw them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from spanloft_collector.signals.security.unicode import encodable


class Piece(NamedTuple):
    """A text of a span. ``origin``: user, system, document, tool_result, tool_argument, output.

    ``tool`` names the tool of an argument or a result; ``step`` orders the pieces of a trace.
    """

    span_id: str
    origin: str
    text: str
    tool: str | None
    step: int


def pieces_of(spans: Iterable[Mapping[str, Any]]) -> list[Piece]:
    """Pieces of spans (rows of ``job_security_spans``, oldest first); a repeated text counts where it came first."""
    seen: set[tuple[str, str]] = set()
    found: list[Piece] = []
    for span in spans:
        names: dict[str, str] = {}
        for origin, raw, tool in _span_texts(span, names):
            text = encodable(raw)
            key = (origin, text)
            if text.strip() and key not in seen:
                seen.add(key)
                found.append(Piece(span["span_id"], origin, text, tool, len(found)))
    return found


def _span_texts(span: Mapping[str, Any], names: dict[str, str]) -> Iterator[tuple[str, str, str | None]]:
    if span["operation"] == "execute_tool":
        tool = span["tool_name"]
        if span["tool_arguments"]:
            yield "tool_argument", _plain(_json(span["tool_arguments"])), tool
        if span["tool_result"]:
            yield "tool_result", _plain(_json(span["tool_result"])), tool
        return
    for document in _listed(span["retrieval_documents"]):
        yield "document", _part_text(document), None
    for part in _listed(span["system_instructions"]):
        yield "system", _part_text(part), None
    for message in _listed(span["input_messages"]):
        yield from _message(message, names, "user")
    for message in _listed(span["output_messages"]):
        yield from _message(message, names, "output")


def _message(message: Any, names: dict[str, str], default: str) -> Iterator[tuple[str, str, str | None]]:
    if not isinstance(message, dict):
        yield default, _plain(message), None
        return
    role = message.get("role")
    spoken = {"system": "system", "developer": "system", "assistant": "output", "tool": "tool_result"}.get(
        str(role), default
    )
    for part in message.get("parts") or ():
        if not isinstance(part, dict):
            continue
        kind = part.get("type")
        if kind in ("tool_call", "server_tool_call"):
            names[str(part.get("id"))] = str(part.get("name"))
            yield "tool_argument", _plain(_json(part.get("arguments"))), str(part.get("name"))
        elif kind in ("tool_call_response", "server_tool_call_response"):
            response = part.get("response", part.get("result"))
            yield "tool_result", _plain(_json(response)), names.get(str(part.get("id")))
        elif kind == "reasoning":
            continue
        elif kind in ("file", "document") or part.get("modality") == "document":
            yield "document", _part_text(part), None
        else:
            yield spoken, _part_text(part), None


def _part_text(part: Any) -> str:
    return _plain(part.get("content", "")) if isinstance(part, dict) else _plain(part)


def _listed(value: Any) -> list[Any]:
    """The items of a list; what is no list is judged as one item, so that nothing is passed over."""
    parsed = _json(value)
    if parsed is None:
        return []
    return parsed if isinstance(parsed, list) else [parsed]


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value[:1] not in '{["':
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _plain(value: Any) -> str:
    """A value as the text a model reads: the strings of JSON with line breaks in place, one below the other.

    Without recursion: the caller of a tool decides how deep its arguments are.
    """
    written: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += _between([(f"{name}: ", inner) for name, inner in one.items()])
        elif isinstance(one, (list, tuple)):
            texts = all(isinstance(item, Mapping) and "text" in item for item in one)
            waiting += _between([("", item["text"] if texts else item) for item in one])
        elif one is not None:
            written.append(str(one))
    return "".join(written)


def _between(lines: list[tuple[str, Any]]) -> list[Any]:
    """Names and values, last one first, with line breaks between."""
    return [item for at in reversed(range(len(lines))) for item in (lines[at][1], ("\n" if at else "") + lines[at][0])]
