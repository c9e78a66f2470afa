"""Drift of numbers that go with texts: lengths, tokens, shares of languages and refusals, tools, retrieval scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from spanloft_collector.signals.drift.geometry import Doubles, Integers

PERMUTATIONS = 999
MIN_VALUES = 30
"""Known values that each side needs: below that nothing is said about a number."""


@dataclass(frozen=True)
class NumberDrift:
    """How a number changed."""

    name: str
    before: float
    after: float
    """Medians; means of what is 0 or 1."""
    effect: float
    """Cliff's delta, -1 to 1: how much more often a value of the window is the larger one than the smaller one."""
    p_value: float
    q_value: float


def compare_numbers(
    before: Mapping[str, Doubles],
    after: Mapping[str, Doubles],
    units: tuple[Integers, Integers],
    *,
    seed: int = 0,
) -> list[NumberDrift]:
    """Compare columns of numbers of a baseline and a window.

    Args:
        before: name -> one value for each text of the baseline, NaN where it is not known.
        after: the same for the window.
        units: sessions of the baseline's and the window's texts; they are exchanged as a whole.
        seed: of the permutations.

    Returns:
        One for each column with enough values, in order of the p-value; q-values are over these columns.
    """
    found: list[tuple[str, float, float, float, float]] = []
    for name in before:
        known = [~np.isnan(column) for column in (before[name], after[name])]
        if min(part.sum() for part in known) < MIN_VALUES:
            continue
        values = [column[part] for column, part in zip((before[name], after[name]), known, strict=True)]
        sessions = [column[part] for column, part in zip(units, known, strict=True)]
        effect, p_value = _permuted(values, sessions, np.random.default_rng(seed))
        whole = np.concatenate(values)
        middle = np.mean if np.isin(whole, (0, 1)).all() else np.median
        found.append((name, float(middle(values[0])), float(middle(values[1])), effect, p_value))
    if not found:
        return []
    q_values = stats.false_discovery_control([row[-1] for row in found])
    rows = [NumberDrift(*row, float(q)) for row, q in zip(found, q_values, strict=True)]
    return sorted(rows, key=lambda row: (row.p_value, row.name))


def _permuted(values: list[Doubles], units: list[Integers], rng: np.random.Generator) -> tuple[float, float]:
    """Cliff's delta, and its two-sided p-value when whole sessions change sides."""
    ranks = stats.rankdata(np.concatenate(values))
    # A session that reaches from the baseline into the window counts as two: it can't be cut otherwise.
    numbers = np.concatenate([np.unique(part, return_inverse=True)[1] for part in units])
    numbers[len(values[0]) :] += numbers[: len(values[0])].max() + 1
    sums = np.asarray(np.bincount(numbers, ranks), np.float64)
    sizes = np.asarray(np.bincount(numbers), np.float64)
    chosen = len(sums) - int(numbers[: len(values[0])].max() + 1)
    observed = _shift(sums[-chosen:], sizes[-chosen:], ranks)
    order: Integers = rng.permuted(np.tile(np.arange(len(sums)), (PERMUTATIONS, 1)), axis=1)[:, :chosen]
    drawn = _shift(sums[order], sizes[order], ranks)
    spread = float(drawn.std())
    if spread == 0:
        return 0.0, 1.0
    counted = (1 + int((np.abs(drawn) >= abs(observed)).sum())) / (1 + PERMUTATIONS)
    # Beyond what so few permutations can count, the normal tail goes on.
    p_value = counted if counted > 10 / PERMUTATIONS else float(2 * stats.norm.sf(abs(observed) / spread))
    rest = len(ranks) - len(values[1])
    return float(np.clip(2 * observed / rest, -1, 1)), float(np.clip(p_value, 1e-300, 1.0))


def _shift(sums: Doubles, sizes: Doubles, ranks: Doubles) -> Doubles:
    """Mean rank of a side less the mean of all."""
    return np.asarray(sums.sum(-1) / sizes.sum(-1) - ranks.mean(), np.float64)
