"""From a statistic to a p-value, by the values it takes in random windows of the baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from spanloft_collector.signals.drift.geometry import Doubles

MAX_EVIDENCE = 60.0
"""Evidence is -log10 p; beyond this the tail is a guess and more of it means nothing."""
_TAIL_SHARE = 0.1
GUESSED = 0.01
HEAVIER = 2.0
"""Beyond p = GUESSED so few random windows are left that the fit is a guess: the tail counts as this much heavier.
Among many series only such p-values are drifts, and a tail that is too light would make false discoveries."""
_NO_SPREAD = 1e-6
_LEAST_SKEW = 0.05


@dataclass(frozen=True)
class Shape:
    """A column's null distribution by three moments: Pearson's type III, which bends with the skew."""

    mean: float
    spread: float
    skew: float

    @classmethod
    def of(cls, values: Doubles) -> Shape:
        """Fit to the values of random windows."""
        mean, spread = float(values.mean()), float(values.std())
        if spread <= 1e-9 * max(1.0, abs(mean)):
            return cls(mean, _NO_SPREAD, _LEAST_SKEW)
        return cls(mean, spread, max(float(stats.skew(values)), _LEAST_SKEW))

    def evidence(self, values: Doubles) -> Doubles:
        """-log10 of the chance of a value as large; one for each of ``values``."""
        # A Pearson III variable is a gamma variable moved and scaled; ``stats.pearson3`` gives the same number at a
        # hundred times the cost.
        scaled = 2 / self.skew * ((values - self.mean) / self.spread + 2 / self.skew)
        chance = special.gammaincc(4 / self.skew**2, np.maximum(scaled, 0))
        return np.asarray(-np.log10(np.maximum(chance, 10.0**-MAX_EVIDENCE)), np.float64)


@dataclass(frozen=True)
class Tail:
    """The null distribution of the combined evidence: as observed, and beyond that exponential."""

    values: Doubles
    """Of random windows, sorted."""
    start: float
    slope: float

    @classmethod
    def of(cls, values: Doubles) -> Tail:
        """Fit to the values of random windows."""
        ordered = np.sort(values)
        start = float(np.quantile(ordered, 1 - _TAIL_SHARE))
        beyond = ordered[ordered > start] - start
        return cls(ordered, start, float(beyond.mean()) if len(beyond) else 1e-6)

    def p_value(self, value: float) -> float:
        """Chance of a value as large where nothing has changed."""
        count = len(self.values)
        reached = count - int(np.searchsorted(self.values, value, side="left"))
        if reached >= 10 or value <= self.start:
            return (1 + reached) / (1 + count)
        tail = _TAIL_SHARE * float(np.exp(-(value - self.start) / self.slope))
        if tail < GUESSED:
            tail = GUESSED * (tail / GUESSED) ** (1 / HEAVIER)
        # The fit may flatter a value inside the range that was seen; what was counted bounds it from below.
        return float(max(min(tail, 1.0), reached / count, 10.0**-MAX_EVIDENCE))
