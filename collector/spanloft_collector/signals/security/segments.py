"""Cuts a text into the units that are judged one by one: sentences, lines, table cells, comments, parts of e-mails.

An instruction planted in a document is one of its segments; beside three pages of harmless text it would be lost.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import re2

LONGEST_SEGMENT = 600
"""Characters of one segment; longer ones are cut at a space."""

# Patterns with one way to match go through re, which is faster on short texts; the other one through RE2.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]+\s*")
_COMMENT_LINE = re.compile(r"^\s*(?://+|#+!?|--|;+|%+|\*)\s+")
_HEADER_LINE = re.compile(r"(?i)^(?:from|to|cc|bcc|subject|date|reply-to|sent|betreff|von|an|de|objet)\s?:\s")
_LIST_MARK = re.compile(r"^\s*(?:[-*•–]|\d{1,3}[.)])\s+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_HTML_COMMENT = re.compile(r"(?s)<!--.*?(?:-->|\Z)")
_BLOCK_COMMENT = re.compile(r"(?s)/\*.*?(?:\*/|\Z)")
_JSON_TEXT = re2.compile(r'"((?:[^"\\\n]|\\.){12,})"')
_CODE_WORDS = "def|class|import|from|return|if|for|while|const|let|var|func|public|private"
_CODE_LINE = re.compile(rf"[;{{}}]\s*$|^\s*(?:{_CODE_WORDS})\b.*[:;({{]")


class Segment(NamedTuple):
    """A part of a text: characters ``start`` to ``end`` (end excluded) and what kind of part it is.

    ``kind``: sentence, line, list_item, table_cell, code, code_comment, html_comment, html_text, email_header,
    email_quote, json_string.
    """

    start: int
    end: int
    kind: str


def cut(text: str) -> list[Segment]:
    """All segments of ``text``, in order. Every character that is not white space or markup is in one of them."""
    segments: list[Segment] = []
    place = 0
    for start, end, kind in _comments(text):
        segments.extend(_blocks(text, place, start))
        segments.extend(_sentences(text, start, end, kind))
        place = end
    segments.extend(_blocks(text, place, len(text)))
    return [piece for segment in segments for piece in _bounded(text, segment)]


def overlapping(segments: list[Segment], start: int, end: int) -> list[int]:
    """Numbers of the segments that share a character with ``start`` to ``end``."""
    first = bisect_right(segments, start, key=lambda segment: segment.end)
    last = bisect_left(segments, end, key=lambda segment: segment.start)
    return list(range(first, last))


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    found = []
    if "<!--" in text:
        found += [(*match.span(), "html_comment") for match in _HTML_COMMENT.finditer(text)]
    if "/*" in text:
        found += [(*match.span(), "code_comment") for match in _BLOCK_COMMENT.finditer(text)]
    place = 0
    for start, end, kind in sorted(found):
        if start >= place:
            yield start, end, kind
            place = end


def _blocks(text: str, start: int, end: int) -> Iterator[Segment]:
    """Segments of a stretch without comments, line by line; wrapped prose is put together again."""
    paragraph: list[int] = []
    place = start
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        line = text[place:stop]
        kind = _line_kind(line)
        if kind == "prose" and (not paragraph or _goes_on(text, paragraph[1], line)):
            paragraph = [paragraph[0] if paragraph else place, stop]
        else:
            if paragraph:
                yield from _sentences(text, paragraph[0], paragraph[1], "sentence")
                paragraph = []
            if kind == "prose":
                paragraph = [place, stop]
            elif kind:
                yield from _line(text, place, stop, kind)
        place = stop + 1
    if paragraph:
        yield from _sentences(text, paragraph[0], paragraph[1], "sentence")


def _goes_on(text: str, before: int, line: str) -> bool:
    """Whether a line goes on with the sentence of the line that ended at ``before``: as in wrapped plain text."""
    last = text[:before][-1:]
    return last not in '.!?:;"”' and line[:1].islower()


def _line_kind(line: str) -> str:
    """Kind of a line; "" for one without content, "prose" for one that may be part of a paragraph."""
    stripped = line.strip()
    if not stripped.strip("-=_*#|+`~>. "):
        return ""
    if stripped[0] == ">":
        return "email_quote"
    if stripped[0] == "|" or stripped.count("|") >= 2 or stripped.count("\t") >= 2:
        return "table_cell"
    if stripped[0] in "{[" or stripped[0] == '"':
        return "json_string"
    if _COMMENT_LINE.match(line):
        return "code_comment" if stripped[0] != "*" or not _LIST_MARK.match(line) else "list_item"
    if _HEADER_LINE.match(stripped):
        return "email_header"
    if _LIST_MARK.match(line):
        return "list_item"
    if "<" in line and _TAG.search(line):
        return "html_text"
    return "code" if _CODE_LINE.search(line) else "prose"


def _line(text: str, start: int, end: int, kind: str) -> Iterator[Segment]:
    line = text[start:end]
    if kind == "table_cell":
        yield from _pieces(text, start, end, "\t" if line.count("\t") >= 2 else "|")
    elif kind == "html_text":
        place = start
        for tag in _TAG.finditer(line):
            yield from _sentences(text, place, start + tag.start(), kind)
            if len(tag.group()) > 40:
                yield from _trimmed(text, start + tag.start(), start + tag.end(), "html_attribute")
            place = start + tag.end()
        yield from _sentences(text, place, end, kind)
    elif kind == "json_string" and (found := list(_JSON_TEXT.finditer(line))):
        for match in found:
            yield from _sentences(text, start + match.start(1), start + match.end(1), kind)
    else:
        mark = _LIST_MARK.match(line) if kind == "list_item" else _COMMENT_LINE.match(line)
        yield from _sentences(text, start + (mark.end() if mark else 0), end, kind)


def _pieces(text: str, start: int, end: int, separator: str) -> Iterator[Segment]:
    place = start
    while place <= end:
        stop = text.find(separator, place, end)
        stop = end if stop < 0 else stop
        yield from _sentences(text, place, stop, "table_cell")
        place = stop + 1


def _sentences(text: str, start: int, end: int, kind: str) -> Iterator[Segment]:
    place = start
    for match in _SENTENCE_END.finditer(text[start:end]):
        stop = start + match.end()
        # "e.g. " and "No. 5" end no sentence; two short pieces make one segment.
        if stop - place >= 12:
            yield from _trimmed(text, place, stop, kind)
            place = stop
    yield from _trimmed(text, place, end, kind)


def _trimmed(text: str, start: int, end: int, kind: str) -> Iterator[Segment]:
    piece = text[start:end]
    content = piece.strip()
    if content:
        begin = start + piece.index(content[0])
        yield Segment(begin, begin + len(content), kind)


def _bounded(text: str, segment: Segment) -> Iterator[Segment]:
    start, end, kind = segment
    while end - start > LONGEST_SEGMENT:
        space = text.rfind(" ", start + LONGEST_SEGMENT // 2, start + LONGEST_SEGMENT)
        stop = space if space > 0 else start + LONGEST_SEGMENT
        yield Segment(start, stop, kind)
        start = stop
    yield Segment(start, end, kind)
