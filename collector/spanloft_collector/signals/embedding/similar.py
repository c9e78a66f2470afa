"""Texts that mean nearly the same: for each the most similar one shortly before it."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import numpy.typing as npt

LIFETIME = timedelta(hours=24)
"""How long an answer would be kept for a request like it."""
THRESHOLD = 0.95
"""Cosine from which on two requests count as the same. Caches that compare meanings are run between 0.9 and 0.97."""
ALIKE = 0.9
"""Cosine from which on two answers count as alike: lower than for requests, since a model words its answers anew."""
MAX_CHARACTERS = 1_000
"""Longer texts take no part: the small models read about 250 tokens, and two long texts may begin alike."""
BLOCK = 256
_FIGURE = re.compile(r"\w*\d(?:[\w.,:/-]*\w)?")

Floats = npt.NDArray[np.float32]


def figures(text: str) -> tuple[str, ...]:
    """Words of a text that have a digit in them, in order: vectors hardly tell one order number from another."""
    return tuple(sorted(_FIGURE.findall(text.casefold())))


def nearest(
    vectors: Floats, starts_us: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Pairs (text, earlier text) of the chosen texts that have one at least THRESHOLD alike at most LIFETIME before.

    Args:
        vectors: (texts, dimensions), each of length 1.
        starts_us: (texts,) when each was sent, in microseconds.
        codes: (texts,) a number for the figures of each; texts with other figures are never alike.
        chosen: (texts,) which texts to look at; the others are only what they are compared with.
    """
    lifetime_us = LIFETIME // timedelta(microseconds=1)
    places = np.flatnonzero(chosen)
    found: list[tuple[int, int]] = []
    for begin in range(0, len(places), BLOCK):
        block = places[begin : begin + BLOCK]
        age = starts_us[block][:, None] - starts_us[None, :]
        similarity = np.where(
            (age > 0) & (age <= lifetime_us) & (codes[block][:, None] == codes[None, :]),
            vectors[block] @ vectors.T,
            -1.0,
        )
        best = similarity.argmax(axis=1)
        alike = similarity[np.arange(len(block)), best] >= THRESHOLD
        found += zip(block[alike].tolist(), best[alike].tolist(), strict=True)
    return found
