"""The statistics that a verdict is made of, for one window and for the many random windows that calibrate it.

Each asks another question: does the whole window lie elsewhere (omnibus), is one small region fuller than the baseline
says (local), are many regions a little fuller (excess), do texts lie where the baseline has none (novelty), and are the
texts written differently (form). All of them are larger the more a window differs, and scaled so that the size of the
reference makes no difference under the null hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from spanloft_collector.signals.drift.geometry import Doubles, Floats, Integers, nearest, squared_distances
from spanloft_collector.signals.drift.scan import focused, focused_null, local_excess

PAIR_SHARES = (0.003, 0.01, 0.03)
"""Radii of the local statistics: within them lies this share of all pairs of baseline texts."""
NEIGHBOURS = 5
NOVELTY_POWER = 4
"""A text's rank among the baseline's own distances is raised to this: the far ones count."""
_SAMPLED_PAIRS = 200_000
_SAME = 1e-5
"""Squared distance up to which two vectors are those of one text."""
_LEAST_RADII = (0.2, 0.35, 0.5)
"""Radii as shares of the median squared distance, at the least: where most texts come from a few templates, the closest
pairs say nothing about how wide a topic is."""


@dataclass(frozen=True)
class Space:
    """A reference in one space, and what of it a window is compared with."""

    points: Floats
    radii: tuple[float, ...]
    """Squared distances."""
    gamma: float
    """Of the kernel exp(-gamma d²): one over the median squared distance."""
    distances: Doubles
    """Of each reference text to its nearest ones of other sessions, sorted: what is ordinary."""
    novelty: float
    """Mean novelty of the reference itself."""
    kernel_sum: float
    """Of all ordered pairs of different texts."""
    kernel_rows: Doubles


def mean_discrepancy(
    inside: Doubles | float, across: Doubles | float, outside: Doubles | float, window: int, reference: int
) -> Doubles:
    """Unbiased squared MMD from sums of kernel values, scaled by what chance makes of it at these sizes."""
    raw = inside / (window * (window - 1)) - 2 * across / (window * reference)
    raw += outside / (reference * (reference - 1))
    return np.asarray(raw / (1 / window + 1 / reference), np.float64)


def novelty(distances: Floats | Doubles, known: Doubles) -> Doubles:
    """How unusual each distance is among the ``known``: its rank from 0 to 1, to the power of NOVELTY_POWER."""
    return np.asarray((np.searchsorted(known, distances) / len(known)) ** NOVELTY_POWER, np.float64)


def difference(window_mean: Doubles | float, reference_mean: Doubles | float, window: int, reference: int) -> Doubles:
    """Difference of two means in units of one text's spread at these sizes."""
    return np.asarray((window_mean - reference_mean) / np.sqrt(1 / window + 1 / reference), np.float64)


@dataclass(frozen=True)
class Reference:
    """A space together with the distances in it, which only the calibration needs."""

    space: Space
    squares: Floats
    ranks: Doubles
    """Novelty of each text of the reference."""

    @classmethod
    def of(cls, points: Floats, units: Integers, rng: np.random.Generator) -> Reference:
        """Measure a reference.

        Args:
            points: (n, k).
            units: for each text the number of its session.
            rng: source of chance.
        """
        squares = squared_distances(points, points)
        left, right = rng.integers(len(points), size=(2, _SAMPLED_PAIRS))
        pairs = squares[left, right][units[left] != units[right]]
        if not len(pairs):
            pairs = squares[left, right]
        least = np.median(pairs) * np.array(_LEAST_RADII)
        radii = tuple(float(value) for value in np.maximum(np.quantile(pairs, PAIR_SHARES), np.maximum(least, _SAME)))
        # Where most texts are the same one, the median says nothing; where all are, neither does the mean.
        gamma = float(1 / max(np.median(pairs), pairs.mean() / 2, 1e-3))
        rows = np.exp(-gamma * squares).sum(1, dtype=np.float64) - 1
        # Same session, not only itself: a conversation's next turn is no evidence that the topic was known.
        others = squares + np.where(units[:, None] == units[None, :], np.float32(np.inf), np.float32(0))
        apart = nearest(others, NEIGHBOURS).astype(np.float64)
        known = np.sort(apart)
        ranks = novelty(apart, known)
        return cls(Space(points, radii, gamma, known, float(ranks.mean()), float(rows.sum()), rows), squares, ranks)

    def null(self, windows: Floats) -> Doubles:
        """Statistics of random windows of the reference against the rest of it.

        Args:
            windows: (n, rounds), 1 where a text belongs to the random window of that round.

        Returns:
            (rounds, 3 + 2 * len(PAIR_SHARES)), in the order of ``compare``.
        """
        size, count = int(windows[:, 0].sum()), len(windows)
        rest = count - size
        kernel = np.exp(-self.space.gamma * self.squares)
        np.fill_diagonal(kernel, 0)
        inside = np.einsum("ir,ir->r", kernel @ windows, windows).astype(np.float64)
        touched = self.space.kernel_rows @ windows
        outside = self.space.kernel_sum - 2 * touched + inside
        columns = [mean_discrepancy(inside, touched - inside, outside, size, rest)]
        drawn = self.ranks @ windows
        columns.append(difference(drawn / size, (self.ranks.sum() - drawn) / rest, size, rest))
        rows = np.nonzero(windows.T)[1].reshape(-1, size)
        ratios = [_null_local(self.squares, radius, windows, rows) for radius in self.space.radii]
        for ratio in ratios:
            columns += [ratio.max(1), ratio.mean(1)]
        columns.append(focused_null(self.space.points, self.squares, rows, ratios, self.space.radii))
        return np.stack(columns, 1)


def _null_local(squares: Floats, radius: float, windows: Floats, rows: Integers) -> Doubles:
    close = squares < radius
    np.fill_diagonal(close, False)
    degree = close.sum(1)
    counts = scipy.sparse.csr_matrix(close, dtype=np.float32) @ windows
    inside = np.take_along_axis(counts.T, rows, 1).astype(np.float64)
    size = rows.shape[1]
    return local_excess(inside, degree[rows] - inside, size, len(squares) - size)


@dataclass(frozen=True)
class Comparison:
    """A window against a space: its statistics, in the order of ``Reference.null``, and what topics are found with."""

    statistics: Doubles
    excess: Doubles
    """(window, len(PAIR_SHARES)): log-likelihood ratio of each text's neighbourhood at each radius."""
    inner: Floats
    """Squared distances within the window."""
    across: Floats
    """Squared distances (window, reference)."""


def compare(space: Space, points: Floats) -> Comparison:
    """Statistics of one window whose ``points`` (m, k) are not part of the reference."""
    size, count = len(points), len(space.points)
    inner, across = squared_distances(points, points), squared_distances(points, space.points)
    inside = np.exp(-space.gamma * inner).sum(dtype=np.float64) - size
    between = np.exp(-space.gamma * across).sum(dtype=np.float64)
    values = [mean_discrepancy(inside, between, space.kernel_sum, size, count)]
    apart = novelty(nearest(across, NEIGHBOURS), space.distances)
    values.append(difference(apart.mean(), space.novelty, size, count))
    excess = np.empty((size, len(space.radii)))
    for column, radius in enumerate(space.radii):
        full = (inner < radius).sum(1) - 1.0
        excess[:, column] = local_excess(full, (across < radius).sum(1).astype(np.float64), size, count)
        values += [excess[:, column].max(), excess[:, column].mean()]
    values.append(focused(points, space.points, inner, excess, space.radii))
    return Comparison(np.array(values, np.float64), excess, inner, across)
