"""What the learned model looks at: hashed words and letters, a meaning vector, and hand-made signs.

Length, capitals and the amount of punctuation are left out on purpose: in the training data attacks are longer than
questions, in the world they are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from spanloft_collector.signals.security import lexicon as words_of
from spanloft_collector.signals.security.unicode import latin

BUCKETS = 1 << 17
LETTER_SIZES = (4, 5)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SPACE = re.compile(r"\s+")
_DIGIT = re.compile(r"\d")
_LONGEST = 4_000
_NEAR = 6

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class WordVectors:
    """Vectors of common words; a text is the mean of its words, and unknown words say nothing."""

    def __init__(self, words: Sequence[str], vectors: NDArray[np.int8], scale: Floats) -> None:
        self.place = {word: at for at, word in enumerate(words)}
        self.table = vectors.astype(np.float32) * scale
        self.size = self.table.shape[1]

    def total(self, words: Sequence[str]) -> Floats:
        """Sum of the words' vectors, (size,)."""
        places = [self.place[word] for word in words if word in self.place]
        return self.table[places].sum(0) if places else np.zeros(self.size, np.float32)


class Text(NamedTuple):
    """A text made ready: its folded form and its words, lower case."""

    folded: str
    words: list[str]


def prepare(text: str) -> Text:
    """Fold a text: look-alike letters, case, white space, digits."""
    folded = _SPACE.sub(" ", latin(text[:_LONGEST])).lower().replace("’", "'")
    return Text(_DIGIT.sub("0", folded), _WORD.findall(folded))


def hashed(text: Text) -> tuple[Integers, Floats]:
    """Buckets of the words (one, two, three in a row) and letters of a text, and their weights.

    Each family has length 1, so that a long text weighs as much as a short one.
    """
    hashes = np.array([crc32(word.encode()) for word in text.words], np.uint32)
    families = [hashes]
    for size in (2, 3):
        if len(hashes) >= size:
            families.append(_rolling(hashes, size, 0x9E3779B1 + size))
    letters = np.frombuffer(f" {text.folded} ".encode("utf-32-le"), np.uint32)
    grams = [_rolling(letters, size, 0x01000193 + 2 * size) for size in LETTER_SIZES if len(letters) >= size]
    buckets, weights = [], []
    for family in (np.concatenate(families), np.concatenate(grams) if grams else hashes[:0]):
        unique = np.unique(family % BUCKETS).astype(np.int64)
        buckets.append(unique)
        weights.append(np.full(len(unique), 1 / np.sqrt(max(1, len(unique))), np.float32))
    return np.concatenate(buckets), np.concatenate(weights)


def _rolling(values: NDArray[np.uint32], size: int, prime: int) -> NDArray[np.uint32]:
    factor = np.uint32(prime & 0xFFFFFFFF)
    result = np.zeros(len(values) - size + 1, np.uint32)
    for at in range(size):
        result = result * factor + values[at : len(values) - size + 1 + at]
    result ^= result >> np.uint32(15)
    result *= np.uint32(0x2C1B3C6D)
    return result ^ (result >> np.uint32(13))


class Signs:
    """Hand-made signs of one text, each 0 or 1 (or a share)."""

    NAMES = (
        "override_rules", "override_before", "reveal_secret", "reveal_your", "persona", "you_are_now",
        "from_now_on", "assistant", "authority", "only_say", "no_limits", "your_rules", "starts_task",
        "starts_please", "starts_question", "question_mark", "mention", "you", "we", "letter", "quoted", "has_url",
        "task_share", "has_rules", "has_override", "instead", "role_mark", "then_task", "starts_override",
        "request_phrase", "bracketed",
    )  # fmt: skip

    def __init__(self, text: Text, raw: str) -> None:
        self.words = text.words
        self.text = text.folded
        self.raw = raw

    @cached_property
    def present(self) -> frozenset[str]:
        """The words, each once."""
        return frozenset(self.words)

    def near(self, first: frozenset[str], second: frozenset[str]) -> bool:
        """Whether a word of ``first`` stands a few words before one of ``second``."""
        if not (self.present & first and self.present & second):
            return False
        last = -_NEAR - 1
        for at, word in enumerate(self.words):
            if word in second and at - last <= _NEAR and at > last:
                return True
            if word in first:
                last = at
        return False

    def vector(self) -> list[float]:
        """Values in the order of ``NAMES``."""
        words, text, has = self.words, self.text, self.present
        first = next((word for word in words if word not in _OPENERS), "")
        yours = has & words_of.YOU
        return [
            float(value)
            for value in (
                self.near(words_of.OVERRIDE, words_of.RULES),
                self.near(words_of.OVERRIDE, words_of.BEFORE),
                self.near(words_of.REVEAL, words_of.SECRET),
                bool(yours) and self.near(words_of.REVEAL, words_of.SECRET),
                len(has & words_of.PERSONA) >= 2,
                "you are now" in text or "you're now" in text or "you will now" in text or "you are no longer" in text,
                "from now on" in text or "from this point" in text,
                bool(has & words_of.ASSISTANT),
                len(has & words_of.AUTHORITY) >= 2,
                self.near(words_of.ONLY, words_of.SAY) or self.near(words_of.SAY, words_of.ONLY),
                ("without" in has or "no" in has or "any" in has) and bool(has & words_of.RULES),
                "your" in has and self.near(frozenset({"your"}), words_of.RULES),
                first in words_of.TASK,
                bool(words) and words[0] == "please",
                bool(words) and words[0] in words_of.QUESTION,
                "?" in self.raw,
                bool(has & words_of.MENTION),
                bool(yours),
                bool(has & words_of.WE),
                bool(has & words_of.LETTER),
                '"' in self.raw or "'" in self.raw[:1] or "“" in self.raw,
                "http" in text or "www." in text,
                sum(word in words_of.TASK for word in words) / max(4, len(words)),
                bool(has & words_of.RULES),
                bool(has & words_of.OVERRIDE),
                "instead" in has or "rather" in has,
                text[:30].lstrip(" [({<*#-").startswith(_ROLES),
                any(a in _JOINS and b in words_of.TASK for a, b in zip(words, words[1:], strict=False)),
                first in words_of.OVERRIDE,
                text.lstrip().startswith(_REQUESTS),
                text.lstrip()[:1] in _BRACKETS,
            )
        ]


_OPENERS = frozenset(
    [
        "please",
        "now",
        "then",
        "also",
        "and",
        "so",
        "hey",
        "hi",
        "hello",
        "ok",
        "okay",
        "kindly",
        "just",
        "first",
        "next",
        "finally",
        "but",
    ]
)
_JOINS = frozenset(["and", "then", "now", "please", "also", "instead", "to"])
_ROLES = ("system", "admin", "assistant", "user:", "human:", "developer", "important", "attention", "note to", "ai")
_BRACKETS = frozenset("[({<*#")
_REQUESTS = (
    "can you", "could you", "would you", "will you", "i want you", "i need you", "i'd like you",
    "your task", "your job", "you must", "you should", "you will", "you have to", "you need to",
    "your new", "tell me", "give me", "show me", "help me", "let's", "make sure",
    "remind me", "how do i", "what is", "what's", "i want to", "i'd like to", "your answer",
    "your response", "in your", "do not", "don't", "when you", "after you", "before you",
)  # fmt: skip
