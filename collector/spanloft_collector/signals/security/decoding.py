"""Undoes what hides a text from a reader and a filter, so that what it says can be judged.

Each decoding is kept as evidence. What decodes to no readable text is left alone: keys, hashes and images are none.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

import re2

from spanloft_collector.signals.security import unicode

_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re2.compile(r"(?i)(?:(?:\\x|0x|%)?[0-9a-f]{2}[ ,:]?){8,}")
_BINARY = re2.compile(r"(?:[01]{8}[ ,]?){5,}")
_PERCENT = re2.compile(r"(?:[\w.,'-]*%[0-9A-Fa-f]{2}[\w.,'-]*){3,}")
_ESCAPES = re2.compile(r"(?:\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|&#x?[0-9A-Fa-f]{1,6};){4,}")
_SPACED = re2.compile(r"(?:\b[A-Za-z](?:[ .\-_*·|/]|\s{2,3})){6,}[A-Za-z]\b")
_ASCII_CODES = re2.compile(r"(?:\b\d{2,3}\b[ ,;]+){7,}\d{2,3}\b")
_ROTATED = re.compile(r"[A-Za-z]{2,}")
_LONGEST = 20_000
_DEEPEST = 2
_MOST = 50


class Decoded(NamedTuple):
    """Characters ``start`` to ``end`` of a text say ``text`` after ``how`` is undone."""

    start: int
    end: int
    how: str
    text: str


@cache
def common_words() -> frozenset[str]:
    """English words that nearly every sentence has one of, and the words of instructions."""
    return frozenset((files("spanloft_collector") / "signals" / "security" / "common_words.txt").read_text().split())


def decode(text: str) -> list[Decoded]:
    """Every hidden text found in ``text``, also what is encoded twice."""
    return list(islice(_layers(text[:_LONGEST], _DEEPEST), _MOST))


def _layers(text: str, depth: int) -> Iterator[Decoded]:
    for how, pattern, undo in _DECODERS:
        for match in islice(pattern.finditer(text), _MOST):
            plain = undo(match.group())
            if len(plain) < 6:
                continue
            if readable(plain):
                yield Decoded(match.start(), match.end(), how, plain)
            if depth > 1:
                # What is not readable may be encoded once more.
                for inner in _layers(plain, depth - 1):
                    yield Decoded(match.start(), match.end(), f"{how}, {inner.how}", inner.text)
    yield from _whole(text)


def _whole(text: str) -> Iterator[Decoded]:
    """Ways to write that dress up the text as a whole."""
    if not text.isascii():
        if spelled := unicode.tag_text(text):
            yield Decoded(0, len(text), "tag characters", spelled)
        shown = unicode.visible(text)
        if unicode.hidden_count(text) >= 3 and shown != text:
            yield Decoded(0, len(text), "zero-width characters", shown)
        plain = unicode.latin(shown)
        if plain != shown and _distance(plain, shown) >= 3:
            yield Decoded(0, len(text), "look-alike letters", plain)
            text = plain
    plain = unicode.plain_words(text)
    if _distance(plain, text) >= 3 and english(plain) > english(text):
        yield Decoded(0, len(text), "letters as digits", plain)
    if len(text) >= 16 and english(text) < 0.15 and len(_ROTATED.findall(text[:400])) >= 3:
        for how, other in (("rot13", codecs.encode(text, "rot13")), ("reversed", text[::-1])):
            if english(other) >= 0.4:
                yield Decoded(0, len(text), how, other)


def _distance(one: str, other: str) -> int:
    return 0 if one == other else sum(a != b for a, b in zip(one, other, strict=False))


def english(text: str) -> float:
    """Share of the words that are common English words."""
    words, common = _ROTATED.findall(text[:2000].lower()), common_words()
    return sum(map(common.__contains__, words)) / len(words) if words else 0.0


def readable(text: str) -> bool:
    """Whether a decoded text is something that a person or a model could read."""
    if len(text) < 6:
        return False
    printable = sum(character.isprintable() or character in "\n\t" for character in text) / len(text)
    letters = sum(character.isalpha() or character == " " for character in text) / len(text)
    return (
        printable > 0.95 and letters > 0.6 and (" " in text or "_" in text or len(text) < 12) and english(text) >= 0.2
    )


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _from_base64(text: str) -> str:
    plain = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return _utf8(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(text: str) -> str:
    digits = re.sub(r"\\x|0x|[^0-9a-fA-F]", "", text)
    return _utf8(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _from_binary(text: str) -> str:
    digits = re.sub(r"[^01]", "", text)
    return _utf8(bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8)))


def _from_codes(text: str) -> str:
    codes = [int(code) for code in re.findall(r"\d+", text)]
    return "".join(map(chr, codes)) if all(32 <= code < 127 for code in codes) else ""


def _from_escapes(text: str) -> str:
    unescaped = re.sub(r"\\[ux]([0-9A-Fa-f]{2,4})", lambda match: chr(int(match[1], 16)), text)
    return html.unescape(unescaped)


def _from_spaced(text: str) -> str:
    """Letters put apart: "i g n o r e" and "i-g-n-o-r-e"; a wider gap stands between words."""
    words = re.split(r"\s{2,}|(?<=\w)[ ]?[|/][ ]?(?=\w)", text)
    return " ".join(re.sub(r"[\W_]", "", word) for word in words)


_DECODERS: tuple[tuple[str, re2._Regexp, Callable[[str], str]], ...] = (
    ("base64", _BASE64, _from_base64),
    ("hex", _HEX, _from_hex),
    ("binary", _BINARY, _from_binary),
    ("ASCII codes", _ASCII_CODES, _from_codes),
    ("percent encoding", _PERCENT, unquote),
    ("escapes", _ESCAPES, _from_escapes),
)


def join_spaced(text: str) -> str:
    """``text`` with letters that were put apart joined to words."""
    if not _SPACED.search(text):
        return text
    return str(_SPACED.sub(lambda match: _from_spaced(match.group()), text))
