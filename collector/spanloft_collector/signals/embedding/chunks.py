"""Cuts long texts into what the model reads at once, and pools the vectors of the pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanloft_collector.signals.embedding.base import Vectors

MAX_CHUNKS = 16
"""Pieces of one text that are embedded at the most; of a longer one, evenly spaced pieces stand for the whole."""

MAX_CHARACTERS = 120_000
"""Of a longer text the beginning and the end are read: the model's pieces could not cover the rest anyway."""


def readable(text: str) -> str:
    """``text``, or the beginning and the end of it when it is very long; never empty."""
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = f"{text[:half]} {text[-half:]}"
    # A lone surrogate can't be encoded; what it was meant to be is not known.
    return text.encode("utf-8", "replace").decode("utf-8") or " "


def chunk(tokens: Sequence[int], size: int) -> list[Sequence[int]]:
    """``tokens`` in consecutive pieces of at most ``size``, at most MAX_CHUNKS of them; one piece for no tokens."""
    starts = list(range(0, max(len(tokens), 1), size))
    if len(starts) > MAX_CHUNKS:
        chosen = np.linspace(0, len(starts) - 1, MAX_CHUNKS).round().astype(int)
        starts = [starts[place] for place in chosen]
    return [tokens[start : start + size] for start in starts]


def pool(vectors: Vectors, owners: Sequence[int], weights: Sequence[int], texts: int) -> Vectors:
    """Mean of each text's vectors, weighted by the tokens in each, scaled to length 1.

    Args:
        vectors: (chunks, dimensions).
        owners: for each chunk the position of its text.
        weights: for each chunk the number of its tokens.
        texts: number of texts.

    Returns:
        (texts, dimensions). The vector of a text of one chunk is unchanged.
    """
    if len(owners) == texts:
        return vectors
    pooled = np.zeros((texts, vectors.shape[1]), np.float32)
    np.add.at(pooled, np.asarray(owners), vectors * np.asarray(weights, np.float32)[:, None])
    norms = np.linalg.norm(pooled, axis=1, keepdims=True)
    return np.asarray(pooled / np.maximum(norms, np.finfo(np.float32).tiny), np.float32)
