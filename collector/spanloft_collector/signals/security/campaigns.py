"""Groups attacks that are nearly the same over users and days: MinHash of word pairs and letters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

HASHES = 32
ALIKE = 0.6
"""Estimated Jaccard similarity from which two attacks belong together."""

_BANDS = 8
_PRIME = (1 << 61) - 1
_WORD = re.compile(r"\w+")
_CHANCE = np.random.default_rng(20261124)
_FACTORS = _CHANCE.integers(1, 1 << 31, HASHES, dtype=np.int64)
_OFFSETS = _CHANCE.integers(0, 1 << 31, HASHES, dtype=np.int64)


class Known(NamedTuple):
    """An attack that was seen before: its campaign and its signature, hex."""

    campaign_id: str
    signature: str


def signature(text: str) -> str:
    """MinHash of a text as hex, 8 digits a hash. Numbers count as one word, so that ids do not tell texts apart."""
    words = ["0" if word.isdigit() else word for word in _WORD.findall(text.lower())]
    shingles = {" ".join(words[at : at + 2]) for at in range(max(1, len(words) - 1))}
    hashes = np.array([crc32(shingle.encode()) for shingle in shingles], np.int64)
    # Below 2^63: factors and hashes have 31 and 32 bits.
    mixed = (hashes[:, None] % (1 << 31) * _FACTORS + _OFFSETS) % _PRIME
    return "".join(f"{int(value) & 0xFFFFFFFF:08x}" for value in mixed.min(0))


def likeness(one: str, other: str) -> float:
    """Estimated Jaccard similarity of two texts by their signatures."""
    return float((_numbers(one) == _numbers(other)).mean())


def _numbers(value: str) -> NDArray[np.uint32]:
    return np.frombuffer(bytes.fromhex(value), np.uint32)


class Campaigns:
    """Finds the campaign of an attack among those that are known; a new one founds its own."""

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self._bands: dict[tuple[int, str], list[Known]] = {}
        for one in known:
            self._add(one)

    def of(self, text: str) -> Known:
        """Campaign and signature of an attack; it is remembered."""
        mark = signature(text)
        best, similarity = "", ALIKE
        for key in self._keys(mark):
            for other in self._bands.get(key, ()):
                alike = likeness(mark, other.signature)
                if alike >= similarity:
                    best, similarity = other.campaign_id, alike
        found = Known(best or hashlib.sha256(mark.encode()).hexdigest()[:12], mark)
        self._add(found)
        return found

    def _add(self, one: Known) -> None:
        for key in self._keys(one.signature):
            bucket = self._bands.setdefault(key, [])
            # A thousand copies of one attack need to be kept once.
            if one not in bucket and len(bucket) < 50:
                bucket.append(one)

    @staticmethod
    def _keys(mark: str) -> list[tuple[int, str]]:
        width = len(mark) // _BANDS
        return [(band, mark[band * width : (band + 1) * width]) for band in range(_BANDS)]
