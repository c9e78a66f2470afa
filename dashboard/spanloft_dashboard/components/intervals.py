"""Intervals that say how sure a mean, a share or a ratio is: percentile bootstrap, and Wilson's for shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 400
LEVEL = 0.95
_Z = 1.959964
_SEED = 20_260_101
"""Fixed, so that the same calls give the same interval on every load."""


class Interval(NamedTuple):
    """A figure and the ends of its 95 % interval; the ends are None where there are too few values."""

    value: float
    low: float | None
    high: float | None


def _resampled(values: Sequence[float], in_all: int) -> np.ndarray:
    """Means of resamples, shape (RESAMPLES,), as spread as those of ``in_all`` values are, not of the sample's."""
    sample = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(_SEED).integers(0, len(sample), (RESAMPLES, len(sample)))
    means: np.ndarray = sample[drawn].mean(axis=1)
    middle = float(sample.mean())
    return np.add(middle, (means - middle) * math.sqrt(len(sample) / max(in_all, len(sample))))


def mean(values: Sequence[float], in_all: int, whole_mean: float) -> Interval:
    """Bootstrap interval of a mean.

    Args:
        values: a random sample of the values.
        in_all: number of all values.
        whole_mean: mean of all values, around which the interval lies.
    """
    if len(values) < 2:
        return Interval(whole_mean, None, None)
    shifted = _resampled(values, in_all) - float(np.mean(values)) + whole_mean
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(shifted, [tail, 1 - tail])
    return Interval(whole_mean, float(low), float(high))


def ratio(one: Sequence[float], ones: int, other: Sequence[float], others: int) -> Interval | None:
    """Bootstrap interval of how much larger the mean of ``other`` is, as a share: 0.2 is a fifth more.

    Args:
        one: a sample of the values to compare with; ``ones`` is the number of all of them.
        ones: see ``one``.
        other: a sample of the values that are compared; ``others`` is the number of all of them.
        others: see ``other``.

    Returns:
        None where there is nothing to compare.
    """
    if len(one) < 2 or len(other) < 2 or not np.mean(one):
        return None
    # Both are resampled apart: the second draws in another order than the first.
    first, second = _resampled(one, ones), _resampled(other, others)[::-1]
    if (first <= 0).any():
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(second / first - 1, [tail, 1 - tail])
    return Interval(float(np.mean(other) / np.mean(one) - 1), float(low), float(high))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Ends of Wilson's interval of a share; ``trials`` is above 0."""
    value = successes / trials
    middle = value + _Z * _Z / (2 * trials)
    spread = _Z * math.sqrt(value * (1 - value) / trials + _Z * _Z / (4 * trials * trials))
    whole = 1 + _Z * _Z / trials
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def share(successes: int, trials: int) -> Interval:
    """A share with Wilson's interval."""
    return Interval(successes / trials, *wilson(successes, trials)) if trials else Interval(0.0, None, None)


def share_difference(one: tuple[int, int], other: tuple[int, int]) -> Interval | None:
    """Newcombe's interval of the difference of two shares, ``other`` minus ``one``; (successes, trials) each."""
    if not one[1] or not other[1]:
        return None
    (first_low, first_high), (second_low, second_high) = wilson(*one), wilson(*other)
    first, second = one[0] / one[1], other[0] / other[1]
    value = second - first
    low = value - math.hypot(second - second_low, first_high - first)
    high = value + math.hypot(second_high - second, first - first_low)
    return Interval(value, low, high)
