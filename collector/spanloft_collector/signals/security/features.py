"""What the learned model looks at in a text: hashed words and letters, and a meaning vector.

Length, capitals and the amount of punctuation are left out on purpose: in the training data attacks are longer than
questions, in the world they are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from spanloft_collector.signals.security.unicode import latin

BUCKETS = 1 << 17
LETTER_SIZES = (4, 5)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SPACE = re.compile(r"\s+")
_DIGIT = re.compile(r"\d")
_LONGEST = 4_000

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class WordVectors:
    """Vectors of common words; a text is the mean of its words, and unknown words say nothing."""

    def __init__(self, words: Sequence[str], vectors: NDArray[np.int8], scale: Floats) -> None:
        self.place = {word: at for at, word in enumerate(words)}
        self.size = vectors.shape[1]
        # The last row, of zeros, is the place of unknown words.
        self.table = np.vstack([vectors.astype(np.float32) * scale, np.zeros((1, self.size), np.float32)])

    def totals(self, texts: Sequence[Text]) -> tuple[Floats, Floats]:
        """Sum of the vectors of each text's words, (n, size), and what share of its words is known, (n,)."""
        sums = np.zeros((len(texts), self.size), np.float32)
        known = np.zeros(len(texts), np.float32)
        find, unknown = self.place.get, len(self.place)
        places = np.fromiter((find(word, unknown) for text in texts for word in text.words), np.int64)
        counts = np.array([len(text.words) for text in texts])
        filled = np.flatnonzero(counts)
        if len(places):
            starts = np.cumsum(counts) - counts
            sums[filled] = np.add.reduceat(self.table[places], starts[filled])
            known[filled] = np.add.reduceat(places < unknown, starts[filled], dtype=np.float32) / counts[filled]
        return sums, known


class Text(NamedTuple):
    """A text made ready: its folded form and its words, lower case."""

    folded: str
    words: list[str]


class Hashes(NamedTuple):
    """Hashed features of many texts: number of the text, bucket and weight of each entry."""

    rows: Integers
    buckets: Integers
    weights: Floats


def prepare(text: str) -> Text:
    """Fold a text: look-alike letters, case, white space, digits."""
    folded = _SPACE.sub(" ", latin(text[:_LONGEST])).lower().replace("’", "'")
    return Text(_DIGIT.sub("0", folded), _WORD.findall(folded))


def hashed(texts: Sequence[Text]) -> Hashes:
    """Buckets of the words (one, two, three in a row) and of the letters of texts, and their weights.

    Each family of a text has length 1, so that a long text weighs as much as a short one. All texts go through numpy
    together: a document has a hundred segments, and a call of numpy takes as long as hashing one of them.
    """
    words = np.fromiter((crc32(word.encode()) for text in texts for word in text.words), np.uint32)
    of_word = np.repeat(np.arange(len(texts)), [len(text.words) for text in texts])
    letters = np.frombuffer("".join(f" {text.folded} " for text in texts).encode("utf-32-le"), np.uint32)
    of_letter = np.repeat(np.arange(len(texts)), [len(text.folded) + 2 for text in texts])
    families = [
        [_grams(words, of_word, 1, 1), *(_grams(words, of_word, size, 0x9E3779B1 + size) for size in (2, 3))],
        [_grams(letters, of_letter, size, 0x01000193 + 2 * size) for size in LETTER_SIZES],
    ]
    parts = []
    for family in families:
        keys = np.sort(np.concatenate(family))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        rows = keys // BUCKETS
        counts = np.bincount(rows, minlength=len(texts))
        parts.append((rows, keys % BUCKETS, (1 / np.sqrt(np.maximum(1, counts)))[rows].astype(np.float32)))
    return Hashes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _grams(values: NDArray[np.uint32], owners: Integers, size: int, prime: int) -> Integers:
    """Keys (number of the text, bucket) of what stands ``size`` in a row and belongs to one text."""
    if len(values) < size:
        return np.zeros(0, np.int64)
    codes = values if size == 1 else _rolling(values, size, prime)
    first = owners[: len(codes)]
    inside = first == owners[size - 1 :]
    return np.asarray(first[inside] * BUCKETS + codes[inside] % BUCKETS, np.int64)


def _rolling(values: NDArray[np.uint32], size: int, prime: int) -> NDArray[np.uint32]:
    factor = np.uint32(prime & 0xFFFFFFFF)
    result = np.zeros(len(values) - size + 1, np.uint32)
    for at in range(size):
        result = result * factor + values[at : len(values) - size + 1 + at]
    result ^= result >> np.uint32(15)
    result *= np.uint32(0x2C1B3C6D)
    return result ^ (result >> np.uint32(13))
