"""Finds templates in texts: which of them are one prompt, which words vary from call to call, what its versions are.

Texts that share most of their words are one prompt. They are laid over the most used one; where they differ there is a
gap. A gap that is filled by three or more values side by side is a variable; values that follow one another, or stand
against each other like the arms of a test, are versions. Nothing is guessed from single words: '4 sentences' that
becomes '3 sentences' is a change of the prompt.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from statistics import median

SLOT = "{…}"
"""Stands in a template for what varies."""

ALIKE = 0.5
"""Share of words (Jaccard) from which on two texts are one prompt."""
CONTAINED, MIN_CONTAINED = 0.85, 10
"""Share, and number, of words from which on a text that is contained in another is the same prompt, shorter."""
MIN_CALLS = 3
"""Calls that a version needs: below it a text is one call's words and no template."""
MIN_CONSTANT = 5
"""Words that must not vary."""
MIN_VALUES = 3
LONG_WORDS, MANY_VALUES = 8, 20
"""A gap of sentences is wording unless there are many: then it holds what was looked up for each call."""
STEADY_CALLS = 5
MAX_WORDS = 1_200
MAX_SLOTS = 40
MAX_TEXTS = 2_000
"""Texts that are compared in one run, the most used first; the others are looked at again in the next."""

_WORD = re.compile(r"\S+\s*|\s+")
_PLAIN = re.compile(r"\w+")
_MARKS = re.compile(r"[^\w{}…]+")
# What never is the wording of a prompt: uuids, long hex and decimal numbers, dates with or without a time, addresses.
_IDENTIFIER = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d{5,}"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?|[\w.+-]+@[\w-]+\.[\w.]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Text:
    """A distinct text, how many calls used it, and the start of the first and the last of them (naive UTC)."""

    key: str
    text: str
    calls: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A template and the keys of the texts that are made from it."""

    template: str
    keys: tuple[str, ...]
    first: datetime


def masked(text: str) -> str:
    """``text`` with identifiers, dates and addresses taken out."""
    return _joined(_IDENTIFIER.sub(SLOT, text))


def _joined(text: str) -> str:
    return re.sub(rf"(?:{re.escape(SLOT)})+", SLOT, text)


def matches(template: str, text: str) -> bool:
    """Whether ``text`` is made from ``template``; linear in the text, whatever it holds."""
    head, *rest = template.split(SLOT)
    if not rest:
        return text == template
    tail = rest.pop()
    if not text.startswith(head) or not text.endswith(tail) or len(text) < len(head) + len(tail):
        return False
    place, end = len(head), len(text) - len(tail)
    for piece in rest:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def families(texts: Iterable[Text], known: Sequence[str]) -> list[tuple[int | None, list[Text]]]:
    """Texts that are one prompt together: (index of the known template they are like, or None, texts).

    Every text goes to the first group with which it shares half of its words, the most used text first.
    """
    words = [_words(template) for template in known]
    groups: list[tuple[int | None, list[Text]]] = [(number, []) for number in range(len(known))]
    holders: dict[str, set[int]] = defaultdict(set)
    for number, found in enumerate(words):
        for word in found:
            holders[word].add(number)
    for text in sorted(texts, key=lambda text: (-text.calls, text.first, text.key))[:MAX_TEXTS]:
        mine = _words(masked(text.text))
        shared = Counter(number for word in mine for number in holders.get(word, ()))
        best = max(shared, key=lambda number: _likeness(shared[number], mine, words[number]), default=None)
        if best is not None and _likeness(shared[best], mine, words[best]) >= ALIKE:
            groups[best][1].append(text)
            continue
        groups.append((None, [text]))
        words.append(mine)
        for word in mine:
            holders[word].add(len(words) - 1)
    return [(number, members) for number, members in groups if members]


def _words(text: str) -> set[str]:
    return set(_PLAIN.findall(text.replace(SLOT, " ").lower()))


def _likeness(shared: int, one: set[str], other: set[str]) -> float:
    """Jaccard's share of common words; enough where nearly all words of the shorter text are in the other."""
    smaller = min(len(one), len(other))
    share = shared / max(len(one) + len(other) - shared, 1)
    return max(share, ALIKE) if smaller >= MIN_CONTAINED and shared >= CONTAINED * smaller else share


