"""The rhythm of a baseline: how much more than random windows its blocks of time differ from the rest of it.

Mornings are not evenings, and weekends are not weekdays. A window that is compared with random windows would raise an
alarm each Sunday. Blocks of the baseline that cover as much time as the window show how much is ordinary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from spanloft_collector.signals.drift.geometry import Doubles, Integers

DAY_S = 86_400.0
PERIODS_S = (np.inf, DAY_S, 7 * DAY_S)
"""Blocks are contiguous in time, in the time of day (over all days), and in the time of the week (over all weeks)."""
BLOCKS = 66
"""Blocks of each kind."""
_USUAL_SHARE = 0.2
"""Of the blocks may differ more than what counts as usual: a drift inside the baseline is no rhythm of it."""
_LEEWAY = 1.5
"""Without any rhythm so few independent blocks look up to so much more uneven than random windows do."""
_REPEATS = 2
"""Times that a period must lie in the baseline."""


def choose_blocks(times: Doubles, size: int, span_s: float, rng: np.random.Generator) -> list[Integers]:
    """Rows of blocks of ``size`` texts, all of one kind in a row; BLOCKS of each kind.

    Args:
        times: of each text, in seconds.
        size: texts of a block.
        span_s: time that a block covers at the least, in seconds: of more texts than ``size`` a random choice is taken.
        rng: source of chance.
    """
    kinds = [period for period in PERIODS_S if np.isinf(period) or np.ptp(times) >= _REPEATS * period]
    return [rows for period in kinds for rows in _of_period(times, period, size, span_s, rng)]


def _of_period(times: Doubles, period: float, size: int, span_s: float, rng: np.random.Generator) -> Iterator[Integers]:
    phase = times if np.isinf(period) else times % period
    order = np.argsort(phase, kind="stable")
    count, ordered = len(times), phase[order]
    if not np.isinf(period):
        # A period's end is followed by its beginning.
        order, ordered = np.concatenate([order, order]), np.concatenate([ordered, ordered + period])
    last = count - size if np.isinf(period) else count - 1
    for start in np.linspace(0, last, BLOCKS).astype(np.int64):
        end = int(np.searchsorted(ordered, ordered[start] + min(span_s, period), "left"))
        rows = order[start : min(max(end, start + size), start + count)]
        yield rows if len(rows) == size else rng.choice(rows, size, replace=False)


def unevenness(evidence: Doubles, p_value: Callable[[float], float]) -> float:
    """How many times the evidence of blocks exceeds what it is in random windows; 1 without a rhythm.

    Args:
        evidence: of blocks, as ``choose_blocks`` orders them.
        p_value: of an evidence, by random windows.
    """
    found = 1.0
    for kind in evidence.reshape(-1, BLOCKS):
        surprise = [-np.log10(p_value(float(value))) for value in kind]
        found = max(found, float(np.quantile(surprise, 1 - _USUAL_SHARE)) / -np.log10(_USUAL_SHARE) / _LEEWAY)
    return found
