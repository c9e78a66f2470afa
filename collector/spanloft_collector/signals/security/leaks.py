"""Secrets and personal data in a text, redacted in the finding itself: a table of patterns with their checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import NamedTuple

import re2
import yaml

from spanloft_collector.signals.security import checks


class Leak(NamedTuple):
    """Characters ``start`` to ``end`` of a text are a secret or personal data.

    ``kind`` names it (openai_key, card, ...); ``shown`` is what may be stored of it; ``check`` says what was verified.
    """

    start: int
    end: int
    kind: str
    group: str
    severity: str
    score: float
    shown: str
    check: str


class Pattern(NamedTuple):
    """A kind of leak: its expression, the test that decides about a match, and what must stand before it."""

    kind: str
    group: str
    severity: str
    score: float
    regex: re2._Regexp
    near: re2._Regexp | None
    test: Callable[[str], bool]
    check: str


def _random(text: str) -> bool:
    return checks.looks_random(text.rpartition("_")[2] if "_" in text[:12] else text, 3.0)


def _password_in_url(text: str) -> bool:
    password = text.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return bool(password) and not checks.is_placeholder(password)


def _assigned(text: str) -> bool:
    value = text.strip("\"',;")
    return len(value) >= 8 and checks.looks_random(value, 2.8)


TESTS: dict[str, Callable[[str], bool]] = {
    "none": lambda text: True,
    "random": _random,
    "entropy": lambda text: not checks.is_placeholder(text) and checks.entropy(text) > 3,
    "dense": lambda text: checks.entropy(text) > 4,
    "no_placeholder": lambda text: not checks.is_placeholder(text),
    "password_in_url": _password_in_url,
    "assigned": _assigned,
    "person_mail": lambda text: not text.lower().startswith(("noreply", "no-reply")),
    "phone_length": lambda text: 8 <= len(checks.digits_of(text)) <= 15,
    "card": checks.is_card,
    "iban": checks.is_iban,
    "jwt": checks.is_jwt,
    "us_ssn": checks.is_ssn,
    "es_dni": checks.is_dni,
    "br_cpf": checks.is_cpf,
    "fr_nir": checks.is_nir,
    "in_aadhaar": checks.is_aadhaar,
    "de_tax_id": checks.is_german_tax_id,
    "pl_pesel": checks.is_pesel,
    "nl_bsn": checks.is_bsn,
}
"""Tests that ``leaks.yaml`` names."""
_MARKER = re2.compile(r"\[([A-Z][A-Z0-9_]{2,30})(?: [^\]\s]{1,80})?\]")
NEAR_CHARS = 50
MOST_LEAKS = 200
LONGEST_TEXT = 100_000


@cache
def _table() -> tuple[tuple[Pattern, ...], re2.Set]:
    """The patterns, and all of them as one set that is read in one pass."""
    file = files("spanloft_collector") / "signals" / "security" / "leaks.yaml"
    one_pass, patterns = re2.Set.SearchSet(), []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
        one_pass.Add(entry["pattern"])
        patterns.append(
            Pattern(
                entry["kind"],
                entry["group"],
                entry["severity"],
                float(entry.get("score", 0.95)),
                re2.compile(entry["pattern"]),
                re2.compile(entry["near"]) if "near" in entry else None,
                TESTS[entry.get("test", "none")],
                entry.get("check", "format"),
            )
        )
    one_pass.Compile()
    return tuple(patterns), one_pass


def find_leaks(text: str, *, bounded: bool = True) -> list[Leak]:
    """Leaks in a text, in order; of two that overlap, the one whose pattern stands first in the table.

    Bounded: at most MOST_LEAKS of a kind in the first LONGEST_TEXT characters. What takes leaks out must see them all.
    """
    if bounded:
        text = text[:LONGEST_TEXT]
    patterns, one_pass = _table()
    taken: list[Leak] = []
    covered = bytearray(len(text))
    for number in sorted(one_pass.Match(text) or ()):
        for leak in islice(_matches(text, patterns[number]), MOST_LEAKS if bounded else None):
            if not any(covered[leak.start : leak.end]):
                covered[leak.start : leak.end] = b"\1" * (leak.end - leak.start)
                taken.append(leak)
    return sorted(taken)


def _matches(text: str, pattern: Pattern) -> Iterator[Leak]:
    group = 1 if pattern.regex.groups else 0
    for match in pattern.regex.finditer(text):
        start, end = match.span(group)
        found = match.group(group)
        if pattern.near is not None and not pattern.near.search(text[max(0, start - NEAR_CHARS) : start]):
            continue
        if not _inside_word(text, start, end) and pattern.test(found):
            yield _leak(pattern, found, start, end)


def _inside_word(text: str, start: int, end: int) -> bool:
    """Whether digits go on beside the match, as in a longer number, a version or an identifier."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if not text[start:end].replace(" ", "").replace("-", "").isdigit():
        return False
    return bool(before[-1:] and before[-1:] in "._-/#:" and before[-2:-1].isalnum()) or bool(
        after[:1] and after[:1] in "._-/:" and after[1:2].isalnum()
    )


def _leak(pattern: Pattern, found: str, start: int, end: int) -> Leak:
    kind, severity, check, score = pattern.kind, pattern.severity, pattern.check, pattern.score
    if kind == "card" and checks.digits_of(found) in checks.TEST_CARDS:
        kind, severity, score = "test_card", "info", 0.1
    if check == "checksum":
        prefix = found.index("_") + 1
        if checks.base62_checksum(found, prefix):
            score = 0.99
        else:
            severity, check, score = "medium", "wrong checksum", 0.6
    return Leak(start, end, kind, pattern.group, severity, score, redacted(found, pattern), check)


def redacted(found: str, pattern: Pattern) -> str:
    """What may be shown of a leak: its kind, and as much of it as tells it from others but is of no use."""
    compact = found.replace(" ", "").replace("-", "") if pattern.group == "personal" else found
    hint = {"card": compact[-4:], "iban": compact[:2], "email": found.rpartition("@")[2], "phone": compact[-2:]}.get(
        pattern.kind,
        found[:4] if pattern.group == "secret" and len(found) > 16 and pattern.kind != "assigned_secret" else "",
    )
    return f"[{pattern.kind.upper()}{' ' + hint if hint else ''}]"


def redact(text: str) -> str:
    """A text with every leak replaced by what may be shown of it."""
    parts, place = [], 0
    for leak in find_leaks(text):
        parts += [text[place : leak.start], leak.shown]
        place = leak.end
    return "".join([*parts, text[place:]])


def find_markers(text: str) -> list[Leak]:
    """Where the collector took a leak out before the text was stored; the marker says what it was."""
    found = []
    known = _known_kinds() if "[" in text else {}
    for match in islice(_MARKER.finditer(text[:LONGEST_TEXT]), MOST_LEAKS):
        if (pattern := known.get(match.group(1).lower())) is not None:
            start, end = match.span()
            found.append(
                Leak(
                    start, end, pattern.kind, pattern.group, pattern.severity, pattern.score, match.group(),
                    "taken out before storing",
                )
            )  # fmt: skip
    return found


@cache
def _known_kinds() -> dict[str, Pattern]:
    return {pattern.kind: pattern for pattern in reversed(_table()[0])}
