"""Distances between texts, in the space of the model and in the baseline's own principal space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

COMPONENTS = 64
"""Principal components that are kept: about the number of directions in which texts of one app differ."""

SAME = 1e-5
"""Squared distance up to which two vectors are those of one text, and to which distances count as equal: between copies
of two texts they are, but rounding makes them differ, by another 1e-7 for each shape of matrix."""


@dataclass(frozen=True)
class Projection:
    """Principal components of a part of the baseline that takes no part in any comparison.

    Where the components are fitted on texts that are compared afterwards, those lie closer to the components than new
    texts of the same kind do, and every new window looks drifted.
    """

    mean: Floats
    axes: Floats

    @classmethod
    def fit(cls, vectors: Floats, components: int = COMPONENTS) -> Projection:
        """Fit on ``vectors`` (n, d); axes are (d, k), k at most n - 1 and d."""
        mean = vectors.mean(0)
        covariance = np.cov(vectors.T.astype(np.float64))
        _, axes = np.linalg.eigh(np.atleast_2d(covariance))
        kept = max(1, min(components, len(vectors) - 1, vectors.shape[1]))
        return cls(mean, np.ascontiguousarray(axes[:, ::-1][:, :kept], np.float32))

    def apply(self, vectors: Floats) -> Floats:
        """Coordinates (n, k). They are not scaled to length 1: how much of a text lies outside the axes is a signal."""
        return ((vectors - self.mean) @ self.axes).astype(np.float32)


def squared_distances(left: Floats, right: Floats) -> Floats:
    """Squared Euclidean distances, shape (len(left), len(right))."""
    squares = left @ right.T
    squares *= -2
    squares += np.einsum("ij,ij->i", left, left)[:, None]
    squares += np.einsum("ij,ij->i", right, right)[None, :]
    return np.asarray(np.maximum(squares, 0, out=squares), np.float32)


def nearest(distances: Floats, neighbours: int) -> Floats:
    """Mean distance of each row to its ``neighbours`` nearest columns, squared distances given and returned."""
    count = min(neighbours, distances.shape[1])
    return np.asarray(np.partition(distances, count - 1, axis=1)[:, :count].mean(1), np.float32)


def count_rows(mask: Mask) -> Doubles:
    """How many are true in each row; as bits, which is four times as fast as one by one."""
    return np.asarray(np.bitwise_count(np.packbits(mask, axis=1)).sum(1, dtype=np.float64), np.float64)


def draws(units: Integers, size: int, rounds: int, rng: np.random.Generator) -> Iterator[Integers]:
    """Yield ``rounds`` random windows of ``size`` rows: whole units in random order, the last one cut.

    Args:
        units: for each row the number of its session; rows of one session stay together.
        size: rows of a window.
        rounds: number of windows.
        rng: source of chance.
    """
    order = np.argsort(units, kind="stable")
    numbers, starts, counts = np.unique(units[order], return_index=True, return_counts=True)
    if len(numbers) == len(units):
        for _ in range(rounds):
            yield rng.choice(len(units), size, replace=False)
        return
    for _ in range(rounds):
        chosen = rng.permutation(len(numbers))
        upto = int(np.searchsorted(np.cumsum(counts[chosen]), size)) + 1
        rows = np.concatenate([order[starts[unit] : starts[unit] + counts[unit]] for unit in chosen[:upto]])
        yield rows[:size]