def versions(members: Sequence[Text], *, min_calls: int = MIN_CALLS, needs_slot: bool = False) -> list[Found]:
    """The versions of one prompt among ``members``, oldest first; what too few calls used is left out.

    Args:
        members: texts of one prompt; a known template may stand among them, with no calls.
        min_calls: calls that a version needs.
        needs_slot: for texts that people may have written themselves: only what has a variable is a template.
    """
    cut = [_WORD.findall(masked(text.text))[:MAX_WORDS] for text in members]
    base = max(zip(members, cut, strict=True), key=lambda item: (item[0].calls, item[0].key))[1]
    laid = [(words, _places(base, words)) for words in cut]
    gaps = _gaps(base, laid)
    filled = [{gap: _value(words, places, gap) for gap in gaps} for words, places in laid]
    slots = {
        gap: _slot({fill[gap] for fill in filled})
        for gap in gaps
        if _varies([(text, fill[gap]) for text, fill in zip(members, filled, strict=True)])
    }
    made: dict[str, list[Text]] = defaultdict(list)
    for text, fill in zip(members, filled, strict=True):
        made[_template(base, gaps, {**fill, **slots})].append(text)
    found = [
        Found(template, tuple(text.key for text in used), min(text.first for text in used))
        for template, used in made.items()
        if sum(text.calls for text in used) >= min_calls and _sound(template, needs_slot)
    ]
    return sorted(found, key=lambda one: (one.first, one.template))


def _sound(template: str, needs_slot: bool) -> bool:
    slots = template.count(SLOT)
    return (
        slots <= MAX_SLOTS
        and len(_PLAIN.findall(template.replace(SLOT, " "))) >= MIN_CONSTANT
        and (slots > 0 or not needs_slot)
    )


def _places(base: Sequence[str], words: Sequence[str]) -> list[int | None]:
    """For every word of ``base`` its place in ``words``; None where it is missing."""
    places: list[int | None] = [None] * len(base)
    for block in SequenceMatcher(None, base, words, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            places[block.a + step] = block.b + step
    return places


def _gaps(base: Sequence[str], texts: Sequence[tuple[Sequence[str], Sequence[int | None]]]) -> list[tuple[int, int]]:
    """Stretches [from, to) of ``base`` that are not the same in all texts; empty ones where one has something more."""

    def extended(place: int) -> bool:
        for words, places in texts:
            before = places[place - 1] if place else -1
            after = places[place] if place < len(base) else len(words)
            if before is not None and after != before + 1:
                return True
        return False

    common = [all(places[place] is not None for _, places in texts) for place in range(len(base))]
    gaps = []
    place = 0
    while place <= len(base):
        start = place
        while place < len(base) and not common[place]:
            place += 1
        if place > start or extended(place):
            gaps.append((start, place))
        place += 1
    return gaps


def _value(words: Sequence[str], places: Sequence[int | None], gap: tuple[int, int]) -> str:
    """What stands in a gap: the words between the neighbours of the gap, which are the same everywhere."""
    before = places[gap[0] - 1] if gap[0] else -1
    after = places[gap[1]] if gap[1] < len(places) else len(words)
    return "".join(words[(-1 if before is None else before) + 1 : after])


def _varies(values: Sequence[tuple[Text, str]]) -> bool:
    """Whether the values of a gap are those of a variable, and not of versions."""
    spans: dict[str, list[Text]] = defaultdict(list)
    for text, value in values:
        spans[value].append(text)
    if any(_MARKS.sub("", value) == SLOT for value in spans):
        return True
    if len(spans) < MIN_VALUES:
        return False
    if median(len(_WORD.findall(value)) for value in spans) > LONG_WORDS and len(spans) < MANY_VALUES:
        return False
    ordered = sorted((min(t.first for t in used), max(t.last for t in used)) for used in spans.values())
    in_turn = all(one[1] <= other[0] for one, other in zip(ordered, ordered[1:], strict=False))
    steady = min(sum(text.calls for text in used) for used in spans.values()) >= STEADY_CALLS
    return not (in_turn and steady)


def _slot(values: set[str]) -> str:
    """A slot, with the blanks and marks around it that all of its values share."""
    if "" in values:
        return SLOT
    head = os.path.commonprefix(list(values))
    tail = os.path.commonprefix([value[::-1] for value in values])[::-1]
    opening = re.match(r"[^\w{}]*", head)
    closing = re.search(r"[^\w{}]*$", tail)
    return f"{opening.group() if opening else ''}{SLOT}{closing.group() if closing else ''}"


def _template(base: Sequence[str], gaps: Sequence[tuple[int, int]], fill: dict[tuple[int, int], str]) -> str:
    pieces: list[str] = []
    done = 0
    for gap in gaps:
        pieces += base[done : gap[0]]
        pieces.append(fill[gap])
        done = gap[1]
    return _joined("".join([*pieces, *base[done:]]))
