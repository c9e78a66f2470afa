"""Which special case a request asks for: by model name, by a marker in the prompt or by a header.

``x-fake-case: slow=0.2, cached=128`` (header), ``[[fake: 429]]`` (anywhere in the body) or a model named
``fake-429`` ask for the same. Cases:

=================  ==================================================================================
``429 500 400``    that HTTP error, in the provider's own error shape; ``529`` is Anthropic's overload
``drop``           the connection is closed before any byte of the answer
``drop_midstream`` the connection is closed after half of the frames
``hang``           nothing is answered for 60 s
``slow=S``         seconds before the first byte (first token of a stream)
``gap=S``          seconds between the frames of a stream
``cached=N``       so many input tokens came from the cache
``reasoning=N``    so many output tokens were reasoning
``length``         generation stopped at the limit of tokens
``tool=NAME``      call this tool rather than the first one
=================  ==================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_MARKER = re.compile(r"\[\[fake:\s*([^\]]+?)\s*\]\]")
ERRORS = (400, 401, 429, 500, 503, 529)


@dataclass(frozen=True, slots=True)
class Case:
    """A parsed case; times are seconds, counts are tokens; ``reply`` is text the caller wants back."""

    error: int | None = None
    drop: bool = False
    drop_midstream: bool = False
    hang: bool = False
    slow: float = 0.0
    gap: float = 0.0
    cached: int | None = None
    reasoning: int | None = None
    length: bool = False
    tool: str | None = None
    reply: str | None = None


def find_case(headers: Mapping[str, str], body: Mapping[str, Any]) -> Case:
    """The case of a request; a header wins over a marker, a marker over the model name."""
    words: list[str] = []
    model = str(body.get("model", ""))
    if model.startswith("fake-"):
        words.append(model.removeprefix("fake-"))
    if (marker := _MARKER.search(json.dumps(body, ensure_ascii=False))) is not None:
        words += marker.group(1).split(",")
    words += headers.get("x-fake-case", "").split(",")
    options: dict[str, Any] = {}
    for word in words:
        name, _, value = word.strip().partition("=")
        options |= _option(name, value)
    if reply := headers.get("x-fake-reply"):
        options["reply"] = unquote(reply)
    return Case(**options)


def _option(name: str, value: str) -> dict[str, Any]:
    if name.isdigit() and int(name) in ERRORS:
        return {"error": int(name)}
    if name in ("drop", "drop_midstream", "hang", "length"):
        return {name: True}
    if name in ("slow", "gap"):
        return {name: float(value)}
    if name in ("cached", "reasoning"):
        return {name: int(value)}
    if name == "tool":
        return {name: value}
    return {}
