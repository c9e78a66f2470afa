"""The statistics that a verdict is made of, for one window and for the many random windows that calibrate it.

Each asks another question: does the whole window lie elsewhere (omnibus), is one small region fuller than the baseline
says (local), or a wide one (wide), do texts lie where the baseline has none (novelty), and are the texts written
differently (form). All of them are larger the more a window differs, and scaled so that the size of the
reference makes no difference under the null hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from spanloft_collector.signals.drift.geometry import (
    SAME,
    Doubles,
    Floats,
    Integers,
    count_rows,
    nearest,
    squared_distances,
)
from spanloft_collector.signals.drift.scan import START_RADII, focused, focused_null, local_excess

PAIR_SHARES = (0.003, 0.01, 0.03)
"""Radii of the local statistics: within them lies this share of all pairs of baseline texts."""
NEIGHBOURS = 5
NOVELTY_POWER = 4
"""A text's rank among the baseline's own distances is raised to this: the far ones count."""
PART = ("novelty", "focus")
WHOLE = (*PART, "whole", *(f"{kind} {share}" for share in PAIR_SHARES for kind in ("fullest", "full")))
"""Statistics of a space, in order."""
_SAMPLED_PAIRS = 200_000
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
    """Of each reference text to its nearest ones of other sessions, in steps of SAME, sorted: what is ordinary."""
    novelty: float
    """Mean novelty of the reference itself."""
    kernel_sum: float
    """Of all ordered pairs of different texts."""
    kernel_rows: Doubles
    degrees: Doubles
    """(radii, n): texts of the reference within each radius of each of its texts, itself included."""


def mean_discrepancy(
    inside: Doubles | float, across: Doubles | float, outside: Doubles | float, window: int, reference: int
) -> Doubles:
    """Unbiased squared MMD from sums of kernel values, scaled by what chance makes of it at these sizes."""
    raw = inside / (window * (window - 1)) - 2 * across / (window * reference)
    raw += outside / (reference * (reference - 1))
    return np.asarray(raw / (1 / window + 1 / reference), np.float64)


def novelty(distances: Floats | Doubles, known: Doubles) -> Doubles:
    """How unusual each distance is among the ``known`` steps: its rank from 0 to 1, to the power of NOVELTY_POWER."""
    return np.asarray((np.searchsorted(known, _coarse(distances)) / len(known)) ** NOVELTY_POWER, np.float64)


def _coarse(distances: Floats | Doubles) -> Doubles:
    return np.round(distances.astype(np.float64) / SAME)


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
        # A quantile may be the distance of copies: all of them lie within.
        radii = tuple(float(value) + SAME for value in np.maximum(np.quantile(pairs, PAIR_SHARES), least))
        # Where most texts are the same one, the median says nothing; where all are, neither does the mean.
        gamma = float(1 / max(np.median(pairs), pairs.mean() / 2, 1e-3))
        rows = np.exp(-gamma * squares).sum(1, dtype=np.float64) - 1
        # Same session, not only itself: a conversation's next turn is no evidence that the topic was known.
        others = squares + np.where(units[:, None] == units[None, :], np.float32(np.inf), np.float32(0))
        apart = nearest(others, NEIGHBOURS)
        known = np.sort(_coarse(apart))
        ranks = novelty(apart, known)
        degrees = np.stack([count_rows(squares < radius) for radius in radii])
        space = Space(points, radii, gamma, known, float(ranks.mean()), float(rows.sum()), rows, degrees)
        return cls(space, squares, ranks)

    def null(self, windows: Floats, *, whole: bool = True) -> Doubles:
        """Statistics of random windows of the reference against the rest of it.

        Args:
            windows: (n, rounds), 1 where a text belongs to the random window of that round.
            whole: all statistics; else those of PART only.

        Returns:
            (rounds, columns), in the order of ``compare``.
        """
        size = int(windows[:, 0].sum())
        rest = len(windows) - size
        rows = np.nonzero(windows.T)[1].reshape(-1, size)
        radii = self.space.radii if whole else self.space.radii[:START_RADII]
        ratios = [_null_local(self.squares, radius, windows, rows) for radius in radii]
        drawn = self.ranks @ windows
        columns = [
            difference(drawn / size, (self.ranks.sum() - drawn) / rest, size, rest),
            focused_null(self.space.points, self.squares, rows, ratios, self.space.radii),
        ]
        if whole:
            columns.append(self._null_discrepancy(windows, size, rest))
            for ratio in ratios:
                columns += [ratio.max(1), ratio.mean(1)]
        return np.stack(columns, 1)

    def _null_discrepancy(self, windows: Floats, size: int, rest: int) -> Doubles:
        kernel = np.exp(-self.space.gamma * self.squares)
        np.fill_diagonal(kernel, 0)
        inside = np.einsum("ir,ir->r", kernel @ windows, windows).astype(np.float64)
        touched = self.space.kernel_rows @ windows
        outside = self.space.kernel_sum - 2 * touched + inside
        return mean_discrepancy(inside, touched - inside, outside, size, rest)


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


def compare(space: Space, points: Floats, *, whole: bool = True) -> Comparison:
    """Statistics of one window whose ``points`` (m, k) are not part of the reference; see ``Reference.null``."""
    size, count = len(points), len(space.points)
    inner, across = squared_distances(points, points), squared_distances(points, space.points)
    radii = space.radii if whole else space.radii[:START_RADII]
    excess = np.empty((size, len(radii)))
    for column, radius in enumerate(radii):
        full, before = (count_rows(squares < radius) for squares in (inner, across))
        excess[:, column] = local_excess(full - 1.0, before, size, count)
    apart = novelty(nearest(across, NEIGHBOURS), space.distances)
    values = [difference(apart.mean(), space.novelty, size, count)]
    values.append(focused(points, space.points, inner, excess, space.radii))
    if whole:
        inside = np.exp(-space.gamma * inner).sum(dtype=np.float64) - size
        between = np.exp(-space.gamma * across).sum(dtype=np.float64)
        values.append(mean_discrepancy(inside, between, space.kernel_sum, size, count))
        for ratios in excess.T:
            values += [ratios.max(), ratios.mean()]
    return Comparison(np.array(values, np.float64), excess, inner, across)
