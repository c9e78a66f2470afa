"""Two texts side by side: what is gone, what is new, word by word. The texts are foreign and always escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

import streamlit as st

from spanloft_dashboard.components import format as fmt

CONTEXT = 2
"""Lines that stay the same and are shown around a change; the others are folded."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
Row = tuple[str, str, Literal["same", "changed", "folded"]]


def side_by_side(left: str, right: str) -> None:
    """Draw two texts line beside line."""
    rows = "".join(_row(*row) for row in _rows(_lines(left), _lines(right)))
    st.html(f'<div class="sl-diff" role="table" aria-label="The two texts side by side">{rows}</div>')


def _lines(text: str) -> list[str]:
    """Lines of a text; a long line is cut behind its sentences, so that a change is seen where it is."""
    return [part for line in fmt.visible(text).splitlines() for part in re.split(r"(?<=[.!?:;]) ", line)]


def _rows(left: Sequence[str], right: Sequence[str]) -> Iterator[Row]:
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from _folded(left[i1:i2], first=i1 == 0, last=i2 == len(left))
            continue
        for place in range(max(i2 - i1, j2 - j1)):
            before = left[i1 + place] if i1 + place < i2 else ""
            after = right[j1 + place] if j1 + place < j2 else ""
            yield (*_marked(before, after), "changed")


def _folded(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[Row]:
    head, tail = 0 if first else CONTEXT, 0 if last else CONTEXT
    for place, line in enumerate(lines):
        if len(lines) <= head + tail + 3 or place < head or place >= len(lines) - tail:
            text = html.escape(line)
            yield text, text, "same"
        elif place == head:
            words = f"{len(lines) - head - tail:,} lines that are the same"
            yield words, words, "folded"


def _marked(before: str, after: str) -> tuple[str, str]:
    """The two lines as HTML, with what differs marked."""
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.ratio() < 0.3:
        return _mark("del", before), _mark("ins", after)
    left, right = "", ""
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        was, now = "".join(one[i1:i2]), "".join(other[j1:j2])
        left += html.escape(was) if kind == "equal" else _mark("del", was)
        right += html.escape(now) if kind == "equal" else _mark("ins", now)
    return left, right


def _mark(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>" if text else ""


def _row(left: str, right: str, kind: str) -> str:
    return f'<div role="row" class="{kind}"><div role="cell">{left}</div><div role="cell">{right}</div></div>'
