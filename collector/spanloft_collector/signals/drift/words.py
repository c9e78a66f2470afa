"""Names a topic from its own words: those that many of its texts have and few others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from spanloft_collector.signals.drift.form import LANGUAGES

NAME_WORDS = 3
WORD_SHARE = 0.15
"""Share of the topic's texts that must have a word before it stands in the name."""
DISTINCT = 1.5
"""How much more often the topic's texts must have the word than the others."""
_WORD = re.compile(r"\b[^\W_]{2,24}\b(?:['’][^\W\d_]+)?")
_VERY_COMMON = (
    "i'm i've i'd i'll it's that's what's don't doesn't can't won't isn't there's let's if or so but not no yes just "
    "any some there here when why which who whom than then them they their he she his her its our your we us am were "
    "been being did done get got need want would could should will shall may might please about into from up out all "
    "too also know tell give show help like using use make"
)
_COMMON = frozenset().union(*(words.split() for words in LANGUAGES.values())) | frozenset(_VERY_COMMON.split())
_READ = 2_000


def words_of(text: str) -> frozenset[str]:
    """Words of a text that may stand in a name, in lower case."""
    return frozenset(word for word in _WORD.findall(text[:_READ].lower()) if word not in _COMMON)


def document_counts(texts: Iterable[str]) -> Counter[str]:
    """In how many of the texts each word stands."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    return counts


def name_topic(members: Sequence[str], others: Counter[str], other_count: int) -> str:
    """A name of up to NAME_WORDS words; ``(no words)`` where the texts share none.

    Args:
        members: texts of the topic.
        others: in how many other texts each word stands; see ``document_counts``.
        other_count: number of those texts.
    """
    scores: dict[str, float] = {}
    for word, count in document_counts(members).items():
        inside = count / len(members)
        outside = (others[word] + 0.5) / (other_count + 1)
        if count >= min(max(2, WORD_SHARE * len(members)), len(members)) and inside > DISTINCT * outside:
            scores[word] = inside * float(np.log(inside / outside))
    best = sorted(scores, key=lambda word: (-scores[word], word))[:NAME_WORDS]
    return ", ".join(best) or "(no words)"
